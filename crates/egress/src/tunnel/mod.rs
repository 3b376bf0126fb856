//! A CONNECT tunnel: its first bytes are judged, then bytes are relayed.
//!
//! ```text
//! serve ─┬─ known_port   TLS, or HTTP that the caller judges
//!        └─ any_port     TLS, HTTP that the caller judges, or any other protocol
//! ```

mod any_port;
mod duplex;
mod first_bytes;
mod known_port;
mod outcome;
mod relay;
mod request_line;
mod serve;

pub(crate) use outcome::{TunnelOutcome, TunnelRules};
pub(crate) use relay::relay;
pub(crate) use serve::serve;
