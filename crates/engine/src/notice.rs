//! What users must be told though they have not asked for a log.

/// Target of such log lines. They are warnings.
pub const NOTICE: &str = "isol8::notice";
