//! Programs that many tests have.

use isol8_fakes::{Start, exited};

use super::{Value, bash, json, program};

/// A sandbox whose program ends at once.
pub(crate) fn done() -> Start {
    bash(vec![program([exited(0)])])
}

/// A sandbox whose program says nothing and does not end.
pub(crate) fn hangs() -> Start {
    bash(vec![program([])])
}

/// A small request.
pub(crate) fn request() -> Value {
    json!({"request": {"runtime": "bash", "code": "x"}})
}

/// The same in a session. It does not look for registries first.
pub(crate) fn in_session(id: &str) -> Value {
    json!({
        "request": {"runtime": "bash", "code": "x"},
        "options": {"installNetwork": false},
        "sessionId": id,
    })
}
