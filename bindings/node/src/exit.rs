//! The end of a JavaScript program, with or without `stop()`.

use std::time::Duration;

use isol8_backend::{ProcessPart, enter_process_part};
use napi_derive::napi;

/// Longest that the end of a program is delayed.
const LIMIT: Duration = Duration::from_secs(3);

/// A program (or a worker of one) that has engines.
#[napi]
pub struct NativeProgram(Option<ProcessPart>);

#[napi]
impl NativeProgram {
    /// To be made before the first engine.
    #[napi(constructor)]
    pub fn begin() -> Self {
        Self(Some(enter_process_part()))
    }

    /// Delays the end of the program while a sandbox is between its creation and its start: others
    /// end with the program by themselves, and this one would stay. Blocks; does nothing the second
    /// time.
    #[napi]
    pub fn end(&mut self) {
        if let Some(part) = self.0.take() {
            part.end(LIMIT);
        }
    }
}
