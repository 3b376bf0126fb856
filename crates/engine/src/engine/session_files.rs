//! Files of a session, written and read beside the program that runs in it.

use std::pin::pin;

use tokio::sync::{OwnedSemaphorePermit, RwLockReadGuard};

use super::{
    admission::{Call, QueuePosition},
    lifecycle::Engine,
    session::LiveSession,
};
use crate::{error::EngineError, execution, options::Mode, plan::in_sandbox};

/// What a file call has while it works: the session, and its turn where it had to wait for it.
type Place<'a> = (
    Option<OwnedSemaphorePermit>,
    RwLockReadGuard<'a, Option<LiveSession>>,
);

impl Engine {
    /// Creates or replaces a file in the sandbox of a persistent engine, with its parent folders. File calls are
    /// served in their order, and before the executions that come later. They do not wait for a program that
    /// runs. The call takes its position at once, not when the future is first polled.
    pub fn put_file<P, D>(
        &self,
        path: P,
        data: D,
    ) -> impl Future<Output = Result<(), EngineError>> + Send + use<P, D>
    where
        P: AsRef<str> + Send + Sync,
        D: AsRef<[u8]> + Send + Sync,
    {
        let (engine, call) = (self.clone(), self.0.admission.call());
        async move {
            let Call {
                position,
                life,
                files,
            } = call;
            let work = async {
                let _files = files.turn().await?;
                let (path, data) = (&*in_sandbox(path.as_ref()), data.as_ref());
                let written = {
                    let (_turn, live) = engine.place(position).await?;
                    let LiveSession { sandbox, .. } =
                        live.as_ref().ok_or(EngineError::NoActiveContainer)?;
                    tracing::debug!(path, bytes = data.len(), "writing a file");
                    execution::write_file(sandbox, path, data).await
                };
                engine.0.session.note(written).await
            };
            let done = life.run_until_cancelled(work).await;
            done.unwrap_or(Err(EngineError::Stopped))
        }
    }

    /// Contents of a file in the sandbox of a persistent engine. Has the order of [`Self::put_file`].
    pub fn get_file<P>(
        &self,
        path: P,
    ) -> impl Future<Output = Result<Vec<u8>, EngineError>> + Send + use<P>
    where
        P: AsRef<str> + Send + Sync,
    {
        let (engine, call) = (self.clone(), self.0.admission.call());
        async move {
            let Call {
                position,
                life,
                files,
            } = call;
            let work = async {
                let _files = files.turn().await?;
                let path = &*in_sandbox(path.as_ref());
                let read = {
                    let (_turn, live) = engine.place(position).await?;
                    let LiveSession { sandbox, .. } =
                        live.as_ref().ok_or(EngineError::NoActiveContainer)?;
                    tracing::debug!(path, "reading a file");
                    execution::read_file(sandbox, path).await
                };
                engine.0.session.note(read).await
            };
            let done = life.run_until_cancelled(work).await;
            done.unwrap_or(Err(EngineError::Stopped))
        }
    }

    /// The session, as soon as it has a sandbox; without one when the calls before this one have made none. An
    /// ephemeral engine has no sandbox to wait for.
    async fn place(&self, position: QueuePosition) -> Result<Place<'_>, EngineError> {
        if self.0.options.mode == Mode::Ephemeral {
            return Err(EngineError::NoActiveContainer);
        }
        let session = &self.0.session;
        let mut turn = pin!(position.turn());
        let mut permit = None;
        loop {
            let mut begun = pin!(session.begun());
            begun.as_mut().enable();
            let live = session.share().await?;
            if live.is_some() || permit.is_some() {
                return Ok((permit, live));
            }
            drop(live);
            tokio::select! {
                admitted = &mut turn => permit = Some(admitted?),
                () = begun => {}
            }
        }
    }
}
