//! HTTP/1.1 towards the client and towards upstream. Each request is judged, rebuilt and sent.
//!
//! An upstream connection serves one client connection only. A later request uses it only for the same
//! host and port. The policy has allowed these already, and it never changes.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::Either;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::header::{CONTENT_LENGTH, HOST, HeaderValue, TRANSFER_ENCODING};
use hyper::http::uri::PathAndQuery;
use hyper::service::service_fn;
use hyper::upgrade::{OnUpgrade, on};
use hyper::{Method, Request, StatusCode, Uri, Version, client, server};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;

use crate::connect::connect;
use crate::context::Context;
use crate::headers;
use crate::limits::{HTTP_PORT, Limits};
use crate::refusal::Refusal;
use crate::respond::{Answer, Relayed, bad_request, blocked, empty, unreachable};
use crate::run::{BlockReason, OpenEntry};
use crate::target::{Target, TargetError};
use crate::upstream_socket::UpstreamSocket;

/// The smallest head buffer that hyper accepts.
const LEAST_HEAD: usize = 8 * 1024;

/// The kind of requests that a connection carries.
#[derive(Debug, Clone)]
pub(crate) enum Mode {
    /// Proxy requests: absolute form and CONNECT.
    Proxy,
    /// Ordinary requests inside a tunnel, all for its target.
    Tunnel(Target),
}

/// What a connection becomes after HTTP.
pub(crate) enum Next {
    /// A tunnel to `target`, connected and already confirmed to the client.
    Tunnel {
        client: OnUpgrade,
        upstream: Box<UpstreamSocket>,
        target: Target,
        entry: OpenEntry,
    },
    /// An upgraded connection on both sides. `guard` drives the upstream one until it is handed over.
    Upgrade {
        client: OnUpgrade,
        upstream: OnUpgrade,
        guard: Upstream,
        entry: OpenEntry,
    },
}

/// Serves HTTP on `stream` until it ends or becomes something else. `upstream` is a connection to
/// the tunnel's target that has not been used yet.
pub(crate) async fn serve<S>(
    context: &Context,
    mode: Mode,
    stream: S,
    upstream: Option<UpstreamSocket>,
) -> Option<Next>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = &*context.limits;
    let slot = match (&mode, upstream) {
        (Mode::Tunnel(target), Some(io)) => Some(Upstream::open(io, target.clone(), limits).await?),
        _ => None,
    };
    let session = Arc::new(Session {
        context: context.clone(),
        mode,
        slot: Mutex::new(slot),
        next: Mutex::new(None),
    });
    let service = service_fn(|request| {
        let session = Arc::clone(&session);
        async move { Ok::<_, Infallible>(session.answer(request).await) }
    });
    let served = server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_headers(limits.headers)
        .max_buf_size(limits.head_bytes.max(LEAST_HEAD))
        // A client that closes its side has given up, as far as a proxy can tell. Squid and nginx do the
        // same. Its request upstream is abandoned.
        .half_close(false)
        .preserve_header_case(true)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    // The client caused the error: an invalid head or a broken stream. hyper has sent an answer where
    // one was possible.
    served.ok()?;
    session
        .next
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take()
}

/// One client connection.
struct Session {
    context: Context,
    mode: Mode,
    slot: Mutex<Option<Upstream>>,
    next: Mutex<Option<Next>>,
}

/// An HTTP connection to one host and port.
pub(crate) struct Upstream {
    target: Target,
    sender: SendRequest<Incoming>,
    _driver: AbortOnDrop,
}

/// Ends the task that moves the bytes of an upstream connection, together with the client connection.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Upstream {
    async fn open(io: UpstreamSocket, target: Target, limits: &Limits) -> Option<Self> {
        let (sender, connection) = client::conn::http1::Builder::new()
            .max_headers(limits.headers)
            .max_buf_size(limits.head_bytes.max(LEAST_HEAD))
            .preserve_header_case(true)
            .handshake(TokioIo::new(io))
            .await
            .ok()?;
        // A failure reaches the waiting request, or leaves the sender closed.
        let driver = tokio::spawn(async move {
            let _ = connection.with_upgrades().await;
        });
        Some(Self {
            target,
            sender,
            _driver: AbortOnDrop(driver),
        })
    }
}

