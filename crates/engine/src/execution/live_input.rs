//! Input and signals on their way to a running program.

use isol8_protocol::ExecControl;

use crate::{
    sandbox::ExecInput,
    submission::{LiveInput, ProgramInput},
};

/// Passes everything on to a program, until the sender of `live` is dropped.
pub(super) async fn forward(live: &LiveInput, input: &ExecInput) {
    let mut pieces = live.pieces().await;
    let mut open = live.stays_open();
    while let Some(piece) = pieces.recv().await {
        match piece {
            ProgramInput::Data(bytes) if open => input.write(bytes).await,
            ProgramInput::End if open => {
                open = false;
                input.end().await;
            }
            ProgramInput::Data(_) | ProgramInput::End => {}
            ProgramInput::Signal(signal) => {
                input.control(ExecControl::Signal(signal.number())).await;
            }
        }
    }
    if open {
        input.end().await;
    }
}
