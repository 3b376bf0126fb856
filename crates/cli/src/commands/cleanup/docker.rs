//! Containers and images that are left on the daemon.

use std::{
    fmt::Write as _,
    io::{self, BufRead as _, Write as _},
    time::{SystemTime, UNIX_EPOCH},
};

use isol8_backend::{Backend as _, CleanupReport, ImageStore as _};
use isol8_docker::{DockerBackend, DockerImages};
use serde_json::{Value, json};

use super::shown::{described, listed};
use crate::{
    args::CleanupArgs,
    failure::{Exit, Failure},
    output::{Console, print},
    sandboxes::Sandboxes,
};

/// Shows what there is on the daemon, asks, and removes it.
pub(super) async fn clean_up_docker(args: CleanupArgs, console: Console) -> Result<Exit, Failure> {
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
