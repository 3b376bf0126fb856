//! The list of system calls: a profile in the format of Docker, compiled to the kernel's form.

mod compile;
mod profile;
mod program;

use std::sync::OnceLock;

use isol8_backend::{BackendError, BackendErrorKind, SeccompProfile};

use compile::compile;
use profile::Profile;

/// The strict profile, the same that Docker's sandboxes have.
const STRICT: &str = include_str!("../../../../docker/seccomp.json");

/// The filter of a profile, eight bytes for each instruction. Empty for none.
pub(crate) fn filter(profile: &SeccompProfile) -> Result<Vec<u8>, BackendError> {
    static COMPILED: OnceLock<Vec<u8>> = OnceLock::new();
    let text = match profile {
        SeccompProfile::Unconfined => return Ok(Vec::new()),
        SeccompProfile::Custom(text) => text,
        SeccompProfile::Strict => {
            if let Some(filter) = COMPILED.get() {
                return Ok(filter.clone());
            }
            let filter = compile_text(STRICT)?;
            return Ok(COMPILED.get_or_init(|| filter).clone());
        }
    };
    compile_text(text)
}

fn compile_text(text: &str) -> Result<Vec<u8>, BackendError> {
    let compiled = serde_json::from_str::<Profile>(text)
        .map_err(|error| error.to_string())
        .and_then(|profile| compile(&profile));
    compiled.map_err(|reason| {
        BackendError::new(
            BackendErrorKind::Configuration,
            format!("Cannot use the seccomp profile for local sandboxes: {reason}"),
        )
    })
}
