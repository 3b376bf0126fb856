//! Notices that a name of an image was given to another one, without a call that waits for it.
//!
//! Pools belong to the content of an image. A name is looked up when a pool is made for it, before each
//! sandbox that is made ahead of need, and every [`INTERVAL`] as long as there are pools.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use super::{
    lifecycle::{Engine, Inner},
    pools::Kind,
};
use crate::pool::Wanted;

/// How often the names of images are looked up again. So a name that was given to another image is noticed
/// within five seconds, also by an engine at rest.
const INTERVAL: Duration = Duration::from_secs(4);

impl Engine {
    /// What a pool of `kind` asks before it makes a sandbox ahead of need.
    pub(super) fn wanted(&self, kind: Kind) -> Wanted {
        let inner = Arc::downgrade(&self.0);
        Arc::new(move || {
            let (inner, kind) = (Weak::clone(&inner), kind.clone());
            Box::pin(async move {
                match inner.upgrade() {
                    Some(inner) => inner.is_current(&kind).await,
                    None => false,
                }
            })
        })
    }

    /// Looks after the pools as long as there are any.
    pub(super) fn attend_pools(&self) {
        if !self.0.pools.begin_attending() {
            return;
        }
        let inner = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(INTERVAL).await;
                let Some(inner) = inner.upgrade() else { return };
                if inner.pools.may_stop_attending() {
                    return;
                }
                for kind in inner.pools.kinds() {
                    inner.is_current(&kind).await;
                }
                inner.pools.limit_idle();
            }
        });
    }
}

impl Inner {
    /// Whether a name by which the image of this kind was found still means it. Lets the pool go otherwise.
    async fn is_current(&self, kind: &Kind) -> bool {
        let mut is_current = false;
        // All of them: what is known of each name is renewed by this.
        for name in self.pools.names(kind) {
            is_current |= self.means(&name, &kind.image).await;
        }
        if !is_current {
            self.pools.retire(kind);
        }
        is_current
    }

    /// Whether `name` means the image `id` now. It counts as unchanged when the backend does not answer.
    async fn means(&self, name: &str, id: &str) -> bool {
        match self.images.ask(name).await {
            Ok(details) => details.is_some_and(|details| details.id == id),
            Err(error) => {
                tracing::debug!(%error, name, "the image was not looked up again");
                true
            }
        }
    }
}
