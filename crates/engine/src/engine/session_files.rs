//! Files of a session, written and read in the order of its calls.

use tokio::sync::{MutexGuard, OwnedSemaphorePermit};

use super::{
    admission::{Call, QueuePosition},
    lifecycle::Engine,
    session::{LiveSession, SessionState},
};
use crate::{error::EngineError, execution, options::Mode, plan::in_sandbox};

impl Engine {
    /// Creates or replaces a file in the sandbox of a persistent engine, with its parent folders.
    /// The call takes its position in the queue at once, not when the future is first polled.
    pub fn put_file<P, D>(
        &self,
        path: P,
        data: D,
    ) -> impl Future<Output = Result<(), EngineError>> + Send + use<P, D>
    where
        P: AsRef<str> + Send + Sync,
        D: AsRef<[u8]> + Send + Sync,
    {
        let (engine, Call { position, life }) = (self.clone(), self.0.admission.call());
        async move {
            let work = async {
                let (_turn, mut state) = engine.file_turn(position).await?;
                let LiveSession { sandbox, .. } =
                    state.live.as_ref().ok_or(EngineError::NoActiveContainer)?;
                let (path, data) = (&*in_sandbox(path.as_ref()), data.as_ref());
                tracing::debug!(path, bytes = data.len(), "writing a file");
                let written = execution::write_file(sandbox, path, data).await;
                state.note(written)
            };
            let done = life.run_until_cancelled(work).await;
            done.unwrap_or(Err(EngineError::Stopped))
        }
    }

    /// Contents of a file in the sandbox of a persistent engine. The call takes its position in the queue
    /// at once, not when the future is first polled.
    pub fn get_file<P>(
        &self,
        path: P,
    ) -> impl Future<Output = Result<Vec<u8>, EngineError>> + Send + use<P>
    where
        P: AsRef<str> + Send + Sync,
    {
        let (engine, Call { position, life }) = (self.clone(), self.0.admission.call());
        async move {
            let work = async {
                let (_turn, mut state) = engine.file_turn(position).await?;
                let LiveSession { sandbox, .. } =
                    state.live.as_ref().ok_or(EngineError::NoActiveContainer)?;
                let path = &*in_sandbox(path.as_ref());
                tracing::debug!(path, "reading a file");
                let read = execution::read_file(sandbox, path).await;
                state.note(read)
            };
            let done = life.run_until_cancelled(work).await;
            done.unwrap_or(Err(EngineError::Stopped))
        }
    }

    /// The turn of a file call. An ephemeral engine has no sandbox to wait for.
    async fn file_turn(
        &self,
        position: QueuePosition,
    ) -> Result<(OwnedSemaphorePermit, MutexGuard<'_, SessionState>), EngineError> {
        if self.0.options.mode == Mode::Ephemeral {
            return Err(EngineError::NoActiveContainer);
        }
        let turn = position.turn().await?;
        Ok((turn, self.0.session.lock().await?))
    }
}
