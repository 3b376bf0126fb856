//! One sandbox, from its start to its end.

use std::{
    sync::{
        Arc, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::Instant,
};

use bytes::Bytes;
use futures::Stream;
use isol8_backend::{Backend, SandboxSpec, SeccompProfile};
use isol8_protocol::{
    CallRequest, ExecRequest, InlineFile, ParkRequest, Reply, Request, ResetReport,
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::{
    InboundStreams, LinkStream,
    exec::{EndedStream, Exec},
    file_batch::{self, IncomingFiles},
    files,
    link::Link,
    park::{Begun, NOT_PARKED, PARKED, Parker},
    wire::{FrameReader, Incoming, send_only_message, unexpected},
};
use crate::error::EngineError;

/// Why a sandbox has no guest. A seccomp profile of the caller can end the guest before it can say anything.
fn explained(error: EngineError, spec: &SandboxSpec) -> EngineError {
    let is_silent = matches!(error, EngineError::Guest(_) | EngineError::SandboxLost);
    if !is_silent || !matches!(spec.seccomp, SeccompProfile::Custom(_)) {
        return error;
    }
    EngineError::denied_by_profile("A sandbox ended at once", error)
}

/// A live sandbox. Dropping it removes the sandbox in the background.
pub struct Sandbox {
    id: String,
    link: Option<Link>,
    backend: Arc<dyn Backend>,
    persist: bool,
    lost: CancellationToken,
    /// Whether an interpreter waits in it for its program, or is about to.
    readiness: Arc<AtomicU8>,
    ended: EndedStream,
}

impl Sandbox {
    /// Starts a sandbox and waits for its guest.
    ///
    /// Dropping the future half way leaves nothing behind.
    pub async fn start(
        backend: &Arc<dyn Backend>,
        spec: &SandboxSpec,
    ) -> Result<Self, EngineError> {
        let begun = Instant::now();
        let started = backend.start(spec).await?;
        // From here on dropping `sandbox` removes the container.
        let mut sandbox = Self {
            id: started.id,
            link: None,
            backend: Arc::clone(backend),
            persist: spec.persist,
            lost: CancellationToken::new(),
            readiness: Arc::default(),
            ended: EndedStream::default(),
        };
        let link = Link::connect(started.stream)
            .await
            .map_err(|error| explained(error, spec))?;
        sandbox.lost = link.lost().clone();
        sandbox.link = Some(link);
        tracing::debug!(
            container = sandbox.id,
            image = spec.image,
            ms = begun.elapsed().as_millis(),
            "sandbox started"
        );
        Ok(sandbox)
    }

    /// The backend's name for this sandbox.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether its guest is still there.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.link.is_some() && !self.lost.is_cancelled()
    }

    /// What starts an interpreter here ahead of its program; none without a guest.
    #[must_use]
    pub fn parker(&self) -> Option<Parker> {
        let opener = self.link.as_ref()?.opener();
        Some(Parker::new(opener, Arc::clone(&self.readiness)))
    }

    /// Whether an interpreter waits here for its program.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        self.readiness() == PARKED
    }

    /// How far an interpreter is that is to wait here for its program; 0 when there is none.
    #[must_use]
    pub fn readiness(&self) -> u8 {
        self.readiness.load(Ordering::Relaxed)
    }

    /// Runs a program. Dropping the [`Exec`] kills it.
    pub async fn exec(&self, request: ExecRequest) -> Result<Exec, EngineError> {
        let exec = Exec::start(self.link()?.open().await?, Request::Exec(request)).await?;
        Ok(exec.left_in(&self.ended))
    }

    /// Runs a program in the resident interpreter of the sandbox's session. Dropping the [`Exec`]
    /// kills that interpreter, and the next call starts a new one. When `cancel` was cancelled before,
    /// the interpreter is interrupted first and may survive.
    pub async fn call(
        &self,
        request: CallRequest,
        cancel: CancellationToken,
    ) -> Result<Exec, EngineError> {
        let exec = Exec::start(self.link()?.open().await?, Request::Call(request)).await?;
        Ok(exec.interrupted_by(cancel))
    }

    /// Creates or replaces a file, with its parent directories.
    pub async fn write_file(&self, path: &str, data: &[u8]) -> Result<(), EngineError> {
        files::write(self.link()?.open().await?, path, data, files::PATIENCE).await
    }

    /// The same with contents that come in parts.
    ///
    /// An error among them ends it. Then, and when the future is dropped, a part of the file is left behind.
    pub async fn write_parts(
        &self,
        path: &str,
        parts: impl Stream<Item = Result<Bytes, EngineError>>,
    ) -> Result<(), EngineError> {
        files::write_parts(self.link()?.open().await?, path, parts, files::PATIENCE).await
    }

    /// Creates or replaces small files with one message: at most [`MAX_BATCH_FILES`], whose paths and
    /// contents have at most [`MAX_INLINE_BYTES`] together.
    ///
    /// Dropping the future half way leaves some of them written.
    ///
    /// [`MAX_BATCH_FILES`]: isol8_protocol::MAX_BATCH_FILES
    /// [`MAX_INLINE_BYTES`]: isol8_protocol::MAX_INLINE_BYTES
    pub async fn write_files(&self, files: Vec<InlineFile>) -> Result<(), EngineError> {
        file_batch::write(self.link()?.open().await?, files, files::PATIENCE).await
    }

    /// Reads regular files with one message: at most [`MAX_BATCH_FILES`], whose paths have at most
    /// [`MAX_INLINE_BYTES`] together. What is read has at most `max_bytes`.
    ///
    /// [`MAX_BATCH_FILES`]: isol8_protocol::MAX_BATCH_FILES
    /// [`MAX_INLINE_BYTES`]: isol8_protocol::MAX_INLINE_BYTES
    pub async fn read_files(
        &self,
        paths: Vec<String>,
        max_bytes: u64,
    ) -> Result<IncomingFiles, EngineError> {
        let stream = self.link()?.open().await?;
        file_batch::read(stream, paths, max_bytes, files::PATIENCE).await
    }

    /// Reads a regular file of at most `max_bytes`.
    pub async fn read_file(&self, path: &str, max_bytes: u64) -> Result<Bytes, EngineError> {
        let stream = self.link()?.open().await?;
        files::read(stream, path, max_bytes, files::PATIENCE).await
    }

    /// Takes the connections that programs make to the proxy's port from now on, as streams. Without
    /// somebody who takes them they are refused.
    pub fn inbound(&self) -> Result<InboundStreams, EngineError> {
        Ok(self.link()?.inbound())
    }

    /// Begins to make the sandbox as new, with proof: every process but the guest killed, every
    /// writable place empty. After an error it must be destroyed.
    ///
    /// An interpreter that is to be parked is asked for in the same write. The guest starts it when the
    /// sandbox is clean, without the host's word between the two, and refuses when it is not.
    pub async fn reset(
        &self,
        park: Option<ParkRequest>,
    ) -> Result<(Resetting, Option<Begun>), EngineError> {
        self.readiness.store(NOT_PARKED, Ordering::Relaxed);
        let link = self.link()?;
        let mut stream = link.open().await?;
        // Closed behind what is sent here.
        let _ended = self
            .ended
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // Opened before anything is sent, for which the multiplexer would be given a turn.
        let next = match park {
            Some(request) => Some((link.open().await?, request)),
            None => None,
        };
        send_only_message(&mut stream, &Request::Reset).await?;
        let begun = match next {
            Some((stream, request)) => {
                Some(Begun::new(stream, Arc::clone(&self.readiness), request).await?)
            }
            None => None,
        };
        Ok((Resetting(stream), begun))
    }

    /// Removes the sandbox and waits until it is gone.
    pub async fn destroy(mut self) -> Result<(), EngineError> {
        self.link = None;
        tracing::debug!(container = self.id, "removing the sandbox");
        let removal = self.backend.destroy(std::mem::take(&mut self.id));
        Ok(removal.await?)
    }

    /// Whether it is to stay when this process ends.
    #[must_use]
    pub fn persists(&self) -> bool {
        self.persist
    }

    /// Lets go of a sandbox that its user wants to keep; it lives on without this process.
    pub fn release(self) {
        tracing::debug!(container = self.id, "sandbox kept");
    }

    fn link(&self) -> Result<&Link, EngineError> {
        self.link.as_ref().ok_or(EngineError::SandboxLost)
    }
}

/// A reset that was asked for.
pub struct Resetting(LinkStream);

impl Resetting {
    /// Waits until the sandbox is clean.
    pub async fn finish(mut self) -> Result<ResetReport, EngineError> {
        match FrameReader::of_answer(&mut self.0).next().await? {
            Incoming::Reply(Reply::Reset(report)) => Ok(report),
            Incoming::Reply(reply) => Err(unexpected(reply)),
            _ => Err(EngineError::Guest("unexpected data".to_owned())),
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let id = std::mem::take(&mut self.id);
        if id.is_empty() {
            return;
        }
        if self.persist {
            self.backend.let_go(&id);
            return;
        }
        // The guest ends with its link and the container removes itself; asking for the removal as
        // well covers a guest that hangs. Outside a runtime the first must do.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let removal = self.backend.destroy(id);
            let removal = async move {
                if let Err(error) = removal.await {
                    tracing::debug!(%error, "sandbox was not removed");
                }
            };
            runtime.spawn(removal.in_current_span());
        }
    }
}
