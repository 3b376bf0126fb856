//! The error output of a program, for the error of its connection.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::task::AbortOnDropHandle;

/// Most bytes that are kept: the last ones.
const MAX_BYTES: usize = 2048;

/// How long the rest may take to arrive after the program has ended. A process that `ssh` leaves in the
/// background (`ControlPersist`) keeps the stream open.
const REST_TIME: Duration = Duration::from_secs(1);

/// The standard error of a running program.
pub(super) struct Complaint {
    text: Arc<Mutex<Vec<u8>>>,
    reader: AbortOnDropHandle<()>,
}

impl Complaint {
    /// Begins to listen.
    pub(super) fn of(mut stream: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&text);
        let reader = tokio::spawn(async move {
            let mut piece = [0; 1024];
            while let Ok(length @ 1..) = stream.read(&mut piece).await {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(&piece[..length]);
                let surplus = kept.len().saturating_sub(MAX_BYTES);
                kept.drain(..surplus);
            }
        });
        Self {
            text,
            reader: AbortOnDropHandle::new(reader),
        }
    }

    /// The error of a program that has ended.
    pub(super) async fn into_error(self) -> io::Error {
        let _ended_or_late = tokio::time::timeout(REST_TIME, self.reader).await;
        let text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&text);
        let said = text.split_whitespace().collect::<Vec<_>>().join(" ");
        io::Error::other(if said.is_empty() {
            "ssh has ended without an answer of the daemon".to_owned()
        } else {
            format!("ssh has ended: {said}")
        })
    }
}
