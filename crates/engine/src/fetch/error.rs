//! Why a program was not fetched, in the words that users see.

/// A refused or failed fetch. Messages have only the host of the URL: the rest may be
/// secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The policy allows no remote code.
    #[error("Remote code fetching is disabled. Set remoteCode.enabled=true to allow it.")]
    Disabled,
    /// Plain HTTP that the request did not ask for.
    #[error("Insecure code URL blocked. Use allowInsecureCodeUrl=true to allow HTTP.")]
    Insecure,
    /// A scheme that the policy does not list.
    #[error("URL scheme not allowed: {scheme}")]
    Scheme {
        /// The scheme, without its colon.
        scheme: String,
    },
    /// A host that the policy refuses, or whose addresses it does.
    #[error("Blocked code URL host: {host}")]
    BlockedHost {
        /// The host.
        host: String,
    },
    /// A host without addresses.
    #[error("Failed to resolve code URL host: {host}")]
    Unresolved {
        /// The host.
        host: String,
    },
    /// The policy wants a hash, and the request has none.
    #[error("Hash verification required: provide codeHash for remote code execution.")]
    HashRequired,
    /// It took too long, redirects included.
    #[error("Remote code fetch timed out after {ms}ms")]
    TimedOut {
        /// The limit.
        ms: u128,
    },
    /// Anything between here and the program.
    #[error("Failed to fetch remote code: {reason}")]
    Failed {
        /// What happened; `HTTP <status>` when the server refused.
        reason: String,
    },
    /// It is too large.
    #[error("Remote code exceeds maxCodeSize ({limit} bytes)")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// It is not text.
    #[error("Fetched code appears to be binary content")]
    Binary,
    /// It is not what the request expects.
    #[error("Remote code hash mismatch")]
    HashMismatch,
}

impl FetchError {
    /// A failure for `reason`.
    pub(super) fn failed(reason: impl std::fmt::Display) -> Self {
        Self::Failed {
            reason: reason.to_string(),
        }
    }
}

/// A policy for remote code that is not acceptable. The message names the option and the pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FetchPolicyError {
    /// What is wrong, and with which option.
    pub message: String,
}
