//! Who sends a request: the operator, who has the master key, or a tenant, who has a key of the database.

use std::{fmt, sync::Arc};

use axum::{extract::FromRequestParts, http::request::Parts};

use crate::{app::App, error::ApiError, policy::Policy};

/// Who something belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// Who has the master key.
    Operator,
    /// The tenant of this id.
    Tenant(Arc<str>),
}

impl Owner {
    /// The id of a tenant; none of the operator.
    pub(crate) fn tenant_id(&self) -> Option<&str> {
        match self {
            Self::Operator => None,
            Self::Tenant(id) => Some(id),
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tenant_id().unwrap_or("operator"))
    }
}

/// Who sends a request, and what they may do.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) owner: Owner,
    pub(crate) policy: Arc<Policy>,
    /// The key that a tenant has shown; none of the operator.
    pub(crate) key: Option<Arc<str>>,
}

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        // Put there with the key, which comes before everything else.
        let caller = parts.extensions.get::<Self>();
        caller.cloned().ok_or(ApiError::NoKey)
    }
}

/// The operator. Requests of tenants are refused.
pub(crate) struct Operator;

impl FromRequestParts<App> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, app).await?;
        match caller.owner {
            Owner::Operator => Ok(Self),
            Owner::Tenant(_) => Err(ApiError::MasterOnly),
        }
    }
}
