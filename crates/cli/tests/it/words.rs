//! What needs no sandbox: help, version, wrong words and values.

use crate::common::User;

#[test]
fn without_words_the_help_is_printed() {
    let user = User::new();
    let help = user.isol8(&[]);
    assert_eq!((help.code, &*help.stderr), (Some(0), ""));
    for part in ["Usage: isol8", "Commands:", "  run ", "  config "] {
        assert!(help.stdout.contains(part), "{part} in {}", help.stdout);
    }
    assert_eq!(user.isol8(&["--help"]).stdout, user.isol8(&["help"]).stdout);
}

#[test]
fn the_examples_of_the_help_run() {
    let user = User::new();
    user.write("script.ts", "console.log(await Bun.file('a.txt').text())");
    user.write("data/a.txt", "from data");
    let help = user.isol8(&[]).stdout;
    let examples = help.lines().skip_while(|line| *line != "Examples:");
    let commands = examples.filter_map(|line| line.trim().split_once("  "));
    let runs = commands.filter(|(command, _)| command.starts_with("isol8 run "));
    let printed: Vec<_> = runs
        .map(|(command, _)| {
            let ended = user.shell(command, &[]);
            assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{command}");
            ended.stdout
        })
        .collect();
    assert_eq!(printed, ["42\n", "from data\n"]);
}

#[test]
fn the_version_is_the_package_s() {
    let expected = format!("isol8 {}\n", env!("CARGO_PKG_VERSION"));
    for words in [["-V"], ["--version"]] {
        User::new().isol8(&words).is(0, &expected, "");
    }
}

#[test]
fn wrong_words_are_errors_on_standard_error() {
    let user = User::new();
    for (words, stderr) in [
        (
            &["runn"][..],
            "error: unknown command 'runn'\n(Did you mean run?)",
        ),
        (&["run", "--zzz"], "error: unknown option '--zzz'"),
        (
            &["run", "a.py", "b.py"],
            "error: too many arguments for 'run'. Expected 1 argument but got 2.",
        ),
        (&["run", "none.py"], "[ERR] File not found: none.py"),
        (
            &["run", "-e", " "],
            "[ERR] --eval is empty: there is nothing to run.",
        ),
        (
            &["run", "--cmd", ""],
            "[ERR] --cmd is empty: there is nothing to run.",
        ),
        (
            &["run", "-e", "1", "--files", "none"],
            "[ERR] --files path is not a directory: none",
        ),
        (
            &["run", "-e", "1", "--memory", "99999999g"],
            "error: invalid value '99999999g' for '--memory <SIZE>': it must be a size above 0, such as 512m \
             or 1g\n\nFor more information, try '--help'.",
        ),
        (
            &["run", "-e", "1", "--workdir", "/etc"],
            "[ERR] Working directory must be inside /sandbox",
        ),
        (
            &["run", "-e", "hi", "-r", "agent"],
            "[ERR] Agent runtime requires network access. The AI coding agent needs to reach its LLM provider \
             API. Use --net host, or --net filtered --allow \"api.anthropic.com\" (or your provider's domain).",
        ),
    ] {
        user.isol8(words).failed(stderr);
    }
}

#[test]
fn errors_of_a_sandbox_and_of_a_connection_say_which_flag_to_look_at() {
    let user = User::new();
    let remote = ["--host", "http://127.0.0.1:1", "--key", "k"];
    for (more, begins, ends) in [
        (
            &["--cpu", "9999"][..],
            "[ERR] Invalid cpuLimit: 9999.",
            "\nOn the command line: --cpu\n",
        ),
        (
            &["--image", "none:x"],
            "[ERR] Image not found: none:x.",
            "\nOn the command line: --image\n",
        ),
        (
            &remote,
            "[ERR] Stream failed: ",
            "\nCheck that --host is the address of a server and that it runs. `isol8 serve` starts one.\n",
        ),
    ] {
        let ended = user.isol8(&[&["run", "-e", "1"], more].concat());
        assert_eq!((ended.code, &*ended.stdout), (Some(1), ""));
        let stderr = &ended.stderr;
        assert!(
            stderr.starts_with(begins) && stderr.ends_with(ends),
            "{stderr}"
        );
    }
}

