//! What the engine knows about one runtime.

use super::{ParkingSpec, packages::PackageNames, preload::PreloadName};

/// One runtime. The built-in ones are constants, one file each.
#[derive(Debug, Clone, Copy)]
pub struct RuntimeSpec {
    /// Name in requests.
    pub name: &'static str,
    /// Image that has the interpreter.
    pub image: &'static str,
    /// File extensions that are recognised, with their dot; the first is the adapter's own.
    pub extensions: &'static [&'static str],
    /// Extension of the program's file when a request names none.
    pub default_extension: &'static str,
    /// Environment beside what every runtime has.
    pub env: &'static [(&'static str, &'static str)],
    /// Limits where the options name none.
    pub defaults: Defaults,
    /// Whether it is of no use without a network.
    pub needs_network: bool,
    /// How its packages are named.
    pub names: PackageNames,
    /// What a module is called that its interpreters import ahead; `None` where they can import none.
    pub preload_name: Option<PreloadName>,
    /// How its interpreter is started ahead of programs, if it is.
    pub parking: Option<&'static ParkingSpec>,
    /// What makes it the interpreter of a persistent engine's session.
    pub session: Option<SessionLauncher>,
    /// Public registries that its installer needs.
    pub registries: &'static [&'static str],
    /// Variables that tell its installer which registry to use.
    pub registry_variables: &'static [&'static str],
    /// Where an image may name others: files, as words for a shell.
    pub registry_files: &'static str,
    /// Whether the program is written to its file, or is in the command line.
    pub(super) program_is_file: fn(code: &str) -> bool,
    /// Program and arguments.
    pub(super) command: fn(&CommandContext<'_>) -> Vec<String>,
    /// Shell script that installs packages, its arguments, into a custom image; run as root while the
    /// image is built. A program below `/sandbox` finds them without any setting.
    pub bake: &'static str,
    /// Command that installs packages for one execution.
    pub(super) install: fn(packages: &[String]) -> InstallCommand,
}

/// Limits of a runtime where the options name none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Defaults {
    /// `pidsLimit`: processes and threads.
    pub pids: u32,
    /// `sandboxSize`: size of `/sandbox` in bytes.
    pub sandbox_bytes: u64,
}

impl Defaults {
    /// Those of a runtime that runs one program.
    pub const PROGRAM: Self = Self {
        pids: 64,
        sandbox_bytes: 512 << 20,
    };
}

/// How a runtime's interpreter stays resident. The launchers are files below `launchers/session`,
/// found in every sandbox; `isol8_protocol::command` describes their commands.
#[derive(Debug, Clone, Copy)]
pub struct SessionLauncher {
    /// Program and arguments.
    pub argv: &'static [&'static str],
    /// Arguments before the last one, for isol8's own image: interpreters of others may be too old to know them.
    pub own_image_flags: &'static [&'static str],
    /// First line of the script of a shell; empty for an interpreter that has no script.
    pub script: &'static str,
    /// Whether the interpreter survives `SIGINT`, which ends its program.
    pub interrupts: bool,
}

/// What a command line is made from.
#[derive(Debug, Clone, Copy)]
pub struct CommandContext<'a> {
    /// The program's text.
    pub code: &'a str,
    /// The program's file.
    pub path: &'a str,
    /// More flags for the agent.
    pub agent_flags: &'a [String],
    /// Whether the image is isol8's own, and the interpreter as new as that.
    pub own_image: bool,
}

/// A command that installs packages as the sandbox user, below `/sandbox`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallCommand {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Environment that it needs beside the usual one.
    pub env: Vec<(&'static str, &'static str)>,
}

impl RuntimeSpec {
    /// Program and arguments that run a program.
    #[must_use]
    pub fn command(&self, context: &CommandContext<'_>) -> Vec<String> {
        (self.command)(context)
    }

    /// Whether [`command`](Self::command) expects the program in the file `path`.
    #[must_use]
    pub fn program_is_file(&self, code: &str) -> bool {
        (self.program_is_file)(code)
    }

    /// Command that installs `packages`, which were checked before.
    #[must_use]
    pub fn install(&self, packages: &[String]) -> InstallCommand {
        (self.install)(packages)
    }
}

/// For the runtimes whose program is always a file.
pub(super) fn always_a_file(_code: &str) -> bool {
    true
}

/// `words` and then `more`, owned.
pub(super) fn argv(words: &[&str], more: &[String]) -> Vec<String> {
    words
        .iter()
        .map(|word| (*word).to_owned())
        .chain(more.iter().cloned())
        .collect()
}
