//! Finding what runs the programs of a runtime.

use isol8_backend::BackendError;

use crate::{
    Interpreter, LocalOptions, agent,
    interpreter::{find_in, search_path},
};

/// Finds the interpreter of a runtime: an installed one first, then that of the system, then one in `PATH`, then one of
/// Bun's, Deno's, nvm's or pyenv's directory in the home of this user.
///
/// The error says where it was looked for, and why what was found there cannot be used.
pub fn find_interpreter(
    runtime: &str,
    options: &LocalOptions,
) -> Result<Interpreter, BackendError> {
    let path = search_path();
    if runtime == agent::NAME {
        agent::find(options, &path)
    } else {
        find_in(runtime, options, &path)
    }
}
