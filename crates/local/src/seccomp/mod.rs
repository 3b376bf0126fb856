//! The list of system calls: a profile in the format of Docker, compiled to the kernel's form.

mod compile;
mod profile;
mod program;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use isol8_backend::{BackendError, BackendErrorKind, SeccompProfile};

use compile::compile;
use profile::Profile;

/// The strict profile, the same that Docker's sandboxes have.
const STRICT: &str = include_str!("../../../../docker/seccomp.json");

/// The filter of a profile, eight bytes for each instruction. Empty for none.
pub(crate) fn filter(profile: &SeccompProfile) -> Result<Vec<u8>, BackendError> {
    static COMPILED: OnceLock<Vec<u8>> = OnceLock::new();
    match profile {
        SeccompProfile::Unconfined => Ok(Vec::new()),
        SeccompProfile::Custom(text) => custom(text),
        SeccompProfile::Strict => {
            if let Some(filter) = COMPILED.get() {
                return Ok(filter.clone());
            }
            let filter = compile_text(STRICT)?;
            Ok(COMPILED.get_or_init(|| filter).clone())
        }
    }
}

/// The filter of a custom profile. The last one is kept: an engine has the same for all its sandboxes, and uses each of
/// them once.
fn custom(text: &Arc<str>) -> Result<Vec<u8>, BackendError> {
    static LAST: Mutex<Option<(Arc<str>, Vec<u8>)>> = Mutex::new(None);
    let last = || LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let known = last().as_ref().filter(|(last, _)| last == text).cloned();
    if let Some((_, filter)) = known {
        return Ok(filter);
    }
    let filter = compile_text(text)?;
    *last() = Some((Arc::clone(text), filter.clone()));
    Ok(filter)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_custom_profile_has_its_own_filter() {
        let profile = |action: &str| {
            let text = format!(r#"{{"defaultAction":"{action}","syscalls":[]}}"#);
            filter(&SeccompProfile::Custom(text.into())).unwrap()
        };
        let allowing = profile("SCMP_ACT_ALLOW");
        assert_eq!(profile("SCMP_ACT_ALLOW"), allowing);
        assert_ne!(profile("SCMP_ACT_ERRNO"), allowing);
        assert_eq!(profile("SCMP_ACT_ALLOW"), allowing);
    }
}
