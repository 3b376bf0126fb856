//! A server on a port of its own.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use isol8_api::config::Config;
use isol8_fakes::Start;
use isol8_server::{Listener, Place, Server, Settings, StopSignal};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use super::{
    description::assert_described,
    places::{Scripted, ScriptedPlace},
};

/// The master key of every server here.
pub(crate) const KEY: &str = "master-key";

/// Longer than anything here takes, so that a hang is a failure.
const PATIENCE: Duration = Duration::from_mins(1);

/// A configuration in which sandboxes are used once and nothing is started ahead.
pub(crate) fn config(value: Value) -> Config {
    let mut all = json!({"poolSize": 0, "defaults": {"readonlyRootFs": false}});
    let given = value.as_object().unwrap().clone();
    all.as_object_mut().unwrap().extend(given);
    serde_json::from_value(all).unwrap()
}

/// A server that serves.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) stop: StopSignal,
    client: reqwest::Client,
    serving: JoinHandle<()>,
    /// What has to last as long as the server.
    kept: Vec<Box<dyn Send>>,
}

impl TestServer {
    /// A server of this place with these settings.
    pub(crate) async fn start(settings: &Settings, place: Arc<dyn Place>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self::start_on(listener, address, settings, place)
    }

    /// The same on this listener. Requests go to `address`.
    pub(crate) fn start_on(
        listener: impl Into<Listener>,
        address: SocketAddr,
        settings: &Settings,
        place: Arc<dyn Place>,
    ) -> Self {
        // reqwest has no provider of its own. Another test has installed it, perhaps.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let server = Server::new(settings, place).unwrap();
        let stop = StopSignal::default();
        Self {
            address,
            serving: tokio::spawn(server.serve(listener.into(), stop.clone())),
            stop,
            kept: Vec::new(),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    /// The same, with something that has to last as long.
    pub(crate) fn keeping(mut self, kept: impl Send + 'static) -> Self {
        self.kept.push(Box::new(kept));
        self
    }

    /// Status and JSON of the answer to a request with this key. A body of `null` is none.
    pub(crate) async fn ask(
        &self,
        key: &str,
        method: Method,
        path: &str,
        body: &Value,
    ) -> (StatusCode, Value) {
        let request = self.bare(method, path).bearer_auth(key);
        answer(match body {
            Value::Null => request,
            body => request.json(body),
        })
        .await
    }

    /// A server over scripted sandboxes.
    pub(crate) async fn scripted(starts: impl IntoIterator<Item = Start>) -> (Self, Arc<Scripted>) {
        Self::scripted_with(&Settings::new(KEY, config(json!({}))), starts).await
    }

    /// The same with other settings.
    pub(crate) async fn scripted_with(
        settings: &Settings,
        starts: impl IntoIterator<Item = Start>,
    ) -> (Self, Arc<Scripted>) {
        let scripted = Scripted::new(starts);
        let place = Arc::new(ScriptedPlace(Arc::clone(&scripted)));
        (Self::start(settings, place).await, scripted)
    }

    /// A request with the master key.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).bearer_auth(KEY)
    }

    /// A request without a key.
    pub(crate) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.address);
        self.client.request(method, url).timeout(PATIENCE)
    }

    /// Status and JSON of the answer to a `GET`.
    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        answer(self.request(Method::GET, path)).await
    }

    /// Status and JSON of the answer to a `POST`.
    pub(crate) async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        answer(self.request(Method::POST, path).json(&body)).await
    }

    /// Status and JSON of the answer to a `DELETE`.
    pub(crate) async fn delete(&self, path: &str) -> (StatusCode, Value) {
        answer(self.request(Method::DELETE, path)).await
    }

    /// Waits for the server to end after it was told to.
    pub(crate) async fn ended(self) {
        let ended = tokio::time::timeout(PATIENCE, self.serving).await;
        ended.expect("the server does not end").unwrap();
    }

    /// Stops the server and waits for its end.
    pub(crate) async fn end(self) {
        self.stop.gracefully.cancel();
        self.ended().await;
    }
}

/// Status and JSON of the answer to a request. The `OpenAPI` document has to have the status.
pub(crate) async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let (client, request) = request.build_split();
    let request = request.unwrap();
    let (method, path) = (request.method().clone(), request.url().path().to_owned());
    let response: Response = client.execute(request).await.unwrap();
    let status = response.status();
    assert_described(&method, &path, status);
    let text = response.text().await.unwrap();
    let json = serde_json::from_str(&text);
    (
        status,
        json.unwrap_or_else(|_| panic!("{status}: {text:?} is no JSON")),
    )
}
