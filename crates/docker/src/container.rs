//! The container of a sandbox: the whole of its containment, in one place.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, Mount, MountType,
    ResourcesUlimits,
};
use isol8_backend::{SandboxNetwork, SandboxSpec, SeccompProfile};
use isol8_protocol::{
    GROUP_ID, GUEST_PATH, LINK_PATH, SANDBOX_DIR, SESSION_DIR, STRICT_ARGUMENT, TMP_DIR,
    USER_ARGUMENT, USER_ID,
};

use crate::{
    guest_volume,
    labels::{self, OWNER_LABEL, PERSIST_LABEL},
    link_socket::Listener,
    masked, own_network, owner,
    volumes::{self, ImageVolumes},
};

/// The strict profile: an allowlist within Docker's own default.
const STRICT_PROFILE: &str = include_str!("../../../docker/seccomp.json");

/// Processes that the guest needs for itself: its own, and those that handle files for it.
const GUEST_PIDS: i64 = 4;

/// Open files of one process.
const OPEN_FILES: i64 = 16_384;

/// Largest core dump. The system makes none of one byte, and starts no program for it: with 0 it would
/// still start the one that the host's `core_pattern` names, as root.
const CORE_BYTES: i64 = 1;

/// Size of `/dev/shm` in bytes; Docker's own default.
const SHM_BYTES: i64 = 64 * 1024 * 1024;

/// What `docker stop` sends. The guest ends at it.
const STOP_SIGNAL: &str = "SIGTERM";

/// The capabilities of the guest: to become the sandbox user, and to end programs.
const GUEST_CAPABILITIES: [&str; 3] = ["SETUID", "SETGID", "KILL"];

/// One more: to keep the guest from being killed when memory runs out.
const PROTECTING_CAPABILITY: &str = "SYS_RESOURCE";

/// Where containers find their host names.
const HOSTS_PATH: &str = "/etc/hosts";

/// What a container has for the link of its guest.
#[derive(Clone, Copy)]
pub(crate) struct LinkSetup<'a> {
    /// The socket to mount.
    pub(crate) socket: Option<&'a Listener>,
    /// Whether standard input, output and error can be attached to.
    pub(crate) attached: bool,
}

/// All that a container is made from.
#[derive(Clone, Copy)]
pub(crate) struct ContainerPlan<'a> {
    pub(crate) spec: &'a SandboxSpec,
    /// OCI runtime to use instead of the daemon's default.
    pub(crate) oci_runtime: Option<&'a str>,
    pub(crate) link: LinkSetup<'a>,
    /// Whether the guest is to be kept from being killed when memory runs out.
    pub(crate) protects_guest: bool,
    /// The user that only this sandbox has.
    pub(crate) own_user: Option<u32>,
    /// What the image declares as volumes.
    pub(crate) volumes: Option<&'a ImageVolumes>,
}

/// What to ask the daemon for.
pub(crate) fn body(plan: ContainerPlan<'_>) -> ContainerCreateBody {
    let ContainerPlan { spec, link, .. } = plan;
    ContainerCreateBody {
        image: Some(spec.image.clone()),
        entrypoint: Some(vec![GUEST_PATH.to_owned()]),
        cmd: Some(guest_arguments(plan)),
        // The guest is root without capabilities but to become the sandbox user; programs are not.
        user: Some("0:0".to_owned()),
        working_dir: Some("/".to_owned()),
        labels: Some(sandbox_labels(spec)),
        attach_stdin: Some(link.attached),
        attach_stdout: Some(link.attached),
        attach_stderr: Some(link.attached),
        open_stdin: Some(link.attached),
        // The end of the host's stream is the end of the guest's input, and so of the guest.
        stdin_once: Some(!spec.persist),
        tty: Some(false),
        // What the image declares has no effect.
        healthcheck: Some(HealthConfig {
            test: Some(vec!["NONE".to_owned()]),
            ..HealthConfig::default()
        }),
        stop_signal: Some(STOP_SIGNAL.to_owned()),
        network_disabled: Some(makes_no_network(plan)),
        host_config: Some(host_config(plan)),
        ..ContainerCreateBody::default()
    }
}

fn guest_arguments(plan: ContainerPlan<'_>) -> Vec<String> {
    let strict = plan.spec.seccomp == SeccompProfile::Strict;
    strict
        .then(|| STRICT_ARGUMENT.to_owned())
        .into_iter()
        .chain(plan.own_user.map(|id| format!("{USER_ARGUMENT}{id}")))
        .chain(volumes::arguments(plan.volumes))
        .collect()
}

fn sandbox_labels(spec: &SandboxSpec) -> HashMap<String, String> {
    let mut labels = labels::of_container(&spec.runtime);
    // Both are always set: the labels of an image are its containers', too.
    let owner = spec.persist.then(owner::own_label).flatten();
    labels.insert(PERSIST_LABEL.to_owned(), spec.persist.to_string());
    labels.insert(OWNER_LABEL.to_owned(), owner.unwrap_or_default());
    labels
}

/// Whether the daemon is to leave the network alone. The OCI runtime then makes the namespace with its
/// loopback interface, as it does anyway. What the daemon would add is the names of [`HOSTS_PATH`], which are
/// mounted instead, no IPv6, which is set, and the addresses of name servers that nobody could reach. It
/// takes half of a start for that: it runs itself once more as a hook, to learn which namespace it is.
fn makes_no_network(plan: ContainerPlan<'_>) -> bool {
    has_own_network(plan) && plan.link.socket.is_some()
}

