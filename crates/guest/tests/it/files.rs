//! Writing and reading files.

use isol8_protocol::{
    AfterExit, ErrorKind, ExecRequest, FileRequest, FrameKind, ReadRequest, Reply, Request,
};

use crate::common::{Sandbox, failure, sh};

#[tokio::test]
async fn contents_survive_the_round_trip() {
    let sandbox = Sandbox::start().await;
    let pattern: Vec<u8> = (0..=u8::MAX).cycle().take(1_000_003).collect();
    let data = pattern.repeat(33);
    for data in [&[][..], b"x", &data] {
        assert_eq!(sandbox.write("/sandbox/a/b/file", data).await, Reply::Done);
        assert!(sandbox.read("/sandbox/a/b/file").await.unwrap() == data);
    }
    let facts = sandbox
        .sh("stat -c %a:%u:%g /sandbox/a/b /sandbox/a/b/file; ls -A a/b")
        .await;
    assert_eq!(facts, "755:100:101\n644:100:101\nfile\n");
}

#[tokio::test]
async fn any_path_is_used_as_it_is() {
    let sandbox = Sandbox::start().await;
    for name in [
        "a b",
        "-rf",
        "'; echo \"$(id)\" `id`",
        "line\nbreak",
        "ü語😀",
        "a\\b",
        "*",
        "%s",
    ] {
        let path = format!("/sandbox/{name}/{name}");
        assert_eq!(
            sandbox.write(&path, name.as_bytes()).await,
            Reply::Done,
            "{name}"
        );
        assert_eq!(sandbox.read(&path).await.unwrap(), name.as_bytes());
    }
    for path in ["relative", "", "/sandbox/a\0b"] {
        assert_eq!(
            failure(sandbox.write(path, b"x").await).0,
            ErrorKind::Invalid,
            "{path:?}"
        );
        assert_eq!(
            failure(sandbox.read(path).await.unwrap_err()).0,
            ErrorKind::Invalid
        );
    }
    let long = format!("/sandbox/{}", "x".repeat(300));
    assert_eq!(
        failure(sandbox.write(&long, b"x").await).0,
        ErrorKind::Invalid
    );
}

#[tokio::test]
async fn a_link_gives_no_more_rights_than_user_code_has() {
    let sandbox = Sandbox::start().await;
    sandbox
        .sh("ln -s /secret/file file; ln -s /secret dir; ln -s /proc/1/environ env")
        .await;
    for path in [
        "/sandbox/file",
        "/sandbox/dir/file",
        "/sandbox/env",
        "/secret/file",
    ] {
        let (kind, reported, _) = failure(sandbox.read(path).await.unwrap_err());
        assert_eq!((kind, reported.as_str()), (ErrorKind::Denied, path));
    }
    for path in [
        "/sandbox/dir/file",
        "/sandbox/dir/new",
        "/etc/new",
        "/.isol8/guest",
    ] {
        assert_eq!(
            failure(sandbox.write(path, b"x").await).0,
            ErrorKind::Denied,
            "{path}"
        );
    }
    // A link at the end of the path is replaced, not followed.
    assert_eq!(sandbox.write("/sandbox/file", b"own").await, Reply::Done);
    assert_eq!(sandbox.sh("cat file; test ! -L file").await, "own");
    sandbox.sh("ln -s loop loop").await;
    let (kind, ..) = failure(sandbox.read("/sandbox/loop").await.unwrap_err());
    assert_eq!(kind, ErrorKind::NotAFile);
}

#[tokio::test]
async fn only_regular_files_are_read_and_nothing_hangs() {
    let sandbox = Sandbox::start().await;
    sandbox
        .sh("mkdir dir; mkfifo fifo; echo x > file; ln -s fifo link")
        .await;
    for (path, word) in [
        ("dir", "directory"),
        ("fifo", "named pipe"),
        ("link", "named pipe"),
        ("file/x", ""),
    ] {
        let path = format!("/sandbox/{path}");
        let (kind, _, message) = failure(sandbox.read(&path).await.unwrap_err());
        assert_eq!(kind, ErrorKind::NotAFile, "{path}: {message}");
        assert!(message.contains(word), "{message}");
    }
    for path in ["dir", "fifo", "file/x", "new/", "dir/."] {
        let path = format!("/sandbox/{path}");
        assert_eq!(
            failure(sandbox.write(&path, b"x").await).0,
            ErrorKind::NotAFile,
            "{path}"
        );
    }
    assert_eq!(
        failure(sandbox.write("/", b"x").await).0,
        ErrorKind::NotAFile
    );
    assert_eq!(
        failure(sandbox.read("/dev/zero").await.unwrap_err()).0,
        ErrorKind::NotAFile
    );
    assert_eq!(
        failure(sandbox.read("/sandbox/no").await.unwrap_err()).0,
        ErrorKind::NotFound
    );
    let own = sandbox.read("/proc/self/status").await.unwrap();
    let own = String::from_utf8(own).unwrap();
    // The second and the fourth id give the rights in the file system.
    for line in ["Uid:\t103\t100\t103\t100", "CapPrm:\t0000000000000000"] {
        assert!(own.contains(line), "{own}");
    }
}

