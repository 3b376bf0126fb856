//! `run`: files that go in and come out.

use std::os::unix::fs::symlink;

use crate::common::{User, exists};

#[test]
fn a_folder_goes_into_the_sandbox() {
    let user = User::new();
    user.write("project/a.txt", "a");
    user.write("project/sub/b.txt", "b");
    user.write("project/node_modules/c.txt", "c");
    symlink("/etc/hostname", user.path("project/leaves")).unwrap();
    let find = "find . -type f | sort";
    let ended = user.isol8(&["run", "--cmd", find, "--files", "project"]);
    assert_eq!(
        (ended.code, &*ended.stdout),
        (Some(0), "./a.txt\n./sub/b.txt\n")
    );
    assert!(
        ended
            .stderr
            .ends_with("leaves is left out: it is a link that leaves the folder.\n")
    );
    let named = [
        "run",
        "--cmd",
        "pwd; cat sub/b.txt",
        "--files",
        "./project",
        "--workdir",
        "/sandbox/project",
    ];
    assert_eq!(user.isol8(&named).stdout, "/sandbox/project\nb");
}

#[test]
fn output_files_are_copied_out_and_replace_nothing_unasked() {
    let user = User::new();
    let program = "mkdir out; printf new > out/a.txt; printf '\\377' > b.bin";
    let words = [
        "run",
        "--cmd",
        program,
        "--output-path",
        "out/a.txt",
        "--output-path",
        "b.bin:c.bin",
    ];
    user.isol8(&words).is(0, "", "");
    assert_eq!(user.read("a.txt"), "new");
    assert_eq!(std::fs::read(user.path("c.bin")).unwrap(), b"\xff");

    user.write("a.txt", "old");
    user.isol8(&words)
        .failed("[ERR] --output-path: a.txt is there already. Use --force to replace it.");
    assert_eq!(user.read("a.txt"), "old");
    user.isol8(&[&words[..], &["--force"]].concat())
        .is(0, "", "");
    assert_eq!(user.read("a.txt"), "new");
}

#[test]
fn output_files_that_cannot_be_written_are_refused_before_the_program_runs() {
    let user = User::new();
    user.write("folder/file.txt", "old");
    user.write("folder/b/c", "old");
    symlink("folder/file.txt", user.path("link.txt")).unwrap();
    for (paths, stderr) in [
        (
            &["a:link.txt"][..],
            "link.txt is a link. Remove it, or name the file that it leads to.",
        ),
        (
            &["a:none/a.txt"],
            "none is not there. Make that folder first.",
        ),
        (&["x/a", "y/a"], "a is the place of two files."),
    ] {
        let paths = paths.iter().flat_map(|path| ["--output-path", *path]);
        let words = ["run", "--cmd", "echo never", "--force"];
        let words: Vec<_> = words.into_iter().chain(paths).collect();
        user.isol8(&words)
            .failed(&format!("[ERR] --output-path: {stderr}"));
    }
    assert_eq!(user.read("folder/file.txt"), "old");
}

#[test]
fn a_folder_is_copied_out_with_what_is_below_it() {
    let user = User::new();
    let program = "mkdir -p out/deep; echo 1 > out/a.txt; echo 2 > 'out/deep/b c.txt'; ln -s /etc/passwd out/link; \
        mkfifo out/fifo";
    let words = ["run", "--cmd", program, "--output-path", "out/:copy"];
    user.isol8(&words).is(0, "", "");
    assert_eq!(user.read("copy/a.txt"), "1\n");
    assert_eq!(user.read("copy/deep/b c.txt"), "2\n");
    for name in ["copy/link", "copy/fifo"] {
        assert!(!exists(&user.path(name)), "{name}");
    }
    user.write("copy/out/a.txt", "old");
    user.write("copy/out/mine.txt", "mine");
    user.isol8(&words)
        .failed("[ERR] --output-path: copy/out is there already. Use --force to replace it.");
    user.isol8(&[&words[..], &["--force"]].concat())
        .is(0, "", "");
    assert_eq!(user.read("copy/out/a.txt"), "1\n");
    assert_eq!(user.read("copy/out/mine.txt"), "mine");
}

#[test]
fn an_output_file_that_is_missing_is_an_error() {
    let user = User::new();
    user.isol8(&["run", "--cmd", "echo hi", "--output-path", "none.txt"])
        .is(
            1,
            "hi\n",
            "[ERR] The program has left no file /sandbox/none.txt, so none.txt was not written\n",
        );
    assert!(!exists(&user.path("none.txt")));
}

#[test]
fn output_is_written_to_a_file_both_ways() {
    let user = User::new();
    for more in [&[][..], &["--no-stream"]] {
        let words = ["run", "-e", "print('kept')", "--out", "out.txt"];
        user.isol8(&[&words[..], more].concat()).is(
            0,
            "kept\n",
            "[Run] Output written to out.txt\n",
        );
        assert_eq!(user.read("out.txt").trim_end(), "kept");
    }
    user.isol8(&["run", "--cmd", "true", "--out", "empty.txt"]);
    assert_eq!(user.read("empty.txt"), "");
}

#[test]
fn a_file_that_cannot_be_written_is_an_error() {
    let user = User::new();
    let ended = user.isol8(&["run", "--cmd", "echo never", "--out", "no/such/folder.txt"]);
    assert_eq!((ended.code, &*ended.stdout), (Some(1), ""));
    assert!(
        ended
            .stderr
            .starts_with("[ERR] --out: cannot write no/such/folder.txt: "),
        "{ended:?}"
    );
    let ended = user.isol8(&["run", "--cmd", "echo shown", "--out", "/dev/full"]);
    assert_eq!((ended.code, &*ended.stdout), (Some(1), "shown\n"));
    assert!(
        ended.stderr.contains("No space left on device"),
        "{ended:?}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_that_names_the_file() {
    if std::env::var_os("ISOL8_SKIP_NAMESPACES").is_some() {
        isol8_testing::not_run("ISOL8_SKIP_NAMESPACES is set, and with it there is no full disk");
        return;
    }
    let user = User::new();
    user.write("full/kept.txt", "");
    let on_full_disk = |run: &str| {
        let line =
            format!("mount -t tmpfs -o size=64k none full && isol8 run --cmd \"$PROGRAM\" {run}");
        let line = format!("unshare --map-root-user --mount sh -c '{line}'");
        user.shell(&line, &[("PROGRAM", "yes | head -c 200000 | tee large")])
    };
    let ended = on_full_disk("--out full/out.txt");
    assert_eq!((ended.code, ended.stdout.len()), (Some(1), 200_000));
    let expected =
        "[ERR] --out: cannot write full/out.txt: No space left on device (os error 28)\n";
    assert_eq!(ended.stderr, expected);
    let ended = on_full_disk("--output-path large:full/large");
    assert_eq!((ended.code, ended.stdout.len()), (Some(1), 200_000));
    for part in ["[ERR] ", "full/large", "No space left on device"] {
        assert!(ended.stderr.contains(part), "{part} in {}", ended.stderr);
    }
}
