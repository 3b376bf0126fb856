//! Handlers, by resource: from a request's parts to what the rest of the crate does, and back.

pub(crate) mod cleanup;
pub(crate) mod execute;
pub(crate) mod files;
pub(crate) mod health;
pub(crate) mod keys;
pub(crate) mod openapi;
pub(crate) mod operations;
pub(crate) mod queue;
pub(crate) mod sessions;
pub(crate) mod socket;
pub(crate) mod stream;
