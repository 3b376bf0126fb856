//! All limits of the proxy.

use std::time::Duration;

/// The port whose tunnels may carry HTTP without TLS. Each request in them is judged.
pub const HTTP_PORT: u16 = 80;
/// The port whose tunnels must begin with a TLS hello.
pub const TLS_PORT: u16 = 443;

/// Longest host name as written, in bytes. DNS allows 253. Some spellings are longer than their
/// normal form (brackets, Unicode before IDNA).
pub const MAX_HOST: usize = 1024;
/// Most patterns in one list.
pub const MAX_PATTERNS: usize = 4096;
/// Longest pattern, in bytes.
pub const MAX_PATTERN: usize = 4096;
/// Most addresses of one name that are considered. The rest is ignored.
pub const MAX_ADDRESSES: usize = 16;
/// Most name lookups of one system resolver at one time that are the only ones of their run. Each holds a thread
/// until it ends, even when its run is over. So many runs can have a name that nobody answers, and delay no other.
pub const MAX_SINGLE_LOOKUPS: usize = 896;
/// Most further lookups of all runs at one time.
pub const MAX_FURTHER_LOOKUPS: usize = 128;

/// Longest TLS hello, in bytes, with record headers. Usual ones are below 2 KiB. With post-quantum
/// key shares and encrypted client hello they are below 5 KiB.
pub const MAX_HELLO: usize = 32 * 1024;
/// Most records that one TLS hello may be spread over.
pub const MAX_HELLO_RECORDS: usize = 64;

/// The smallest head buffer that hyper accepts.
pub(crate) const LEAST_HEAD: usize = 8 * 1024;
/// Longest first line of a client that is held back to see whether it is a request line of HTTP, in
/// bytes. As long as usual servers take one. A longer line counts as HTTP.
pub(crate) const MAX_FIRST_LINE: usize = 8 * 1024;

/// Most allowed entries, and separately most blocked ones, that the log of one run keeps.
pub const MAX_LOG_ENTRIES: usize = 4096;
/// Most bytes of text (methods, hosts, paths) that the allowed entries of one run's log, and separately
/// the blocked ones, keep together.
pub const MAX_LOG_BYTES: usize = 1024 * 1024;
/// Longest path kept in a log entry, in bytes.
pub const MAX_LOGGED_PATH: usize = 2048;
/// Longest host kept in a log entry, in bytes: longer than any normalised one.
pub(crate) const MAX_LOGGED_HOST: usize = 256;
/// Longest method kept in a log entry, in bytes.
pub const MAX_LOGGED_METHOD: usize = 32;

/// Size of each of the two copy buffers of a tunnel.
pub(crate) const COPY_BUFFER: u32 = 32 * 1024;
/// How long the patterns with lookaround and backreferences may take together for one host. After
/// that the host counts as blocked.
pub(crate) const MATCH_TIME: Duration = Duration::from_millis(50);
/// Head start of each address over the next one (RFC 8305, section 8).
pub(crate) const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// What one proxy allows its clients. The defaults suit usual programs.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Client connections of one run at one time. More get status 503. Default 256.
    pub connections: usize,
    /// Name lookups of one run at one time. Further ones wait. Default 4.
    pub lookups: usize,
    /// Bytes that the upstream sockets of one run and the copy buffers of its tunnels may hold
    /// together. Connections beyond that get status 502. Default 64 MiB.
    pub buffer_bytes: usize,
    /// Bytes of the head of a request or response. At least 8 KiB. Default 64 KiB.
    pub head_bytes: usize,
    /// Header fields of a request or response. Default 128.
    pub headers: usize,
    /// How long a client may take to send the head of a request, with the idle time before it.
    /// Default 60 s.
    pub head_timeout: Duration,
    /// How long a TLS client may take to send its hello. Default 30 s.
    pub hello_timeout: Duration,
    /// How long the first line of a client is held back, on ports that may carry any protocol, while it
    /// can still become a request line of HTTP. Default 1 s.
    pub first_line_timeout: Duration,
    /// Name lookup and connecting together. Default 20 s.
    pub connect_timeout: Duration,
    /// How long an upstream connection may move no byte in either direction. Default 10 min.
    pub idle_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            lookups: 4,
            buffer_bytes: 64 * 1024 * 1024,
            head_bytes: 64 * 1024,
            headers: 128,
            head_timeout: Duration::from_mins(1),
            hello_timeout: Duration::from_secs(30),
            first_line_timeout: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(20),
            idle_timeout: Duration::from_mins(10),
        }
    }
}
