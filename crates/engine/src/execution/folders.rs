//! The files of a folder that a caller asks for.

use isol8_protocol::{AfterExit, ExecRequest, ProxyPort, SANDBOX_DIR};

use crate::{
    error::EngineError,
    sandbox::{ExecEvent, Sandbox},
};

/// Most bytes of the names of all files of a folder.
const MAX_NAMES_BYTES: u64 = 4 * 1024 * 1024;

/// How long a listing may take, in milliseconds.
const DEADLINE_MS: u64 = 10_000;

/// Paths of the files in `folder` and below it, in their order; `None` when there are too many. Links are not followed.
/// What the program has left there cannot undo its result: a folder that cannot be listed has no files.
///
/// `proxy` is that of the program, so that processes of a session keep theirs.
pub(super) async fn list(
    sandbox: &Sandbox,
    folder: &str,
    proxy: ProxyPort,
) -> Result<Option<Vec<String>>, EngineError> {
    let script = "exec find \"$0\" -type f -print0 2>/dev/null";
    let request = ExecRequest {
        argv: ["/bin/sh", "-c", script, folder]
            .map(str::to_owned)
            .to_vec(),
        env: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
        // A relative folder is one of these.
        cwd: SANDBOX_DIR.to_owned(),
        timeout_ms: DEADLINE_MS,
        output_limit: MAX_NAMES_BYTES,
        after_exit: AfterExit::Keep,
        proxy,
        ..ExecRequest::default()
    };
    let mut exec = match sandbox.exec(request).await {
        Err(EngineError::Refused { .. }) => return Ok(Some(Vec::new())),
        exec => exec?,
    };
    let mut names = Vec::new();
    loop {
        match exec.next().await {
            Ok(ExecEvent::Stdout(bytes)) => names.extend_from_slice(&bytes),
            Ok(ExecEvent::Stderr(_)) => {}
            Ok(ExecEvent::Exited(report)) if report.stdout_bytes > MAX_NAMES_BYTES => {
                return Ok(None);
            }
            Ok(ExecEvent::Exited(_)) => return Ok(Some(inside(folder, &names))),
            Err(EngineError::Refused { .. }) => return Ok(Some(Vec::new())),
            Err(error) => return Err(error),
        }
    }
}

/// The names that are paths below `folder`. Others are not of the listing: a process of the program can write to it.
fn inside(folder: &str, names: &[u8]) -> Vec<String> {
    let prefix = format!("{}/", folder.trim_end_matches('/'));
    let names = names.split(|byte| *byte == 0);
    // A name that is not UTF-8 is none that a result could have.
    let names = names.filter_map(|name| std::str::from_utf8(name).ok());
    let is_below = |name: &&str| {
        let rest = name.strip_prefix(&prefix).unwrap_or_default();
        !rest.is_empty() && rest.split('/').all(|part| !matches!(part, "" | "." | ".."))
    };
    let mut paths: Vec<_> = names.filter(is_below).map(str::to_owned).collect();
    paths.sort_unstable();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_below_the_folder_are_of_it() {
        let names = b"/a/z\0/a/b/c\0/a/../etc/passwd\0/ab/c\0/a/\0/a\0a/b\0/a/x\xff\0/a//b\0";
        assert_eq!(inside("/a", names), ["/a/b/c", "/a/z"]);
        assert_eq!(inside("/a/", names), ["/a/b/c", "/a/z"]);
    }
}
