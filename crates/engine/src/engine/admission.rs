//! Which calls may run, and in what order. The order is that of the calls, however their tasks are
//! scheduled later.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::FutureExt;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::waiting::{Room, Waiting};
use crate::{error::EngineError, plan::LimitError};

/// The permits of an engine, and its life.
pub(super) struct Admission {
    permits: Arc<Semaphore>,
    /// Orders the file calls among themselves, and before the executions that come later.
    files: Arc<Semaphore>,
    waiting: Waiting,
    life: Mutex<Life>,
}

/// What ends the calls of an engine.
#[derive(Default)]
struct Life {
    /// Ends the calls of every engine of one owner, now and later.
    owner: CancellationToken,
    /// Cancelled by `stop` or with the owner. `stop` then replaces it: a stopped engine may be used again.
    current: CancellationToken,
}

impl Admission {
    /// Largest number of executions at a time.
    pub(super) const MAX: usize = Semaphore::MAX_PERMITS;

    /// Admits at most `limit` executions at a time. Those that wait may have `waiting_bytes` together.
    pub(super) fn new(limit: usize, waiting_bytes: Option<u64>) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(limit)),
            files: Arc::new(Semaphore::new(1)),
            waiting: Waiting::new(waiting_bytes),
            life: Mutex::default(),
        }
    }

    /// Registers the call of an execution. It takes its positions in the queues now. `bytes` counts what its request has,
    /// which only a call that has to wait needs.
    pub(super) fn call(&self, bytes: impl FnOnce() -> u64) -> Call {
        let position = QueuePosition::taken(&self.permits);
        let files = QueuePosition::taken(&self.files);
        let waits = position.waits() || files.waits();
        self.registered(position, files, waits.then(bytes))
    }

    /// Registers a file call with `bytes`. It waits for other file calls only, or for the session.
    pub(super) fn file_call(&self, bytes: u64) -> Call {
        let position = QueuePosition::taken(&self.permits);
        let files = QueuePosition::taken(&self.files);
        let waits = files.waits();
        self.registered(position, files, waits.then_some(bytes))
    }

    fn registered(
        &self,
        position: QueuePosition,
        files: QueuePosition,
        waiting_bytes: Option<u64>,
    ) -> Call {
        Call {
            position,
            files,
            room: waiting_bytes
                .map(|bytes| self.waiting.enter(bytes))
                .transpose(),
            life: self.life().current.clone(),
        }
    }

    /// Ties the calls that begin from now on to `owner`. Nothing ends those that have begun.
    pub(super) fn end_with(&self, owner: CancellationToken) {
        let current = owner.child_token();
        *self.life() = Life { owner, current };
    }

    /// Ends every call so far.
    pub(super) fn end_all(&self) {
        let ended = {
            let mut life = self.life();
            let next = life.owner.child_token();
            std::mem::replace(&mut life.current, next)
        };
        ended.cancel();
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The memory that a waiting call counts, `None` for a call that need not wait, or the error of a call for which there is
/// no room.
pub(super) type WaitingRoom = Result<Option<Room>, LimitError>;

/// A permit that the semaphore gives later.
type PendingPermit =
    Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send>>;

/// One call of an engine.
pub(super) struct Call {
    /// Its position among the executions.
    pub(super) position: QueuePosition,
    /// Its position among the file calls. An execution only waits for it; a file call keeps its permit.
    pub(super) files: QueuePosition,
    /// What it holds while it waits, or why it may not wait.
    pub(super) room: WaitingRoom,
    /// Cancelled when the engine is stopped.
    pub(super) life: CancellationToken,
}

/// The position of a call in a queue. Dropping it leaves the queue.
pub(super) enum QueuePosition {
    Decided(Result<OwnedSemaphorePermit, AcquireError>),
    Waiting(PendingPermit),
}

impl QueuePosition {
    fn taken(permits: &Arc<Semaphore>) -> Self {
        let mut waiting: PendingPermit = Box::pin(Arc::clone(permits).acquire_owned());
        // A fair semaphore queues whoever polls it. Outside the budget of the caller's task, or the
        // poll might do nothing.
        let polled = tokio::task::unconstrained(&mut waiting).now_or_never();
        match polled {
            Some(admitted) => Self::Decided(admitted),
            None => Self::Waiting(waiting),
        }
    }

    fn waits(&self) -> bool {
        matches!(self, Self::Waiting(_))
    }

    /// Waits until this call may run: as long as its permit is not dropped.
    pub(super) async fn permit(self) -> Result<OwnedSemaphorePermit, EngineError> {
        let decided = match self {
            Self::Decided(decided) => decided,
            Self::Waiting(waiting) => waiting.await,
        };
        // The semaphore is never closed.
        decided.map_err(|_| EngineError::Stopped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn turns_come_in_the_order_of_the_calls_not_of_the_waiting() {
        let admission = Admission::new(1, None);
        let first = admission.call(|| 0).position.permit().await.unwrap();
        let (second, third) = (admission.call(|| 0), admission.call(|| 0));
        let mut third = Box::pin(third.position.permit());
        assert!((&mut third).now_or_never().is_none());
        drop(first);
        assert!((&mut third).now_or_never().is_none());
        let second = second.position.permit().now_or_never().unwrap().unwrap();
        drop(second);
        assert!(third.now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_call_that_is_given_up_leaves_the_queue() {
        let admission = Admission::new(1, None);
        let first = admission.call(|| 0);
        let second = admission.call(|| 0);
        let third = admission.call(|| 0);
        drop(second);
        drop(first);
        assert!(third.position.permit().now_or_never().is_some());
    }

    #[tokio::test]
    async fn only_calls_that_wait_have_a_limit_and_one_that_may_not_wait_leaves_the_queue() {
        let admission = Admission::new(1, Some(10_000));
        let first = admission.call(|| 1 << 30);
        assert!(matches!(first.room, Ok(None)));
        let second = admission.call(|| 1000);
        assert!(matches!(second.room, Ok(Some(_))));
        let third = admission.call(|| 6000);
        assert!(third.room.is_err());
        drop(third);
        let fourth = admission.call(|| 100);
        assert!(fourth.room.is_ok());
        drop((first, second));
        assert!(fourth.position.permit().now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_stop_ends_the_calls_before_it_only() {
        let admission = Admission::new(1, None);
        let before = admission.call(|| 0);
        admission.end_all();
        let after = admission.call(|| 0);
        assert!(before.life.is_cancelled());
        assert!(!after.life.is_cancelled());
    }

    #[tokio::test]
    async fn the_end_of_the_owner_ends_its_calls_also_after_a_stop() {
        let owner = CancellationToken::new();
        let admission = Admission::new(1, None);
        admission.end_with(owner.clone());
        admission.end_all();
        let before = admission.call(|| 0);
        assert!(!before.life.is_cancelled());
        owner.cancel();
        assert!(before.life.is_cancelled());
        assert!(
            admission.call(|| 0).life.is_cancelled(),
            "nothing begins later"
        );
    }
}
