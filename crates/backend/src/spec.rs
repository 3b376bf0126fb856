//! What a sandbox is made of, in terms that every backend understands.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
    sync::Arc,
};

/// Largest custom seccomp profile in bytes.
const MAX_PROFILE_BYTES: u64 = 1024 * 1024;

/// A sandbox to create. Two sandboxes of equal specs are interchangeable.
#[derive(Debug, Clone, PartialEq)]
pub struct SandboxSpec {
    /// Image with the programs that the sandbox offers: its id, which means one content for ever.
    pub image: String,
    /// Runtime that it is for. Backends show it to people, in a container's labels for one.
    pub runtime: String,
    /// What network it has.
    pub network: SandboxNetwork,
    /// Memory limit in bytes; there is no swap on top of it.
    pub memory_bytes: u64,
    /// CPU limit in cores.
    pub cpus: f64,
    /// Limit of user processes and threads.
    pub pids: u32,
    /// Whether everything but the writable places is read-only.
    pub readonly_root: bool,
    /// Size of `/sandbox` in bytes.
    pub sandbox_bytes: u64,
    /// Size of `/tmp` in bytes.
    pub tmp_bytes: u64,
    /// Paths that the image declares as volumes. Each becomes a writable place that begins with the content of the
    /// image, and that a reset makes so again.
    pub volumes: Vec<String>,
    /// Size of each volume in bytes.
    pub volume_bytes: u64,
    /// System calls that are allowed.
    pub seccomp: SeccompProfile,
    /// Whether it is for a session: then it has a small tmpfs at `isol8_protocol::SESSION_DIR` that
    /// belongs to root and that others can only enter.
    pub session: bool,
    /// Which user its programs are.
    pub user: SandboxUser,
    /// Whether the sandbox stays when the host process ends.
    pub persist: bool,
}

impl SandboxSpec {
    /// Whether a used sandbox of this kind can be proved clean by a reset. A writable root cannot be
    /// emptied, and without the strict profile there are places (kernel keyrings, mounts of new
    /// namespaces) that the guest does not see.
    #[must_use]
    pub fn is_reusable(&self) -> bool {
        self.readonly_root && self.seccomp == SeccompProfile::Strict && !self.persist
    }
}

/// The network of a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SandboxNetwork {
    /// Loopback only. Filtered egress is a matter of the link, not of the sandbox.
    None,
    /// The host's own network.
    Host,
}

/// The user of a sandbox's programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SandboxUser {
    /// `isol8_protocol::USER_ID`, as in every such sandbox.
    Shared,
    /// One that no other sandbox of the backend has.
    Own,
}

/// System calls that are allowed in a sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeccompProfile {
    /// The allowlist that comes with this library.
    Strict,
    /// Everything that the capabilities allow.
    Unconfined,
    /// This profile, in the JSON format of Docker and Podman, which is the one that callers write.
    Custom(Arc<str>),
}

impl SeccompProfile {
    /// Reads a custom profile: a regular file of at most 1 MiB. The error is what is wrong with the file.
    pub fn load(path: &Path) -> Result<Self, String> {
        let profile = read_profile(path).map_err(|error| error.to_string())?;
        let json: serde_json::Value =
            serde_json::from_str(&profile).map_err(|error| error.to_string())?;
        // Docker's error about anything else does not name the file.
        if json["defaultAction"].is_string() {
            return Ok(Self::Custom(profile.into()));
        }
        Err("it is no JSON object with a \"defaultAction\"".to_owned())
    }
}

/// A device may have no end, and opening a named pipe waits for its writer.
fn read_profile(path: &Path) -> io::Result<String> {
    let file = std::fs::metadata(path)?;
    // Reading a directory gives an error of its own.
    if !file.is_file() && !file.is_dir() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut profile = String::new();
    File::open(path)?
        .take(MAX_PROFILE_BYTES + 1)
        .read_to_string(&mut profile)?;
    if profile.len() as u64 > MAX_PROFILE_BYTES {
        let reason = format!("it has more than {MAX_PROFILE_BYTES} bytes");
        return Err(io::Error::other(reason));
    }
    Ok(profile)
}
