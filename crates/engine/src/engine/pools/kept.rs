//! The pools that an engine keeps, and which of them gives way.

use std::{collections::HashMap, time::Instant};

use super::kind::Kind;
use crate::pool::Pool;

/// Most idle sandboxes of an engine, over all its pools. Pools give way while there are more, but never
/// the one that was used last: the options set its size.
pub(in crate::engine) const MAX_IDLE_SANDBOXES: usize = 64;

#[derive(Default)]
pub(super) struct Kept {
    pub(super) by_kind: HashMap<Kind, Entry>,
    /// Pools that have given way and in which something still runs.
    pub(super) retired: Vec<Pool>,
    /// Whether a task looks after them.
    pub(super) attended: bool,
}

pub(super) struct Entry {
    pub(super) pool: Pool,
    /// Names by which requests have found the image.
    pub(super) names: Vec<String>,
    pub(super) used: Instant,
}

impl Kept {
    pub(super) fn retire(&mut self, kind: &Kind) {
        self.retired.retain(|pool| !pool.is_at_rest());
        if let Some(Entry { pool, .. }) = self.by_kind.remove(kind) {
            tracing::debug!(
                image = kind.image,
                runtime = kind.runtime,
                "the pool gives way"
            );
            pool.retire();
            self.retired.push(pool);
        }
    }

    /// The pool that was not used for the longest time; one in which nothing runs, if there is any.
    pub(super) fn least_recently_used(&self) -> Option<Kind> {
        let age = |(_, entry): &(&Kind, &Entry)| (!entry.pool.is_at_rest(), entry.used);
        let oldest = self.by_kind.iter().min_by_key(age);
        oldest.map(|(kind, _)| kind.clone())
    }

    /// Lets pools go until there are few enough idle sandboxes.
    pub(super) fn limit_idle(&mut self) {
        loop {
            let idle = self.by_kind.values().map(|entry| entry.pool.idle());
            if self.by_kind.len() < 2 || idle.sum::<usize>() <= MAX_IDLE_SANDBOXES {
                return;
            }
            let newest = self.by_kind.values().map(|entry| entry.used).max();
            let older = self
                .by_kind
                .iter()
                .filter(|(_, entry)| Some(entry.used) != newest && entry.pool.idle() > 0);
            let Some(oldest) = older
                .min_by_key(|(_, entry)| entry.used)
                .map(|(kind, _)| kind.clone())
            else {
                return;
            };
            self.retire(&oldest);
        }
    }
}
