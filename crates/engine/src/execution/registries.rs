//! The package registries that an image is configured with, as an installation in it sees them.

use std::time::Duration;

use isol8_protocol::{AfterExit, ExecRequest, ProxyPort};

use crate::{
    error::EngineError,
    runtime::image_hosts,
    sandbox::{ExecEvent, Sandbox},
};

/// Most bytes of an image's environment, and of its settings, that are looked at.
const MAX_BYTES: u64 = 256 * 1024;

/// How long reading them may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// Where the programs of the script are. User code cannot write there.
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
    let request = ExecRequest {
        argv: ["/bin/sh", "-c", &script].map(str::to_owned).to_vec(),
        env: vec![("PATH".to_owned(), PATH.to_owned())],
        cwd: "/".to_owned(),
        timeout_ms: u64::try_from(DEADLINE.as_millis()).unwrap_or(u64::MAX),
        output_limit: MAX_BYTES,
        after_exit: AfterExit::Keep,
        proxy: ProxyPort::Closed,
        ..ExecRequest::default()
    };
    let mut exec = sandbox.exec(request).await?;
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
