//! What a person sees and types in a terminal: progress, questions, Ctrl-C, a window that changes.

use std::net::TcpListener;

use serde_json::json;

use crate::{
    common::{User, containers, until},
    daemon::Daemon,
    terminal::Terminal,
};

const STEP: &str =
    "Step 2/2 : RUN a long command whose text is wider than a terminal of forty columns is";

/// A daemon on which two builds do not end.
fn building() -> Daemon {
    let daemon = Daemon::start();
    for name in ["isol8:node", "isol8:bash"] {
        daemon.build(name, &["Step 1/2 : FROM base", STEP], false);
    }
    daemon.hold("isol8:bash");
    daemon
}

fn setup(user: &User, daemon: &Daemon, columns: u16) -> Terminal {
    let words = ["setup", "--only", "node", "bash"];
    let address = daemon.address();
    Terminal::start(user, &words, columns, &[("DOCKER_HOST", &address)])
}

/// The lines that show a step.
fn steps(terminal: &Terminal) -> Vec<String> {
    let mut lines = terminal.lines();
    lines.retain(|line| line.contains("Step"));
    lines
}

#[test]
fn progress_is_one_line_a_build_in_a_wide_and_in_a_narrow_terminal() {
    for columns in [80_u16, 40] {
        let (user, daemon) = (User::new(), building());
        let terminal = setup(&user, &daemon, columns);
        terminal.shows("Step 2/2");
        terminal.shows("[OK] node: built in ");
        until("there is one line", || steps(&terminal).len() == 1);
        let lines = terminal.lines();
        let (last, earlier) = lines.split_last().unwrap();
        assert!(
            last.contains("bash") && last.contains("Step 2/2 : RUN a"),
            "{lines:?}"
        );
        assert_eq!(last.contains("wider"), columns == 80, "{lines:?}");
        assert_eq!(earlier.len(), 2, "{lines:?}");
        assert_eq!(earlier[0], "[OK] Docker is running");

        // A window that grows and shrinks still has one line of it.
        for columns in [100, columns] {
            terminal.resize(columns);
            until("the line has the new width", || {
                steps(&terminal)
                    .iter()
                    .any(|line| line.contains("wider") == (columns >= 80))
            });
        }
        daemon.let_go();
        terminal.shows("[OK] bash: built in ");
        terminal.shows("isol8:bash  2 MB");
        let (code, lines) = terminal.end();
        assert_eq!(code, 0);
        assert!(!lines.iter().any(|line| line.contains("Step")), "{lines:?}");
    }
}

#[test]
fn ctrl_c_ends_setup_and_build_as_it_ends_a_run() {
    let words = [
        &["setup", "--only", "node", "bash"][..],
        &["build", "--base", "bash", "--install", "jq"],
    ];
    for words in words {
        let (user, daemon) = (User::new(), building());
        let address = daemon.address();
        let terminal = Terminal::start(&user, words, 80, &[("DOCKER_HOST", &address)]);
        terminal.shows("Step 2/2");
        terminal.write("\x03");
        assert_eq!(terminal.end().0, 130, "{words:?}");
        daemon.let_go();
    }
}

#[test]
fn ctrl_c_ends_a_run_and_its_container() {
    let user = User::new();
    let words = ["run", "--cmd", "echo container $(hostname); sleep 600"];
    let terminal = Terminal::start(&user, &words, 80, &[]);
    terminal.shows("container ");
    let lines = terminal.lines();
    let id = lines[0].strip_prefix("container ").unwrap().to_owned();
    terminal.write("\x03");
    // The prompt of a shell has a line of its own.
    until("the line with ^C has ended", || {
        terminal.lines().last().is_some_and(|line| line == "^C") && terminal.is_at_line_start()
    });
    assert_eq!(terminal.end().0, 130);
    until("the container is gone", || {
        !containers().iter().any(|other| other.starts_with(&id))
    });
}

