//! The debug log as functions.

use std::sync::Arc;

use isol8_debug_log::{Line, Sink};
use napi::{
    Status,
    threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode},
};
use napi_derive::napi;

/// Lines that wait for JavaScript. More than these are left out.
const LINES: usize = 4096;

/// A line of the log.
#[napi(object, object_from_js = false)]
pub struct NativeLine {
    /// `debug`, `info`, `warn` or `error`.
    pub level: &'static str,
    /// ISO 8601.
    pub time: String,
    /// What happened.
    pub message: String,
    /// The execution that it is about.
    pub execution_id: Option<String>,
    /// The request to a server that it is about.
    pub request_id: Option<String>,
}

impl From<Line> for NativeLine {
    fn from(line: Line) -> Self {
        Self {
            level: line.level,
            time: line.time,
            message: line.message,
            execution_id: line.execution_id,
            request_id: line.request_id,
        }
    }
}

/// Switches the debug log of this process on or off.
#[napi]
pub fn set_debug(enabled: bool) {
    isol8_debug_log::set_enabled(enabled);
}

/// Hands the messages of engines to `sink` from now on, or to standard error without one. It must not throw. When it is
/// slow, lines are left out.
#[napi]
pub fn set_log_sink(
    sink: Option<ThreadsafeFunction<NativeLine, (), NativeLine, Status, false, true, { LINES }>>,
) {
    let sink = sink.map(|sink| -> Sink {
        Arc::new(move |line: Line| {
            let kept = line.clone();
            match sink.call(line.into(), ThreadsafeFunctionCallMode::NonBlocking) {
                // JavaScript is gone.
                Status::Closing => Err(kept),
                _ => Ok(()),
            }
        })
    });
    isol8_debug_log::set_sink(sink);
}
