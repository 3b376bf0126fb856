//! A web server that answers as a test wants.

use std::{
    io::{BufRead as _, BufReader, Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A request that has arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Header lines, names in lower case.
    pub(crate) headers: Vec<String>,
    pub(crate) body: String,
}

/// The type and the bytes of an answer; none is 404.
type Answer = Option<(&'static str, Vec<u8>)>;

/// Answers each request on the listener until the process ends. Returns what has arrived so far.
pub(crate) fn serve(
    listener: TcpListener,
    answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
) -> Arc<Mutex<Vec<Seen>>> {
    serve_any(listener, None, answer)
}

/// The same over TLS.
pub(crate) fn serve_tls(
    listener: TcpListener,
    config: Arc<ServerConfig>,
    answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
) -> Arc<Mutex<Vec<Seen>>> {
    serve_any(listener, Some(config), answer)
}

fn serve_any(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
) -> Arc<Mutex<Vec<Seen>>> {
    let seen = Arc::<Mutex<Vec<Seen>>>::default();
    let (answer, log) = (Arc::new(answer), Arc::clone(&seen));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, tls) = (stream.unwrap(), tls.clone());
            let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
            // A client that goes away ends its own connection only.
            std::thread::spawn(move || match tls {
                None => converse(stream, &*answer, &log).ok(),
                Some(config) => {
                    let connection = ServerConnection::new(config).unwrap();
                    let stream = StreamOwned::new(connection, stream);
                    converse(stream, &*answer, &log).ok()
                }
            });
        }
    });
    seen
}

/// One request on each connection.
fn converse(
    stream: impl Read + Write,
    answer: &dyn Fn(&Seen) -> Answer,
    log: &Mutex<Vec<Seen>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut words = first.split_ascii_whitespace().map(str::to_owned);
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push(format!("{}: {}", name.to_lowercase(), value.trim()));
    }
    let length = headers
        .iter()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body)?;
    let request = Seen {
        method,
        path,
        headers,
        body: String::from_utf8_lossy(&body).into(),
    };
    let (status, (kind, bytes)) = match answer(&request) {
        Some(found) => ("200 OK", found),
        None => ("404 Not Found", ("text/plain", Vec::new())),
    };
    log.lock().unwrap().push(request);
    let stream = reader.get_mut();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        bytes.len()
    )?;
    stream.write_all(&bytes)?;
    stream.flush()
}
