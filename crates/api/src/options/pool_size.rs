//! How many sandboxes are kept ready: one number for both kinds, or each by itself.

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::Value;
use utoipa::ToSchema;

/// The forms, for those who have written something else.
const FORMS: &str = "a whole number or an object such as {\"clean\": 2, \"dirty\": 1}";

/// Sandboxes kept ready.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum RawPoolSize {
    /// As many clean ones as dirty ones.
    Both(f64),
    /// Each number by itself.
    Each {
        /// Sandboxes ready for use, default 1.
        #[serde(skip_serializing_if = "Option::is_none")]
        clean: Option<f64>,
        /// Used sandboxes that wait to be cleaned, default 1.
        #[serde(skip_serializing_if = "Option::is_none")]
        dirty: Option<f64>,
    },
}

/// [`RawPoolSize::Each`] as callers write it.
#[derive(Deserialize)]
struct Each {
    clean: Option<f64>,
    dirty: Option<f64>,
}

impl<'de> Deserialize<'de> for RawPoolSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        pool_size(deserializer, Self::Both, |Each { clean, dirty }| {
            Self::Each { clean, dirty }
        })
    }
}

/// Reads the size of a pool: a number as `both`, an object as `each`.
pub(crate) fn pool_size<'de, D, N, E, T>(
    deserializer: D,
    both: fn(N) -> T,
    each: fn(E) -> T,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    N: for<'a> Deserialize<'a>,
    E: for<'a> Deserialize<'a>,
{
    let value = Value::deserialize(deserializer)?;
    if let Ok(size) = N::deserialize(&value) {
        return Ok(both(size));
    }
    // A list would be read as the fields of an object, in order.
    let read = value.is_object().then(|| E::deserialize(&value));
    match read {
        Some(Ok(size)) => Ok(each(size)),
        _ => Err(D::Error::custom(format!("it must be {FORMS}, not {value}"))),
    }
}