#[test]
fn a_message_after_an_open_line_has_a_line_of_its_own() {
    let user = User::new();
    let program = "print('open' * 20, end='')";
    let words = ["run", "-e", program, "--max-output", "8"];
    let terminal = Terminal::start(&user, &words, 80, &[]);
    let (code, lines) = terminal.end();
    let expected = [
        "openopen",
        "--- OUTPUT TRUNCATED (80 bytes, limit: 8) ---",
        "[WARN] Output was truncated",
    ];
    assert_eq!((code, lines), (0, expected.map(str::to_owned).to_vec()));
    // Where it is no terminal, the output is exactly that of the program.
    let ended = user.isol8(&["run", "-e", "print('open', end='')"]);
    ended.is(0, "open", "");
}

#[test]
fn ctrl_c_ends_an_installation() {
    let user = User::new();
    // The installer waits for a debugger, for ever.
    let words = [
        "run",
        "-r",
        "node",
        "-e",
        "1",
        "--install",
        "left-pad",
        "--debug",
        "--env",
        "NODE_OPTIONS=--inspect-brk",
    ];
    let terminal = Terminal::start(&user, &words, 200, &[]);
    terminal.shows("installing packages");
    terminal.write("\x03");
    assert_eq!(terminal.end().0, 130);
}

#[test]
fn cleanup_asks_and_takes_ctrl_c_for_a_no() {
    let (user, daemon) = (User::new(), Daemon::start());
    daemon.container(json!({
        "Id": "0123456789abcdef", "Image": "isol8:python", "State": "exited", "Created": 1000,
        "Labels": { "isol8.managed": "true" },
    }));
    let address = daemon.address();
    let ask = || {
        let terminal = Terminal::start(
            &user,
            &["cleanup"],
            80,
            &[("DOCKER_HOST", &address), ("ISOL8_BACKEND", "docker")],
        );
        terminal.shows("Remove all these containers? [y/N]");
        terminal
    };
    let terminal = ask();
    terminal.write("\x03");
    assert_eq!(terminal.end().0, 130);
    let terminal = ask();
    terminal.write("no\r");
    terminal.shows("Cleanup cancelled");
    assert_eq!(terminal.end().0, 0);
    assert_eq!(daemon.changes(), Vec::<String>::new());
    let terminal = ask();
    terminal.write("y\r");
    terminal.shows("Removed 1 container(s)");
    assert_eq!(terminal.end().0, 0);
}

/// Serves on a port that is taken, in a terminal.
fn serve(user: &User, port: &str) -> Terminal {
    let words = ["serve", "--keep-images", "-k", "k", "-p", port];
    let terminal = Terminal::start(user, &words, 120, &[]);
    terminal.shows(&format!("[WARN] Port {port} is already in use."));
    terminal.shows(
        "Choose: [1] Enter another port  [2] Find an available port  [3] Exit (default: 2):",
    );
    terminal
}

#[test]
fn a_port_that_is_taken_is_a_choice() {
    let user = User::new();
    let taken = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let terminal = serve(&user, &port);
    terminal.write("9\r");
    terminal.shows("[ERR] Invalid selection. Enter 1, 2, or 3.");
    terminal.write("1\r");
    terminal.shows("Enter port (1-65535):");
    terminal.write("70000\r");
    terminal.shows("[ERR] Invalid port from input: 70000. Expected 1-65535.");
    terminal.write("3\r");
    terminal.shows("[ERR] Server startup cancelled.");
    assert_eq!(terminal.end().0, 1);

    let terminal = serve(&user, &port);
    terminal.write("\r");
    terminal.shows("[INFO] Using available port ");
    terminal.shows("Auth: Bearer token required");
    terminal.write("\x03");
    terminal.shows("[Serve] Cleanup complete");
    assert_eq!(terminal.end().0, 0);
}

#[test]
fn markers_have_colours_in_a_terminal_unless_no_color_is_set() {
    let user = User::new();
    for (words, part) in [
        (&["run", "none.py"][..], "[ERR]"),
        (&["run", "--net", "x"], "error:"),
    ] {
        for (value, coloured) in [("", true), ("1", false)] {
            let terminal = Terminal::start(&user, words, 100, &[("NO_COLOR", value)]);
            terminal.shows(part);
            assert_eq!(terminal.is_coloured(part), coloured, "{words:?} {value:?}");
            assert_eq!(terminal.end().0, 1);
        }
    }
}
