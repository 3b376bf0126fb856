//! Standard input that a program gets while it runs.

use std::io::{self, Read as _};

use bytes::Bytes;
use isol8_engine::{LiveInput, ProgramInput, live_input};

/// Bytes that are passed on at once, at most.
const PIECE: usize = 64 * 1024;

/// This command's standard input, for one program. It is read by a thread that ends with the input, or with
/// this process: a read cannot be interrupted.
pub(super) fn standard_input() -> LiveInput {
    let (sender, input) = live_input(true);
    std::thread::spawn(move || {
        let mut piece = vec![0; PIECE];
        let mut stdin = io::stdin().lock();
        loop {
            let next = match stdin.read(&mut piece) {
                Ok(0) => ProgramInput::End,
                Ok(length) => ProgramInput::Data(Bytes::copy_from_slice(&piece[..length])),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => ProgramInput::End,
            };
            let ends = next == ProgramInput::End;
            // A program that has ended reads nothing any more.
            if sender.blocking_send(next).is_err() || ends {
                return;
            }
        }
    });
    input
}
