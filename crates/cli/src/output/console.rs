//! Lines with markers on standard error, results on standard output.

use std::io::{self, IsTerminal as _, Write as _};

use crate::failure::{Exit, Failure};

/// Where lines go, and how. Messages are on standard error; results are on standard output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Console {
    /// Whether only warnings and errors are shown.
    quiet: bool,
    /// Whether markers have colours.
    coloured: bool,
}

/// The colours of markers: red, yellow, blue, green.
const ERROR: (&str, &str) = ("[ERR]", "\x1b[31m");
const WARNING: (&str, &str) = ("[WARN]", "\x1b[33m");
const INFORMATION: (&str, &str) = ("[INFO]", "\x1b[34m");
const SUCCESS: (&str, &str) = ("[OK]", "\x1b[32m");
const RESET: &str = "\x1b[0m";

impl Console {
    /// A console for this process. Markers have colours on a terminal, unless `NO_COLOR` is set.
    pub(crate) fn new(quiet: bool) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            quiet,
            coloured: wanted && io::stderr().is_terminal(),
        }
    }

    /// Something went wrong.
    pub(crate) fn error(self, text: &str) {
        self.line(ERROR, text);
    }

    /// Something is not as its author meant it.
    pub(crate) fn warn(self, text: &str) {
        self.line(WARNING, text);
    }

    /// What happens at the moment.
    pub(crate) fn info(self, text: &str) {
        if !self.quiet {
            self.line(INFORMATION, text);
        }
    }

    /// Something that was asked for is done.
    pub(crate) fn ok(self, text: &str) {
        self.note(&self.ok_line(text));
    }

    /// The line of [`Self::ok`], for who writes it.
    pub(crate) fn ok_line(self, text: &str) -> String {
        self.marked(SUCCESS, text)
    }

    /// Whether only warnings and errors are shown.
    pub(crate) fn is_quiet(self) -> bool {
        self.quiet
    }

    /// A line without a marker.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet {
            write_line(text);
        }
    }

    /// Standard error of a program, or details that were asked for.
    #[expect(
        clippy::unused_self,
        reason = "beside the other lines of standard error"
    )]
    pub(crate) fn result(self, text: &str) {
        write_line(text);
    }

    fn line(self, marker: (&str, &str), text: &str) {
        write_line(&self.marked(marker, text));
    }

    fn marked(self, (marker, colour): (&str, &str), text: &str) -> String {
        if self.coloured {
            format!("{colour}{marker}{RESET} {text}")
        } else {
            format!("{marker} {text}")
        }
    }
}

/// Standard error may be closed. Then the line is lost.
fn write_line(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Prints the result of a command.
pub(crate) fn print(text: &str) -> Result<Exit, Failure> {
    let mut stdout = io::stdout().lock();
    let written = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
    match written {
        Ok(()) => Ok(Exit::Success),
        Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::BrokenPipe),
        Err(cause) => Err(Failure::input_output(
            "Cannot write to standard output",
            cause,
        )),
    }
}
