//! What local sandboxes need of this machine, and the runtimes that it lacks.

use std::path::PathBuf;

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

/// The runtime that local sandboxes do not have.
const NOT_LOCAL: &str = "agent";

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
    let available = place.local_backend().availability()?;
    console.ok(&format!("Local sandboxes can run. {available}"));
    let folder = cache_folder().ok_or(InstallError::NoFolder)?;
    let installer = Installer::new(folder, &ImageSources::default().or_environment()?)?;
    let builds = Builds::new(console);
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for &runtime in &settings.runtimes {
        if runtime == NOT_LOCAL {
            console.info("agent: local sandboxes have none, it needs Docker.");
        } else if pin(runtime).is_none() {
            match of_machine(runtime, place, console).await {
                Ok(runtime) => found.push(runtime),
                Err(error) => missing.push(error),
            }
        } else {
            let force = settings.force;
            found.push(provide(runtime, force, place, &installer, &builds, console).await?);
        }
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
        _ => "waiting for another installation to end".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            (Step::Waiting, "waiting for another installation to end"),
        ] {
            assert_eq!(in_words(&step), words);
        }
    }
}
