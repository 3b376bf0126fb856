//! Finding, reading and merging the configuration file.

use std::{
    fmt, fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use serde_json::Value;
use serde_path_to_error::Segment;

use super::Config;
use crate::wording::in_words;

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
        let cause = in_words(&error.to_string());
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
            return Err(malformed(format!("{}: {cause}", keys.join("."))));
        }
        let removed = remove(&mut value, &keys);
        if !removed {
            return Err(malformed(cause));
        }
        warnings.push(warning(keys.join("."), ConfigProblem::WrongType(cause)));
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
mod tests;
