//! What is around a sandbox, as this machine sees it.

use std::fs;

use isol8_local::{LocalBackend, LocalOptions};

use crate::support::{alone, guests_of, spawner_of, start};

/// The namespaces that no two sandboxes share, nor any with the host.
const NAMESPACES: [&str; 8] = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];

/// The capabilities KILL, SETGID and SETUID. See linux/capability.h.
const CAPABILITIES: u64 = 1 << 5 | 1 << 6 | 1 << 7;

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

#[tokio::test]
async fn no_namespace_of_a_sandbox_is_the_hosts_or_another_sandboxs() {
    if !is_root() {
        isol8_testing::not_run("the namespaces of a sandbox are looked at as root");
        return;
    }
    let _alone = alone().await;
    let backend = LocalBackend::new(LocalOptions::default());
    let (first, _second) = (start(&backend).await, start(&backend).await);
    let guests = guests_of(spawner_of(&first.id), 2).await;
    for name in NAMESPACES {
        let of = |process: &str| fs::read_link(format!("/proc/{process}/ns/{name}")).ok();
        // A kernel without such namespaces has nothing to keep apart.
        let Some(host) = of("self") else { continue };
        let [one, other] = [0, 1].map(|guest: usize| of(&guests[guest].0.to_string()).unwrap());
        assert!(host != one && host != other && one != other, "{name}");
    }
}

#[tokio::test]
async fn a_guest_has_three_capabilities_and_can_get_no_others() {
    let _alone = alone().await;
    let backend = LocalBackend::new(LocalOptions::default());
    let first = start(&backend).await;
    let (guest, _) = guests_of(spawner_of(&first.id), 1).await[0];
    let status = fs::read_to_string(format!("/proc/{guest}/status")).unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim().to_owned()
    };
    for name in ["CapPrm:", "CapEff:", "CapBnd:"] {
        let capabilities = u64::from_str_radix(&field(name), 16).unwrap();
        assert_eq!(capabilities, CAPABILITIES, "{name}");
    }
    for name in ["CapInh:", "CapAmb:"] {
        assert_eq!(u64::from_str_radix(&field(name), 16).unwrap(), 0, "{name}");
    }
    assert_eq!(field("NoNewPrivs:"), "1");
    assert_eq!(field("Seccomp:"), "2");
}
