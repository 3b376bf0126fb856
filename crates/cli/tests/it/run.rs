//! `run`: where programs come from, what they see, and what is shown of them.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::Stdio,
};

use serde_json::Value;

use crate::common::{User, ended};

#[test]
fn programs_come_from_the_command_line_files_and_standard_input() {
    let user = User::new();
    user.write("script.py", "\u{feff}print('from a file')\r\n");
    user.write("script.sh", "echo one\r\necho two\r\n");
    user.isol8(&["run", "-e", "print('hello isol8')", "--runtime", "python"])
        .is(0, "hello isol8\n", "");
    user.isol8(&["run", "script.py"]).is(0, "from a file\n", "");
    user.isol8_with(&["run", "--runtime", "node"], "console.log(42)")
        .is(0, "42\n", "");
    user.isol8(&["run", "--cmd", "echo $0"]).is(0, "bash\n", "");
    user.isol8(&["run", "script.sh"]).is(
        0,
        "one\ntwo\n",
        "[WARN] script.sh has the line ends of Windows. They are replaced: bash cannot read them.\n",
    );
}

#[test]
fn both_ways_show_the_same_and_end_with_the_program_s_code() {
    let user = User::new();
    let code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)";
    for more in [&[][..], &["--no-stream"]] {
        let words = [&["run", "-e", code][..], more].concat();
        user.isol8(&words).is(3, "out\n", "err\n");
    }
}

#[test]
fn a_program_has_no_input_unless_it_is_given_some() {
    let user = User::new();
    let program = [
        "run",
        "--cmd",
        "cat; echo \"$A $B\"",
        "--env",
        "A=1",
        "--secret",
        "B=hunter2",
    ];
    user.isol8_with(&program, "ignored").is(0, "1 ***\n", "");
    let given = [&program[..], &["--stdin", "text "]].concat();
    user.isol8_with(&given, "ignored").is(0, "text 1 ***\n", "");
    let own = [&program[..], &["--stdin", "-"]].concat();
    user.isol8_with(&own, "own ").is(0, "own 1 ***\n", "");
}

#[test]
fn an_interactive_program_gets_input_while_it_runs() {
    let user = User::new();
    let mut child = user
        .command(&[
            "run",
            "-i",
            "-e",
            "for line in open(0): print(line.strip() + '!', flush=True)",
        ])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut told = String::new();
    for word in ["one\n", "two\n"] {
        stdin.write_all(word.as_bytes()).unwrap();
        stdout.read_line(&mut told).unwrap();
    }
    assert_eq!(told, "one!\ntwo!\n");
    drop(stdin);
    ended(child).is(0, "", "");
}

#[test]
fn a_timeout_is_137_both_ways() {
    let user = User::new();
    let words = ["run", "--cmd", "echo a; sleep 60", "--timeout", "1000"];
    user.isol8(&words)
        .is(137, "a\n", "[ERR] EXECUTION TIMED OUT\n");
    let ended = user.isol8(&[&words[..], &["--no-stream"]].concat());
    ended.is(137, "a\n", "\n--- EXECUTION TIMED OUT ---\n");
}

#[test]
fn setup_scripts_run_first_and_a_failed_one_gives_its_code() {
    let user = User::new();
    user.write("prepare.sh", "echo two > b");
    let words = [
        "run",
        "--cmd",
        "cat a b",
        "--setup",
        "echo one > a",
        "--setup",
        "prepare.sh",
    ];
    user.isol8(&words).is(0, "one\ntwo\n", "");
    for more in [&[][..], &["--no-stream"]] {
        let ended =
            user.isol8(&[&["run", "--cmd", "echo no", "--setup", "exit 9"][..], more].concat());
        assert_eq!((ended.code, &*ended.stdout), (Some(9), ""), "{ended:?}");
        assert!(
            ended
                .stderr
                .starts_with("[ERR] Setup script failed (exit code 9)"),
            "{ended:?}"
        );
    }
}

