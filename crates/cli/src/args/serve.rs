//! Arguments of `serve`.

use std::path::PathBuf;

use clap::Args;

use super::BackendArgs;

/// Serve the engine over HTTP.
///
/// Clients show the API key as a bearer token. Whoever has it may do everything that this program may. Give
/// it in ISOL8_API_KEY where other users can see the command lines of this machine. With a key database there are
/// keys for tenants as well, who are held to the section "tenants" of the configuration. An interrupt lets running
/// calls end for 30 s; a second one ends them at once.
#[derive(Debug, Args)]
#[expect(
    clippy::doc_markdown,
    reason = "these comments are printed as they are"
)]
pub(crate) struct ServeArgs {
    /// Port [default: $ISOL8_PORT, else $PORT, else 3000]
    #[arg(short, long, value_name = "PORT")]
    pub(crate) port: Option<String>,
    /// API key that clients must show [default: $ISOL8_API_KEY]
    #[arg(short, long, value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// Accept keys of tenants, from this database: a path (SQLite), or a postgres:// or mysql:// URL [default:
    /// auth.connectionString of the configuration where auth.enabled is true; without a value ~/.isol8/auth.db]
    #[arg(long, value_name = "DATABASE", num_args = 0..=1, default_missing_value = "")]
    pub(crate) auth_db: Option<String>,
    /// Address to listen on [default: all interfaces]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) hostname: Option<String>,
    /// Encrypt connections with the certificate in this PEM file. A hang-up signal (SIGHUP) reads certificate and key
    /// again [default: $ISOL8_TLS_CERT, else server.tlsCert of the configuration]
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Private key of the certificate, a PEM file [default: $ISOL8_TLS_KEY, else server.tlsKey of the configuration]
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Listen on a Unix socket in place of a port. Only this user can connect to it [default: $ISOL8_SOCKET, else
    /// server.socket of the configuration]
    #[arg(long, value_name = "PATH", conflicts_with_all = ["port", "hostname", "tls_cert", "tls_key"])]
    pub(crate) socket: Option<PathBuf>,
    /// Leave the images in place at the end, as cleanup.keepImages of the configuration does. Without it they are
    /// removed, and built again when needed
    #[arg(long)]
    pub(crate) keep_images: bool,
    #[command(flatten)]
    pub(crate) backend: BackendArgs,
    /// Accepted for older scripts. The server is part of this program, and nothing is downloaded
    #[arg(long)]
    pub(crate) update: bool,
}
