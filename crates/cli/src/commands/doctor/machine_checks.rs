//! What the facts about this machine and its network mean, and what to do.

use super::{
    check::{Check, Verdict, ok, wrong},
    facts::Facts,
};
use crate::output::size;

/// Free disk below which images may not be built. All of them have about 3 GB.
const LITTLE_DISK: u64 = 5_000_000_000;

/// The first release of Linux where a result is there before the program's process has been taken apart.
const EARLY_RESULTS: (u32, u32) = (6, 11);

/// Judges the disk where the images of a daemon are.
pub(super) fn disk(free: u64) -> Check {
    let found = format!("{} are free for images", size(free));
    if free < LITTLE_DISK {
        wrong(
            Verdict::Warning,
            "Disk",
            &found,
            "Make room: docker image prune, docker builder prune.",
        )
    } else {
        ok("Disk", &found)
    }
}

/// Judges the file with further certificates for images.
pub(super) fn certificates(path: &str, readable: bool) -> Check {
    if readable {
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
    }
}

/// Judges the way to a package registry.
pub(super) fn registry(host: &str, problem: Option<&str>) -> Check {
    match problem {
        None => ok("Registry", &format!("{host} is reachable")),
        Some(problem) => wrong(
            Verdict::Warning,
            "Registry",
            &format!("{host} is not reachable: {problem}"),
            "Installations of packages need it. Check the network, or set HTTPS_PROXY.",
        ),
    }
}

pub(super) fn proxy(named: &Result<String, &'static str>) -> Check {
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

pub(super) fn kernel(facts: &Facts) -> Check {
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

pub(super) fn cgroups(facts: &Facts) -> Check {
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

pub(super) fn namespaces(facts: &Facts) -> Check {
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
