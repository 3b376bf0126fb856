//! A user that is not root: with subordinate ids it has sandboxes, and without, the error says what to do.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use isol8_backend::Backend as _;
use isol8_local::{Limits, LocalBackend, LocalOptions};
use tokio::io::AsyncWriteExt as _;

use crate::support::{guests_of, parent_of, spawner_of, start};

/// What the process of the user is to find.
const EXPECTED: &str = "ISOL8_TEST_LOCAL_USER";

/// The test that runs as the user.
const INSIDE: &str = "ordinary_user::as_the_user";

/// The user of these tests. Nobody has it.
const USER: u32 = 54_321;

/// Runs [`as_the_user`] as the user, with these lines in `/etc/subuid` and `/etc/subgid`.
fn run_as_user(subordinates: &str, expected: &str) {
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| {
        use std::os::unix::fs::MetadataExt as _;
        own.uid() == 0
    });
    let helpers = ["newuidmap", "newgidmap"].map(|name| Path::new("/usr/bin").join(name));
    if !is_root || !helpers.iter().all(|helper| helper.exists()) {
        isol8_testing::not_run("another user is tried as root, with the package uidmap");
        return;
    }
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let file = |name: &str| place.path().join(name);
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let user = format!("isol8-test:x:{USER}:{USER}::/nonexistent:/bin/sh\n");
    fs::write(file("passwd"), users + &user).unwrap();
    fs::write(file("subuid"), subordinates).unwrap();
    fs::write(file("subgid"), subordinates).unwrap();
    fs::copy(std::env::current_exe().unwrap(), file("tests")).unwrap();
    // In a mount namespace, so that nothing of this machine changes.
    let script = format!(
        "set -e; cd {0}; for name in passwd subuid subgid; do touch -a /etc/$name; mount --bind $name /etc/$name; done; \
         exec setpriv --reuid {USER} --regid {USER} --clear-groups ./tests --ignored --exact {INSIDE} --nocapture",
        place.path().display()
    );
    let output = Command::new("timeout")
        .args([
            "-s",
            "KILL",
            "60",
            "unshare",
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-c",
            &script,
        ])
        .env(EXPECTED, expected)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    isol8_testing::assert_ran(&output, INSIDE);
}

/// Runs as the user.
#[tokio::test]
#[ignore = "runs in surroundings that another test makes"]
async fn as_the_user() {
    let expected = std::env::var(EXPECTED).unwrap();
    let required = LocalBackend::new(LocalOptions::default());
    let best_effort = LocalBackend::new(LocalOptions {
        limits: Limits::BestEffort,
        ..LocalOptions::default()
    });
    if expected == "nothing" {
        for backend in [&required, &best_effort] {
            let error = backend.probe().await.unwrap_err();
            assert!(error.message.contains("usermod --add-subuids"), "{error}");
            assert!(error.message.contains("/etc/subuid"), "{error}");
        }
        return;
    }
    // Control groups of version 1 are root's.
    if Path::new("/sys/fs/cgroup/memory").exists() {
        let error = required.probe().await.unwrap_err();
        assert!(error.message.contains("memory"), "{error}");
        assert!(error.message.contains("best-effort"), "{error}");
    }
    let first = start(&best_effort).await;
    let mut second = start(&best_effort).await;
    let guests = guests_of(spawner_of(&first.id), 2).await;
    let users = guests.iter().map(|(pid, _)| {
        let map = fs::read_to_string(format!("/proc/{pid}/uid_map")).unwrap();
        map.split_whitespace().nth(1).unwrap().to_owned()
    });
    let users: Vec<_> = users.collect();
    assert_ne!(users[0], users[1], "each sandbox has users of its own");
    leaves_the_user_its_share(&guests);
    second.stream.shutdown().await.unwrap();
    guests_of(spawner_of(&first.id), 1).await;
}

/// The kernel charges to this user what sandboxes take by user. So each gets a part.
fn leaves_the_user_its_share(guests: &[(u32, String)]) {
    let (guest, _) = guests[0];
    let hard = |process: &str| {
        let limits = fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
        let line = limits
            .lines()
            .find_map(|line| line.strip_prefix("Max msgqueue size"));
        let hard = line.unwrap().split_whitespace().nth(1).unwrap();
        hard.parse::<u64>().unwrap_or(u64::MAX)
    };
    let own = hard("self");
    assert!(hard(&guest.to_string()) <= own / 4);
    let most = |enter: &[&str], file: &str| {
        let file = format!("/proc/sys/user/{file}");
        let read = ["cat", &file];
        let words = enter.iter().chain(&read);
        let output = Command::new("env").args(words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        said.parse::<u64>().unwrap_or_else(|_| panic!("{output:?}"))
    };
    let spawner = parent_of(guest).unwrap().to_string();
    let inside = [
        "nsenter",
        "--preserve-credentials",
        "--user",
        "--target",
        &spawner,
    ];
    for file in ["max_inotify_instances", "max_inotify_watches"] {
        assert_eq!(most(&inside, file), most(&[], file) / 4, "{file}");
    }
}

#[test]
fn with_subordinate_ids_it_has_sandboxes() {
    let line = format!("{USER}:1700000:65536\n");
    run_as_user(&line, "sandboxes");
}

#[test]
fn without_subordinate_ids_the_error_says_how_to_add_them() {
    run_as_user("", "nothing");
}
