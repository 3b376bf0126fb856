//! The coding agent: the packages that `docker/agent/package-lock.json` pins, where npm puts them.
//!
//! The image gets them by `npm ci` from the same file. Here they are unpacked without npm, which this machine may lack.

use std::{collections::BTreeMap, sync::LazyLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

use crate::{
    Pin,
    recipe::{Part, Recipe},
};

/// Name of the runtime.
pub(crate) const NAME: &str = "agent";

const LOCK: &str = include_str!("../../../docker/agent/package-lock.json");

/// The package of the agent itself.
const AGENT: &str = "node_modules/@earendil-works/pi-coding-agent";

/// Where the packages go, as in the image.
const FOLDER: &str = "lib/pi";

/// What npm calls this machine's architecture.
const ARCHITECTURE: &str = match std::env::consts::ARCH.as_bytes() {
    b"x86_64" => "x64",
    b"aarch64" => "arm64",
    _ => "",
};

/// The parts of npm's lock file that are used. See package-lock-json(5) of npm.
#[derive(Deserialize)]
struct Lock {
    #[serde(borrow)]
    packages: BTreeMap<&'static str, Package>,
}

#[derive(Deserialize)]
struct Package {
    #[serde(default)]
    version: &'static str,
    /// Its digest; nothing for the project itself.
    integrity: Option<&'static str>,
    /// Its programs: names and files.
    #[serde(default, borrow)]
    bin: BTreeMap<&'static str, &'static str>,
    /// The systems and architectures that it is for, where it is not for all.
    #[serde(borrow)]
    os: Option<Vec<&'static str>>,
    #[serde(borrow)]
    cpu: Option<Vec<&'static str>>,
}

/// What the lock file says for one architecture.
struct Agent {
    pins: BTreeMap<&'static str, Pin>,
    recipe: Recipe,
}

static HERE: LazyLock<Agent> = LazyLock::new(|| of(ARCHITECTURE));

/// The packages, unpacked, and the links to their programs.
pub(crate) fn recipe() -> &'static Recipe {
    &HERE.recipe
}

/// The pin of a package by its place in the lock file, or of the agent itself by [`NAME`].
pub(crate) fn pin(name: &str) -> Option<&'static Pin> {
    HERE.pins.get(if name == NAME { AGENT } else { name })
}

/// Every text that is made here stays: it is made once for each program.
fn of(architecture: &str) -> Agent {
    let lock: Lock = serde_json::from_str(LOCK).unwrap_or(Lock {
        packages: BTreeMap::new(),
    });
    let mut pins = BTreeMap::new();
    let mut parts = Vec::new();
    let mut links = Vec::new();
    for (&place, package) in &lock.packages {
        let Some(sha512) = package.integrity.and_then(hex_of) else {
            continue;
        };
        if !package.is_for(architecture) {
            continue;
        }
        let (above, name) = place.rsplit_once("node_modules/").unwrap_or(("", place));
        let short = name.rsplit('/').next().unwrap_or(name);
        let version = package.version;
        let pin = Pin {
            version,
            tarball: format!("{name}/-/{short}-{version}.tgz").leak(),
            sha512: sha512.leak(),
        };
        pins.insert(place, pin);
        let folder: &str = format!("{FOLDER}/{place}/").leak();
        let mut programs: Vec<&str> = Vec::new();
        for (program, file) in &package.bin {
            let file = file.trim_start_matches("./");
            programs.push(format!("{folder}{file}").leak());
            let link: &str = format!("{FOLDER}/{above}node_modules/.bin/{program}").leak();
            let to: &str = format!("../{name}/{file}").leak();
            links.push((link, to));
        }
        parts.push(Part {
            pin: place,
            rules: vec![("", Some(folder))].leak(),
            programs: programs.leak(),
        });
    }
    links.push(("bin/pi", "../lib/pi/node_modules/.bin/pi"));
    let recipe = Recipe {
        runtime: NAME,
        program: "bin/pi",
        parts: parts.leak(),
        links: links.leak(),
        lines: &[],
    };
    Agent { pins, recipe }
}

impl Package {
    /// Whether it is for Linux on this architecture.
    fn is_for(&self, architecture: &str) -> bool {
        let has =
            |list: &Option<Vec<&str>>, word| list.as_ref().is_none_or(|list| list.contains(&word));
        has(&self.os, "linux") && has(&self.cpu, architecture)
    }
}

/// A digest of the registry in hex; `None` when it is no SHA-512.
fn hex_of(integrity: &str) -> Option<String> {
    let digest = integrity.strip_prefix("sha512-")?;
    Some(hex::encode(STANDARD.decode(digest).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_of_the_lock_file_is_pinned_for_both_architectures() {
        let lock: Lock = serde_json::from_str(LOCK).unwrap();
        for architecture in ["x64", "arm64"] {
            let agent = of(architecture);
            assert_eq!(agent.pins.len(), agent.recipe.parts.len());
            for (place, package) in &lock.packages {
                let is_wanted = !place.is_empty() && package.is_for(architecture);
                assert_eq!(agent.pins.contains_key(place), is_wanted, "{place}");
            }
            for pin in agent.pins.values() {
                assert_eq!(pin.sha512.len(), 128, "{pin:?}");
            }
            let native = format!("node_modules/@esbuild/linux-{architecture}");
            assert!(agent.pins.contains_key(&*native));
        }
    }

    #[test]
    fn packages_and_programs_go_where_npm_puts_them() {
        let agent = of("x64");
        let pin = &agent.pins[AGENT];
        let end = format!("/-/pi-coding-agent-{}.tgz", pin.version);
        assert_eq!(pin.tarball, format!("@earendil-works/pi-coding-agent{end}"));
        let find = |place| agent.recipe.parts.iter().find(|part| part.pin == place);
        let part = find(AGENT).unwrap();
        let place = part.place("dist/cli.js").unwrap();
        assert_eq!(place, format!("{FOLDER}/{AGENT}/dist/cli.js"));
        let nested = "node_modules/proper-lockfile/node_modules/retry";
        assert!(find(nested).is_some());
        assert!(agent.pins[nested].tarball.starts_with("retry/-/retry-"));
        let (_, to) = agent
            .recipe
            .links
            .iter()
            .find(|(link, _)| *link == "lib/pi/node_modules/.bin/pi")
            .unwrap();
        let program = to.strip_prefix("../").unwrap();
        assert!(
            part.is_program(&format!("{FOLDER}/node_modules/{program}")),
            "{to}"
        );
    }
}
