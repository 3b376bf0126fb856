//! Bodies: those of requests, received within limits of size and time and read as JSON, and those of large answers.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{FromRef, FromRequest, FromRequestParts as _, Request},
    http::{HeaderValue, header},
    response::Response,
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use isol8_api::{http::FileContents, wording::in_words};
use isol8_engine::EngineError;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{task::JoinError, time::Instant};

use crate::{callers::Caller, error::ApiError, limits::Charge, metrics::Metrics};

/// How long the server waits for a body. The time that `LEAST_RATE` allows for what has come does not count.
const PATIENCE: Duration = Duration::from_secs(30);

/// Least rate of a body in bytes a second. A client that sends one byte from time to time would keep its connection for ever.
const LEAST_RATE: u64 = 1024;

/// Texts above this are read on a thread that serves nobody else, in bytes.
const LARGE: usize = 256 * 1024;

/// Characters of the begin of a long error about JSON, and as many of its end, that a client receives.
const SHOWN: usize = 500;

/// A body in JSON, whatever its content type says. An empty one is `{}`. In a box: the future of a request that waits has
/// room for each value that was moved through it.
pub(crate) struct JsonBody<T>(pub(crate) Box<T>);

impl<T, S> FromRequest<S> for JsonBody<T>
where
    T: DeserializeOwned + Send + 'static,
    S: Sync,
    Metrics: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, state).await?;
        let charge = Charge::from_request_parts(&mut parts, state).await?;
        let request = Request::from_parts(parts, body);
        let bytes = receive(request, caller.policy.max_request_bytes, &charge).await?;
        Metrics::from_ref(state).received(bytes.len());
        let read = |json: &[u8]| parse(json).map(Box::new);
        let parsed = read_aside(bytes, charge, read).await?;
        parsed
            .map_err(|error| ApiError::Invalid(error.to_string()))?
            .map(Self)
    }
}

/// What `read` makes of JSON, whose values `charge` takes first. A large text is read on a thread that serves nobody else.
/// The inner error is that thread's.
pub(crate) async fn read_aside<T: Send + 'static>(
    json: Bytes,
    charge: Charge,
    read: impl FnOnce(&[u8]) -> T + Send + 'static,
) -> Result<Result<T, JoinError>, ApiError> {
    let is_large = json.len() > LARGE;
    let read = move || {
        charge.add_structure(&json)?;
        Ok(read(&json))
    };
    if !is_large {
        return read().map(Ok);
    }
    match tokio::task::spawn_blocking(read).await {
        Ok(read) => read.map(Ok),
        Err(error) => Ok(Err(error)),
    }
}

/// An answer in JSON, which is charged until it has been sent.
pub(crate) fn answer(charge: &Charge, value: &impl Serialize) -> Result<Response, ApiError> {
    sent(charge, json(value)?)
}

/// The same of a file. One that is too large is refused by its size, since waiting would not help.
pub(crate) fn file_answer(charge: &Charge, file: &FileContents) -> Result<Response, ApiError> {
    let (json, limit) = (json(file)?, charge.limit());
    if json.len() > limit {
        return Err(ApiError::FileTooLarge {
            length: json.len(),
            limit,
        });
    }
    sent(charge, json)
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, EngineError> {
    serde_json::to_vec(value).map_err(|error| EngineError::Internal(error.to_string()))
}

fn sent(charge: &Charge, json: Vec<u8>) -> Result<Response, ApiError> {
    charge.add_answer(json.len())?;
    let mut response = Response::new(Body::from(json));
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

async fn receive(request: Request, limit: usize, charge: &Charge) -> Result<Bytes, ApiError> {
    let announced = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(ApiError::TooLarge { limit });
    }
    let mut body: Body = request.into_body();
    let mut bytes = BytesMut::new();
    // Time spent waiting, less the time that the least rate allows for what has come.
    let mut debt = Duration::ZERO;
    loop {
        let begin = Instant::now();
        let frame = tokio::time::timeout(PATIENCE.saturating_sub(debt), body.frame())
            .await
            .map_err(|_| ApiError::SlowBody)?;
        debt += begin.elapsed();
        let Some(frame) = frame else {
            return Ok(bytes.freeze());
        };
        let frame = frame.map_err(|error| ApiError::Invalid(format!("Invalid body: {error}")))?;
        if let Some(data) = frame.data_ref() {
            if bytes.len() + data.len() > limit {
                return Err(ApiError::TooLarge { limit });
            }
            charge.add(data.len())?;
            bytes.extend_from_slice(data);
            debt = debt.saturating_sub(allowed(data.len()));
        }
    }
}

/// How long this many bytes of a body may take.
fn allowed(bytes: usize) -> Duration {
    Duration::from_micros((bytes as u64).saturating_mul(1_000_000) / LEAST_RATE)
}

/// Reads JSON; the error names the field.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    // A list would be read as the fields of an object, in order.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(ApiError::Invalid(
            "Invalid request: it must be a JSON object".to_owned(),
        ));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner();
        let text = match path.as_str() {
            _ if !cause.is_data() => format!("Invalid JSON: {cause}"),
            "." => format!("Invalid request: {cause}"),
            path => format!("Invalid request: {path}: {cause}"),
        };
        ApiError::Invalid(shown(&text))
    })?;
    json.end()
        .map_err(|cause| ApiError::Invalid(format!("Invalid JSON: {cause}")))?;
    Ok(parsed)
}

