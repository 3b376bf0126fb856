//! Arguments of `run`.

use std::path::PathBuf;

use clap::{
    Args,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser as _},
};
use isol8_api::runtimes::{ALIASES, RUNTIMES, canonical_name};

use super::{OutputPath, RemoteArgs, SandboxArgs, values::output_path};

/// A runtime under all of its names.
fn with_aliases(name: &'static str) -> PossibleValue {
    let aliases = ALIASES.into_iter().filter(|(_, own)| *own == name);
    PossibleValue::new(name).aliases(aliases.map(|(alias, _)| alias))
}

/// Run code in a sandbox.
///
/// The exit code is that of the program. The code comes from --cmd, else --url, --github or --gist, else
/// --eval, else the file, else standard input. Its output is shown as it comes. It has no input unless
/// --stdin or --interactive gives it some. Ctrl-C ends the program and leaves nothing behind.
///
/// Other users of this machine can see its command lines, with the values of --secret and --env in them.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct RunArgs {
    /// File with the program; - or none is standard input
    pub(crate) file: Option<PathBuf>,

    /// Run this text
    #[arg(
        short,
        long,
        value_name = "CODE",
        help_heading = "Program",
        allow_hyphen_values = true
    )]
    pub(crate) eval: Option<String>,
    /// Run this command line with bash in the image of the runtime
    #[arg(
        long,
        value_name = "COMMAND",
        help_heading = "Program",
        allow_hyphen_values = true
    )]
    pub(crate) cmd: Option<String>,
    /// Runtime [default: that of the file's extension, else python; bash for --cmd]
    #[arg(short, long, value_name = "RUNTIME", help_heading = "Program",
        value_parser = PossibleValuesParser::new(RUNTIMES.map(with_aliases)).map(|name| canonical_name(&name).to_owned()))]
    pub(crate) runtime: Option<String>,
    /// Fetch the program from this URL (needs remoteCode.enabled in the configuration)
    #[arg(long, help_heading = "Program")]
    pub(crate) url: Option<String>,
    /// Fetch the program from GitHub
    #[arg(long, value_name = "OWNER/REPO/REF/PATH", help_heading = "Program")]
    pub(crate) github: Option<String>,
    /// Fetch the program from a gist
    #[arg(long, value_name = "GISTID/FILE.EXT", help_heading = "Program")]
    pub(crate) gist: Option<String>,
    /// SHA-256 that fetched code must have
    #[arg(long, value_name = "SHA256", help_heading = "Program")]
    pub(crate) hash: Option<String>,
    /// Fetch the program over plain HTTP, too
    #[arg(long, help_heading = "Program")]
    pub(crate) allow_insecure_code_url: bool,
    /// More flags for the coding agent, as in a shell
    #[arg(
        long,
        value_name = "FLAGS",
        help_heading = "Program",
        allow_hyphen_values = true
    )]
    pub(crate) agent_flags: Option<String>,

    /// Give the program this input; - is this command's own standard input, read to its end
    #[arg(
        long,
        value_name = "DATA",
        help_heading = "Input and files",
        allow_hyphen_values = true
    )]
    pub(crate) stdin: Option<String>,
    /// Pass this command's standard input on while the program runs
    #[arg(
        short,
        long,
        conflicts_with = "stdin",
        help_heading = "Input and files"
    )]
    pub(crate) interactive: bool,
    /// Put the files of this folder into /sandbox: at most 100000, with 2 GiB; with --host 90 MiB
    #[arg(long, value_name = "DIR", help_heading = "Input and files")]
    pub(crate) files: Option<PathBuf>,
    /// Working directory, inside /sandbox [default: /sandbox]
    #[arg(long, value_name = "PATH", help_heading = "Input and files")]
    pub(crate) workdir: Option<String>,
    /// Run this script, or the script in this file, first (repeatable)
    #[arg(
        long,
        value_name = "COMMAND|FILE",
        help_heading = "Input and files",
        allow_hyphen_values = true
    )]
    pub(crate) setup: Vec<String>,

    /// Write standard output to this file, too
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) out: Option<PathBuf>,
    /// Copy a file or a folder out of the sandbox when the program has ended (repeatable)
    #[arg(long, value_name = "SRC[:DEST]", value_parser = output_path, help_heading = "Output")]
    pub(crate) output_path: Vec<OutputPath>,
    /// Let --output-path replace files
    #[arg(long, help_heading = "Output")]
    pub(crate) force: bool,
    /// Show the output when the program has ended
    #[arg(long, help_heading = "Output")]
    pub(crate) no_stream: bool,
    /// Print a line of JSON for each event and for the result; with --no-stream the result alone
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    /// Run again whenever the file changes
    #[arg(long, help_heading = "Output")]
    pub(crate) watch: bool,

    #[command(flatten)]
    pub(crate) sandbox: SandboxArgs,
    /// Run the program in a session's interpreter; the sandbox ends with this command, but for a session
    /// of a server
    #[arg(long, help_heading = "Sandbox")]
    pub(crate) persistent: bool,

    #[command(flatten)]
    pub(crate) remote: RemoteArgs,
}
