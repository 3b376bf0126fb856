//! Where things are inside a sandbox, and whose they are.

/// User id of the code that runs in a sandbox. Numeric, so that images need no such user.
pub const USER_ID: u32 = 100;

/// Group id of the code that runs in a sandbox.
pub const GROUP_ID: u32 = 101;

/// Where the read-only volume with the guest and the interpreter launchers is mounted.
pub const GUEST_DIR: &str = "/.isol8";

/// The guest's program file.
pub const GUEST_PATH: &str = "/.isol8/guest";

/// Argument of the guest in a sandbox that has the strict profile: programs then run under a filter of
/// the guest's own besides, which that profile is made for. Under another profile they may need the
/// call that such a filter refuses them.
pub const STRICT_ARGUMENT: &str = "strict";

/// The socket that the guest finds in a sandbox whose host is on the same machine: its link, unless it
/// cannot connect. Nobody listens behind it once the guest has.
pub const LINK_PATH: &str = "/.isol8-link";

/// Working directory and home of user code: a size-limited tmpfs that allows execution.
pub const SANDBOX_DIR: &str = "/sandbox";

/// Temporary files: a size-limited tmpfs without execution.
pub const TMP_DIR: &str = "/tmp";

/// Where the named pipes between the guest and a session's interpreter are: a small tmpfs that only
/// sandboxes of sessions have. User code can open what is there by name, and neither list, remove nor
/// add anything.
pub const SESSION_DIR: &str = "/.isol8-session";

/// Every place that user code can write to when the root file system is read-only. A reset empties
/// them all.
pub const WRITABLE_DIRS: [&str; 4] = [SANDBOX_DIR, TMP_DIR, "/dev/shm", "/dev/mqueue"];

/// Port on 127.0.0.1 on which the guest accepts proxy connections in filtered mode.
pub const PROXY_PORT: u16 = 8118;
