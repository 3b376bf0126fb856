//! Keys: their form, their making and their digests.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::error::KeyStoreError;

/// What every key of a database begins with.
const PREFIX: &str = "isol8_";

/// Random bytes of a key.
const RANDOM_BYTES: usize = 32;

/// Characters of a key that are shown in lists.
const SHOWN: usize = 10;

/// The digest of a key. Keys are compared by their digests: of equal length, in constant time.
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// The digest of `key`.
    #[must_use]
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key).into())
    }

    /// Whether both are of one key.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// As the database has it.
    pub(crate) fn to_hex(&self) -> String {
        hex(&self.0)
    }
}

/// A new key.
pub(crate) fn generate() -> Result<String, KeyStoreError> {
    let mut bytes = [0; RANDOM_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{PREFIX}{}", hex(&bytes)))
}

/// Whether `key` can be one of a database. Nothing else is looked up.
pub(crate) fn is_well_formed(key: &str) -> bool {
    key.strip_prefix(PREFIX).is_some_and(|rest| {
        rest.len() == 2 * RANDOM_BYTES && rest.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// What lists show of a key.
pub(crate) fn shown(key: &str) -> String {
    format!("{}...", &key[..SHOWN])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
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

    #[test]
    fn a_new_key_has_the_public_form() {
        let (key, other) = (generate().unwrap(), generate().unwrap());
        assert_ne!(key, other);
        assert!(is_well_formed(&key), "{key}");
        assert_eq!(shown(&key), format!("{}...", &key[..10]));
        for wrong in ["", "isol8_", &key[1..], &key[..69], &format!("{key}0")] {
            assert!(!is_well_formed(wrong), "{wrong}");
        }
        assert!(!is_well_formed(&key.replace("isol8_", "isol9_")));
    }

    /// The first example of FIPS 180-2.
    #[test]
    fn a_digest_is_sha_256_in_hexadecimal() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(KeyDigest::of("abc").to_hex(), expected);
    }
}
