//! Arguments of `run`.

use std::path::PathBuf;

use clap::{
    Args, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser as _},
};

use super::{
    OutputPath, Pair,
    values::{cores, count, output_path, pair, size},
};

/// Names of the runtimes.
pub(crate) const RUNTIMES: [&str; 6] = ["python", "node", "bun", "deno", "bash", "agent"];

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
    /// File with the program
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
        value_parser = PossibleValuesParser::new(RUNTIMES).map(|name| name.clone()))]
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

    /// Network of the sandbox [default: none; filtered with --install]
    #[arg(long, value_name = "MODE", help_heading = "Network")]
    pub(crate) net: Option<NetworkArg>,
    /// Host that a filtered network allows, as a regular expression (repeatable)
    #[arg(long, value_name = "REGEX", help_heading = "Network")]
    pub(crate) allow: Vec<String>,
    /// Host that a filtered network refuses, as a regular expression (repeatable)
    #[arg(long, value_name = "REGEX", help_heading = "Network")]
    pub(crate) deny: Vec<String>,
    /// Show what the filtered network let through and refused
    #[arg(long, help_heading = "Network")]
    pub(crate) log_network: bool,

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
    /// Put the files of this folder into /sandbox
    #[arg(long, value_name = "DIR", help_heading = "Input and files")]
    pub(crate) files: Option<PathBuf>,
    /// Working directory, inside /sandbox [default: /sandbox]
    #[arg(long, value_name = "PATH", help_heading = "Input and files")]
    pub(crate) workdir: Option<String>,
    /// Set a variable of the environment (repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair, help_heading = "Input and files")]
    pub(crate) env: Vec<Pair>,
    /// Set a variable whose value is masked in all output (repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair, help_heading = "Input and files")]
    pub(crate) secret: Vec<Pair>,
    /// Install packages first (repeatable, or with commas)
    #[arg(long, value_name = "PACKAGE", help_heading = "Input and files")]
    pub(crate) install: Vec<String>,
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
    /// Copy a file out of the sandbox when the program has ended (repeatable)
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

    /// Time limit of the installation, each setup script and the program, in milliseconds
    /// [default: 30000]
    #[arg(long, value_name = "MS", value_parser = count, help_heading = "Limits",
        allow_negative_numbers = true)]
    pub(crate) timeout: Option<u32>,
    /// Memory, such as 512m or 1g [default: 512m]
    #[arg(long, value_name = "SIZE", value_parser = size, help_heading = "Limits",
        allow_negative_numbers = true)]
    pub(crate) memory: Option<String>,
    /// Processor cores, such as 0.5 or 2 [default: 1]
    #[arg(long, value_name = "CORES", value_parser = cores, help_heading = "Limits",
        allow_negative_numbers = true)]
    pub(crate) cpu: Option<f64>,
    /// Processes and threads [default: 64; agent: 200]
    #[arg(long, value_name = "N", value_parser = count, help_heading = "Limits",
        allow_negative_numbers = true)]
    pub(crate) pids_limit: Option<u32>,
    /// Bytes kept of each output stream [default: 1048576]
    #[arg(long, value_name = "BYTES", value_parser = count, help_heading = "Limits",
        allow_negative_numbers = true)]
    pub(crate) max_output: Option<u32>,
    /// Size of /sandbox [default: 512m; agent: 2g]
    #[arg(long, value_name = "SIZE", value_parser = size, help_heading = "Limits",
        allow_negative_numbers = true)]
    pub(crate) sandbox_size: Option<String>,
    /// Size of /tmp [default: 256m]
    #[arg(long, value_name = "SIZE", value_parser = size, help_heading = "Limits",
        allow_negative_numbers = true)]
    pub(crate) tmp_size: Option<String>,

    /// Image to use in place of the runtime's own
    #[arg(long, value_name = "NAME", help_heading = "Sandbox")]
    pub(crate) image: Option<String>,
    /// Make the root file system writable
    #[arg(long, help_heading = "Sandbox")]
    pub(crate) writable: bool,
    /// Run the program in a session's interpreter; the sandbox ends with this command
    #[arg(long, help_heading = "Sandbox")]
    pub(crate) persistent: bool,
    /// Keep the container afterwards, to look into it
    #[arg(long, help_heading = "Sandbox")]
    pub(crate) persist: bool,
}

/// Network of a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NetworkArg {
    /// Loopback only
    None,
    /// The host's own network
    Host,
    /// HTTP and HTTPS to allowed hosts, through a proxy
    Filtered,
}