#[tokio::test]
async fn a_full_sandbox_is_an_error_and_keeps_the_old_file() {
    let sandbox = Sandbox::start().await;
    sandbox.write("/sandbox/file", b"old").await;
    let (kind, path, _) = failure(sandbox.write("/sandbox/file", &vec![1; 70 << 20]).await);
    assert_eq!((kind, path.as_str()), (ErrorKind::NoSpace, "/sandbox/file"));
    assert_eq!(sandbox.sh("cat file; ls -A").await, "oldfile\n");
}

#[tokio::test]
async fn a_broken_transfer_changes_nothing() {
    let sandbox = Sandbox::start().await;
    sandbox.write("/sandbox/file", b"old").await;
    for half_closed in [true, false] {
        let request = FileRequest {
            path: "/sandbox/file".into(),
        };
        let mut stream = sandbox.send(&Request::WriteFile(request)).await;
        stream.frame(FrameKind::Data, b"new").await;
        if half_closed {
            use futures::AsyncWriteExt;
            stream.0.close().await.unwrap();
            assert_eq!(stream.next().await, None);
        }
        drop(stream);
    }
    // The helper notices the end by itself. A later request would come after that only by chance.
    sandbox.until_nothing_runs().await;
    assert_eq!(sandbox.sh("cat file; ls -A").await, "oldfile\n");
}

#[tokio::test]
async fn replacing_a_file_keeps_its_permissions() {
    let sandbox = Sandbox::start().await;
    sandbox
        .sh("echo > tool; chmod 750 tool; ln tool other")
        .await;
    assert_eq!(sandbox.write("/sandbox/tool", b"new").await, Reply::Done);
    assert_eq!(sandbox.sh("stat -c %a tool; cat other").await, "750\n\n");
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_the_reading() {
    let sandbox = Sandbox::start().await;
    sandbox.sh("head -c 20000000 /dev/zero > big").await;
    for _ in 0..20 {
        let request = ReadRequest {
            path: "/sandbox/big".into(),
            max_bytes: u64::MAX,
        };
        let mut stream = sandbox.send(&Request::ReadFile(request)).await;
        stream.next().await.unwrap();
    }
    sandbox.until_nothing_runs().await;
}

#[tokio::test]
async fn nothing_is_sent_of_a_file_above_the_limit() {
    let sandbox = Sandbox::start().await;
    sandbox
        .sh("truncate -s 100G sparse; printf 12345 > five")
        .await;
    let read = async |path: &str, max_bytes| {
        let path = path.to_owned();
        let request = ReadRequest { path, max_bytes };
        let mut stream = sandbox.send(&Request::ReadFile(request)).await;
        stream.next().await.expect("a frame")
    };
    for (path, limit, size) in [
        ("/sandbox/sparse", 100 << 30, None),
        ("/sandbox/sparse", (100 << 30) - 1, Some(100_u64 << 30)),
        ("/sandbox/five", 5, None),
        ("/sandbox/five", 4, Some(5)),
    ] {
        let (kind, payload) = read(path, limit).await;
        let Some(size) = size else {
            assert_eq!(kind, FrameKind::Data, "{path}");
            continue;
        };
        let message = format!("it has {size} bytes, the limit is {limit}");
        assert_eq!(
            failure(isol8_protocol::decode(&payload).unwrap()),
            (ErrorKind::TooLarge, path.to_owned(), message)
        );
    }
}

#[tokio::test]
async fn files_move_while_a_program_ends() {
    let sandbox = Sandbox::start().await;
    let data = vec![7; 8 << 20];
    let writing = async {
        for n in 0..5 {
            assert_eq!(
                sandbox.write(&format!("/sandbox/{n}"), &data).await,
                Reply::Done
            );
        }
    };
    let running = async {
        for _ in 0..10 {
            sandbox.sh("sleep 60 & true").await;
        }
    };
    futures::join!(writing, running);
}

#[tokio::test]
async fn user_code_cannot_reach_helpers() {
    let sandbox = Sandbox::start().await;
    let request = FileRequest {
        path: "/sandbox/file".into(),
    };
    let mut stream = sandbox.send(&Request::WriteFile(request)).await;
    stream.frame(FrameKind::Data, b"x").await;
    let script = "for p in /proc/[0-9]*; do p=${p#/proc/}; [ $p = 1 ] || [ $p = $$ ] ||
        ls -l /proc/$p/fd /proc/$p/mem 2>/dev/null | grep -c pipe; done; true";
    let request = ExecRequest {
        after_exit: AfterExit::Keep,
        ..sh(script)
    };
    let seen = sandbox.exec(request).await.stdout();
    assert!(
        seen.lines().all(|count| count == "0"),
        "descriptors of the helper: {seen}"
    );
}

/// Stops every process that it may stop.
const STOPPER: &str = "setsid sh -c 'while :; do for p in /proc/[0-9]*; do p=${p#/proc/}
    [ $p = $$ ] || [ $p = 1 ] || kill -STOP $p; done; done' >/dev/null 2>&1 &";

#[tokio::test]
async fn a_program_that_was_left_running_cannot_stop_helpers() {
    let sandbox = Sandbox::start().await;
    let stopper = ExecRequest {
        after_exit: AfterExit::Keep,
        ..sh(STOPPER)
    };
    sandbox.exec(stopper).await.report();
    let data = vec![1; 8 * 1024 * 1024];
    for _ in 0..8 {
        assert_eq!(sandbox.write("/sandbox/file", &data).await, Reply::Done);
        assert!(sandbox.read("/sandbox/file").await.unwrap() == data);
    }
    assert!(sandbox.must_reset().await.processes >= 1);
}
