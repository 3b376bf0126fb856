//! The filtering proxy through which a sandbox reaches the network.
//!
//! It is given one duplex byte stream a client connection and serves HTTP/1.1 proxying on it:
//! plain requests in absolute form, and CONNECT tunnels. It knows nothing of sandboxes. What it
//! promises: nothing is resolved or dialled before [`Policy`] has allowed the host, the checked
//! addresses are the ones dialled, and what leaves is what was judged.
//!
//! What it cannot see, because it is encrypted or not HTTP: the `Host` inside a TLS session (only
//! the server name of the hello is checked), and the contents of a tunnel to a port other than
//! 80 and 443 that does not begin with a TLS hello.

#![forbid(unsafe_code)]

mod address;
mod connect;
mod context;
mod headers;
mod hello;
mod host;
mod http;
mod limits;
mod log;
mod meter;
mod pattern;
mod places;
mod policy;
mod policy_error;
mod proxy;
mod refusal;
mod resolve;
mod respond;
mod target;
mod tunnel;

pub use address::{AddressClass, classify};
pub use hello::{Hello, inspect};
pub use host::{Host, HostError};
pub use limits::{
    HTTP_PORT, Limits, MAX_ADDRESSES, MAX_HELLO, MAX_HELLO_RECORDS, MAX_HOST, MAX_LOG_BYTES,
    MAX_LOG_ENTRIES, MAX_LOGGED_METHOD, MAX_LOGGED_PATH, MAX_LOOKUPS, MAX_PATTERN, MAX_PATTERNS,
    TLS_PORT,
};
pub use log::{Action, LogEntry, NetworkLog, RunLog, SecurityEvent};
pub use policy::{Denial, Grant, Policy, PolicyOptions};
pub use policy_error::PolicyError;
pub use proxy::Proxy;
pub use resolve::{Resolver, SystemResolver};
