//! Looks after the pools of an engine without a call that waits for it: notices that a name of an image was given
//! to another one, and removes the sandboxes of an idle engine.
//!
//! Pools belong to the content of an image. A name is looked up when a pool is made for it, before each
//! sandbox that is made ahead of need, and every [`INTERVAL`] as long as there are pools.

use std::{sync::Arc, time::Duration};

use super::{
    images::Images,
    lifecycle::Engine,
    pools::{Kind, Pools},
};
use crate::pool::Wanted;

/// How often the names of images are looked up again, and idle engines noticed. So a name that was given to another image is noticed
/// within five seconds, also by an engine at rest.
const INTERVAL: Duration = Duration::from_secs(4);

impl Engine {
    /// What a pool of `kind` asks before it makes a sandbox ahead of need.
    ///
    /// It outlives this engine: engines with other secrets share the pools.
    pub(super) fn wanted(&self, kind: Kind) -> Wanted {
        let pools = Arc::downgrade(&self.0.pools);
        let images = Arc::downgrade(&self.0.images);
        Arc::new(move || {
            let (pools, images, kind) = (pools.upgrade(), images.upgrade(), kind.clone());
            Box::pin(async move {
                match pools.zip(images) {
                    Some((pools, images)) => is_current(&pools, &images, &kind).await,
                    None => false,
                }
            })
        })
    }

    /// Looks after the pools as long as there are any. Like [`Self::wanted`], this outlives the engine.
    pub(super) fn attend_pools(&self) {
        if !self.0.pools.begin_attending() {
            return;
        }
        let pools = Arc::downgrade(&self.0.pools);
        let images = Arc::downgrade(&self.0.images);
        let idle = self.0.options.idle;
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(INTERVAL).await;
                let Some((pools, images)) = pools.upgrade().zip(images.upgrade()) else {
                    return;
                };
                if pools.may_stop_attending() {
                    return;
                }
                for kind in pools.kinds() {
                    is_current(&pools, &images, &kind).await;
                }
                pools.limit_idle();
                pools.give_back(idle);
            }
        });
    }
}

/// Whether a name by which the image of this kind was found still means it. Lets the pool go otherwise.
async fn is_current(pools: &Pools, images: &Images, kind: &Kind) -> bool {
    let mut is_current = false;
    // All of them: what is known of each name is renewed by this.
    for name in pools.names(kind) {
        is_current |= means(images, &name, &kind.image).await;
    }
    if !is_current {
        pools.retire(kind);
    }
    is_current
}

/// Whether `name` means the image `id` now. It counts as unchanged when the backend does not answer.
async fn means(images: &Images, name: &str, id: &str) -> bool {
    match images.ask(name).await {
        Ok(details) => details.is_some_and(|details| details.id == id),
        Err(error) => {
            tracing::debug!(%error, name, "the image was not looked up again");
            true
        }
    }
}
