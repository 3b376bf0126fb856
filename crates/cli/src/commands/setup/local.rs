//! What local sandboxes need of this machine, and the runtimes that it lacks.

use std::path::{Path, PathBuf};

use isol8_assembly::{Origin, Place, find_interpreter};
use isol8_backend::{Backend as _, BackendError, BuildProgress, BuildStatus, ImageSources, Need};
use isol8_runtimes::{InstallError, Installer, Step, cache_folder, pin};

use serde::Serialize;
use serde_json::json;

use super::version::{is_older, version_of};
use crate::{
    failure::{Exit, Failure},
    output::{BuildLine, Builds, Console, print, size},
    settings::SetupSettings,
};

/// The coding agent, and the runtimes that it needs.
const AGENT: &str = "agent";
const OF_AGENT: [&str; 2] = ["node", "bun"];

/// Programs that the agent searches files with.
const SEARCHERS: [(&str, &[&str]); 2] = [("ripgrep", &["rg"]), ("fd-find", &["fd", "fdfind"])];

/// Checks this machine, and installs the wanted runtimes that it has not, or only in an older version than the pinned
/// one. Of an installation that is dropped nothing stays.
pub(super) async fn run(
    settings: &SetupSettings,
    place: &Place,
    as_json: bool,
    console: Console,
) -> Result<Exit, Failure> {
    if !settings.images.is_empty() {
        return Err(BackendError::unsupported("local", Need::BuiltImage).into());
    }
    let available = place.local_backend().availability().await?;
    console.ok(&format!("Local sandboxes can run. {available}"));
    let folder = cache_folder().ok_or(InstallError::NoFolder)?;
    let installer = Installer::new(folder, &ImageSources::default().or_environment()?)?;
    let builds = Builds::new(console);
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for runtime in with_needed(&settings.runtimes) {
        if pin(runtime).is_none() {
            match of_machine(runtime, place, console).await {
                Ok(runtime) => found.push(runtime),
                Err(error) => missing.push(error),
            }
        } else {
            let force = settings.force;
            found.push(provide(runtime, force, place, &installer, &builds, console).await?);
        }
    }
    if settings.runtimes.contains(&AGENT) {
        tell_searchers(console);
    }
    if !missing.is_empty() {
        for error in missing {
            console.error(&error.to_string());
        }
        return Ok(Exit::Failed);
    }
    place.local_backend().probe().await?;
    print(&if as_json {
        json!(found).to_string()
    } else {
        "[DONE] Setup complete!".to_owned()
    })
}

/// The wanted runtimes, and before the agent those that it needs.
fn with_needed(wanted: &[&'static str]) -> Vec<&'static str> {
    let mut all: Vec<&str> = wanted
        .iter()
        .copied()
        .filter(|name| *name != AGENT)
        .collect();
    if wanted.contains(&AGENT) {
        all.extend(OF_AGENT.iter().filter(|needed| !wanted.contains(needed)));
        all.push(AGENT);
    }
    all
}

/// Says which programs the agent can do without, but is better with.
fn tell_searchers(console: Console) {
    for (package, names) in SEARCHERS {
        let places = names.iter().map(|name| Path::new("/usr/bin").join(name));
        if !places.into_iter().any(|place| place.exists()) {
            console.info(&format!(
                "agent: this machine has no /usr/bin/{}. The agent's own search needs it: install {package}.",
                names[0]
            ));
        }
    }
}

/// A runtime that sandboxes have now.
#[derive(Serialize)]
struct Provided {
    runtime: String,
    /// Its version, where it tells one.
    version: Option<String>,
    /// Where it is: a program of this machine, or the folder of an installed one.
    path: PathBuf,
    /// Whether it was installed just now.
    installed: bool,
}

/// Shows the interpreter of a runtime that only this machine can have. The error is that it has none.
async fn of_machine(
    runtime: &str,
    place: &Place,
    console: Console,
) -> Result<Provided, BackendError> {
    let program = find_interpreter(runtime, place.local_options())?.program;
    let version = version_of(&program).await;
    Ok(as_it_is(runtime, version, program, console))
}

/// A runtime of this machine.
fn as_it_is(
    runtime: &str,
    version: Option<String>,
    program: PathBuf,
    console: Console,
) -> Provided {
    let told = version
        .as_deref()
        .unwrap_or("a version that it does not tell");
    let path = program.display();
    console.ok(&format!("{runtime}: {told}, of this machine ({path})"));
    Provided {
        runtime: runtime.to_owned(),
        version,
        path: program,
        installed: false,
    }
}

/// Installs a runtime unless this machine has it.
async fn provide(
    runtime: &str,
    force: bool,
    place: &Place,
    installer: &Installer,
    builds: &Builds,
    console: Console,
) -> Result<Provided, Failure> {
    let pinned = pin(runtime).map_or("", |pin| pin.version);
    let found = find_interpreter(runtime, place.local_options()).ok();
    let of_machine = found.filter(|found| found.origin != Origin::Installed);
    if !force
        && let Some(found) = of_machine
        && let Some(version) = version_of(&found.program).await
        && !is_older(&version, pinned)
    {
        return Ok(as_it_is(runtime, Some(version), found.program, console));
    }
    let line = builds.begin(runtime);
    let report = |step| show(&line, runtime, &step);
    let done = installer.install(runtime, force, &report).await?;
    line.done(&if done.new {
        let prefix = done.prefix.display();
        format!("{runtime}: {} installed in {prefix}", done.version)
    } else {
        format!("{runtime}: Up to date")
    });
    Ok(Provided {
        runtime: runtime.to_owned(),
        version: Some(done.version.to_owned()),
        path: done.prefix,
        installed: done.new,
    })
}

fn show(line: &BuildLine<'_>, runtime: &str, step: &Step) {
    line.report(&BuildProgress {
        runtime: runtime.to_owned(),
        status: BuildStatus::Building,
        message: Some(in_words(step)),
    });
}

fn in_words(step: &Step) -> String {
    match step {
        Step::Downloading {
            what,
            bytes,
            of: Some(of),
        } => format!("downloading {what}: {} of {}", size(*bytes), size(*of)),
        Step::Downloading { what, bytes, .. } => format!("downloading {what}: {}", size(*bytes)),
        Step::Unpacking { what } => format!("unpacking {what}"),
        Step::Packages { done, of } => format!("{done} of {of} packages are there"),
        _ => "waiting for another installation to end".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_agent_needs_comes_before_it() {
        assert_eq!(with_needed(&["agent"]), ["node", "bun", "agent"]);
        assert_eq!(
            with_needed(&["agent", "bun", "bash"]),
            ["bun", "bash", "node", "agent"]
        );
        assert_eq!(with_needed(&["deno"]), ["deno"]);
    }

    #[test]
    fn steps_are_told_in_words() {
        let downloading = |of| Step::Downloading {
            what: "deno 2.9.5".to_owned(),
            bytes: 8_000_000,
            of,
        };
        for (step, words) in [
            (
                downloading(Some(40_000_000)),
                "downloading deno 2.9.5: 8 MB of 40 MB",
            ),
            (downloading(None), "downloading deno 2.9.5: 8 MB"),
            (
                Step::Packages { done: 25, of: 126 },
                "25 of 126 packages are there",
            ),
            (Step::Waiting, "waiting for another installation to end"),
        ] {
            assert_eq!(in_words(&step), words);
        }
    }
}
