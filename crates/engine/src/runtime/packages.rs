//! Package lists: the names that may reach an installer, and their canonical order.

use super::RuntimeSpec;

/// A package name that an installer, or the shell around it, could take for something else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid package name: \"{name}\". Only alphanumeric, -, _, ., /, @, and = are allowed.")]
pub struct PackageError {
    /// The name.
    pub name: String,
}

/// How a runtime names its packages.
#[derive(Debug, Clone, Copy)]
pub struct PackageNames {
    /// What may precede a name; the rest obeys the usual rule.
    schemes: &'static [&'static str],
    /// What its installer wants before a name that has none of them.
    default_scheme: &'static str,
}

/// Names as they are.
pub(super) const PLAIN: PackageNames = PackageNames {
    schemes: &[],
    default_scheme: "",
};

/// Deno takes a name without a scheme for a file, so such a name is npm's.
pub(super) const DENO: PackageNames = PackageNames {
    schemes: &["npm:", "jsr:", "https://", "http://"],
    default_scheme: "npm:",
};

impl PackageNames {
    fn scheme_of<'a>(&self, name: &'a str) -> Option<(&'static str, &'a str)> {
        let mut schemes = self.schemes.iter();
        schemes.find_map(|scheme| Some((*scheme, name.strip_prefix(scheme)?)))
    }

    /// Checked packages as the installer wants them called.
    #[must_use]
    pub fn for_installer(&self, packages: &[String]) -> Vec<String> {
        let named = |name: &String| match self.scheme_of(name) {
            Some(_) => name.clone(),
            None => format!("{}{name}", self.default_scheme),
        };
        packages.iter().map(named).collect()
    }
}

/// The packages of `runtime`, trimmed, without duplicates, sorted, each name checked. Blank ones
/// are dropped. A name never starts with `-`: installers would take it for a flag.
pub fn normalize_packages(
    runtime: &RuntimeSpec,
    names: &[String],
) -> Result<Vec<String>, PackageError> {
    let mut packages = Vec::with_capacity(names.len());
    let trimmed = names.iter().map(|name| name.trim());
    for name in trimmed.filter(|name| !name.is_empty()) {
        let plain = runtime.names.scheme_of(name).map_or(name, |(_, rest)| rest);
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_./@=".contains(c);
        if plain.is_empty() || plain.starts_with('-') || !plain.chars().all(allowed) {
            return Err(PackageError {
                name: name.to_owned(),
            });
        }
        packages.push(name.to_owned());
    }
    packages.sort_unstable();
    packages.dedup();
    Ok(packages)
}

#[cfg(test)]
mod tests {
    use super::{super::Registry, *};

    fn normalize(runtime: &str, names: &[&str]) -> Result<Vec<String>, PackageError> {
        normalize_packages(
            Registry::default().get(runtime).unwrap(),
            &names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn lists_are_trimmed_deduplicated_and_sorted() {
        let packages = normalize("python", &[" numpy==2.1 ", "", "attrs", "numpy==2.1"]).unwrap();
        assert_eq!(packages, ["attrs", "numpy==2.1"]);
        assert_eq!(
            normalize("node", &["@scope/pkg@1.2.3"]).unwrap(),
            ["@scope/pkg@1.2.3"]
        );
    }

    #[test]
    fn names_that_are_no_names_are_refused_with_the_public_message() {
        for name in [
            "a;b",
            "$(id)",
            "a b",
            "--index-url=evil",
            "-r/etc/passwd",
            "é",
            "npm:x",
        ] {
            assert_eq!(
                normalize("python", &[name]).unwrap_err().to_string(),
                format!(
                    "Invalid package name: \"{name}\". \
                     Only alphanumeric, -, _, ., /, @, and = are allowed."
                )
            );
        }
    }

    #[test]
    fn deno_names_modules_with_a_scheme() {
        let modules = [
            "jsr:@std/path",
            "npm:chalk@5",
            "https://deno.land/x/a/mod.ts",
        ];
        assert_eq!(normalize("deno", &modules).unwrap().len(), 3);
        let names = ["jsr:@std/path", "lodash@4"].map(str::to_owned);
        assert_eq!(
            DENO.for_installer(&names),
            ["jsr:@std/path", "npm:lodash@4"]
        );
        assert_eq!(PLAIN.for_installer(&names[1..]), ["lodash@4"]);
        for wrong in [
            "npm:",
            "npm:-x",
            "file:///etc/passwd",
            "npm:a;b",
            "npm:npm:x",
        ] {
            assert!(normalize("deno", &[wrong]).is_err(), "{wrong}");
        }
    }
}
