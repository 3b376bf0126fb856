//! Before an installation: the package registries that an image is configured with, and an end to all
//! connections that are not the installer's.

use std::time::Duration;

use isol8_protocol::{AfterExit, ExecRequest, ProxyPort};

use crate::{
    error::EngineError,
    runtime::image_hosts,
    sandbox::{ExecEvent, Sandbox},
};

/// Most bytes of an image's environment, and of its settings, that are looked at.
const MAX_BYTES: u64 = 256 * 1024;

/// How long a script may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// Where its programs are. User code cannot write there.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The hosts that the image of `sandbox` names in its environment and in `files`, words for a shell.
///
/// No program may have run in `sandbox` since its start or its reset: a process that one leaves behind
/// has the same user as the shell here, and could write to its output. The files are none that the
/// sandbox user can write or owns. The proxy's port is closed afterwards, and its connections are gone.
pub(crate) async fn image_registries_of(
    sandbox: &Sandbox,
    files: &str,
) -> Result<Vec<String>, EngineError> {
    let script = format!(
        "env; for file in {files}; do \
         if [ -f \"$file\" ] && [ -r \"$file\" ] && ! [ -w \"$file\" ] && ! [ -O \"$file\" ]; then \
         cat \"$file\" >&2; echo >&2; fi; done"
    );
    let mut exec = sandbox.exec(shell(&script)).await?;
    let (mut environ, mut settings) = (Vec::new(), Vec::new());
    loop {
        match exec.next().await {
            Ok(ExecEvent::Stdout(bytes)) => environ.extend_from_slice(&bytes),
            Ok(ExecEvent::Stderr(bytes)) => settings.extend_from_slice(&bytes),
            // An image without a shell is configured with nothing that could be read here.
            Ok(ExecEvent::Exited(_)) | Err(EngineError::Refused { .. }) => break,
            Err(error) => return Err(error),
        }
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(image_hosts(&text(&environ), &text(&settings)))
}

/// Closes the proxy's port, with the connections that what earlier programs have left behind made to
/// it. When this returns, none of them can arrive at the host any more.
///
/// An installation that closes it itself is too late: what was accepted just before would be judged
/// by what the installation may reach.
pub(super) async fn close_port(sandbox: &Sandbox) -> Result<(), EngineError> {
    // Each request sets the port, and this one does nothing else.
    let mut exec = sandbox.exec(shell(":")).await?;
    loop {
        match exec.next().await {
            Ok(ExecEvent::Stdout(_) | ExecEvent::Stderr(_)) => {}
            // The port is closed before it is known whether the image has a shell.
            Ok(ExecEvent::Exited(_)) | Err(EngineError::Refused { .. }) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// A script that has no network.
fn shell(script: &str) -> ExecRequest {
    ExecRequest {
        argv: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
        env: vec![("PATH".to_owned(), PATH.to_owned())],
        cwd: "/".to_owned(),
        timeout_ms: u64::try_from(DEADLINE.as_millis()).unwrap_or(u64::MAX),
        output_limit: MAX_BYTES,
        after_exit: AfterExit::Keep,
        proxy: ProxyPort::Closed,
        ..ExecRequest::default()
    }
}
