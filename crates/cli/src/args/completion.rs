//! Arguments of `completion` and `man`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// Print a script that completes words in a shell.
///
/// For bash: source <(isol8 completion bash).
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct CompletionArgs {
    /// The shell
    pub(crate) shell: Shell,
}

/// Print the manual page.
///
/// With a folder, it writes the pages of all commands into it.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Folder for the pages of all commands
    pub(crate) folder: Option<PathBuf>,
}
