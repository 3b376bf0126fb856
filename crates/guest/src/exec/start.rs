//! Starts a program on three new pipes, and keeps the guest's ends of them.

use std::{io, os::fd::OwnedFd, time::Duration};

use isol8_protocol::FrameKind;

use super::{
    launch::{Launch, Program, Stdio},
    output::Source,
};
use crate::{
    failure::Failure,
    fd::{Fd, user_pipe},
    guest::Guest,
    processes::reaper::Role,
    user::rights::with_rights_of_user,
};

/// How long an interpreter may take until it waits for its program.
pub(super) const READY_DEADLINE: Duration = Duration::from_secs(20);

/// How much of the output of an interpreter that is not ready goes into the error.
pub(super) const MAX_REASON_BYTES: usize = 2048;

/// A started program and the guest's ends of its standard streams.
pub(super) struct PipedProgram {
    pub(super) program: Program,
    pub(super) stdin: Fd,
    pub(super) stdout: Source,
    pub(super) stderr: Source,
    /// CPU time that it had used before it was handed its program.
    pub(super) cpu_before: Duration,
    /// Memory that it had then, in bytes.
    pub(super) memory_before: u64,
    /// Whether it was started ahead.
    pub(super) parked: bool,
}

/// Starts a program on three new pipes. They are the same for every program, parked or not,
/// whatever its standard input.
pub(super) async fn start(guest: &Guest, launch: Launch) -> Result<PipedProgram, Failure> {
    let preparing = |error: io::Error| Failure::system("cannot prepare the program", &error);
    let pipes = || {
        let (input, output) = (user_pipe()?, output_pipe(FrameKind::Stdout)?);
        Ok((input, output, output_pipe(FrameKind::Stderr)?))
    };
    let ((input, stdin), (stdout, output), (stderr, error)) =
        with_rights_of_user(pipes).map_err(preparing)?;
    let stdin = Fd::new(stdin).map_err(preparing)?;
    let theirs = Stdio {
        input: &input,
        output,
        error,
        more: Vec::new(),
    };
    let program = launch.start(guest, Role::Program, theirs).await?;
    Ok(PipedProgram {
        program,
        stdin,
        stdout,
        stderr,
        cpu_before: Duration::ZERO,
        memory_before: 0,
        parked: false,
    })
}

/// A pipe for output: the guest's end and the program's.
pub(super) fn output_pipe(kind: FrameKind) -> io::Result<(Source, OwnedFd)> {
    let (ours, theirs) = user_pipe()?;
    Ok((Source::new(Fd::new(ours)?, kind), theirs))
}