/// Whether the network is the sandbox's alone, and made by an OCI runtime that is known.
fn has_own_network(plan: ContainerPlan<'_>) -> bool {
    plan.spec.network == SandboxNetwork::None && plan.oci_runtime.is_none()
}

fn host_config(plan: ContainerPlan<'_>) -> HostConfig {
    let spec = plan.spec;
    let memory = saturating(spec.memory_bytes);
    HostConfig {
        auto_remove: Some(!spec.persist),
        readonly_rootfs: Some(spec.readonly_root),
        masked_paths: Some(masked::paths()),
        cap_drop: Some(vec!["ALL".to_owned()]),
        cap_add: Some(capabilities(plan)),
        security_opt: Some(security_options(&spec.seccomp)),
        runtime: plan.oci_runtime.map(str::to_owned),
        network_mode: Some(
            match spec.network {
                SandboxNetwork::None => "none",
                SandboxNetwork::Host => "host",
            }
            .to_owned(),
        ),
        sysctls: sysctls(plan),
        ipc_mode: Some("private".to_owned()),
        shm_size: Some(SHM_BYTES),
        memory: Some(memory),
        // Memory and swap together: no swap on top.
        memory_swap: Some(memory),
        nano_cpus: Some(nano_cpus(spec.cpus)),
        pids_limit: Some(i64::from(spec.pids) + GUEST_PIDS),
        ulimits: Some(vec![
            ulimit("nofile", OPEN_FILES),
            ulimit("core", CORE_BYTES),
        ]),
        tmpfs: Some(tmpfs(plan)),
        mounts: Some(
            [guest_volume::mount(true)]
                .into_iter()
                .chain(local_mounts(plan))
                .chain(volumes::content_mount(plan.volumes))
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

fn capabilities(plan: ContainerPlan<'_>) -> Vec<String> {
    let protecting = plan.protects_guest.then_some(PROTECTING_CAPABILITY);
    let names = GUEST_CAPABILITIES.into_iter().chain(protecting);
    names.map(str::to_owned).collect()
}

/// The writable places.
fn tmpfs(plan: ContainerPlan<'_>) -> HashMap<String, String> {
    let spec = plan.spec;
    let sandbox = format!(
        "rw,exec,nosuid,nodev,size={},uid={},gid={GROUP_ID},mode=0755",
        spec.sandbox_bytes,
        plan.own_user.unwrap_or(USER_ID)
    );
    let tmp = format!("rw,noexec,nosuid,nodev,size={},mode=1777", spec.tmp_bytes);
    // Named pipes, and a shell's program of at most 256 KiB with the end of its call.
    let session = "rw,noexec,nosuid,nodev,size=1m,nr_inodes=32,mode=0711";
    let session = spec.session.then(|| (SESSION_DIR, session.to_owned()));
    [(SANDBOX_DIR, sandbox), (TMP_DIR, tmp)]
        .into_iter()
        .chain(session)
        .chain(volumes::tmpfs(
            plan.volumes,
            spec.volume_bytes,
            plan.own_user,
        ))
        .map(|(place, options)| (place.to_owned(), options))
        .collect()
}

/// Settings of the sandbox's own network. The host's network is not ours to change, and what another OCI
/// runtime does with such a setting is not known.
fn sysctls(plan: ContainerPlan<'_>) -> Option<HashMap<String, String>> {
    has_own_network(plan).then(|| own_network::settings(makes_no_network(plan)))
}

/// Whether `message` is about what only a daemon on this machine is asked for.
pub(crate) fn is_about_this_machine(message: &str, listener: &Listener) -> bool {
    listener.is_named_in(message)
        || message.contains(HOSTS_PATH)
        || own_network::is_named_in(message)
}

/// Files of this machine: the socket of the guest's link and, where the daemon does not make them, the
/// host names. The socket can be connected to, and neither be changed in any way.
fn local_mounts(plan: ContainerPlan<'_>) -> impl Iterator<Item = Mount> {
    let socket = plan
        .link
        .socket
        .map(|listener| (listener.path().to_owned(), LINK_PATH));
    let hosts = plan
        .link
        .socket
        .filter(|_| makes_no_network(plan))
        .map(|listener| (listener.hosts(), HOSTS_PATH));
    socket
        .into_iter()
        .chain(hosts)
        .map(|(source, target)| Mount {
            typ: Some(MountType::BIND),
            source: Some(source.to_string_lossy().into_owned()),
            target: Some(target.to_owned()),
            read_only: Some(true),
            ..Mount::default()
        })
}

fn security_options(seccomp: &SeccompProfile) -> Vec<String> {
    let profile = match seccomp {
        SeccompProfile::Strict => STRICT_PROFILE,
        SeccompProfile::Unconfined => "unconfined",
        SeccompProfile::Custom(profile) => profile,
    };
    vec!["no-new-privileges".to_owned(), format!("seccomp={profile}")]
}

/// A limit of resources that programs cannot raise.
pub(crate) fn ulimit(name: &str, limit: i64) -> ResourcesUlimits {
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
