//! From the words of a command line to an exit code.

use std::{
    ffi::OsString,
    io::{IsTerminal as _, Write as _},
    num::NonZero,
    process::ExitCode,
    time::Duration,
};

use clap::Parser as _;
use isol8_client::{CallError, Reason};

use crate::{
    args::{Cli, Command},
    commands,
    failure::{Exit, Failure},
    launcher,
    output::{Console, with_flags},
    server_program, usage,
};

/// Threads of the engine. One run keeps hardly more than one busy, and each costs its start.
const WORKERS: usize = 2;

/// Threads of a server: half of the processors. The programs need the others. On a small machine that is one thread: a second
/// one would be woken several times for each request, and find that the first has done the work.
fn server_workers() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    (processors / 2).max(1)
}

/// How long work in the background may delay the end of the program.
const LAST_WORK: Duration = Duration::from_millis(100);

/// The number of Ctrl-C's signal.
const INTERRUPT: u8 = 2;

/// What to do where no server can be reached.
const NO_SERVER: &str =
    "Check that --host is the address of a server and that it runs. `isol8 serve` starts one.";

/// Runs the command that `words` name (the first is the program's own name). Returns its exit code.
pub fn main(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words: Vec<_> = words.into_iter().collect();
    let parsed = match server_program::words(&words) {
        Some(words) => server_program::parse(words),
        None => Cli::try_parse_from(&words).map_err(|error| usage::explain(&error)),
    };
    let cli = match parsed {
        Ok(cli) => cli,
        Err(exit) => return exit,
    };
    let console = Console::new(cli.global.quiet);
    let exit = carry_out(cli, console).unwrap_or_else(|failure| {
        let message = failure.to_string();
        console.error(&match &failure {
            Failure::Engine(_) => with_flags(message),
            Failure::Remote(CallError {
                reason: Reason::Connection(_),
                ..
            }) => format!("{message}\n{NO_SERVER}"),
            _ => message,
        });
        failure.exit()
    });
    // The terminal has shown ^C, and the shell's prompt would follow it.
    if exit == Exit::Signal(INTERRUPT) && std::io::stderr().is_terminal() {
        let _ = writeln!(std::io::stderr());
    }
    // A reader that has gone away changes nothing any more.
    let _ = std::io::stdout().flush();
    exit.into()
}

fn carry_out(cli: Cli, console: Console) -> Result<Exit, Failure> {
    let is_server = matches!(cli.command, Some(Command::Serve(_)));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(if is_server { server_workers() } else { WORKERS })
        .enable_all()
        .build()
        .map_err(|cause| Failure::input_output("Cannot start", cause))?;
    launcher::end_with_it(runtime.handle());
    let exit = runtime.block_on(commands::dispatch(cli, console));
    // A thread that waits for standard input would wait for ever.
    runtime.shutdown_timeout(LAST_WORK);
    exit
}
