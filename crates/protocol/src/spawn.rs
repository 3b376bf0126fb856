//! Messages between a host and its spawner: the process that makes sandboxes of Linux namespaces. It is a mode of
//! the guest's program.
//!
//! They travel as packets of a `SOCK_SEQPACKET` pair, one postcard-encoded message each, at most
//! [`MAX_SPAWN_BYTES`] long.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// First argument of the guest's program when it is to be a spawner. Its standard input is its end of the pair.
pub const SPAWNER_ARGUMENT: &str = "spawner";

/// Largest packet in bytes. A socket pair of Linux takes it with the default sizes of buffers.
pub const MAX_SPAWN_BYTES: usize = 128 * 1024;

/// Users of one sandbox. It needs 0, 100, 101 and 103.
pub const IDS_OF_A_SANDBOX: u32 = 128;

/// What the host sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ToSpawner {
    /// Files for [`GUEST_DIR`](crate::GUEST_DIR) beside the guest's program: path below the directory, and length. Their
    /// contents lie one after the other in a file, which comes along as a descriptor.
    Files(Vec<(String, u64)>),
    /// The users are mapped: the answer to [`FromSpawner::NeedsUsers`].
    UsersMapped,
    /// Make the root file system. Nothing is sent before [`FromSpawner::Ready`] comes.
    Prepare(Box<RootPlan>),
    /// Make a sandbox. Its end of the link comes along as a descriptor.
    Start(Box<SandboxPlan>),
    /// Kill a sandbox. Nothing happens when there is none of this number.
    Stop {
        /// Its number.
        number: u64,
    },
}

/// What the spawner sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromSpawner {
    /// It is in a user namespace of its own, whose users the host has to map.
    NeedsUsers,
    /// The root file system is made.
    Ready {
        /// What this system does not have for it, and what that means: a sentence each.
        lacks: Vec<String>,
    },
    /// It cannot work. It ends.
    Failed {
        /// What it could not do.
        message: String,
    },
    /// A sandbox could not be made. Nothing is left of it.
    NotStarted {
        /// The sandbox's number.
        number: u64,
        /// What could not be done.
        message: String,
    },
    /// A sandbox has ended, and nothing is left of it.
    Ended {
        /// The sandbox's number.
        number: u64,
    },
}

/// The root file system that all sandboxes of a spawner have, read-only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootPlan {
    /// Whether the spawner needs a user namespace of its own, because its user is not root.
    pub own_users: bool,
    /// The first of the users that sandboxes get, [`IDS_OF_A_SANDBOX`] each.
    pub first_user: u32,
    /// How many sandboxes have users at the same time.
    pub slots: u32,
    /// Directories and files of the host, with everything that is mounted below.
    pub binds: Vec<Bind>,
    /// Directories within those that are ours: empty but for what is named here.
    pub own_directories: Vec<String>,
    /// Symbolic links: path and target.
    pub links: Vec<(String, String)>,
    /// Files: path and content.
    pub files: Vec<(String, String)>,
    /// Files that replace others in a sandbox with the host's network.
    pub host_network_files: Vec<(String, String)>,
    /// Control groups.
    pub groups: Vec<Hierarchy>,
}

/// A directory or file of the host in the root of sandboxes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// Path on the host.
    pub source: String,
    /// Path in a sandbox.
    pub target: String,
}

/// The group for processes that were in a delegated group of version 2, below that group.
pub const GROUP_OF_HOST: &str = "isol8-host";

/// A hierarchy of control groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hierarchy {
    /// The directory in which the spawner makes its groups.
    pub directory: String,
    /// The version of control groups: 1 or 2.
    pub version: u8,
    /// What it controls: some of `memory`, `pids` and `cpu`.
    pub controllers: Vec<String>,
}

/// A sandbox to make.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SandboxPlan {
    /// The host's number for it, each used once.
    pub number: u64,
    /// Name of the machine in it.
    pub host_name: String,
    /// Whether it uses the host's network.
    pub host_network: bool,
    /// Memory limit in bytes.
    pub memory_bytes: u64,
    /// Limit of processes and threads, those of the guest included.
    pub processes: u64,
    /// Processor time in microseconds for each [`CPU_PERIOD_MICROS`].
    pub cpu_quota_micros: u64,
    /// Size of `/sandbox` in bytes.
    pub sandbox_bytes: u64,
    /// Size of `/tmp` in bytes.
    pub tmp_bytes: u64,
    /// Whether it has [`SESSION_DIR`](crate::SESSION_DIR).
    pub session: bool,
    /// Arguments of the guest.
    pub arguments: Vec<String>,
    /// The filter of system calls, in the kernel's form: eight bytes for each instruction. Empty for none.
    #[serde(with = "serde_bytes")]
    pub filter: Vec<u8>,
}

/// The period over which processor time is limited, in microseconds.
pub const CPU_PERIOD_MICROS: u64 = 100_000;

/// The bytes of a packet.
pub fn encode_packet<M: Serialize>(message: &M) -> Result<Vec<u8>, postcard::Error> {
    postcard::to_stdvec(message)
}

/// The message of a packet.
pub fn decode_packet<M: DeserializeOwned>(bytes: &[u8]) -> Result<M, postcard::Error> {
    postcard::from_bytes(bytes)
}
