//! Modules that parked interpreters import ahead of their programs.

use std::collections::BTreeMap;

use super::OptionError;

/// Most modules that are imported ahead in one runtime.
pub const MAX_PRELOADED: usize = 64;

/// Longest name of such a module in bytes.
const MAX_NAME_BYTES: usize = 256;

/// Runtimes whose interpreters can import anything ahead.
const RUNTIMES: [(&str, &str, &str); 4] = [
    (
        "python",
        "preload.python",
        "the name of a module, such as \"pandas\" or \"concurrent.futures\"",
    ),
    ("node", "preload.node", SPECIFIER),
    ("bun", "preload.bun", SPECIFIER),
    ("deno", "preload.deno", SPECIFIER),
];

const SPECIFIER: &str = "what a program would import, such as \"lodash\" or \"node:crypto\"";

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
        let mut lists = BTreeMap::new();
        for (runtime, mut names) in raw {
            let known = RUNTIMES.iter().find(|(name, ..)| *name == runtime);
            let Some((runtime, option, rule)) = known else {
                return Err(OptionError::Choice {
                    option: "preload",
                    value: runtime,
                    expected: "python, node, bun, deno",
                });
            };
            let accepts = if *runtime == "python" {
                is_python_module
            } else {
                is_specifier
            };
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

/// A dotted name, as after `import`.
fn is_python_module(name: &str) -> bool {
    name.split('.').all(|part| {
        let mut letters = part.chars();
        letters
            .next()
            .is_some_and(|first| first.is_alphabetic() || first == '_')
            && letters.all(|letter| letter.is_alphanumeric() || letter == '_')
    })
}

/// A package, a built-in module, an absolute path or a URL. A relative path would be one of the
/// program's own files, of which there are none yet.
fn is_specifier(name: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_graphic() && !matches!(letter, '"' | '\'' | '\\');
    !name.is_empty() && !name.starts_with(['.', '-']) && name.chars().all(plain)
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
        for name in ["", ".a", "a.", "a..b", "1a", "a b", "a-b", "a\0"] {
            assert!(!is_python_module(name), "{name:?}");
        }
        for name in ["", "--eval", "a b", "a\nb", "a\"b", "../x"] {
            assert!(!is_specifier(name), "{name:?}");
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
