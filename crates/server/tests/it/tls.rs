//! Encrypted connections, with certificates that are made here.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use isol8_fakes::{exited, stdout};
use isol8_server::{Listener, Settings, Tls};
use rcgen::{CertificateParams, KeyPair};
use reqwest::Certificate;
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsConnector;

use crate::support::{
    KEY, Scripted, ScriptedPlace, TestServer, bash, config, json, program, raw_answer,
};

/// Files of a certificate and its key.
struct Files {
    folder: TempDir,
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = Self {
            certificate: folder.path().join("cert.pem"),
            key: folder.path().join("key.pem"),
            folder,
        };
        files.renew();
        files
    }

    /// Writes a new certificate and its key.
    fn renew(&self) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        fs::write(&self.certificate, certificate.pem()).unwrap();
        fs::write(&self.key, key.serialize_pem()).unwrap();
    }

    fn pem(&self) -> Certificate {
        Certificate::from_pem(&fs::read(&self.certificate).unwrap()).unwrap()
    }

    fn load(&self) -> Result<Tls, String> {
        Tls::load(&self.certificate, &self.key).map_err(|error| error.to_string())
    }
}

/// A server with this certificate.
async fn serve(tls: Tls, starts: Vec<isol8_fakes::Start>) -> (TestServer, Arc<Scripted>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let scripted = Scripted::new(starts);
    let place = Arc::new(ScriptedPlace(Arc::clone(&scripted)));
    let settings = Settings::new(KEY, config(json!({})));
    let listener = Listener::Tls(listener, tls);
    (
        TestServer::start_on(listener, address, &settings, place),
        scripted,
    )
}

/// The status of `/health` for a client that trusts `certificate` alone.
async fn health(address: SocketAddr, certificate: Certificate) -> Result<u16, reqwest::Error> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([certificate])
        .resolve("localhost", address)
        .build()?;
    let url = format!("https://localhost:{}/health", address.port());
    Ok(client.get(url).send().await?.status().as_u16())
}

#[tokio::test]
async fn a_program_runs_over_an_encrypted_connection() {
    let files = Files::new();
    let starts = vec![bash(vec![program([stdout("hello"), exited(0)])])];
    let (server, _) = serve(files.load().unwrap(), starts).await;
    let mut roots = RootCertStore::empty();
    let trusted = fs::read(&files.certificate).unwrap();
    let trusted = rustls::pki_types::pem::PemObject::from_pem_slice(&trusted).unwrap();
    roots.add(trusted).unwrap();
    let client = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(server.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(client));
    let answer = raw_answer(connector.connect(name, stream).await.unwrap()).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains(r#""stdout":"hello""#), "{answer}");
    server.end().await;
}

#[tokio::test]
async fn a_certificate_is_exchanged_while_the_server_serves() {
    let files = Files::new();
    let tls = files.load().unwrap();
    let (server, _) = serve(tls.clone(), Vec::new()).await;
    let first = files.pem();
    assert_eq!(health(server.address, first.clone()).await.unwrap(), 200);
    files.renew();
    assert_eq!(health(server.address, first.clone()).await.unwrap(), 200);
    tls.reload().unwrap();
    let second = files.pem();
    assert_eq!(health(server.address, second.clone()).await.unwrap(), 200);
    assert!(health(server.address, first).await.is_err());
    // What cannot be used changes nothing.
    fs::write(&files.key, "no key").unwrap();
    assert!(tls.reload().is_err());
    assert_eq!(health(server.address, second).await.unwrap(), 200);
    server.end().await;
}

#[tokio::test]
async fn a_request_without_encryption_is_told_so() {
    let files = Files::new();
    let (server, _) = serve(files.load().unwrap(), Vec::new()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = "GET /health HTTP/1.1\r\nhost: x\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let body: crate::support::Value = serde_json::from_str(body).unwrap();
    let text = "This port speaks HTTPS only: use an address that begins with https://";
    assert_eq!(
        body,
        json!({"error": text, "code": "ISOL8_INVALID_REQUEST"})
    );
    assert_eq!(health(server.address, files.pem()).await.unwrap(), 200);
    server.end().await;
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let (files, other) = (Files::new(), Files::new());
    let with = |certificate: &Path, key: &Path| {
        let error = Tls::load(certificate, key).unwrap_err().to_string();
        let folders = [(&files, ""), (&other, "other/")];
        folders.iter().fold(error, |error, (files, name)| {
            error.replace(&format!("{}/", files.folder.path().display()), name)
        })
    };
    let missing = files.folder.path().join("missing.pem");
    for (error, told) in [
        (
            with(&missing, &files.key),
            "Cannot read the TLS certificate missing.pem: No such file or directory (os error 2)",
        ),
        (
            with(&files.certificate, &missing),
            "Cannot read the TLS key missing.pem: No such file or directory (os error 2)",
        ),
        (
            with(&files.key, &files.key),
            "Invalid TLS certificate key.pem: it has no certificate in PEM",
        ),
        (
            with(&files.certificate, &files.certificate),
            "Invalid TLS key cert.pem: it has no private key in PEM (encrypted keys are not read)",
        ),
        (
            with(&files.certificate, &other.key),
            "The TLS key other/key.pem does not belong to the certificate cert.pem: give the key that the certificate was \
             made with",
        ),
        (
            with(files.folder.path(), &files.key)
                .replace(&files.folder.path().display().to_string(), "folder"),
            "Invalid TLS certificate folder: it is no file",
        ),
    ] {
        assert_eq!(error, told);
    }
    fs::write(&missing, vec![b'x'; 1024 * 1024 + 1]).unwrap();
    assert_eq!(
        with(&missing, &files.key),
        "Invalid TLS certificate missing.pem: it has more than 1048576 bytes"
    );
    files.load().unwrap();
}
