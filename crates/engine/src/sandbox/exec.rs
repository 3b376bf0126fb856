//! A program that runs in a sandbox.

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

/// A program in a sandbox. Dropping it kills the program.
pub struct Exec {
    frames: FrameReader<ReadHalf<LinkStream>>,
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
        Ok(Self {
            frames: FrameReader::of_output(reader),
            input,
            _end_feeder: end_feeder,
        })
    }

    /// What happens next. After [`ExecEvent::Exited`] this must not be called again.
    ///
    /// Cancel safe.
    pub async fn next(&mut self) -> Result<ExecEvent, EngineError> {
        match self.frames.next().await? {
            Incoming::Stdout(bytes) => Ok(ExecEvent::Stdout(bytes)),
            Incoming::Stderr(bytes) => Ok(ExecEvent::Stderr(bytes)),
            Incoming::Reply(Reply::Exited(report)) => Ok(ExecEvent::Exited(report)),
            Incoming::Reply(reply) => Err(unexpected(reply)),
            Incoming::Data(_) => Err(EngineError::Guest("unexpected data".to_owned())),
        }
    }

    /// Where standard input and signals of this program go, usable while [`Self::next`] waits.
    #[must_use]
    pub fn input(&self) -> ExecInput {
        ExecInput(self.input.clone())
    }
}

/// Standard input and signals of a running program. A program that has ended ignores them.
#[derive(Clone)]
pub struct ExecInput(mpsc::Sender<Input>);

impl ExecInput {
    /// Sends standard input; waits while the program does not read. Only for a program that was
    /// started with [`isol8_protocol::Stdin::Stream`].
    pub async fn write(&self, bytes: Bytes) {
        if !bytes.is_empty() {
            let _ = self.0.send(Input::Data(bytes)).await;
        }
    }

    /// Ends standard input.
    pub async fn end(&self) {
        let _ = self.0.send(Input::End).await;
    }

    /// Sends a signal, or kills the program. It comes after the input that was sent before it.
    pub async fn control(&self, message: ExecControl) {
        let _ = self.0.send(Input::Control(message)).await;
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
