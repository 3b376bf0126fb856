//! Messages about the form of JSON, in the words of those who write JSON.

/// What the deserializer says, and what callers call it.
const WORDS: [(&str, &str); 10] = [
    ("invalid type: sequence,", "invalid type: a list,"),
    ("invalid type: map,", "invalid type: an object,"),
    (", expected a sequence", ", expected a list"),
    (", expected a map", ", expected an object"),
    (", expected f64", ", expected a number"),
    (", expected u16", ", expected a whole number"),
    (", expected u32", ", expected a whole number"),
    (", expected u64", ", expected a whole number"),
    (", expected usize", ", expected a whole number"),
    (", expected i64", ", expected a whole number"),
];

/// A message of the deserializer without names of Rust's types.
#[must_use]
pub fn in_words(message: &str) -> String {
    WORDS
        .iter()
        .fold(message.to_owned(), |message, (theirs, ours)| {
            message.replace(theirs, ours)
        })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::de::DeserializeOwned;

    use super::in_words;

    fn message<T: DeserializeOwned>(json: serde_json::Value) -> String {
        let error = serde_json::from_value::<T>(json).err().unwrap();
        in_words(&error.to_string())
    }

    #[test]
    fn types_have_the_names_of_json() {
        let text = || serde_json::json!("x");
        let starts = "invalid type: string \"x\", expected";
        assert_eq!(message::<f64>(text()), format!("{starts} a number"));
        for whole in [
            message::<u16>(text()),
            message::<u32>(text()),
            message::<u64>(text()),
            message::<usize>(text()),
            message::<i64>(text()),
        ] {
            assert_eq!(whole, format!("{starts} a whole number"));
        }
        assert_eq!(message::<Vec<u8>>(text()), format!("{starts} a list"));
        let object = message::<BTreeMap<String, String>>(serde_json::json!([]));
        assert_eq!(object, "invalid type: a list, expected an object");
        let list = message::<Vec<u8>>(serde_json::json!({}));
        assert_eq!(list, "invalid type: an object, expected a list");
    }
}
