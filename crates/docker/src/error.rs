//! What the daemon's errors mean for callers.

use bollard::errors::Error as DockerError;
use std::io;

use isol8_backend::{BackendError, BackendErrorKind, SandboxSpec, SeccompProfile};

use crate::{oci_error, plain_text::plain};

/// No daemon answers at `address`, or something else does.
pub(crate) fn unreachable(address: &str, error: DockerError) -> BackendError {
    let (what, remedy) = diagnosis(&error);
    let message = format!("Cannot reach Docker at {address}: {what}. {remedy}");
    BackendError::new(BackendErrorKind::Unreachable, message).caused_by(error)
}

/// What is wrong with a connection, and what to do about it.
fn diagnosis(error: &DockerError) -> (String, &'static str) {
    match error {
        DockerError::RequestTimeoutError => (
            "it does not answer in time".to_owned(),
            "It hangs or is overloaded: try again later, or restart it.",
        ),
        error if is_foreign(error) => (
            "what answers there is no Docker daemon".to_owned(),
            "Say where Docker is with DOCKER_HOST or the `docker` option.",
        ),
        error if is_denied(error) => (
            "permission denied".to_owned(),
            "Add your user to the group docker (`sudo usermod -aG docker $USER`) and log in again, or use \
             rootless Docker and say where it is with DOCKER_HOST or the `docker` option.",
        ),
        error => (
            plain(&innermost(error)),
            "Is Docker installed and running? Start it, or say where it is with DOCKER_HOST or the `docker` \
             option.",
        ),
    }
}

/// The daemon at `address` refused a request or failed at it, or cannot be reached any more.
pub(crate) fn failed(address: &str, error: DockerError) -> BackendError {
    let message = match &error {
        DockerError::DockerResponseServerError { message, .. } => refusal(&plain(message)),
        DockerError::RequestTimeoutError
        | DockerError::HyperLegacyError { .. }
        | DockerError::HyperResponseError { .. } => return unreachable(address, error),
        other => format!("Docker: {}", plain(&other.to_string())),
    };
    BackendError::new(BackendErrorKind::Failed, message).caused_by(error)
}

/// A daemon's own words, and what to do where that is known.
fn refusal(message: &str) -> String {
    let lower = message.to_lowercase();
    if lower.contains("no space left on device") {
        return format!(
            "Docker has no space left on its disk: {message}. Make room there, for example with \
             `docker system prune`."
        );
    }
    if lower.contains("client version") && lower.contains("too old") {
        return format!(
            "This version of isol8 is too old for the Docker daemon: {message}. Update isol8, or let the daemon \
             accept older clients (DOCKER_MIN_API_VERSION in its environment)."
        );
    }
    if lower.contains("client version") && lower.contains("too new") {
        return too_old(message);
    }
    format!("Docker: {message}")
}

/// The daemon speaks no version of the API that is known here. `reason` says which.
pub(crate) fn too_old(reason: &str) -> String {
    format!("The Docker daemon is too old: {reason}. isol8 needs Docker 20.10 or later.")
}

/// A container did not start. Says what to do about the errors that users cause.
pub(crate) fn not_started(
    address: &str,
    error: DockerError,
    spec: &SandboxSpec,
    oci_runtime: Option<&str>,
) -> BackendError {
    let DockerError::DockerResponseServerError {
        status_code,
        message,
    } = &error
    else {
        return failed(address, error);
    };
    if *status_code == 404 && message.to_lowercase().contains("no such image") {
        return BackendError::image_missing(&spec.image).caused_by(error);
    }
    if let Some(cpus) = most_cpus(message) {
        let text = format!(
            "Invalid cpuLimit: {}. It must be from 0.01 to {cpus}, the processors that Docker has.",
            spec.cpus
        );
        return BackendError::new(BackendErrorKind::Limit, text).caused_by(error);
    }
    if let Some(explained) = oci_error::explain(message) {
        return explained.caused_by(error);
    }
    match oci_runtime {
        Some(runtime) if message.contains(runtime) => {
            let text = format!(
                "The OCI runtime {runtime:?} (option security.runtime) does not work: {message}. Is it \
                 installed and known to the Docker daemon?"
            );
            BackendError::new(BackendErrorKind::ContainerRuntime, text).caused_by(error)
        }
        _ if is_denied_by_profile(message, spec) => {
            let text = format!(
                "A sandbox cannot start under the seccomp profile of the option \
                 security.customProfilePath, which denies too much: {}. Allow at least what Docker's default profile \
                 allows.",
                plain(message)
            );
            BackendError::new(BackendErrorKind::Seccomp, text).caused_by(error)
        }
        _ => failed(address, error),
    }
}

