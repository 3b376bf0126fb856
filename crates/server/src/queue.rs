//! The line in front of the engines: how many executions run at a time, how many wait for how long, and whose turn
//! comes next.

mod line;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use self::line::{Line, Share};
use crate::{
    callers::{Caller, Owner},
    error::ApiError,
    limits::has_room,
    sessions::SessionLease,
};

/// The line of a server.
pub(crate) struct Queue {
    line: Arc<Mutex<Line<oneshot::Sender<ServerTurn>>>>,
    waiting: Mutex<HashMap<Owner, usize>>,
    /// Most that wait; none when there is no limit.
    max_size: Option<usize>,
    /// Longest that one waits.
    timeout: Duration,
    /// Cancelled when nobody's turn comes any more.
    draining: CancellationToken,
}

/// The turn of an execution, which lasts until this is dropped.
pub(crate) struct Turn {
    _of_session: Option<OwnedSemaphorePermit>,
    _of_server: ServerTurn,
}

/// One of the server's turns.
struct ServerTurn {
    line: Arc<Mutex<Line<oneshot::Sender<Self>>>>,
    owner: Owner,
}

impl Drop for ServerTurn {
    fn drop(&mut self) {
        lock(&self.line).end(&self.owner);
        hand_out(&self.line);
    }
}

/// The state of the line, as far as it concerns the caller. Answer of `GET /queue/status`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueueStatus {
    /// How many more executions could begin at once. Of a tenant: how many more of its own it may have.
    available: usize,
    /// How many wait. Of a tenant: its own.
    pending: usize,
    /// How many may run at a time.
    max_concurrent: usize,
    /// Most that may wait. To the operator, 0 means that there is no limit. Of a tenant: most of its own, and 0 means that none
    /// of them may wait.
    max_size: usize,
    /// Longest that one waits, in milliseconds.
    timeout_ms: u64,
}

/// One that waits, until it is dropped.
struct Waiting<'a> {
    counts: &'a Mutex<HashMap<Owner, usize>>,
    owner: &'a Owner,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut counts = lock(self.counts);
        if let Some(count) = counts.get_mut(self.owner) {
            *count -= 1;
            if *count == 0 {
                counts.remove(self.owner);
            }
        }
    }
}

/// One that waits in the line. Dropping it leaves the line.
struct InLine<'a> {
    line: &'a Arc<Mutex<Line<oneshot::Sender<ServerTurn>>>>,
    owner: &'a Owner,
    ticket: u64,
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        lock(self.line).leave(self.owner, self.ticket);
    }
}

impl Queue {
    /// A line in which `max_size` (any number when it is 0) wait at most `timeout` each, for one of
    /// `max_concurrent` turns. Nobody's turn comes after `draining`.
    pub(crate) fn new(
        max_concurrent: usize,
        max_size: usize,
        timeout: Duration,
        draining: CancellationToken,
    ) -> Self {
        Self {
            line: Arc::new(Mutex::new(Line::new(max_concurrent))),
            waiting: Mutex::default(),
            max_size: (max_size > 0).then_some(max_size),
            timeout,
            draining,
        }
    }

    /// Waits for the turn of an execution: first in its session, so that calls which wait for each other
    /// take no turn from others, then in the server. Dropping the future leaves the line.
    pub(crate) async fn turn(
        &self,
        caller: &Caller,
        session: Option<&SessionLease>,
    ) -> Result<Turn, ApiError> {
        if self.draining.is_cancelled() {
            return Err(ApiError::Closing);
        }
        let owner = &caller.owner;
        let share = Share {
            weight: caller.policy.weight,
            limit: caller.policy.max_concurrent,
            spared: caller.policy.spared,
            kept: caller.policy.kept,
        };
        let mut of_session = session.and_then(SessionLease::try_turn);
        let is_first = session.is_none() || of_session.is_some();
        if is_first && lock(&self.line).try_begin(owner, share) {
            return Ok(Turn {
                _of_session: of_session,
                _of_server: self.begun(owner),
            });
        }
        let _waiting = self.wait(caller)?;
        let turn = async {
            if let (Some(session), None) = (session, &of_session) {
                of_session = Some(session.turn().await?);
            }
            Ok(Turn {
                _of_session: of_session.take(),
                _of_server: self.server_turn(owner, share).await?,
            })
        };
        tokio::select! {
            biased;
            () = self.draining.cancelled() => Err(ApiError::Closing),
            turn = turn => turn,
            () = tokio::time::sleep(self.timeout) => Err(self.timed_out()),
        }
    }

