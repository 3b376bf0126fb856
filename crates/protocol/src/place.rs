//! Paths, users and ports inside a sandbox.

/// User id of the code that runs in a sandbox, unless the sandbox has a user of its own. Numeric, so that images need no such user.
pub const USER_ID: u32 = 100;

/// Group id of the code that runs in a sandbox.
pub const GROUP_ID: u32 = 101;

/// Begins an argument of the guest that is the id of a user: code then runs as this user in place of [`USER_ID`].
pub const USER_ARGUMENT: &str = "user=";

/// Where the read-only volume with the guest and the interpreter launchers is mounted.
pub const GUEST_DIR: &str = "/.isol8";

/// The guest's program file in Docker's sandboxes. In local ones it has no path.
pub const GUEST_PATH: &str = "/.isol8/guest";

/// Argument of the guest in a sandbox with the strict profile. Programs then also run under a filter of the
/// guest, for which that profile is made. Under another profile programs may need a call that the filter
/// refuses.
pub const STRICT_ARGUMENT: &str = "strict";

/// The socket in a sandbox whose host is on the same machine. It is the link, unless the guest cannot connect.
/// The host stops listening when the guest has connected.
pub const LINK_PATH: &str = "/.isol8-link";

/// Working directory and home of user code: a size-limited tmpfs that allows execution.
pub const SANDBOX_DIR: &str = "/sandbox";

/// Temporary files: a size-limited tmpfs without execution.
pub const TMP_DIR: &str = "/tmp";

/// Directory of the named pipes between the guest and a session's interpreter: a small tmpfs that only
/// sandboxes of sessions have. User code can open a pipe by its name. It can list, remove and add nothing.
pub const SESSION_DIR: &str = "/.isol8-session";

/// Begins an argument of the guest that names a volume of the image: a path at which the sandbox has a
/// tmpfs. A reset makes it what it was.
pub const VOLUME_ARGUMENT: &str = "volume=";

/// Begins an argument of the guest in a sandbox whose memory no control group limits: the limit in bytes. The guest
/// keeps it.
pub const MEMORY_ARGUMENT: &str = "memory=";

/// Argument of the guest in a sandbox where nothing is mounted for writing but [`WRITABLE_DIRS`] and what is the
/// guest's own. The guest then does not read the list of mounts.
pub const KNOWN_MOUNTS_ARGUMENT: &str = "known-mounts";

/// Argument of the guest whose standard error the spawner reads until the start is over. The guest closes it then.
pub const START_REPORT_ARGUMENT: &str = "start-report";

/// Argument of the guest in a sandbox in which [`VOLUMES_FILE`] is.
pub const VOLUMES_ARGUMENT: &str = "volumes-content";

/// Where the image's content of its volumes is, for the guest alone.
pub const VOLUMES_DIR: &str = "/.isol8-volumes";

/// That content: see [`VolumeRecord`](crate::VolumeRecord).
pub const VOLUMES_FILE: &str = "/.isol8-volumes/content";

/// Every place that user code can write to when the root file system is read-only and the image declares
/// no volume. A reset empties them all.
pub const WRITABLE_DIRS: [&str; 4] = [SANDBOX_DIR, TMP_DIR, "/dev/shm", "/dev/mqueue"];

/// Port on 127.0.0.1 on which the guest accepts proxy connections in filtered mode.
pub const PROXY_PORT: u16 = 8118;
