//! The description of the API in `OpenAPI` 3.1: generated from the handlers and their types, and committed as
//! `schema/openapi.json`.

mod document;
mod refusals;
#[cfg(test)]
mod tests;

pub(crate) use document::{Description, Document};
pub(crate) use refusals::{Failed, Gone, Invalid, Keyed, LargeFile, NoSession, Received, Waiting};
