//! The messages between the guest and the launcher of a resident interpreter. Launchers are written in five
//! languages, one of them a shell. So there are no frames and no postcard.
//!
//! The messages go through named pipes. The pipes exist as long as the sandbox, whatever a program does to
//! its descriptors: see [`SessionPipe`].
//!
//! ```text
//! command   call NUL program NUL cwd NUL count NUL (name NUL value NUL){count}
//! ready     call LF                  the call's standard streams are in place
//! report    call SPACE exit-code LF
//! interrupt call NUL                 on the way of commands, before `SIGINT`
//! ```
//!
//! An empty `cwd` keeps the working directory. A report with the number of another call is ignored.
//!
//! A shell reads the files that it runs line by line. So its launcher needs no loop: it appends each
//! program to the [script](SESSION_SCRIPT) that the shell is running.

use crate::SESSION_DIR;

/// The script of a shell that is an interpreter. It belongs to the user.
pub const SESSION_SCRIPT: &str = "/.isol8-session/script";

/// A file for the launcher of a shell, which prints to it and reads it again without starting a process. It
/// belongs to the user.
pub const SESSION_NOTE: &str = "/.isol8-session/note";

/// A number that no call has. The launcher of a shell reports it as ready when the shell has opened its
/// script.
pub const NO_CALL: u64 = 0;

/// Descriptor of the interpreter on which its launcher finds [`SessionPipe::Commands`] at its start. The
/// number is high, so that programs that choose numbers themselves do not use it.
pub const COMMAND_FD: i32 = 250;

/// Descriptor of the interpreter on which its launcher finds [`SessionPipe::Reports`] at its start.
pub const REPORT_FD: i32 = 251;

/// Longest line that can be a report, in bytes.
pub const MAX_REPORT_BYTES: usize = 64;

/// The named pipes of a session, each with a file in [`SESSION_DIR`].
///
/// The guest holds its end of each. So opening one does not wait, except for [`Stdin`](Self::Stdin). The guest
/// has that one open for writing from before the command until the call is reported ready. Only after that
/// can it be at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionPipe {
    /// The launcher reads commands here.
    Commands,
    /// The launcher reports here that a call is ready or has ended.
    Reports,
    /// Standard input of calls.
    Stdin,
    /// Standard output of calls.
    Stdout,
    /// Standard error of calls.
    Stderr,
}

impl SessionPipe {
    /// Every one.
    pub const ALL: [Self; 5] = [
        Self::Commands,
        Self::Reports,
        Self::Stdin,
        Self::Stdout,
        Self::Stderr,
    ];

    /// Where it is in the sandbox.
    #[must_use]
    pub fn path(self) -> String {
        let name = match self {
            Self::Commands => "commands",
            Self::Reports => "reports",
            Self::Stdin => "0",
            Self::Stdout => "1",
            Self::Stderr => "2",
        };
        format!("{SESSION_DIR}/{name}")
    }
}

/// A launcher's report of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// Its standard streams are in place.
    Ready,
    /// It has ended with this exit code.
    Ended(i32),
}

/// The command that runs `program` as call number `call`. No text in it may contain a NUL byte.
#[must_use]
pub fn command(call: u64, program: &str, cwd: Option<&str>, env: &[(String, String)]) -> Vec<u8> {
    let mut command = Vec::new();
    let mut field = |text: &str| {
        command.extend_from_slice(text.as_bytes());
        command.push(0);
    };
    field(&call.to_string());
    field(program);
    field(cwd.unwrap_or_default());
    field(&env.len().to_string());
    for (name, value) in env {
        field(name);
        field(value);
    }
    command
}

/// Call number and meaning of a line that a launcher has written, without its line feed.
#[must_use]
pub fn parse_report(line: &[u8]) -> Option<(u64, Report)> {
    let line = std::str::from_utf8(line).ok()?;
    match line.split_once(' ') {
        None => Some((line.parse().ok()?, Report::Ready)),
        Some((call, code)) => Some((call.parse().ok()?, Report::Ended(code.parse().ok()?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_shell_are_beside_the_pipes() {
        for file in [SESSION_SCRIPT, SESSION_NOTE] {
            let name = file.strip_prefix(SESSION_DIR).unwrap();
            assert!(name.starts_with('/'), "{file}");
            assert!(!SessionPipe::ALL.iter().any(|pipe| pipe.path() == file));
        }
    }

    #[test]
    fn commands_and_reports_have_the_drawn_layout() {
        let env = [("K".to_owned(), "V".to_owned())];
        assert_eq!(command(7, "/p", None, &env), b"7\0/p\0\x001\0K\0V\0");
        assert_eq!(command(8, "/p", Some("/d"), &[]), b"8\0/p\0/d\x000\0");
        assert_eq!(parse_report(b"7"), Some((7, Report::Ready)));
        assert_eq!(parse_report(b"7 -1"), Some((7, Report::Ended(-1))));
        for wrong in ["", "7 ", " 1", "7 1 1", "x", "x 1", "7 99999999999"] {
            assert_eq!(parse_report(wrong.as_bytes()), None, "{wrong:?}");
        }
    }
}
