//! What can go wrong, and the exit code of each end of a command.

use std::{io, path::PathBuf, process::ExitCode};

use isol8_api::config::ConfigError;
use isol8_assembly::PlaceError;
use isol8_backend::BackendError;
use isol8_client::{CallError, ConnectionError, Reason};
use isol8_engine::{EngineError, options::OptionError};
use isol8_keys::KeyStoreError;
use isol8_runtimes::InstallError;
use isol8_server::{SettingsError, SocketError, TlsError};

/// Added to the number of a signal for the exit code of what it has ended, as shells do.
const SIGNAL_BASE: u8 = 128;

/// How a command ends when nothing went wrong with the command itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It did what it was asked.
    Success,
    /// It could not, and has printed the reason.
    Failed,
    /// With the exit code of a program that it ran.
    Program(i32),
    /// By a signal to this process, of this number.
    Signal(u8),
    /// The reader of its output has gone away. Shells report 141 for this, too.
    BrokenPipe,
}

impl Exit {
    /// The exit code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Success | Self::Program(0) => 0,
            Self::Failed => 1,
            // The system keeps the low byte, and no failure may look like success.
            Self::Program(code) => match code.rem_euclid(256) {
                0 => 1,
                code => u8::try_from(code).unwrap_or(1),
            },
            Self::Signal(number) => SIGNAL_BASE.saturating_add(number),
            Self::BrokenPipe => SIGNAL_BASE + 13,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// Why a command could not do what it was asked. The text is for people.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Flags that do not go together, or a value that no flag takes.
    #[error("{0}")]
    Usage(String),
    /// The configuration file cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address of the Docker daemon in the environment cannot be understood.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// A runtime could not be installed.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The settings of the server cannot be used.
    #[error(transparent)]
    Server(#[from] SettingsError),
    /// Connections cannot be encrypted.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The server cannot listen on a socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The database of keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyStoreError),
    /// The engine refused the request or failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A server cannot be reached as the flags say.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// A call of a server failed.
    #[error("{}", crate::printable::printable_lines(&.0.to_string()))]
    Remote(#[from] CallError),
    /// A server has sent events and no result, as servers of version 0.20 do.
    #[error(
        "The server has sent no result with the events, so nothing is copied out. Use --no-stream."
    )]
    NoResult,
    /// An image did not build.
    #[error("{reason}\n--- build log ---\n{log}\n-----------------\n{advice}")]
    Build {
        /// What failed.
        reason: String,
        /// The failing step, and the last lines of its output.
        log: String,
        /// What to do.
        advice: &'static str,
    },
    /// A file or a stream could not be read or written.
    #[error("{what}: {cause}")]
    InputOutput {
        /// What was tried.
        what: String,
        /// The cause.
        #[source]
        cause: io::Error,
    },
    /// An output path of the program is not there.
    #[error("The program has left no file {path}, so {} was not written", destination.display())]
    NoOutput {
        /// The path in the sandbox.
        path: String,
        /// Where it should have gone.
        destination: PathBuf,
    },
}

impl Failure {
    /// What was tried and failed with `cause`.
    pub(crate) fn input_output(what: impl Into<String>, cause: io::Error) -> Self {
        Self::InputOutput {
            what: what.into(),
            cause,
        }
    }

    /// How the program ends because of it.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            // The setup script's own code: the caller wrote the script.
            Self::Engine(EngineError::Setup(failure)) if failure.code != 0 => {
                Exit::Program(failure.code)
            }
            Self::Remote(CallError {
                reason: Reason::Server { error, .. },
                ..
            }) => setup_code(error).map_or(Exit::Failed, Exit::Program),
            _ => Exit::Failed,
        }
    }
}

/// The exit code of a setup script in the message of a server.
fn setup_code(error: &str) -> Option<i32> {
    let code = error.strip_prefix("Setup script failed (exit code ")?;
    let code = code.split(')').next()?.parse().ok()?;
    (code != 0).then_some(code)
}

impl From<OptionError> for Failure {
    fn from(error: OptionError) -> Self {
        EngineError::from(error).into()
    }
}

impl From<BackendError> for Failure {
    fn from(error: BackendError) -> Self {
        EngineError::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use isol8_api::result::Termination;
    use isol8_engine::StepFailure;

    use super::*;

    #[test]
    fn exit_codes_are_those_that_shells_know() {
        for (exit, code) in [
            (Exit::Success, 0),
            (Exit::Failed, 1),
            (Exit::Program(0), 0),
            (Exit::Program(137), 137),
            (Exit::Program(-1), 255),
            (Exit::Program(256), 1),
            (Exit::Signal(2), 130),
            (Exit::Signal(15), 143),
            (Exit::BrokenPipe, 141),
        ] {
            assert_eq!(exit.code(), code, "{exit:?}");
        }
    }

    #[test]
    fn a_failed_setup_script_gives_its_own_code() {
        let setup = |code| {
            Failure::from(EngineError::Setup(StepFailure {
                code,
                stderr: String::new(),
                termination: Termination::Exit,
            }))
        };
        assert_eq!(setup(7).exit().code(), 7);
        for (error, code) in [
            ("Setup script failed (exit code 9): no", 9),
            ("Setup script failed (exit code 0): no", 1),
            ("Setup script failed (exit code x)", 1),
            ("Unknown runtime", 1),
        ] {
            let failure = Failure::from(CallError {
                call: isol8_client::Call::Execute,
                reason: Reason::Server {
                    status: 500,
                    error: error.to_owned(),
                    code: None,
                },
            });
            assert_eq!(failure.exit().code(), code, "{error}");
        }
        assert_eq!(Failure::Usage("x".into()).exit().code(), 1);
    }
}
