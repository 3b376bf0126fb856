//! The list of runtimes: by name, and by the extension of a file.

use super::{
    RuntimeSpec, agent::AGENT, bash::BASH, bun::BUN, deno::DENO, node::NODE, python::PYTHON,
};

/// Runtimes in the order of their registration, which is the order in messages and the order in
/// which extensions are tried.
#[derive(Debug, Clone)]
pub struct Registry {
    runtimes: Vec<RuntimeSpec>,
}

/// A runtime that nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuntimeError {
    /// None was named.
    #[error("The request names no runtime. Available: {available}")]
    Unnamed {
        /// The names registered.
        available: String,
    },
    /// No runtime has this name.
    #[error("Unknown runtime: \"{name}\". Available: {available}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The names registered.
        available: String,
    },
    /// No runtime has the extension of this file.
    #[error("Cannot detect runtime for \"{filename}\". Known extensions: {extensions}")]
    Undetected {
        /// The file's name.
        filename: String,
        /// The extensions registered.
        extensions: String,
    },
}

impl Default for Registry {
    /// The built-in runtimes.
    fn default() -> Self {
        Self {
            runtimes: vec![PYTHON, NODE, BUN, BASH, DENO, AGENT],
        }
    }
}

impl Registry {
    /// Adds a runtime; one of the same name is replaced where it stands.
    pub fn register(&mut self, runtime: RuntimeSpec) {
        match self
            .runtimes
            .iter_mut()
            .find(|known| known.name == runtime.name)
        {
            Some(known) => *known = runtime,
            None => self.runtimes.push(runtime),
        }
    }

    /// The runtime of this name.
    pub fn get(&self, name: &str) -> Result<&RuntimeSpec, RuntimeError> {
        self.runtimes
            .iter()
            .find(|runtime| runtime.name == name)
            .ok_or_else(|| {
                let available: Vec<_> = self.runtimes.iter().map(|runtime| runtime.name).collect();
                let available = available.join(", ");
                match name {
                    "" => RuntimeError::Unnamed { available },
                    _ => RuntimeError::Unknown {
                        name: name.to_owned(),
                        available,
                    },
                }
            })
    }

    /// The runtime of a file, by its extension.
    pub fn detect(&self, filename: &str) -> Result<&RuntimeSpec, RuntimeError> {
        let matches = |runtime: &&RuntimeSpec| {
            runtime
                .extensions
                .iter()
                .any(|extension| filename.ends_with(extension))
        };
        self.runtimes.iter().find(matches).ok_or_else(|| {
            let extensions: Vec<_> = self
                .runtimes
                .iter()
                .flat_map(|runtime| runtime.extensions)
                .copied()
                .collect();
            RuntimeError::Undetected {
                filename: filename.to_owned(),
                extensions: extensions.join(", "),
            }
        })
    }

    /// The first runtime that runs in this image.
    #[must_use]
    pub fn by_image(&self, image: &str) -> Option<&RuntimeSpec> {
        self.runtimes.iter().find(|runtime| runtime.image == image)
    }

    /// All runtimes, in order.
    #[must_use]
    pub fn list(&self) -> &[RuntimeSpec] {
        &self.runtimes
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Defaults, *};

    #[test]
    fn runtimes_are_found_by_name_and_by_extension() {
        let registry = Registry::default();
        assert_eq!(registry.get("bash").unwrap().image, "isol8:bash");
        for (file, name) in [
            ("a.py", "python"),
            ("a.mjs", "node"),
            ("a.js", "node"),
            ("a.cjs", "node"),
            ("a.ts", "bun"),
            ("a.sh", "bash"),
            ("dir.x/a.mts", "deno"),
            ("prompt.txt", "agent"),
        ] {
            assert_eq!(registry.detect(file).unwrap().name, name, "{file}");
        }
    }

    #[test]
    fn the_built_in_runtimes_are_those_of_the_public_list() {
        let mut built_in: Vec<_> = Registry::default()
            .list()
            .iter()
            .map(|runtime| runtime.name)
            .collect();
        let mut public = isol8_api::runtimes::RUNTIMES;
        built_in.sort_unstable();
        public.sort_unstable();
        assert_eq!(built_in, public);
    }

    #[test]
    fn every_runtime_bakes_the_packages_that_are_its_arguments() {
        for runtime in Registry::default().list() {
            assert!(runtime.bake.contains(" -- \"$@\""), "{}", runtime.name);
        }
    }

    #[test]
    fn the_agent_alone_has_larger_limits_and_needs_a_network() {
        for runtime in Registry::default().list() {
            let Defaults {
                pids,
                sandbox_bytes,
            } = runtime.defaults;
            let expected = if runtime.name == "agent" {
                (200, 2 << 30, true)
            } else {
                (64, 512 << 20, false)
            };
            let actual = (pids, sandbox_bytes, runtime.needs_network);
            assert_eq!(actual, expected, "{}", runtime.name);
        }
    }

    #[test]
    fn what_is_unknown_has_the_public_message() {
        let registry = Registry::default();
        assert_eq!(
            registry.get("ruby").unwrap_err().to_string(),
            "Unknown runtime: \"ruby\". Available: python, node, bun, bash, deno, agent"
        );
        assert_eq!(
            registry.detect("a.rb").unwrap_err().to_string(),
            "Cannot detect runtime for \"a.rb\". Known extensions: \
             .py, .mjs, .js, .cjs, .ts, .sh, .mts, .txt"
        );
    }

    #[test]
    fn a_registered_runtime_replaces_its_namesake() {
        let mut registry = Registry::default();
        let mine = RuntimeSpec {
            image: "mine",
            ..*registry.get("node").unwrap()
        };
        registry.register(mine);
        registry.register(RuntimeSpec {
            name: "ruby",
            ..mine
        });
        assert_eq!(registry.get("node").unwrap().image, "mine");
        assert_eq!(registry.by_image("mine").unwrap().name, "node");
        assert_eq!(registry.list().len(), 7);
        assert!(
            registry
                .get("x")
                .unwrap_err()
                .to_string()
                .ends_with("deno, agent, ruby")
        );
    }
}
