//! What can be wrong with a request.

use super::LimitError;
use crate::{
    options::OptionError,
    runtime::{PackageError, RuntimeError},
};

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// More than one of `code`, `codeUrl` and `cmd`.
    #[error(
        "ExecutionRequest.code, ExecutionRequest.codeUrl, and ExecutionRequest.cmd are mutually \
         exclusive — provide exactly one."
    )]
    SeveralSources,
    /// It asks for more than `requestLimits` allow.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// None of `code`, `codeUrl` and `cmd`.
    #[error("ExecutionRequest must include exactly one of: code, codeUrl, or cmd.")]
    NoSource,
    /// An agent in a sandbox without network.
    #[error(
        "Agent runtime requires network access. The AI coding agent needs to reach its LLM \
         provider API. Use --net host, or --net filtered --allow \"api.anthropic.com\" (or your \
         provider's domain)."
    )]
    AgentNeedsNetwork,
    /// An agent whose filtered network lets nothing through.
    #[error(
        "Agent runtime requires at least one network whitelist entry. The AI coding agent needs \
         to reach its LLM provider API. Use --allow \"api.anthropic.com\" (or your provider's \
         domain)."
    )]
    AgentNeedsWhitelist,
    /// A runtime that nobody knows.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// A refused package.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// Packages for a runtime that has no installer.
    #[error(
        "Runtime \"{runtime}\" cannot install packages: its image \"{image}\" is not one of isol8."
    )]
    NoInstaller {
        /// The runtime.
        runtime: String,
        /// Its image.
        image: String,
    },
    /// A refused number in the request.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// A working directory elsewhere.
    #[error("Working directory must be inside /sandbox")]
    Workdir,
    /// A file extension that is none.
    #[error(
        "Invalid fileExtension: \"{extension}\". It must be a dot followed by letters, digits, \
         \"-\", \"_\" or more dots."
    )]
    FileExtension {
        /// What was given.
        extension: String,
    },
    /// A hash that is none.
    #[error("Invalid codeHash: \"{hash}\". It must be a SHA-256 in hex (64 digits).")]
    CodeHash {
        /// What was given.
        hash: String,
    },
    /// A path in `files` or `outputPaths` that names no file.
    #[error(
        "Invalid path in {field}: \"{path}\". It must not be empty, and have no NUL and at most 4095 bytes."
    )]
    Path {
        /// The field of the request.
        field: &'static str,
        /// The path.
        path: String,
    },
    /// An environment variable whose name cannot be one.
    #[error(
        "Invalid name of an environment variable: \"{name}\". It must not be empty or contain \
         \"=\" or NUL."
    )]
    EnvName {
        /// The name.
        name: String,
    },
    /// An environment variable whose value cannot be one. The error does not repeat the value.
    #[error(
        "Invalid value of the environment variable \"{name}\": it contains NUL or is over {limit} \
         bytes."
    )]
    EnvValue {
        /// Its name.
        name: String,
        /// Largest size of name and value together.
        limit: usize,
    },
    /// An environment that is too large as a whole.
    #[error("The environment has {bytes} bytes; at most {limit} are possible.")]
    EnvTooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Text for a command line that cannot be in one.
    #[error("Invalid {field}: it contains NUL or is over {limit} bytes.")]
    Argument {
        /// The field of the request.
        field: &'static str,
        /// Largest size.
        limit: usize,
    },
    /// Agent flags that a shell could not split.
    #[error("Invalid agentFlags: a quotation mark or backslash has no end.")]
    AgentFlags,
    /// An adapter without a command.
    #[error("The adapter of runtime \"{runtime}\" gave an empty command.")]
    EmptyCommand {
        /// The runtime.
        runtime: String,
    },
}
