//! The messages between the isol8 host and the guest inside a sandbox.
//!
//! Pure data: messages, their limits and their byte layout. No I/O and no async runtime, so that
//! the static guest and the host library can share it.
//!
//! # The wire, from the outside in
//!
//! ```text
//! link     one duplex byte stream per sandbox: a Unix socket, or else the container's attached stdin
//!          and stdout
//!          ├─ preamble, each side once:  "ISOL8" 0x00 version:u16le            (module `preamble`)
//!          └─ yamux: the host is the client, the guest the server
//!             ├─ stream opened by the host: one request and its replies, as frames
//!             └─ stream opened by the guest: one egress connection, raw bytes
//! frame    length:u32le  kind:u8  payload[length]                               (module `frame`)
//!          kind 0: a message, postcard-encoded                                (modules `message`, `reply`)
//!          kind 1..3: raw bytes of stdin or a file, of stdout, of stderr; empty means end
//! ```
#![forbid(unsafe_code)]

mod frame;
mod limits;
mod message;
mod park;
mod place;
mod preamble;
mod reply;
mod session;
mod spawn;
mod volume;

pub use frame::{FRAME_HEADER_BYTES, FrameError, FrameHeader, FrameKind, decode, encode_message};
pub use limits::{
    MAX_BATCH_FILES, MAX_EGRESS_STREAMS, MAX_FRAME_BYTES, MAX_INLINE_BYTES, MAX_STREAMS,
    MAX_WINDOW_BYTES, MIN_WINDOW_BYTES,
};
pub use message::{
    AfterExit, CallRequest, ExecControl, ExecRequest, FileRequest, InlineFile, ParkRequest,
    ProxyPort, ReadFilesRequest, ReadRequest, Request, Stdin,
};
pub use park::{PARK_MARK, hand_over};
pub use place::{
    GROUP_ID, GUEST_DIR, GUEST_PATH, KNOWN_MOUNTS_ARGUMENT, LINK_PATH, MEMORY_ARGUMENT, PROXY_PORT,
    SANDBOX_DIR, SESSION_DIR, START_REPORT_ARGUMENT, STRICT_ARGUMENT, TMP_DIR, USER_ARGUMENT,
    USER_ID, VOLUME_ARGUMENT, VOLUMES_ARGUMENT, VOLUMES_DIR, VOLUMES_FILE, WRITABLE_DIRS,
};
pub use preamble::check_preamble;
pub use preamble::{PREAMBLE_BYTES, PREAMBLE_MAGIC, PROTOCOL_VERSION, PreambleError, preamble};
pub use reply::{ErrorKind, ExitReport, ExitStatus, Reply, ResetReport, SessionLoss};
pub use session::{
    COMMAND_FD, MAX_REPORT_BYTES, NO_CALL, REPORT_FD, Report, SESSION_NOTE, SESSION_SCRIPT,
    SessionPipe, command, parse_report,
};
pub use spawn::{
    Bind, CPU_PERIOD_MICROS, FromSpawner, GROUP_OF_HOST, Hierarchy, IDS_OF_A_SANDBOX,
    MAX_SPAWN_BYTES, RootPlan, SPAWNER_ARGUMENT, SandboxPlan, ToSpawner, decode_packet,
    encode_packet,
};
pub use volume::{VolumeEntry, VolumeEntryKind, VolumeRecord};
