//! Installations from a scripted registry.

use std::{
    sync::{LazyLock, Mutex},
    time::Duration,
};

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest as _, Sha512};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;
use crate::Pin;

/// Longer than anything here takes, so that a hang is a failure.
const PATIENCE: Duration = Duration::from_mins(1);

/// A tarball with these files, each a program with its own path as content.
fn tarball(files: &[&str]) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for file in files {
        let mut header = tar::Header::new_ustar();
        header.set_mode(0o755);
        header.set_size(file.len() as u64);
        archive
            .append_data(&mut header, format!("package/{file}"), file.as_bytes())
            .unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

static NODE: LazyLock<Vec<u8>> = LazyLock::new(|| tarball(&["bin/node", "README.md"]));
static NPM: LazyLock<Vec<u8>> = LazyLock::new(|| tarball(&["bin/npm-cli.js", "npmrc"]));

/// Pins of the tarballs of these tests.
fn pins(name: &str) -> Option<&'static Pin> {
    static PINS: LazyLock<[Pin; 2]> = LazyLock::new(|| {
        let pin = |tarball, bytes: &[u8]| Pin {
            version: "1.2.3",
            tarball,
            sha512: String::leak(hex::encode(Sha512::digest(bytes))),
        };
        [pin("node.tgz", &NODE), pin("npm.tgz", &NPM)]
    });
    match name {
        "node" => Some(&PINS[0]),
        "npm" => Some(&PINS[1]),
        _ => None,
    }
}

/// What the registry answers to a path: status line and body. `None` sends half an answer and then nothing.
type Answer = fn(&str) -> Option<(&'static str, &'static [u8])>;

fn good(path: &str) -> Option<(&'static str, &'static [u8])> {
    match path {
        "/node.tgz" => Some(("200 OK", &NODE)),
        "/npm.tgz" => Some(("200 OK", &NPM)),
        _ => None,
    }
}

/// An installer into `folder` from a registry with these answers.
async fn installer(folder: &Path, answer: Answer) -> Installer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    request.push(stream.read_u8().await.unwrap());
                }
                let text = String::from_utf8(request).unwrap();
                let path = text.split(' ').nth(1).unwrap();
                let head = |status: &str, length: usize| {
                    format!(
                        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
                    )
                };
                if let Some((status, body)) = answer(path) {
                    let head = head(status, body.len());
                    stream.write_all(head.as_bytes()).await.unwrap();
                    stream.write_all(body).await.unwrap();
                } else {
                    let head = head("200 OK", 1000) + "half";
                    stream.write_all(head.as_bytes()).await.unwrap();
                    // Until the client goes away.
                    let _ = stream.read_u8().await;
                }
            });
        }
    });
    let sources = ImageSources {
        npm_registry: Some(address),
        ..ImageSources::default()
    };
    Installer {
        pins,
        ..Installer::new(folder.to_owned(), &sources).unwrap()
    }
}

