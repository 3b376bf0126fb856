//! The guest before the handshake, in namespaces.

use std::{path::Path, process::Stdio};

use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::memory_group::MemoryGroup;

/// How a sandbox is made.
#[derive(Default)]
pub(crate) struct Setup<'a> {
    /// The socket of its host.
    pub(super) socket: Option<&'a Path>,
    /// How many closed connections its network keeps.
    pub(super) time_wait: u32,
    /// Its control group and the size of each of its file systems.
    pub(super) memory: Option<(&'a MemoryGroup, &'a str)>,
    /// The volumes that its image declares.
    pub(super) volumes: &'a [&'a str],
    /// What the host sends the guest about it.
    pub(super) arguments: &'a str,
    /// A file with the content of the image for it.
    pub(super) content: Option<&'a Path>,
}

/// The guest before the handshake.
pub(crate) fn start_raw() -> (Child, ChildStdin, ChildStdout, tempfile::TempDir) {
    start_raw_with(&Setup::default())
}

/// The same, with a socket of the host.
pub(crate) fn start_with_link(
    socket: &Path,
) -> (Child, ChildStdin, ChildStdout, tempfile::TempDir) {
    start_raw_with(&Setup {
        socket: Some(socket),
        ..Setup::default()
    })
}

/// The guest of a sandbox whose image declares these volumes and has this content in them.
pub(crate) fn start_raw_with_volumes(
    volumes: &[&str],
    content: &[u8],
) -> (Child, ChildStdin, ChildStdout, tempfile::TempDir) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content).unwrap();
    let places = volumes.iter().map(|path| format!("volume={path} "));
    let arguments = places.collect::<String>() + "volumes-content";
    let started = start_raw_with(&Setup {
        volumes,
        arguments: &arguments,
        content: Some(file.path()),
        ..Setup::default()
    });
    // The script copies it before the guest runs.
    let _ = file.keep();
    started
}

/// The guest of a sandbox that is made in this way.
pub(super) fn start_raw_with(
    setup: &Setup<'_>,
) -> (Child, ChildStdin, ChildStdout, tempfile::TempDir) {
    let root = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/sandbox.sh");
    let mut process = Command::new("unshare")
        .args([
            "--fork",
            "--kill-child",
            "--pid",
            "--mount",
            "--ipc",
            "--net",
            "sh",
        ])
        .arg(script)
        .arg(root.path())
        .arg(env!("CARGO_BIN_EXE_isol8-guest"))
        .args(setup.socket)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
        .env("IMAGE", "defined")
        .env("TIME_WAIT", setup.time_wait.to_string())
        .env("VOLUMES", setup.volumes.join(" "))
        .env("ARGUMENTS", setup.arguments)
        .envs(setup.content.map(|content| ("CONTENT", content)))
        .envs(
            setup
                .memory
                .iter()
                .flat_map(|(group, size)| group.environ(size)),
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let (input, output) = (
        process.stdin.take().unwrap(),
        process.stdout.take().unwrap(),
    );
    (process, input, output, root)
}
