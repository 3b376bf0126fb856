//! Warnings that users get even without a log.

use crate::options::Secrets;

/// Target of such log lines. They are warnings.
pub const NOTICE: &str = "isol8::notice";

/// Says which secrets are so short that masking them also replaces other text.
pub(crate) fn of_short_secrets(secrets: &Secrets) {
    let names = secrets.short_names();
    if !names.is_empty() {
        tracing::warn!(
            target: NOTICE,
            "The values of these secrets have fewer than {} characters, so that masking them also replaces \
             other text: {}",
            Secrets::SHORT_CHARS,
            names.join(", "),
        );
    }
}
