//! The calls of a session: their order, and processes that run beside the interpreter.

use isol8_api::result::SessionReset;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::support::Session;
use crate::common::until_runs;

#[tokio::test(flavor = "multi_thread")]
async fn simultaneous_calls_run_each_their_own_program_in_order() {
    let session = Session::new("python");
    session.says("seen = []").await;
    let codes: Vec<String> = (0..8)
        .map(|n| format!("seen.append({n}); print({n})"))
        .collect();
    let calls = codes.iter().map(|code| session.says(code));
    let said = futures::future::join_all(calls).await;
    assert_eq!(said, ["0", "1", "2", "3", "4", "5", "6", "7"]);
    assert_eq!(
        session.says("print(seen)").await,
        "[0, 1, 2, 3, 4, 5, 6, 7]"
    );
    session.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_runs_beside_the_interpreter_and_services_outlive_a_timeout() {
    let session = Session::new("python");
    session.says("x = 42").await;
    assert_eq!(
        session.cmd("sleep 300 & echo started").await.stdout,
        "started"
    );
    session
        .says("import subprocess; p = subprocess.Popen(['sleep', '301'])")
        .await;
    assert_eq!(session.sleeping().await, ["300", "301"]);
    let late = session.cmd("exit 3").await;
    assert_eq!(late.exit_code, 3);
    let late = session
        .run_with("", json!({"cmd": "sleep 302", "timeoutMs": 300}))
        .await;
    assert_eq!(late.exit_code, 137);
    assert_eq!(session.says("print(x)").await, "42");
    // The interpreter survives the end of this program. Only the processes of this program end.
    let late = "subprocess.Popen(['sleep', '303'])\nwhile True: pass";
    let late = session.run_with(late, json!({"timeoutMs": 1000})).await;
    assert_eq!(late.exit_code, 137);
    assert_eq!(session.sleeping().await, ["300", "301"]);
    assert_eq!(session.says("print(x)").await, "42");
    // It does not survive the end of this one. All processes of the session end, but not those of the command.
    let late = session
        .run_with("sum(range(10**12))", json!({"timeoutMs": 300}))
        .await;
    assert_eq!(late.exit_code, 137);
    assert_eq!(session.sleeping().await, ["300"]);
    session.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_between_two_calls_comes_with_the_next() {
    let session = Session::new("bash");
    assert_eq!(
        session
            .says("(sleep 0.2; echo background; touch written) & echo now")
            .await,
        "now"
    );
    session.until_file("/sandbox/written").await;
    assert_eq!(session.says("echo next").await, "background\nnext");
    session.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_other_than_the_own_is_a_process_of_its_own() {
    let session = Session::new("node");
    session.says("globalThis.x = 42").await;
    let other = json!({"fileExtension": ".mjs"});
    let result = session
        .run_with("console.log(typeof x, import.meta.filename)", other)
        .await;
    assert_eq!(result.stdout, "undefined /sandbox/main.mjs", "{result:?}");
    let own = session
        .run_with("console.log(x)", json!({"fileExtension": ".js"}))
        .await;
    assert_eq!(own.stdout, "42", "{own:?}");
    session.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_in_before_and_come_out_after_a_call() {
    let session = Session::new("python");
    for text in ["one", "two \u{e9}"] {
        let more =
            json!({"files": {"/sandbox/in/a b": text}, "outputPaths": ["/sandbox/out", "/no"]});
        let code = "import shutil; shutil.copy('/sandbox/in/a b', '/sandbox/out')";
        let files = session.run_with(code, more).await.files.unwrap();
        assert_eq!(files.len(), 1);
        assert_eq!(
            session.engine.get_file("/sandbox/out").await.unwrap(),
            text.as_bytes()
        );
    }
    // A program that is too large for the request's frame.
    let code = format!("s = '{}'\nprint(len(s))", "z".repeat(400_000));
    assert_eq!(session.says(&code).await, "400000");
    session.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_call_ends_and_its_interpreter_lives_on_where_that_works() {
    let session = Session::new("python");
    session.says("x = 42; import subprocess").await;
    for (code, process, survives, reset) in [
        (
            "subprocess.run(['sleep', '6100'])",
            "sleep 6100",
            "True",
            None,
        ),
        (
            "subprocess.Popen(['sleep', '6101']); sum(range(10**12))",
            "sleep 6101",
            "False",
            Some(SessionReset::Cancelled),
        ),
    ] {
        let cancel = CancellationToken::new();
        let request = session.request(code, &json!({}));
        let (cancelled, ()) =
            tokio::join!(session.engine.execute(request, cancel.clone()), async {
                until_runs(process).await;
                cancel.cancel();
            });
        assert!(cancelled.is_err());
        let after = session.run("print('x' in globals())").await;
        assert_eq!(
            (after.stdout.as_str(), after.session_reset),
            (survives, reset)
        );
    }
    session.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_is_gone_ends_the_interpreter_at_once() {
    let session = Session::new("python");
    session.says("x = 42; import subprocess").await;
    let code = "subprocess.run(['sleep', '6102'])";
    let stream = session.engine.stream(session.request(code, &json!({})));
    until_runs("sleep 6102").await;
    drop(stream);
    let after = session.run("print('x' in globals())").await;
    let reset = Some(SessionReset::Cancelled);
    assert_eq!(
        (after.stdout.as_str(), after.session_reset),
        ("False", reset)
    );
    session.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_that_was_removed_from_outside_is_an_error_once() {
    for during in [false, true] {
        let session = Session::new("bash");
        session.says("x=42; echo kept > kept").await;
        let container = session.engine.container_id().unwrap();
        let remove = || {
            let removed = std::process::Command::new("docker")
                .args(["rm", "--force", &container])
                .output()
                .unwrap();
            assert!(removed.status.success(), "{removed:?}");
        };
        let run = async |code: &str| {
            let request = session.request(code, &json!({}));
            session
                .engine
                .execute(request, CancellationToken::new())
                .await
        };
        let lost = if during {
            let (lost, ()) = tokio::join!(run("sleep 6103"), async {
                until_runs("sleep 6103").await;
                tokio::task::block_in_place(remove);
            });
            lost
        } else {
            remove();
            run("echo $x").await
        };
        assert_eq!(
            lost.unwrap_err().code().as_str(),
            "ISOL8_SANDBOX_LOST",
            "{during}"
        );
        let after = run("echo ${x-none}; ls").await.unwrap();
        assert_eq!(after.stdout, "none\nmain.sh", "{during}");
        assert_eq!(after.session_reset, Some(SessionReset::SandboxLost));
        assert_eq!(run("echo again").await.unwrap().session_reset, None);
        session.engine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_runtime_is_refused() {
    let session = Session::new("python");
    session.says("x = 42").await;
    let request = crate::common::request(json!({"runtime": "bash", "code": "echo"}));
    let error = session
        .engine
        .execute(request, CancellationToken::new())
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("Cannot switch runtime from \"python\" to \"bash\".")
    );
    session.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_installed_during_a_session_are_found() {
    for (runtime, package, code, printed) in [
        ("python", "six", "import six; print(six.PY3)", "True"),
        (
            "node",
            "ms",
            "import ms from 'ms'; console.log(ms('1s'))",
            "1000",
        ),
        (
            "bun",
            "ms",
            "import ms from 'ms'; console.log(ms('1s'))",
            "1000",
        ),
        (
            "deno",
            "npm:ms@2",
            "import ms from 'npm:ms@2'; console.log(ms('1s'))",
            "1000",
        ),
    ] {
        let session = Session::with(runtime, json!({"network": "host"}));
        // A module that was not found before is looked for again. (Bun would fetch it by itself.)
        let (before, failure) = match runtime {
            "python" => ("x = 1\nimport six", 1),
            "bun" => ("var x = 1", 0),
            _ => ("var x = 1; require('ms')", 1),
        };
        assert_eq!(session.run(before).await.exit_code, failure, "{runtime}");
        let more = json!({"installPackages": [package], "timeoutMs": 120_000});
        let result = session.run_with(code, more).await;
        assert_eq!(result.stdout, printed, "{runtime} {result:?}");
        let kept = if runtime == "python" {
            "print(x)"
        } else {
            "console.log(x)"
        };
        assert_eq!(session.says(kept).await, "1", "{runtime}");
        session.engine.stop().await;
    }
}
