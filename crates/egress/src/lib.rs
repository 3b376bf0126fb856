//! The filtering proxy through which a sandbox reaches the network.
//!
//! The proxy gets one duplex byte stream for each client connection. It serves HTTP/1.1 proxying on
//! it: plain requests in absolute form, and CONNECT tunnels. It knows nothing of sandboxes. It
//! guarantees:
//!
//! * Nothing is resolved or dialled before [`Policy`] has allowed the host.
//! * The checked addresses are the ones dialled.
//! * The request that leaves is the request that was judged.
//!
//! Two things it cannot see, because they are encrypted or not HTTP: the `Host` inside a TLS session
//! (it checks the server name of the hello only), and the contents of a tunnel to a port other than
//! 80 and 443 that begins with neither a TLS hello nor an HTTP request.

#![forbid(unsafe_code)]

mod address;
mod connect;
mod context;
mod dial;
mod headers;
mod hello;
mod host;
mod http;
mod limits;
mod own_address;
mod pattern;
mod policy;
mod proxy;
mod refusal;
mod resolve;
mod resolver;
mod respond;
mod run;
mod target;
mod tunnel;
mod upstream_socket;

pub use address::{AddressClass, classify};
pub use hello::{Hello, inspect};
pub use host::{Host, HostError};
pub use limits::{
    HTTP_PORT, Limits, MAX_ADDRESSES, MAX_FURTHER_LOOKUPS, MAX_HELLO, MAX_HELLO_RECORDS, MAX_HOST,
    MAX_LOG_BYTES, MAX_LOG_ENTRIES, MAX_LOGGED_METHOD, MAX_LOGGED_PATH, MAX_PATTERN, MAX_PATTERNS,
    MAX_SINGLE_LOOKUPS, TLS_PORT,
};
pub use own_address::is_own;
pub use policy::{AllowList, Denial, ExtraHost, Grant, Policy, PolicyError, PolicyOptions};
pub use proxy::Proxy;
pub use resolver::{LookupPlace, LookupTurn, Resolver, SystemResolver};
pub use run::{Action, BlockReason, LogEntry, NetworkLog, Redact, Run};
