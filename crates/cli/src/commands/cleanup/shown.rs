//! What there is to remove on a daemon, for people and for programs.

use std::fmt::Write as _;

use isol8_docker::{AbandonedContainer, OwnImage};
use serde_json::{Value, json};

use crate::output::age;

/// Characters of an id that are shown, as Docker does.
const SHORT_ID: usize = 12;

/// What would be removed, for programs.
pub(super) fn listed(containers: &[AbandonedContainer], images: Option<&[OwnImage]>) -> Value {
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

/// The rows of what would be removed. `now` is in seconds since 1970.
pub(super) fn described(
    containers: &[AbandonedContainer],
    images: Option<&[OwnImage]>,
    now: u64,
) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

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
