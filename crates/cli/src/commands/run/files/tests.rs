use std::os::unix::fs::symlink;

use super::*;

#[test]
fn a_folder_has_its_files_and_nothing_from_elsewhere() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "s").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for (path, text) in [
        ("a b.txt", "1"),
        ("src/deep/b.py", "2"),
        (".env", "3"),
        ("node_modules/x/index.js", "no"),
        ("src/__pycache__/b.pyc", "no"),
        (".git/config", "no"),
    ] {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    symlink(outside.path().join("secret"), root.join("out")).unwrap();
    symlink(outside.path(), root.join("out-folder")).unwrap();
    symlink("a b.txt", root.join("in")).unwrap();
    symlink(".git/config", root.join("in-git")).unwrap();
    symlink("node_modules/x/index.js", root.join("in-modules")).unwrap();
    symlink("nothing", root.join("dangling")).unwrap();
    symlink(".", root.join("loop")).unwrap();
    nix::unistd::mkfifo(&root.join("fifo"), nix::sys::stat::Mode::S_IRUSR).unwrap();
    let mut files = list(root, None, Console::new(true)).unwrap();
    files.sort_by(|one, other| one.path.cmp(&other.path));
    let names: Vec<_> = files.iter().map(|file| &*file.path).collect();
    assert_eq!(
        names,
        [
            "/sandbox/.env",
            "/sandbox/a b.txt",
            "/sandbox/in",
            "/sandbox/src/deep/b.py"
        ]
    );
    // What is read is the file that the link leads to.
    assert_eq!(files[2].source, files[1].source);
    assert_eq!(files[2].bytes, 1);
}

#[test]
fn a_folder_that_a_link_has_replaced_is_not_entered() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("a"), "s").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir(root.join("sub")).unwrap();
    fs::write(root.join("sub/a"), "1").unwrap();
    let files = list(root, None, Console::new(true)).unwrap();
    assert_eq!(files[0].read().unwrap(), b"1");

    fs::rename(root.join("sub"), root.join("sub2")).unwrap();
    symlink(outside.path(), root.join("sub")).unwrap();
    assert!(files[0].read().is_err());
    let root = LocalFolder::open(root.to_owned()).unwrap();
    assert!(root.folder(Path::new("sub")).is_err());
    assert!(root.folder(Path::new("..")).is_err());
    assert!(root.folder(Path::new("sub2")).is_ok());

    // The folder itself stays the one that was listed.
    let moved = outside.path().join("moved");
    fs::rename(folder.path(), &moved).unwrap();
    symlink(outside.path(), folder.path()).unwrap();
    fs::remove_file(moved.join("sub")).unwrap();
    fs::rename(moved.join("sub2"), moved.join("sub")).unwrap();
    assert_eq!(files[0].read().unwrap(), b"1");
    fs::remove_file(folder.path()).unwrap();
}

#[test]
fn a_folder_that_is_too_large_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = fs::File::create(folder.path().join("large")).unwrap();
    file.set_len(MAX_BYTES).unwrap();
    assert!(list(folder.path(), None, Console::new(true)).is_ok());
    fs::write(folder.path().join("more"), "1").unwrap();
    let error = list(folder.path(), None, Console::new(true)).unwrap_err();
    let root = folder.path().canonicalize().unwrap();
    let expected = format!(
        "--files: {} has more than 100000 files or more than 2147483648 bytes.",
        root.display()
    );
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_project_keeps_its_name_when_the_program_works_in_it() {
    let root = Path::new("/home/me/project");
    for (workdir, expected) in [
        (None, "/sandbox"),
        (Some("/sandbox"), "/sandbox"),
        (Some("/sandbox/project"), "/sandbox/project"),
        (Some("/sandbox/project/src"), "/sandbox/project"),
        (Some("project"), "/sandbox/project"),
        (Some("./project/"), "/sandbox/project"),
        (Some("/sandbox/projects"), "/sandbox"),
        (Some("/sandbox/.project"), "/sandbox"),
    ] {
        assert_eq!(prefix(root, workdir), expected, "{workdir:?}");
    }
    let hidden = Path::new("/home/me/.dot");
    for workdir in [".dot", "./.dot/src", "/sandbox/.dot"] {
        assert_eq!(prefix(hidden, Some(workdir)), "/sandbox/.dot", "{workdir}");
    }
    assert_eq!(prefix(hidden, Some("dot")), "/sandbox");
}

#[test]
fn what_is_no_folder_is_an_error() {
    let error = list(Path::new("no/such"), None, Console::new(true)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "--files path is not a directory: no/such"
    );
}
