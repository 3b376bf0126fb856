//! The course of `serve`: images, port, connections, end.

use std::sync::Arc;

use isol8_api::config::Config;
use isol8_assembly::Decision;
use isol8_keys::KeyStore;
use isol8_server::{Place as _, Server, Settings, StopSignal, local_host};
use tokio::net::TcpListener;
use url::Url;

use super::{images, listen::listen};
use crate::{
    args::ServeArgs,
    failure::{Exit, Failure},
    output::{Console, print},
    sandboxes::Sandboxes,
    settings::{BackendSettings, ServeSettings, variable},
    signals::Signals,
};

/// Serves until a signal comes. Ends with 0.
pub(crate) async fn run(
    args: ServeArgs,
    config: &Config,
    debug: bool,
    console: Console,
) -> Result<Exit, Failure> {
    if args.update {
        console.info("The server is part of this program: nothing has to be downloaded.");
    }
    let home = std::env::home_dir();
    let backend = BackendSettings::resolve(&args.backend, config, variable)?;
    let ServeSettings {
        key,
        port,
        hostname,
        keep_images,
        auth_db,
    } = ServeSettings::resolve(args, &config.auth, home.as_deref(), variable)?;
    let sandboxes = Arc::new(Sandboxes::new(backend)?.served(console));
    let config = Config {
        debug,
        ..config.clone()
    };
    let keys = match &auth_db {
        Some(address) => Some(Arc::new(KeyStore::open(address).await?)),
        None => None,
    };
    let settings = Settings {
        keys: keys.clone(),
        ..Settings::new(key, config)
    };
    let server = Server::new(&settings, Arc::clone(&sandboxes) as _)?;
    // Without a backend the server serves, and says so to its clients: there may be one later.
    if let Ok(Decision::Local { why }) = sandboxes.place().decision().await {
        console.note(&format!("[Serve] Sandboxes are local: {why}"));
    }
    // While images are built and a port is chosen, a signal ends the process as usual.
    images::build(&*sandboxes.images(), &settings.config, console).await?;
    let listener = listen(hostname.as_deref(), port, console).await?;
    let mut signals = Signals::listen()?;
    announce(hostname.as_deref(), &listener, auth_db.as_deref())?;
    serve(server, listener, &mut signals, console).await;
    if let Some(keys) = keys {
        keys.close().await?;
    }
    let keeps_images = keep_images || settings.config.cleanup.keep_images;
    for error in sandboxes.clean_up(!keeps_images).await {
        console.warn(&error);
    }
    console.note("[Serve] Cleanup complete");
    Ok(Exit::Success)
}

fn announce(
    hostname: Option<&str>,
    listener: &TcpListener,
    auth_db: Option<&str>,
) -> Result<(), Failure> {
    let address = listener
        .local_addr()
        .map_err(|cause| Failure::input_output("Cannot listen", cause))?;
    let host = local_host(hostname);
    let (version, port) = (env!("CARGO_PKG_VERSION"), address.port());
    print(&format!(
        "[INFO] isol8 server v{version} listening on http://{host}:{port}\n\
         \x20      Auth: Bearer token required"
    ))?;
    if let Some(address) = auth_db {
        print(&format!("       Auth DB: {}", without_password(address)))?;
    }
    Ok(())
}

/// An address that may be shown.
fn without_password(address: &str) -> String {
    let Ok(mut url) = Url::parse(address) else {
        return address.to_owned();
    };
    // Parameters may have a password as well.
    url.set_query(None);
    if url.password().is_some() {
        let _ = url.set_password(Some("***"));
    }
    url.to_string()
}

/// Serves until the first signal. The second ends what still runs.
async fn serve(server: Server, listener: TcpListener, signals: &mut Signals, console: Console) {
    let stop = StopSignal::default();
    let serving = server.serve(listener, stop.clone());
    tokio::pin!(serving);
    let mut received = 0;
    loop {
        tokio::select! {
            () = &mut serving => return,
            _ = signals.next() => received += 1,
        }
        if received == 1 {
            console.note("[Serve] Shutting down server and cleaning up resources...");
            stop.gracefully.cancel();
        } else {
            stop.at_once.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_of_a_database_is_not_shown() {
        for (address, shown) in [
            ("/home/u/auth.db", "/home/u/auth.db"),
            ("postgres://u:hunter2@h/d", "postgres://u:***@h/d"),
            ("mysql://u@h/d?password=hunter2", "mysql://u@h/d"),
        ] {
            assert_eq!(without_password(address), shown);
        }
    }
}
