//! The calls of a client.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use isol8_api::http::{FileContents, Login, NewKeyBody, SessionInfo, SessionList, UploadBody};
use reqwest::Method;
use serde::Serialize;
use url::form_urlencoded;

use crate::{
    answer::Answer,
    connection::Connection,
    error::{Call, CallError, ConnectionError, Reason},
    http::{Http, Outgoing, json},
    input::RemoteInput,
    stream::RemoteStream,
};

/// A client of one server. Cheap to clone; the clones share connections. Dropping the future of a call ends the
/// call, and with it the program that it runs.
#[derive(Clone)]
pub struct RemoteClient(Arc<Connection>);

impl RemoteClient {
    /// A client of the server at `host`, such as `http://localhost:3000`, or `unix:/run/isol8.sock` for a Unix socket. Sends nothing yet. Proxies are those of
    /// `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`; certificates those of this machine or of
    /// `SSL_CERT_FILE` and `SSL_CERT_DIR`, and of `NODE_EXTRA_CA_CERTS`.
    pub fn new(host: &str, api_key: &str) -> Result<Self, ConnectionError> {
        Ok(Self(Arc::new(Connection {
            http: Http::new(host, api_key)?,
            use_websocket: AtomicBool::new(true),
        })))
    }

    /// The same client, with server-sent events for every stream.
    #[must_use]
    pub fn without_websocket(self) -> Self {
        self.0.use_websocket.store(false, Ordering::Relaxed);
        self
    }

    /// Checks that the server answers. Needs no key.
    pub async fn health(&self) -> Result<(), CallError> {
        let call = Call::Health;
        let status = self.0.http.health().await;
        match status {
            Ok(status) if status.is_success() => Ok(()),
            Ok(status) => Err(Reason::Unwell(status.as_u16())),
            Err(reason) => Err(reason),
        }
        .map_err(|reason| CallError { call, reason })
    }

    /// Runs a program to its end. `body` is an [`ExecuteBody`](isol8_api::http::ExecuteBody); the answer is an
    /// [`ExecutionResult`](isol8_api::result::ExecutionResult).
    pub async fn execute(&self, body: &impl Serialize) -> Result<Answer, CallError> {
        let request = Outgoing::post(Call::Execute, "/execute", body)?;
        self.0.http.ask(Call::Execute, request).await
    }

    /// Runs a program and streams its events. `body` is an [`ExecuteBody`](isol8_api::http::ExecuteBody). With
    /// `input`, the program's input stays open for it, which only a `WebSocket` can do.
    ///
    /// Must be called within a tokio runtime.
    pub fn stream(
        &self,
        body: &impl Serialize,
        input: Option<RemoteInput>,
    ) -> Result<RemoteStream, CallError> {
        let body = json(Call::Stream, body)?;
        Ok(RemoteStream::start(Arc::clone(&self.0), body, input))
    }

    /// Writes a file into the sandbox of a session.
    pub async fn put_file(
        &self,
        session_id: &str,
        path: &str,
        content: &[u8],
    ) -> Result<(), CallError> {
        let body = UploadBody {
            session_id: session_id.to_owned(),
            path: path.to_owned(),
            content: BASE64.encode(content),
        };
        let request = Outgoing::post(Call::Upload, "/file", &body)?;
        self.0.http.send(Call::Upload, request).await.map(drop)
    }

    /// Reads a file from the sandbox of a session.
    pub async fn get_file(&self, session_id: &str, path: &str) -> Result<Vec<u8>, CallError> {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("sessionId", session_id)
            .append_pair("path", path)
            .finish();
        let request = Outgoing::bare(Method::GET, format!("/file?{query}"));
        let answer = self.0.http.ask(Call::Download, request).await?;
        let FileContents { content } = answer.part("content")?;
        BASE64.decode(content).map_err(|error| CallError {
            call: Call::Download,
            reason: Reason::Unreadable(error.to_string()),
        })
    }

    /// The sessions that the key may see.
    pub async fn list_sessions(&self) -> Result<Vec<SessionInfo>, CallError> {
        let answer = self.sessions().await?;
        let SessionList { sessions } = answer.part("sessions")?;
        Ok(sessions)
    }

    /// The same as the server wrote it: a [`SessionList`].
    pub async fn sessions(&self) -> Result<Answer, CallError> {
        let request = Outgoing::bare(Method::GET, "/sessions");
        self.0.http.ask(Call::ListSessions, request).await
    }

    /// Deletes a session. An unknown id is no error.
    pub async fn delete_session(&self, id: &str) -> Result<(), CallError> {
        let id: String = form_urlencoded::byte_serialize(id.as_bytes()).collect();
        // In a path a plus is itself.
        let path = format!("/session/{}", id.replace('+', "%20"));
        let request = Outgoing::bare(Method::DELETE, path);
        let sent = self.0.http.send(Call::DeleteSession, request).await;
        sent.map(drop)
    }

    /// Removes what is left of the caller's sandboxes, and images where that is asked for.
    pub async fn cleanup(&self, images: bool) -> Result<Answer, CallError> {
        let body = serde_json::json!({ "images": images });
        let request = Outgoing::post(Call::Cleanup, "/cleanup", &body)?;
        self.0.http.ask(Call::Cleanup, request).await
    }

    /// How many executions could begin at once, and how many wait.
    pub async fn queue_status(&self) -> Result<Answer, CallError> {
        let request = Outgoing::bare(Method::GET, "/queue/status");
        self.0.http.ask(Call::QueueStatus, request).await
    }

    /// Makes a key that ends by itself, with the key of this client.
    pub async fn login(&self, body: &NewKeyBody) -> Result<Login, CallError> {
        let request = Outgoing::post(Call::Login, "/auth/login", body)?;
        self.0.http.ask(Call::Login, request).await?.read()
    }
}
