//! Sandboxes that start, and those that cannot.

use std::os::fd::AsRawFd as _;

use isol8_backend::{Backend as _, BackendErrorKind, SandboxNetwork, SandboxSpec, SeccompProfile};
use isol8_local::{LocalBackend, LocalOptions};
use tokio::io::AsyncReadExt as _;

use crate::support::{
    alone, descendants, groups_of, guests_of, lives, spawner_of, spec, start, until,
};

#[tokio::test]
async fn a_guest_speaks_and_ends_with_its_link() {
    let _alone = alone().await;
    let backend = LocalBackend::new(LocalOptions::default());
    backend.probe().await.unwrap();
    let started = start(&backend).await;
    let spawner = spawner_of(&started.id);
    guests_of(spawner, 1).await;
    assert!(!groups_of(spawner).is_empty());
    drop(started);
    until("the guest ends", || descendants(spawner).is_empty()).await;
}

#[tokio::test]
async fn what_the_host_leaves_open_to_its_children_is_not_in_a_sandbox() {
    let _alone = alone().await;
    // A descriptor without the flag that closes it in children.
    let (left_open, _other) = std::os::unix::net::UnixStream::pair().unwrap();
    let left_open = rustix::io::fcntl_dupfd_cloexec(&left_open, 200).unwrap();
    rustix::io::fcntl_setfd(&left_open, rustix::io::FdFlags::empty()).unwrap();
    let place = format!("/proc/self/fd/{}", left_open.as_raw_fd());
    let socket = std::fs::read_link(place).unwrap();
    let backend = LocalBackend::new(LocalOptions::default());
    let started = start(&backend).await;
    let spawner = spawner_of(&started.id);
    let guests = guests_of(spawner, 1).await;
    let processes = guests.iter().map(|(pid, _)| *pid).chain([spawner]);
    for process in processes {
        for entry in std::fs::read_dir(format!("/proc/{process}/fd")).unwrap() {
            let target = std::fs::read_link(entry.unwrap().path());
            assert_ne!(target.ok().as_ref(), Some(&socket), "{process}");
        }
    }
}

