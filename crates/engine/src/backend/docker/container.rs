//! The container of a sandbox: the whole of its containment, in one place.

use std::{collections::HashMap, path::Path};

use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, MountType, MountVolumeOptions,
    ResourcesUlimits,
};
use isol8_protocol::{
    GROUP_ID, GUEST_DIR, GUEST_PATH, LINK_PATH, SANDBOX_DIR, STRICT_ARGUMENT, TMP_DIR, USER_ID,
};

use super::{
    guest,
    owner::{self, OWNER_LABEL},
};
use crate::backend::{SandboxNetwork, SandboxSpec, SeccompProfile};

/// Label of every container of ours.
pub const MANAGED_LABEL: &str = "isol8.managed";

/// Label that names the runtime of a container.
pub const RUNTIME_LABEL: &str = "isol8.runtime";

/// Label of a container that outlives the process that made it.
pub(super) const PERSIST_LABEL: &str = "isol8.persist";

/// The strict profile: an allowlist within Docker's own default.
const STRICT_PROFILE: &str = include_str!("../../../../../docker/seccomp.json");

/// Processes that the guest needs for itself: its own, and those that handle files for it.
const GUEST_PIDS: i64 = 4;

/// Open files of one process.
const OPEN_FILES: i64 = 16_384;

/// Size of `/dev/shm` in bytes; Docker's own default.
const SHM_BYTES: i64 = 64 * 1024 * 1024;

/// What a container has for the link of its guest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Means<'a> {
    /// The socket to mount.
    pub(super) socket: Option<&'a Path>,
    /// Whether standard input, output and error can be attached to.
    pub(super) attached: bool,
}

/// What to ask the daemon for.
pub(super) fn body(spec: &SandboxSpec, means: Means<'_>) -> ContainerCreateBody {
    ContainerCreateBody {
        image: Some(spec.image.clone()),
        entrypoint: Some(vec![GUEST_PATH.to_owned()]),
        cmd: Some(guest_arguments(spec)),
        // The guest is root without capabilities but to become the sandbox user; programs are not.
        user: Some("0:0".to_owned()),
        working_dir: Some("/".to_owned()),
        labels: Some(sandbox_labels(spec)),
        attach_stdin: Some(means.attached),
        attach_stdout: Some(means.attached),
        attach_stderr: Some(means.attached),
        open_stdin: Some(means.attached),
        // The end of the host's stream is the end of the guest's input, and so of the guest.
        stdin_once: Some(!spec.persist),
        tty: Some(false),
        host_config: Some(host_config(spec, means.socket)),
        ..ContainerCreateBody::default()
    }
}

fn guest_arguments(spec: &SandboxSpec) -> Vec<String> {
    let strict = spec.seccomp == SeccompProfile::Strict;
    strict
        .then(|| STRICT_ARGUMENT.to_owned())
        .into_iter()
        .collect()
}

fn sandbox_labels(spec: &SandboxSpec) -> HashMap<String, String> {
    let mut labels = labels(&spec.runtime);
    if spec.persist {
        labels.insert(PERSIST_LABEL.to_owned(), "true".to_owned());
        labels.extend(owner::own_label().map(|label| (OWNER_LABEL.to_owned(), label)));
    }
    labels
}

/// The labels of a container for `runtime`.
pub(super) fn labels(runtime: &str) -> HashMap<String, String> {
    HashMap::from([
        (MANAGED_LABEL.to_owned(), "true".to_owned()),
        (RUNTIME_LABEL.to_owned(), runtime.to_owned()),
    ])
}

