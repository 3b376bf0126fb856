//! Finding, reading and merging the configuration file.

use std::{
    fmt, fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use serde_json::Value;
use serde_path_to_error::Segment;

use super::Config;

/// Name of the file in the working directory.
pub const CONFIG_FILE: &str = "isol8.config.json";

/// Where the file is in a home directory.
const HOME_CONFIG_FILE: &str = ".isol8/config.json";

/// The only key of the file itself whose value is a list.
const LIST_KEY: &str = "prebuiltImages";

/// Keys whose values are walls. A file with a wrong one is not used: the defaults let more through.
const WALL_KEYS: [&str; 6] = [
    "backend",
    "limits",
    "requestLimits",
    "installRegistries",
    "server",
    "tenants",
];

/// Largest configuration file in bytes.
pub const MAX_CONFIG_BYTES: u64 = 1024 * 1024;

/// A configuration and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedConfig {
    /// Complete: what the file does not say is as by default.
    pub config: Config,
    /// Where it came from.
    pub source: ConfigSource,
    /// What in the file was not used. Never silently dropped: callers show these.
    pub warnings: Vec<ConfigWarning>,
}

/// Where a configuration came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigSource {
    /// There is no file.
    Defaults,
    /// This file.
    File(PathBuf),
}

/// A part of a configuration file that was not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigWarning {
    /// The file.
    pub file: PathBuf,
    /// Keys that lead to the part, joined by dots.
    pub path: String,
    /// What is wrong with it.
    pub problem: ConfigProblem,
}

/// What is wrong with a part of a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigProblem {
    /// No such setting exists.
    UnknownKey,
    /// The value cannot be that of this setting; the default is used.
    WrongType(String),
}

impl fmt::Display for ConfigWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            path,
            problem,
        } = self;
        match problem {
            ConfigProblem::UnknownKey => write!(f, "{}: unknown key \"{path}\"", file.display()),
            ConfigProblem::WrongType(cause) => {
                write!(f, "{}: \"{path}\" is ignored: {cause}", file.display())
            }
        }
    }
}

/// A configuration file that cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is there but cannot be read.
    #[error("Failed to read config {}: {cause}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The cause.
        #[source]
        cause: io::Error,
    },
    /// It is no JSON object.
    #[error("Invalid config {}: {cause}", file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// Line, column and cause.
        cause: String,
    },
}

/// The configuration for programs that run in `cwd`: of its `isol8.config.json`, else of
/// `~/.isol8/config.json`, else the defaults.
pub fn load_config(cwd: &Path) -> Result<LoadedConfig, ConfigError> {
    load_config_from(cwd, std::env::home_dir().as_deref())
}

/// Like [`load_config`] with the home directory given.
pub fn load_config_from(cwd: &Path, home: Option<&Path>) -> Result<LoadedConfig, ConfigError> {
    let in_home = home.map(|home| home.join(HOME_CONFIG_FILE));
    for file in [Some(cwd.join(CONFIG_FILE)), in_home].into_iter().flatten() {
        let text = match read(&file) {
            Ok(text) => text,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => continue,
            Err(cause) => return Err(ConfigError::Unreadable { file, cause }),
        };
        let (config, warnings) = parse(&file, &text)?;
        return Ok(LoadedConfig {
            config,
            source: ConfigSource::File(file),
            warnings,
        });
    }
    let config = Config::default();
    Ok(LoadedConfig {
        config,
        source: ConfigSource::Defaults,
        warnings: Vec::new(),
    })
}

