//! `cleanup`: removes what is left on the daemon, and of local sandboxes.

use std::{
    fmt::Write as _,
    io::{self, BufRead as _, Write as _},
    time::{SystemTime, UNIX_EPOCH},
};

use isol8_api::{config::Config, options::BackendChoice};
use isol8_assembly::Place;
use isol8_backend::{Backend as _, CleanupReport, ImageStore as _};
use isol8_docker::{AbandonedContainer, DockerBackend, DockerImages, OwnImage};
use serde_json::{Value, json};

use crate::{
    args::{BackendArgs, CleanupArgs},
    failure::{Exit, Failure},
    output::{Console, age, print},
    sandboxes::Sandboxes,
    settings::{BackendSettings, variable},
};

/// Characters of an id that are shown, as Docker does.
const SHORT_ID: usize = 12;

/// Removes what local sandboxes have left, unless Docker alone is wanted. Then shows what there is on the daemon, asks, and
/// removes it, unless local sandboxes alone are wanted.
pub(crate) async fn run(
    args: CleanupArgs,
    config: &Config,
    console: Console,
) -> Result<Exit, Failure> {
    let settings = BackendSettings::resolve(&BackendArgs::default(), config, variable)?;
    let only_local = settings.choice == BackendChoice::Local;
    let mut local = Exit::Success;
    // With --json nothing is removed without --force.
    if settings.choice != BackendChoice::Docker && (args.force || !args.json) {
        let place = Sandboxes::new(settings)?;
        local = clean_up_local(place.place(), only_local && !args.json, console).await?;
    }
    if only_local {
        if args.json {
            print(&listed(&[], None).to_string())?;
        }
        return Ok(local);
    }
    let docker = clean_up_docker(args, console).await?;
    Ok(if docker == Exit::Success {
        local
    } else {
        docker
    })
}

/// Removes the control groups of killed processes. Nothing of a user is in them, so nobody is asked. It is the command's
/// result when it is `alone`; standard output is that of Docker's otherwise.
async fn clean_up_local(place: &Place, alone: bool, console: Console) -> Result<Exit, Failure> {
    let report = place.local_backend().clean_up().await?;
    match told_of_local(&report, alone) {
        Some(text) if alone => {
            print(&text)?;
        }
        Some(text) => console.result(&text),
        None => {}
    }
    for error in &report.errors {
        console.result(&format!("  Failed to remove {error}"));
    }
    Ok(if report.failed > 0 {
        Exit::Failed
    } else {
        Exit::Success
    })
}

/// What is said of them. With `nothing`, also that there were none.
fn told_of_local(report: &CleanupReport, nothing: bool) -> Option<String> {
    let CleanupReport {
        removed, failed, ..
    } = report;
    if removed + failed == 0 {
        return nothing.then(|| "No remains of local sandboxes found".to_owned());
    }
    let mut text = format!("Removed the control groups of {removed} killed local process(es)");
    if *failed > 0 {
        // Writing to a string cannot fail.
        let _ = write!(text, ", {failed} failed");
    }
    Some(text)
}

/// Shows what there is on the daemon, asks, and removes it.
async fn clean_up_docker(args: CleanupArgs, console: Console) -> Result<Exit, Failure> {
    let sandboxes = Sandboxes::on_docker()?;
    let (backend, store) = (sandboxes.backend(), sandboxes.images());
    let containers = backend.abandoned().await?;
    let images = if args.images {
        Some(store.own().await?)
    } else {
        None
    };
    if args.json {
        let listed = listed(&containers, images.as_deref());
        if !args.force {
            return print(&listed.to_string());
        }
        return removed_as_json(listed, &backend, images.is_some().then_some(&store)).await;
    }
    if containers.is_empty() && images.as_ref().is_none_or(Vec::is_empty) {
        return print(if args.images {
            "No isol8 containers or images found"
        } else {
            "No isol8 containers found"
        });
    }
    let shown = print(&described(&containers, images.as_deref(), now()))?;
    if shown != Exit::Success {
        return Ok(shown);
    }
    if !args.force && !confirmed(args.images).await? {
        return print("Cleanup cancelled");
    }
    let removed = backend.clean_up().await?;
    let mut exit = report("container", &removed, console)?;
    if images.is_some() {
        let removed = store.remove_all().await?;
        if report("image", &removed, console)? != Exit::Success {
            exit = Exit::Failed;
        }
    }
    Ok(exit)
}

/// What would be removed, for programs.
fn listed(containers: &[AbandonedContainer], images: Option<&[OwnImage]>) -> Value {
    let containers: Vec<_> = containers
        .iter()
        .map(|container| {
            json!({
                "id": container.id, "image": container.image,
                "running": container.running, "created": container.created,
            })
        })
        .collect();
    let mut listed = json!({ "containers": containers });
    if let Some(images) = images {
        let images = images.iter();
        listed["images"] = images
            .map(|image| json!({ "id": image.id, "tags": image.names }))
            .collect();
    }
    listed
}

