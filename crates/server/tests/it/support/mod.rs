//! Servers of tests and their clients.

mod client;
mod places;
mod server;

pub(crate) use client::{events_of, open_socket};
pub(crate) use places::{Docker, Scripted, ScriptedPlace, bash, program};
pub(crate) use server::{KEY, TestServer, config, until};

pub(crate) use serde_json::{Value, json};
