//! Standard input of a program: a bounded queue between what the host sends and what the program
//! reads.

use std::{cell::RefCell, collections::VecDeque};

use isol8_protocol::MAX_FRAME_BYTES;
use tokio::sync::Notify;

use crate::fd::Fd;

/// Bytes of standard input that are taken from the host before the program reads them. Until then,
/// signals behind them on the stream are received, too. One frame more may be on top.
const QUEUE_BYTES: usize = MAX_FRAME_BYTES;

/// Bytes given to the program at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// What waits to be read by the program.
#[derive(Default)]
pub(super) struct Input {
    queue: RefCell<Queue>,
    /// There is more to give, or its end has come.
    filled: Notify,
    /// There is room again.
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

    /// Gives the program everything, as fast as it reads, until the end or until it reads no more.
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
