//! One client connection that speaks HTTP.
//!
//! An upstream connection serves one client connection only. A later request uses it only for the same
//! host and port. The policy has allowed these already, and it never changes.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::Either;
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::upgrade::on;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::exchange::{Exchange, Watched};
use super::outgoing::rebuild;
use super::upgraded::{Tunnel, Upgraded, WebSocket};
use super::upstream::Upstream;
use crate::connect::connect;
use crate::context::Context;
use crate::headers;
use crate::limits::LEAST_HEAD;
use crate::refusal::Refusal;
use crate::respond::{Answer, Relayed, bad_request, blocked, empty, unreachable};
use crate::run::{BlockReason, OpenEntry};
use crate::target::{Target, TargetError};
use crate::upstream_socket::UpstreamSocket;

/// The kind of requests that a connection carries.
#[derive(Debug, Clone)]
pub(crate) enum Mode {
    /// Proxy requests: absolute form and CONNECT.
    Proxy,
    /// Ordinary requests inside a tunnel, all for its target. The log entry is that of the tunnel.
    Tunnel(Target, Arc<OpenEntry>),
}

/// Serves HTTP on `stream` until it ends or becomes something else. `upstream` is a connection to
/// the tunnel's target that has not been used yet. The error is that of the client's connection, or of
/// the start of `upstream`. A malformed request in a tunnel is recorded before it is answered.
pub(crate) async fn serve<S>(
    context: &Context,
    mode: Mode,
    stream: S,
    upstream: Option<UpstreamSocket>,
) -> hyper::Result<Option<Upgraded>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = &*context.limits;
    let slot = match (&mode, upstream) {
        (Mode::Tunnel(target, _), Some(io)) => {
            Some(Upstream::open(io, target.clone(), limits).await?)
        }
        _ => None,
    };
    let session = Arc::new(Session {
        context: context.clone(),
        mode,
        exchange: Exchange::default(),
        slot: Mutex::new(slot),
        upgraded: Mutex::new(None),
    });
    let service = service_fn(|request| {
        let session = Arc::clone(&session);
        async move {
            session.exchange.begin();
            let answer = session.answer(request).await;
            Ok::<_, Infallible>(answer.map(|body| session.exchange.body(body)))
        }
    });
    let answered = Arc::clone(&session);
    let stream = Watched::new(stream, session.exchange.clone(), move || {
        answered.block_tunnel();
    });
    let connection = Builder::new()
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
        .with_upgrades();
    let mut connection = pin!(connection);
    if let Err(error) = connection.as_mut().await {
        // Where hyper does not answer, or answered right after another answer. The client has not seen the
        // end of its connection yet.
        if error.is_parse() {
            session.block_tunnel();
        }
        return Err(error);
    }
    let mut upgraded = session
        .upgraded
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    Ok(upgraded.take())
}

/// One client connection.
struct Session {
    context: Context,
    mode: Mode,
    exchange: Exchange,
    slot: Mutex<Option<Upstream>>,
    upgraded: Mutex<Option<Upgraded>>,
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
            Mode::Tunnel(..) => Target::of_origin(request.uri(), request.headers()),
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
        if let Mode::Tunnel(judged, _) = &self.mode
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
        let hidden = match &self.mode {
            _ if matches!(error, TargetError::Host(_) | TargetError::UserInfo) => {
                Some(("(invalid)", BlockReason::HostMalformed(error.to_string())))
            }
            // A request in a tunnel has nothing to be ambiguous about.
            Mode::Tunnel(target, _) => Some((target.host.as_str(), BlockReason::TunnelHttp)),
            Mode::Proxy => None,
        };
        if let Some((host, reason)) = hidden {
            let method = request.method().as_str();
            self.context.run.open(method, host, None).block(reason);
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
                self.upgrade(Upgraded::Tunnel(Box::new(Tunnel {
                    client: on(&mut request),
                    upstream,
                    target,
                    entry,
                })));
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
                return unreachable(
                    &method,
                    target.host.as_str(),
                    "it answered with an upgrade that was not asked for",
                );
            };
            let switched = on(&mut response);
            let mut answer = empty(StatusCode::SWITCHING_PROTOCOLS);
            *answer.headers_mut() = std::mem::take(response.headers_mut());
            headers::strip(answer.headers_mut());
            headers::keep_upgrade(answer.headers_mut());
            self.upgrade(Upgraded::WebSocket(Box::new(WebSocket {
                client,
                upstream: switched,
                connection: upstream,
                entry,
            })));
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
            .map_err(|_| Refusal::Failed)?;
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

    /// Records that the tunnel carries what cannot be judged.
    fn block_tunnel(&self) {
        if let Mode::Tunnel(_, entry) = &self.mode {
            entry.block(BlockReason::TunnelHttp);
        }
    }

    fn upgrade(&self, upgraded: Upgraded) {
        self.exchange.end();
        *self.upgraded.lock().unwrap_or_else(PoisonError::into_inner) = Some(upgraded);
    }
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
