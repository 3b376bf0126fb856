//! Arguments about the sandbox, for every command that runs programs in one.

use clap::{Args, ValueEnum};

use super::{
    BackendArgs, Pair,
    values::{cores, count, pair, size},
};

// Documentation of this type would replace that of the command that it is a part of.
#[derive(Debug, Args)]
pub(crate) struct SandboxArgs {
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

    /// Set a variable of the environment (repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair, help_heading = "Sandbox")]
    pub(crate) env: Vec<Pair>,
    /// Set a variable whose value is masked in all output (repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair, help_heading = "Sandbox")]
    pub(crate) secret: Vec<Pair>,
    /// Install packages first (repeatable, or with commas)
    #[arg(long, value_name = "PACKAGE", help_heading = "Sandbox")]
    pub(crate) install: Vec<String>,

    /// Time limit of the installation, each setup script and the program, in milliseconds
    /// [default: 30000]
    #[arg(long, value_name = "MS", value_parser = count, help_heading = "Limits",
        allow_negative_numbers = true)]
    pub(crate) timeout: Option<u32>,
    /// Memory, such as 512m or 1g [default: 512m]
    #[arg(long, value_name = "SIZE", value_parser = size, help_heading = "Limits",
        allow_hyphen_values = true)]
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
        allow_hyphen_values = true)]
    pub(crate) sandbox_size: Option<String>,
    /// Size of /tmp [default: 256m]
    #[arg(long, value_name = "SIZE", value_parser = size, help_heading = "Limits",
        allow_hyphen_values = true)]
    pub(crate) tmp_size: Option<String>,

    #[command(flatten)]
    pub(crate) backend: BackendArgs,
    /// Image to use in place of the runtime's own
    #[arg(long, value_name = "NAME", help_heading = "Sandbox")]
    pub(crate) image: Option<String>,
    /// Make the root file system writable
    #[arg(long, help_heading = "Sandbox")]
    pub(crate) writable: bool,
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
