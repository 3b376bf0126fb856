//! The debug log as a function.

use napi_derive::napi;

/// Switches the debug log of this process on or off.
#[napi]
pub fn set_debug(enabled: bool) {
    isol8_debug_log::set_enabled(enabled);
}