fn read(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(file)?
        .take(MAX_CONFIG_BYTES + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > MAX_CONFIG_BYTES {
        return Err(io::Error::other(format!(
            "it is larger than {MAX_CONFIG_BYTES} bytes"
        )));
    }
    Ok(text)
}

/// Sections are merged because each is a struct with its own defaults; arrays are values.
fn parse(file: &Path, text: &str) -> Result<(Config, Vec<ConfigWarning>), ConfigError> {
    let malformed = |cause: String| ConfigError::Malformed {
        file: file.to_owned(),
        cause,
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut value: Value =
        serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
    let Some(keys) = value.as_object_mut() else {
        return Err(malformed("it must be a JSON object".to_owned()));
    };
    let warning = |path, problem| ConfigWarning {
        file: file.to_owned(),
        path,
        problem,
    };
    let mut warnings = Vec::new();
    // serde would read a list as the fields of a section, in order.
    keys.retain(|key, given| {
        let misplaced = given.is_array() && key != LIST_KEY && !WALL_KEYS.contains(&key.as_str());
        if misplaced {
            let cause = "invalid type: a list".to_owned();
            warnings.push(warning(key.clone(), ConfigProblem::WrongType(cause)));
        }
        !misplaced
    });
    // Each round removes one value, so that there are no more rounds than values.
    loop {
        let mut unknown = Vec::new();
        let mut track = serde_path_to_error::Track::new();
        let tracked = serde_path_to_error::Deserializer::new(&value, &mut track);
        let parsed: Result<Config, _> =
            serde_ignored::deserialize(tracked, |path| unknown.push(path.to_string()));
        let error = match parsed {
            Ok(config) => {
                let unknown = unknown
                    .into_iter()
                    .map(|path| warning(path, ConfigProblem::UnknownKey));
                warnings.extend(unknown);
                return Ok((config, warnings));
            }
            Err(error) => error,
        };
        let keys: Vec<String> = track
            .path()
            .iter()
            .map_while(|segment| match segment {
                Segment::Map { key } => Some(key.clone()),
                _ => None,
            })
            .collect();
        if keys
            .first()
            .is_some_and(|key| WALL_KEYS.contains(&key.as_str()))
        {
            return Err(malformed(format!("{}: {error}", keys.join("."))));
        }
        let removed = remove(&mut value, &keys);
        if !removed {
            return Err(malformed(error.to_string()));
        }
        warnings.push(warning(
            keys.join("."),
            ConfigProblem::WrongType(error.to_string()),
        ));
    }
}

/// Removes the value at `keys` from nested objects; false when there is none.
fn remove(value: &mut Value, keys: &[String]) -> bool {
    let Some((last, parents)) = keys.split_last() else {
        return false;
    };
    let mut at = value;
    for key in parents {
        match at.get_mut(key) {
            Some(next) => at = next,
            None => return false,
        }
    }
    at.as_object_mut()
        .is_some_and(|object| object.remove(last).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::PoolSizeConfig, options::NetworkMode};

    fn parsed(text: &str) -> (Config, Vec<String>) {
        let (config, warnings) = parse(Path::new("f.json"), text).unwrap();
        (config, warnings.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_first_file_found_is_used() {
        let (cwd, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let load = || load_config_from(cwd.path(), Some(home.path())).unwrap();
        assert_eq!(
            (load().source, load().config),
            (ConfigSource::Defaults, Config::default())
        );

        let in_home = home.path().join(HOME_CONFIG_FILE);
        fs::create_dir(home.path().join(".isol8")).unwrap();
        fs::write(&in_home, r#"{"maxConcurrent": 2, "debug": true}"#).unwrap();
        assert_eq!(
            (load().source, load().config.max_concurrent),
            (ConfigSource::File(in_home), 2)
        );

        let in_cwd = cwd.path().join(CONFIG_FILE);
        fs::write(&in_cwd, r#"{"maxConcurrent": 3}"#).unwrap();
        let loaded = load();
        assert_eq!(loaded.source, ConfigSource::File(in_cwd));
        assert_eq!(
            (loaded.config.max_concurrent, loaded.config.debug),
            (3, false)
        );
    }

    #[test]
    fn sections_are_merged_and_arrays_replaced() {
        let (config, warnings) = parsed(
            r#"{"$schema": "x", "defaults": {"network": "filtered"}, "poolSize": {"clean": 5},
                "network": {"whitelist": ["a"]}, "remoteCode": {"blockedHosts": ["b"]}}"#,
        );
        assert!(warnings.is_empty());
        assert_eq!(config.defaults.network, NetworkMode::Filtered);
        assert_eq!(config.defaults.timeout_ms, 30_000);
        assert_eq!(
            config.pool_size,
            PoolSizeConfig::Each { clean: 5, dirty: 1 }
        );
        assert_eq!(config.network.whitelist, ["a"]);
        assert_eq!(config.remote_code.blocked_hosts, ["b"]);
        assert_eq!(config.remote_code.allowed_schemes, ["https"]);
    }

    #[test]
    fn what_is_not_used_is_told_with_its_path() {
        let (config, warnings) = parsed(
            r#"{"timeoutMs": 1, "defaults": {"timeoutMS": 1, "cpuLimit": "2", "timeoutMs": -1},
                "security": {"seccomp": "off"}, "prebuiltImages": [{"tag": 1, "runtime": "bash"}],
                "network": [["a"]], "poolSize": {"clen": 2}, "debug": true}"#,
        );
        assert_eq!(
            config,
            Config {
                debug: true,
                ..Config::default()
            },
            "the rest of the file is used"
        );
        let paths: Vec<_> = warnings
            .iter()
            .filter_map(|text| text.split('"').nth(1))
            .collect();
        let mut sorted = paths.clone();
        sorted.sort_unstable();
        assert_eq!(
            sorted,
            [
                "defaults.cpuLimit",
                "defaults.timeoutMS",
                "defaults.timeoutMs",
                "network",
                "poolSize",
                "prebuiltImages",
                "security.seccomp",
                "timeoutMs"
            ]
        );
        assert!(
            warnings.contains(&"f.json: unknown key \"timeoutMs\"".to_owned()),
            "{warnings:?}"
        );
        let wrong = "f.json: \"defaults.cpuLimit\" is ignored: invalid type: string \"2\", \
                     expected f64";
        assert!(warnings.contains(&wrong.to_owned()), "{warnings:?}");
    }

    #[test]
    fn a_wrong_wall_is_an_error_that_names_it() {
        for (limits, message) in [
            (
                r#"{"files": {"maxCont": 1}}"#,
                "requestLimits.files.maxCont: unknown field",
            ),
            (
                r#"{"env": {"maxBytes": "1"}}"#,
                "requestLimits.env.maxBytes: invalid type",
            ),
            (r#""open""#, "requestLimits: unknown variant"),
            ("[]", "requestLimits: invalid type"),
        ] {
            let text = format!(r#"{{"debug": true, "requestLimits": {limits}}}"#);
            let error = parse(Path::new("f.json"), &text).unwrap_err().to_string();
            let message = format!("Invalid config f.json: {message}");
            assert!(error.starts_with(&message), "{error}");
        }
        let text = r#"{"tenants": {"all": {"maxSession": 1}}}"#;
        assert!(parse(Path::new("f.json"), text).is_err());
        for key in ["backend", "limits"] {
            let text = format!(r#"{{"{key}": "none"}}"#);
            let error = parse(Path::new("f.json"), &text).unwrap_err().to_string();
            let message = format!("Invalid config f.json: {key}: unknown variant `none`");
            assert!(error.starts_with(&message), "{error}");
        }
        let text = r#"{"installRegistries": {"pyton": []}}"#;
        assert!(parse(Path::new("f.json"), text).is_err());
    }

    #[test]
    fn a_file_that_is_no_object_is_an_error_that_names_it() {
        for text in ["", "[]", "{\"a\": ", "null"] {
            let error = parse(Path::new("f.json"), text).unwrap_err().to_string();
            assert!(error.starts_with("Invalid config f.json: "), "{error}");
        }
        let cwd = tempfile::tempdir().unwrap();
        fs::create_dir(cwd.path().join(CONFIG_FILE)).unwrap();
        let error = load_config_from(cwd.path(), None).unwrap_err().to_string();
        assert!(error.starts_with("Failed to read config "), "{error}");
    }

    #[test]
    fn a_file_without_end_is_not_read_to_its_end() {
        let cwd = tempfile::tempdir().unwrap();
        let file = fs::File::create(cwd.path().join(CONFIG_FILE)).unwrap();
        file.set_len(MAX_CONFIG_BYTES * 64).unwrap();
        let error = load_config_from(cwd.path(), None).unwrap_err().to_string();
        assert!(error.contains("larger than 1048576 bytes"), "{error}");
    }

    #[test]
    fn a_password_is_not_printed() {
        let (config, _) = parsed(r#"{"auth": {"connectionString": "postgres://a:hunter2@b/c"}}"#);
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
