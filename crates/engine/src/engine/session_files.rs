//! Files of a session, written and read beside the program that runs in it.

use std::pin::pin;

use tokio::sync::{OwnedSemaphorePermit, RwLockReadGuard};
use tokio_util::sync::CancellationToken;

use super::{
    admission::{Call, QueuePosition},
    lifecycle::Engine,
    session::LiveSession,
};
use crate::{
    error::EngineError,
    execution,
    options::Mode,
    plan::{PlanError, check_file, check_file_in, check_file_out, in_sandbox, largest_file},
    sandbox::Sandbox,
};

/// What a file call has while it works: the session, and the permit of an execution where it had to wait for one.
struct Place<'a> {
    live: RwLockReadGuard<'a, Option<LiveSession>>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Place<'_> {
    fn sandbox(&self) -> Result<&Sandbox, EngineError> {
        let live = self.live.as_ref().ok_or(EngineError::NoActiveContainer)?;
        Ok(&live.sandbox)
    }
}

/// Refuses a file without a name. The guest refuses other paths that no file can have.
fn check_named(call: &'static str, path: &str) -> Result<(), PlanError> {
    if path.is_empty() {
        return check_file(call, path);
    }
    Ok(())
}

impl Engine {
    /// Creates or replaces a file in the sandbox of a persistent engine, with its parent folders. File calls are
    /// served in their order, and before the executions that come later. They do not wait for a program that
    /// runs. The call takes its position at once, not when the future is first polled. The limits of a request with
    /// this file hold.
    pub fn put_file<P, D>(
        &self,
        path: P,
        data: D,
    ) -> impl Future<Output = Result<(), EngineError>> + Send + use<P, D>
    where
        P: AsRef<str> + Send + Sync,
        D: AsRef<[u8]> + Send + Sync,
    {
        let bytes = path.as_ref().len() + data.as_ref().len();
        let (engine, (call, life)) = (self.clone(), self.file_call(bytes));
        async move {
            let work = async {
                let limits = &engine.0.options.request_limits;
                check_named("putFile", path.as_ref())?;
                check_file_in(limits, path.as_ref(), data.as_ref().len())
                    .map_err(PlanError::from)?;
                let (path, data) = (&*in_sandbox(path.as_ref()), data.as_ref());
                let (_files, position) = file_permit(call).await?;
                let written = {
                    let place = engine.place(position).await?;
                    let sandbox = place.sandbox()?;
                    tracing::debug!(path, bytes = data.len(), "writing a file");
                    execution::write_file(sandbox, path, data).await
                };
                engine.0.session.note(written).await
            };
            let done = life.run_until_cancelled(work).await;
            done.unwrap_or(Err(EngineError::Stopped))
        }
    }

    /// Contents of a file in the sandbox of a persistent engine. Has the order of [`Self::put_file`]. The limits of a
    /// request with this output path hold, and the file may be as large as the files of a request.
    pub fn get_file<P>(
        &self,
        path: P,
    ) -> impl Future<Output = Result<Vec<u8>, EngineError>> + Send + use<P>
    where
        P: AsRef<str> + Send + Sync,
    {
        let (engine, (call, life)) = (self.clone(), self.file_call(path.as_ref().len()));
        async move {
            let work = async {
                let limits = &engine.0.options.request_limits;
                check_named("getFile", path.as_ref())?;
                check_file_out(limits, path.as_ref()).map_err(PlanError::from)?;
                let path = &*in_sandbox(path.as_ref());
                let (most, refused) = largest_file(limits, execution::MAX_FILE_BYTES).unzip();
                let (_files, position) = file_permit(call).await?;
                let read = {
                    let place = engine.place(position).await?;
                    let sandbox = place.sandbox()?;
                    tracing::debug!(path, "reading a file");
                    execution::read_file(sandbox, path, most.unwrap_or(execution::MAX_FILE_BYTES))
                        .await
                };
                match (engine.0.session.note(read).await, refused) {
                    (Err(error), Some(refused)) if error.is_large_file() => {
                        Err(PlanError::from(refused).into())
                    }
                    (read, _) => read,
                }
            };
            let done = life.run_until_cancelled(work).await;
            done.unwrap_or(Err(EngineError::Stopped))
        }
    }

    /// Registers a call, and returns with it what its engine cancels when it is stopped.
    fn file_call(&self, bytes: usize) -> (Call, CancellationToken) {
        let call = self.0.admission.file_call(bytes as u64);
        let life = call.life.clone();
        (call, life)
    }

    /// The session, as soon as it has a sandbox; without one when the calls before this one have made none. An
    /// ephemeral engine has no sandbox to wait for.
    async fn place(&self, position: QueuePosition) -> Result<Place<'_>, EngineError> {
        if self.0.options.mode == Mode::Ephemeral {
            return Err(EngineError::NoActiveContainer);
        }
        let session = &self.0.session;
        let mut pending = pin!(position.permit());
        let mut permit = None;
        loop {
            let mut begun = pin!(session.begun());
            begun.as_mut().enable();
            let live = session.share().await?;
            if live.is_some() || permit.is_some() {
                return Ok(Place {
                    live,
                    _permit: permit,
                });
            }
            drop(live);
            tokio::select! {
                admitted = &mut pending => permit = Some(admitted?),
                () = begun => {}
            }
        }
    }
}

/// Waits until a file call may work: as long as the permit is not dropped. Returns its position among the executions,
/// too.
async fn file_permit(call: Call) -> Result<(OwnedSemaphorePermit, QueuePosition), EngineError> {
    let room = call.room.map_err(PlanError::from)?;
    let permit = call.files.permit().await?;
    drop(room);
    Ok((permit, call.position))
}
