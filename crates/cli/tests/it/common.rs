//! Runs the program in a working directory and a home directory of its own.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::daemon::Daemon;

/// Longer than anything here takes, so that a hang is a failure.
const PATIENCE: Duration = Duration::from_mins(2);

/// A user with an empty home directory and an empty working directory.
pub(crate) struct User {
    home: TempDir,
    work: TempDir,
}

/// How a command has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl User {
    pub(crate) fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
            work: tempfile::tempdir().unwrap(),
        }
    }

    /// A path in the working directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    /// The home directory.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Writes a file in the working directory, with its folders.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// A command that has not been started.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_isol8"));
        command
            .args(words)
            .current_dir(&self.work)
            .env("HOME", self.home.path())
            .env_remove("ISOL8_API_KEY")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a command without input.
    pub(crate) fn isol8(&self, words: &[&str]) -> Ended {
        self.command(words).output().unwrap().into()
    }

    /// Runs a command with this input.
    pub(crate) fn isol8_with(&self, words: &[&str], input: &str) -> Ended {
        fed(&mut self.command(words), input)
    }

    /// Runs a line of a shell that finds the program under its name.
    pub(crate) fn shell(&self, line: &str, environment: &[(&str, &str)]) -> Ended {
        let tools = self.home().join("tools");
        fs::create_dir_all(&tools).unwrap();
        let program = tools.join("isol8");
        if !exists(&program) {
            symlink(env!("CARGO_BIN_EXE_isol8"), program).unwrap();
        }
        let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("bash");
        command
            .args(["-c", line])
            .current_dir(&self.work)
            .envs(environment.iter().copied())
            .env("HOME", self.home())
            .env("PATH", path)
            .env_remove("ISOL8_API_KEY")
            .stdin(Stdio::null());
        command.output().unwrap().into()
    }

    /// Runs a command with this input and another daemon.
    pub(crate) fn isol8_on(&self, daemon: &Daemon, words: &[&str], input: &str) -> Ended {
        fed(
            self.command(words).env("DOCKER_HOST", daemon.address()),
            input,
        )
    }
}

fn fed(command: &mut Command, input: &str) -> Ended {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap().into()
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ended {
    /// Asserts exit code and both streams, whole.
    #[track_caller]
    pub(crate) fn is(&self, code: i32, stdout: &str, stderr: &str) {
        let actual = (self.code, &*self.stdout, &*self.stderr);
        assert_eq!(actual, (Some(code), stdout, stderr));
    }

    /// Asserts that standard output has this part.
    #[track_caller]
    pub(crate) fn shows(&self, part: &str) {
        assert!(self.stdout.contains(part), "{part} in {}", self.stdout);
    }

    /// Asserts an error without any output.
    #[track_caller]
    pub(crate) fn failed(&self, stderr: &str) {
        self.is(1, "", &format!("{stderr}\n"));
    }
}

/// Waits until something holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits for the end of a process that has to end by itself.
pub(crate) fn ended(mut child: Child) -> Ended {
    until("the command ends", || child.try_wait().unwrap().is_some());
    child.wait_with_output().unwrap().into()
}

/// Ids of the containers of isol8 that run now.
pub(crate) fn containers() -> Vec<String> {
    let output = Command::new("docker")
        .args([
            "ps",
            "-aq",
            "--no-trunc",
            "--filter",
            "label=isol8.managed=true",
        ])
        .output()
        .expect("the docker command");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Whether a path exists, links not followed.
pub(crate) fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
