//! Which directories may be shown to sandboxes for the sake of an interpreter.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

#[cfg(unix)]
use std::os::unix::fs::MetadataExt as _;

/// Directories that are never shown, nor what is in them, nor a directory that contains one of them.
const PRIVATE: [&str; 9] = [
    "/etc", "/var", "/run", "/srv", "/mnt", "/boot", "/dev", "/proc", "/sys",
];

/// The home of root, and the directory of other homes. An interpreter may lie in one.
const ROOT_HOME: &str = "/root";
const HOMES: &str = "/home";

/// Directories that are too much to show for one interpreter, as they are.
const TOO_MUCH: [&str; 4] = ["/", "/opt", "/usr", "/tmp"];

/// Most files that an interpreter's directory may have, so that looking at them has an end.
const MAX_FILES: usize = 200_000;

/// The users that people have begin here, and end before the one that stands for nobody.
const OF_PEOPLE: std::ops::Range<u32> = 1000..65534;

/// The prefix of the interpreter `program`, if it may be shown: the directory above its `bin`. The error is the reason
/// why not. Blocks: it looks at every file that would be shown.
pub(crate) fn of_program(program: &Path) -> Result<PathBuf, String> {
    of_program_beside(program, &homes())
}

fn of_program_beside(program: &Path, homes: &[PathBuf]) -> Result<PathBuf, String> {
    let bin = program.parent().filter(|parent| parent.ends_with("bin"));
    let Some(prefix) = bin.and_then(Path::parent) else {
        return Err(format!("{} is in no directory `bin`", program.display()));
    };
    check(prefix, homes)?;
    for part in parts_beside(prefix, homes) {
        check_tree(&part, prefix, false)?;
    }
    Ok(prefix.to_owned())
}

/// The directories of a prefix that are shown: of one in a home those that every interpreter needs.
pub(crate) fn shown_parts(prefix: &Path) -> Vec<PathBuf> {
    parts_beside(prefix, &homes())
}

fn parts_beside(prefix: &Path, homes: &[PathBuf]) -> Vec<PathBuf> {
    let parts: &[&str] = if homes.iter().any(|home| prefix.starts_with(home)) {
        &["bin", "lib"]
    } else {
        &["bin", "lib", "lib64", "include", "share"]
    };
    let parts = parts.iter().map(|part| prefix.join(part));
    parts
        .filter(|part| part.is_dir() && !part.is_symlink())
        .collect()
}

/// Checks a directory that was filled for sandboxes. It is shown at another path, so that it must be complete.
pub(crate) fn check_installed(prefix: &Path) -> Result<(), String> {
    check_tree(prefix, prefix, true)
}

/// The homes that are known: root's, the directory of the others, that of this user, and those of the people of this
/// machine.
fn homes() -> Vec<PathBuf> {
    let own = env::var_os("HOME").map(PathBuf::from);
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let known = [ROOT_HOME, HOMES].into_iter().map(PathBuf::from);
    let known = known.chain(own).filter(|home| home.is_absolute()).collect();
    let all = with_real(known).into_iter().chain(homes_in(&passwd));
    all.filter(|home| home.is_absolute() && home.parent().is_some())
        .collect()
}

/// Adds these places without symbolic links. The path of a program has none either.
fn with_real(mut places: Vec<PathBuf>) -> Vec<PathBuf> {
    let real: Vec<_> = places
        .iter()
        .filter_map(|place| place.canonicalize().ok())
        .collect();
    places.extend(real);
    places
}

/// The homes of people in the text of `/etc/passwd`. See passwd(5).
fn homes_in(passwd: &str) -> impl Iterator<Item = PathBuf> {
    let home = |line: &str| {
        let mut fields = line.split(':').skip(2);
        let user: u32 = fields.next()?.parse().ok()?;
        let home = fields.nth(2)?;
        OF_PEOPLE.contains(&user).then(|| PathBuf::from(home))
    };
    passwd.lines().filter_map(home)
}