/// Removes everything, and adds the reports to what was there.
async fn removed_as_json(
    mut listed: Value,
    backend: &DockerBackend,
    store: Option<&DockerImages>,
) -> Result<Exit, Failure> {
    let containers = backend.clean_up().await?;
    let mut failed = containers.failed;
    listed["removed"] = json!({ "containers": containers });
    if let Some(store) = store {
        let images = store.remove_all().await?;
        failed += images.failed;
        listed["removed"]["images"] = json!(images);
    }
    let printed = print(&listed.to_string())?;
    Ok(if failed > 0 { Exit::Failed } else { printed })
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// The rows of what would be removed. `now` is in seconds since 1970.
fn described(containers: &[AbandonedContainer], images: Option<&[OwnImage]>, now: u64) -> String {
    let mut text = format!("Found {} isol8 container(s)", containers.len());
    // Writing to a string cannot fail.
    if let Some(images) = images {
        let _ = write!(text, " and {} image(s)", images.len());
    }
    for container in containers {
        let state = if container.running {
            "🟢 running"
        } else {
            "⚪ stopped"
        };
        let created = now.saturating_sub(container.created.try_into().unwrap_or_default());
        let _ = write!(
            text,
            "\n  {state} {} | {} | created {}",
            short(&container.id),
            container.image,
            age(created)
        );
    }
    for image in images.unwrap_or_default() {
        let names = if image.names.is_empty() {
            "(replaced)".to_owned()
        } else {
            image.names.join(", ")
        };
        let _ = write!(text, "\n  🖼️ image {} | {names}", short(&image.id));
    }
    text
}

fn short(id: &str) -> String {
    let id = id.strip_prefix("sha256:").unwrap_or(id);
    id.chars().take(SHORT_ID).collect()
}

/// Asks. Only a yes is a yes: the end of standard input is none.
async fn confirmed(images: bool) -> Result<bool, Failure> {
    let and_images = if images { " and images" } else { "" };
    let mut stdout = io::stdout();
    let asked = write!(stdout, "Remove all these containers{and_images}? [y/N] ");
    asked
        .and_then(|()| stdout.flush())
        .map_err(|cause| Failure::input_output("Cannot ask", cause))?;
    let (sender, answer) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = io::stdin().lock().read_line(&mut line);
        let _ = sender.send(line);
    });
    let line = answer.await.unwrap_or_default();
    let word = line.trim().to_ascii_lowercase();
    Ok(matches!(&*word, "y" | "yes"))
}

/// Prints what was removed, and what could not be.
fn report(what: &str, removed: &CleanupReport, console: Console) -> Result<Exit, Failure> {
    let mut text = format!("Removed {} {what}(s)", removed.removed);
    if removed.failed > 0 {
        // Writing to a string cannot fail.
        let _ = write!(text, ", {} failed", removed.failed);
    }
    let printed = print(&text)?;
    let image = if what == "image" { "image " } else { "" };
    for error in &removed.errors {
        console.result(&format!("  Failed to remove {image}{error}"));
    }
    Ok(if removed.failed > 0 {
        Exit::Failed
    } else {
        printed
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remains_of_local_sandboxes_are_told_of() {
        let report = |removed, failed| CleanupReport {
            removed,
            failed,
            errors: Vec::new(),
        };
        assert_eq!(told_of_local(&report(0, 0), false), None);
        for (report, text) in [
            (report(0, 0), "No remains of local sandboxes found"),
            (
                report(2, 0),
                "Removed the control groups of 2 killed local process(es)",
            ),
            (
                report(0, 1),
                "Removed the control groups of 0 killed local process(es), 1 failed",
            ),
        ] {
            assert_eq!(told_of_local(&report, true).as_deref(), Some(text));
        }
    }

    #[test]
    fn rows_say_what_would_go() {
        let container = |running| AbandonedContainer {
            id: "0123456789abcdef".to_owned(),
            image: "isol8:python".to_owned(),
            running,
            created: 1000,
        };
        let images = [
            OwnImage {
                id: "sha256:0123456789abcdef".to_owned(),
                names: vec!["isol8:bash".to_owned(), "mine".to_owned()],
            },
            OwnImage {
                id: "sha256:fedcba9876543210".to_owned(),
                names: Vec::new(),
            },
        ];
        assert_eq!(
            described(&[container(true), container(false)], None, 1120),
            "Found 2 isol8 container(s)\n  🟢 running 0123456789ab | isol8:python | created 2 minutes ago\n  \
             ⚪ stopped 0123456789ab | isol8:python | created 2 minutes ago"
        );
        assert_eq!(
            described(&[], Some(&images), 0),
            "Found 0 isol8 container(s) and 2 image(s)\n  🖼️ image 0123456789ab | isol8:bash, mine\n  \
             🖼️ image fedcba987654 | (replaced)"
        );
    }
}
