//! The lists of what is pinned, which images are built from as well: `docker/runtimes.lock`, and the packages of the agent.

use std::{collections::HashMap, sync::LazyLock};

use crate::agent;

const LOCK: &str = include_str!("../../../docker/runtimes.lock");

/// This machine's architecture, as the list names it.
const ARCHITECTURE: &str = match std::env::consts::ARCH.as_bytes() {
    b"x86_64" => "amd64",
    b"aarch64" => "arm64",
    _ => "",
};

/// A tarball of the npm registry that is pinned for this machine's architecture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The version of what is in it, such as `24.21.0`.
    pub version: &'static str,
    /// Its path below the registry's address.
    pub tarball: &'static str,
    /// Its SHA-512, in hex.
    pub sha512: &'static str,
}

/// Finds what is pinned by a name.
pub(crate) type Pins = fn(&str) -> Option<&'static Pin>;

/// What is pinned by the name `name`; `None` where nothing is, or nothing for this architecture. The pin of `agent` is
/// the package of the agent itself, without those that it needs.
#[must_use]
pub fn pin(name: &str) -> Option<&'static Pin> {
    static PINS: LazyLock<HashMap<&str, Pin>> = LazyLock::new(|| parse(LOCK, ARCHITECTURE));
    PINS.get(name).or_else(|| agent::pin(name))
}

fn parse<'a>(text: &'static str, architecture: &str) -> HashMap<&'a str, Pin> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let entries = lines.filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let (name, built_for) = (words.next()?, words.next()?);
        let (tarball, sha512) = (words.next()?, words.next()?);
        // The name of a tarball is PACKAGE-VERSION.tgz, and of a package the part behind its scope.
        let (package, file) = tarball.split_once("/-/")?;
        let package = package.rsplit('/').next()?;
        let version = file.strip_prefix(package)?.strip_prefix('-')?;
        let pin = Pin {
            version: version.strip_suffix(".tgz")?,
            tarball,
            sha512,
        };
        (built_for == architecture).then_some((name, pin))
    });
    entries.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_understood_for_both_architectures() {
        let lines = LOCK.lines().filter(|line| !line.starts_with('#')).count();
        let (amd64, arm64) = (parse(LOCK, "amd64"), parse(LOCK, "arm64"));
        assert_eq!(amd64.len() + arm64.len(), lines);
        for pins in [amd64, arm64] {
            for name in ["node", "bun", "deno", "npm"] {
                let pin = &pins[name];
                assert!(pin.version.split('.').count() == 3, "{pin:?}");
                assert_eq!(pin.sha512.len(), 128, "{pin:?}");
            }
        }
    }

    #[test]
    fn what_is_not_pinned_has_no_pin() {
        assert_eq!(pin("python"), None);
        assert!(parse(LOCK, "riscv64").is_empty());
    }
}
