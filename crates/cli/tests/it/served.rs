//! A server that a test starts, asks and ends.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, ChildStdout, Command},
    thread,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::common::{Ended, User, ended};

/// A server that serves. It is killed when its test ends without it.
pub(crate) struct Served {
    child: Option<Child>,
    stdout: BufReader<ChildStdout>,
    address: String,
}

impl Served {
    pub(crate) fn start(user: &User, words: &[&str]) -> Self {
        Self::start_with(user, words, &[])
    }

    /// The same with these variables of the environment.
    pub(crate) fn start_with(user: &User, words: &[&str], variables: &[(&str, &str)]) -> Self {
        let all = [&["serve", "--keep-images"], words].concat();
        Self::of(user.command(&all).envs(variables.iter().copied()))
    }

    /// The server of this command, which has a key.
    pub(crate) fn of(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut served = Self {
            child: Some(child),
            stdout,
            address: String::new(),
        };
        let banner = served.line();
        banner
            .trim_end()
            .strip_prefix("[INFO] isol8 server v")
            .and_then(|rest| rest.split_once(" listening on "))
            .unwrap_or_else(|| panic!("{banner:?}"))
            .1
            .clone_into(&mut served.address);
        assert_eq!(served.line(), "       Auth: Bearer token required\n");
        served
    }

    /// The next line of its standard output.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line
    }

    /// The address that it has shown.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Where this machine reaches it.
    pub(crate) fn host(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.rsplit_once(':').unwrap().1.parse().unwrap()
    }

    /// The answer to a request, head and body.
    pub(crate) fn ask(&self, request: &str, key: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port())).unwrap();
        write!(
            stream,
            "{request} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().unwrap();
        kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
    }

    pub(crate) fn end(self) -> Ended {
        self.end_by(Signal::SIGTERM)
    }

    /// Ends it by this signal.
    pub(crate) fn end_by(mut self, signal: Signal) -> Ended {
        self.signal(signal);
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
        ended(self.child.take().unwrap())
    }

    /// Ends it. Returns what it has written to standard error.
    pub(crate) fn end_well(self) -> String {
        let Ended { code, stderr, .. } = self.end();
        assert_eq!(code, Some(0), "{stderr}");
        stderr
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What a server says at its end.
pub(crate) const GOODBYE: &str =
    "[Serve] Shutting down server and cleaning up resources...\n[Serve] Cleanup complete\n";

/// A port that was free a moment ago.
pub(crate) fn free_port() -> (TcpListener, String) {
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    (listener, port)
}

/// A server that answers every request alike. Returns its address.
pub(crate) fn answering(status: u16, body: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("http://{}", listener.local_addr().unwrap());
    let answer = format!(
        "HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if reader.read_line(&mut head).unwrap_or(0) == 0 {
                    break;
                }
            }
            let head = head.to_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let length = length.map_or(0, |length| length.parse().unwrap());
            let _ = reader.read_exact(&mut vec![0; length]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    host
}
