//! Values that user code needs and nobody may see: never printed, always masked.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, OnceLock},
};

use isol8_api::options::RawSecrets;
use isol8_egress::Host;

use super::OptionError;
use crate::{limits::MAX_ENV_STRING_BYTES, output::Masker};

/// Secrets by the name of their environment variable, and what masks them. `Debug` shows names only.
/// Cheap to clone.
#[derive(Clone, Default)]
pub struct Secrets(Arc<Inner>);

#[derive(Default)]
struct Inner {
    values: BTreeMap<String, String>,
    masker: OnceLock<Masker>,
    host_masker: OnceLock<Masker>,
}

impl Secrets {
    /// Wraps `values`.
    #[must_use]
    pub fn new(values: BTreeMap<String, String>) -> Self {
        Self(Arc::new(Inner {
            values,
            masker: OnceLock::new(),
            host_masker: OnceLock::new(),
        }))
    }

    /// Names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .values
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Values with fewer characters are short: they are frequent in other text.
    pub const SHORT_CHARS: usize = 6;

    /// The names of those whose values are short. An empty value is not masked, and not among them.
    #[must_use]
    pub fn short_names(&self) -> Vec<&str> {
        self.iter()
            .filter(|(_, value)| !value.is_empty() && value.chars().count() < Self::SHORT_CHARS)
            .map(|(name, _)| name)
            .collect()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.values.is_empty()
    }

    /// What replaces the values in text; built at first use.
    #[must_use]
    pub fn masker(&self) -> &Masker {
        self.0
            .masker
            .get_or_init(|| Masker::new(self.0.values.values().map(String::as_bytes)))
    }

    /// What replaces the values in normalised host names; built at first use. A host name is in lower
    /// case and in ASCII, whatever a value in it was.
    #[must_use]
    pub fn host_masker(&self) -> &Masker {
        self.0.host_masker.get_or_init(|| {
            let values = self.0.values.values();
            let spellings: Vec<String> = values
                .flat_map(|value| {
                    let as_host = Host::parse(value).ok();
                    let normalised = as_host.map(|host| host.as_str().to_owned());
                    [Some(value.clone()), normalised]
                })
                .flatten()
                .collect();
            Masker::for_lower_case(spellings.iter().map(String::as_bytes))
        })
    }

    /// Checks that each can be an environment variable.
    fn check(&self) -> Result<(), OptionError> {
        for (name, value) in self.iter() {
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(OptionError::SecretName {
                    name: name.to_owned(),
                });
            }
            let limit = MAX_ENV_STRING_BYTES;
            if value.contains('\0') || name.len() + value.len() > limit {
                return Err(OptionError::SecretValue {
                    name: name.to_owned(),
                    limit,
                });
            }
        }
        Ok(())
    }
}

impl TryFrom<RawSecrets> for Secrets {
    type Error = OptionError;

    fn try_from(raw: RawSecrets) -> Result<Self, OptionError> {
        let secrets = Self::new(raw.0);
        secrets.check()?;
        Ok(secrets)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(name, _)| (name, "***")))
            .finish()
    }
}

impl PartialEq for Secrets {
    fn eq(&self, other: &Self) -> bool {
        self.0.values == other.0.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_values_are_named() {
        let values = [("A", "äöü45"), ("B", "123456"), ("C", ""), ("D", "x")];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(Secrets::new(values.into()).short_names(), ["A", "D"]);
    }

    fn secrets(name: &str, value: &str) -> Secrets {
        Secrets::new([(name.to_owned(), value.to_owned())].into())
    }

    #[test]
    fn debug_output_has_no_value() {
        let text = format!("{:?}", secrets("KEY", "hunter2"));
        assert_eq!(text, r#"{"KEY": "***"}"#);
    }

    #[test]
    fn host_names_are_masked_whatever_the_case_of_the_value() {
        let values = [("A", "Hunter2"), ("B", "Geheimnis_Ä"), ("C", "Sk-Key-1")];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let secrets = Secrets::new(values.into());
        for (host, masked) in [
            ("x-hunter2.evil.test", "x-***.evil.test"),
            ("HUNTER2.evil.test", "***.evil.test"),
            ("geheimnis_ä.evil.test", "***.evil.test"),
            ("hunter3.test", "hunter3.test"),
            // In hexadecimal digits, and in base64.
            ("536b2d4b65792d31.evil.test", "***.evil.test"),
            ("U2stS2V5LTE.evil.test", "***e.evil.test"),
        ] {
            let host = Host::parse(host).unwrap();
            assert_eq!(secrets.host_masker().mask(host.as_str()), masked);
        }
    }

    #[test]
    fn names_and_values_that_cannot_be_set_are_refused_without_telling_the_value() {
        assert!(secrets("KEY", "hunter2").check().is_ok());
        for (name, value) in [("", "x"), ("A=B", "x"), ("A\0", "x")] {
            assert!(secrets(name, value).check().is_err());
        }
        let error = secrets("KEY", "hunter2\0").check().unwrap_err().to_string();
        assert!(
            error.contains("KEY") && !error.contains("hunter2"),
            "{error}"
        );
    }
}