impl Session {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let is_connect = request.method() == Method::CONNECT;
        let target = match &self.mode {
            Mode::Proxy if is_connect => Target::of_connect(request.uri()),
            Mode::Proxy if request.headers().get_all(HOST).iter().count() > 1 => {
                Err(TargetError::HostField)
            }
            Mode::Proxy => Target::of_absolute(request.uri()),
            Mode::Tunnel(_) => Target::of_origin(request.uri(), request.headers()),
        };
        let target = match target {
            Ok(target) => target,
            Err(error) => return self.refuse(&request, &error),
        };
        let fields = request.headers();
        let framed = fields.contains_key(CONTENT_LENGTH) || fields.contains_key(TRANSFER_ENCODING);
        if is_connect && framed {
            return bad_request("CONNECT has no body");
        }
        let path = (!is_connect).then(|| request.uri().path());
        let host = target.host.as_str();
        let entry = self.context.run.open(request.method().as_str(), host, path);
        if let Mode::Tunnel(judged) = &self.mode
            && *judged != target
        {
            entry.block(BlockReason::TunnelHost);
            return blocked(request.method(), host, None);
        }
        if is_connect {
            self.tunnel(request, target, entry).await
        } else {
            self.forward(request, target, entry).await
        }
    }

    /// Answers with status 400. A target that hides its host is also logged.
    fn refuse(&self, request: &Request<Incoming>, error: &TargetError) -> Answer {
        if matches!(error, TargetError::Host(_) | TargetError::UserInfo) {
            let entry = self
                .context
                .run
                .open(request.method().as_str(), "(invalid)", None);
            entry.block(BlockReason::HostMalformed(error.to_string()));
        }
        bad_request(&error.to_string())
    }

    async fn tunnel(
        &self,
        mut request: Request<Incoming>,
        target: Target,
        entry: OpenEntry,
    ) -> Answer {
        match connect(&self.context, &target).await {
            Ok(upstream) => {
                let (client, upstream) = (on(&mut request), Box::new(upstream));
                self.become_next(Next::Tunnel {
                    client,
                    upstream,
                    target,
                    entry,
                });
                empty(StatusCode::OK)
            }
            Err(refusal) => denied(&Method::CONNECT, &target, &entry, refusal),
        }
    }

    async fn forward(
        &self,
        mut request: Request<Incoming>,
        target: Target,
        entry: OpenEntry,
    ) -> Answer {
        let method = request.method().clone();
        let upgrade = headers::upgrades(request.headers());
        let client = upgrade.then(|| on(&mut request));
        let Some(request) = rebuild(request, &target, upgrade) else {
            return bad_request("the request target cannot be forwarded");
        };
        let (mut response, upstream) = match self.send(request, &target).await {
            Ok(sent) => sent,
            Err(refusal) => return denied(&method, &target, &entry, refusal),
        };
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let agreed = headers::upgrades(response.headers());
            let (Some(client), true) = (client, agreed) else {
                return unreachable(&method, target.host.as_str(), "it answered out of turn");
            };
            let switched = on(&mut response);
            let mut answer = empty(StatusCode::SWITCHING_PROTOCOLS);
            *answer.headers_mut() = std::mem::take(response.headers_mut());
            headers::strip(answer.headers_mut());
            headers::keep_upgrade(answer.headers_mut());
            self.become_next(Next::Upgrade {
                client,
                upstream: switched,
                guard: upstream,
                entry,
            });
            return answer;
        }
        let length = response.body().size_hint().exact();
        self.keep(upstream);
        headers::inbound(response.headers_mut(), length);
        response.map(|body| Either::Left(Relayed::new(body, entry)))
    }

    /// Sends on the kept connection if it is for `target`, else on a new one. A request that the kept
    /// connection did not take at all is sent again.
    async fn send(
        &self,
        mut request: Request<Incoming>,
        target: &Target,
    ) -> Result<(hyper::Response<Incoming>, Upstream), Refusal> {
        let kept = self
            .slot
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(mut upstream) = kept.filter(|kept| kept.target == *target)
            && upstream.sender.ready().await.is_ok()
        {
            match upstream.sender.try_send_request(request).await {
                Ok(response) => return Ok((response, upstream)),
                Err(mut error) => request = error.take_message().ok_or(Refusal::Failed)?,
            }
        }
        let io = connect(&self.context, target).await?;
        let limits = &*self.context.limits;
        let mut upstream = Upstream::open(io, target.clone(), limits)
            .await
            .ok_or(Refusal::Failed)?;
        let response = upstream
            .sender
            .send_request(request)
            .await
            .map_err(|_| Refusal::Broken)?;
        Ok((response, upstream))
    }

    fn keep(&self, upstream: Upstream) {
        *self.slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(upstream);
    }

    fn become_next(&self, next: Next) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(next);
    }
}

/// Returns the request as it leaves: in origin form, HTTP/1.1, with the host that was judged and new
/// framing.
fn rebuild(
    request: Request<Incoming>,
    target: &Target,
    upgrade: bool,
) -> Option<Request<Incoming>> {
    let (mut parts, body) = request.into_parts();
    let host = target.host.authority(target.port, HTTP_PORT);
    let host = HeaderValue::try_from(host).ok()?;
    headers::outbound(&mut parts.headers, host, body.size_hint().exact());
    if upgrade {
        headers::keep_upgrade(&mut parts.headers);
    }
    parts.uri = origin_form(&parts.uri)?;
    parts.version = Version::HTTP_11;
    Some(Request::from_parts(parts, body))
}

/// Returns path and query. An absolute URL may have no path, or only a query.
fn origin_form(uri: &Uri) -> Option<Uri> {
    let path = uri.path_and_query().map_or("", PathAndQuery::as_str);
    if path.starts_with('/') {
        path.parse()
    } else {
        format!("/{path}").parse()
    }
    .ok()
}

fn denied(method: &Method, target: &Target, entry: &OpenEntry, refusal: Refusal) -> Answer {
    let host = target.host.as_str();
    if let Refusal::Denied(denial) = refusal {
        let advice = denial.advice();
        entry.block(denial);
        blocked(method, host, advice)
    } else {
        unreachable(method, host, &refusal.to_string())
    }
}
