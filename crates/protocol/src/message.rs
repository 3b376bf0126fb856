//! The messages. Each stream that the host opens begins with one [`Request`]; what follows is
//! written at its variant.
//!
//! The encoding has no field names: a change here is a change of
//! [`PROTOCOL_VERSION`](crate::PROTOCOL_VERSION). `tests/frozen.rs` notices one.

use serde::{Deserialize, Serialize};

/// First message of a stream that the host opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Run a program. The host may then send [`ExecControl`] messages, and with
    /// [`Stdin::Stream`] data frames of standard input (an empty one ends it). The guest answers
    /// with stdout and stderr frames, and [`Reply::Exited`]; or with
    /// [`Reply::Failed`]. When the host closes the stream early, the program's tree is killed.
    Exec(ExecRequest),
    /// Create or replace a file, as the sandbox user. Data frames follow, an empty one ends the
    /// file. The guest answers [`Reply::Done`] or [`Reply::Failed`].
    WriteFile(FileRequest),
    /// Read a regular file, as the sandbox user. The guest answers with data frames, an empty one
    /// at the end; or with [`Reply::Failed`], which may also come between the data.
    ReadFile(ReadRequest),
    /// Kill every process but the guest, empty every writable place and verify it. The guest
    /// answers [`Reply::Reset`] or [`Reply::Failed`].
    Reset,
    /// Run a program inside the resident interpreter of the sandbox's session, which is started
    /// when there is none. The exchange is that of [`Request::Exec`]. When the program ends the
    /// interpreter, or is killed, the next call finds none.
    Call(CallRequest),
    /// Start an interpreter ahead of its program, in a sandbox that has run nothing since it was
    /// started or reset. The guest answers [`Reply::Done`] when it waits for its program, or
    /// [`Reply::Failed`].
    Park(ParkRequest),
}

/// An interpreter to start ahead of its program, on the command line that will run it.
///
/// A launcher in it, which its environment names, writes [`PARK_MARK`] to standard output when it is
/// ready, and reads from standard input what the guest hands over (see [`hand_over`]). Having done
/// what that says it writes the mark again and lets the interpreter go on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkRequest {
    /// The command line of the [`ExecRequest`] that may use it.
    pub argv: Vec<String>,
    /// The command line to start: the same, or with what makes the interpreter load its launcher.
    pub launcher_argv: Vec<String>,
    /// The environment that such a request is expected to have. Another one is handed over.
    pub env: Vec<(String, String)>,
    /// What the launcher needs besides, and takes away again.
    pub launcher_env: Vec<(String, String)>,
    /// Working directory while it waits.
    pub cwd: String,
    /// The program's file.
    pub program: String,
    /// Files that must exist when the interpreter starts. They do not outlive one that is not used.
    pub files: Vec<InlineFile>,
    /// Whether the launcher can be a nursery, from which parked interpreters are forked.
    pub forks: bool,
}

/// A program for the resident interpreter.
///
/// A launcher in the interpreter reads commands from descriptor [`COMMAND_FD`](crate::COMMAND_FD)
/// and writes reports to [`REPORT_FD`](crate::REPORT_FD), see [`command`](crate::command).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRequest {
    /// Its command line, environment and working directory are the interpreter's, used when it has
    /// to be started. The rest is this call's. `after_exit` is always [`AfterExit::Keep`].
    pub exec: ExecRequest,
    /// The program's file.
    pub program: String,
    /// Working directory of this call, created when missing; without it, where the last one ended.
    pub cwd: Option<String>,
    /// Environment of this call, taken away again afterwards.
    pub env: Vec<(String, String)>,
    /// Precedes each command: for a shell that reads the descriptor as its script.
    pub lead: String,
}

/// A program to run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecRequest {
    /// Program and arguments. The program is looked up in `PATH` of `env`.
    pub argv: Vec<String>,
    /// Environment, laid over the one that the image defines.
    pub env: Vec<(String, String)>,
    /// Working directory; created (as the sandbox user) when missing.
    pub cwd: String,
    /// Files written before the program starts, with their parent directories.
    pub files: Vec<InlineFile>,
    /// Standard input.
    pub stdin: Stdin,
    /// Time limit of the program in milliseconds; 0 means none.
    pub timeout_ms: u64,
    /// How many bytes of each output stream to send. The rest is counted and thrown away.
    pub output_limit: u64,
    /// What becomes of the processes that the program leaves behind.
    pub after_exit: AfterExit,
    /// Whether a parked interpreter of the same command line may become the program. Without one
    /// the program is started as ever.
    pub parked: bool,
    /// Who finds the proxy on [`PROXY_PORT`](crate::PROXY_PORT) from now on. A reset closes it.
    pub proxy: ProxyPort,
}

/// Whom the proxy's port serves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProxyPort {
    /// Nobody: listener and connections are gone before the program starts.
    #[default]
    Closed,
    /// Every process of the sandbox: the listener is there before the program starts.
    Open,
    /// The program, and what it has started; connections from before are gone.
    Program,
}

/// A small file inside an [`ExecRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InlineFile {
    /// Absolute path.
    pub path: String,
    /// Contents.
    #[serde(with = "serde_bytes")]
    pub data: Vec<u8>,
}

/// Where a program's standard input comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stdin {
    /// At its end from the start.
    #[default]
    Empty,
    /// These bytes, then the end.
    Inline(#[serde(with = "serde_bytes")] Vec<u8>),
    /// Data frames of the stream.
    Stream,
}

/// What becomes of processes that outlive the program that started them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AfterExit {
    /// Every process of the sandbox but the guest is killed before the exit is reported.
    #[default]
    KillAll,
    /// They live on (a service started by a setup script).
    Keep,
}

/// What the host may say while a program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExecControl {
    /// Send this signal number to the program's process group.
    Signal(i32),
    /// Kill the program and all its descendants now.
    Kill,
}

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRequest {
    /// Absolute path.
    pub path: String,
}

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadRequest {
    /// Absolute path.
    pub path: String,
    /// Largest size in bytes. Of a larger file nothing is sent. One that grows meanwhile is for the
    /// host to cut off.
    pub max_bytes: u64,
}

/// What the guest says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// The program has ended and all its output was sent.
    Exited(ExitReport),
    /// A file was written whole.
    Done,
    /// The sandbox is as new.
    Reset(ResetReport),
    /// The request could not be carried out.
    Failed {
        /// What kind of failure, for the host to act on.
        kind: ErrorKind,
        /// The file concerned, or empty.
        path: String,
        /// The cause, for people.
        message: String,
    },
}

/// Kinds of [`Reply::Failed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErrorKind {
    /// The request breaks the protocol's rules.
    Invalid,
    /// No such file, or no such program.
    NotFound,
    /// The sandbox user may not do this.
    Denied,
    /// The path names something other than a regular file.
    NotAFile,
    /// No space left in the sandbox.
    NoSpace,
    /// Processes or files are left after a reset.
    NotClean,
    /// Anything else the system refused.
    System,
    /// The file is larger than the host takes.
    TooLarge,
}

/// How a program ended, and what it used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitReport {
    /// Exit code or signal.
    pub status: ExitStatus,
    /// Whether the time limit ended it.
    pub timed_out: bool,
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
    /// Bytes that the program wrote to standard output, sent or not.
    pub stdout_bytes: u64,
    /// Bytes that the program wrote to standard error, sent or not.
    pub stderr_bytes: u64,
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
    /// The code a shell would report: the program's own, or 128 plus the signal number.
    #[must_use]
    pub fn code(self) -> i32 {
        match self {
            Self::Code(code) => code,
            // The guest is not trusted with a number, either.
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