#[test]
fn files_that_hold_no_program_are_errors_that_name_them() {
    let user = User::new();
    user.write("empty.py", "");
    user.write("binary.py", b"\xff\xfe");
    user.write("folder.py/x", "");
    for (name, stderr) in [
        (
            "empty.py",
            "[ERR] empty.py is empty: there is nothing to run.",
        ),
        ("binary.py", "[ERR] binary.py is not UTF-8 text."),
        ("folder.py", "[ERR] folder.py is a folder, not a file."),
    ] {
        user.isol8(&["run", name]).failed(stderr);
    }
}

#[test]
fn a_configuration_that_cannot_be_read_is_an_error() {
    let user = User::new();
    user.write("isol8.config.json", "{");
    let ended = user.isol8(&["run", "-e", "1"]);
    assert_eq!((ended.code, &*ended.stdout), (Some(1), ""));
    assert!(
        ended.stderr.starts_with("[ERR] Invalid config "),
        "{}",
        ended.stderr
    );
}

#[test]
fn an_unknown_value_names_the_flag_and_what_it_takes() {
    let user = User::new();
    let number = "at least 1 and at most 4294967295";
    let runtimes = "[possible values: python, node, bun, deno, bash, agent]";
    let run = |flag, value, accepted| (vec!["run", "-e", "1", flag, value], flag, value, accepted);
    let mut cases = vec![
        run("--runtime", "ruby", runtimes),
        run("--net", "open", "[possible values: none, host, filtered]"),
        run("--timeout", "soon", number),
        run("--timeout", "0", number),
        run("--timeout", "-1", number),
        run("--pids-limit", "1.5", number),
        run("--max-output", "1m", number),
        run("--max-output", "4294967296", number),
        run("--cpu", "many", "a number above 0, such as 0.5 or 2"),
        run("--cpu", "0", "a number above 0, such as 0.5 or 2"),
        run("--cpu", "NaN", "a number above 0, such as 0.5 or 2"),
    ];
    for flag in ["--memory", "--sandbox-size", "--tmp-size"] {
        for value in ["lots", "0", "-5m"] {
            cases.push(run(flag, value, "a size above 0, such as 512m or 1g"));
        }
    }
    cases.push((
        vec!["repl", "--runtime", "agent"],
        "--runtime",
        "agent",
        "[possible values: python, node, bun, deno, bash]",
    ));
    for (words, flag, value, accepted) in cases {
        let ended = user.isol8(&words);
        assert_eq!((ended.code, &*ended.stdout), (Some(1), ""), "{words:?}");
        for part in [flag, value, accepted] {
            let stderr = &ended.stderr;
            assert!(stderr.contains(part), "{words:?}: {part} in {stderr}");
        }
    }
    let shell = user.isol8(&["completion", "csh"]);
    assert_eq!(shell.code, Some(1));
    for part in ["csh", "bash, elvish, fish, powershell, zsh"] {
        assert!(shell.stderr.contains(part), "{part} in {}", shell.stderr);
    }
}

#[test]
fn what_is_no_program_is_an_error_that_names_it() {
    let user = User::new();
    user.write("spaces.py", " \n\t\n");
    user.write("mark.py", "\u{feff}");
    for name in ["spaces.py", "mark.py"] {
        user.isol8(&["run", name])
            .failed(&format!("[ERR] {name} is empty: there is nothing to run."));
    }
    // What even root cannot read.
    std::os::unix::fs::symlink("/proc/self/mem", user.path("memory.py")).unwrap();
    let ended = user.isol8(&["run", "memory.py"]);
    assert_eq!((ended.code, &*ended.stdout), (Some(1), ""));
    assert!(ended.stderr.starts_with("[ERR] "), "{}", ended.stderr);
    assert!(ended.stderr.contains("memory.py"), "{}", ended.stderr);
}
