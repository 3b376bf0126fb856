//! What a plan is made of.

use std::{fmt, time::Duration};

use isol8_api::request::OutputEncoding;
use isol8_egress::ExtraHost;
use isol8_protocol::{InlineFile, ProxyPort};

use crate::{
    options::Options,
    submission::{LiveInput, LocalFile},
};

/// Everything that one execution does, in order: `install` (unless the image that was found has
/// the packages), the image's setup script ([`Self::setup_step`]),
/// `request_setup`, `local_files`, `files`, `program_file`, `program`, `output_paths`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionPlan {
    /// Name of the runtime, as requested.
    pub runtime: String,
    /// Packages wanted: trimmed, without duplicates, sorted.
    pub packages: Vec<String>,
    /// Image to run in.
    pub image: ImageChoice,
    /// Installs the packages.
    pub install: Option<Step>,
    /// Hosts that the installation may reach beside those that the program may.
    pub install_hosts: Vec<ExtraHost>,
    /// Files in which the image may name more such hosts, as words for a shell; none when no
    /// installation under these options may reach others. Set without an installation, too: a
    /// session has to look before its first program.
    pub registry_files: Option<&'static str>,
    /// The request's setup script.
    pub request_setup: Option<Step>,
    /// Files of this machine, by absolute path.
    pub local_files: Vec<LocalFile>,
    /// Files of the request, by absolute path.
    pub files: Vec<PlannedFile>,
    /// The file that `program` runs, when there is one.
    pub program_file: Option<PlannedFile>,
    /// The program.
    pub program: Step,
    /// Input and signals that the program gets while it runs.
    pub live: Option<LiveInput>,
    /// Files to read afterwards, when the request asked for any (or for none, with an empty list).
    pub output_paths: Option<Vec<String>>,
    /// How the caller gets the output.
    pub output_encoding: OutputEncoding,
    /// Time limit of each step.
    pub timeout: Duration,
    /// Whether the program may take an interpreter that was started ahead of it.
    pub parked: bool,
    /// Extension of the program's file, with its dot; `None` for a command.
    pub main_extension: Option<String>,
}

impl ExecutionPlan {
    /// The step of an image's own setup script, which is known once the image is. It sees what the
    /// request's own script sees.
    #[must_use]
    pub fn setup_step(&self, script: &str) -> Step {
        Step {
            argv: shell(script),
            env: self.program.env.clone(),
            cwd: self.program.cwd.clone(),
            stdin: StepStdin::Empty,
            session: None,
            proxy: self.program.proxy,
        }
    }

    /// Says what will be done, for the debug log: no code, no values.
    pub(crate) fn explain(&self, options: &Options) {
        tracing::debug!(
            runtime = self.runtime,
            program = self.program_file.as_ref().map_or("a command", |file| file.path.as_str()),
            directory = self.program.cwd,
            packages = ?self.packages,
            setup_script = self.request_setup.is_some(),
            files = self.files.len() + self.local_files.len(),
            output_paths = self.output_paths.as_ref().map_or(0, Vec::len),
            mode = ?options.mode,
            network = ?options.network,
            timeout_ms = self.timeout.as_millis(),
            "plan"
        );
    }
}

/// Which image an execution runs in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ImageChoice {
    /// Exactly this one: the caller has named it.
    Explicit(String),
    /// The runtime's own, or a custom one of the same runtime that has the packages.
    Runtime {
        /// The runtime's image.
        image: String,
        /// Packages wanted: trimmed, without duplicates, sorted.
        packages: Vec<String>,
    },
}

/// A file to write.
#[derive(Clone, PartialEq, Eq)]
pub struct PlannedFile {
    /// Absolute path.
    pub path: String,
    /// Contents.
    pub data: Vec<u8>,
}

impl PlannedFile {
    /// What it takes in a message, in bytes: the path travels, too.
    pub(crate) fn bytes(&self) -> usize {
        self.path.len() + self.data.len()
    }

    /// The same for a message.
    pub(crate) fn into_inline(self) -> InlineFile {
        let Self { path, data } = self;
        InlineFile { path, data }
    }
}

impl fmt::Debug for PlannedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PlannedFile({:?}, {} bytes)", self.path, self.data.len())
    }
}

/// One process to run. `Debug` shows the names of its environment only: some values are secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Step {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Environment, laid over the image's; sorted by name, each name once.
    pub env: Vec<(String, String)>,
    /// Working directory.
    pub cwd: String,
    /// Standard input.
    pub stdin: StepStdin,
    /// How to run it in the interpreter of a session instead.
    pub session: Option<SessionCall>,
    /// Who finds the filtering proxy while it runs.
    pub proxy: ProxyPort,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.env.iter().map(|(name, _)| name).collect();
        f.debug_struct("Step")
            .field("argv", &self.argv)
            .field("env", &names)
            .field("cwd", &self.cwd)
            .field("stdin", &self.stdin)
            .field("session", &self.session)
            .field("proxy", &self.proxy)
            .finish()
    }
}

/// A program for the resident interpreter of a persistent engine. `Debug` shows the names of its
/// environment only: some values are secret.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionCall {
    /// Starts the interpreter, in `/sandbox`.
    pub argv: Vec<&'static str>,
    /// Environment of the interpreter for all its life, laid over the image's.
    pub env: Vec<(String, String)>,
    /// What the program's own environment has beyond that one.
    pub call_env: Vec<(String, String)>,
    /// The program's file.
    pub program: String,
    /// Working directory; without it, where the last program left the interpreter.
    pub cwd: Option<String>,
    /// First line of the script of a shell; empty for an interpreter that has no script.
    pub script: &'static str,
    /// Whether the interpreter survives `SIGINT`, which ends its program.
    pub interrupts: bool,
}

impl fmt::Debug for SessionCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.call_env.iter().map(|(name, _)| name).collect();
        f.debug_struct("SessionCall")
            .field("argv", &self.argv)
            .field("call_env", &names)
            .field("cwd", &self.cwd)
            .finish_non_exhaustive()
    }
}

/// Standard input of a step.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum StepStdin {
    /// At its end from the start.
    #[default]
    Empty,
    /// These bytes, then the end.
    Bytes(Vec<u8>),
}

impl fmt::Debug for StepStdin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
        }
    }
}

/// What to run, once it is at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A program in the runtime's language, or an agent's prompt.
    Code(String),
    /// A command line for `bash -c`.
    Command(String),
}

/// Where the program of a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestSource {
    /// It is in the request.
    Ready(Source),
    /// It has to be fetched first.
    Url {
        /// From here.
        url: String,
        /// SHA-256 that it must have, in hex.
        hash: Option<String>,
        /// Whether plain HTTP will do.
        insecure: bool,
    },
}

/// A script as a command of Bash.
pub(super) fn shell(script: &str) -> Vec<String> {
    vec!["bash".to_owned(), "-c".to_owned(), script.to_owned()]
}
