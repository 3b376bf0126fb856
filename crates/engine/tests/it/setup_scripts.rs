//! Setup scripts and installations: what they see, what is reported about them, and what is masked.

use crate::common::*;

#[tokio::test(flavor = "multi_thread")]
async fn scripts_of_several_lines_see_the_environment_and_the_folder_of_the_request() {
    let engine = engine(json!({ "secrets": { "TOKEN": "hunter2" } }));
    let request = json!({
        "runtime": "python",
        "setupScript": "# a comment\nif [ -n \"$TOKEN\" ]; then\n  echo \"$NAME in $PWD\" > note\nfi\n",
        "code": "print(open('note').read())",
        "env": { "NAME": "it's \"me\"" },
        "workdir": "work",
    });
    assert_eq!(
        stdout(&engine, request).await,
        "it's \"me\" in /sandbox/work"
    );
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_has_the_setup_phase_and_then_the_code_phase() {
    let engine = engine(json!({ "secrets": { "TOKEN": "hunter2" } }));
    let request = |script: &str| {
        json!({
            "runtime": "bash", "setupScript": script, "code": "echo program; exit 3",
            "timeoutMs": 1500,
        })
    };
    let story = async |script: &str| told(&events(&engine, request(script)).await);
    assert_eq!(
        story("echo one; sleep 0.3; echo hun${EMPTY}ter2 >&2").await,
        [
            "setup:stdout:one",
            "setup:stderr:***",
            "setup:exit:0",
            "code:stdout:program",
            "code:exit:3",
        ]
    );
    assert_eq!(
        story("echo broken >&2; exit 7").await,
        [
            "setup:stderr:broken",
            "setup:error:Setup script failed (exit code 7)",
            "setup:exit:7",
        ]
    );
    assert_eq!(
        story("sleep 30").await,
        ["setup:error:SETUP SCRIPT TIMED OUT", "setup:exit:137"]
    );
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_have_their_output_with_secrets_masked() {
    let engine = engine(json!({ "secrets": { "TOKEN": "hunter2" }, "timeoutMs": 20_000 }));
    let script = "echo unheard; printf hun >&2; sleep 0.2; echo ter2 is wrong >&2; exit 4";
    let request = json!({ "runtime": "bash", "code": "true", "setupScript": script });
    assert_eq!(
        failure(&engine, request).await,
        "Setup script failed (exit code 4): *** is wrong"
    );

    let request =
        json!({ "runtime": "python", "code": "1", "installPackages": ["no-hunter2-here"] });
    let error = failure(&engine, request.clone()).await;
    assert!(
        error.starts_with("Package install failed (exit code 1): "),
        "{error}"
    );
    assert!(
        error.contains("no-***-here") && !error.contains("hunter2"),
        "{error}"
    );
    let told = told(&events(&engine, request).await);
    assert!(
        told[0].starts_with("setup:error:Package install failed (exit code 1): "),
        "{told:?}"
    );
    assert!(!told[0].contains("hunter2"), "{told:?}");
    assert_eq!(told[1..], ["setup:exit:1"]);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_that_does_not_exist_is_an_error_in_every_runtime() {
    let engine = engine(json!({}));
    for (runtime, package) in [
        ("python", "no-such-package-of-isol8"),
        ("node", "no-such-package-of-isol8"),
        ("bun", "no-such-package-of-isol8"),
        ("deno", "npm:no-such-package-of-isol8"),
        ("bash", "no-such-package-of-isol8"),
    ] {
        let request = json!({
            "runtime": runtime, "code": "never", "installPackages": [package],
            "timeoutMs": 60_000,
        });
        let error = failure(&engine, request).await;
        assert!(
            error.starts_with("Package install failed (exit code "),
            "{runtime}: {error}"
        );
        assert!(
            error.contains("no-such-package-of-isol8"),
            "{runtime}: {error}"
        );
        assert!(!error.contains("timed out"), "{runtime}: {error}");
    }
    engine.stop().await;
}
