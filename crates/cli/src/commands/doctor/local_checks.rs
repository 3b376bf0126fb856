//! What the facts about local sandboxes mean, and what to do.

use isol8_api::options::BackendChoice;

use super::{
    check::{Check, Verdict, ok, wrong},
    facts::Facts,
};

/// Judges them. There is nothing to judge when only Docker is wanted.
pub(super) fn check(facts: &Facts) -> Vec<Check> {
    if facts.wanted == BackendChoice::Docker {
        return Vec::new();
    }
    let local = &facts.local;
    let mut checks = match &local.available {
        Ok(found) => vec![
            ok("Local users", told(&found.users)),
            ok("Local memory", told(&found.memory)),
            ok("Local processes", told(&found.processes)),
            ok("Local CPU", told(&found.cpu)),
            ok("Local files", told(&found.files)),
        ],
        Err(reason) => {
            let needed = facts.wanted == BackendChoice::Local || facts.daemon.is_err();
            let verdict = if needed {
                Verdict::Problem
            } else {
                Verdict::Warning
            };
            let (found, remedy) = reason.split_once(". ").unwrap_or((
                reason,
                "Use the Docker backend, or mend what is named above.",
            ));
            vec![wrong(verdict, "Local sandboxes", found, remedy)]
        }
    };
    checks.push(subordinate_ids(facts));
    if local.user.is_some() && local.apparmor {
        checks.push(wrong(
            Verdict::Warning,
            "AppArmor",
            "ordinary users may not make user namespaces",
            "Give this program a profile with `userns,`, or: sysctl -w \
             kernel.apparmor_restrict_unprivileged_userns=0.",
        ));
    }
    checks.push(runtimes(facts));
    checks
}

/// A sentence without what it begins with: the name of what it is about.
fn told(sentence: &str) -> &str {
    let (_, rest) = sentence.split_once(": ").unwrap_or(("", sentence));
    rest.trim_end_matches('.')
}

fn subordinate_ids(facts: &Facts) -> Check {
    const NAME: &str = "Subordinate ids";
    let local = &facts.local;
    let Some(user) = &local.user else {
        return ok(NAME, "root needs none");
    };
    if !local.missing_helpers.is_empty() {
        let found = format!("there is no {}", local.missing_helpers.join(" and no "));
        let remedy = "Install the package uidmap (shadow-utils on Fedora).";
        return wrong(Verdict::Warning, NAME, &found, remedy);
    }
    if !local.no_range.is_empty() {
        let found = format!("{user} has no range in {}", local.no_range.join(" and "));
        let remedy = format!(
            "As root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {user}"
        );
        return wrong(Verdict::Warning, NAME, &found, &remedy);
    }
    ok(NAME, &format!("{user} has ranges"))
}

fn runtimes(facts: &Facts) -> Check {
    const NAME: &str = "Local runtimes";
    let missing = &facts.local.missing_runtimes;
    if missing.is_empty() {
        return ok(NAME, "every runtime is found");
    }
    let names: Vec<_> = missing.iter().map(|(runtime, _)| *runtime).collect();
    let (installed, others): (Vec<_>, Vec<_>) = names
        .iter()
        .copied()
        .partition(|runtime| isol8_runtimes::pin(runtime).is_some());
    let mut remedy = Vec::new();
    if !installed.is_empty() {
        remedy.push(format!(
            "Run: isol8 setup --backend local --only {}.",
            installed.join(" ")
        ));
    }
    if !others.is_empty() {
        remedy.push(format!("Install {} on this machine.", others.join(" and ")));
    }
    let found = format!("there is none for {}", names.join(", "));
    wrong(Verdict::Warning, NAME, &found, &remedy.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::checks::tests::good;

    type Spoil = fn(&mut Facts);

    #[test]
    fn each_cause_is_found_and_has_a_remedy() {
        let causes: [(Spoil, &str, Verdict, &str); 7] = [
            (
                |facts| facts.local.available = Err("No ids. Install uidmap.".into()),
                "Local sandboxes",
                Verdict::Warning,
                "Install uidmap.",
            ),
            (
                |facts| {
                    facts.wanted = BackendChoice::Local;
                    facts.local.available = Err("No ids. Install uidmap.".into());
                },
                "Local sandboxes",
                Verdict::Problem,
                "Install uidmap.",
            ),
            (
                |facts| facts.local.missing_helpers = vec!["newuidmap"],
                "Subordinate ids",
                Verdict::Warning,
                "package uidmap",
            ),
            (
                |facts| facts.local.no_range = vec!["/etc/subgid"],
                "Subordinate ids",
                Verdict::Warning,
                "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ann",
            ),
            (
                |facts| facts.local.apparmor = true,
                "AppArmor",
                Verdict::Warning,
                "kernel.apparmor_restrict_unprivileged_userns=0",
            ),
            (
                |facts| facts.local.missing_runtimes = vec![("bun", "none".into())],
                "Local runtimes",
                Verdict::Warning,
                "isol8 setup --backend local --only bun",
            ),
            (
                |facts| facts.local.missing_runtimes = vec![("python", "none".into())],
                "Local runtimes",
                Verdict::Warning,
                "Install python on this machine.",
            ),
        ];
        for (spoil, name, verdict, remedy) in causes {
            let mut facts = good();
            spoil(&mut facts);
            let found = check(&facts);
            let wrong: Vec<_> = found
                .iter()
                .filter(|check| check.verdict != Verdict::Ok)
                .collect();
            assert_eq!(wrong.len(), 1, "{wrong:?}");
            assert_eq!((wrong[0].name, wrong[0].verdict), (name, verdict));
            let told = wrong[0].remedy.as_deref().unwrap();
            assert!(told.contains(remedy), "{told}");
        }
    }

    #[test]
    fn what_enforces_what_is_told() {
        let found = check(&good());
        let told: Vec<_> = found
            .iter()
            .map(|check| (check.name, &*check.found))
            .collect();
        assert_eq!(
            told,
            [
                ("Local users", "a range"),
                ("Local memory", "control groups"),
                ("Local processes", "control groups"),
                ("Local CPU", "control groups"),
                ("Local files", "mounts"),
                ("Subordinate ids", "ann has ranges"),
                ("Local runtimes", "every runtime is found"),
            ]
        );
    }

    #[test]
    fn root_needs_no_ids_of_others() {
        let mut facts = good();
        facts.local.user = None;
        facts.local.missing_helpers = vec!["newuidmap", "newgidmap"];
        facts.local.apparmor = true;
        assert!(
            check(&facts)
                .iter()
                .all(|check| check.verdict == Verdict::Ok)
        );
    }

    #[test]
    fn with_docker_alone_there_is_nothing_to_check() {
        let mut facts = good();
        facts.wanted = BackendChoice::Docker;
        assert!(check(&facts).is_empty());
    }
}
