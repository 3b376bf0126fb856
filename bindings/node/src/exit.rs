//! The end of a JavaScript program, or of a worker of one, with or without `stop()`.

use std::{cell::RefCell, time::Duration};

use isol8_backend::{ProcessPart, enter_process_part};
use napi::bindgen_prelude::Env;
use napi_derive::napi;
use tokio_util::sync::CancellationToken;

/// Longest that the end of a program is delayed.
const LIMIT: Duration = Duration::from_secs(3);

thread_local! {
    /// The program, or the worker, of this thread. It is one, however often its modules are loaded.
    static PROGRAM: RefCell<Option<Program>> = const { RefCell::new(None) };
}

struct Program {
    /// Until the end is announced.
    part: Option<ProcessPart>,
    /// What its calls end with.
    life: CancellationToken,
}

/// To be called before the first engine or client is made. Returns whether it is the first time in this program or worker.
/// The caller then listens for its exit and calls `endProgram`: `process.exit` runs no clean-up of an addon.
#[napi]
pub fn begin_program(env: Env) -> napi::Result<bool> {
    if PROGRAM.with_borrow(Option::is_some) {
        return Ok(false);
    }
    // A worker that is terminated has no exit event.
    env.add_env_cleanup_hook((), |()| leave())?;
    let program = Program {
        part: Some(enter_process_part()),
        life: CancellationToken::new(),
    };
    PROGRAM.set(Some(program));
    Ok(true)
}

/// Delays the end of the program while a sandbox is between its creation and its start: others
/// end with the program by themselves, and this one would stay. Blocks; does nothing the second
/// time.
#[napi]
pub fn end_program() {
    let part = PROGRAM.with_borrow_mut(|program| program.as_mut()?.part.take());
    if let Some(part) = part {
        part.end(LIMIT);
    }
}

/// What ends the calls of this thread: the end of its program.
pub(crate) fn life() -> CancellationToken {
    PROGRAM.with_borrow(|program| {
        let life = program.as_ref().map(|program| program.life.clone());
        life.unwrap_or_default()
    })
}

/// The environment of this thread ends: its calls end, and with them their programs.
fn leave() {
    if let Some(Program { part, life }) = PROGRAM.take() {
        life.cancel();
        if let Some(part) = part {
            part.end(LIMIT);
        }
    }
}
