//! One check of `doctor`, and its verdict.

use serde::Serialize;

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    /// What was looked at.
    pub(super) name: &'static str,
    /// Whether it is as it should be.
    pub(super) verdict: Verdict,
    /// What was found.
    pub(super) found: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remedy: Option<String>,
}

/// Whether something is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// It is.
    Ok,
    /// isol8 works, and something about it does not or is slower.
    Warning,
    /// isol8 does not work.
    Problem,
}

/// A check of something that is as it should be.
pub(super) fn ok(name: &'static str, found: &str) -> Check {
    Check {
        name,
        verdict: Verdict::Ok,
        found: found.to_owned(),
        remedy: None,
    }
}

/// A check of something that is not, with what to do.
pub(super) fn wrong(verdict: Verdict, name: &'static str, found: &str, remedy: &str) -> Check {
    Check {
        verdict,
        remedy: Some(remedy.to_owned()),
        ..ok(name, found)
    }
}
