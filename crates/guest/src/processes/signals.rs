//! Signals of the guest. It receives them through a descriptor, so no handler ever runs.

use std::{io, os::fd::OwnedFd};

use nix::sys::{
    signal::{SigSet, SigmaskHow, Signal, sigprocmask},
    signalfd::{SfdFlags, SignalFd},
};

use super::reaper::Reaper;
use crate::fd::Fd;

/// Size of one `signalfd_siginfo`, see signalfd(2).
const RECORD_BYTES: usize = 128;

/// The signals that the guest acts on.
pub(crate) struct Signals(Fd);

impl Signals {
    /// Blocks the signals and opens the descriptor. Children unblock them again.
    pub(crate) fn open() -> io::Result<Self> {
        let mut set = SigSet::empty();
        for signal in [
            Signal::SIGCHLD,
            Signal::SIGTERM,
            Signal::SIGINT,
            Signal::SIGHUP,
        ] {
            set.add(signal);
        }
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&set), None)?;
        let fd = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Self(Fd::new(OwnedFd::from(fd))?))
    }

    /// Collects children until a signal asks the guest to end.
    pub(crate) async fn run(self, reaper: &Reaper) -> io::Result<()> {
        let mut record = [0; RECORD_BYTES];
        loop {
            self.0.read(&mut record).await?;
            let number = u32::from_ne_bytes([record[0], record[1], record[2], record[3]]);
            if number != Signal::SIGCHLD as u32 {
                return Ok(());
            }
            reaper.collect();
        }
    }
}
