//! `run`: every way in which it ends before its program does.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::Stdio,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::common::{Ended, User, containers, ended, until};

/// Starts a program that prints its host name (the short id of its container) and runs on. Sends a signal.
fn interrupted(signal: Signal, more: &[&str]) -> Option<i32> {
    let user = User::new();
    let words = ["run", "--cmd", "hostname; sleep 600"];
    let mut child = user.command(&[&words[..], more].concat()).spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let id = line.trim().to_owned();
    assert_eq!(id.len(), 12, "{line:?} is no host name of a container");
    kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
    let code = ended(child).code;
    until("the container is gone", || {
        !containers().iter().any(|other| other.starts_with(&id))
    });
    code
}

#[test]
fn signals_end_the_program_and_leave_nothing() {
    assert_eq!(interrupted(Signal::SIGINT, &[]), Some(130));
    assert_eq!(interrupted(Signal::SIGTERM, &["--persistent"]), Some(143));
}

#[test]
fn a_kill_of_the_command_leaves_nothing_either() {
    assert_eq!(interrupted(Signal::SIGKILL, &[]), None);
}

#[test]
fn a_signal_ends_what_waits_for_standard_input() {
    let user = User::new();
    let child = user
        .command(&["run"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let caught = || {
        let text = std::fs::read_to_string(&status).unwrap();
        let mask = text
            .lines()
            .find_map(|line| line.strip_prefix("SigCgt:"))
            .unwrap()
            .trim()
            .to_owned();
        u64::from_str_radix(&mask, 16).unwrap() & 2 != 0
    };
    until("the command listens for signals", caught);
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    let ended = ended(child);
    assert_eq!((ended.code, &*ended.stderr), (Some(130), ""));
}

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    let user = User::new();
    let mut child = user.command(&["run", "--cmd", "yes"]).spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "y\n");
    drop(stdout);
    let ended = ended(child);
    assert_eq!((ended.code, &*ended.stderr), (Some(141), ""));
}

/// Numbers of the processes of a group, zombies too.
fn group(id: u32) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap();
    let stats = processes.filter_map(|entry| {
        let stat = entry.unwrap().path().join("stat");
        std::fs::read_to_string(stat).ok()
    });
    // `number (name) state parent group …`
    stats
        .filter(|stat| {
            let rest = stat.rsplit_once(')').unwrap().1;
            rest.split_ascii_whitespace().nth(2) == Some(&id.to_string())
        })
        .collect()
}

#[test]
fn a_pipe_that_closes_leaves_no_process_and_no_container() {
    use std::os::unix::process::CommandExt as _;
    let user = User::new();
    let script = "\"$1\" run --cmd 'hostname; yes' | head -1; echo ${PIPESTATUS[@]}";
    let child = std::process::Command::new("bash")
        .args(["-c", script, "bash", env!("CARGO_BIN_EXE_isol8")])
        .env("HOME", user.home())
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let leader = child.id();
    let ended = ended(child);
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
    let (id, codes) = ended.stdout.split_once('\n').unwrap();
    assert_eq!((id.len(), codes), (12, "141 0\n"));
    until("no process is left", || group(leader).is_empty());
    until("the container is gone", || {
        !containers().iter().any(|other| other.starts_with(id))
    });
}

#[test]
fn without_a_home_directory_programs_run() {
    let user = User::new();
    for home in ["/proc/nowhere", ""] {
        let mut command = user.command(&["run", "--cmd", "echo it runs"]);
        let output = command.env("HOME", home).output().unwrap();
        Ended::from(output).is(0, "it runs\n", "");
    }
}

#[test]
fn a_daemon_that_does_not_answer_is_an_error_that_names_it() {
    let user = User::new();
    let output = user
        .command(&["run", "--backend", "docker", "-e", "1"])
        .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr.starts_with("[ERR] ") && stderr.contains("/nowhere/docker.sock"),
        "{stderr}"
    );
}

#[test]
fn a_watched_file_runs_again_when_it_changes() {
    let user = User::new();
    user.write(
        "watched.py",
        "print('first', flush=True)\nimport time\ntime.sleep(600)",
    );
    let mut child = user
        .command(&["run", "watched.py", "--watch", "--quiet"])
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    user.write("watched.py", "print('second run')");
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "first\nsecond run\n");
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    assert_eq!(ended(child).code, Some(130));
}

#[test]
fn a_watched_program_gets_the_same_standard_input_each_time() {
    let user = User::new();
    user.write("watched.py", "print('first', input(), flush=True)");
    let mut child = user
        .command(&["run", "watched.py", "--watch", "--quiet", "--stdin", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"input\n").unwrap();
    drop(stdin);
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut lines = String::new();
    stdout.read_line(&mut lines).unwrap();
    user.write("watched.py", "print('second run', input(), flush=True)");
    stdout.read_line(&mut lines).unwrap();
    assert_eq!(lines, "first input\nsecond run input\n");
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    assert_eq!(ended(child).code, Some(130));
}
