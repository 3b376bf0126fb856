//! Systems other than Linux have no namespaces. The search for users has said so before anything here is called.

use std::{convert::Infallible, sync::Arc};

use isol8_backend::{BackendError, Socket};
use isol8_protocol::{RootPlan, SandboxPlan};

use crate::{
    Limits,
    users::{Users, unavailable},
};

/// A spawner: there is none.
pub(crate) struct Spawner(Infallible);

/// A sandbox that has started: there is none.
pub(crate) struct Running {
    pub(crate) number: u64,
    pub(crate) stream: Socket,
}

pub(crate) fn spawner(
    _key: &(RootPlan, Limits),
    _users: &Users,
) -> Result<Arc<Spawner>, BackendError> {
    Err(unavailable("they need Linux. Use Docker here."))
}

impl Spawner {
    pub(crate) async fn start(&self, _plan: SandboxPlan) -> Result<Running, BackendError> {
        match self.0 {}
    }

    pub(crate) async fn stop(&self, _number: u64) -> Result<(), BackendError> {
        match self.0 {}
    }

    pub(crate) fn process(&self) -> u32 {
        match self.0 {}
    }

    pub(crate) fn is_alive(&self) -> bool {
        match self.0 {}
    }
}
