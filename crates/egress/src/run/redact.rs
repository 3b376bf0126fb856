//! Hiding secrets in what is logged.

use std::fmt;

/// Replaces secrets. It sees every text before the text is shortened, so that no part of a secret
/// survives.
pub trait Redact: Send + Sync {
    /// `text` without secrets: a method or a path.
    fn text(&self, text: &str) -> String;

    /// `host` without secrets. A normalised host is in lower case, whatever the secret's is.
    fn host(&self, host: &str) -> String;
}

impl fmt::Debug for dyn Redact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redact")
    }
}

/// Leaves everything as it is.
pub(super) struct NothingSecret;

impl Redact for NothingSecret {
    fn text(&self, text: &str) -> String {
        text.to_owned()
    }

    fn host(&self, host: &str) -> String {
        host.to_owned()
    }
}
