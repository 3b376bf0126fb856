//! Standard input of a program: a bounded queue between the host and the program.

use std::{cell::RefCell, collections::VecDeque};

use isol8_protocol::MAX_FRAME_BYTES;
use tokio::sync::Notify;

use crate::fd::Fd;

/// Bytes of standard input that are taken from the host before the program reads them. While there is
/// room, signals that follow on the stream are received, too. The queue may hold one frame more.
const QUEUE_BYTES: usize = MAX_FRAME_BYTES;

/// Bytes given to the program at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// The input that the program has not read yet.
#[derive(Default)]
pub(super) struct Input {
    queue: RefCell<Queue>,
    /// Notified when there is more input, and at its end.
    filled: Notify,
    /// Notified when there is room again.
    taken: Notify,
}

#[derive(Default)]
struct Queue {
    bytes: VecDeque<u8>,
    ended: bool,
    /// The program reads no more: everything is thrown away.
    closed: bool,
}

impl Input {
    /// Adds bytes. To be called when there [is room](Self::is_full).
    pub(super) fn push(&self, bytes: &[u8]) {
        let mut queue = self.queue.borrow_mut();
        if !queue.closed {
            queue.bytes.extend(bytes);
            self.filled.notify_one();
        }
    }

    /// Nothing follows.
    pub(super) fn end(&self) {
        self.queue.borrow_mut().ended = true;
        self.filled.notify_one();
    }

    pub(super) fn has_ended(&self) -> bool {
        self.queue.borrow().ended
    }

    /// The program reads no more.
    pub(super) fn close(&self) {
        let mut queue = self.queue.borrow_mut();
        queue.closed = true;
        queue.bytes = VecDeque::new();
        self.taken.notify_one();
    }

    pub(super) fn is_full(&self) -> bool {
        self.queue.borrow().bytes.len() >= QUEUE_BYTES
    }

    /// Waits until there may be room. Cancel safe.
    pub(super) async fn taken(&self) {
        self.taken.notified().await;
    }

    /// Writes the queue to the program as fast as the program reads, until the input ends or the program reads
    /// no more.
    pub(super) async fn feed(&self, pipe: &Fd) {
        loop {
            let chunk = {
                let mut queue = self.queue.borrow_mut();
                let (front, _) = queue.bytes.as_slices();
                let chunk = front[..front.len().min(CHUNK_BYTES)].to_vec();
                queue.bytes.drain(..chunk.len());
                if chunk.is_empty() && (queue.ended || queue.closed) {
                    break;
                }
                chunk
            };
            if chunk.is_empty() {
                self.filled.notified().await;
            } else {
                self.taken.notify_one();
                if pipe.write_all(&chunk).await.is_err() {
                    break;
                }
            }
        }
        self.close();
    }
}
