//! The version of an interpreter of this machine.

use std::{path::Path, process::Stdio, time::Duration};

use tokio::{io::AsyncReadExt as _, process::Command};

/// How long an interpreter may take to tell its version.
const LIMIT: Duration = Duration::from_secs(10);

/// Most bytes that it may print.
const MAX_BYTES: u64 = 4096;

/// The version that `program --version` prints first; `None` when it prints none.
pub(super) async fn version_of(program: &Path) -> Option<String> {
    let mut child = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .ok()?;
    let mut printed = String::new();
    let mut stdout = child.stdout.take()?.take(MAX_BYTES);
    let reading = stdout.read_to_string(&mut printed);
    tokio::time::timeout(LIMIT, reading).await.ok()?.ok()?;
    in_text(&printed).map(str::to_owned)
}

/// The first version in a text: numbers with dots between them.
fn in_text(text: &str) -> Option<&str> {
    let words = text.split(|sign: char| !(sign.is_ascii_digit() || sign == '.'));
    let mut versions = words.map(|word| word.trim_matches('.'));
    versions.find(|word| word.contains('.'))
}

/// Whether a version is older than another: number by number, and a missing number is 0.
pub(super) fn is_older(version: &str, than: &str) -> bool {
    let numbers = |text: &str| -> Vec<u64> {
        let mut numbers: Vec<_> = text
            .split('.')
            .map(|number| number.parse().unwrap_or(0))
            .collect();
        while numbers.last() == Some(&0) {
            numbers.pop();
        }
        numbers
    };
    numbers(version) < numbers(than)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn interpreters_tell_their_versions() {
        for (text, version) in [
            ("v24.21.0\n", Some("24.21.0")),
            ("1.4.5\n", Some("1.4.5")),
            (
                "deno 2.9.5 (stable, release, x86_64)\nv8 14.1\n",
                Some("2.9.5"),
            ),
            ("Python 3.11.2\n", Some("3.11.2")),
            ("none...\n", None),
        ] {
            assert_eq!(in_text(text), version, "{text}");
        }
    }

    #[test]
    fn versions_are_compared_by_number() {
        for (version, than) in [("9.9", "10.0"), ("24.9.1", "24.21.0"), ("1.4", "1.4.5")] {
            assert!(is_older(version, than) && !is_older(than, version));
        }
        assert!(!is_older("1.4.0", "1.4"));
    }

    #[tokio::test]
    async fn a_program_that_prints_none_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let silent = folder.path().join("silent");
        std::fs::write(&silent, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&silent, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(version_of(&silent).await, None);
        assert_eq!(version_of(Path::new("/nowhere/node")).await, None);
    }
}