fn host_config(spec: &SandboxSpec, socket: Option<&Path>) -> HostConfig {
    let memory = saturating(spec.memory_bytes);
    HostConfig {
        auto_remove: Some(!spec.persist),
        readonly_rootfs: Some(spec.readonly_root),
        cap_drop: Some(vec!["ALL".to_owned()]),
        cap_add: Some(["SETUID", "SETGID", "KILL"].map(str::to_owned).to_vec()),
        security_opt: Some(security_options(&spec.seccomp)),
        runtime: spec.oci_runtime.clone(),
        network_mode: Some(
            match spec.network {
                SandboxNetwork::None => "none",
                SandboxNetwork::Host => "host",
            }
            .to_owned(),
        ),
        sysctls: sysctls(spec),
        ipc_mode: Some("private".to_owned()),
        shm_size: Some(SHM_BYTES),
        memory: Some(memory),
        // Memory and swap together: no swap on top.
        memory_swap: Some(memory),
        nano_cpus: Some(nano_cpus(spec.cpus)),
        pids_limit: Some(i64::from(spec.pids) + GUEST_PIDS),
        ulimits: Some(vec![ulimit("nofile", OPEN_FILES), ulimit("core", 0)]),
        tmpfs: Some(HashMap::from([
            (
                SANDBOX_DIR.to_owned(),
                format!(
                    "rw,exec,nosuid,nodev,size={},uid={USER_ID},gid={GROUP_ID},mode=0755",
                    spec.sandbox_bytes
                ),
            ),
            (
                TMP_DIR.to_owned(),
                format!("rw,noexec,nosuid,nodev,size={},mode=1777", spec.tmp_bytes),
            ),
        ])),
        mounts: Some(
            [guest_mount(true)]
                .into_iter()
                .chain(socket.map(link_mount))
                .collect(),
        ),
        // Output belongs to the stream; a log on the host would be a second, unbounded copy.
        log_config: Some(HostConfigLogConfig {
            typ: Some("none".to_owned()),
            config: None,
        }),
        init: Some(false),
        ..HostConfig::default()
    }
}

/// A closed connection would be listed for a minute, for the next program to read, and make the sandbox
/// one that cannot be used again. The host's network is not ours to change, and what another OCI
/// runtime does with such a setting is not known.
fn sysctls(spec: &SandboxSpec) -> Option<HashMap<String, String>> {
    let own_network = spec.network == SandboxNetwork::None && spec.oci_runtime.is_none();
    own_network.then(|| {
        let keep_none = ("net.ipv4.tcp_max_tw_buckets".to_owned(), "0".to_owned());
        HashMap::from([keep_none])
    })
}

/// The volume with the guest.
pub(super) fn guest_mount(read_only: bool) -> Mount {
    Mount {
        typ: Some(MountType::VOLUME),
        source: Some(guest::volume_name()),
        target: Some(GUEST_DIR.to_owned()),
        read_only: Some(read_only),
        volume_options: Some(MountVolumeOptions {
            no_copy: Some(true),
            labels: Some(HashMap::from([(
                MANAGED_LABEL.to_owned(),
                "true".to_owned(),
            )])),
            ..MountVolumeOptions::default()
        }),
        ..Mount::default()
    }
}

/// The socket of the guest's link. It can be connected to, and changed in no way.
fn link_mount(socket: &Path) -> Mount {
    Mount {
        typ: Some(MountType::BIND),
        source: Some(socket.to_string_lossy().into_owned()),
        target: Some(LINK_PATH.to_owned()),
        read_only: Some(true),
        ..Mount::default()
    }
}

fn security_options(seccomp: &SeccompProfile) -> Vec<String> {
    let profile = match seccomp {
        SeccompProfile::Strict => STRICT_PROFILE,
        SeccompProfile::Unconfined => "unconfined",
        SeccompProfile::Custom(profile) => profile,
    };
    vec!["no-new-privileges".to_owned(), format!("seccomp={profile}")]
}

fn ulimit(name: &str, limit: i64) -> ResourcesUlimits {
    ResourcesUlimits {
        name: Some(name.to_owned()),
        soft: Some(limit),
        hard: Some(limit),
    }
}

fn saturating(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a number of cores, validated as positive"
)]
fn nano_cpus(cpus: f64) -> i64 {
    (cpus * 1e9).round() as i64
}
