//! A machine where nothing is wrong, and each cause of a problem.

use isol8_assembly::Availability;

use super::*;
use crate::commands::doctor::{
    image_facts::{Found, RuntimeImage},
    local_facts::LocalFacts,
};

/// A machine where nothing is wrong.
pub(in crate::commands::doctor) fn good() -> Facts {
    let groups = || "Limit: control groups.".to_owned();
    Facts {
        wanted: BackendChoice::Auto,
        local: LocalFacts {
            available: Ok(Availability {
                users: "a range".to_owned(),
                memory: groups(),
                processes: groups(),
                cpu: groups(),
                files: "mounts".to_owned(),
            }),
            user: Some("ann".to_owned()),
            missing_helpers: Vec::new(),
            no_range: Vec::new(),
            apparmor: false,
            missing_runtimes: Vec::new(),
        },
        daemon: Ok(DaemonFacts {
            address: "unix:///run/docker.sock".to_owned(),
            version: "27".to_owned(),
            folder: String::new(),
            seccomp: true,
        }),
        images: vec![RuntimeImage {
            runtime: "python",
            found: Some(Found {
                age: Some(60),
                is_current: true,
            }),
        }],
        kernel: Some("6.18.2-generic".to_owned()),
        user_namespaces: Some(15_000),
        unified_cgroups: true,
        free_disk: Some(50_000_000_000),
        certificates: Some(("/ca.pem".to_owned(), true)),
        proxy: Some(Ok("http://proxy:3128/".to_owned())),
        registries: vec![("pypi.org".to_owned(), None)],
    }
}

#[test]
fn a_good_machine_has_nothing_to_mend() {
    let checks = check(&good());
    assert_eq!(checks.len(), 17);
    for check in checks {
        assert_eq!(
            (check.verdict, &check.remedy),
            (Verdict::Ok, &None),
            "{check:?}"
        );
    }
}

#[test]
fn each_cause_is_found_and_has_a_remedy() {
    type Spoil = fn(&mut Facts);
    let causes: [(Spoil, &str, Verdict, &str); 12] = [
        (
            |facts| {
                facts.wanted = BackendChoice::Docker;
                facts.daemon = Err("no daemon".into());
            },
            "Docker",
            Verdict::Problem,
            "Install Docker",
        ),
        (
            |facts| facts.daemon = Err("no daemon".into()),
            "Docker",
            Verdict::Warning,
            "Sandboxes are local without it",
        ),
        (
            |facts| facts.daemon.as_mut().unwrap().seccomp = false,
            "Seccomp",
            Verdict::Problem,
            "CONFIG_SECCOMP_FILTER",
        ),
        (
            |facts| facts.images[0].found = None,
            "Images",
            Verdict::Warning,
            "isol8 setup --only python",
        ),
        (
            |facts| facts.proxy = Some(Err("HTTPS_PROXY")),
            "Proxy",
            Verdict::Warning,
            "http://proxy:3128",
        ),
        (
            |facts| facts.kernel = Some("5.15.0-91".into()),
            "Kernel",
            Verdict::Warning,
            "6.11",
        ),
        (
            |facts| facts.kernel = Some("6.9".into()),
            "Kernel",
            Verdict::Warning,
            "6.11",
        ),
        (
            |facts| facts.unified_cgroups = false,
            "Cgroups",
            Verdict::Warning,
            "unified_cgroup_hierarchy",
        ),
        (
            |facts| facts.user_namespaces = Some(0),
            "User namespaces",
            Verdict::Warning,
            "sysctl",
        ),
        (
            |facts| facts.free_disk = Some(1_000_000),
            "Disk",
            Verdict::Warning,
            "docker image prune",
        ),
        (
            |facts| facts.certificates = Some(("/none".into(), false)),
            "Certificates",
            Verdict::Problem,
            "ISOL8_EXTRA_CA",
        ),
        (
            |facts| facts.registries[0].1 = Some("refused".into()),
            "Registry",
            Verdict::Warning,
            "HTTPS_PROXY",
        ),
    ];
    for (spoil, name, verdict, remedy) in causes {
        let mut facts = good();
        spoil(&mut facts);
        let wrong: Vec<_> = check(&facts)
            .into_iter()
            .filter(|check| check.verdict != Verdict::Ok)
            .collect();
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        assert_eq!((wrong[0].name, wrong[0].verdict), (name, verdict));
        assert!(
            wrong[0].remedy.as_ref().unwrap().contains(remedy),
            "{wrong:?}"
        );
    }
}
