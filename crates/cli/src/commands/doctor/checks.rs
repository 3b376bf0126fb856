//! What the facts mean, and what to do.

use isol8_api::options::BackendChoice;

use super::{
    check::{Check, Verdict, ok, wrong},
    facts::Facts,
    image_checks, local_checks, machine_checks,
};
use crate::sandboxes::DaemonFacts;

/// Judges the facts.
pub(super) fn check(facts: &Facts) -> Vec<Check> {
    let mut checks = Vec::new();
    let may_use_docker = facts.wanted != BackendChoice::Local;
    if may_use_docker {
        checks.push(docker(facts));
        if let Ok(daemon) = &facts.daemon {
            checks.push(seccomp(daemon));
            checks.push(image_checks::check(&facts.images));
        }
    }
    checks.extend(local_checks::check(facts));
    checks.extend([
        machine_checks::kernel(facts),
        machine_checks::cgroups(facts),
        machine_checks::namespaces(facts),
    ]);
    let free_disk = facts.free_disk.filter(|_| may_use_docker);
    checks.extend(free_disk.map(machine_checks::disk));
    checks.extend(facts.proxy.as_ref().map(machine_checks::proxy));
    if let Some((path, readable)) = &facts.certificates {
        checks.push(machine_checks::certificates(path, *readable));
    }
    let registries = facts.registries.iter();
    checks.extend(
        registries.map(|(host, problem)| machine_checks::registry(host, problem.as_deref())),
    );
    checks
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

fn seccomp(daemon: &DaemonFacts) -> Check {
    if daemon.seccomp {
        ok("Seccomp", "Docker filters system calls")
    } else {
        wrong(
            Verdict::Problem,
            "Seccomp",
            "Docker cannot filter system calls",
            "Use a kernel with CONFIG_SECCOMP_FILTER, or the option security.seccomp \"unconfined\".",
        )
    }
}

#[cfg(test)]
pub(super) mod tests;
