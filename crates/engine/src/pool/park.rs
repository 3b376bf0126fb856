//! Parking the interpreter of a clean sandbox, in the background and out of the way of programs.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread::available_parallelism,
    time::Duration,
};

use isol8_protocol::{ErrorKind, ParkRequest};
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use crate::{error::EngineError, sandbox::Parker};

/// How long parking waits for a processor that no program uses. A program that has run longer is a
/// resident one, and may well be idle.
const PATIENCE: Duration = Duration::from_millis(250);

/// Failures in a row after which a pool no longer parks: its image has no such interpreter, or one
/// that does not know its launcher.
const MAX_FAILURES: usize = 2;

/// What a pool parks.
pub(super) struct Parking {
    request: ParkRequest,
    failures: AtomicUsize,
}

impl Parking {
    pub(super) fn new(request: ParkRequest) -> Self {
        Self {
            request,
            failures: AtomicUsize::new(0),
        }
    }

    /// Parks in the sandbox of `parker` as soon as there is a processor for it.
    pub(super) async fn park(&self, parker: Parker) {
        if self.failures.load(Ordering::Relaxed) >= MAX_FAILURES {
            return;
        }
        let _busy = PROCESSORS.when_free(Instant::now() + PATIENCE).await;
        match parker.park(self.request.clone()).await {
            Ok(()) => self.failures.store(0, Ordering::Relaxed),
            // Its program was faster, or it is gone.
            Err(
                EngineError::SandboxLost
                | EngineError::Refused {
                    kind: ErrorKind::Denied,
                    ..
                },
            ) => {}
            Err(error) => {
                tracing::debug!(%error, "the interpreter cannot be parked");
                self.failures.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// The processors that the sandboxes of this process use.
static PROCESSORS: LazyLock<Processors> = LazyLock::new(|| Processors {
    limit: available_parallelism().map_or(1, std::num::NonZero::get),
    busy: AtomicUsize::new(0),
    freed: Notify::new(),
});

/// How many of a number of processors are busy, by count of what runs.
struct Processors {
    limit: usize,
    busy: AtomicUsize,
    freed: Notify,
}

impl Processors {
    /// Counts something in when there is room for it, or at `latest` without.
    async fn when_free(&'static self, latest: Instant) -> Busy {
        while self.busy.load(Ordering::Relaxed) >= self.limit {
            if timeout_at(latest, self.freed.notified()).await.is_err() {
                break;
            }
        }
        self.occupy()
    }

    fn occupy(&'static self) -> Busy {
        self.busy.fetch_add(1, Ordering::Relaxed);
        Busy(self)
    }
}

/// A processor in use, until dropped.
pub(super) struct Busy(&'static Processors);

/// Counts in a program that is about to run; it is never made to wait.
pub(super) fn program_runs() -> Busy {
    PROCESSORS.occupy()
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
        self.0.freed.notify_one();
    }
}
