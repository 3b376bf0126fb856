//! Paths of a request: lexical rules only, nothing is looked up.

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

/// Checks that a path of `field` can name a file.
pub(super) fn check_file(field: &'static str, path: &str) -> Result<(), PlanError> {
    if path.starts_with('/') && !path.contains('\0') && path.len() <= MAX_PATH_BYTES {
        return Ok(());
    }
    Err(PlanError::Path {
        field,
        path: path.to_owned(),
    })
}

/// Longest path that Linux takes (`PATH_MAX` without its NUL).
const MAX_PATH_BYTES: usize = 4095;

/// Checks that an extension makes a file name out of `main`.
pub(super) fn check_extension(extension: &str) -> Result<(), PlanError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let fits = extension.len() > 1 && extension.len() <= MAX_EXTENSION_BYTES;
    if fits && extension.starts_with('.') && extension.chars().all(allowed) {
        return Ok(());
    }
    Err(PlanError::FileExtension {
        extension: extension.to_owned(),
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
    fn file_paths_are_absolute_and_otherwise_free() {
        assert!(check_file("files", "/sandbox/a b;'\"$(x)\n").is_ok());
        for wrong in ["", "a", "./a", "/a\0"] {
            assert!(check_file("files", wrong).is_err(), "{wrong:?}");
        }
        assert!(check_file("files", &format!("/{}", "x".repeat(4095))).is_err());
    }

    #[test]
    fn extensions_begin_with_a_dot_and_stay_in_their_directory() {
        for fine in [".py", ".d.ts", ".c_pp"] {
            assert!(check_extension(fine).is_ok());
        }
        for wrong in [
            "",
            ".",
            "py",
            "./x",
            ".a/b",
            ".a\0",
            ". ",
            &format!(".{}", "x".repeat(64)),
        ] {
            assert!(check_extension(wrong).is_err(), "{wrong:?}");
        }
    }
}
