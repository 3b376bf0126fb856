//! What a tunnel is judged by, and what becomes of it.

use crate::host::Host;
use crate::limits::Limits;
use crate::policy::PortKind;
use crate::run::OpenEntry;

/// The facts by which a tunnel is judged.
#[derive(Clone, Copy)]
pub(crate) struct TunnelRules<'a> {
    pub(crate) host: &'a Host,
    pub(crate) port_kind: PortKind,
    pub(crate) limits: &'a Limits,
    /// The log entry. Nothing reaches the client between a decision to block and its record here.
    pub(crate) entry: &'a OpenEntry,
}

/// What has become of a tunnel.
pub(crate) enum TunnelOutcome<C, U> {
    /// It is closed: both sides have ended, one has failed, or the filter has blocked it.
    Closed,
    /// The client speaks HTTP without TLS. Nothing has been relayed. The caller judges each request.
    PlainHttp {
        client: C,
        upstream: U,
        /// What the client has sent.
        first_bytes: Vec<u8>,
    },
}
