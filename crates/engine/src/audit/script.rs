//! The program that is run after a record was written.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

/// How many runs there may be at once. Records written meanwhile share one more run, which finds
/// them all in the log.
pub(super) const MAX_RUNS: usize = 8;

/// Starts the program; never waits for it, and does not keep the process alive for it.
#[derive(Debug, Clone)]
pub(super) struct PostLogScript {
    program: OsString,
    arguments: Vec<String>,
    log: PathBuf,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    /// Records were written while no more runs could start.
    owed: bool,
}

impl PostLogScript {
    /// `configured` is the path of a program, or a program with arguments as one would type them;
    /// no shell is involved. The path of `log` is its last argument.
    pub(super) fn new(configured: &str, log: &Path) -> Self {
        let mut words = if Path::new(configured).exists() {
            vec![configured.to_owned()]
        } else {
            shlex::split(configured).unwrap_or_else(|| vec![configured.to_owned()])
        };
        let program = if words.is_empty() {
            configured.to_owned()
        } else {
            words.remove(0)
        };
        let (log, state) = (log.to_owned(), Arc::default());
        Self {
            program: program.into(),
            arguments: words,
            log,
            state,
        }
    }

    /// Starts a run, or leaves it to one that is to follow.
    pub(super) fn start(&self) -> io::Result<()> {
        {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.running >= MAX_RUNS {
                state.owed = true;
                return Ok(());
            }
            state.running += 1;
        }
        let started = self.spawn().and_then(|child| self.clone().attend(child));
        if started.is_err() {
            self.state
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .running -= 1;
        }
        started
    }

    fn spawn(&self) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).arg(&self.log);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // Its own process group: an interrupt typed at the terminal is not for it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.spawn()
    }

    /// Waits for the end of a run, on a thread that does not keep the process alive.
    fn attend(self, mut child: Child) -> io::Result<()> {
        let attend = move || {
            loop {
                let _ = child.wait();
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                if !std::mem::take(&mut state.owed) {
                    state.running -= 1;
                    return;
                }
                drop(state);
                match self.spawn() {
                    Ok(next) => child = next,
                    Err(error) => {
                        tracing::warn!(%error, "the audit log's script could not be started");
                        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                        state.running -= 1;
                        return;
                    }
                }
            }
        };
        thread::Builder::new()
            .name("isol8-audit-script".to_owned())
            .spawn(attend)
            .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

    /// Waits until the file has this many lines; the limit only matters when the test fails.
    fn lines(file: &Path, wanted: usize) -> Vec<String> {
        for _ in 0..500 {
            let text = fs::read_to_string(file).unwrap_or_default();
            let lines: Vec<_> = text.lines().map(str::to_owned).collect();
            if lines.len() >= wanted {
                return lines;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("{} never had {wanted} lines", file.display());
    }

    fn script(directory: &Path, body: &str) -> PathBuf {
        let file = directory.join("a script.sh");
        fs::write(&file, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    #[test]
    fn a_program_gets_the_log_as_its_last_argument() {
        let directory = tempfile::tempdir().unwrap();
        let out = directory.path().join("out");
        let file = script(
            directory.path(),
            &format!("echo \"$@\" >>'{}'", out.display()),
        );
        let log = Path::new("/some log");
        PostLogScript::new(&file.display().to_string(), log)
            .start()
            .unwrap();
        assert_eq!(lines(&out, 1), ["/some log"]);
        let with_argument = format!("'{}' 'an argument;'", file.display());
        PostLogScript::new(&with_argument, log).start().unwrap();
        assert_eq!(lines(&out, 2)[1], "an argument; /some log");
    }

    #[test]
    fn runs_are_limited_and_the_last_record_is_not_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let (out, gate) = (directory.path().join("out"), directory.path().join("gate"));
        let body = format!(
            "echo run >>'{}'; while [ ! -e '{}' ]; do sleep 0.01; done",
            out.display(),
            gate.display()
        );
        let file = script(directory.path(), &body);
        let script = PostLogScript::new(&file.display().to_string(), Path::new("/log"));
        for _ in 0..MAX_RUNS * 4 {
            script.start().unwrap();
        }
        lines(&out, MAX_RUNS);
        assert_eq!(script.state.lock().unwrap().running, MAX_RUNS);
        fs::write(&gate, "").unwrap();
        lines(&out, MAX_RUNS + 1);
        for _ in 0..500 {
            if script.state.lock().unwrap().running == 0 {
                assert_eq!(lines(&out, 0).len(), MAX_RUNS + 1);
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("a run never ended");
    }

    #[test]
    fn a_program_that_does_not_exist_is_an_error() {
        assert!(
            PostLogScript::new("/no/such/program", Path::new("/log"))
                .start()
                .is_err()
        );
    }
}
