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

/// Declares a section that has a list of names for each of some runtimes.
macro_rules! lists_by_runtime {
    ($(#[$about:meta])* $section:ident { $($(#[$about_list:meta])* $runtime:ident,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
        #[serde(default)]
        pub struct $section {
            $(
                $(#[$about_list])*
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $runtime: Option<Vec<String>>,
            )*
        }

        impl $section {
            /// The runtimes that have a list, and their lists.
            fn lists(&self) -> impl Iterator<Item = (&'static str, &[String])> {
                [$((stringify!($runtime), &self.$runtime)),*]
                    .into_iter()
                    .filter_map(|(runtime, names)| Some((runtime, names.as_deref()?)))
            }
        }
    };
}

lists_by_runtime! {
    /// Modules that interpreters import ahead of their programs: what an image has, by name.
    PreloadConfig {
        /// Of Python, such as "pandas".
        python,
        /// Of Node.js, as for `require`.
        node,
        /// Of Bun, as for `import`.
        bun,
        /// Of Deno, as for `import`.
        deno,
    }
}

lists_by_runtime! {
    /// Packages of the image that `isol8 setup` builds for each runtime.
    DependenciesConfig {
        /// Of pip.
        python,
        /// Of npm.
        node,
        /// Of Bun.
        bun,
        /// Module specifiers of Deno.
        deno,
        /// Of the distribution.
        bash,
        /// Of npm, beside the coding agent.
        agent,
    }
}

impl PreloadConfig {
    /// Runtimes and their modules, as an option of the engine.
    #[must_use]
    pub fn by_runtime(&self) -> BTreeMap<String, Vec<String>> {
        self.lists()
            .map(|(runtime, modules)| (runtime.to_owned(), modules.to_vec()))
            .collect()
    }
}

impl DependenciesConfig {
    /// Runtimes and their packages, those without any left out.
    #[must_use]
    pub fn by_runtime(&self) -> BTreeMap<&'static str, &[String]> {
        self.lists()
            .filter(|(_, packages)| !packages.is_empty())
            .collect()
    }
}

fn one() -> u64 {
    1
}