fn check(prefix: &Path, homes: &[PathBuf]) -> Result<(), String> {
    let refused = |what: &str, directory: &Path| {
        let (prefix, directory) = (prefix.display(), directory.display());
        Err(format!(
            "it is in {prefix}, which is or {what}contains {directory}"
        ))
    };
    for directory in PRIVATE.iter().map(Path::new) {
        if prefix.starts_with(directory) || directory.starts_with(prefix) {
            return refused("is in or ", directory);
        }
    }
    if prefix.parent() == Some(Path::new(HOMES)) {
        return refused("", prefix);
    }
    if let Some(home) = homes.iter().find(|home| home.starts_with(prefix)) {
        return refused("", home);
    }
    if TOO_MUCH
        .iter()
        .any(|directory| prefix == Path::new(directory))
    {
        return Err(format!("{} is not its own", prefix.display()));
    }
    Ok(())
}

/// Checks that everybody may read what is in a directory and, with `complete`, that no link leads out of `prefix`.
fn check_tree(directory: &Path, prefix: &Path, complete: bool) -> Result<(), String> {
    let failed = |path: &Path, error: &dyn std::fmt::Display| {
        format!("{} cannot be read: {error}", path.display())
    };
    let mut pending = vec![directory.to_owned()];
    let mut seen = 0;
    while let Some(path) = pending.pop() {
        seen += 1;
        if seen > MAX_FILES {
            return Err(format!("{} has too many files", prefix.display()));
        }
        let found = path
            .symlink_metadata()
            .map_err(|error| failed(&path, &error))?;
        if found.is_symlink() {
            if complete && let Ok(target) = path.canonicalize() {
                let own = prefix
                    .canonicalize()
                    .map_err(|error| failed(prefix, &error))?;
                if !target.starts_with(own) {
                    return Err(format!(
                        "{} leads to {}, which sandboxes do not have",
                        path.display(),
                        target.display()
                    ));
                }
            }
            continue;
        }
        if !is_public(&found) {
            return Err(format!("{} is not for everybody to read", path.display()));
        }
        if found.is_dir() {
            let entries = fs::read_dir(&path).map_err(|error| failed(&path, &error))?;
            pending.extend(entries.filter_map(Result::ok).map(|entry| entry.path()));
        }
    }
    Ok(())
}

/// Whether everybody may read a file, or read and enter a directory.
#[cfg(unix)]
fn is_public(found: &fs::Metadata) -> bool {
    let needed = if found.is_dir() { 0o005 } else { 0o004 };
    found.mode() & needed == needed
}