/// Whether a start failed because the caller's own seccomp profile denies a system call that it needs.
fn is_denied_by_profile(message: &str, spec: &SandboxSpec) -> bool {
    let signs = [
        "operation not permitted",
        "seccomp",
        "bad system call",
        "container process",
        "container init",
        "cannot start a stopped process",
    ];
    let message = message.to_lowercase();
    matches!(spec.seccomp, SeccompProfile::Custom(_))
        && signs.iter().any(|sign| message.contains(sign))
}

/// The most processors in a daemon's refusal: "range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available".
fn most_cpus(message: &str) -> Option<&str> {
    let message =
        Some(message).filter(|text| text.to_lowercase().contains("range of cpus is from"))?;
    let range = message.split_once(" to ")?.1;
    let number = range.split([',', ' ']).next()?;
    Some(number.trim_end_matches('0').trim_end_matches('.'))
}

/// The words of the HTTP client for an answer that came before a question. It has no other sign of it.
const SPOKE_FIRST: &str = "received unexpected message from connection";

/// Whether something else than a daemon has answered: it does not know the question, or speaks no HTTP.
fn is_foreign(error: &DockerError) -> bool {
    if let DockerError::DockerResponseServerError { .. } | DockerError::JsonDataError { .. } = error
    {
        return true;
    }
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        let http = error.downcast_ref::<hyper::Error>();
        if http.is_some_and(|error| error.is_parse() || error.to_string() == SPOKE_FIRST) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Whether this user may not use the socket.
fn is_denied(error: &DockerError) -> bool {
    // This error passes for its cause, which the chain of causes then lacks.
    if let DockerError::IOError { err } = error {
        return err.kind() == io::ErrorKind::PermissionDenied;
    }
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<io::Error>();
        if io.is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The innermost cause, which is the one that helps ("Connection refused").
fn innermost(error: &DockerError) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(message: &str) -> DockerError {
        DockerError::DockerResponseServerError {
            status_code: 500,
            message: message.to_owned(),
        }
    }

    fn io_error(kind: io::ErrorKind) -> DockerError {
        DockerError::IOError { err: kind.into() }
    }

    #[test]
    fn what_keeps_from_reaching_a_daemon_is_named_with_its_remedy() {
        for (error, parts) in [
            (
                DockerError::RequestTimeoutError,
                ["does not answer in time", "restart it"],
            ),
            (
                refused("page not found"),
                ["no Docker daemon", "DOCKER_HOST"],
            ),
            (
                io_error(io::ErrorKind::PermissionDenied),
                ["group docker", "rootless"],
            ),
            (
                io_error(io::ErrorKind::ConnectionRefused),
                ["connection refused", "Start it"],
            ),
        ] {
            let error = unreachable("unix:///s", error);
            let message = error.to_string();
            assert!(
                message.starts_with("Cannot reach Docker at unix:///s: "),
                "{message}"
            );
            for part in parts {
                assert!(message.contains(part), "{message}");
            }
            assert_eq!(error.kind, BackendErrorKind::Unreachable);
        }
    }

    #[test]
    fn a_daemon_that_stops_answering_is_one_that_cannot_be_reached() {
        let error = failed("tcp://h:1", DockerError::RequestTimeoutError);
        assert_eq!(error.kind, BackendErrorKind::Unreachable);
        assert!(
            error
                .to_string()
                .starts_with("Cannot reach Docker at tcp://h:1: ")
        );
    }

    #[test]
    fn the_words_of_a_daemon_are_plain_and_have_a_remedy_where_one_is_known() {
        for (message, expected) in [
            ("\u{1b}[31mno\u{1b}[0m\u{7} way", "Docker: no way"),
            ("write /x: no space left on device", "Make room there"),
            (
                "client version 1.41 is too new. Maximum supported API version is 1.24",
                "isol8 needs Docker 20.10",
            ),
            (
                "client version 1.52 is too old. Minimum supported API version is 1.90",
                "Update isol8",
            ),
        ] {
            let text = failed("a", refused(message)).to_string();
            assert!(text.contains(expected), "{text}");
            assert!(!text.contains('\u{1b}'));
        }
    }

    #[test]
    fn the_bounds_of_processors_are_those_of_the_daemon() {
        let message = "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available";
        assert_eq!(most_cpus(message), Some("2"));
        assert_eq!(most_cpus("no such container"), None);
    }
}
