//! What a server may send, and for how long a client waits.

use std::time::Duration;

/// Most bytes of an answer. The largest file of a session has 512 MiB, which are 683 MiB in base64.
pub(crate) const MAX_ANSWER: usize = 768 * 1024 * 1024;

/// Most bytes of an answer that explains an error.
pub(crate) const MAX_ERROR: usize = 1024 * 1024;

/// Longest event in bytes. The server sends output in chunks, which are far smaller.
pub(crate) const MAX_EVENT: usize = 16 * 1024 * 1024;

/// Bytes of events that wait for a slow consumer. Beyond it nothing is read, and the program is slowed down.
pub(crate) const MAX_WAITING: u32 = 64 * 1024 * 1024;

/// What an event that waits costs besides its text. Many small ones need memory, too.
pub(crate) const EVENT_COST: u32 = 64;

/// Most redirects that one request follows.
pub(crate) const MAX_REDIRECTS: usize = 5;

/// How long a connection may take to open.
pub(crate) const CONNECT_PATIENCE: Duration = Duration::from_secs(30);

/// How long a server may take to say that it is well.
pub(crate) const HEALTH_PATIENCE: Duration = Duration::from_secs(30);

/// How often a server is asked for a sign of life on a `WebSocket`. It shows the server one, too.
pub(crate) const PING_INTERVAL: Duration = Duration::from_secs(15);

/// Pings without any word from the server after which it counts as gone.
pub(crate) const MAX_UNANSWERED: u32 = 4;

/// After this time without traffic the system asks whether the other side is still there.
pub(crate) const TCP_KEEPALIVE: Duration = Duration::from_secs(30);

/// Most that is read from a `WebSocket` at a time, in bytes. Each attempt to read fills this much with zeros first, and a new
/// connection makes room for it.
pub(crate) const READ_BUFFER: usize = 16 * 1024;
