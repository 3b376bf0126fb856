//! What can be wrong with an option.

/// A refused option. The message names it and its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// A size string that is none.
    #[error("Invalid memory limit format: \"{value}\". Use e.g. \"512m\", \"1g\".")]
    Size {
        /// The option, for callers that report it.
        option: &'static str,
        /// Its value.
        value: String,
    },
    /// A number outside its range.
    #[error("Invalid {option}: {value}. It must be {rule}.")]
    Number {
        /// The option.
        option: &'static str,
        /// Its value.
        value: String,
        /// What it must be.
        rule: &'static str,
    },
    /// A text that does not name what it should.
    #[error("Invalid {option}: {value:?}. It must be {rule}.")]
    Text {
        /// The option.
        option: &'static str,
        /// Its value.
        value: String,
        /// What it must be.
        rule: &'static str,
    },
    /// A word that is none of those known.
    #[error("Invalid {option}: \"{value}\". Expected one of: {expected}.")]
    Choice {
        /// The option.
        option: &'static str,
        /// Its value.
        value: String,
        /// The words known.
        expected: &'static str,
    },
    /// A name's address that is none.
    #[error("Invalid networkFilter.hosts of \"{host}\": \"{value}\". It must be an IP address.")]
    Address {
        /// The name.
        host: String,
        /// What stands for its address.
        value: String,
    },
    /// An audit destination that does not exist.
    #[error("Unsupported audit destination: {value}")]
    AuditDestination {
        /// What was asked for.
        value: String,
    },
    /// Custom seccomp without a profile.
    #[error("security.seccomp is \"custom\", but security.customProfilePath is missing.")]
    MissingSeccompProfile,
    /// A secret whose name no environment variable can have.
    #[error("Invalid name of a secret: \"{name}\". It must not be empty or contain \"=\" or NUL.")]
    SecretName {
        /// The name.
        name: String,
    },
    /// A secret whose value no environment variable can have. The error does not repeat the value.
    #[error("Invalid value of the secret \"{name}\": it contains NUL or is over {limit} bytes.")]
    SecretValue {
        /// Name of the secret.
        name: String,
        /// Largest size of name and value together.
        limit: usize,
    },
}
