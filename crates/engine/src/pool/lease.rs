//! Taking a sandbox out of a pool, and giving it back.

use tokio::sync::oneshot;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::{handle::Pool, processors::Busy, state::Action};
use crate::{error::EngineError, sandbox::Sandbox};

/// A sandbox lent out by a pool; it goes back when dropped.
pub struct Lease {
    sandbox: Option<Sandbox>,
    pool: Pool,
    _busy: Busy,
    /// Makes [`Pool::close`] wait for this lease.
    _running: TaskTrackerToken,
}

impl Pool {
    /// A clean sandbox: one that is ready, or the first that becomes so.
    ///
    /// Dropping the future half way loses nothing: the sandbox goes to the next.
    pub async fn acquire(&self) -> Result<Lease, EngineError> {
        loop {
            let (waiter, handed) = oneshot::channel();
            let actions = self.state().acquire(waiter);
            let ready = actions
                .iter()
                .any(|action| matches!(action, Action::Give(..)));
            self.carry_out(actions);
            let sandbox = handed.await.map_err(|_| EngineError::Stopped)??;
            self.refill_later();
            let lease = Lease::new(self, sandbox);
            // A guest may have died while it was idle, for example killed by an administrator.
            if lease.sandbox().is_alive() {
                let sandbox = lease.sandbox();
                tracing::debug!(
                    container = sandbox.id(),
                    from = if ready {
                        "the pool"
                    } else {
                        "a start or a reset"
                    },
                    interpreter_started = sandbox.is_parked(),
                    "sandbox taken"
                );
                return Ok(lease);
            }
            tracing::debug!("an idle sandbox was lost; taking another");
            drop(lease.into_sandbox());
        }
    }
}

impl Lease {
    fn new(pool: &Pool, sandbox: Sandbox) -> Self {
        Self {
            sandbox: Some(sandbox),
            pool: pool.clone(),
            _busy: pool.0.processors.occupy(),
            _running: pool.0.tasks.token(),
        }
    }

    /// The sandbox.
    #[must_use]
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "only `into_sandbox` and `drop` take it, and nothing can follow these"
    )]
    pub fn sandbox(&self) -> &Sandbox {
        self.sandbox
            .as_ref()
            .expect("a lease holds its sandbox until it ends")
    }

    /// Takes the sandbox out of the pool for good.
    #[must_use]
    pub fn into_sandbox(mut self) -> Option<Sandbox> {
        self.sandbox.take()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(sandbox) = self.sandbox.take() else {
            return;
        };
        let actions = if sandbox.is_alive() {
            self.pool.state().released(sandbox)
        } else {
            vec![Action::Destroy(sandbox)]
        };
        if tokio::runtime::Handle::try_current().is_ok() {
            self.pool.carry_out(actions);
        }
    }
}