    /// Waits for the turn of a file of a session, which needs none of the session's: files can be written and read while
    /// a program runs.
    pub(crate) async fn turn_of_file(
        &self,
        caller: &Caller,
        session: &SessionLease,
    ) -> Result<Turn, ApiError> {
        let turn = async {
            session.begun().await?;
            self.turn(caller, None).await
        };
        let turn = tokio::time::timeout(self.timeout, turn).await;
        turn.map_err(|_| self.timed_out())?
    }

    fn timed_out(&self) -> ApiError {
        ApiError::QueueTimeout {
            ms: self.timeout.as_millis(),
        }
    }

    async fn server_turn(&self, owner: &Owner, share: Share) -> Result<ServerTurn, ApiError> {
        let (sender, mut turn) = oneshot::channel();
        let ticket = lock(&self.line).wait(owner, share, sender);
        let _in_line = InLine {
            line: &self.line,
            owner,
            ticket,
        };
        hand_out(&self.line);
        (&mut turn).await.map_err(|_| ApiError::Closing)
    }

    fn begun(&self, owner: &Owner) -> ServerTurn {
        ServerTurn {
            line: Arc::clone(&self.line),
            owner: owner.clone(),
        }
    }

    fn wait<'a>(&'a self, caller: &'a Caller) -> Result<Waiting<'a>, ApiError> {
        let mut counts = lock(&self.waiting);
        let all: usize = counts.values().sum();
        let own = counts.get(&caller.owner).copied().unwrap_or(0);
        let limit = caller.policy.max_waiting;
        if own >= limit {
            return Err(ApiError::tenant_limit("maxWaiting", &limit, None));
        }
        let max_size = self.max_size.unwrap_or(usize::MAX);
        if !has_room(&caller.owner, own, all, max_size) {
            return Err(ApiError::QueueFull);
        }
        *counts.entry(caller.owner.clone()).or_default() += 1;
        drop(counts);
        Ok(Waiting {
            counts: &self.waiting,
            owner: &caller.owner,
        })
    }

    /// How many run, and how many wait.
    pub(crate) fn count(&self) -> (usize, usize) {
        let running = lock(&self.line).taken();
        (running, lock(&self.waiting).values().sum())
    }

    /// The state of the line, as far as it concerns `caller`. A tenant learns nothing of others.
    pub(crate) fn status(&self, caller: &Caller) -> QueueStatus {
        let limit = caller.policy.max_concurrent;
        let line = lock(&self.line);
        let all = self.max_size.unwrap_or(0);
        let (pending, available, max_size) = match caller.owner {
            Owner::Operator => (lock(&self.waiting).values().sum(), line.free(), all),
            Owner::Tenant(_) => {
                let own = lock(&self.waiting).get(&caller.owner).copied();
                let left = limit.saturating_sub(line.running(&caller.owner));
                // Those that wait leave room for as many of others.
                let most = self.max_size.unwrap_or(usize::MAX).div_ceil(2);
                (own.unwrap_or(0), left, caller.policy.max_waiting.min(most))
            }
        };
        QueueStatus {
            available,
            pending,
            max_concurrent: limit,
            max_size,
            timeout_ms: u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// Gives the turns that are free to those who wait for them.
fn hand_out(line: &Arc<Mutex<Line<oneshot::Sender<ServerTurn>>>>) {
    loop {
        // Not held while a turn is sent: whoever has gone gives it back at once.
        let next = lock(line).next();
        let Some((owner, sender)) = next else { return };
        let turn = ServerTurn {
            line: Arc::clone(line),
            owner,
        };
        let _ = sender.send(turn);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
