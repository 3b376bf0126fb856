//! Who something belongs to: the operator, who has the master key, or a tenant, who has a key of the database.

use std::{fmt, sync::Arc};

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
