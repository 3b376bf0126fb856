//! Programs that a request names by their URL (`codeUrl`): whether they may be fetched, from where,
//! and what they must be like. Owns the connection to the other side, so that the address which was
//! checked is the one which is dialled.

mod cache;
mod dial;
mod error;
mod fetcher;
mod rules;
#[cfg(test)]
mod testing;

pub use error::{FetchError, FetchPolicyError};
pub use fetcher::{FetchRequest, Fetcher};
