//! What the daemon's errors mean for callers.

use bollard::errors::Error as DockerError;
use isol8_backend::{BackendError, BackendErrorKind, SandboxSpec};

/// No daemon answers at `address`.
pub(crate) fn unreachable(address: &str, error: DockerError) -> BackendError {
    let reason = innermost(&error);
    let message = format!(
        "Cannot reach Docker at {address}: {reason}. Is Docker installed and running? Start it, or say \
         where it is with DOCKER_HOST or the `docker` option."
    );
    BackendError::new(BackendErrorKind::Unreachable, message).caused_by(error)
}

/// The daemon refused a request or failed at it.
pub(crate) fn failed(error: DockerError) -> BackendError {
    let message = match &error {
        DockerError::DockerResponseServerError { message, .. } => format!("Docker: {message}"),
        other => format!("Docker: {other}"),
    };
    BackendError::new(BackendErrorKind::Failed, message).caused_by(error)
}

/// A container did not start. Says what to do about the errors that users cause.
pub(crate) fn not_started(
    error: DockerError,
    spec: &SandboxSpec,
    oci_runtime: Option<&str>,
) -> BackendError {
    let DockerError::DockerResponseServerError {
        status_code,
        message,
    } = &error
    else {
        return failed(error);
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
    match oci_runtime {
        Some(runtime) if message.contains(runtime) => {
            let text = format!(
                "The OCI runtime {runtime:?} (option security.runtime) does not work: {message}. Is it \
                 installed and known to the Docker daemon?"
            );
            BackendError::new(BackendErrorKind::ContainerRuntime, text).caused_by(error)
        }
        _ => failed(error),
    }
}

/// The most processors in a daemon's refusal: "range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available".
fn most_cpus(message: &str) -> Option<&str> {
    let message =
        Some(message).filter(|text| text.to_lowercase().contains("range of cpus is from"))?;
    let range = message.split_once(" to ")?.1;
    let number = range.split([',', ' ']).next()?;
    Some(number.trim_end_matches('0').trim_end_matches('.'))
}

/// The innermost cause, which is the one that helps ("Connection refused").
fn innermost(error: &DockerError) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
