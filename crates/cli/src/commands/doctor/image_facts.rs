//! The base images of the runtimes, as a daemon has them. No judgement.

use isol8_api::runtimes::RUNTIMES;
use isol8_backend::ImageSources;
use isol8_docker::{BaseImage, DockerImages};
use jiff::Timestamp;

/// The base image of a runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RuntimeImage {
    /// The runtime.
    pub(super) runtime: &'static str,
    /// What there is.
    pub(super) found: Option<Found>,
}

/// An image that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Seconds since it was built, where the daemon says so.
    pub(super) age: Option<u64>,
    /// Whether this version would build the same.
    pub(super) is_current: bool,
}

/// Looks at the images. One that the daemon cannot tell about counts as missing.
pub(super) async fn gather(images: &DockerImages) -> Vec<RuntimeImage> {
    // Certificates that cannot be read have a check of their own. What an image would be made of is not known then.
    let sources = ImageSources::default().or_environment().ok();
    let known = sources.is_some();
    let sources = sources.unwrap_or_default();
    let now = Timestamp::now();
    let looked = RUNTIMES.map(|runtime| {
        let image = images.base(runtime, &sources);
        async move {
            let image = image.await.ok().flatten();
            RuntimeImage {
                runtime,
                found: image.map(|image| Found {
                    age: age(&image, now),
                    is_current: image.is_current || !known,
                }),
            }
        }
    });
    futures::future::join_all(looked).await
}

/// How old an image is. A daemon that does not know the time says year 1, or nothing.
fn age(image: &BaseImage, now: Timestamp) -> Option<u64> {
    let created: Timestamp = image.created.as_ref()?.parse().ok()?;
    if created.as_second() <= 0 {
        return None;
    }
    let seconds = now.as_second() - created.as_second();
    Some(u64::try_from(seconds).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_those_that_a_daemon_knows() {
        let now: Timestamp = "2026-03-01T00:01:00Z".parse().unwrap();
        for (created, expected) in [
            (Some("2026-03-01T00:00:00.5Z"), Some(60)),
            (Some("2026-03-01T01:00:00+01:00"), Some(60)),
            (Some("2027-01-01T00:00:00Z"), Some(0)),
            (Some("0001-01-01T00:00:00Z"), None),
            (Some(""), None),
            (None, None),
        ] {
            let image = BaseImage {
                created: created.map(str::to_owned),
                is_current: true,
            };
            assert_eq!(age(&image, now), expected, "{created:?}");
        }
    }
}
