//! Who may come in: a key on every path but those that say whether the server is well.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::Response,
};

use crate::{app::App, error::ApiError, key::KeyDigest};

/// Paths that need no key.
const OPEN: [&str; 2] = ["/health", "/ready"];

/// Lets requests through that have the key. It comes before routing, so that nobody without a key learns
/// which paths exist.
pub(crate) async fn require_key(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if !OPEN.contains(&request.uri().path()) {
        let key = bearer(request.headers())?;
        if !app.master_key().matches(&KeyDigest::of(key)) {
            return Err(ApiError::WrongKey);
        }
    }
    Ok(next.run(request).await)
}

/// The key of a request. Another scheme than `Bearer` is a wrong key.
fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
    let given = headers.get(header::AUTHORIZATION).ok_or(ApiError::NoKey)?;
    let given = given.to_str().map_err(|_| ApiError::WrongKey)?.trim();
    let (scheme, key) = given.split_once(' ').ok_or(ApiError::WrongKey)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(key.trim_start())
    } else {
        Err(ApiError::WrongKey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(value: &str) -> HeaderMap {
        [(header::AUTHORIZATION, value.parse().unwrap())]
            .into_iter()
            .collect()
    }

    #[test]
    fn the_scheme_is_bearer_in_any_case() {
        for value in ["Bearer k", "bearer k", "BEARER   k", " Bearer k "] {
            assert_eq!(bearer(&header(value)).ok(), Some("k"), "{value}");
        }
        for value in ["k", "Basic k", "Bearer", "Bearerk", "Token k"] {
            let headers = header(value);
            let refused = bearer(&headers);
            assert!(matches!(refused, Err(ApiError::WrongKey)), "{value}");
        }
        let missing = HeaderMap::new();
        assert!(matches!(bearer(&missing), Err(ApiError::NoKey)));
    }
}
