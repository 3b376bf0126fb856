//! Starts the real guest in a sandbox made of namespaces, and talks to it as the host does.

mod requests;
mod sandbox;
mod start;
mod stream;
mod waiting;

pub(crate) use self::{
    requests::{program, sh},
    sandbox::Sandbox,
    start::{start_raw, start_raw_with_volumes, start_with_link},
    stream::failure,
    waiting::within,
};
pub(crate) use isol8_testing::until;
