//! What a Bash program may do to its shell, and what the next programs must find all the same.

use isol8_api::result::SessionReset;
use serde_json::json;

use super::support::{Sequence, Session};

/// The rows of this file by kind, of which `sequences.rs` says more.
pub(super) const KINDS: [(&str, Sequence); 5] = [
    ("streams", STREAMS),
    ("shell", SCRIPT),
    ("shell", CHANGES),
    ("exits", EXITS),
    ("text", TEXT),
];

const STREAMS: Sequence = &[
    ("x=1; exec 0<&- 1>&- 2>&-", 0, "", ""),
    ("echo $x; echo 2 >&2; cat", 0, "1", "2"),
    ("exec >/tmp/f; echo hidden", 0, "", ""),
    ("cat /tmp/f", 0, "hidden", ""),
    ("exec 3<&- 250<&- 251>&- 255<&-; echo $x", 0, "1", ""),
    (
        "exec 250</dev/null 251>/dev/null 255</dev/null 5>/tmp/g",
        0,
        "",
        "",
    ),
    (
        "echo five >&5; cat /tmp/g; exec 5>&- 250<&- 251>&- 255<&-",
        0,
        "five",
        "",
    ),
    (
        "for fd in /proc/$$/fd/*; do exec {fd}<&-; done 2>/dev/null; exec <&-",
        0,
        "",
        "",
    ),
    ("ls /proc/self/fd | tr '\\n' ' '", 0, "0 1 2 3", ""),
    ("exec < <(echo replaced)", 0, "", ""),
    ("read -r line; echo \"$? [$line]\"", 0, "1 []", ""),
    ("exec 2>&1; echo both >&2", 0, "both", ""),
    ("echo apart >&2", 0, "", "apart"),
    ("coproc cat; exec {COPROC[1]}>&-; wait; echo $x", 0, "1", ""),
];

const SCRIPT: Sequence = &[
    (
        "[[ ${BASH_SOURCE[0]} == \"$0\" ]] && echo \"$0 $LINENO ${#FUNCNAME[@]} $# $BASH_SUBSHELL\"",
        0,
        "/sandbox/main.sh 1 0 0 0",
        "",
    ),
    (
        "# one\nf() { caller 0; echo \"${FUNCNAME[*]} ${BASH_LINENO[*]}\"; }\nf; caller",
        0,
        "3 main /sandbox/main.sh\nf main 3 0\n0 NULL",
        "",
    ),
    (
        "f | head -1; echo $LINENO",
        0,
        "1 main /sandbox/main.sh\n1",
        "",
    ),
    (
        "return 3; echo $?",
        0,
        "2",
        "/sandbox/main.sh: line 1: return: can only `return' from a function or sourced script",
    ),
    ("set -x; x=1; echo $x", 0, "1", "+ x=1\n+ echo 1"),
    ("echo quiet", 0, "quiet", ""),
    ("set -v\necho shown", 0, "shown", "echo shown"),
    (
        "trap 'echo \"at $LINENO $BASH_COMMAND\"' DEBUG; echo a\necho b",
        0,
        "at 1 echo a\na\nat 2 echo b\nb",
        "",
    ),
    ("echo c", 0, "at 1 echo c\nc", ""),
    ("trap - DEBUG", 0, "at 1 trap - DEBUG", ""),
    (
        "set -T; trap 'echo left' RETURN; trap 'echo \"failed $?\"' ERR; g() { :; }; g; (exit 3)",
        3,
        "left\nfailed 3",
        "",
    ),
    ("g; false; :", 0, "left\nfailed 1", ""),
    (
        "set +T; trap - RETURN ERR; trap -p; echo \"[${!__@}]\"",
        0,
        "[]",
        "",
    ),
    (
        "cat \"$0\"; exec 3<\"$0\"; read -r -u 3 line; echo \"${#line}\"; exec 3<&-",
        0,
        "cat \"$0\"; exec 3<\"$0\"; read -r -u 3 line; echo \"${#line}\"; exec 3<&-68",
        "",
    ),
];

