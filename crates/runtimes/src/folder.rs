//! Where installed runtimes are.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use crate::{
    lock::{Pins, pin},
    recipe::{Part, Recipe},
    recipes::recipe,
};

/// File of a prefix that says what is in it.
pub(crate) const MARKER: &str = "isol8-pin";

/// The folder of installed runtimes: `isol8/runtimes` in `$XDG_CACHE_HOME`, else in `~/.cache`. `None` when neither that
/// variable nor `HOME` is an absolute path.
#[must_use]
pub fn cache_folder() -> Option<PathBuf> {
    folder_in(|name| env::var_os(name).map(PathBuf::from))
}

fn folder_in(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let absolute = |name| variable(name).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(cache.join("isol8/runtimes"))
}

/// The prefix of a runtime (`bin` and what belongs to it) when its pinned version is installed in `folder`; `None` when
/// it is not, or when no such runtime is pinned.
#[must_use]
pub fn installed(folder: &Path, runtime: &str) -> Option<PathBuf> {
    installed_by(pin, folder, runtime)
}

/// The same with other pins.
pub(crate) fn installed_by(pins: Pins, folder: &Path, runtime: &str) -> Option<PathBuf> {
    let recipe = recipe(runtime)?;
    let prefix = folder.join(runtime);
    let marker = fs::read_to_string(prefix.join(MARKER)).ok()?;
    let is_current = marker == identity(pins, recipe)? && prefix.join(recipe.program).is_file();
    is_current.then_some(prefix)
}

/// What a recipe installs: a line for each tarball. `None` when one is not pinned for this architecture.
pub(crate) fn identity(pins: Pins, recipe: &Recipe) -> Option<String> {
    let line = |part: &Part| {
        let pin = pins(part.pin)?;
        Some(format!("{} {}\n", pin.tarball, pin.sha512))
    };
    recipe.parts.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_in_the_cache_of_the_user() {
        let folder = |xdg: Option<&str>, home: Option<&str>| {
            folder_in(|name| match name {
                "XDG_CACHE_HOME" => xdg.map(PathBuf::from),
                _ => home.map(PathBuf::from),
            })
        };
        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(folder(Some("/c"), Some("/h")), path("/c/isol8/runtimes"));
        assert_eq!(folder(None, Some("/h")), path("/h/.cache/isol8/runtimes"));
        // The rules for these variables say that a relative path is not used.
        assert_eq!(
            folder(Some("c"), Some("/h")),
            path("/h/.cache/isol8/runtimes")
        );
        assert_eq!(folder(None, Some("")), None);
        assert_eq!(folder(None, None), None);
    }

    #[test]
    fn a_runtime_is_installed_when_its_pinned_version_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(installed(folder.path(), "deno"), None);
        let prefix = folder.path().join("deno");
        fs::create_dir_all(prefix.join("bin")).unwrap();
        fs::write(prefix.join("bin/deno"), "").unwrap();
        fs::write(prefix.join(MARKER), "deno 1.0.0\n").unwrap();
        assert_eq!(installed(folder.path(), "deno"), None, "an older version");
        let current = identity(pin, recipe("deno").unwrap()).unwrap();
        fs::write(prefix.join(MARKER), current).unwrap();
        assert_eq!(installed(folder.path(), "deno"), Some(prefix.clone()));
        fs::remove_file(prefix.join("bin/deno")).unwrap();
        assert_eq!(installed(folder.path(), "deno"), None, "no program");
        assert_eq!(installed(folder.path(), "python"), None);
    }
}
