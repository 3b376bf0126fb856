//! Modules that parked interpreters import ahead of their programs.

use std::collections::BTreeMap;

use super::OptionError;
use crate::runtime::{PreloadName, Registry, RuntimeSpec};

/// Most modules that are imported ahead in one runtime.
pub const MAX_PRELOADED: usize = 64;

/// Longest name of such a module in bytes.
const MAX_NAME_BYTES: usize = 256;

/// The option of each runtime that has one.
const OPTIONS: [&str; 4] = [
    "preload.python",
    "preload.node",
    "preload.bun",
    "preload.deno",
];

/// Names of modules by runtime; every one of them is acceptable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preload(BTreeMap<&'static str, Vec<String>>);

impl Preload {
    /// The modules of `runtime`.
    #[must_use]
    pub fn of(&self, runtime: &str) -> &[String] {
        self.0.get(runtime).map_or(&[], Vec::as_slice)
    }

    /// The runtimes that are named, also with an empty list.
    pub fn runtimes(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }

    /// Takes over the lists of `newer`, for the runtimes that it names.
    pub fn update(&mut self, newer: &Self) {
        self.0.extend(newer.0.clone());
    }
}

impl TryFrom<BTreeMap<String, Vec<String>>> for Preload {
    type Error = OptionError;

    fn try_from(raw: BTreeMap<String, Vec<String>>) -> Result<Self, OptionError> {
        let registry = Registry::default();
        let mut lists = BTreeMap::new();
        for (runtime, mut names) in raw {
            let Ok(RuntimeSpec {
                name: runtime,
                preload_name: Some(PreloadName { accepts, rule }),
                ..
            }) = registry.get(&runtime)
            else {
                return Err(OptionError::Choice {
                    option: "preload",
                    value: runtime,
                    expected: "python, node, bun, deno",
                });
            };
            let option = OPTIONS
                .iter()
                .find(|option| option.ends_with(runtime))
                .copied()
                .unwrap_or("preload");
            let short = |name: &String| name.len() <= MAX_NAME_BYTES;
            if let Some(wrong) = names.iter().find(|name| !(short(name) && accepts(name))) {
                return Err(OptionError::Text {
                    option,
                    value: wrong.clone(),
                    rule,
                });
            }
            if names.len() > MAX_PRELOADED {
                return Err(OptionError::Number {
                    option,
                    value: format!("{} modules", names.len()),
                    rule: "a list of at most 64 modules",
                });
            }
            let mut seen = std::collections::BTreeSet::new();
            names.retain(|name| seen.insert(name.clone()));
            lists.insert(*runtime, names);
        }
        Ok(Self(lists))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preload(json: &str) -> Result<Preload, String> {
        let raw: BTreeMap<String, Vec<String>> = serde_json::from_str(json).unwrap();
        Preload::try_from(raw).map_err(|error| error.to_string())
    }

    #[test]
    fn names_are_kept_in_order_and_once() {
        let preload = preload(
            r#"{"python": ["pandas", "os.path", "pandas", "_x1"],
                "node": ["node:fs", "@a/b", "/opt/x.js"]}"#,
        )
        .unwrap();
        assert_eq!(preload.of("python"), ["pandas", "os.path", "_x1"]);
        assert_eq!(preload.of("node"), ["node:fs", "@a/b", "/opt/x.js"]);
        assert!(preload.of("bun").is_empty());
    }

    #[test]
    fn a_refused_name_is_told_with_its_option() {
        for (json, message) in [
            (
                r#"{"python": ["os; x"]}"#,
                "Invalid preload.python: \"os; x\". It must be the name of a module, such as \
                 \"pandas\" or \"concurrent.futures\".",
            ),
            (
                r#"{"node": ["./a.js"]}"#,
                "Invalid preload.node: \"./a.js\". It must be what a program would import, such as \
                 \"lodash\" or \"node:crypto\".",
            ),
            (
                r#"{"bash": ["x"]}"#,
                "Invalid preload: \"bash\". Expected one of: python, node, bun, deno.",
            ),
        ] {
            assert_eq!(preload(json).unwrap_err(), message);
        }
    }

    #[test]
    fn there_is_a_limit() {
        let names: Vec<String> = (0..=MAX_PRELOADED).map(|n| format!("m{n}")).collect();
        let raw = BTreeMap::from([("python".to_owned(), names)]);
        assert_eq!(
            Preload::try_from(raw).unwrap_err().to_string(),
            "Invalid preload.python: 65 modules. It must be a list of at most 64 modules."
        );
        let long = BTreeMap::from([("python".to_owned(), vec!["x".repeat(300)])]);
        assert!(Preload::try_from(long).is_err());
    }
}
