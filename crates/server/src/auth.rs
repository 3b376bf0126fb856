//! Who may come in: a key on every path but those that say whether the server is well.

use std::time::Instant;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::Response,
};

use isol8_keys::KeyDigest;

use crate::{
    app::App,
    callers::{Caller, Owner},
    error::ApiError,
    serve::Visitor,
};

/// Paths that need no key.
const OPEN: [&str; 2] = ["/health", "/ready"];

/// Lets requests through that have the key. It comes before routing, so that nobody without a key learns
/// which paths exist.
pub(crate) async fn require_key(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if OPEN.contains(&request.uri().path()) {
        return Ok(next.run(request).await);
    }
    let key = bearer(request.headers())?;
    let owner = owner_of(&app, key).await?;
    let caller = app.caller(owner, key);
    if let Some(visitor) = request.extensions().get::<Visitor>() {
        visitor.introduce(&caller)?;
    }
    take_token(&app, &caller)?;
    let charge = app.budget().open(&caller.owner);
    request.extensions_mut().insert(caller);
    request.extensions_mut().insert(charge.clone());
    Ok(charge.until_sent(next.run(request).await))
}

/// Refuses a caller whose key has ended or was revoked since it was shown.
pub(crate) async fn check_again(app: &App, caller: &Caller) -> Result<(), ApiError> {
    let Some(key) = &caller.key else {
        return Ok(());
    };
    if owner_of(app, key).await? == caller.owner {
        Ok(())
    } else {
        Err(ApiError::WrongKey)
    }
}

/// Who has this key.
async fn owner_of(app: &App, key: &str) -> Result<Owner, ApiError> {
    if app.master_key().matches(&KeyDigest::of(key)) {
        return Ok(Owner::Operator);
    }
    let Some(keys) = app.keys() else {
        return Err(ApiError::WrongKey);
    };
    let owner = keys.owner(key).await?.ok_or(ApiError::WrongKey)?;
    Ok(Owner::Tenant(owner.tenant_id.into()))
}

/// Counts the request against the rate of its caller.
fn take_token(app: &App, caller: &Caller) -> Result<(), ApiError> {
    let Some(limit) = caller.policy.rate_limit else {
        return Ok(());
    };
    let taken = app.buckets().take(&caller.owner, limit, Instant::now());
    taken.map_err(|wait| {
        let told = format!("{} a second, {} at once", limit.rate, limit.burst);
        ApiError::tenant_limit("rateLimit", &told, Some(wait))
    })
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
