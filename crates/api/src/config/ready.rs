//! What a configuration file may have kept ready: sandboxes, and modules and packages by runtime.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::options::pool_size;

/// Sandboxes kept ready: one number for both, or each by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[serde(untagged)]
pub enum PoolSizeConfig {
    /// As many clean ones as dirty ones.
    Both(#[cfg_attr(test, schemars(range(max = 1000)))] u64),
    /// Each number by itself.
    Each {
        /// Sandboxes ready for use.
        #[cfg_attr(test, schemars(range(max = 1000), default = "one"))]
        clean: u64,
        /// Used sandboxes that wait to be cleaned.
        #[cfg_attr(test, schemars(range(max = 1000), default = "one"))]
        dirty: u64,
    },
}

impl Default for PoolSizeConfig {
    fn default() -> Self {
        Self::Each {
            clean: one(),
            dirty: one(),
        }
    }
}

/// [`PoolSizeConfig::Each`] as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EachPoolSize {
    #[serde(default = "one")]
    clean: u64,
    #[serde(default = "one")]
    dirty: u64,
}

impl<'de> Deserialize<'de> for PoolSizeConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        pool_size(deserializer, Self::Both, |EachPoolSize { clean, dirty }| {
            Self::Each { clean, dirty }
        })
    }
}

/// Modules that interpreters import ahead of their programs: what an image has, by name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[serde(default)]
pub struct PreloadConfig {
    /// Of Python, such as "pandas".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<Vec<String>>,
    /// Of Node.js, as for `require`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<Vec<String>>,
    /// Of Bun, as for `import`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bun: Option<Vec<String>>,
    /// Of Deno, as for `import`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deno: Option<Vec<String>>,
}

impl PreloadConfig {
    /// Runtimes and their modules, as an option of the engine.
    #[must_use]
    pub fn by_runtime(&self) -> BTreeMap<String, Vec<String>> {
        named([
            ("python", &self.python),
            ("node", &self.node),
            ("bun", &self.bun),
            ("deno", &self.deno),
        ])
        .map(|(runtime, modules)| (runtime.to_owned(), modules.to_vec()))
        .collect()
    }
}

/// Packages of the image that `isol8 setup` builds for each runtime.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[serde(default)]
pub struct DependenciesConfig {
    /// Of pip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<Vec<String>>,
    /// Of npm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<Vec<String>>,
    /// Of Bun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bun: Option<Vec<String>>,
    /// Module specifiers of Deno.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deno: Option<Vec<String>>,
    /// Of the distribution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bash: Option<Vec<String>>,
}

impl DependenciesConfig {
    /// Runtimes and their packages, those without any left out.
    #[must_use]
    pub fn by_runtime(&self) -> BTreeMap<&'static str, &[String]> {
        named([
            ("python", &self.python),
            ("node", &self.node),
            ("bun", &self.bun),
            ("deno", &self.deno),
            ("bash", &self.bash),
        ])
        .filter(|(_, packages)| !packages.is_empty())
        .collect()
    }
}

/// The runtimes for which something is named, and what.
fn named<'a, const N: usize>(
    lists: [(&'static str, &'a Option<Vec<String>>); N],
) -> impl Iterator<Item = (&'static str, &'a [String])> {
    let given = |(runtime, names): (_, &'a Option<Vec<String>>)| Some((runtime, names.as_deref()?));
    lists.into_iter().filter_map(given)
}

fn one() -> u64 {
    1
}
