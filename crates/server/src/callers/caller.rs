//! Who sends a request, as handlers are told.

use std::sync::Arc;

use axum::{extract::FromRequestParts, http::request::Parts};

use super::{owner::Owner, policy::Policy};
use crate::error::ApiError;

/// Who sends a request, and what they may do.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) owner: Owner,
    pub(crate) policy: Arc<Policy>,
    /// The key that a tenant has shown; none of the operator.
    pub(crate) key: Option<Arc<str>>,
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // Put there with the key, which comes before everything else.
        let caller = parts.extensions.get::<Self>();
        caller.cloned().ok_or(ApiError::NoKey)
    }
}

/// The operator. Requests of tenants are refused.
pub(crate) struct Operator;

impl<S: Sync> FromRequestParts<S> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, state).await?;
        match caller.owner {
            Owner::Operator => Ok(Self),
            Owner::Tenant(_) => Err(ApiError::MasterOnly),
        }
    }
}
