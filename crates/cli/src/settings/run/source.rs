//! Where a program comes from, and which runtime it is for.

use std::path::{Path, PathBuf};

use isol8_engine::runtime::{Registry, RuntimeSpec};
use url::Url;

use super::web_address;
use crate::{args::RunArgs, failure::Failure};

/// Where a program comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ProgramSource {
    /// A command line for bash.
    Command(String),
    /// An address that the engine fetches it from.
    Url(Url),
    /// The command line.
    Text(String),
    /// A file.
    File(PathBuf),
    /// This command's standard input.
    Stdin,
}

impl ProgramSource {
    /// The source that these arguments name. Fails where they name several that exclude each other.
    pub(super) fn of(args: &RunArgs) -> Result<Self, Failure> {
        let usage = |text: &str| Err(Failure::Usage(text.to_owned()));
        let urls = [&args.url, &args.github, &args.gist];
        let fetched = urls.iter().filter(|flag| flag.is_some()).count();
        let here = args.file.is_some() || args.eval.is_some();
        if let Some(command) = &args.cmd {
            if here || fetched > 0 {
                return usage(
                    "--cmd cannot be combined with file input, --eval, --url, --github, or --gist.",
                );
            }
            return Ok(Self::Command(command.clone()));
        }
        if fetched > 0 && here {
            return usage("--url/--github/--gist cannot be used with file input or --eval.");
        }
        if fetched > 1 {
            return usage("--url, --github and --gist exclude each other.");
        }
        if let Some(url) = &args.url {
            return web_address("--url", url).map(Self::Url);
        }
        if let Some(path) = &args.github {
            return github(path).map(Self::Url);
        }
        if let Some(path) = &args.gist {
            return gist(path).map(Self::Url);
        }
        if args.eval.is_some() && args.file.is_some() {
            return usage("--eval cannot be combined with file input.");
        }
        if let Some(text) = &args.eval {
            return Ok(Self::Text(text.clone()));
        }
        let file = args.file.clone().filter(|file| file.as_os_str() != "-");
        Ok(file.map_or(Self::Stdin, Self::File))
    }

    /// The runtime: `chosen`, else that of the source.
    pub(super) fn runtime<'a>(
        &self,
        chosen: Option<&str>,
        registry: &'a Registry,
    ) -> Result<&'a RuntimeSpec, Failure> {
        let detected = |name: &str, failure: String| {
            registry.detect(name).map_err(|_| Failure::Usage(failure))
        };
        let named = |name: &str| {
            registry
                .get(name)
                .map_err(|error| Failure::Usage(error.to_string()))
        };
        match (chosen, self) {
            (Some(name), _) => named(name),
            (None, Self::Command(_)) => named("bash"),
            (None, Self::Text(_) | Self::Stdin) => named("python"),
            (None, Self::Url(url)) => detected(
                url.path(),
                "Cannot detect runtime from URL path. Use --runtime to specify.".to_owned(),
            ),
            (None, Self::File(file)) => {
                // For a missing file this error is more useful than one about its extension.
                if !file.exists() {
                    return Err(Failure::Usage(format!(
                        "File not found: {}",
                        file.display()
                    )));
                }
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                let failure = format!(
                    "Cannot detect runtime for {}. Use --runtime to specify.",
                    file.display()
                );
                detected(&name, failure)
            }
        }
    }

    /// The address that the engine fetches the program from.
    pub(super) fn url(&self) -> Option<&str> {
        match self {
            Self::Url(url) => Some(url.as_str()),
            _ => None,
        }
    }

    /// The extension of the program's file, with its dot, where it has one.
    pub(super) fn extension(&self) -> Option<String> {
        let Self::File(file) = self else { return None };
        let extension = file.extension()?.to_str()?;
        Some(format!(".{extension}"))
    }
}

/// The address of `owner/repo/ref/path` on GitHub.
fn github(path: &str) -> Result<Url, Failure> {
    let parts: Vec<&str> = path.split('/').collect();
    if parts.len() < 4 || parts.iter().any(|part| is_no_name(part)) {
        return Err(Failure::Usage(
            "--github format must be owner/repo/ref/path/to/file".to_owned(),
        ));
    }
    below("https://raw.githubusercontent.com", &parts)
}

/// The address of `gistId/file` on GitHub.
fn gist(path: &str) -> Result<Url, Failure> {
    let parts: Vec<&str> = path.split('/').collect();
    let [id, file] = parts[..] else {
        return Err(no_gist());
    };
    if is_no_name(id) || is_no_name(file) || Path::new(file).extension().is_none() {
        return Err(no_gist());
    }
    below("https://gist.githubusercontent.com/raw", &[id, file])
}

fn no_gist() -> Failure {
    Failure::Usage("--gist format must be gistId/file.ext".to_owned())
}

/// Whether a part of a path would lead elsewhere.
fn is_no_name(part: &str) -> bool {
    matches!(part, "" | "." | "..")
}

fn below(base: &str, parts: &[&str]) -> Result<Url, Failure> {
    let mut url = web_address("--github", base)?;
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(parts);
    }
    Ok(url)
}