#[tokio::test]
async fn a_guest_has_no_terminal_of_the_host_and_the_limits_of_a_user() {
    let _alone = alone().await;
    let backend = LocalBackend::new(LocalOptions::default());
    let started = start(&backend).await;
    let (guest, _) = guests_of(spawner_of(&started.id), 1).await[0];
    let stat = std::fs::read_to_string(format!("/proc/{guest}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let fields: Vec<_> = fields.split(' ').collect();
    let (session, terminal) = (fields[3], fields[4]);
    assert_eq!((session, terminal), (guest.to_string().as_str(), "0"));
    let limits = std::fs::read_to_string(format!("/proc/{guest}/limits")).unwrap();
    for (name, most) in [
        ("Max pending signals", 4096),
        ("Max msgqueue size", 819_200),
        ("Max nice priority", 0),
        ("Max realtime priority", 0),
    ] {
        let line = limits.lines().find_map(|line| line.strip_prefix(name));
        let hard = line.unwrap().split_whitespace().nth(1).unwrap();
        assert!(hard.parse::<u64>().unwrap() <= most, "{name}: {hard}");
    }
}

#[test]
fn a_host_that_makes_files_for_itself_alone_has_sandboxes() {
    let this = std::env::current_exe().unwrap();
    let output = std::process::Command::new("timeout")
        .args(["-s", "KILL", "60", "sh", "-c"])
        .arg("umask 077; exec \"$0\" --exact starts::a_guest_speaks_and_ends_with_its_link")
        .arg(this)
        .output()
        .unwrap();
    isol8_testing::assert_passed(&output, 1);
}

#[tokio::test]
async fn a_sandbox_that_is_destroyed_is_gone_when_that_is_done() {
    let _alone = alone().await;
    let backend = LocalBackend::new(LocalOptions::default());
    let mut started = start(&backend).await;
    let spawner = spawner_of(&started.id);
    let guests = guests_of(spawner, 1).await;
    backend.destroy(started.id.clone()).await.unwrap();
    assert!(!guests.iter().any(|(pid, _)| lives(*pid)), "{guests:?}");
    guests_of(spawner, 0).await;
    for group in groups_of(spawner) {
        let below = std::fs::read_dir(group).unwrap();
        let below = below
            .filter_map(Result::ok)
            .filter(|entry| entry.path().is_dir());
        assert_eq!(below.count(), 0);
    }
    assert_eq!(started.stream.read(&mut [0]).await.unwrap(), 0);
    backend.destroy(started.id).await.unwrap();
}

/// Rounds of four sandboxes in a row: 2,000 sandboxes in `npm run test:long`.
fn rounds_in_a_row() -> usize {
    if std::env::var_os("ISOL8_TEST_LONG").is_some() {
        500
    } else {
        25
    }
}

#[tokio::test]
async fn many_sandboxes_in_a_row_leave_the_spawner_as_it_was() {
    /// What the memory of a process may change by, in KiB.
    const MEMORY_KIB: u64 = 1024;

    let _alone = alone().await;
    let backend = LocalBackend::new(LocalOptions::default());
    let first = start(&backend).await;
    let spawner = spawner_of(&first.id);
    let own = std::process::id();
    let descriptors = |process: u32| {
        std::fs::read_dir(format!("/proc/{process}/fd"))
            .unwrap()
            .count()
    };
    let mounts = || std::fs::read_to_string(format!("/proc/{spawner}/mounts")).unwrap();
    let memory = || {
        let status = std::fs::read_to_string(format!("/proc/{spawner}/status")).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"));
        let kilobytes = line.unwrap().trim().trim_end_matches(" kB");
        kilobytes.parse::<u64>().unwrap()
    };
    // Returns how long each round took, in order.
    let rounds = async |count: usize| {
        let mut took = Vec::new();
        for _ in 0..count {
            let since = std::time::Instant::now();
            let four = futures::future::join_all((0..4).map(|_| start(&backend))).await;
            for started in four {
                backend.destroy(started.id).await.unwrap();
            }
            took.push(since.elapsed());
        }
        took
    };
    rounds(3).await;
    let before = (descriptors(spawner), descriptors(own), mounts(), memory());
    let took = rounds(rounds_in_a_row()).await;
    assert_eq!(descriptors(spawner), before.0);
    // Other tests of this process open and close some meanwhile. One left for each sandbox would be four for each round.
    let left = descriptors(own).saturating_sub(before.1);
    assert!(left < rounds_in_a_row(), "{left} of {}", before.1);
    assert_eq!(mounts(), before.2);
    assert!(
        memory() < before.3 + MEMORY_KIB,
        "{} of {}",
        memory(),
        before.3
    );
    guests_of(spawner, 1).await;
    let groups = groups_of(spawner).into_iter();
    let below = groups.flat_map(|group| std::fs::read_dir(group).unwrap());
    let below = below.filter(|entry| entry.as_ref().unwrap().path().is_dir());
    // That of the first one, in each hierarchy.
    assert_eq!(below.count(), groups_of(spawner).len());
    // Medians are not moved by other work on the machine, unless it lasts.
    let fifth = took.len() / 5;
    let median = |mut part: Vec<std::time::Duration>| {
        part.sort_unstable();
        part[part.len() / 2]
    };
    let (begin, end) = (
        median(took[..fifth].to_vec()),
        median(took[took.len() - fifth..].to_vec()),
    );
    eprintln!(
        "{} sandboxes: a round took {begin:?}, and at the end {end:?}",
        took.len() * 4
    );
    if took.len() >= 500 {
        assert!(end < begin * 2, "{begin:?} {end:?}");
    }
}

#[tokio::test]
async fn a_start_that_is_given_up_leaves_no_sandbox() {
    let _alone = alone().await;
    let backend = LocalBackend::new(LocalOptions::default());
    let first = start(&backend).await;
    let spawner = spawner_of(&first.id);
    let spec = spec().await;
    for _ in 0..20 {
        let mut starting = backend.start(&spec);
        // Far enough that the order is sent.
        for _ in 0..3 {
            let waited = futures::poll!(&mut starting);
            assert!(waited.is_pending());
            tokio::task::yield_now().await;
        }
    }
    guests_of(spawner, 1).await;
}

#[tokio::test]
async fn what_a_local_sandbox_cannot_be_is_an_error_that_names_the_option() {
    let _alone = alone().await;
    let backend = LocalBackend::new(LocalOptions::default());
    let spec = spec().await;
    let persisting = SandboxSpec {
        persist: true,
        ..spec.clone()
    };
    let writable = SandboxSpec {
        readonly_root: false,
        ..spec.clone()
    };
    for (option, spec) in [("persist", persisting), ("readonlyRootFs", writable)] {
        let error = backend.start(&spec).await.err().unwrap();
        assert_eq!(error.kind, BackendErrorKind::Configuration);
        assert!(error.message.contains(option), "{error}");
    }
    let mut other = spec.clone();
    other.image = "debian".to_owned();
    assert_eq!(
        backend.start(&other).await.err().unwrap().kind,
        BackendErrorKind::ImageMissing
    );
    let mut host = spec;
    host.network = SandboxNetwork::Host;
    backend.start(&host).await.unwrap();
}

#[tokio::test]
async fn a_guest_that_fails_at_its_start_says_why() {
    let _alone = alone().await;
    let backend = LocalBackend::new(LocalOptions::default());
    let refusing = r#"{"defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["signalfd4"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]}"#;
    let spec = SandboxSpec {
        seccomp: SeccompProfile::Custom(refusing.into()),
        ..spec().await
    };
    let error = backend.start(&spec).await.err().unwrap();
    assert_eq!(
        error.message,
        "A local sandbox could not be started: isol8-guest: cannot prepare the process: Operation not permitted (os \
         error 1)"
    );
    // A guest that runs holds nothing of the spawner's: it has told that its start is over.
    let started = start(&backend).await;
    let (guest, _) = guests_of(spawner_of(&started.id), 1).await[0];
    let complaints = std::fs::read_link(format!("/proc/{guest}/fd/2")).unwrap();
    assert_eq!(complaints.to_str(), Some("/dev/null"));
}
