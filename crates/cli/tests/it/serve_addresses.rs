//! Where `serve` listens: encrypted connections and Unix sockets.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    common::{Ended, User, until},
    serve::{GOODBYE, free_port},
};

/// Files of a certificate for `localhost`, which is made anew with each call, and of its key.
fn certificate(user: &User) -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let certificate = user.write("cert.pem", certificate.pem());
    let key = user.write("key.pem", key.serialize_pem());
    (certificate.display().to_string(), key.display().to_string())
}

/// A server that is ended, however its test ends, and the address that it has shown.
pub(crate) struct Started {
    child: Child,
    pub(crate) address: String,
}

impl Started {
    fn new(user: &User, words: &[&str]) -> Self {
        let all = [&["serve", "--keep-images", "--key", "k"], words].concat();
        Self::of(&mut user.command(&all))
    }

    /// The server of this command.
    pub(crate) fn of(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut banner = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut banner).unwrap();
        let started = Self {
            child,
            address: banner
                .trim_end()
                .split_once(" listening on ")
                .unwrap_or_else(|| panic!("{banner:?}"))
                .1
                .to_owned(),
        };
        // Its end must not find a pipe that is closed.
        std::thread::spawn(move || {
            let mut rest = String::new();
            let _ = stdout.read_to_string(&mut rest);
        });
        started
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// Ends it. Returns what it has written to standard error.
    pub(crate) fn end(mut self) -> String {
        self.signal(Signal::SIGTERM);
        let mut stderr = String::new();
        let mut pipe = self.child.stderr.take().unwrap();
        pipe.read_to_string(&mut stderr).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{stderr}");
        stderr
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a program on the server at `address` prints to its caller, who trusts `certificate`.
fn run_at(user: &User, address: &str, certificate: &str) -> Ended {
    let words = [
        "run",
        "--host",
        address,
        "--key",
        "k",
        "-r",
        "bash",
        "-e",
        "echo $((6 * 7))",
    ];
    let mut command = user.command(&words);
    command.env("SSL_CERT_FILE", certificate);
    Ended::from(command.output().unwrap())
}

#[test]
fn connections_are_encrypted_and_a_hang_up_reads_the_certificate_again() {
    let user = User::new();
    let (listener, port) = free_port();
    drop(listener);
    let (certificate_file, key) = certificate(&user);
    let old = user.write("old.pem", user.read("cert.pem"));
    let old = old.display().to_string();
    let words = [
        "--port",
        &port,
        "--tls-cert",
        &certificate_file,
        "--tls-key",
        &key,
    ];
    let server = Started::new(&user, &words);
    let address = format!("https://localhost:{port}");
    assert_eq!(server.address, address);
    run_at(&user, &address, &old).is(0, "42\n", "");
    certificate(&user);
    let refused = run_at(&user, &address, &certificate_file);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    server.signal(Signal::SIGHUP);
    until("the certificate is the new one", || {
        run_at(&user, &address, &certificate_file).code == Some(0)
    });
    assert_eq!(run_at(&user, &address, &old).code, Some(1));
    let stderr = server.end();
    let told = format!("[Serve] New connections have the certificate as it is now\n{GOODBYE}");
    assert_eq!(stderr, told);
}

#[test]
fn a_certificate_without_its_key_is_an_error_that_names_the_flag() {
    let user = User::new();
    let (certificate_file, key) = certificate(&user);
    user.isol8(&["serve", "-k", "k", "--tls-key", &key]).failed(
        "[ERR] There is a TLS key without its certificate: give --tls-cert, ISOL8_TLS_CERT or server.tlsCert as well.",
    );
    let words = [
        "serve",
        "-k",
        "k",
        "--tls-cert",
        &certificate_file,
        "--tls-key",
        "no.pem",
    ];
    user.isol8(&words)
        .failed("[ERR] Cannot read the TLS key no.pem: No such file or directory (os error 2)");
}

#[test]
fn a_program_runs_over_a_unix_socket_that_is_gone_at_the_end() {
    let user = User::new();
    let socket = user.path("s").display().to_string();
    let server = Started::new(&user, &["--socket", &socket]);
    let address = format!("unix:{socket}");
    assert_eq!(server.address, address);
    run_at(&user, &address, "").is(0, "42\n", "");
    let second = user.isol8(&["serve", "-k", "k", "--socket", &socket]);
    second.failed(&format!(
        "[ERR] Cannot listen on the socket {socket}: another program uses it. End that program, or choose another path"
    ));
    let both = user.isol8(&["serve", "-k", "k", "--socket", &socket, "--port", "1"]);
    assert_ne!(both.code, Some(0));
    assert!(both.stderr.contains("--socket"), "{}", both.stderr);
    assert_eq!(server.end(), GOODBYE);
    assert!(!user.path("s").exists());
}
