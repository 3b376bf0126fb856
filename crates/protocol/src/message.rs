//! The messages of the host. Each stream that it opens begins with one [`Request`]. The docs of its variants
//! describe what follows.
//!
//! The encoding has no field names, so every change here needs a new
//! [`PROTOCOL_VERSION`](crate::PROTOCOL_VERSION). The test `frozen` fails after a change.

use serde::{Deserialize, Serialize};

/// First message of a stream that the host opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Run a program. The host may then send [`ExecControl`] messages. With [`Stdin::Stream`] it sends
    /// standard input in data frames, and an empty one ends it. The guest answers with stdout and
    /// stderr frames and then [`Reply::Exited`], or with [`Reply::Failed`]. When the host closes the
    /// stream early, the guest kills the process tree.
    Exec(ExecRequest),
    /// Create or replace a file, as the sandbox user. Data frames follow, and an empty one ends the
    /// file. The guest answers [`Reply::Done`] or [`Reply::Failed`].
    WriteFile(FileRequest),
    /// Read a regular file, as the sandbox user. The guest answers with data frames, and an empty one
    /// ends the file. Or it answers with [`Reply::Failed`], which may also come between data frames.
    ReadFile(ReadRequest),
    /// Kill every process but the guest, empty every writable place and verify both. The guest answers
    /// [`Reply::Reset`] or [`Reply::Failed`].
    Reset,
    /// Run a program inside the resident interpreter of the session. The guest starts the interpreter
    /// when there is none. The exchange is that of [`Request::Exec`]. When the program ends the
    /// interpreter, or is killed, the next call finds no interpreter.
    Call(CallRequest),
    /// Park an interpreter, in a sandbox that has run nothing since its start or last reset. The guest
    /// answers [`Reply::Done`] when the interpreter waits for its program, or [`Reply::Failed`].
    Park(ParkRequest),
    /// Create or replace small files in their order, as the sandbox user. The guest answers
    /// [`Reply::Done`], or [`Reply::Failed`] for the first file that it cannot write. When the host
    /// closes the stream early, the guest stops between two files.
    WriteFiles(Vec<InlineFile>),
    /// Read regular files, as the sandbox user. For each path in its order the guest answers with data
    /// frames and an empty one, or with [`Reply::LeftOut`], which may also come between data frames.
    /// [`Reply::Done`] follows the last one. [`Reply::Failed`] ends the exchange at any time.
    ReadFiles(ReadFilesRequest),
}

/// An interpreter to park, on the command line that will run its program.
///
/// The environment names a launcher in the interpreter. The launcher writes [`PARK_MARK`] to standard
/// output when it is ready. It reads the hand-over of the guest from standard input (see
/// [`hand_over`]) and applies it. Then it writes the mark again and lets the interpreter go on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkRequest {
    /// The command line that an [`ExecRequest`] must have to use this interpreter.
    pub argv: Vec<String>,
    /// The command line to start: the same, or with flags that load the launcher.
    pub launcher_argv: Vec<String>,
    /// The environment that such a request is expected to have. A different one is handed over.
    pub env: Vec<(String, String)>,
    /// Variables for the launcher, which it removes again.
    pub launcher_env: Vec<(String, String)>,
    /// Working directory while it waits.
    pub cwd: String,
    /// The program's file.
    pub program: String,
    /// Files that must exist when the interpreter starts. They are removed with an unused interpreter.
    pub files: Vec<InlineFile>,
    /// Whether the launcher can run as a nursery, from which parked interpreters are forked.
    pub forks: bool,
}

/// A program for the resident interpreter.
///
/// A launcher in the interpreter reads commands from descriptor [`COMMAND_FD`](crate::COMMAND_FD)
/// and writes reports to [`REPORT_FD`](crate::REPORT_FD), see [`command`](crate::command).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRequest {
    /// Command line, environment and working directory are for the interpreter, when it has to be
    /// started. The rest is for this call. `after_exit` is always [`AfterExit::Keep`].
    pub exec: ExecRequest,
    /// The program's file.
    pub program: String,
    /// Working directory of this call, created when missing. `None`: where the last call ended.
    pub cwd: Option<String>,
    /// Environment of this call, removed after it.
    pub env: Vec<(String, String)>,
    /// First line of a shell's [script](crate::SESSION_SCRIPT). While the shell starts, the script has the
    /// name of the program. Empty for an interpreter that has no script.
    pub script: String,
    /// Whether the interpreter may survive the end of its program by force: `SIGINT` is tried first,
    /// within the time limit.
    pub interrupts: bool,
}

/// A program to run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecRequest {
    /// Program and arguments. The program is looked up in `PATH` of `env`.
    pub argv: Vec<String>,
    /// Environment, laid over the one that the image defines.
    pub env: Vec<(String, String)>,
    /// Working directory. The sandbox user creates it when it is missing.
    pub cwd: String,
    /// Files written before the program starts, with their parent directories.
    pub files: Vec<InlineFile>,
    /// Standard input.
    pub stdin: Stdin,
    /// Time limit of the program in milliseconds. 0 means none.
    pub timeout_ms: u64,
    /// Number of bytes of each output stream to send. The guest counts the rest and throws it away.
    pub output_limit: u64,
    /// What becomes of the processes that the program leaves behind.
    pub after_exit: AfterExit,
    /// Whether a parked interpreter of the same command line may become the program. Without one,
    /// a plain start follows.
    pub parked: bool,
    /// Which processes [`PROXY_PORT`](crate::PROXY_PORT) serves from now on. A reset closes the port.
    pub proxy: ProxyPort,
}

/// Which processes the proxy port serves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProxyPort {
    /// None. Listener and connections are closed before the program starts.
    #[default]
    Closed,
    /// Every process of the sandbox. The port is open before the program starts.
    Open,
    /// The program and the processes that it starts. Earlier connections are closed.
    Program,
}

/// A small file inside a message.
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
    /// Empty: the first read returns the end.
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
    /// They go on running, for example a service that a setup script started.
    Keep,
}

/// What the host may send while a program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExecControl {
    /// Send this signal number to the program's process group.
    Signal(i32),
    /// Kill the program and all its descendants now.
    Kill,
    /// End the program, but let the interpreter of a session survive if it can. Any other program is
    /// killed.
    Interrupt,
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
    /// Largest size in bytes. Nothing is sent of a larger file. The host ends the transfer of a file
    /// that grows meanwhile.
    pub max_bytes: u64,
}

/// Files to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadFilesRequest {
    /// Absolute paths, at most [`MAX_BATCH_FILES`](crate::MAX_BATCH_FILES).
    pub paths: Vec<String>,
    /// Largest size of all files together, in bytes. A file for which there is no room is left out.
    pub max_bytes: u64,
}
