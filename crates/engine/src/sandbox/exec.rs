//! A program that runs in a sandbox.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use isol8_protocol::{ExecControl, ExitReport, Reply, Request};
use tokio::{
    io::{ReadHalf, WriteHalf},
    sync::mpsc,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    link::LinkStream,
    wire::{FrameReader, Incoming, send_data, send_data_end, send_message, unexpected},
};
use crate::error::EngineError;

/// Pieces of input and signals that wait to be sent.
const INPUT_QUEUE: usize = 16;

/// What a running program does.
#[derive(Debug)]
pub enum ExecEvent {
    /// It wrote to standard output.
    Stdout(Bytes),
    /// It wrote to standard error.
    Stderr(Bytes),
    /// It ended; nothing follows.
    Exited(ExitReport),
}

/// What goes to a running program.
enum Input {
    Data(Bytes),
    End,
    Control(ExecControl),
}

/// How long an interpreter may take to report that it was interrupted. The guest kills it after a second.
const INTERRUPT_PATIENCE: Duration = Duration::from_secs(5);

/// A program in a sandbox. Dropping it kills the program.
pub struct Exec {
    /// None when nothing is to be done about the program any more.
    exchange: Option<Exchange>,
    /// When this was cancelled before the drop, the interpreter is interrupted instead.
    cancel: Option<CancellationToken>,
    /// Where the stream goes at the end of the program, if it is not closed then.
    ended: Option<EndedStream>,
}

type Frames = FrameReader<ReadHalf<LinkStream>>;

/// The stream of the last program that has ended in a sandbox. The reset after it closes the stream, so that the
/// guest wakes once for both.
pub(super) type EndedStream = Arc<Mutex<Option<Frames>>>;

/// The stream of a program.
struct Exchange {
    frames: Frames,
    input: mpsc::Sender<Input>,
    _end_feeder: DropGuard,
}

impl Exec {
    /// Sends `request`, one that runs a program.
    pub(super) async fn start(stream: LinkStream, request: Request) -> Result<Self, EngineError> {
        let (reader, mut writer) = tokio::io::split(stream);
        send_message(&mut writer, &request).await?;
        let (input, inputs) = mpsc::channel(INPUT_QUEUE);
        let dropped = CancellationToken::new();
        let end_feeder = dropped.clone().drop_guard();
        tokio::spawn(async move {
            tokio::select! {
                () = dropped.cancelled() => {}
                () = feed(writer, inputs) => {}
            }
        });
        let exchange = Exchange {
            frames: FrameReader::of_output(reader),
            input,
            _end_feeder: end_feeder,
        };
        Ok(Self {
            exchange: Some(exchange),
            cancel: None,
            ended: None,
        })
    }

    /// Leaves the stream in `ended` at the end of the program.
    pub(super) fn left_in(mut self, ended: &EndedStream) -> Self {
        self.ended = Some(Arc::clone(ended));
        self
    }

    /// Interrupts the interpreter of a session when dropped after `cancel`, so that it may survive.
    pub(super) fn interrupted_by(mut self, cancel: CancellationToken) -> Self {
        self.cancel = Some(cancel);
        self
    }

    /// What happens next. After [`ExecEvent::Exited`] this must not be called again.
    ///
    /// Cancel safe.
    pub async fn next(&mut self) -> Result<ExecEvent, EngineError> {
        let exchange = self.exchange.as_mut().ok_or(EngineError::SandboxLost)?;
        match exchange.frames.next().await? {
            Incoming::Stdout(bytes) => Ok(ExecEvent::Stdout(bytes)),
            Incoming::Stderr(bytes) => Ok(ExecEvent::Stderr(bytes)),
            Incoming::Reply(Reply::Exited(report)) => {
                let frames = self.exchange.take().map(|exchange| exchange.frames);
                if let Some(ended) = &self.ended {
                    *ended.lock().unwrap_or_else(PoisonError::into_inner) = frames;
                }
                Ok(ExecEvent::Exited(report))
            }
            Incoming::Reply(reply) => Err(unexpected(reply)),
            Incoming::Data(_) => Err(EngineError::Guest("unexpected data".to_owned())),
        }
    }

    /// Where standard input and signals of this program go, usable while [`Self::next`] waits.
    #[must_use]
    pub fn input(&self) -> ExecInput {
        ExecInput(
            self.exchange
                .as_ref()
                .map(|exchange| exchange.input.clone()),
        )
    }
}

impl Drop for Exec {
    fn drop(&mut self) {
        let cancelled = self
            .cancel
            .as_ref()
            .is_some_and(CancellationToken::is_cancelled);
        let Some(exchange) = self.exchange.take().filter(|_| cancelled) else {
            return;
        };
        // Outside a runtime the program is killed.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(
                INTERRUPT_PATIENCE,
                exchange.interrupt(),
            ));
        }
    }
}

impl Exchange {
    /// Interrupts the interpreter and waits until its call is over, or it has been killed.
    async fn interrupt(mut self) {
        let interrupt = Input::Control(ExecControl::Interrupt);
        if self.input.send(interrupt).await.is_err() {
            return;
        }
        while let Ok(Incoming::Stdout(_) | Incoming::Stderr(_)) = self.frames.next().await {}
    }
}

/// Standard input and signals of a running program. A program that has ended ignores them.
#[derive(Clone)]
pub struct ExecInput(Option<mpsc::Sender<Input>>);

impl ExecInput {
    /// Sends standard input; waits while the program does not read. Only for a program that was
    /// started with [`isol8_protocol::Stdin::Stream`].
    pub async fn write(&self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.send(Input::Data(bytes)).await;
        }
    }

    /// Ends standard input.
    pub async fn end(&self) {
        self.send(Input::End).await;
    }

    /// Sends a signal, or kills the program. It comes after the input that was sent before it.
    pub async fn control(&self, message: ExecControl) {
        self.send(Input::Control(message)).await;
    }

    async fn send(&self, input: Input) {
        if let Some(sender) = &self.0 {
            let _ = sender.send(input).await;
        }
    }
}

/// Owns the writing half of a program's stream.
async fn feed(mut writer: WriteHalf<LinkStream>, mut inputs: mpsc::Receiver<Input>) {
    while let Some(input) = inputs.recv().await {
        let sent = match input {
            Input::Data(bytes) => send_data(&mut writer, &bytes).await,
            Input::End => send_data_end(&mut writer).await,
            Input::Control(message) => send_message(&mut writer, &message).await,
        };
        if sent.is_err() {
            return;
        }
    }
}
