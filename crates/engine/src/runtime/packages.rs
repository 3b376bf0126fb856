//! Package lists: the names that may reach an installer, and their canonical order.

/// A package name that an installer, or the shell around it, could take for something else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid package name: \"{name}\". Only alphanumeric, -, _, ., /, @, and = are allowed.")]
pub struct PackageError {
    /// The name.
    pub name: String,
}

/// Schemes with which Deno names a module; what follows obeys the usual rule.
const DENO_SCHEMES: [&str; 4] = ["npm:", "jsr:", "https://", "http://"];

/// The packages of `runtime`, trimmed, without duplicates, sorted, each name checked. Blank ones
/// are dropped. A name never starts with `-`: installers would take it for a flag.
pub fn normalize_packages(runtime: &str, names: &[String]) -> Result<Vec<String>, PackageError> {
    let mut packages = Vec::with_capacity(names.len());
    for name in names
        .iter()
        .map(|name| name.trim())
        .filter(|name| !name.is_empty())
    {
        let plain = DENO_SCHEMES
            .iter()
            .filter(|_| runtime == "deno")
            .find_map(|scheme| name.strip_prefix(scheme))
            .unwrap_or(name);
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

/// Checked packages as the installer of `runtime` wants them called: Deno takes a name without a
/// scheme for a file, so such a name is npm's.
pub(crate) fn installer_names(runtime: &str, packages: &[String]) -> Vec<String> {
    let has_scheme = |name: &str| DENO_SCHEMES.iter().any(|scheme| name.starts_with(scheme));
    packages
        .iter()
        .map(|name| {
            if runtime == "deno" && !has_scheme(name) {
                format!("npm:{name}")
            } else {
                name.clone()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalize(runtime: &str, names: &[&str]) -> Result<Vec<String>, PackageError> {
        normalize_packages(
            runtime,
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
            installer_names("deno", &names),
            ["jsr:@std/path", "npm:lodash@4"]
        );
        assert_eq!(installer_names("bun", &names[1..]), ["lodash@4"]);
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
