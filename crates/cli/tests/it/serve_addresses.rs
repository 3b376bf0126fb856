//! Where `serve` listens: encrypted connections and Unix sockets.

use nix::sys::signal::Signal;

use crate::{
    common::{Ended, User, until},
    served::{GOODBYE, Served, free_port},
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
        "--key",
        "k",
        "--port",
        &port,
        "--tls-cert",
        &certificate_file,
        "--tls-key",
        &key,
    ];
    let server = Served::start(&user, &words);
    let address = format!("https://localhost:{port}");
    assert_eq!(server.address(), address);
    run_at(&user, &address, &old).is(0, "42\n", "");
    certificate(&user);
    let refused = run_at(&user, &address, &certificate_file);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    server.signal(Signal::SIGHUP);
    until("the certificate is the new one", || {
        run_at(&user, &address, &certificate_file).code == Some(0)
    });
    assert_eq!(run_at(&user, &address, &old).code, Some(1));
    let stderr = server.end_well();
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
    let server = Served::start(&user, &["--key", "k", "--socket", &socket]);
    let address = format!("unix:{socket}");
    assert_eq!(server.address(), address);
    run_at(&user, &address, "").is(0, "42\n", "");
    let second = user.isol8(&["serve", "-k", "k", "--socket", &socket]);
    second.failed(&format!(
        "[ERR] Cannot listen on the socket {socket}: another program uses it. End that program, or choose another path"
    ));
    let both = user.isol8(&["serve", "-k", "k", "--socket", &socket, "--port", "1"]);
    assert_ne!(both.code, Some(0));
    assert!(both.stderr.contains("--socket"), "{}", both.stderr);
    assert_eq!(server.end_well(), GOODBYE);
    assert!(!user.path("s").exists());
}
