//! Many files with one message.

use isol8_protocol::{ErrorKind, InlineFile, MAX_BATCH_FILES, ReadFilesRequest, Reply, Request};

use crate::common::{Sandbox, failure};

fn numbered(count: usize) -> Vec<(String, Vec<u8>)> {
    (0..count)
        .map(|n| {
            (
                format!("/sandbox/d{}/{n}", n % 7),
                n.to_string().into_bytes(),
            )
        })
        .collect()
}

#[tokio::test]
async fn many_files_are_written_and_read_with_one_message_each() {
    let sandbox = Sandbox::start().await;
    let files = numbered(MAX_BATCH_FILES);
    assert_eq!(sandbox.write_many(&files).await, Reply::Done);
    let owners = sandbox
        .sh("find /sandbox -type f -user 100 -perm 644 | wc -l")
        .await;
    assert_eq!(owners, format!("{MAX_BATCH_FILES}\n"));
    let paths: Vec<_> = files.iter().map(|(path, _)| path.as_str()).collect();
    let (read, last) = sandbox.read_many(&paths, 1 << 20).await;
    assert_eq!((read.len(), last), (MAX_BATCH_FILES, Reply::Done));
    assert!(
        read.iter()
            .zip(&files)
            .all(|(read, (_, data))| read.as_ref() == Ok(data))
    );
    assert_eq!(
        sandbox.sh("ls -A /sandbox | grep -c isol8; true").await,
        "0\n"
    );
}

#[tokio::test]
async fn the_first_file_that_cannot_be_written_is_named() {
    let sandbox = Sandbox::start().await;
    let files = ["/sandbox/a", "/etc/b", "/sandbox/c"].map(|path| (path.to_owned(), vec![1]));
    let (kind, path, _) = failure(sandbox.write_many(&files).await);
    assert_eq!((kind, path.as_str()), (ErrorKind::Denied, "/etc/b"));
    assert_eq!(sandbox.sh("ls /sandbox").await, "a\n");
    for path in ["relative", "/sandbox/a\0b"] {
        let (kind, ..) = failure(sandbox.write_many(&[(path.to_owned(), Vec::new())]).await);
        assert_eq!(kind, ErrorKind::Invalid);
    }
    let many = numbered(MAX_BATCH_FILES + 1);
    let (kind, ..) = failure(sandbox.write_many(&many).await);
    assert_eq!(kind, ErrorKind::Invalid);
}

#[tokio::test]
async fn what_cannot_be_read_is_left_out_in_its_place() {
    let sandbox = Sandbox::start().await;
    let script = "printf 12345 >five; printf 1 >one; mkdir dir; mkfifo fifo; ln -s loop loop
        ln -s /secret/file secret; : >empty; truncate -s 1T sparse";
    sandbox.sh(script).await;
    let names = [
        "five", "none", "dir", "fifo", "loop", "secret", "sparse", "five", "empty", "one",
    ];
    let paths = names.map(|name| format!("/sandbox/{name}"));
    let mut paths: Vec<_> = paths.iter().map(String::as_str).collect();
    paths.push("relative");
    let (read, last) = sandbox.read_many(&paths, 6).await;
    assert_eq!(last, Reply::Done);
    assert_eq!(
        read,
        [
            Ok(b"12345".to_vec()),
            Err(ErrorKind::NotFound),
            Err(ErrorKind::NotAFile),
            Err(ErrorKind::NotAFile),
            Err(ErrorKind::NotAFile),
            Err(ErrorKind::Denied),
            Err(ErrorKind::TooLarge),
            // There is room for one more byte.
            Err(ErrorKind::TooLarge),
            Ok(Vec::new()),
            Ok(b"1".to_vec()),
            Err(ErrorKind::Invalid),
        ]
    );
}

#[tokio::test]
async fn large_files_come_whole() {
    let sandbox = Sandbox::start().await;
    let data: Vec<u8> = (0..=u8::MAX).cycle().take(5_000_003).collect();
    for path in ["/sandbox/a", "/sandbox/b"] {
        assert_eq!(sandbox.write(path, &data).await, Reply::Done);
    }
    let (read, last) = sandbox
        .read_many(&["/sandbox/a", "/sandbox/x", "/sandbox/b"], 1 << 30)
        .await;
    assert_eq!(last, Reply::Done);
    assert!(read[0].as_ref() == Ok(&data) && read[2].as_ref() == Ok(&data));
}

/// A host that goes away does not leave helpers behind, and the sandbox serves the next request.
#[tokio::test]
async fn a_host_that_gives_up_ends_the_work() {
    let sandbox = Sandbox::start().await;
    let files = numbered(MAX_BATCH_FILES)
        .into_iter()
        .map(|(path, data)| InlineFile { path, data });
    drop(sandbox.send(&Request::WriteFiles(files.collect())).await);
    sandbox.sh("truncate -s 100G sparse").await;
    let request = ReadFilesRequest {
        paths: vec!["/sandbox/sparse".to_owned(); 100],
        max_bytes: u64::MAX,
    };
    let mut stream = sandbox.send(&Request::ReadFiles(request)).await;
    stream.next().await.unwrap();
    drop(stream);
    sandbox.until_nothing_runs().await;
    assert_eq!(sandbox.write("/sandbox/next", b"x").await, Reply::Done);
    sandbox.must_reset().await;
}
