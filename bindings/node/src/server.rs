//! A server in this process, as a class.

use std::{
    env::home_dir,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use isol8_api::{ErrorCode, config::Config};
use isol8_assembly::{Place, choose};
use isol8_backend::{Backend, ImageStore};
use isol8_docker::DockerAddress;
use isol8_engine::EngineError;
use isol8_keys::{KeyStore, KeyStoreError};
use isol8_server::{
    ImageStep, Listener, Server, Settings, StopSignal, build_configured_images, key_database,
    listen, local_host,
};
use napi::bindgen_prelude::{Env, PromiseRaw};
use napi_derive::napi;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::{
    certificate::Certificate,
    engine::local_limits,
    exit::life,
    outcome::{NativeError, NativeOutcome, parse_known, thrown, tree},
};

/// Port of a server that names none.
const DEFAULT_PORT: u16 = 3000;

/// Where the sandboxes of a server run.
struct Served(Place);

impl isol8_server::Place for Served {
    fn backend(&self, oci_runtime: Option<&str>) -> Arc<dyn Backend> {
        self.0.backend(oci_runtime)
    }

    fn images(&self) -> Arc<dyn ImageStore> {
        self.0.images()
    }
}

/// What callers write. An unknown field is an error: a misspelt one would listen elsewhere, or accept other keys.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawServerOptions {
    port: Option<f64>,
    hostname: Option<String>,
    api_key: Option<String>,
    auth_db: Option<String>,
    tls_cert: Option<String>,
    tls_key: Option<String>,
    config: Option<Config>,
    backend: Option<String>,
    limits: Option<String>,
    docker: Option<DockerAddress>,
    debug: Option<bool>,
}

/// A server that has not begun to listen.
struct Prepared {
    settings: Settings,
    hostname: Option<String>,
    port: u16,
    /// The database of tenants' keys.
    key_database: Option<String>,
    /// What encrypts connections; none where they are not encrypted.
    certificate: Option<Certificate>,
    place: Arc<Served>,
}

/// Where a server listens.
#[derive(Serialize)]
struct Listening {
    port: u16,
    url: String,
}

/// A server.
#[napi]
pub struct NativeServer {
    prepared: Mutex<Option<Prepared>>,
    end: End,
}

/// The end of a server: how it is asked for, and how it went.
#[derive(Clone)]
struct End {
    stop: StopSignal,
    /// Cancelled when everything has ended.
    ended: CancellationToken,
    /// Why the end was not in order.
    failure: Arc<Mutex<Option<KeyStoreError>>>,
}

#[napi]
impl NativeServer {
    /// A server with the options in `options_json`. `variable` is the value of `ISOL8_BACKEND`. Does no I/O; throws when an
    /// option is refused.
    #[napi(constructor)]
    pub fn new(
        options_json: String,
        variable: Option<String>,
    ) -> Result<Self, napi::Error<String>> {
        let prepared = prepare(&options_json, variable).map_err(thrown)?;
        Ok(Self {
            prepared: Mutex::new(Some(prepared)),
            end: End {
                stop: StopSignal {
                    gracefully: life().child_token(),
                    at_once: life().child_token(),
                },
                ended: CancellationToken::new(),
                failure: Arc::default(),
            },
        })
    }

    /// Reads the certificate, opens the key database, builds the images of the configuration, and begins to serve. Returns an object with the
    /// port and the address. To be called once.
    #[napi]
    pub fn listen<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, NativeOutcome>> {
        let prepared = lock(&self.prepared).take();
        let end = self.end.clone();
        env.spawn_future(async move {
            let Some(prepared) = prepared else {
                let error = EngineError::Internal("a server listens once".to_owned());
                return Ok(Err::<(), _>(error.into()).into());
            };
            Ok(begin(prepared, end).await.into())
        })
    }

    /// Waits until the server has ended. The promise keeps the process alive as long as that.
    #[napi]
    pub fn ended<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, ()>> {
        let ended = self.end.ended.clone();
        env.spawn_future(async move {
            ended.cancelled().await;
            Ok(())
        })
    }

    /// Stops the server, and waits until it has ended. Running calls may take `grace_ms` to end.
    #[napi]
    pub fn stop<'env>(
        &self,
        env: &'env Env,
        grace_ms: f64,
    ) -> napi::Result<PromiseRaw<'env, NativeOutcome>> {
        // A time that is no duration is longer than any.
        let grace = Duration::try_from_secs_f64(grace_ms / 1000.0).unwrap_or(Duration::MAX);
        let End {
            stop,
            ended,
            failure,
        } = self.end.clone();
        env.spawn_future(async move {
            stop.gracefully.cancel();
            tokio::select! {
                () = ended.cancelled() => {}
                () = tokio::time::sleep(grace) => stop.at_once.cancel(),
            }
            ended.cancelled().await;
            let failure = lock(&failure).take();
            Ok(failure.map_or(Ok(()), |error| Err(error.into())).into())
        })
    }
}

