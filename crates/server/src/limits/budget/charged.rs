//! Bodies of answers that are charged until they have been sent.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use super::Charge;

/// The body of a response, with what its request takes. It is given in pieces: what the connection has taken counts as sent, and
/// it takes a piece only when there is room for one.
pub(super) struct Charged {
    body: Body,
    /// What is left of the last piece of `body`.
    rest: Bytes,
    _charge: Charge,
}

impl Charged {
    /// `body`, which keeps `charge` until it has been taken.
    pub(super) fn new(body: Body, charge: Charge) -> Self {
        Self {
            body,
            rest: Bytes::new(),
            _charge: charge,
        }
    }
}

/// Largest piece in bytes.
const PIECE: usize = 64 * 1024;

impl HttpBody for Charged {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                end => return Poll::Ready(end),
            }
        }
        let length = self.rest.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let mut all = SizeHint::new();
        all.set_lower(hint.lower() + rest);
        if let Some(upper) = hint.upper() {
            all.set_upper(upper + rest);
        }
        all
    }
}
