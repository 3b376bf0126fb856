//! `repl`, from a pipe and in a terminal.

use crate::{
    common::{User, exists, until},
    terminal::Terminal,
};

#[test]
fn inputs_of_a_pipe_run_in_one_session() {
    let user = User::new();
    user.write("in.txt", "from here");
    let input = "x = 20\ndef twice(n):\n    return n * 2\n\ntwice(x) + 2\n:put in.txt\nopen('in.txt').read()\n\
        1 / 0\nopen('out.txt', 'w').write('from there')\n:get out.txt\n:get out.txt\n:zzz\nx\n";
    let ended = user.isol8_with(&["repl", "--quiet"], input);
    assert_eq!(
        (ended.code, &*ended.stdout),
        (Some(0), "42\n'from here'\n10\n20\n")
    );
    assert_eq!(user.read("out.txt"), "from there");
    for part in [
        "Traceback (most recent call last):\n  File \"<input 5>\", line 1, in <module>\n    1 / 0\n    ~~^~~\n\
            ZeroDivisionError: division by zero\n",
        "[ERR] :get: out.txt is there already.\n",
        "[ERR] Unknown command :zzz. :help lists the commands.\n",
    ] {
        assert!(ended.stderr.contains(part), "{part} in {}", ended.stderr);
    }
}

#[test]
fn every_language_keeps_its_variables() {
    let user = User::new();
    for (runtime, input) in [
        (
            "node",
            "let x = 41\nfunction f(n) {\n  return n + 1\n}\nconsole.log(f(x))\n",
        ),
        ("bun", "let x = 41\nconsole.log(x + 1)\n"),
        ("deno", "let x = 41\nconsole.log(x + 1)\n"),
        ("bash", "x=41\nf() {\n  echo $(($1 + 1))\n}\nf $x\n"),
    ] {
        let ended = user.isol8_with(&["repl", "-r", runtime], input);
        ended.is(0, "42\n", "");
    }
}

/// Waits until an input can be typed. Ctrl-C drops what was typed ahead, and a Ctrl-D that comes before the prompt is
/// no end of the session.
fn prompts(terminal: &Terminal) {
    until("there is a prompt", || {
        terminal
            .lines()
            .last()
            .is_some_and(|line| line == "python>")
    });
}

#[test]
fn a_terminal_has_a_prompt_history_and_ctrl_c() {
    let user = User::new();
    let terminal = Terminal::start(&user, &["repl", "-r", "python"], 80, &[]);
    terminal.shows("[INFO] A session of python. :help lists the commands, Ctrl-D ends it.");
    terminal.shows("python>");
    terminal.write("x = 6 * 7\r");
    terminal.write("x\r");
    terminal.shows("42");
    // Ctrl-C gives up what is typed, and ends what runs. Both leave the session as it is.
    terminal.write("never");
    terminal.shows("python> never");
    terminal.write("\x03");
    prompts(&terminal);
    terminal.write("print('begun', flush=True); import time; time.sleep(600)\r");
    let begun = || terminal.lines().iter().any(|line| line == "begun");
    until("the program runs", begun);
    terminal.write("\x03");
    terminal.shows("[INFO] Interrupted.");
    prompts(&terminal);
    terminal.write("x + 1\r");
    terminal.shows("43");
    // The last input but one, by its arrow.
    terminal.resize(40);
    terminal.write("print('open', end='')\r");
    until("the output is a line", || {
        terminal.lines().iter().any(|line| line == "open")
    });
    prompts(&terminal);
    terminal.write("\x1b[A\x1b[A\r");
    let again = || terminal.lines().iter().filter(|line| *line == "43").count() == 2;
    until("the input before is run again", again);
    prompts(&terminal);
    terminal.write("\x04");
    assert_eq!(terminal.end().0, 0);

    let history = user.home().join(".isol8/history");
    let text = std::fs::read_to_string(&history).unwrap();
    assert!(text.contains("x = 6 * 7\n"), "{text}");
    let terminal = Terminal::start(&user, &["repl"], 80, &[]);
    terminal.shows("python>");
    terminal.write("\x1b[A");
    terminal.shows("python> x + 1");
    terminal.write("\x03");
    prompts(&terminal);
    terminal.write(":quit\r");
    assert_eq!(terminal.end().0, 0);
}

#[test]
fn without_a_home_directory_there_is_no_history() {
    let user = User::new();
    let home = user.path("none");
    let terminal = Terminal::start(&user, &["repl"], 80, &[("HOME", home.to_str().unwrap())]);
    terminal.shows("python>");
    terminal.write("6 * 7\r");
    terminal.shows("42");
    prompts(&terminal);
    terminal.write("\x04");
    assert_eq!(terminal.end().0, 0);
    let terminal = Terminal::start(&user, &["repl"], 80, &[("HOME", "/proc/nowhere")]);
    terminal.shows("python>");
    terminal.write("6 * 7\r");
    terminal.shows("42");
    prompts(&terminal);
    terminal.write("\x04");
    assert_eq!(terminal.end().0, 0);
    assert!(!exists(std::path::Path::new("/proc/nowhere")));
}
