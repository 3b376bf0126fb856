//! The recipe of each runtime.

use crate::{
    agent,
    recipe::{Part, Recipe},
};

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
