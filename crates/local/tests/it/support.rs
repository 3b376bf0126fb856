//! Sandboxes of the backend, and what of them can be seen from outside.

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use isol8_backend::{
    Backend as _, ImageStore as _, SandboxNetwork, SandboxSpec, SeccompProfile, Started,
};
use isol8_local::{LocalBackend, LocalImages, LocalOptions};
use isol8_protocol::{PREAMBLE_BYTES, preamble};
use tokio::{
    io::AsyncReadExt as _,
    sync::{Mutex, MutexGuard},
};

/// How long anything may take. Nothing here takes that long.
const PATIENCE: Duration = Duration::from_mins(1);

/// Backends of one process share a spawner. A test that looks at it runs alone.
static ALONE: Mutex<()> = Mutex::const_new(());

/// Waits for the other tests of this process, and keeps them from starting.
pub(crate) async fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().await
}

/// The process of the spawner that made a sandbox.
pub(crate) fn spawner_of(id: &str) -> u32 {
    id.split('-').nth(1).unwrap().parse().unwrap()
}

/// A sandbox for Bash.
pub(crate) async fn spec() -> SandboxSpec {
    let images = LocalImages::new(LocalOptions::default());
    let image = images.inspect("isol8:bash").await.unwrap().unwrap();
    SandboxSpec {
        image: image.id,
        runtime: "bash".to_owned(),
        network: SandboxNetwork::None,
        memory_bytes: 64 << 20,
        cpus: 1.0,
        pids: 16,
        readonly_root: true,
        sandbox_bytes: 1 << 20,
        tmp_bytes: 1 << 20,
        volumes: Vec::new(),
        volume_bytes: 0,
        seccomp: SeccompProfile::Strict,
        session: false,
        user: isol8_backend::SandboxUser::Own,
        persist: false,
    }
}

/// Starts a sandbox, and waits until its guest speaks.
pub(crate) async fn start(backend: &LocalBackend) -> Started {
    let mut started = backend.start(&spec().await).await.unwrap();
    let mut bytes = [0; PREAMBLE_BYTES];
    started.stream.read_exact(&mut bytes).await.unwrap();
    assert_eq!(bytes, preamble());
    started
}

/// The processes that have this one as an ancestor, with their names.
pub(crate) fn descendants(of: u32) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    let mut parents = vec![of];
    let all = processes();
    while let Some(parent) = parents.pop() {
        for process in all.iter().filter(|process| process.parent == parent) {
            found.push((process.pid, process.name.clone()));
            parents.push(process.pid);
        }
    }
    found
}

/// Whether a process lives; one that nobody has collected does not.
pub(crate) fn lives(pid: u32) -> bool {
    processes().iter().any(|process| process.pid == pid)
}

struct Process {
    pid: u32,
    parent: u32,
    name: String,
}

/// The processes of this machine, without those that have ended. See `proc_pid_stat(5)`.
fn processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let (head, rest) = stat.rsplit_once(')')?;
            let mut fields = rest.split_whitespace();
            let state = fields.next()?;
            let parent = fields.next()?.parse().ok()?;
            let (_, name) = head.split_once('(')?;
            (state != "Z" && state != "X").then(|| Process {
                pid,
                parent,
                name: name.to_owned(),
            })
        })
        .collect()
}

/// The control groups of spawners: their directories, one for each hierarchy.
pub(crate) fn groups() -> BTreeSet<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let places = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let place = fields.next()?;
        fields.next()?.starts_with("cgroup").then_some(place)
    });
    let all = places.flat_map(|place| fs::read_dir(format!("{place}/isol8")).into_iter().flatten());
    let all = all.filter_map(Result::ok).map(|entry| entry.path());
    all.filter(|path| path.is_dir()).collect()
}

/// The groups of the spawner with this process.
pub(crate) fn groups_of(spawner: u32) -> BTreeSet<PathBuf> {
    let of = format!("{spawner}-");
    let mut all = groups();
    all.retain(|path| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(&of))
    });
    all
}

/// Waits until a condition holds, and returns how long that took.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) -> Duration {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    begun.elapsed()
}
