//! HTTP without TLS in tunnels to other ports than 80 and 443.

use isol8_api::result::NetworkAction;
use serde_json::json;

use super::world::{World, filtered};
use crate::common::run;

/// Sends each request into a tunnel of its own to port 8080 of a.test. Prints the first line and the text
/// of each answer.
const ASK: &str = r"import socket
for request in (
    'GET /hello HTTP/1.1\r\nHost: a.test:8080\r\nConnection: close\r\n\r\n',
    'GET /hello HTTP/1.1\r\nHost: b.test:8080\r\nConnection: close\r\n\r\n',
    '\r\n\r\nGET /hello HTTP/1.1\r\nHost: b.test:8080\r\nConnection: close\r\n\r\n',
    'GET\t/hello\tHTTP/1.1\r\nHost: b.test:8080\r\nConnection: close\r\n\r\n',
    'GET /hello\r\nHost: b.test:8080\r\nConnection: close\r\n\r\n',
    'GET http://b.test:8080/hello HTTP/1.1\r\nHost: b.test:8080\r\nConnection: close\r\n\r\n',
    'GET /hello HTTP/1.1\r\nHost: b.test:8080\r\nHost: a.test:8080\r\nConnection: close\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
):
    for pieces in (request,), request:
        with socket.create_connection(('127.0.0.1', 8118), timeout=30) as tunnel:
            tunnel.sendall(b'CONNECT a.test:8080 HTTP/1.1\r\n\r\n')
            assert tunnel.recv(4096).startswith(b'HTTP/1.1 200')
            answer = b''
            try:
                for piece in pieces: tunnel.sendall(piece.encode())
                while data := tunnel.recv(4096): answer += data
            except OSError: pass
            lines = answer.decode().splitlines()
            print(lines[0] if lines else 'closed', '|', lines[-1] if lines else '')";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn http_in_a_tunnel_to_any_port_is_judged() {
    let world = World::new().await;
    for mode in ["ephemeral", "persistent"] {
        let engine = filtered(&["^a\\.test$"], &json!({"mode": mode}));
        let result = run(&engine, json!({"runtime": "python", "code": ASK}))
            .await
            .unwrap();
        let blocked = "HTTP/1.1 403 Forbidden | isol8: request to b.test blocked by network filter";
        let malformed = "HTTP/1.1 400 Bad Request |";
        let expected = [
            "HTTP/1.1 200 OK | hello",
            blocked,
            blocked,
            malformed,
            malformed,
            "HTTP/1.1 400 Bad Request | isol8: bad request: the request target must be a path",
            "HTTP/1.1 400 Bad Request | isol8: bad request: a request has exactly one Host field",
            "closed |",
        ];
        // Each request was sent in one piece, and again byte by byte.
        let twice: Vec<&str> = expected.iter().flat_map(|line| [*line; 2]).collect();
        let lines: Vec<&str> = result.stdout.lines().map(str::trim_end).collect();
        assert_eq!(lines, twice);
        let logged = result.network_logs.unwrap();
        let blocked = logged
            .iter()
            .filter(|entry| entry.action == NetworkAction::Block);
        let blocked: Vec<_> = blocked
            .map(|entry| (&*entry.method, &*entry.host, entry.count))
            .collect();
        let expected = [
            ("GET", "b.test", Some(4)),
            ("CONNECT", "a.test", Some(6)),
            ("GET", "a.test", Some(4)),
        ];
        assert_eq!(blocked, expected);
        let seen = world.take_seen();
        assert_eq!(seen.len(), 2, "{seen:?}");
        assert!(
            seen.iter()
                .all(|request| request.line == "GET a.test/hello")
        );
        engine.stop().await;
    }
}
