//! How much the sockets of one run may hold.
//!
//! A system lets the buffers of a socket grow to megabytes. A program with many tunnels to a server
//! that does not read would fill them all. So each upstream socket has buffers of a fixed size, which
//! the run's budget pays for. The first ones are large, for throughput. When a quarter of the budget
//! is spent, further ones are small, so that many connections fit.

use std::io;
use std::sync::Arc;

use tokio::net::TcpSocket;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::COPY_BUFFER;

const KIB: u32 = 1024;

/// The sizes that are asked for, in bytes. Linux doubles them for its own overhead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SocketBuffers {
    send: u32,
    receive: u32,
}

/// Linux allows no larger receive buffer unless `net.core.rmem_max` is raised.
const LARGE: SocketBuffers = SocketBuffers {
    send: 128 * KIB,
    receive: 208 * KIB,
};

const SMALL: SocketBuffers = SocketBuffers {
    send: 32 * KIB,
    receive: 32 * KIB,
};

impl SocketBuffers {
    /// Makes the buffers of `socket` this large. They no longer grow.
    pub(crate) fn apply(self, socket: &TcpSocket) -> io::Result<()> {
        socket.set_send_buffer_size(self.send)?;
        socket.set_recv_buffer_size(self.receive)
    }

    /// KiB that one connection holds at most: both buffers as Linux counts them, and the copy buffers
    /// of both directions.
    const fn cost(self) -> u32 {
        (2 * (self.send + self.receive) + 2 * COPY_BUFFER) / KIB
    }
}

/// What one connection holds of the budget. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct BufferPermit(#[expect(dead_code, reason = "held")] OwnedSemaphorePermit);

/// The budget of one run.
#[derive(Debug)]
pub(super) struct BufferBudget {
    free: Arc<Semaphore>,
    total: usize,
}

impl BufferBudget {
    /// A budget of `bytes`.
    pub(super) fn new(bytes: usize) -> Self {
        let total = bytes / KIB as usize;
        Self {
            free: Arc::new(Semaphore::new(total)),
            total,
        }
    }

    /// Takes the buffers of one connection; `None` when the budget is spent.
    pub(super) fn take(&self) -> Option<(SocketBuffers, BufferPermit)> {
        let spent = self.total - self.free.available_permits().min(self.total);
        let large_fits = spent + LARGE.cost() as usize <= self.total / 4;
        let buffers = if large_fits { LARGE } else { SMALL };
        let permit = Arc::clone(&self.free).try_acquire_many_owned(buffers.cost());
        Some((buffers, BufferPermit(permit.ok()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    #[test]
    fn the_first_buffers_are_large_and_all_fit_the_budget() {
        let budget = BufferBudget::new(Limits::default().buffer_bytes);
        let taken: Vec<_> = std::iter::from_fn(|| budget.take()).collect();
        let large = taken.iter().take_while(|(size, _)| *size == LARGE).count();
        assert!(large >= 16, "{large}");
        assert!(taken[large..].iter().all(|(size, _)| *size == SMALL));
        // As many as a guest can have at one time.
        assert!(taken.len() >= 256, "{}", taken.len());
        let kib: u32 = taken.iter().map(|(size, _)| size.cost()).sum();
        assert!(kib as usize * 1024 <= Limits::default().buffer_bytes);
        drop(taken);
        assert_eq!(budget.take().map(|(size, _)| size), Some(LARGE));
    }
}
