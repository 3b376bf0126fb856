//! `GET /execute/ws`: the events of a program over a WebSocket, with input and signals on the way back.

mod connection;
mod input;
mod message;
mod output;

use axum::{
    extract::{
        Extension, State,
        ws::{WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    response::Response,
};
use isol8_api::http::ErrorBody;
use tracing::Instrument as _;

use self::connection::Connection;
use crate::{app::App, callers::Caller, error::ApiError, openapi::Keyed, serve::Meter};

/// Most that is read from a client at a time, in bytes. A `WebSocket` keeps room for it, and each attempt to read fills the
/// room with zeros first.
const READ_BUFFER: usize = 8 * 1024;

/// `GET /execute/ws`: opens a WebSocket. A request that is no upgrade finds nothing here.
///
/// The client sends JSON texts of the schema `ClientMessage`: first `execute`, then `stdin` and `signal`. The server answers with
/// JSON texts of the schema `StreamMessage` and closes with 1000 after the last.
#[utoipa::path(
    get,
    path = "/execute/ws",
    tag = "executions",
    responses(
        (status = 101, description = "The connection is a WebSocket."),
        (status = 404, description = "The request is no upgrade.", body = ErrorBody),
        Keyed
    )
)]
pub(crate) async fn upgrade(
    State(app): State<App>,
    caller: Caller,
    Extension(meter): Extension<Meter>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|_| ApiError::NoRoute)?;
    let limit = caller.policy.max_request_bytes;
    let span = tracing::Span::current();
    Ok(upgrade
        .read_buffer_size(READ_BUFFER)
        .max_message_size(limit)
        .max_frame_size(limit)
        .on_upgrade(move |socket| {
            let tasks = app.tasks().clone();
            tasks.track_future(serve(app, caller, meter, socket).instrument(span))
        }))
}

async fn serve(app: App, caller: Caller, meter: Meter, socket: WebSocket) {
    let ending = app.ending().clone();
    meter.charge_to(app.budget().open(&caller.owner));
    let connection = Connection::new(app, caller, meter, socket);
    // A client that is gone, or that does not keep to the protocol, gets no reason.
    let _ = ending.run_until_cancelled(connection.run()).await;
}