const CHANGES: Sequence = &[
    (
        "x=42; shopt -s expand_aliases; alias builtin=false .=false if=false case=false for=false printf=false",
        0,
        "",
        "",
    ),
    ("unalias -a; shopt -u expand_aliases; echo $x", 0, "42", ""),
    (
        "enable -n read mapfile printf trap eval set shopt exec",
        0,
        "",
        "",
    ),
    ("echo $x", 0, "42", ""),
    (
        "TMOUT=1; IFS=:; readonly IFS TMOUT; shopt -s nullglob failglob nocasematch extdebug",
        0,
        "",
        "",
    ),
    ("sleep 1.2; echo $x", 0, "42", ""),
    (
        "shopt -u failglob extdebug; set -o noclobber -o noglob -o nounset -o keyword; LC_ALL=C",
        0,
        "",
        "",
    ),
    ("echo $x", 0, "42", ""),
    (
        "read() { echo no; }; printf() { echo no; }; mapfile() { echo no; }; cd() { echo no; }; export() { echo no; }",
        0,
        "",
        "",
    ),
    ("echo $x", 0, "42", ""),
    ("set -- a b c; unset LINENO; BASH_ARGV0=other", 0, "", ""),
    ("echo $x $# $0", 0, "42 0 /sandbox/main.sh", ""),
    ("set -o posix", 0, "", ""),
    ("trap; echo $x", 0, "42", ""),
    (
        "set +o posix; umask 777; ulimit -c 0; trap '' INT TERM PIPE HUP",
        0,
        "",
        "",
    ),
    ("echo $x", 0, "42", ""),
];

const EXITS: Sequence = &[
    ("x=1; trap 'echo \"bye $?\"' EXIT; (exit 4)", 4, "bye 4", ""),
    ("echo $?; trap -p EXIT", 0, "0", ""),
    (
        "trap 'rm -f /tmp/lock; echo gone' EXIT; touch /tmp/lock; ls /tmp/lock",
        0,
        "/tmp/lock\ngone",
        "",
    ),
    ("ls /tmp/lock 2>/dev/null || echo $x", 0, "1", ""),
    ("trap 'echo never' EXIT; trap - EXIT", 0, "", ""),
    ("trap '' EXIT; (trap 'echo sub' EXIT)", 0, "sub", ""),
    (
        "set -e; trap 'echo end' EXIT; [[ a == b ]] && echo no",
        1,
        "end",
        "",
    ),
    ("set +e; f() { return 7; }; f", 7, "", ""),
    (
        "if",
        2,
        "",
        "/sandbox/main.sh: line 2: syntax error: unexpected end of file",
    ),
    (
        "nothing-here",
        127,
        "",
        "/sandbox/main.sh: line 1: nothing-here: command not found",
    ),
    ("echo $x; sleep 0.01 & wait $!", 0, "1", ""),
];

const TEXT: Sequence = &[
    ("echo a\r\necho b\r\n", 0, "a\r\nb", ""),
    (
        "\u{feff}echo a",
        127,
        "",
        "/sandbox/main.sh: line 1: $'\\357\\273\\277echo': command not found",
    ),
    ("echo one\necho t\0wo\necho three", 0, "one\ntwo\nthree", ""),
    ("# only a comment", 0, "", ""),
    ("echo end \\", 0, "end", ""),
    ("echo end \\\n", 0, "end", ""),
    ("cat <<X\nlast\nX", 0, "last", ""),
    (
        "cat <<X\nopen",
        0,
        "open",
        "/sandbox/main.sh: line 2: warning: here-document at line 1 delimited by end-of-file (wanted `X')",
    ),
    (
        "}; echo never; {",
        2,
        "",
        "/sandbox/main.sh: line 1: syntax error near unexpected token `}'\n\
        /sandbox/main.sh: line 1: `}; echo never; {'",
    ),
    (
        "echo first\nif then; fi",
        2,
        "first",
        "/sandbox/main.sh: line 2: syntax error near unexpected token `then'\n\
        /sandbox/main.sh: line 2: `if then; fi'",
    ),
    (
        "#!/bin/bash\nshopt -s extglob\ncase ab in +(a|b)) echo both;; esac",
        0,
        "both",
        "",
    ),
    (
        "x=' lead\n trail '; echo \"[$x]\"",
        0,
        "[ lead\n trail ]",
        "",
    ),
    ("echo 'ü € 😀' $'\\x01'", 0, "ü € 😀 \u{1}", ""),
];

async fn check(sequence: Sequence) {
    super::support::check("bash", sequence).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn descriptors_and_streams_are_as_a_call_expects_them() {
    check(STREAMS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_cannot_tell_that_it_is_no_script_of_its_own() {
    check(SCRIPT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_program_changes_does_not_reach_the_launcher() {
    check(CHANGES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exits_have_their_code_and_exit_traps_run_at_the_end_of_their_call() {
    check(EXITS).await;
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
async fn every_text_runs_as_in_a_script() {
    check(TEXT).await;
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
