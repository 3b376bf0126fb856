//! The ends that nobody can prepare for: the spawner or the host is killed. Nothing remains.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Command, Stdio},
    time::Duration,
};

use isol8_backend::Backend as _;
use isol8_local::{LocalBackend, LocalOptions};
use tokio::io::AsyncReadExt as _;

use crate::support::{alone, groups_of, guests_of, lives, spawner_of, start, until};

/// The test that is a host until it is killed.
const HOST: &str = "ends::a_host_of_its_own";

/// Processes and mounts must be gone this long after a kill.
const LIMIT: Duration = Duration::from_secs(2);

/// Sandboxes of a host.
const SANDBOXES: usize = 3;

fn kill(pid: u32) {
    let status = Command::new("kill").args(["-9", &pid.to_string()]).status();
    assert!(status.unwrap().success());
}

/// A process with sandboxes. It is killed when it is dropped.
struct Host(Child);

impl Host {
    /// Starts it, and waits until its sandboxes run. Returns the number of its spawner, too.
    fn start() -> (Self, u32) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", HOST, "--nocapture"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let host = Self(child);
        let mut lines = output.lines().map(Result::unwrap);
        let spawner = lines.find_map(|line| {
            let (_, number) = line.split_once("spawner ")?;
            number.trim().parse().ok()
        });
        isol8_testing::ran_elsewhere(HOST);
        (host, spawner.unwrap())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs as a [`Host`].
#[tokio::test]
#[ignore = "runs in surroundings that another test makes"]
async fn a_host_of_its_own() {
    let backend = LocalBackend::new(LocalOptions::default());
    let mut sandboxes = Vec::new();
    for _ in 0..SANDBOXES {
        sandboxes.push(start(&backend).await);
    }
    let spawner = spawner_of(&sandboxes[0].id);
    let mut output = std::io::stdout();
    writeln!(output, "\nspawner {spawner}").unwrap();
    output.flush().unwrap();
    // Until it is killed.
    tokio::time::sleep(Duration::from_mins(2)).await;
}

#[tokio::test]
async fn a_host_that_is_killed_leaves_nothing() {
    let _alone = alone().await;
    let (mut host, spawner) = Host::start();
    let guests = guests_of(spawner, SANDBOXES).await;
    assert!(!groups_of(spawner).is_empty());
    kill(host.0.id());
    host.0.wait().unwrap();
    let took = until("the spawner and its guests are gone", || {
        !lives(spawner) && !guests.iter().any(|(pid, _)| lives(*pid))
    });
    assert!(took.await < LIMIT);
    until("its groups are gone", || groups_of(spawner).is_empty()).await;
}

#[tokio::test]
async fn a_host_and_a_spawner_that_are_killed_leave_groups_that_the_next_start_removes() {
    let _alone = alone().await;
    let (mut host, spawner) = Host::start();
    let guests = guests_of(spawner, SANDBOXES).await;
    kill(spawner);
    kill(host.0.id());
    host.0.wait().unwrap();
    let took = until("the guests are gone", || {
        !guests.iter().any(|(pid, _)| lives(*pid))
    });
    assert!(took.await < LIMIT);
    assert!(!groups_of(spawner).is_empty());
    let (_next, _) = Host::start();
    until("its groups are gone", || groups_of(spawner).is_empty()).await;
}

#[tokio::test]
async fn a_spawner_that_is_killed_ends_its_sandboxes_and_the_next_start_has_another() {
    let _alone = alone().await;
    let backend = LocalBackend::new(LocalOptions {
        // A root of its own, so that no other test has this spawner.
        limits: isol8_local::Limits::BestEffort,
        ..LocalOptions::default()
    });
    let (_host, _) = Host::start();
    let mut sandbox = start(&backend).await;
    let spawner = spawner_of(&sandbox.id);
    let guests = guests_of(spawner, 1).await;
    kill(spawner);
    let took = until("the guest is gone", || {
        !guests.iter().any(|(pid, _)| lives(*pid))
    });
    assert!(took.await < LIMIT);
    assert_eq!(sandbox.stream.read(&mut [0]).await.unwrap(), 0);
    let next = start(&backend).await;
    assert_ne!(spawner_of(&next.id), spawner);
}

#[tokio::test]
async fn a_cleanup_removes_what_killed_spawners_have_left_and_nothing_of_the_living() {
    let _alone = alone().await;
    let (mut host, spawner) = Host::start();
    let (_living, other) = Host::start();
    let (guests, others) = (guests_of(spawner, SANDBOXES).await, groups_of(other));
    kill(spawner);
    kill(host.0.id());
    host.0.wait().unwrap();
    until("the guests are gone", || {
        !guests.iter().any(|(pid, _)| lives(*pid))
    })
    .await;
    assert!(!groups_of(spawner).is_empty());
    let report = LocalBackend::new(LocalOptions::default()).clean_up().await;
    let report = report.unwrap();
    // Other tests may leave some at the same time.
    assert!(report.removed > 0, "{report:?}");
    assert!(groups_of(spawner).is_empty(), "{report:?}");
    assert_eq!(groups_of(other), others);
    guests_of(other, SANDBOXES).await;
}
