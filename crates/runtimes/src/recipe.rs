//! How a runtime is put together from tarballs: the same files that its image takes.

use crate::agent;

/// A runtime's folder.
pub(crate) struct Recipe {
    /// Name of the runtime.
    pub(crate) runtime: &'static str,
    /// The program that the folder is made for, inside it.
    pub(crate) program: &'static str,
    /// Its tarballs.
    pub(crate) parts: &'static [Part],
    /// Symbolic links: where, and to what.
    pub(crate) links: &'static [(&'static str, &'static str)],
    /// Lines that are added to files that a tarball has.
    pub(crate) lines: &'static [(&'static str, &'static str)],
}

/// What a runtime takes from one tarball.
pub(crate) struct Part {
    /// Its name in the list of pins.
    pub(crate) pin: &'static str,
    /// What is taken and where it goes: the beginning of a path in the tarball, and what replaces that. The first
    /// rule that fits counts, and `None` leaves the file out.
    pub(crate) rules: &'static [(&'static str, Option<&'static str>)],
    /// Beginnings of the paths of files that are programs whatever the tarball says.
    pub(crate) programs: &'static [&'static str],
}

const RECIPES: [Recipe; 3] = [
    Recipe {
        runtime: "node",
        program: "bin/node",
        parts: &[
            Part {
                pin: "node",
                rules: &[("bin/node", Some("bin/node")), ("LICENSE", Some("LICENSE"))],
                programs: &[],
            },
            Part {
                pin: "npm",
                rules: &[
                    ("docs/", None),
                    ("man/", None),
                    ("", Some("lib/node_modules/npm/")),
                ],
                programs: &["lib/node_modules/npm/bin/"],
            },
        ],
        links: &[
            ("bin/npm", "../lib/node_modules/npm/bin/npm-cli.js"),
            ("bin/npx", "../lib/node_modules/npm/bin/npx-cli.js"),
        ],
        // A sandbox cannot update npm.
        lines: &[("lib/node_modules/npm/npmrc", "update-notifier=false\n")],
    },
    Recipe {
        runtime: "bun",
        program: "bin/bun",
        parts: &[Part {
            pin: "bun",
            rules: &[("bin/bun", Some("bin/bun")), ("LICENSE", Some("LICENSE"))],
            programs: &[],
        }],
        links: &[("bin/bunx", "bun")],
        lines: &[],
    },
    Recipe {
        runtime: "deno",
        program: "bin/deno",
        parts: &[Part {
            pin: "deno",
            rules: &[("deno", Some("bin/deno")), ("LICENSE", Some("LICENSE"))],
            programs: &[],
        }],
        links: &[],
        lines: &[],
    },
];

/// The recipe of a runtime; `None` for those that no tarball has.
pub(crate) fn recipe(runtime: &str) -> Option<&'static Recipe> {
    const ALL: &[Recipe] = &RECIPES;
    if runtime == agent::NAME {
        return Some(agent::recipe());
    }
    ALL.iter().find(|recipe| recipe.runtime == runtime)
}

impl Part {
    /// Where a file of the tarball goes; `None` when it is left out.
    pub(crate) fn place(&self, path: &str) -> Option<String> {
        let (begin, to) = self
            .rules
            .iter()
            .find(|(begin, _)| path.starts_with(begin))?;
        Some(format!("{}{}", (*to)?, path.strip_prefix(begin)?))
    }

    /// Whether the file at `place` in the folder is a program whatever the tarball says.
    pub(crate) fn is_program(&self, place: &str) -> bool {
        self.programs.iter().any(|begin| place.starts_with(begin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_go_where_the_images_have_them() {
        let [node, npm] = recipe("node").unwrap().parts else {
            panic!("two parts");
        };
        assert_eq!(node.place("bin/node").as_deref(), Some("bin/node"));
        assert_eq!(node.place("README.md"), None);
        assert_eq!(npm.place("man/man1/npm.1"), None);
        assert_eq!(
            npm.place("lib/npm.js").as_deref(),
            Some("lib/node_modules/npm/lib/npm.js")
        );
        assert!(recipe("python").is_none());
    }
}
