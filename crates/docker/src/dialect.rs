//! Where a daemon or an OCI runtime takes something else than Docker with runc does: Podman's Docker API, and gVisor.
//! What is not known to differ is treated as Docker.

use std::{collections::HashMap, fs, io, path::Path};

use bollard::models::{ContainerCreateBody, Runtime, SystemInfo};
use isol8_backend::{BackendError, BackendErrorKind};

use crate::{container, process_dir::SharedFile, volumes::ImageVolumes};

/// Begins the security option of a seccomp profile.
const SECCOMP: &str = "seccomp=";

/// Processes of one user that Podman allows at most where it may not raise its own limit. It asks for more by default.
const PODMAN_PROCESSES: i64 = 32_768;

/// Where Podman puts a writable tmpfs beside a read-only root. A tmpfs of ours takes the place of each.
const PODMAN_PLACES: [&str; 2] = ["/run", "/var/tmp"];

/// An empty tmpfs that nobody can write to.
const EMPTY: &str = "ro,noexec,nosuid,nodev,size=4k,mode=0555,notmpcopyup";

/// Options of a tmpfs that Podman refuses.
const REFUSED_BY_PODMAN: [&str; 3] = ["uid=", "gid=", "nr_inodes="];

/// The kernel of gVisor is a process with threads of its own, and each thread of the sandbox has others on the host.
/// The limit of processes counts all of them. gVisor fails as a whole at the limit, and a sandbox of 40 processes needs
/// more than 500.
const GVISOR_THREADS: i64 = 512;
const GVISOR_THREADS_FOR_EACH: i64 = 32;

/// Arguments of gVisor with which a sandbox can connect to sockets of the host: in releases of 2022, and later.
const GVISOR_SOCKETS: [&str; 3] = ["fsgofer-host-uds", "host-uds=open", "host-uds=all"];

/// What runs the containers, as far as the daemon says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Dialect {
    /// The daemon is Podman.
    pub(crate) podman: bool,
    /// The OCI runtime is gVisor.
    pub(crate) gvisor: bool,
    /// Programs in containers can connect to sockets of the host that are mounted.
    pub(crate) sockets: bool,
}

impl Dialect {
    /// Docker with its own runtime.
    pub(crate) const DOCKER: Self = Self {
        podman: false,
        gvisor: false,
        sockets: true,
    };

    /// What runs containers with the OCI runtime `wanted`, from what the daemon reports. Fails where Podman would
    /// use another runtime without a word.
    pub(crate) fn of(
        podman: bool,
        info: &SystemInfo,
        wanted: Option<&str>,
    ) -> Result<Self, BackendError> {
        let default = info.default_runtime.as_deref().unwrap_or_default();
        if let Some(wanted) = wanted.filter(|_| podman)
            && file_name(default) != file_name(wanted)
        {
            let text = format!(
                "Podman takes no OCI runtime with a container, and its own is {:?} (option security.runtime: \
                 {wanted:?}). Start its service with `podman --runtime {wanted} system service`.",
                file_name(default)
            );
            return Err(BackendError::new(BackendErrorKind::ContainerRuntime, text));
        }
        let name = wanted.unwrap_or(default);
        let empty = HashMap::new();
        let known = info.runtimes.as_ref().unwrap_or(&empty).get(name);
        let gvisor = is_gvisor(name, known);
        let arguments = known.and_then(|runtime| runtime.runtime_args.as_deref());
        let opens = |argument: &String| GVISOR_SOCKETS.iter().any(|word| argument.contains(word));
        Ok(Self {
            podman,
            gvisor,
            sockets: !gvisor || arguments.is_some_and(|words| words.iter().any(opens)),
        })
    }

    /// Refuses volumes of an image that cannot be made.
    pub(crate) fn check(self, volumes: Option<&ImageVolumes>) -> Result<(), BackendError> {
        let refused = volumes.filter(|_| self.podman);
        let Some(path) = refused.and_then(ImageVolumes::first_of_a_user) else {
            return Ok(());
        };
        let text = format!(
            "The image declares the volume {path}, which does not belong to root. Podman can give a tmpfs no owner. Use \
             Docker, or an image that does not declare this volume."
        );
        Err(BackendError::new(BackendErrorKind::ImageRefused, text))
    }

    /// The seccomp profile of `body` as a file, for a Podman on this machine. Podman reads the file when it creates the
    /// container.
    pub(crate) fn profile(
        self,
        body: &ContainerCreateBody,
        is_on_this_machine: bool,
    ) -> io::Result<Option<SharedFile>> {
        if !self.podman || !is_on_this_machine {
            return Ok(None);
        }
        let options = body.host_config.as_ref();
        let mut options = options
            .and_then(|host| host.security_opt.as_deref())
            .into_iter()
            .flatten();
        let profile = options.find_map(|option| option.strip_prefix(SECCOMP));
        profile
            .filter(|profile| profile.contains('{'))
            .map(SharedFile::new)
            .transpose()
    }

    /// Says in another way what Podman or gVisor would refuse or misunderstand. `profile` is the file of the seccomp
    /// profile.
    pub(crate) fn adapt(self, body: &mut ContainerCreateBody, profile: Option<&Path>) {
        let Some(host) = &mut body.host_config else {
            return;
        };
        if self.gvisor
            && let Some(limit) = &mut host.pids_limit
        {
            *limit = limit
                .saturating_mul(GVISOR_THREADS_FOR_EACH)
                .saturating_add(GVISOR_THREADS);
        }
        if !self.podman {
            return;
        }
        if let Some(profile) = profile {
            for option in host.security_opt.iter_mut().flatten() {
                if option.starts_with(SECCOMP) {
                    *option = format!("{SECCOMP}{}", profile.display());
                }
            }
        }
        let processes =
            own_process_limit().map_or(PODMAN_PROCESSES, |own| own.min(PODMAN_PROCESSES));
        let limits = host.ulimits.get_or_insert_default();
        limits.push(container::ulimit("nproc", processes));
        let is_read_only = host.readonly_rootfs == Some(true);
        let places = host.tmpfs.get_or_insert_default();
        for options in places.values_mut() {
            *options = for_podman(options);
        }
        for place in PODMAN_PLACES.into_iter().filter(|_| is_read_only) {
            places
                .entry(place.to_owned())
                .or_insert_with(|| EMPTY.to_owned());
        }
    }
}

/// Options of a tmpfs in Podman's way. It would copy what the image has there.
fn for_podman(options: &str) -> String {
    let is_taken = |option: &&str| {
        !REFUSED_BY_PODMAN
            .iter()
            .any(|refused| option.starts_with(refused))
    };
    let taken = options.split(',').filter(is_taken);
    taken.chain(["notmpcopyup"]).collect::<Vec<_>>().join(",")
}

fn is_gvisor(name: &str, runtime: Option<&Runtime>) -> bool {
    let path = runtime.and_then(|runtime| runtime.path.as_deref());
    [Some(name), path].into_iter().flatten().any(|text| {
        let text = file_name(text).to_lowercase();
        text.contains("runsc") || text.contains("gvisor")
    })
}

fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// How many processes a user may have at most, where this process runs.
fn own_process_limit() -> Option<i64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max processes"))?;
    // The soft limit, the hard limit, the unit.
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests;
