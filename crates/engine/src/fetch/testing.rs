//! What the tests of fetching stand on: a table of names, and servers in this process.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::future::BoxFuture;
use isol8_egress::{LookupTurn, Resolver};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

/// Answers from a table; each name has a list of answers, the last of which stays.
#[derive(Default)]
pub(super) struct Names(Mutex<HashMap<&'static str, Vec<Vec<IpAddr>>>>);

impl Names {
    pub(super) fn with(entries: &[(&'static str, &[&str])]) -> Arc<Self> {
        let names = Self::default();
        for (name, answers) in entries {
            let answers = answers
                .iter()
                .rev()
                .map(|answer| answer.split(' ').map(|ip| ip.parse().unwrap()).collect())
                .collect();
            names.0.lock().unwrap().insert(name, answers);
        }
        Arc::new(names)
    }
}

impl Resolver for Names {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        _turn: LookupTurn,
    ) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let mut names = self.0.lock().unwrap();
            let answers = names.get_mut(host).ok_or(io::ErrorKind::NotFound)?;
            match answers.len() {
                1 => Ok(answers[0].clone()),
                _ => Ok(answers.pop().unwrap()),
            }
        })
    }
}

/// A server that gives the same answer to every request.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    requests: Arc<AtomicUsize>,
    pub(super) seen: Arc<Mutex<String>>,
}

impl Server {
    pub(super) async fn new(answer: impl Into<Vec<u8>>) -> Self {
        Self::start(answer.into(), None).await
    }

    pub(super) async fn start(answer: Vec<u8>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let seen = Arc::new(Mutex::new(String::new()));
        let (count, last) = (Arc::clone(&requests), Arc::clone(&seen));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let (answer, tls, last) = (answer.clone(), tls.clone(), Arc::clone(&last));
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &answer, &last).await;
                            }
                        }
                        None => serve(stream, &answer, &last).await,
                    }
                });
            }
        });
        Self {
            address,
            requests,
            seen,
        }
    }

    pub(super) fn url(&self, host: &str) -> String {
        format!("http://{host}:{}/main.py?x=1#part", self.address.port())
    }

    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

async fn serve(
    mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    answer: &[u8],
    seen: &Mutex<String>,
) {
    let mut head = vec![0; 4096];
    let length = stream.read(&mut head).await.unwrap_or(0);
    *seen.lock().unwrap() = String::from_utf8_lossy(&head[..length]).into_owned();
    if answer.is_empty() {
        std::future::pending::<()>().await;
    }
    let _ = stream.write_all(answer).await;
    let _ = stream.shutdown().await;
}

pub(super) fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub(super) fn moved(location: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
}
