//! The end of a JavaScript program, with or without `stop()`.

use std::time::Duration;

use isol8_engine::backend::{Program, enter_program};
use napi_derive::napi;

/// Longest that the end of a program is delayed.
const LIMIT: Duration = Duration::from_secs(3);

/// A program (or a worker of one) that has engines.
#[napi]
pub struct NativeProgram(Option<Program>);

#[napi]
impl NativeProgram {
    /// To be made before the first engine.
    #[napi(constructor)]
    pub fn begin() -> Self {
        Self(Some(enter_program()))
    }

    /// Delays the end of the program while a container is between its creation and its start: others
    /// end with the program by themselves, and this one would stay. Blocks; does nothing the second
    /// time.
    #[napi]
    pub fn end(&mut self) {
        if let Some(program) = self.0.take() {
            program.end(LIMIT);
        }
    }
}
