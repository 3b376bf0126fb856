//! `run --files` with more than this machine should hold in memory.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use crate::common::{User, ended};

/// Most memory that the command may have, in KiB. It has about 35 MiB, whatever the size of the folder.
const MOST_KIB: u64 = 100 << 10;

/// Bytes and number of all files. The long run has as much as a folder may have.
fn sizes() -> (u64, usize) {
    if std::env::var_os("ISOL8_TEST_LONG").is_some() {
        (2 << 30, 100_000)
    } else {
        (256 << 20, 5000)
    }
}

/// The most memory that a process has had, in KiB.
fn peak(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let mut lines = status.lines();
    let peak = lines.find_map(|line| line.strip_prefix("VmHWM:"));
    peak.unwrap().trim_end_matches("kB").trim().parse().unwrap()
}

#[test]
fn a_large_folder_is_sent_without_being_in_memory() {
    let user = User::new();
    let (bytes, files) = sizes();
    for count in 1..files {
        user.write(&format!("d/{}/{count}", count % 10), format!("{count:05}"));
    }
    // The large one takes no disk: it is one hole.
    user.write("d/large", "");
    let large = fs::File::create(user.path("d/large")).unwrap();
    let rest = bytes - 5 * (files as u64 - 1);
    large.set_len(rest).unwrap();
    let program = "find . -type f | wc -l; stat -c %s large; cat 9/4999; echo; read line";
    for backend in ["docker", "local"] {
        let words = ["run", "--backend", backend, "-i", "--cmd", program];
        let limits = "--files d --memory 4g --sandbox-size 3g --timeout 600000";
        let limits: Vec<_> = limits.split(' ').collect();
        let mut child = user
            .command(&[&words[..], &limits].concat())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut told = String::new();
        while told.lines().count() < 3 && stdout.read_line(&mut told).unwrap() > 0 {}
        let expected = format!("{files}\n{rest}\n04999\n");
        let peak = (told == expected).then(|| peak(child.id()));
        drop(stdin);
        let ended = ended(child);
        assert_eq!((&*told, &*ended.stderr), (&*expected, ""), "{backend}");
        assert!(peak.unwrap() < MOST_KIB, "{backend}: {peak:?} KiB");
    }
}

#[test]
fn a_folder_that_does_not_fit_is_an_error_that_names_the_file() {
    let user = User::new();
    user.write("d/small", "1");
    user.write("d/large.bin", vec![0; 3 << 20]);
    let path = "[ERR] Failed to write file /sandbox/large.bin in container (exit code 1): ";
    for more in [&[][..], &["--no-stream"]] {
        let words = ["run", "--cmd", "echo never", "--files", "d"];
        let ended = user.isol8(&[&words[..], &["--sandbox-size", "2m"], more].concat());
        assert_eq!((ended.code, &*ended.stdout), (Some(1), ""));
        let stderr = &ended.stderr;
        assert!(stderr.starts_with(path), "{stderr}");
        assert!(stderr.contains("No space left on device"), "{stderr}");
    }
    let file = fs::File::create(user.path("d/large.bin")).unwrap();
    file.set_len(2 << 30).unwrap();
    let folder = user.path("d").canonicalize().unwrap();
    user.isol8(&["run", "--cmd", "echo never", "--files", "d"])
        .failed(&format!(
            "[ERR] --files: {} has more than 100000 files or more than 2147483648 bytes.",
            folder.display()
        ));
    file.set_len(100 << 20).unwrap();
    let remote = ["--host", "http://127.0.0.1:1", "--key", "k"];
    let words = ["run", "--cmd", "echo never", "--files", "d"];
    user.isol8(&[&words[..], &remote].concat()).failed(
        "[ERR] --files: the folder has 104857601 bytes, and a request to a server may have 94371840. \
         Leave out what the program does not need.",
    );
}
