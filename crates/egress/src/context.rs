//! What every part of the proxy needs to serve one client connection.

use std::sync::Arc;

use crate::limits::Limits;
use crate::policy::Policy;
use crate::resolver::Resolver;
use crate::run::Run;

/// The rules of the proxy, and the run that the connection belongs to.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) policy: Arc<Policy>,
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) run: Arc<Run>,
}
