//! Docker's contexts, as its own client stores them: one folder for each, named after its digest.

use std::{fs, io, path::Path};

use serde::{Deserialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use super::{AddressError, TlsFiles};

/// The name of the context that stands for no context.
const DEFAULT: &str = "default";

/// A stored context.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Context {
    /// What messages call it.
    pub(super) setting: String,
    /// The address in it.
    pub(super) host: String,
    pub(super) tls: Option<TlsFiles>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    current_context: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Meta {
    endpoints: Endpoints,
}

#[derive(Deserialize)]
struct Endpoints {
    docker: Option<DockerEndpoint>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerEndpoint {
    host: Option<String>,
}

/// The current context: `named` (`DOCKER_CONTEXT`), else the one in the configuration of Docker's client.
/// `None` when that is the default one. A context that does not exist is an error.
pub(super) fn current(
    dir: Option<&Path>,
    named: Option<&str>,
) -> Result<Option<Context>, AddressError> {
    let (name, setting) = match (named, dir) {
        (Some(name), _) => (Some(name.to_owned()), "DOCKER_CONTEXT".to_owned()),
        (None, Some(dir)) => {
            let path = dir.join("config.json");
            let config: Option<Config> = match read(&path) {
                // Docker's client does without a configuration that it may not read.
                Err(AddressError::Unreadable { denied: true, .. }) => None,
                config => config?,
            };
            let name = config.and_then(|config| config.current_context);
            (name, format!("currentContext in {}", path.display()))
        }
        (None, None) => return Ok(None),
    };
    let Some(name) = name.filter(|name| !name.is_empty() && name != DEFAULT) else {
        return Ok(None);
    };
    stored(dir, &name, &setting).map(Some)
}

fn stored(dir: Option<&Path>, name: &str, setting: &str) -> Result<Context, AddressError> {
    let missing = || AddressError::NoContext {
        name: name.to_owned(),
        setting: setting.to_owned(),
    };
    let dir = dir.ok_or_else(missing)?.join("contexts");
    let digest = hex::encode(Sha256::digest(name.as_bytes()));
    let path = dir.join("meta").join(&digest).join("meta.json");
    let meta: Meta = read(&path)?.ok_or_else(missing)?;
    let host = meta.endpoints.docker.and_then(|docker| docker.host);
    let host = host.filter(|host| !host.is_empty());
    Ok(Context {
        setting: format!("Docker context {name:?}"),
        host: host.ok_or_else(|| AddressError::Unreadable {
            path,
            reason: "it has no address of a Docker daemon".to_owned(),
            denied: false,
        })?,
        tls: TlsFiles::in_dir(&dir.join("tls").join(&digest).join("docker")),
    })
}

/// The contents of a JSON file. `None` when there is no such file.
fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, AddressError> {
    let unreadable = |reason: String, denied| AddressError::Unreadable {
        path: path.to_owned(),
        reason,
        denied,
    };
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text)
            .map(Some)
            .map_err(|error| unreadable(error.to_string(), false)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            let denied = error.kind() == io::ErrorKind::PermissionDenied;
            Err(unreadable(error.to_string(), denied))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder like `~/.docker` with one context.
    fn store(name: &str, meta: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let digest = hex::encode(Sha256::digest(name.as_bytes()));
        let folder = dir.path().join("contexts/meta").join(digest);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("meta.json"), meta).unwrap();
        dir
    }

    fn choose(dir: &Path, name: &str) {
        let text = serde_json::json!({ "currentContext": name }).to_string();
        fs::write(dir.join("config.json"), text).unwrap();
    }

    #[test]
    fn the_folder_has_the_digest_that_docker_gives_it() {
        let digest = "fe9c6bd7a66301f49ca9b6a70b217107cd1284598bfc254700c989b916da791e";
        assert_eq!(hex::encode(Sha256::digest(b"desktop-linux")), digest);
    }

    #[test]
    fn the_current_context_is_found() {
        let meta = r#"{"Name":"far","Endpoints":{"docker":{"Host":"unix:///x.sock"}}}"#;
        let dir = store("far", meta);
        assert_eq!(current(Some(dir.path()), None), Ok(None));
        let host = |named| {
            let context = current(Some(dir.path()), named).unwrap();
            context.map(|context| context.host)
        };
        assert_eq!(host(Some("far")).as_deref(), Some("unix:///x.sock"));
        choose(dir.path(), "far");
        assert_eq!(host(None).as_deref(), Some("unix:///x.sock"));
        assert_eq!(host(Some("default")), None);
        choose(dir.path(), "default");
        assert_eq!(host(None), None);
    }

    #[test]
    fn a_context_that_does_not_exist_is_an_error_that_names_it() {
        let dir = store("far", "{}");
        let error = |dir: Option<&Path>, named| current(dir, named).unwrap_err().to_string();
        for dir in [Some(dir.path()), None] {
            assert!(
                error(dir, Some("fra"))
                    .starts_with("There is no Docker context \"fra\" (DOCKER_CONTEXT).")
            );
        }
        choose(dir.path(), "gone");
        let text = error(Some(dir.path()), None);
        let start = "There is no Docker context \"gone\" (currentContext in ";
        assert!(text.starts_with(start), "{text}");
    }

    #[test]
    fn a_context_that_says_nothing_usable_is_an_error_that_names_the_file() {
        for meta in [
            "nonsense",
            r#"{"Endpoints":{}}"#,
            r#"{"Endpoints":{"docker":{"Host":""}}}"#,
        ] {
            let dir = store("far", meta);
            let error = current(Some(dir.path()), Some("far")).unwrap_err();
            assert!(error.to_string().contains("meta.json"), "{error}");
        }
        let dir = store("far", "{}");
        fs::write(dir.path().join("config.json"), "{").unwrap();
        let error = current(Some(dir.path()), None).unwrap_err().to_string();
        assert!(error.contains("config.json"), "{error}");
    }
}
