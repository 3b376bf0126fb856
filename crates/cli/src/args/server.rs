//! Arguments of the commands that use a server.

use clap::{Args, Subcommand};

/// Get a key from a server and keep it for later commands.
///
/// The server must keep its keys in a database (--auth-db). The new key is written to
/// ~/.isol8/credentials.json, which only you can read. Commands with the same --host use it.
#[derive(Debug, Args)]
#[expect(
    clippy::doc_markdown,
    reason = "these comments are printed as they are"
)]
pub(crate) struct LoginArgs {
    /// Address of the server, such as `http://localhost:3000` or `unix:/run/isol8.sock`
    #[arg(long, value_name = "URL")]
    pub(crate) host: String,
    /// API key of the server [default: $ISOL8_API_KEY]
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// Name of the new key [default: cli-login- and the time]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// How long the new key is valid, in milliseconds [default: the server's]
    #[arg(long, value_name = "MS", value_parser = super::values::count,
        allow_negative_numbers = true)]
    pub(crate) ttl: Option<u32>,
}

/// Forget the stored key.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct LogoutArgs {}

/// List or stop the sessions of a server.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct SessionArgs {
    #[command(subcommand)]
    pub(crate) command: SessionCommand,
}

/// What is done with sessions.
#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    List(SessionListArgs),
    Stop(SessionStopArgs),
}

/// List the sessions that the key may see.
#[derive(Debug, Args)]
pub(crate) struct SessionListArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Stop a session. Its sandbox and its files are gone.
#[derive(Debug, Args)]
pub(crate) struct SessionStopArgs {
    /// Id of the session
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Which server.
#[derive(Debug, Args)]
#[expect(
    clippy::doc_markdown,
    reason = "these comments are printed as they are"
)]
pub(crate) struct ServerArgs {
    /// Address of the server, such as `http://localhost:3000` or `unix:/run/isol8.sock`
    #[arg(long, value_name = "URL")]
    pub(crate) host: String,
    /// API key [default: $ISOL8_API_KEY, else that of `isol8 login`]
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
}

/// The server of a program.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
#[expect(
    clippy::doc_markdown,
    reason = "these comments are printed as they are"
)]
pub(crate) struct RemoteArgs {
    /// Run on the server at this address, such as `http://localhost:3000` or `unix:/run/isol8.sock`
    #[arg(long, value_name = "URL")]
    pub(crate) host: Option<String>,
    /// API key of the server [default: $ISOL8_API_KEY, else that of `isol8 login`]
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// Run in this session of the server, which is made when there is none
    #[arg(long, value_name = "ID")]
    pub(crate) session_id: Option<String>,
}
