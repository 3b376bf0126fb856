//! Whether sandboxes can be started. Everybody may ask this, so the backend is not asked each time.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

/// The last answer of the backend.
pub(crate) struct Readiness {
    /// How long an answer holds.
    lifetime: Duration,
    last: Mutex<Option<(Instant, bool)>>,
}

impl Readiness {
    /// No answer yet. Each will hold for `lifetime`.
    pub(crate) fn new(lifetime: Duration) -> Self {
        Self {
            lifetime,
            last: Mutex::default(),
        }
    }

    /// The last answer while it holds, else that of `probe`. Simultaneous calls share one.
    pub(crate) async fn check(&self, probe: impl Future<Output = bool>) -> bool {
        let mut last = self.last.lock().await;
        if let Some((at, is_ready)) = *last
            && at.elapsed() < self.lifetime
        {
            return is_ready;
        }
        let is_ready = probe.await;
        *last = Some((Instant::now(), is_ready));
        is_ready
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn simultaneous_calls_share_an_answer_while_it_holds() {
        let probes = AtomicUsize::new(0);
        let probe = || {
            let probes = &probes;
            async move {
                tokio::task::yield_now().await;
                probes.fetch_add(1, Ordering::Relaxed) == 0
            }
        };
        let readiness = Readiness::new(Duration::MAX);
        let calls = (0..10).map(|_| readiness.check(probe()));
        assert_eq!(futures::future::join_all(calls).await, [true; 10]);
        assert_eq!(probes.load(Ordering::Relaxed), 1);
        let readiness = Readiness::new(Duration::ZERO);
        for _ in 0..2 {
            assert!(!readiness.check(probe()).await);
        }
        assert_eq!(probes.load(Ordering::Relaxed), 3);
    }
}
