//! Orders of the host while a program runs: input, signals, the end.

use std::{convert::Infallible, time::Duration};

use isol8_protocol::{ExecControl, FrameKind, decode};
use nix::libc;
use tokio::{sync::Notify, time::sleep};

use super::input::Input;
use crate::{
    link::frames::{FrameReader, StreamError},
    processes::reaper::Reaper,
};

/// Time between two checks whether the host has reset a stream. They are needed while nothing reads the
/// stream, because the program does not read its input.
const RESET_INTERVAL: Duration = Duration::from_millis(25);

/// Carries out the host's orders until the host closes the stream or breaks the protocol's rules.
pub(super) async fn obey(
    frames: &mut FrameReader,
    reaper: &Reaper,
    pid: i32,
    input: &Input,
    kill: &Notify,
    interrupt: &Notify,
) -> Result<Infallible, StreamError> {
    loop {
        while input.is_full() {
            if frames.is_reset() {
                return Err(StreamError::Closed);
            }
            tokio::select! {
                () = input.taken() => {}
                () = sleep(RESET_INTERVAL) => {}
            }
        }
        match frames.next().await? {
            (FrameKind::Data, []) => input.end(),
            (FrameKind::Data, bytes) if !input.has_ended() => input.push(bytes),
            (FrameKind::Message, payload) => match decode(payload)? {
                ExecControl::Kill => kill.notify_one(),
                ExecControl::Interrupt => interrupt.notify_one(),
                ExecControl::Signal(number) => signal_group(reaper, pid, number),
            },
            // Data after its end, or a kind of frame that only the guest sends.
            _ => return Err(StreamError::Closed),
        }
    }
}

/// Sends a signal to the program's process group, which has the program's id. Nothing happens when the number
/// is no signal or the program has ended.
fn signal_group(reaper: &Reaper, pid: i32, number: i32) {
    if (1..=libc::SIGRTMAX()).contains(&number) && reaper.is_child(pid) {
        // SAFETY: passes two numbers; real-time signals have no name in `nix`.
        unsafe { libc::killpg(pid, number) };
    }
}
