//! Arguments of `completion` and `man`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// Prints a script that completes isol8's words in a shell.
///
/// For bash: source <(isol8 completion bash).
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct CompletionArgs {
    /// The shell
    pub(crate) shell: Shell,
}

/// Prints the manual page, or writes those of all commands into a folder.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Folder for the pages of all commands
    pub(crate) folder: Option<PathBuf>,
}