/// What a client receives of an error about JSON. The error quotes what the client has sent, which may be long.
pub(crate) fn shown(text: &str) -> String {
    if text.chars().nth(2 * SHOWN).is_none() {
        return in_words(text);
    }
    let begin: String = text.chars().take(SHOWN).collect();
    let end: Vec<char> = text.chars().rev().take(SHOWN).collect();
    let end: String = end.into_iter().rev().collect();
    in_words(&format!("{begin}…{end}"))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::stream;
    use isol8_api::http::{ExecuteBody, UploadBody};

    use super::*;
    use crate::{callers::Owner, limits::Budget};

    /// Receives a body of pieces of `length` bytes, each `pause` after the last. Returns how long that took as well.
    async fn receive_slowly(
        pause: Duration,
        length: usize,
        pieces: usize,
    ) -> (Result<usize, ApiError>, Duration) {
        let charge = Budget::new(1 << 30, 0).open(&Owner::Operator);
        let pieces = stream::unfold(pieces, move |left| async move {
            tokio::time::sleep(pause).await;
            let piece = Ok::<_, Infallible>(Bytes::from(vec![0; length]));
            (left > 0).then(|| (piece, left - 1))
        });
        let begin = Instant::now();
        let request = Request::new(Body::from_stream(pieces));
        let received = receive(request, 1 << 20, &charge).await;
        (received.map(|bytes| bytes.len()), begin.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_comes_too_slowly_is_given_up_and_one_at_the_least_rate_is_not() {
        let second = Duration::from_secs(1);
        for (pause, length) in [(second * 29, 1), (second, 1), (second, 512)] {
            let (received, took) = receive_slowly(pause, length, 1000).await;
            assert!(matches!(received, Err(ApiError::SlowBody)), "{received:?}");
            assert!(
                (PATIENCE..=2 * PATIENCE + second).contains(&took),
                "{took:?}"
            );
        }
        let (received, took) = receive_slowly(second, 1024, 600).await;
        assert_eq!(received.unwrap(), 600 * 1024);
        assert!(took >= 600 * second, "{took:?}");
        // What came early lets nobody wait for longer later.
        let (received, _) = receive_slowly(second * 31, 1 << 18, 2).await;
        assert!(matches!(received, Err(ApiError::SlowBody)), "{received:?}");
    }

    #[test]
    fn an_error_names_the_field() {
        for (json, message) in [
            ("{", "Invalid JSON: EOF while parsing an object"),
            (r#"{"request": {}} x"#, "Invalid JSON: trailing characters"),
            (
                r#"{"request": {"runtime": 1}}"#,
                "Invalid request: request.runtime: invalid type: integer `1`, expected a string",
            ),
            (
                r#"{"request": []}"#,
                "Invalid request: request: invalid type: a list, expected an object",
            ),
            (" []", "Invalid request: it must be a JSON object"),
        ] {
            let error = parse::<ExecuteBody>(json.as_bytes())
                .unwrap_err()
                .to_string();
            assert!(error.starts_with(message), "{json}: {error}");
        }
        let error = parse::<UploadBody>(b"").unwrap_err().to_string();
        assert!(error.contains("missing field `sessionId`"), "{error}");
    }

    #[test]
    fn an_error_does_not_send_back_a_long_text() {
        let long = "ä".repeat(100_000);
        let json = format!(r#"{{"request": {{"files": "{long}"}}}}"#);
        let error = parse::<ExecuteBody>(json.as_bytes())
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("Invalid request: request.files: invalid type: string \"ä"));
        assert!(error.contains("ä…ä") && error.contains(" at line 1 column "));
        assert!(error.chars().count() < 3 * SHOWN);
    }
}
