//! Custom images: a base image with packages, and labels that list them.

use std::collections::HashMap;

use bollard::query_parameters::RemoveImageOptions;
use isol8_backend::{BackendError, BackendErrorKind, ImageRecipe, ImageSources, ReportProgress};

use super::{
    base,
    build::{Build, Progress, run},
    built, context, inspect,
};
use crate::{
    Client,
    labels::{
        BUILD_HASH_LABEL, DEPENDENCIES_LABEL, DEPENDENCY_HASH_LABEL, IMAGE_RUNTIME_LABEL,
        SETUP_LABEL,
    },
};

/// Name of the installing script in the build context.
const SCRIPT_NAME: &str = "isol8-bake";

/// Builds a custom image, and its base image when that is missing. Returns false when nothing was done.
pub(super) async fn build(
    client: &Client,
    recipe: &ImageRecipe,
    sources: &ImageSources,
    force: bool,
    report: ReportProgress<'_>,
) -> Result<bool, BackendError> {
    let runtime = &recipe.facts.runtime;
    let base = base::tag(runtime);
    if inspect::labels(client, &base).await?.is_none() {
        base::build(client, runtime, sources, false, report).await?;
    }
    let progress = Progress { runtime, report };
    let before = inspect::labels(client, &recipe.tag).await?;
    if !force && let Some(labels) = &before {
        let base_labels = inspect::labels(client, &base).await?.unwrap_or_default();
        let same = |label, value: Option<&String>| labels.get(label) == value;
        if same(DEPENDENCY_HASH_LABEL, Some(&recipe.digest))
            && same(BUILD_HASH_LABEL, base_labels.get(BUILD_HASH_LABEL))
        {
            progress.up_to_date();
            remember(client, &recipe.tag).await?;
            return Ok(false);
        }
    }
    let replaced = match before {
        Some(_) => id_of(client, &recipe.tag).await?,
        None => None,
    };
    run(client, described(recipe, &base, sources)?, progress).await?;
    remember(client, &recipe.tag).await?;
    if let Some(old) = replaced {
        remove_unnamed(client, &old).await;
    }
    Ok(true)
}

/// Its labels are believed from now on. Also those of an image that was there: whoever asks for a build names it.
async fn remember(client: &Client, tag: &str) -> Result<(), BackendError> {
    if let Some(id) = id_of(client, tag).await? {
        built::remember(id, tag.to_owned()).await;
    }
    Ok(())
}

async fn id_of(client: &Client, name: &str) -> Result<Option<String>, BackendError> {
    let docker = client.docker().await?;
    let image = docker
        .inspect_image(name)
        .await
        .map_err(|error| client.failed(error))?;
    Ok(image.id)
}

/// Removes an image that has lost its name. One that is still in use or has another name stays.
async fn remove_unnamed(client: &Client, id: &str) {
    let Ok(docker) = client.docker().await else {
        return;
    };
    let unnamed = docker
        .inspect_image(id)
        .await
        .is_ok_and(|image| image.repo_tags.unwrap_or_default().is_empty());
    if unnamed
        && let Err(error) = docker
            .remove_image(id, None::<RemoveImageOptions>, None)
            .await
    {
        tracing::debug!(id, %error, "the replaced image stays");
    }
}

/// What to ask the daemon for.
fn described(
    recipe: &ImageRecipe,
    base: &str,
    sources: &ImageSources,
) -> Result<Build, BackendError> {
    let mut dockerfile = format!("FROM {base}\n");
    let mut files = Vec::new();
    if !recipe.arguments.is_empty() {
        let target = format!("/usr/local/sbin/{SCRIPT_NAME}");
        let mut command = vec!["sh", &target];
        command.extend(recipe.arguments.iter().map(String::as_str));
        let command = serde_json::to_string(&command).map_err(|error| {
            BackendError::new(BackendErrorKind::Failed, error.to_string()).caused_by(error)
        })?;
        // The argument is read by npm, Bun and Deno, and only while the image is built.
        dockerfile.push_str("ARG NPM_CONFIG_REGISTRY\n");
        dockerfile = format!("{dockerfile}COPY {SCRIPT_NAME} {target}\nRUN {command}\n");
        files.push((SCRIPT_NAME, recipe.script, 0o755));
    }
    files.push(("Dockerfile", dockerfile.as_str(), 0o644));
    let registry = sources.npm_registry.clone();
    Ok(Build {
        tag: recipe.tag.clone(),
        target: None,
        context: context::tarball(files)?,
        args: registry
            .map(|url| ("NPM_CONFIG_REGISTRY".to_owned(), url))
            .into_iter()
            .collect(),
        labels: labels(recipe),
    })
}

fn labels(recipe: &ImageRecipe) -> HashMap<String, String> {
    let facts = &recipe.facts;
    let labels = [
        (IMAGE_RUNTIME_LABEL, facts.runtime.clone()),
        (DEPENDENCY_HASH_LABEL, recipe.digest.clone()),
        (DEPENDENCIES_LABEL, facts.packages.join(",")),
        (SETUP_LABEL, facts.setup_script.clone().unwrap_or_default()),
    ];
    labels
        .map(|(label, value)| (label.to_owned(), value))
        .into()
}

#[cfg(test)]
mod tests {
    use isol8_backend::ImageFacts;

    use super::*;

    #[test]
    fn labels_say_what_is_inside() {
        let facts = ImageFacts {
            runtime: "node".to_owned(),
            packages: vec!["a@1".to_owned(), "b".to_owned()],
            setup_script: Some("echo 1\necho 2\n".to_owned()),
        };
        let recipe = ImageRecipe {
            tag: "mine".to_owned(),
            facts: facts.clone(),
            digest: "0".to_owned(),
            script: "",
            arguments: Vec::new(),
        };
        assert_eq!(inspect::facts(&labels(&recipe)), facts);
        assert_eq!(inspect::facts(&HashMap::new()), ImageFacts::default());
    }
}
