//! What the facts mean, and what to do.

use isol8_api::options::BackendChoice;
use serde::Serialize;

use super::{facts::Facts, image_checks, local_checks};
use crate::output::size;

/// Free disk below which images may not be built. All of them have about 3 GB.
const LITTLE_DISK: u64 = 5_000_000_000;

/// The first release of Linux where a result is there before the program's process has been taken apart.
const EARLY_RESULTS: (u32, u32) = (6, 11);

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    /// What was looked at.
    pub(super) name: &'static str,
    /// Whether it is as it should be.
    pub(super) verdict: Verdict,
    /// What was found.
    pub(super) found: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remedy: Option<String>,
}

/// Whether something is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// It is.
    Ok,
    /// isol8 works, and something about it does not or is slower.
    Warning,
    /// isol8 does not work.
    Problem,
}

/// Judges the facts.
pub(super) fn check(facts: &Facts) -> Vec<Check> {
    let mut checks = Vec::new();
    if facts.wanted != BackendChoice::Local {
        checks.push(docker(facts));
    }
    if let Ok(daemon) = &facts.daemon
        && facts.wanted != BackendChoice::Local
    {
        checks.push(if daemon.seccomp {
            ok("Seccomp", "Docker filters system calls")
        } else {
            wrong(
                Verdict::Problem,
                "Seccomp",
                "Docker cannot filter system calls",
                "Use a kernel with CONFIG_SECCOMP_FILTER, or the option security.seccomp \"unconfined\".",
            )
        });
        checks.push(image_checks::check(&facts.images));
    }
    checks.extend(local_checks::check(facts));
    checks.push(kernel(facts));
    checks.push(cgroups(facts));
    checks.push(namespaces(facts));
    if let Some(free) = facts.free_disk
        && facts.wanted != BackendChoice::Local
    {
        let found = format!("{} are free for images", size(free));
        checks.push(if free < LITTLE_DISK {
            wrong(
                Verdict::Warning,
                "Disk",
                &found,
                "Make room: docker image prune, docker builder prune.",
            )
        } else {
            ok("Disk", &found)
        });
    }
    checks.extend(facts.proxy.as_ref().map(proxy));
    if let Some((path, readable)) = &facts.certificates {
        checks.push(if *readable {
            ok(
                "Certificates",
                &format!("images trust those of {path}, too"),
            )
        } else {
            wrong(
                Verdict::Problem,
                "Certificates",
                &format!("{path} cannot be read"),
                "Set ISOL8_EXTRA_CA to a PEM file that can be read, or unset it.",
            )
        });
    }
    checks.extend(
        facts
            .registries
            .iter()
            .map(|(host, problem)| match problem {
                None => ok("Registry", &format!("{host} is reachable")),
                Some(problem) => wrong(
                    Verdict::Warning,
                    "Registry",
                    &format!("{host} is not reachable: {problem}"),
                    "Installations of packages need it. Check the network, or set HTTPS_PROXY.",
                ),
            }),
    );
    checks
}

pub(super) fn ok(name: &'static str, found: &str) -> Check {
    Check {
        name,
        verdict: Verdict::Ok,
        found: found.to_owned(),
        remedy: None,
    }
}

pub(super) fn wrong(verdict: Verdict, name: &'static str, found: &str, remedy: &str) -> Check {
    Check {
        verdict,
        remedy: Some(remedy.to_owned()),
        ..ok(name, found)
    }
}

fn docker(facts: &Facts) -> Check {
    match &facts.daemon {
        Ok(daemon) => ok(
            "Docker",
            &format!("version {} at {}", daemon.version, daemon.address),
        ),
        Err(problem) if facts.wanted == BackendChoice::Auto && facts.local.available.is_ok() => {
            wrong(
                Verdict::Warning,
                "Docker",
                problem,
                "Sandboxes are local without it. For images, persist and OCI runtimes, install Docker: \
                 https://docs.docker.com/get-docker/.",
            )
        }
        Err(problem) => wrong(
            Verdict::Problem,
            "Docker",
            problem,
            "Install Docker: https://docs.docker.com/get-docker/, start it, and let this user use it.",
        ),
    }
}

fn proxy(named: &Result<String, &'static str>) -> Check {
    match named {
        Ok(proxy) => ok("Proxy", &format!("this machine uses {proxy}")),
        Err(variable) => wrong(
            Verdict::Warning,
            "Proxy",
            &format!("the value of {variable} is no address"),
            "Set it to an address such as http://proxy:3128, or unset it.",
        ),
    }
}

fn kernel(facts: &Facts) -> Check {
    let Some(release) = &facts.kernel else {
        return ok(
            "Kernel",
            "another system than Linux: sandboxes run in a virtual machine",
        );
    };
    let mut numbers = release
        .split(['.', '-'])
        .map_while(|part| part.parse().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version >= EARLY_RESULTS {
        ok("Kernel", &format!("Linux {release}"))
    } else {
        wrong(
            Verdict::Warning,
            "Kernel",
            &format!("Linux {release}"),
            "From Linux 6.11 on, results come up to 3 ms earlier.",
        )
    }
}

fn cgroups(facts: &Facts) -> Check {
    if facts.unified_cgroups || facts.kernel.is_none() {
        ok("Cgroups", "version 2")
    } else {
        wrong(
            Verdict::Warning,
            "Cgroups",
            "version 1",
            "Results have no peak memory. Boot with systemd.unified_cgroup_hierarchy=1.",
        )
    }
}

fn namespaces(facts: &Facts) -> Check {
    match facts.user_namespaces {
        Some(0) => wrong(
            Verdict::Warning,
            "User namespaces",
            "switched off",
            "Rootless Docker needs them: sysctl -w user.max_user_namespaces=15000.",
        ),
        Some(limit) => ok("User namespaces", &format!("{limit} allowed")),
        None => ok("User namespaces", "not known on this system"),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use isol8_assembly::Availability;

    use super::*;
    use crate::{
        commands::doctor::{
            image_facts::{Found, RuntimeImage},
            local_facts::LocalFacts,
        },
        sandboxes::DaemonFacts,
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
}
