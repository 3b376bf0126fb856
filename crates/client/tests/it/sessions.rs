//! Sessions and their files, with the real server.

use isol8_api::options::RawOptions;
use isol8_client::{Reason, RemoteClient};
use isol8_fakes::{Exchange, done, exited, file, stdout};

use crate::support::{KEY, Scripted, body};

#[tokio::test]
async fn calls_of_a_session_share_its_sandbox() {
    let script = vec![
        Exchange::new("call /sandbox/main.sh", [stdout("a"), exited(0)]),
        Exchange::new("write /sandbox/a b", [done()]),
        Exchange::new("read /sandbox/a b", [file("\u{0}é")]),
    ];
    let server = Scripted::start([script]).await;
    let client = server.client();
    let id = "s/1 +ä";
    let mut first = body(Some(id));
    // Without looking for registries of packages first.
    first.options = Some(RawOptions {
        install_network: Some(false),
        ..RawOptions::default()
    });
    client.execute(&first).await.unwrap();
    client
        .put_file(id, "/sandbox/a b", &[0, 255])
        .await
        .unwrap();
    let content = client.get_file(id, "/sandbox/a b").await.unwrap();
    assert_eq!(content, "\u{0}é".as_bytes());
    let [session] = &client.list_sessions().await.unwrap()[..] else {
        panic!("not one session");
    };
    assert_eq!((&*session.id, session.is_active), (id, false));
    client.delete_session(id).await.unwrap();
    assert!(client.list_sessions().await.unwrap().is_empty());
    client.delete_session(id).await.unwrap();
    let error = client.get_file(id, "/sandbox/a b").await.unwrap_err();
    assert_eq!(error.to_string(), "File download failed: Session not found");
    assert_eq!(error.code(), "ISOL8_NOT_FOUND");
    let error = client.put_file(id, "/a", b"").await.unwrap_err();
    assert_eq!(error.to_string(), "File upload failed: Session not found");
    server.end().await;
}

#[tokio::test]
async fn a_wrong_key_is_an_error_of_every_call() {
    let server = Scripted::start([]).await;
    let client = RemoteClient::new(&format!("{}/", server.host), "wrong").unwrap();
    client.health().await.unwrap();
    let told = crate::support::stream(&client, &body(None)).await;
    let errors = [
        client.execute(&body(None)).await.unwrap_err(),
        told.end.unwrap_err(),
        client.list_sessions().await.unwrap_err(),
        client.delete_session("x").await.unwrap_err(),
        client.cleanup(true).await.unwrap_err(),
        client.queue_status().await.unwrap_err(),
        client
            .login(&isol8_api::http::NewKeyBody::default())
            .await
            .unwrap_err(),
    ];
    for error in errors {
        assert!(
            matches!(error.reason, Reason::Server { status: 403, .. }),
            "{error}"
        );
        assert!(error.to_string().ends_with(": Invalid API key"), "{error}");
        assert_eq!(error.code(), "ISOL8_FORBIDDEN");
    }
    let status = RemoteClient::new(&server.host, KEY)
        .unwrap()
        .queue_status()
        .await
        .unwrap();
    assert!(status.into_json().contains("\"available\""));
    server.end().await;
}
