//! A backend whose starts are scripted.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use isol8_backend::{Backend, BackendError, Capacity, CleanupReport, SandboxSpec, Started};
use tokio::{io::duplex, task::JoinHandle};

use super::guest::{Exchange, serve_script};

/// What is between host and guest, in bytes.
const PIPE_BYTES: usize = 64 * 1024;

/// What comes of the next start.
pub enum Start {
    /// A sandbox in this image, with a guest of this script.
    Sandbox(&'static str, Vec<Exchange>),
    /// There is no such image.
    ImageMissing(&'static str),
}

/// A backend whose starts are scripted. Sandboxes are called `box-1`, `box-2` and so on.
pub struct FakeBackend {
    starts: Mutex<VecDeque<Start>>,
    guests: Mutex<Vec<JoinHandle<()>>>,
    destroyed: Arc<Mutex<Vec<String>>>,
    specs: Mutex<Vec<SandboxSpec>>,
}

impl FakeBackend {
    /// A backend that is asked for exactly these starts, in order.
    pub fn new(starts: impl IntoIterator<Item = Start>) -> Arc<Self> {
        Arc::new(Self {
            starts: Mutex::new(starts.into_iter().collect()),
            guests: Mutex::default(),
            destroyed: Arc::default(),
            specs: Mutex::default(),
        })
    }

    /// How many sandboxes were started.
    pub fn started(&self) -> usize {
        lock(&self.guests).len()
    }

    /// The sandboxes that were destroyed so far, in order.
    pub fn destroyed(&self) -> Vec<String> {
        lock(&self.destroyed).clone()
    }

    /// Waits until this many sandboxes were destroyed.
    pub async fn until_destroyed(&self, count: usize) {
        while self.destroyed().len() < count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// The specifications of the starts so far, in order.
    pub fn specs(&self) -> Vec<SandboxSpec> {
        lock(&self.specs).clone()
    }

    /// Checks that everything scripted has happened. Returns the sandboxes that were destroyed, in order.
    pub async fn finish(&self) -> Vec<String> {
        let guests = std::mem::take(&mut *lock(&self.guests));
        for guest in guests {
            if let Err(error) = guest.await {
                std::panic::resume_unwind(error.into_panic());
            }
        }
        assert!(
            lock(&self.starts).is_empty(),
            "sandboxes were not asked for"
        );
        self.destroyed()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Backend for FakeBackend {
    fn start<'a>(&'a self, spec: &'a SandboxSpec) -> BoxFuture<'a, Result<Started, BackendError>> {
        lock(&self.specs).push(spec.clone());
        let next = lock(&self.starts).pop_front();
        Box::pin(async move {
            match next {
                Some(Start::Sandbox(image, script)) => {
                    assert_eq!(spec.image, image);
                    let (host, guest) = duplex(PIPE_BYTES);
                    let mut guests = lock(&self.guests);
                    guests.push(tokio::spawn(serve_script(guest, script.into())));
                    Ok(Started {
                        id: format!("box-{}", guests.len()),
                        stream: Box::new(host),
                    })
                }
                Some(Start::ImageMissing(image)) => {
                    assert_eq!(spec.image, image);
                    Err(BackendError::image_missing(image))
                }
                None => panic!("a sandbox in {} was not expected", spec.image),
            }
        })
    }

    fn let_go(&self, id: &str) {
        panic!("{id} does not persist");
    }

    fn destroy(&self, id: String) -> BoxFuture<'static, Result<(), BackendError>> {
        let destroyed = Arc::clone(&self.destroyed);
        Box::pin(async move {
            lock(&destroyed).push(id);
            Ok(())
        })
    }

    fn clean_up(&self) -> BoxFuture<'_, Result<CleanupReport, BackendError>> {
        panic!("no engine cleans up");
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), BackendError>> {
        panic!("no engine probes");
    }

    fn capacity(&self) -> Capacity {
        Capacity::default()
    }
}