/// Names in a folder, sorted, without the lock.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| name != ".lock")
        .collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn a_runtime_is_put_together_and_then_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("isol8/runtimes");
    let installer = installer(&folder, good).await;
    let steps = Mutex::new(Vec::new());
    let report = |step| steps.lock().unwrap().push(step);
    let first = installer.install("node", false, &report).await.unwrap();
    assert_eq!(first.prefix, folder.join("node"));
    assert_eq!((first.version, first.new), ("1.2.3", true));
    let read = |path: &str| fs::read_to_string(first.prefix.join(path)).unwrap();
    assert_eq!(read("bin/node"), "bin/node");
    assert_eq!(read("bin/npm"), "bin/npm-cli.js", "the link leads there");
    assert_eq!(
        read("lib/node_modules/npm/npmrc"),
        "npmrcupdate-notifier=false\n"
    );
    assert!(!first.prefix.join("README.md").exists());
    let seen = steps.lock().unwrap().clone();
    let whole = |what: &str, bytes: &[u8]| Step::Downloading {
        what: what.to_owned(),
        bytes: bytes.len() as u64,
        of: Some(bytes.len() as u64),
    };
    let unpacking = |what: &str| Step::Unpacking {
        what: what.to_owned(),
    };
    let expected = [
        whole("node 1.2.3", &NODE),
        unpacking("node 1.2.3"),
        whole("npm 1.2.3", &NPM),
        unpacking("npm 1.2.3"),
    ];
    assert_eq!(seen, expected);

    let nothing = |step| panic!("{step:?}");
    let again = installer.install("node", false, &nothing).await.unwrap();
    assert!(!again.new);
    assert_eq!(names(&folder), ["node"]);

    let forced = installer.install("node", true, &|_| {}).await.unwrap();
    assert!(forced.new);
    assert_eq!(names(&folder), [".old-node", "node"]);
    installer.install("node", true, &|_| {}).await.unwrap();
    assert_eq!(names(&folder), [".old-node", "node"]);
}

#[tokio::test]
async fn two_at_once_install_once() {
    let folder = tempfile::tempdir().unwrap();
    let installer = installer(folder.path(), good).await;
    let install = || installer.install("node", false, &|_| {});
    let (first, second) = tokio::join!(install(), install());
    assert_eq!(
        [first.unwrap().new, second.unwrap().new]
            .iter()
            .filter(|new| **new)
            .count(),
        1
    );
}

#[tokio::test]
async fn another_content_than_the_pinned_one_is_not_installed() {
    let folder = tempfile::tempdir().unwrap();
    let installer = installer(folder.path(), |_| Some(("200 OK", &NPM))).await;
    let error = installer.install("node", false, &|_| {}).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, InstallError::Digest { .. }), "{text}");
    assert!(text.contains("/node.tgz is not what is pinned"), "{text}");
    assert!(names(folder.path()).is_empty());
}

#[tokio::test]
async fn a_registry_that_refuses_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let installer = installer(folder.path(), |_| Some(("404 Not Found", b""))).await;
    let error = installer.install("node", false, &|_| {}).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("/node.tgz: the registry answered 404 Not Found"),
        "{text}"
    );
    assert!(text.contains("ISOL8_NPM_REGISTRY"), "{text}");
    assert!(names(folder.path()).is_empty());
}

#[tokio::test]
async fn dropping_an_installation_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let installer = installer(folder.path(), |_| None).await;
    let (begun, begins) = tokio::sync::oneshot::channel();
    let begun = Mutex::new(Some(begun));
    let report = |_| {
        if let Some(begun) = begun.lock().unwrap().take() {
            begun.send(()).unwrap();
        }
    };
    tokio::select! {
        ended = installer.install("node", false, &report) => panic!("{ended:?}"),
        begun = tokio::time::timeout(PATIENCE, begins) => begun.unwrap().unwrap(),
    }
    assert!(names(folder.path()).is_empty());
    // The turn was given back.
    let good = self::installer(folder.path(), good).await;
    let install = good.install("node", false, &|_| {});
    assert!(
        tokio::time::timeout(PATIENCE, install)
            .await
            .unwrap()
            .is_ok()
    );
}

#[tokio::test]
async fn what_a_killed_installation_has_left_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join(".partial-1/new")).unwrap();
    let installer = installer(folder.path(), good).await;
    installer.install("node", false, &|_| {}).await.unwrap();
    assert_eq!(names(folder.path()), ["node"]);
}

#[tokio::test]
async fn a_runtime_without_a_pin_has_an_error_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let installer = installer(folder.path(), good).await;
    for runtime in ["python", "deno"] {
        let error = installer
            .install(runtime, false, &|_| {})
            .await
            .unwrap_err();
        let text = error.to_string();
        assert!(
            text.ends_with(&format!("Install {runtime} on this machine.")),
            "{text}"
        );
    }
}
