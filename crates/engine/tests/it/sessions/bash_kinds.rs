//! What a Bash program may do to its shell beside the sequences of `kinds/bash.txt`.

use isol8_api::result::SessionReset;
use serde_json::json;

use super::support::Session;

#[tokio::test(flavor = "multi_thread")]
async fn exits_that_end_the_shell_have_their_code_and_the_next_call_a_new_shell() {
    let session = Session::new("bash");
    for (code, exit, stdout) in [
        ("trap 'echo bye' EXIT; exit 3", 3, "bye"),
        ("trap 'echo bye; exit 9' EXIT; true", 9, "bye"),
        ("set -e; trap 'echo $?' EXIT; (exit 6); echo never", 6, "6"),
        ("set -u; echo $nothing; echo never", 1, ""),
        ("set -n\necho never", 0, ""),
        ("exec sh -c 'exit 5'", 5, ""),
        ("kill -KILL $$", 137, ""),
        ("enable -n enable builtin; true", 127, ""),
    ] {
        session.says("x=42").await;
        let ended = session.run(code).await;
        assert_eq!(
            (ended.exit_code, ended.stdout.as_str()),
            (exit, stdout),
            "{code}"
        );
        let after = session.run("echo ${x-none}").await;
        let reset = match exit {
            137 => SessionReset::Crash,
            _ => SessionReset::Exit,
        };
        assert_eq!(after.stdout, "none", "{code}");
        assert_eq!(after.session_reset, Some(reset), "{code}");
    }
    session.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_programs_and_many_calls_run_as_short_ones() {
    let session = Session::new("bash");
    let line = "x=$((x + 1)) # a line of some length\n";
    for count in [100, 5000, 20_000] {
        let code = format!("x=0\n{}echo $x $LINENO", line.repeat(count));
        let expected = format!("{count} {}", count + 2);
        assert_eq!(session.says(&code).await, expected);
    }
    let env = json!({"env": {"A": "a b\n'c' \"d\" $e `f`", "__isol8": "x", "a-b": "skipped"}});
    for _ in 0..30 {
        let code = "printf '%s' \"$A\"; A=changed; B=$((B + 1))";
        let result = session.run_with(code, env.clone()).await;
        assert_eq!(
            (result.stdout.as_str(), result.stderr.as_str()),
            ("a b\n'c' \"d\" $e `f`", "")
        );
    }
    assert_eq!(
        session
            .says("echo $A $B; unset A; wc -c </.isol8-session/script")
            .await
            .lines()
            .next(),
        Some("changed 30")
    );
    let used = session.says("du -k /.isol8-session/script | cut -f1").await;
    assert!(used.parse::<u32>().unwrap() <= 64, "{used} KiB");
    session.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_on_the_script_holds_up_its_own_shell_and_not_the_guest() {
    let session = Session::new("bash");
    // 1024 is F_SETLEASE, and 0 is F_RDLCK.
    let hold = r#"echo kept >kept
        perl -e 'open F, "<", "/.isol8-session/script" or die; fcntl F, 1024, 0 or die "lease: $!";
            exit if fork; sleep 1000'
        echo held"#;
    assert_eq!(session.says(hold).await, "held");
    let late = session
        .run_with("echo never", json!({"timeoutMs": 2000}))
        .await;
    assert_eq!(late.exit_code, 137, "{late:?}");
    assert_eq!(session.cmd("cat kept").await.stdout, "kept");
    session.engine.stop().await;
}
