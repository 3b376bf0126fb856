//! `kill -9` at any moment: the host or the spawner of local sandboxes ends, and nothing of them stays.

use std::{
    collections::BTreeSet,
    fs,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use fastrand::Rng;
use isol8_testing::{descendants, groups_of, lives};

use super::support::{engine, is_root};
use crate::common::{json, run, until};

/// The test that is a host until it is killed.
const HOST: &str = "local::kills::a_host_of_its_own";

/// The seed of the moments, to see the same ones again.
const SEED: &str = "ISOL8_SEED";

/// How often a process is killed, and how often in `npm run test:long`.
const REPETITIONS: usize = 30;
const LONG_REPETITIONS: usize = 400;

/// The latest moment after the start of the host, in milliseconds. By then it has used sandboxes again and destroyed some.
const LATEST_MS: u64 = 900;

/// Processes must be gone within this time after a kill. Two seconds are enough on an idle machine.
const LIMIT: Duration = Duration::from_secs(10);

/// Program of the spawner, as the kernel names it.
const SPAWNER: &str = "/memfd:isol8-spawner (deleted)";

/// A host that makes, uses, resets and destroys sandboxes until it is killed.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in surroundings that another test makes"]
async fn a_host_of_its_own() {
    // It ends with the test even where that is killed.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_mins(1) {
        let engine = engine(json!({"poolSize": {"clean": 1, "dirty": 1}}));
        let runs = (0..6).map(|number| {
            let code = format!("echo {number} >file; (sleep 60 &); sleep 0.0{number}; cat file");
            run(&engine, json!({"runtime": "bash", "code": code}))
        });
        // A spawner that was killed makes them fail.
        let _ = futures::future::join_all(runs).await;
        engine.stop().await;
    }
}

/// A host. It is killed when it is dropped.
struct Host(Child);

impl Host {
    fn start() -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", HOST])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    /// The spawners that it has started and that live.
    fn spawners(&self) -> BTreeSet<u32> {
        let all = descendants(self.0.id()).into_iter().map(|(pid, _)| pid);
        let is_spawner = |pid: &u32| {
            let program = fs::read_link(format!("/proc/{pid}/exe"));
            program.is_ok_and(|program| program.as_os_str() == SPAWNER)
        };
        all.filter(is_spawner).collect()
    }

    fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits until none of these processes lives, nor any that they have started meanwhile. Returns how long that took.
async fn until_gone(first: BTreeSet<u32>) -> Duration {
    let seen = std::sync::Mutex::new(first);
    let begun = Instant::now();
    until("the processes are gone", async || {
        let mut seen = seen.lock().unwrap();
        let more: Vec<_> = seen.iter().flat_map(|pid| descendants(*pid)).collect();
        seen.extend(more.into_iter().map(|(pid, _)| pid));
        !seen.iter().any(|pid| lives(*pid))
    })
    .await;
    begun.elapsed()
}

/// The mounts of this machine, without those that containers of other tests have, and the sockets with names of ours.
fn mounts_and_sockets() -> Vec<String> {
    const OF_CONTAINERS: [&str; 3] = ["/var/lib/docker", "/run/docker", "/run/containerd"];
    let lines = |file: &str| {
        let text = fs::read_to_string(file).unwrap();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let mut mounts = lines("/proc/self/mounts");
    mounts.retain(|line| !OF_CONTAINERS.iter().any(|place| line.contains(place)));
    let mut sockets = lines("/proc/net/unix");
    sockets.retain(|line| line.contains("@isol8"));
    [mounts, sockets].concat()
}

/// One host, killed at a random moment, or its spawner. Returns the spawners that were killed or lost their host.
async fn kill_once(random: &mut Rng) -> BTreeSet<u32> {
    let mut host = Host::start();
    let moment = Duration::from_millis(random.u64(0..LATEST_MS));
    tokio::time::sleep(moment).await;
    let spawners = host.spawners();
    let guests = spawners.iter().flat_map(|pid| descendants(*pid));
    let mut all: BTreeSet<u32> = guests.map(|(pid, _)| pid).collect();
    all.extend(&spawners);
    if random.bool() {
        host.kill();
    } else {
        for spawner in &spawners {
            // It may have ended meanwhile: the host makes new engines all the time.
            let killed = Command::new("kill")
                .args(["-9", &spawner.to_string()])
                .stderr(Stdio::null())
                .status();
            killed.unwrap();
        }
    }
    let took = until_gone(all).await;
    assert!(took < LIMIT, "it took {took:?}, killed after {moment:?}");
    // The host of a spawner that was killed goes on, with another one.
    let after = host.spawners();
    host.kill();
    let took = until_gone(after.clone()).await;
    assert!(took < LIMIT, "it took {took:?}, with another spawner");
    spawners.into_iter().chain(after).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_stays_of_sandboxes_whose_host_or_spawner_is_killed_at_any_moment() {
    if !is_root() {
        isol8_testing::not_run("another user than root has no control groups of version 1");
        return;
    }
    let given = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| fastrand::u64(..));
    // Shown where the test fails.
    println!("{SEED}={seed}");
    let mut random = Rng::with_seed(seed);
    let long = std::env::var_os("ISOL8_TEST_LONG").is_some();
    let repetitions = if long { LONG_REPETITIONS } else { REPETITIONS };
    let before = mounts_and_sockets();
    let mut spawners = BTreeSet::new();
    for _ in 0..repetitions {
        spawners.extend(kill_once(&mut random).await);
    }
    assert_eq!(mounts_and_sockets(), before);
    assert!(!spawners.is_empty());
    isol8_testing::ran_elsewhere(HOST);
    // The next start removes the groups that they have left.
    let next = engine(json!({}));
    run(&next, json!({"runtime": "bash", "code": "true"}))
        .await
        .unwrap();
    for spawner in spawners {
        assert_eq!(groups_of(spawner), BTreeSet::new());
    }
    next.stop().await;
}
