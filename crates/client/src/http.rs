//! Requests to a server: address, key, redirects.

use bytes::Bytes;
use reqwest::{
    Client, Method, RequestBuilder, Response, StatusCode, Url,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION},
    redirect::Policy,
};
use serde::Serialize;

use crate::{
    answer::{Answer, refusal},
    certificates,
    error::{Call, CallError, ConnectionError, Reason, innermost},
    host::Host,
    limits::{CONNECT_PATIENCE, HEALTH_PATIENCE, MAX_REDIRECTS, TCP_KEEPALIVE},
};

/// Variables of the environment that name a proxy.
const PROXIES: [&str; 6] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// What is sent.
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Option<Bytes>,
    /// The kind of answer that is wanted.
    pub(crate) accept: Option<&'static str>,
}

impl Outgoing {
    /// A request without a body.
    pub(crate) fn bare(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            body: None,
            accept: None,
        }
    }

    /// A `POST` of JSON.
    pub(crate) fn post(call: Call, path: &str, body: &impl Serialize) -> Result<Self, CallError> {
        Ok(Self {
            body: Some(json(call, body)?.into()),
            ..Self::bare(Method::POST, path)
        })
    }
}

/// The JSON of a body.
pub(crate) fn json(call: Call, body: &impl Serialize) -> Result<String, CallError> {
    serde_json::to_string(body).map_err(|error| CallError {
        call,
        reason: Reason::Request(error.to_string()),
    })
}

/// A server, and how it is reached.
pub(crate) struct Http {
    client: Client,
    host: Host,
    key: HeaderValue,
}

impl Http {
    /// A client of the server at `host`. Proxies and certificates are those of the environment. Does no I/O but
    /// reading certificates.
    pub(crate) fn new(host: &str, api_key: &str) -> Result<Self, ConnectionError> {
        let host = Host::parse(host)?;
        let mut key = HeaderValue::from_str(&format!("Bearer {api_key}"))
            .map_err(|_| ConnectionError::Key)?;
        key.set_sensitive(true);
        // Fails when there is one already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut trusted = Vec::new();
        // Reading them takes time. A proxy may be reached with encryption where the server is not.
        let is_proxied = || PROXIES.iter().any(|name| std::env::var_os(name).is_some());
        if host.is_encrypted() || (host.socket().is_none() && is_proxied()) {
            trusted = certificates::trusted()?;
        }
        let mut client = Client::builder()
            .redirect(Policy::none())
            .connect_timeout(CONNECT_PATIENCE)
            .tcp_keepalive(TCP_KEEPALIVE)
            .tls_certs_only(trusted);
        if let Some(socket) = host.socket() {
            client = client.no_proxy().unix_socket(socket);
        }
        let client = client
            .build()
            .map_err(|error| ConnectionError::Setup(innermost(&error)))?;
        Ok(Self { client, host, key })
    }

    /// A request to an endpoint, with the key.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.to(method, self.host.join(path))
    }

    fn to(&self, method: Method, url: impl reqwest::IntoUrl) -> RequestBuilder {
        let request = self.client.request(method, url);
        request.header(AUTHORIZATION, self.key.clone())
    }

    /// Why a request has no answer. Names the server where there was no connection.
    fn unreached(&self, error: reqwest::Error) -> Reason {
        if !error.is_connect() {
            return error.into();
        }
        let cause = innermost(&error.without_url());
        Reason::Connection(format!("cannot connect to {}: {cause}", self.host))
    }

    /// The status of the health check, which needs no key.
    pub(crate) async fn health(&self) -> Result<StatusCode, Reason> {
        let request = Outgoing::bare(Method::GET, "/health");
        let answer = tokio::time::timeout(HEALTH_PATIENCE, self.follow(request)).await;
        let seconds = HEALTH_PATIENCE.as_secs();
        Ok(answer.map_err(|_| Reason::NoAnswer { seconds })??.status())
    }

    /// Sends a request and returns the answer, which has a status of success.
    pub(crate) async fn send(&self, call: Call, request: Outgoing) -> Result<Response, CallError> {
        let failed = |reason| CallError { call, reason };
        let response = self.follow(request).await.map_err(failed)?;
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(failed(refusal(response).await))
        }
    }

    /// Sends a request and returns the JSON object of the answer.
    pub(crate) async fn ask(&self, call: Call, request: Outgoing) -> Result<Answer, CallError> {
        let response = self.send(call, request).await?;
        Answer::receive(call, response).await
    }

    /// Sends a request and follows redirects within its origin. Another origin is refused, because the request
    /// carries the key, the program and its secrets. Nothing is sent there.
    async fn follow(&self, request: Outgoing) -> Result<Response, Reason> {
        let Outgoing {
            mut method,
            path,
            mut body,
            accept,
        } = request;
        let mut target = self.host.join(&path);
        for _ in 0..=MAX_REDIRECTS {
            let mut request = self.to(method.clone(), &target);
            if let Some(body) = &body {
                request = request
                    .header(CONTENT_TYPE, "application/json")
                    .body(body.clone());
            }
            if let Some(accept) = accept {
                request = request.header(ACCEPT, accept);
            }
            let response = request
                .send()
                .await
                .map_err(|error| self.unreached(error))?;
            let Some(next) = redirect(&response)? else {
                return Ok(response);
            };
            let repeated = matches!(
                response.status(),
                StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
            );
            if !repeated && method != Method::GET {
                method = Method::GET;
                body = None;
            }
            target = next;
        }
        Err(Reason::Redirects {
            limit: MAX_REDIRECTS,
        })
    }
}

/// Where an answer redirects to, within its origin.
fn redirect(response: &Response) -> Result<Option<String>, Reason> {
    let is_redirect = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let Some(location) = response.headers().get(LOCATION).filter(|_| is_redirect) else {
        return Ok(None);
    };
    let from = response.url();
    let invalid = || Reason::Connection("the server redirects to an address that is none".into());
    let text = location.to_str().map_err(|_| invalid())?;
    let next = from.join(text).map_err(|_| invalid())?;
    if next.origin() != from.origin() {
        return Err(Reason::OtherOrigin {
            origin: next.origin().ascii_serialization(),
        });
    }
    Ok(Some(bare(next).into()))
}

/// An address without name and password: the server must not choose what is sent in their place of the key.
fn bare(mut url: Url) -> Url {
    // Fails for addresses that have no host, which a web address has.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}
