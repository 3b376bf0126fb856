//! The answers of the proxy itself, and the body type of all answers.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Response, StatusCode};

use crate::run::OpenEntry;

/// An answer with the body of an upstream answer, or with a text of the proxy.
pub(crate) type Answer = Response<Either<Relayed, Full<Bytes>>>;

/// The answer to a client over the connection limit, as bytes.
pub(crate) const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: text/plain; charset=utf-8\r\nconnection: close\r\ncontent-length: 28\r\n\r\n\
    isol8: too many connections\n";

/// The body of an upstream answer. Its log entry stays open until the body ends.
pub(crate) struct Relayed {
    body: Incoming,
    _entry: OpenEntry,
}

impl Relayed {
    pub(crate) fn new(body: Incoming, entry: OpenEntry) -> Self {
        Self {
            body,
            _entry: entry,
        }
    }
}

impl Body for Relayed {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Status 403: the filter blocked the request. The text up to `advice` is part of the public contract.
pub(crate) fn blocked(method: &Method, host: &str, advice: Option<&str>) -> Answer {
    let what = if method == Method::CONNECT {
        "CONNECT"
    } else {
        "request"
    };
    let mut text = format!("isol8: {what} to {host} blocked by network filter");
    if let Some(advice) = advice {
        text.push_str(": ");
        text.push_str(advice);
    }
    closing(method, plain(StatusCode::FORBIDDEN, text))
}

/// Status 502: the request is allowed, but there is no connection.
pub(crate) fn unreachable(method: &Method, host: &str, why: &str) -> Answer {
    closing(
        method,
        plain(
            StatusCode::BAD_GATEWAY,
            format!("isol8: cannot reach {host}: {why}"),
        ),
    )
}

/// Status 400: the request has no target that could be judged.
pub(crate) fn bad_request(why: &str) -> Answer {
    let mut answer = plain(
        StatusCode::BAD_REQUEST,
        format!("isol8: bad request: {why}"),
    );
    answer
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Either::Right(Full::default()));
    *answer.status_mut() = status;
    answer
}

fn plain(status: StatusCode, text: String) -> Answer {
    let mut answer = Response::new(Either::Right(Full::from(text)));
    *answer.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}

/// Closes the connection after a failed CONNECT, because the next bytes may be meant for the tunnel.
fn closing(method: &Method, mut answer: Answer) -> Answer {
    if method == Method::CONNECT {
        answer
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}
