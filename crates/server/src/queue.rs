//! The line in front of the engines: how many executions run at a time, and how many wait for how long.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::{error::ApiError, sessions::SessionLease};

/// The line of a server. Its order is that of arrival.
pub(crate) struct Queue {
    permits: Arc<Semaphore>,
    max_concurrent: usize,
    /// Most that wait; none when there is no limit.
    max_size: Option<usize>,
    /// Longest that one waits.
    timeout: Duration,
    waiting: AtomicUsize,
    /// Cancelled when nobody's turn comes any more.
    draining: CancellationToken,
}

/// The turn of an execution, which lasts until this is dropped.
pub(crate) struct Turn {
    _of_session: Option<OwnedSemaphorePermit>,
    _of_server: OwnedSemaphorePermit,
}

/// The state of the line. Answer of `GET /queue/status`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueueStatus {
    /// How many more executions could begin at once.
    available: usize,
    /// How many wait.
    pending: usize,
    /// How many may run at a time.
    max_concurrent: usize,
    /// Most that may wait; 0 when there is no limit.
    max_size: usize,
    /// Longest that one waits, in milliseconds.
    timeout_ms: u64,
}

/// One that waits, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Queue {
    /// A line in which `max_size` (any number when it is 0) wait at most `timeout` each, for one of
    /// `max_concurrent` turns. Nobody's turn comes after
    /// `draining`.
    pub(crate) fn new(
        max_concurrent: usize,
        max_size: usize,
        timeout: Duration,
        draining: CancellationToken,
    ) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(max_concurrent)),
            max_concurrent,
            max_size: (max_size > 0).then_some(max_size),
            timeout,
            waiting: AtomicUsize::new(0),
            draining,
        }
    }

    /// Waits for the turn of an execution: first in its session, so that calls which wait for each other
    /// take no turn from others, then in the server. Dropping the future leaves the line.
    pub(crate) async fn turn(&self, session: Option<&SessionLease>) -> Result<Turn, ApiError> {
        if self.draining.is_cancelled() {
            return Err(ApiError::Closing);
        }
        let mut of_session = session.and_then(SessionLease::try_turn);
        let is_first = session.is_none() || of_session.is_some();
        if is_first && let Ok(of_server) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(Turn {
                _of_session: of_session,
                _of_server: of_server,
            });
        }
        let _waiting = self.wait()?;
        let turn = async {
            if let (Some(session), None) = (session, &of_session) {
                of_session = Some(session.turn().await?);
            }
            let permit = Arc::clone(&self.permits).acquire_owned().await;
            Ok(Turn {
                _of_session: of_session.take(),
                _of_server: permit.map_err(|_| ApiError::Closing)?,
            })
        };
        tokio::select! {
            biased;
            () = self.draining.cancelled() => Err(ApiError::Closing),
            turn = turn => turn,
            () = tokio::time::sleep(self.timeout) => Err(ApiError::QueueTimeout {
                ms: self.timeout.as_millis(),
            }),
        }
    }

    fn wait(&self) -> Result<Waiting<'_>, ApiError> {
        let more = |waiting| {
            let has_room = self.max_size.is_none_or(|limit| waiting < limit);
            has_room.then_some(waiting + 1)
        };
        let entered = self
            .waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        entered
            .map(|_| Waiting(&self.waiting))
            .map_err(|_| ApiError::QueueFull)
    }

    /// The state of the line.
    pub(crate) fn status(&self) -> QueueStatus {
        QueueStatus {
            available: self.permits.available_permits(),
            pending: self.waiting.load(Ordering::Relaxed),
            max_concurrent: self.max_concurrent,
            max_size: self.max_size.unwrap_or(0),
            timeout_ms: u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX),
        }
    }
}