#[cfg(not(unix))]
fn is_public(_found: &fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn refusal(program: &str, homes: &[&str]) -> String {
        let homes: Vec<_> = homes.iter().map(PathBuf::from).collect();
        of_program_beside(Path::new(program), &homes).unwrap_err()
    }

    #[test]
    fn private_places_and_what_contains_them_are_refused_with_the_reason() {
        let homes = ["/root", "/home", "/data/people/ann"];
        for (program, reason) in [
            ("/home/bin/node", "is or contains /home"),
            ("/home/somebody/bin/bun", "is or contains /home/somebody"),
            ("/root/bin/python3", "is or contains /root"),
            (
                "/data/people/ann/bin/node",
                "is or contains /data/people/ann",
            ),
            ("/data/people/bin/node", "is or contains /data/people/ann"),
            ("/etc/bin/node", "is in or contains /etc"),
            ("/etc/alternatives/bin/node", "is in or contains /etc"),
            ("/var/bin/node", "is in or contains /var"),
            ("/var/tools/bin/node", "is in or contains /var"),
            ("/bin/node", "is in or contains /etc"),
            ("/usr/bin/node", "/usr is not its own"),
            ("/opt/bin/node", "/opt is not its own"),
            ("/tmp/bin/node", "/tmp is not its own"),
            ("/opt/node/node", "is in no directory `bin`"),
        ] {
            let told = refusal(program, &homes);
            assert!(told.contains(reason), "{program}: {told}");
        }
    }

    #[test]
    fn homes_of_people_are_known_wherever_they_are() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\nbin:x:2:2:bin:/bin:/usr/sbin/nologin\n\
                      ann:x:1000:1000:Ann,,,:/data/people/ann:/bin/zsh\n\
                      nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\nbroken\n";
        assert!(homes_in(passwd).eq([PathBuf::from("/data/people/ann")]));
        assert!(homes().contains(&PathBuf::from("/root")));
        assert!(homes().iter().all(|home| home.parent().is_some()));
    }

    #[test]
    fn a_home_behind_a_link_is_known_by_both_paths() {
        let place = tempfile::tempdir().unwrap();
        let real = place.path().canonicalize().unwrap().join("real");
        let link = place.path().join("link");
        fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert_eq!(with_real(vec![link.clone()]), [link, real]);
    }

    /// A home with files in `.local`, and the interpreter there.
    fn home_with(files: &[(&str, u32)]) -> (tempfile::TempDir, PathBuf) {
        let home = tempfile::tempdir().unwrap();
        for (file, mode) in [&[("bin/node", 0o755)], files].concat() {
            let path = home.path().join(".local").join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "x").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let program = home.path().join(".local/bin/node");
        (home, program)
    }

    #[test]
    fn of_a_prefix_in_a_home_bin_and_lib_are_shown() {
        let private = ("share/keyrings/login", 0o600);
        let (home, program) = home_with(&[private, ("lib/x", 0o644), ("include/x", 0o644)]);
        let homes = [home.path().to_owned()];
        let prefix = of_program_beside(&program, &homes).unwrap();
        assert_eq!(prefix, home.path().join(".local"));
        let parts = ["bin", "lib"].map(|part| prefix.join(part));
        assert_eq!(parts_beside(&prefix, &homes), parts);
        // The same elsewhere is an installation of its own.
        assert_eq!(parts_beside(&prefix, &[]).len(), 4);
        assert!(
            of_program_beside(&program, &[])
                .unwrap_err()
                .contains("keyrings/login")
        );
    }

    #[test]
    fn one_private_file_is_enough_to_refuse() {
        for (file, mode) in [("bin/key", 0o640), ("lib/python3/key", 0o600)] {
            let (home, program) = home_with(&[(file, mode)]);
            let homes = [home.path().to_owned()];
            let reason = of_program_beside(&program, &homes).unwrap_err();
            let expected = format!("{file} is not for everybody to read");
            assert!(reason.contains(&expected), "{reason}");
        }
        let (home, program) = home_with(&[("lib/own/x", 0o644)]);
        let own = home.path().join(".local/lib/own");
        fs::set_permissions(own, fs::Permissions::from_mode(0o700)).unwrap();
        let reason = of_program(&program).unwrap_err();
        assert!(reason.contains("lib/own is not for everybody"), "{reason}");
    }

    #[test]
    fn a_link_to_the_outside_is_shown_as_it_is_but_not_in_an_installed_runtime() {
        let (home, program) = home_with(&[("lib/x", 0o644)]);
        let prefix = home.path().join(".local");
        std::os::unix::fs::symlink("x", prefix.join("lib/inside")).unwrap();
        std::os::unix::fs::symlink("nowhere", prefix.join("lib/broken")).unwrap();
        assert_eq!(check_installed(&prefix), Ok(()));
        std::os::unix::fs::symlink("/etc/shadow", prefix.join("lib/outside")).unwrap();
        assert_eq!(of_program(&program).unwrap(), prefix);
        let reason = check_installed(&prefix).unwrap_err();
        assert!(
            reason.contains("lib/outside leads to /etc/shadow"),
            "{reason}"
        );
    }

    #[test]
    fn a_directory_that_is_a_link_is_not_shown() {
        let (home, _) = home_with(&[]);
        let prefix = home.path().join(".local");
        std::os::unix::fs::symlink("/var", prefix.join("lib")).unwrap();
        assert_eq!(shown_parts(&prefix), [prefix.join("bin")]);
    }
}
