//! How long the lists among the options of a tenant may be. What is made of them takes many times their size.

use std::collections::BTreeMap;

use isol8_api::options::RawSecrets;

use crate::error::ApiError;

/// Most entries of a tenant's own `networkFilter.blacklist`.
const MAX_PATTERNS: usize = 64;

/// Longest entry of a tenant's own `networkFilter.blacklist` in bytes.
const MAX_PATTERN_BYTES: usize = 256;

/// Longest entry of a tenant's own `networkFilter.blacklist` in bytes, with its repetitions written out. A compiled pattern
/// has their length.
const MAX_WRITTEN_OUT: usize = 8192;

/// Most entries of a tenant's `secrets`, as of `env` in a request with strict limits.
const MAX_SECRETS: usize = 64;

/// Longest that the `secrets` of a tenant are together, names and values, in bytes. What masks them takes hundreds of times that.
const MAX_SECRETS_BYTES: usize = 64 * 1024;

/// Longest that the names in a tenant's `preload` are together, in bytes.
const MAX_PRELOAD_BYTES: usize = 16 * 1024;

/// Checks how many secrets there are, and how long.
pub(super) fn check_secrets(secrets: Option<&RawSecrets>) -> Result<(), ApiError> {
    let Some(RawSecrets(all)) = secrets else {
        return Ok(());
    };
    let bytes: usize = all
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if all.len() <= MAX_SECRETS && bytes <= MAX_SECRETS_BYTES {
        return Ok(());
    }
    Err(ApiError::Invalid(format!(
        "Invalid secrets: a tenant may have at most {MAX_SECRETS} of them, with at most {MAX_SECRETS_BYTES} bytes in all names and values"
    )))
}

/// Checks how long the names of modules are.
pub(super) fn check_preload(
    preload: Option<&BTreeMap<String, Vec<String>>>,
) -> Result<(), ApiError> {
    let bytes: usize = preload.map_or(0, |all| {
        let names = all
            .iter()
            .flat_map(|(runtime, names)| names.iter().chain([runtime]));
        names.map(String::len).sum()
    });
    if bytes <= MAX_PRELOAD_BYTES {
        return Ok(());
    }
    Err(ApiError::Invalid(format!(
        "Invalid preload: the names of a tenant's modules may have at most {MAX_PRELOAD_BYTES} bytes together"
    )))
}

/// Every pattern is compiled, which takes time and memory of the server.
pub(super) fn check_blacklist(patterns: &[String]) -> Result<(), ApiError> {
    let is_short = |pattern: &String| {
        pattern.len() <= MAX_PATTERN_BYTES && written_out(pattern) <= MAX_WRITTEN_OUT
    };
    if patterns.len() <= MAX_PATTERNS && patterns.iter().all(is_short) {
        return Ok(());
    }
    Err(ApiError::Invalid(format!(
        "Invalid networkFilter.blacklist: a tenant may have at most {MAX_PATTERNS} entries of at most {MAX_PATTERN_BYTES} bytes each, \
         and {MAX_WRITTEN_OUT} bytes with the repetitions of an entry written out"
    )))
}

/// A length that a pattern does not exceed when its repetitions are written out: each may stand inside all others.
fn written_out(pattern: &str) -> usize {
    let repetitions = pattern.split('{').skip(1).filter_map(|rest| {
        let (counts, _) = rest.split_once('}')?;
        let counts = counts
            .split(',')
            .filter(|count| !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit()));
        counts
            .map(|count| count.parse().unwrap_or(usize::MAX))
            .max()
    });
    repetitions.fold(pattern.len(), |length, most| {
        length.saturating_mul(most.max(1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_longer_than_it_may_be_is_refused() {
        let secrets = |count: usize, bytes: usize| {
            let all = (0..count).map(|number| (format!("{number:02}"), "x".repeat(bytes)));
            check_secrets(Some(&RawSecrets(all.collect()))).is_ok()
        };
        assert!(secrets(64, 1022) && check_secrets(None).is_ok());
        assert!(!secrets(65, 0) && !secrets(64, 1023) && !secrets(1, 64 * 1024));
        let preload = |bytes: usize| {
            let names = vec!["x".repeat(bytes / 2); 2];
            check_preload(Some(&[("node".to_owned(), names)].into())).is_ok()
        };
        assert!(preload(16_380) && !preload(16_382));
    }

    #[test]
    fn repetitions_count_as_often_as_they_are() {
        assert_eq!(written_out("a{3}b{2,5}"), 10 * 3 * 5);
        assert_eq!(written_out("a{x}"), 4);
    }
}
