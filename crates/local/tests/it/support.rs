//! Sandboxes of the backend, and what of them can be seen from outside.

use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

use isol8_backend::{
    Backend as _, ImageStore as _, SandboxNetwork, SandboxSpec, SeccompProfile, Started,
};
use isol8_local::{LocalBackend, LocalImages, LocalOptions};
use isol8_protocol::{PREAMBLE_BYTES, preamble};
pub(crate) use isol8_testing::{descendants, groups_of, lives, parent_of};
use tokio::{
    io::AsyncReadExt as _,
    sync::{Mutex, MutexGuard},
};

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

/// The first processes of a spawner's sandboxes. For a moment after a start it has another process, which makes a user
/// namespace for the next sandbox.
pub(crate) async fn guests_of(spawner: u32, sandboxes: usize) -> Vec<(u32, String)> {
    let found = RefCell::new(Vec::new());
    until(&format!("{sandboxes} guests are all it has"), || {
        *found.borrow_mut() = descendants(spawner);
        found.borrow().len() == sandboxes
    })
    .await;
    found.into_inner()
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

/// Waits until a condition holds, and returns how long that took.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) -> Duration {
    let begun = Instant::now();
    isol8_testing::until(what, async || holds()).await;
    begun.elapsed()
}
