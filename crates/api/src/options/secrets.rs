//! Values that user code needs and nobody may see.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, Serializer};

/// Secrets by the name of their environment variable. `Debug` shows names only; there is no `Serialize`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RawSecrets(pub BTreeMap<String, String>);

impl RawSecrets {
    /// Writes the values, for the one place where they must leave the process: a remote engine.
    /// Named by fields that need it, so that nothing serialises secrets by accident.
    #[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
    pub(super) fn expose<S: Serializer>(secrets: &Option<Self>, to: S) -> Result<S::Ok, S::Error> {
        match secrets {
            Some(Self(values)) => to.collect_map(values),
            None => to.serialize_none(),
        }
    }
}

impl fmt::Debug for RawSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.keys().map(|name| (name, "***"));
        f.debug_map().entries(names).finish()
    }
}

impl<'de> Deserialize<'de> for RawSecrets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_has_no_value() {
        let secrets = RawSecrets([("KEY".to_owned(), "hunter2".to_owned())].into());
        assert_eq!(format!("{secrets:?}"), r#"{"KEY": "***"}"#);
    }
}
