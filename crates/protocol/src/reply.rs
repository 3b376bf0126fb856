//! What the guest answers to a [`Request`](crate::Request). As with requests, every change needs a new
//! [`PROTOCOL_VERSION`](crate::PROTOCOL_VERSION).

use serde::{Deserialize, Serialize};

/// What the guest answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// The program has ended, and all its output was sent.
    Exited(ExitReport),
    /// Files were written or sent completely, or an interpreter is parked.
    Done,
    /// The sandbox is clean.
    Reset(ResetReport),
    /// The request could not be carried out.
    Failed {
        /// Kind of failure, for programs.
        kind: ErrorKind,
        /// The file concerned, or empty.
        path: String,
        /// The cause, for people.
        message: String,
    },
    /// One of several files cannot be read.
    LeftOut(ErrorKind),
}

/// Kinds of [`Reply::Failed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErrorKind {
    /// The request breaks the protocol's rules.
    Invalid,
    /// There is no such file, or no such program.
    NotFound,
    /// The sandbox user may not do this.
    Denied,
    /// The path names something other than a regular file.
    NotAFile,
    /// No space left in the sandbox.
    NoSpace,
    /// Processes or files are left after a reset.
    NotClean,
    /// Another error of the system.
    System,
    /// The file is larger than the request allows.
    TooLarge,
}

/// The end of a program, and what it used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitReport {
    /// Exit code or signal.
    pub status: ExitStatus,
    /// Whether the time limit ended the program.
    pub timed_out: bool,
    /// Whether the system killed a process of the sandbox for its memory during the run.
    pub out_of_memory: bool,
    /// Whether a parked interpreter became the program.
    pub parked: bool,
    /// From start to end, in microseconds.
    pub wall_us: u64,
    /// CPU time of the program and its reaped descendants, in microseconds.
    pub cpu_us: u64,
    /// Memory of the sandbox at the end, in bytes.
    pub memory_bytes: u64,
    /// Highest memory of the sandbox during the run, in bytes.
    pub peak_memory_bytes: u64,
    /// Bytes that the program wrote to standard output, including those that were not sent.
    pub stdout_bytes: u64,
    /// Bytes that the program wrote to standard error, including those that were not sent.
    pub stderr_bytes: u64,
    /// Why the state of the session has been lost since the last report that said so.
    pub session_loss: Option<SessionLoss>,
}

/// What ended the interpreter of a session, and with it the session's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionLoss {
    /// The time limit of a program.
    TimedOut,
    /// The host gave up a program.
    Cancelled,
    /// It ended by itself, with this exit code.
    Exited(i32),
    /// A signal that the guest did not send for one of the other reasons.
    Signalled(i32),
    /// The system, for its memory.
    OutOfMemory,
}

/// Exit code or signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExitStatus {
    /// The program ended by itself.
    Code(i32),
    /// A signal ended the program.
    Signal(i32),
}

impl ExitStatus {
    /// The code that a shell reports: the program's own, or 128 plus the signal number.
    #[must_use]
    pub fn code(self) -> i32 {
        match self {
            Self::Code(code) => code,
            // The number comes from the guest, so it may be anything.
            Self::Signal(signal) => signal.saturating_add(128),
        }
    }
}

/// What a reset found and removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetReport {
    /// Processes killed.
    pub processes: u32,
    /// Files, directories and IPC objects removed.
    pub entries: u64,
}
