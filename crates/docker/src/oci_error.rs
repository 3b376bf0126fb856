//! Errors of OCI runtimes and of Podman whose remedy is known.

use isol8_backend::{BackendError, BackendErrorKind};

use crate::plain_text::plain;

/// What a daemon's `message` about a container that does not start means, where that is known.
pub(crate) fn explain(message: &str) -> Option<BackendError> {
    let lower = message.to_lowercase();
    let (kind, text) = if lower.contains("network enabled in root network namespace") {
        let remedy = "It takes the network of the sandbox for that of the host. Sandboxes need no network of its own: \
                      register it with \"runtimeArgs\": [\"--network=none\"] in the daemon's configuration \
                      (/etc/docker/daemon.json), and restart the daemon.";
        let text = format!(
            "gVisor (option security.runtime) cannot start a sandbox: {}. {remedy}",
            plain(message)
        );
        (BackendErrorKind::ContainerRuntime, text)
    } else if lower.contains("cgroups in hybrid mode") {
        let remedy = "Use the runtime runc (option security.runtime; with Podman, `podman --runtime runc system service`), \
                      or start the machine with cgroups of version 2 alone (kernel parameter \
                      systemd.unified_cgroup_hierarchy=1).";
        let text = format!(
            "The OCI runtime cannot use the control groups (cgroups) of this machine: {}. {remedy}",
            plain(message)
        );
        (BackendErrorKind::ContainerRuntime, text)
    } else if lower.contains("opening seccomp profile failed") {
        // The daemon's message has the whole profile.
        let text = "This Podman reads a seccomp profile only from a file of its own machine, and found none. Run isol8 on \
                    the machine of Podman, or use a Docker daemon.";
        (BackendErrorKind::Seccomp, text.to_owned())
    } else {
        return None;
    };
    Some(BackendError::new(kind, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_known_error_names_its_cause_and_its_remedy() {
        for (message, parts) in [
            (
                "setting up network: cannot run with network enabled in root network namespace: unknown",
                ["gVisor", "--network=none"],
            ),
            (
                "OCI runtime create failed: cgroups in hybrid mode not supported, drop all controllers from cgroupv2",
                ["(cgroups)", "runc"],
            ),
            (
                "container create: opening seccomp profile failed: open {\"defaultAction\": 1}: file name too long",
                ["Podman", "machine"],
            ),
        ] {
            let text = explain(message).unwrap().to_string();
            assert!(parts.iter().all(|part| text.contains(part)), "{text}");
            assert!(!text.contains("defaultAction"), "{text}");
        }
        assert!(explain("no such file").is_none());
    }
}
