//! Servers of tests and their clients.

mod client;
mod description;
mod keys;
mod memory;
mod places;
mod programs;
mod server;

pub(crate) use client::{Socket, events_of, open_socket, open_socket_with, raw_answer};
pub(crate) use description::{assert_described, operations};
pub(crate) use keys::{Keys, in_tenants, names};
pub(crate) use memory::{MAX_BODY, gauge, held, small, until_held};
pub(crate) use places::{Docker, Scripted, ScriptedPlace, bash, program};
pub(crate) use programs::{done, hangs, in_session, request};
pub(crate) use server::{KEY, TestServer, answer, config};

pub(crate) use isol8_testing::until;
pub(crate) use serde_json::{Value, json};
