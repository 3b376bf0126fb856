//! The prompt on a thread of its own: a terminal is read by blocking calls.

use std::{
    io,
    os::fd::AsFd as _,
    sync::mpsc::{Sender, channel},
};

use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use tokio::sync::mpsc;

use super::line::{Lines, Typed};

/// The prompt.
pub(super) struct Prompt {
    ask: Sender<()>,
    typed: mpsc::Receiver<Typed>,
    terminal: Option<Termios>,
}

impl Prompt {
    /// A prompt that waits until it is asked.
    pub(super) fn open(runtime: &str) -> io::Result<Self> {
        let mut lines = Lines::open(runtime)?;
        let (ask, asked) = channel();
        let (tell, typed) = mpsc::channel(1);
        // Ends with this process, at the latest.
        std::thread::spawn(move || {
            while let Ok(()) = asked.recv() {
                if tell.blocking_send(lines.next()).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            ask,
            typed,
            terminal: tcgetattr(io::stdin().as_fd()).ok(),
        })
    }

    /// The next input. Ask again only after it has come.
    pub(super) async fn next(&mut self) -> Typed {
        if self.ask.send(()).is_err() {
            return Typed::End;
        }
        self.typed.recv().await.unwrap_or(Typed::End)
    }
}

/// A signal can end the session while the terminal is in the mode for editing lines.
impl Drop for Prompt {
    fn drop(&mut self) {
        if let Some(mode) = &self.terminal {
            let _ = tcsetattr(io::stdin().as_fd(), SetArg::TCSADRAIN, mode);
        }
    }
}
