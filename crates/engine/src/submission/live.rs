//! Input and signals that a program gets while it runs.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use tokio::sync::{Mutex, MutexGuard, mpsc};

/// Pieces that wait until the program reads.
const QUEUE: usize = 16;

/// What a running program is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProgramInput {
    /// Standard input. Has no effect on a program whose input does not stay open.
    Data(Bytes),
    /// The end of standard input.
    End,
    /// A signal, after the input that was sent before it.
    Signal(ProgramSignal),
}

/// The signals that a caller may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgramSignal {
    /// `SIGINT`, what Ctrl-C sends.
    Interrupt,
    /// `SIGTERM`, the polite request to end.
    Terminate,
}

impl ProgramSignal {
    /// Its number, which is the same on every Linux.
    pub(crate) const fn number(self) -> i32 {
        match self {
            Self::Interrupt => 2,
            Self::Terminate => 15,
        }
    }
}

/// The program's end of [`live_input`].
#[derive(Clone)]
pub struct LiveInput {
    stays_open: bool,
    pieces: Arc<Mutex<mpsc::Receiver<ProgramInput>>>,
}

/// A way to a running program: what goes into the sender comes out at the program that is submitted with
/// the other end. A sender that waits has a program that does not read.
///
/// With `stays_open`, standard input goes on after the request's own until its end is sent or the sender
/// is dropped. Without, only signals have an effect.
#[must_use]
pub fn live_input(stays_open: bool) -> (mpsc::Sender<ProgramInput>, LiveInput) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let pieces = Arc::new(Mutex::new(receiver));
    (sender, LiveInput { stays_open, pieces })
}

impl LiveInput {
    /// Whether standard input goes on after the request's own.
    pub(crate) fn stays_open(&self) -> bool {
        self.stays_open
    }

    /// What the program is sent. One at a time takes it.
    pub(crate) async fn pieces(&self) -> MutexGuard<'_, mpsc::Receiver<ProgramInput>> {
        self.pieces.lock().await
    }
}

/// Two are equal when they are the same.
impl PartialEq for LiveInput {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.pieces, &other.pieces)
    }
}

impl Eq for LiveInput {}

impl fmt::Debug for LiveInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveInput")
            .field("stays_open", &self.stays_open)
            .finish_non_exhaustive()
    }
}
