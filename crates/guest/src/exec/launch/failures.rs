//! Why a program was not started.

use std::io;

use isol8_protocol::{ErrorKind, Reply};

use crate::{failure::Failure, processes::as_user::parse_reply};

pub(super) fn starting(error: &io::Error) -> Failure {
    Failure::system("cannot start the program", error)
}

pub(super) fn ended_at_once() -> Failure {
    starting(&io::Error::other("its process ended at once"))
}

/// What the frame of a child says.
pub(super) fn reported(frame: &[u8]) -> Failure {
    match parse_reply(frame) {
        Some(Reply::Failed {
            kind,
            path,
            message,
        }) => Failure::new(kind, &path, message),
        _ => Failure::new(ErrorKind::System, "", "the program could not be started"),
    }
}
