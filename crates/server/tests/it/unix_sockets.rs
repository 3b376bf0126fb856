//! Servers on a socket of the file system.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::Arc,
};

use isol8_fakes::{exited, stdout};
use isol8_server::{Listener, Settings, SocketError, SocketFile};
use tokio::net::UnixStream;

use crate::support::{
    KEY, Scripted, ScriptedPlace, TestServer, bash, config, json, program, raw_answer,
};

/// A server on this socket, whose sandbox answers once.
async fn serve(path: &Path) -> TestServer {
    let socket = SocketFile::bind(path).await.unwrap();
    let scripted = Scripted::new([bash(vec![program([stdout("hello"), exited(0)])])]);
    let settings = Settings::new(KEY, config(json!({})));
    let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let place = Arc::new(ScriptedPlace(scripted));
    TestServer::start_on(Listener::Unix(socket), nowhere, &settings, place)
}

/// The answer to a program.
async fn run(path: &Path) -> String {
    raw_answer(UnixStream::connect(path).await.unwrap()).await
}

#[tokio::test]
async fn only_its_user_may_connect_and_it_is_gone_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let server = serve(&path).await;
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let answer = run(&path).await;
    assert!(answer.contains(r#""stdout":"hello""#), "{answer}");
    server.end().await;
    assert!(!path.exists());
}

#[tokio::test]
async fn a_socket_that_nobody_uses_is_replaced_and_one_in_use_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let server = serve(&path).await;
    let error = SocketFile::bind(&path).await.unwrap_err();
    assert!(matches!(error, SocketError::InUse(_)), "{error}");
    let told = format!(
        "Cannot listen on the socket {}: another program uses it. End that program, or choose another path",
        path.display()
    );
    assert_eq!(error.to_string(), told);
    let answer = run(&path).await;
    assert!(answer.contains(r#""stdout":"hello""#), "{answer}");
    server.end().await;
}

#[tokio::test]
async fn what_is_no_socket_stays_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let link = folder.path().join("link");
    fs::write(&path, "precious").unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    for path in [&path, &link] {
        let error = SocketFile::bind(path).await.unwrap_err();
        assert!(matches!(error, SocketError::NoSocket(_)), "{error}");
    }
    assert_eq!(fs::read_to_string(&link).unwrap(), "precious");
    // Neither does what has taken the place of a socket.
    let other = folder.path().join("other");
    let socket = SocketFile::bind(&other).await.unwrap();
    fs::remove_file(&other).unwrap();
    fs::write(&other, "precious").unwrap();
    drop(socket);
    assert_eq!(fs::read_to_string(&other).unwrap(), "precious");
}

#[tokio::test]
async fn servers_that_start_at_once_on_one_socket_are_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let bound = futures::future::join_all((0..8).map(|_| SocketFile::bind(&path))).await;
    assert_eq!(bound.iter().filter(|bound| bound.is_ok()).count(), 1);
    UnixStream::connect(&path).await.unwrap();
    let error = SocketFile::bind(&folder.path().join("no/s")).await;
    let error = error.unwrap_err().to_string();
    assert!(
        error.ends_with("no/s: No such file or directory (os error 2)"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_locked_folder_is_an_error_and_not_a_wait_without_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let lock = fs::File::open(folder.path()).unwrap();
    lock.lock().unwrap();
    let error = SocketFile::bind(&path).await.unwrap_err().to_string();
    let told = format!(
        "Cannot listen on the socket {}: another program has locked the folder {} for 10 s. End that program, or choose another folder",
        path.display(),
        folder.path().display()
    );
    assert_eq!(error, told);
    // Whoever has it for a moment only is waited for.
    let (bound, ()) = tokio::join!(SocketFile::bind(&path), async {
        tokio::time::sleep(std::time::Duration::from_secs(5)).await;
        drop(lock);
    });
    bound.unwrap();
}