#[test]
fn json_has_a_line_for_each_event_and_the_result_last() {
    let user = User::new();
    let words = ["run", "--json", "--cmd", "echo out; echo err >&2; exit 4"];
    let ended = user.isol8(&words);
    assert_eq!((ended.code, &*ended.stderr), (Some(4), ""));
    let lines: Vec<Value> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |kind: &str| {
        lines
            .iter()
            .filter(|line| line["type"] == kind)
            .collect::<Vec<_>>()
    };
    assert_eq!(of("stdout")[0]["data"], "out\n");
    assert_eq!(of("stderr")[0]["data"], "err\n");
    assert_eq!(of("exit")[0]["data"], "4");
    let last = lines.last().unwrap();
    assert_eq!(
        (&last["type"], &last["exitCode"]),
        (&"result".into(), &4.into())
    );

    let ended = user.isol8(&[&words[..], &["--no-stream"]].concat());
    let result: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        (&result["stdout"], &result["exitCode"]),
        (&"out".into(), &4.into())
    );
}

#[test]
fn options_reach_the_sandbox() {
    let user = User::new();
    let show = "df -m --output=size /sandbox /tmp | tail -n 2 | tr -d ' '; ulimit -u; grep -o ' / [^ ]* rw' /proc/mounts; pwd";
    let words = [
        "run",
        "--cmd",
        show,
        "--sandbox-size",
        "64m",
        "--tmp-size",
        "8m",
        "--writable",
        "--workdir",
        "deep/er",
    ];
    let ended = user.isol8(&words);
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert_eq!([lines[0], lines[1]], ["64", "8"]);
    assert!(lines[3].ends_with(" rw"), "{lines:?}");
    assert_eq!(lines[4..], ["/sandbox/deep/er"]);
}

#[test]
fn a_truncated_output_gives_a_warning() {
    let user = User::new();
    for more in [&[][..], &["--no-stream"]] {
        let words = ["run", "-e", "print('x' * 5000)", "--max-output", "100"];
        let ended = user.isol8(&[&words[..], more].concat());
        assert_eq!(ended.code, Some(0));
        assert!(
            ended
                .stdout
                .contains("--- OUTPUT TRUNCATED (5001 bytes, limit: 100) ---")
        );
        assert!(
            ended.stderr.ends_with("[WARN] Output was truncated\n"),
            "{ended:?}"
        );
    }
}

#[test]
fn the_network_log_is_shown_when_it_is_asked_for() {
    let user = User::new();
    let program = "import urllib.request, urllib.error\n\
        try: urllib.request.urlopen('http://refused.invalid/x')\n\
        except urllib.error.HTTPError as error: print(error.code)";
    for more in [&[][..], &["--no-stream"]] {
        let words = [
            "run",
            "-e",
            program,
            "--net",
            "filtered",
            "--allow",
            "^a$",
            "--log-network",
        ];
        let ended = user.isol8(&[&words[..], more].concat());
        assert_eq!(
            (ended.code, &*ended.stdout),
            (Some(0), "403\n"),
            "{ended:?}"
        );
        let (head, line) = ended.stderr.split_once('\n').unwrap();
        assert_eq!(head, "--- Network Logs ---");
        let entry: Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            (&entry["host"], &entry["action"]),
            (&"refused.invalid".into(), &"BLOCK".into())
        );
    }
}

#[test]
fn a_persistent_run_is_one_call_of_a_session() {
    User::new()
        .isol8(&["run", "-e", "x = 42\nprint(x)", "--persistent"])
        .is(0, "42\n", "");
}

#[test]
fn debug_lines_are_on_standard_error() {
    let ended = User::new().isol8(&["--debug", "run", "-e", "print(1)"]);
    assert_eq!((ended.code, &*ended.stdout), (Some(0), "1\n"));
    assert!(ended.stderr.contains("[DEBUG] "), "{}", ended.stderr);
}
