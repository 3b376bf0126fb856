//! Why a request failed: the kind and the message for the host, and how errors of the system map to them.

use std::io;

use isol8_protocol::{ErrorKind, Reply};
use nix::errno::Errno;

use crate::link::frames::StreamError;

/// Longest path or message in a reply, in bytes, because a reply must fit into one frame.
const MAX_TEXT_BYTES: usize = 8 * 1024;

/// A request that could not be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub(crate) struct Failure {
    kind: ErrorKind,
    path: String,
    message: String,
}

impl Failure {
    pub(crate) fn new(kind: ErrorKind, path: &str, message: impl Into<String>) -> Self {
        Self {
            kind,
            path: clip(path.to_owned()),
            message: clip(message.into()),
        }
    }

    /// A request that breaks the rules of the protocol and concerns no file.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, "", message)
    }

    /// An error of the system while `doing` something with `path`.
    pub(crate) fn os(path: &str, doing: &str, error: &io::Error) -> Self {
        let Some(code) = error.raw_os_error() else {
            return Self::new(ErrorKind::System, path, format!("{doing}: {error}"));
        };
        let errno = Errno::from_raw(code);
        Self::new(kind_of(errno), path, format!("{doing}: {}", errno.desc()))
    }

    /// An error of the system that concerns no file.
    pub(crate) fn system(doing: &str, error: &io::Error) -> Self {
        Self::new(ErrorKind::System, "", format!("{doing}: {error}"))
    }

    pub(crate) fn kind(&self) -> ErrorKind {
        self.kind
    }

    pub(crate) fn into_reply(self) -> Reply {
        Reply::Failed {
            kind: self.kind,
            path: self.path,
            message: self.message,
        }
    }
}

/// How a request can end without its normal reply.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    /// The host gets a reply with this failure.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// The stream can no longer be used.
    #[error(transparent)]
    Stream(#[from] StreamError),
}

fn kind_of(errno: Errno) -> ErrorKind {
    match errno {
        Errno::ENOENT => ErrorKind::NotFound,
        Errno::EACCES | Errno::EPERM | Errno::EROFS => ErrorKind::Denied,
        Errno::ENOSPC | Errno::EDQUOT | Errno::ENOMEM => ErrorKind::NoSpace,
        Errno::EISDIR | Errno::ENOTDIR | Errno::ELOOP => ErrorKind::NotAFile,
        Errno::ENAMETOOLONG => ErrorKind::Invalid,
        _ => ErrorKind::System,
    }
}

fn clip(mut text: String) -> String {
    let mut end = text.len().min(MAX_TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_errors_become_kinds_for_the_host() {
        let kind = |errno: Errno| match Failure::os("/x", "open", &errno.into()).into_reply() {
            Reply::Failed { kind, .. } => kind,
            other => panic!("{other:?}"),
        };
        assert_eq!(kind(Errno::ENOENT), ErrorKind::NotFound);
        assert_eq!(kind(Errno::EROFS), ErrorKind::Denied);
        assert_eq!(kind(Errno::ENOSPC), ErrorKind::NoSpace);
        assert_eq!(kind(Errno::ELOOP), ErrorKind::NotAFile);
        assert_eq!(kind(Errno::EIO), ErrorKind::System);
    }

    #[test]
    fn a_huge_path_still_fits_into_a_reply() {
        let failure = Failure::new(ErrorKind::Invalid, &"ä".repeat(1024 * 1024), "x");
        assert!(isol8_protocol::encode_message(&failure.into_reply()).is_ok());
    }
}
