//! The course of `serve`: images, port, connections, end.

use std::{panic::resume_unwind, sync::Arc};

use isol8_api::config::Config;
use isol8_assembly::Decision;
use isol8_keys::KeyStore;
use isol8_server::{Listener, Place as _, Server, Settings, StopSignal, Tls};
use tokio_util::task::AbortOnDropHandle;
use url::Url;

use super::{descriptors, images, open::open};
use crate::{
    args::ServeArgs,
    failure::{Exit, Failure},
    output::{Console, print},
    sandboxes::Sandboxes,
    settings::{BackendSettings, ServeSettings, variable},
    signals::{HANG_UP, Signals},
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
        address,
        keep_images,
        auth_db,
    } = ServeSettings::resolve(args, config, home.as_deref(), variable)?;
    // Before everything that takes time.
    let tls = address.tls()?;
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
    descriptors::raise_limit();
    let (listener, shown) = open(&address, tls.clone(), console).await?;
    let mut signals = Signals::listen()?.with_each_hang_up(tls.is_some());
    announce(&shown, auth_db.as_deref())?;
    serve(server, listener, tls.as_ref(), &mut signals, console).await;
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

fn announce(address: &str, auth_db: Option<&str>) -> Result<(), Failure> {
    let version = env!("CARGO_PKG_VERSION");
    print(&format!(
        "[INFO] isol8 server v{version} listening on {address}\n\
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

/// Serves until the first signal. The second ends what still runs. With encryption, a hang-up reads the certificate again
/// and ends nothing.
async fn serve(
    server: Server,
    listener: Listener,
    tls: Option<&Tls>,
    signals: &mut Signals,
    console: Console,
) {
    let stop = StopSignal::default();
    // On the threads that carry the connections: this one would have to be woken to accept each of them.
    let mut serving = AbortOnDropHandle::new(tokio::spawn(server.serve(listener, stop.clone())));
    let mut received = 0;
    loop {
        let signal = tokio::select! {
            ended = &mut serving => match ended {
                Err(failed) if failed.is_panic() => resume_unwind(failed.into_panic()),
                _ => return,
            },
            signal = signals.next() => signal,
        };
        if let (Some(tls), HANG_UP) = (tls, signal) {
            match tls.reload() {
                Ok(()) => console.note("[Serve] New connections have the certificate as it is now"),
                Err(error) => console.warn(&format!("{error}. The certificate stays as it was")),
            }
            continue;
        }
        received += 1;
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
