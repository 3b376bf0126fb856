//! Local sandboxes within a container of Docker: refused in a default one, with what to do, and possible in one that
//! allows it.

use std::process::{Command, Stdio};

use isol8_backend::{Backend as _, BackendErrorKind};
use isol8_local::{Limits, LocalBackend, LocalOptions};

use crate::support::{guests_of, spawner_of, start};

/// What the process in the container is to find.
const EXPECTED: &str = "ISOL8_TEST_LOCAL_CONTAINER";

/// The test that runs in a container.
const INSIDE: &str = "containers::inside_a_container";

/// An image with the C library that this program needs.
const IMAGE: &str = "isol8:bash";

/// What the message says a container needs.
const ALLOWING: [&str; 4] = [
    "--security-opt",
    "seccomp=unconfined",
    "--security-opt",
    "systempaths=unconfined",
];

/// Runs [`inside_a_container`] in a container, where there is Docker.
fn run_in_container(options: &[&str], expected: &str) {
    let has_image = Command::new("docker")
        .args(["image", "inspect", IMAGE])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !has_image.is_ok_and(|status| status.success()) {
        isol8_testing::not_run("a container needs Docker and the image isol8:bash");
        return;
    }
    let this = std::env::current_exe().unwrap();
    let mount = format!("{}:/tests:ro", this.display());
    let expected = format!("{EXPECTED}={expected}");
    let output = Command::new("timeout")
        .args([
            "-s",
            "KILL",
            "120",
            "docker",
            "run",
            "--rm",
            "--network",
            "none",
        ])
        .args([
            "--volume",
            &mount,
            "--env",
            &expected,
            "--entrypoint",
            "/tests",
        ])
        .args(options)
        .args([IMAGE, "--ignored", "--exact", INSIDE, "--nocapture"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    isol8_testing::assert_ran(&output, INSIDE);
}

/// Runs in the container.
#[tokio::test]
#[ignore = "runs in surroundings that another test makes"]
async fn inside_a_container() {
    let expected = std::env::var(EXPECTED).unwrap();
    let backend = LocalBackend::new(LocalOptions {
        limits: Limits::BestEffort,
        ..LocalOptions::default()
    });
    if expected == "a refusal" {
        let error = backend.probe().await.unwrap_err();
        assert_eq!(error.kind, BackendErrorKind::Unavailable, "{error}");
        for part in [
            "container",
            "docker run",
            "seccomp=unconfined",
            "systempaths=unconfined",
        ] {
            assert!(error.message.contains(part), "{error}");
        }
        return;
    }
    let first = start(&backend).await;
    let second = start(&backend).await;
    let spawner = spawner_of(&first.id);
    guests_of(spawner, 2).await;
    drop(second);
    guests_of(spawner, 1).await;
    // Without the option, control groups are read-only there, and the error names the limit.
    let required = LocalBackend::new(LocalOptions::default());
    let error = required.probe().await.unwrap_err();
    assert!(error.message.contains("best-effort"), "{error}");
}

#[test]
fn a_default_container_is_refused_with_what_to_do() {
    run_in_container(&[], "a refusal");
}

#[test]
fn a_container_that_allows_namespaces_has_sandboxes() {
    run_in_container(&ALLOWING, "sandboxes");
}

#[test]
fn with_rights_over_the_system_it_has_them_too() {
    let rights = ["--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN"];
    run_in_container(&[&ALLOWING[..], &rights].concat(), "sandboxes");
}
