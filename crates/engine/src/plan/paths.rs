//! Paths of a request: lexical rules only, nothing is looked up.

use std::borrow::Cow;

use isol8_protocol::SANDBOX_DIR;

use super::PlanError;

/// The working directory as an absolute path without `.` and `..`; it must not leave `/sandbox`.
pub(super) fn workdir(given: Option<&str>) -> Result<String, PlanError> {
    let given = given.unwrap_or(SANDBOX_DIR);
    let mut parts = if given.starts_with('/') {
        Vec::new()
    } else {
        vec![&SANDBOX_DIR[1..]]
    };
    for part in given.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    if given.contains('\0') || parts.first() != Some(&&SANDBOX_DIR[1..]) {
        return Err(PlanError::Workdir);
    }
    Ok(format!("/{}", parts.join("/")))
}

/// The program's file.
pub(super) fn main_path(extension: &str) -> String {
    format!("{SANDBOX_DIR}/main{extension}")
}

/// A path as the sandbox has it. A relative one is taken from `/sandbox`.
pub(crate) fn in_sandbox(path: &str) -> Cow<'_, str> {
    if path.starts_with('/') || path.is_empty() {
        return path.into();
    }
    format!("{SANDBOX_DIR}/{path}").into()
}

/// Checks that a path of `field` can name a file.
pub(crate) fn check_file(field: &'static str, path: &str) -> Result<(), PlanError> {
    let whole = in_sandbox(path);
    if !whole.is_empty() && !whole.contains('\0') && whole.len() <= MAX_PATH_BYTES {
        return Ok(());
    }
    Err(PlanError::Path {
        field,
        path: path.to_owned(),
    })
}

/// Longest path that Linux takes (`PATH_MAX` without its NUL).
const MAX_PATH_BYTES: usize = 4095;

/// An extension with its dot, that makes a file name out of `main`.
pub(super) fn extension(given: &str) -> Result<String, PlanError> {
    let extension = if given.starts_with('.') {
        given.to_owned()
    } else {
        format!(".{given}")
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let fits = extension.len() > 1 && extension.len() <= MAX_EXTENSION_BYTES;
    if fits && extension.chars().all(allowed) {
        return Ok(extension);
    }
    Err(PlanError::FileExtension {
        extension: given.to_owned(),
    })
}

/// Longest extension; a file name has at most 255 bytes.
const MAX_EXTENSION_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn working_directories_are_normalised() {
        for (given, result) in [
            (None, "/sandbox"),
            (Some(""), "/sandbox"),
            (Some("."), "/sandbox"),
            (Some("a/b/"), "/sandbox/a/b"),
            (Some("./a//b/../c"), "/sandbox/a/c"),
            (Some("/sandbox/a b"), "/sandbox/a b"),
            (Some("/../sandbox/x"), "/sandbox/x"),
        ] {
            assert_eq!(workdir(given).as_deref(), Ok(result), "{given:?}");
        }
    }

    #[test]
    fn working_directories_outside_are_refused_with_the_public_message() {
        for given in [
            "/",
            "/etc",
            "..",
            "a/../..",
            "/sandbox/..",
            "/sandboxed",
            "../etc",
            "a\0",
        ] {
            let error = workdir(Some(given)).unwrap_err();
            assert_eq!(
                error.to_string(),
                "Working directory must be inside /sandbox",
                "{given}"
            );
        }
    }

    #[test]
    fn file_paths_are_free_and_relative_ones_are_taken_from_the_sandbox() {
        assert!(check_file("files", "/sandbox/a b;'\"$(x)\n").is_ok());
        assert!(check_file("files", &"x".repeat(4087)).is_err());
        assert_eq!(in_sandbox("a/b"), "/sandbox/a/b");
        assert_eq!(in_sandbox("/tmp/a"), "/tmp/a");
        for wrong in ["", "/a\0", "a\0"] {
            assert!(check_file("files", wrong).is_err(), "{wrong:?}");
        }
        assert!(check_file("files", &format!("/{}", "x".repeat(4095))).is_err());
    }

    #[test]
    fn extensions_have_a_dot_and_stay_in_their_directory() {
        for fine in [".py", ".d.ts", ".c_pp"] {
            assert_eq!(extension(fine).as_deref(), Ok(fine));
        }
        assert_eq!(extension("py").as_deref(), Ok(".py"));
        for wrong in [
            "",
            ".",
            "./x",
            ".a/b",
            ".a\0",
            ". ",
            &format!(".{}", "x".repeat(64)),
        ] {
            assert!(extension(wrong).is_err(), "{wrong:?}");
        }
    }
}