/// Begins to serve until `end` is asked for.
async fn begin(prepared: Prepared, end: End) -> Result<Listening, NativeError> {
    let Prepared {
        mut settings,
        hostname,
        port,
        key_database,
        certificate,
        place,
    } = prepared;
    let hostname = hostname.as_deref();
    let tls = certificate.map(|files| files.load()).transpose()?;
    let keys = match &key_database {
        Some(address) => Some(Arc::new(KeyStore::open(address).await?)),
        None => None,
    };
    settings.keys.clone_from(&keys);
    let images = place.0.images();
    let server = Server::new(&settings, place)?;
    build_configured_images(&*images, &settings.config, &log).await?;
    let unbound = |cause: io::Error| cannot_listen(hostname, port, &cause);
    let listener = listen(hostname, port).await.map_err(unbound)?;
    let port = listener.local_addr().map_err(unbound)?.port();
    let (listener, scheme) = match tls {
        Some(tls) => (Listener::Tls(listener, tls), "https"),
        None => (Listener::Tcp(listener), "http"),
    };
    let End {
        stop,
        ended,
        failure,
    } = end;
    tokio::spawn(async move {
        let _ended = ended.drop_guard();
        server.serve(listener, stop).await;
        let Some(keys) = keys else { return };
        if let Err(error) = keys.close().await {
            *lock(&failure) = Some(error);
        }
    });
    let url = format!("{scheme}://{}:{port}", local_host(hostname));
    Ok(Listening { port, url })
}

/// The end of a thread of JavaScript ends its servers.
impl Drop for NativeServer {
    fn drop(&mut self) {
        self.end.stop.at_once.cancel();
    }
}

fn prepare(options_json: &str, variable: Option<String>) -> Result<Prepared, NativeError> {
    isol8_debug_log::listen();
    let raw: RawServerOptions = parse_known("options", tree("options", options_json)?)?;
    let mut config = raw.config.unwrap_or_default();
    config.debug = raw.debug.unwrap_or(config.debug);
    let key = raw
        .api_key
        .ok_or_else(|| refusal("API key required. Give createServer() an apiKey."))?;
    let backend = choose(raw.backend.as_deref(), |_| variable, config.backend)?;
    let limits = match raw.limits {
        Some(word) => local_limits(Some(word))?,
        None => config.limits,
    };
    let place = Place::new(backend, raw.docker.unwrap_or_default(), limits)?;
    let home = home_dir();
    let key_database = key_database(raw.auth_db, &config.auth, home.as_deref())
        .map_err(|error| refusal(&format!("{error}. Give authDb a path or a URL.")))?;
    if raw.port.is_none() && config.server.socket.is_some() {
        return Err(refusal(
            "The configuration has server.socket, and createServer() listens on a port only. Give it a port, or start isol8 serve, \
             which listens on the socket.",
        ));
    }
    let certificate = Certificate::choose(raw.tls_cert, raw.tls_key, &config.server)?;
    let settings = Settings {
        // `stop` keeps the time.
        stop_grace: Duration::MAX,
        ..Settings::new(key, config)
    };
    Ok(Prepared {
        settings,
        hostname: raw.hostname.filter(|hostname| !hostname.is_empty()),
        port: port(raw.port)?,
        key_database,
        certificate,
        place: Arc::new(Served(place)),
    })
}

fn port(written: Option<f64>) -> Result<u16, NativeError> {
    let Some(written) = written else {
        return Ok(DEFAULT_PORT);
    };
    if written.fract() == 0.0 && (0.0..=f64::from(u16::MAX)).contains(&written) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is a whole number in the range"
        )]
        return Ok(written as u16);
    }
    let text = format!("Invalid port: {written}. It must be a whole number from 0 to 65535.");
    Err(refusal(&text))
}

fn log(step: ImageStep<'_>) {
    tracing::debug!(?step, "image of the configuration");
}

fn refusal(message: &str) -> NativeError {
    NativeError::new(ErrorCode::InvalidOption, &message)
}

fn cannot_listen(hostname: Option<&str>, port: u16, cause: &io::Error) -> NativeError {
    let host = hostname.unwrap_or("all interfaces");
    let advice = match cause.kind() {
        io::ErrorKind::AddrInUse => ". Choose another port, or 0 for any free one.",
        _ => "",
    };
    let message = format_args!("Cannot listen on {host}, port {port}: {cause}{advice}");
    NativeError::new(ErrorCode::Server, &message)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
