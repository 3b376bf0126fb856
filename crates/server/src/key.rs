//! Keys of callers, as the server keeps them.

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The digest of a key. Keys are compared by their digests: of equal length, in constant time.
pub(crate) struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// The digest of `key`.
    pub(crate) fn of(key: &str) -> Self {
        Self(Sha256::digest(key).into())
    }

    /// Whether both are of one key.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_match_whole() {
        let key = KeyDigest::of("secret");
        assert!(key.matches(&KeyDigest::of("secret")));
        for other in ["", "secre", "secret ", "Secret"] {
            assert!(!key.matches(&KeyDigest::of(other)), "{other}");
        }
    }
}
