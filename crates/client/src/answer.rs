//! Answers of a server. Nothing of unlimited length is kept.

use bytes::Bytes;
use reqwest::Response;
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor},
};
use serde_json::Value;

use crate::{
    error::{Call, CallError, Reason},
    limits::{MAX_ANSWER, MAX_ERROR},
};

/// The JSON object of an answer, as the server wrote it.
#[derive(Debug)]
pub struct Answer {
    call: Call,
    json: String,
}

impl Answer {
    /// Receives the answer to `call`.
    pub(crate) async fn receive(call: Call, response: Response) -> Result<Self, CallError> {
        let failed = |reason| CallError { call, reason };
        let bytes = body(response, MAX_ANSWER).await.map_err(failed)?;
        let json = String::from_utf8(bytes).map_err(|_| failed(Reason::NoObject))?;
        if serde_json::from_str::<Object>(&json).is_err() {
            return Err(failed(Reason::NoObject));
        }
        Ok(Self { call, json })
    }

    /// The text.
    #[must_use]
    pub fn into_json(self) -> String {
        self.json
    }

    /// The value that the text stands for.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        serde_json::from_str(&self.json).map_err(|error| CallError {
            call: self.call,
            reason: Reason::Unreadable(error.to_string()),
        })
    }

    /// A part of the value. `missing` names it where it is not there or is something else.
    pub(crate) fn part<T: DeserializeOwned>(&self, missing: &'static str) -> Result<T, CallError> {
        serde_json::from_str(&self.json).map_err(|_| CallError {
            call: self.call,
            reason: Reason::Missing(missing),
        })
    }
}

/// Any JSON object, checked and not kept.
struct Object;

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Object)
    }
}

/// The bytes of an answer of at most `limit`.
pub(crate) async fn body(mut response: Response, limit: usize) -> Result<Vec<u8>, Reason> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        append(&mut bytes, &chunk, limit)?;
    }
    Ok(bytes)
}

fn append(bytes: &mut Vec<u8>, chunk: &Bytes, limit: usize) -> Result<(), Reason> {
    if bytes.len() + chunk.len() > limit {
        return Err(Reason::TooLong { limit });
    }
    bytes.extend_from_slice(chunk);
    Ok(())
}

/// The body of an answer that explains an error.
#[derive(Deserialize)]
struct Refusal {
    error: String,
    #[serde(default)]
    code: Value,
}

/// Why an answer has an error status: the server's message and code, or the status where there is none. A proxy in
/// between may answer with anything.
pub(crate) async fn refusal(response: Response) -> Reason {
    let status = response.status().as_u16();
    let bytes = body(response, MAX_ERROR).await.unwrap_or_default();
    match serde_json::from_slice::<Refusal>(&bytes) {
        Ok(Refusal { error, code }) if !error.is_empty() => Reason::Server {
            status,
            error,
            code: code
                .as_str()
                .filter(|code| is_code(code))
                .map(str::to_owned),
        },
        _ => Reason::Status(status),
    }
}

/// Whether a text has the form of error codes. A server may be newer than this client and have other ones.
pub(crate) fn is_code(text: &str) -> bool {
    text.strip_prefix("ISOL8_").is_some_and(|rest| {
        (1..=64).contains(&rest.len())
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_a_limit() {
        let mut bytes = vec![0; 8];
        append(&mut bytes, &Bytes::from_static(b"12"), 10).unwrap();
        let refused = append(&mut bytes, &Bytes::from_static(b"3"), 10).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the server's answer has more than 10 bytes"
        );
    }

    #[test]
    fn codes_have_one_form() {
        assert!(is_code("ISOL8_NO_SPACE"));
        let long = format!("ISOL8_{}", "A".repeat(65));
        for text in ["ISOL8_", "ISOL8_x", "<script>", "NO_SPACE", &long] {
            assert!(!is_code(text), "{text}");
        }
    }
}
