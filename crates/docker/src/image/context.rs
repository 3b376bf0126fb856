//! The build context: the files of `docker/`, which are part of this library.

use std::{collections::HashMap, io};

use bytes::Bytes;
use isol8_api::runtimes::RUNTIMES;
use isol8_backend::{BackendError, BackendErrorKind, ImageSources};
use sha2::{Digest, Sha256};

/// Name in the context, contents, mode.
const FILES: [(&str, &str, u32); 6] = [
    (
        "Dockerfile",
        include_str!("../../../../docker/Dockerfile"),
        0o644,
    ),
    (
        "fetch-runtime.sh",
        include_str!("../../../../docker/fetch-runtime.sh"),
        0o755,
    ),
    (
        "trust-ca.sh",
        include_str!("../../../../docker/trust-ca.sh"),
        0o755,
    ),
    (
        "runtimes.lock",
        include_str!("../../../../docker/runtimes.lock"),
        0o644,
    ),
    (
        "agent/package.json",
        include_str!("../../../../docker/agent/package.json"),
        0o644,
    ),
    (
        "agent/package-lock.json",
        include_str!("../../../../docker/agent/package-lock.json"),
        0o644,
    ),
];

/// The context as a tar archive, with the caller's certificates.
pub(super) fn archive(sources: &ImageSources) -> Result<Bytes, BackendError> {
    let mut files = FILES.to_vec();
    // The folder must exist for COPY even when there is no certificate.
    let readme = "Extra certificate authorities, *.crt in PEM.\n";
    files.push(("ca/README.md", readme, 0o644));
    if let Some(certificates) = &sources.ca_certificates {
        files.push(("ca/extra.crt", certificates, 0o644));
    }
    tarball(files)
}

/// A tar archive of `files`: name, contents, mode.
pub(super) fn tarball(files: Vec<(&str, &str, u32)>) -> Result<Bytes, BackendError> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, contents, mode) in files {
        append(&mut archive, name, contents, mode)?;
    }
    let bytes = archive.into_inner().map_err(not_packed)?;
    Ok(bytes.into())
}

fn append(
    archive: &mut tar::Builder<Vec<u8>>,
    name: &str,
    contents: &str,
    mode: u32,
) -> Result<(), BackendError> {
    let mut header = tar::Header::new_ustar();
    header.set_mode(mode);
    header.set_size(contents.len() as u64);
    archive
        .append_data(&mut header, name, contents.as_bytes())
        .map_err(not_packed)
}

fn not_packed(error: io::Error) -> BackendError {
    let message = format!("the build context could not be packed: {error}");
    BackendError::new(BackendErrorKind::Failed, message).caused_by(error)
}

/// The Dockerfile's arguments.
pub(super) fn build_args(sources: &ImageSources) -> HashMap<String, String> {
    [
        ("BASE_IMAGE", &sources.base_image),
        ("NPM_REGISTRY", &sources.npm_registry),
        ("APT_MIRROR", &sources.apt_mirror),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)))
    .collect()
}

/// Whether the Dockerfile builds an image for `runtime`: whether it has a stage of that name for one.
pub(super) fn has_target(runtime: &str) -> bool {
    RUNTIMES.contains(&runtime)
}

/// Digest of everything that an image for `runtime` is built from: the value of
/// [`BUILD_HASH_LABEL`](crate::BUILD_HASH_LABEL).
pub(super) fn digest(runtime: &str, sources: &ImageSources) -> String {
    let mut hasher = Sha256::new();
    let mut add = |text: &str| {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    add(runtime);
    for (name, contents, _) in FILES {
        add(name);
        add(contents);
    }
    for source in [
        &sources.base_image,
        &sources.npm_registry,
        &sources.apt_mirror,
        &sources.ca_certificates,
    ] {
        add(source.as_deref().unwrap_or_default());
    }
    hex::encode(hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dockerfile_has_a_stage_for_each_runtime() {
        let (_, dockerfile, _) = FILES[0];
        for runtime in RUNTIMES {
            let stage = format!(" AS {runtime}\n");
            assert!(dockerfile.contains(&stage), "{runtime}");
        }
        assert!(!has_target("base") && !has_target("ruby"));
    }

    #[test]
    fn digest_depends_on_the_runtime_and_on_every_source() {
        let plain = ImageSources::default();
        let text = || Some("x".to_owned());
        let all = [
            digest("python", &plain),
            digest("node", &plain),
            digest(
                "python",
                &ImageSources {
                    base_image: text(),
                    ..plain.clone()
                },
            ),
            digest(
                "python",
                &ImageSources {
                    npm_registry: text(),
                    ..plain.clone()
                },
            ),
            digest(
                "python",
                &ImageSources {
                    apt_mirror: text(),
                    ..plain.clone()
                },
            ),
            digest(
                "python",
                &ImageSources {
                    ca_certificates: text(),
                    ..plain.clone()
                },
            ),
        ];
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn archive_holds_the_certificates() {
        let sources = ImageSources {
            ca_certificates: Some("PEM".into()),
            ..ImageSources::default()
        };
        let bytes = archive(&sources).unwrap();
        let names: Vec<_> = tar::Archive::new(&bytes[..])
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .collect();
        assert!(names.contains(&"ca/extra.crt".to_owned()));
        assert!(names.contains(&"Dockerfile".to_owned()));
    }
}
