//! How many requests may come: one token bucket for each caller that has a limit.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use isol8_api::config::RateLimit;

use crate::callers::Owner;

/// The buckets of a server.
#[derive(Default)]
pub(crate) struct Buckets(Mutex<HashMap<Owner, Bucket>>);

struct Bucket {
    limit: RateLimit,
    tokens: f64,
    at: Instant,
}

impl Bucket {
    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.limit.rate).min(self.limit.burst);
        self.at = now;
    }
}

impl Buckets {
    /// Takes a token. The error is the time until there is one.
    pub(crate) fn take(
        &self,
        owner: &Owner,
        limit: RateLimit,
        now: Instant,
    ) -> Result<(), Duration> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(owner.clone()).or_insert(Bucket {
            limit,
            tokens: limit.burst,
            at: now,
        });
        bucket.fill(now);
        if bucket.tokens < 1.0 {
            let missing = (1.0 - bucket.tokens) / limit.rate;
            return Err(Duration::try_from_secs_f64(missing).unwrap_or(Duration::MAX));
        }
        bucket.tokens -= 1.0;
        Ok(())
    }

    /// Lets go of the buckets that are full: a new one is no different.
    pub(crate) fn release_full(&self, now: Instant) {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.retain(|_, bucket| {
            bucket.fill(now);
            bucket.tokens < bucket.limit.burst
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_let_through_and_then_the_rate() {
        let buckets = Buckets::default();
        let (a, b) = (Owner::Tenant("a".into()), Owner::Tenant("b".into()));
        let limit = RateLimit {
            rate: 2.0,
            burst: 3.0,
        };
        let start = Instant::now();
        let take = |owner, ms| buckets.take(owner, limit, start + Duration::from_millis(ms));
        for _ in 0..3 {
            assert_eq!(take(&a, 0), Ok(()));
        }
        assert_eq!(take(&a, 0), Err(Duration::from_millis(500)));
        assert_eq!(take(&b, 0), Ok(()), "each tenant has its own");
        assert_eq!(take(&a, 499).map_err(|_| ()), Err(()));
        assert_eq!([take(&a, 1000), take(&a, 1000)], [Ok(()), Ok(())]);
        assert_eq!(take(&a, 1000).map_err(|_| ()), Err(()));
        buckets.release_full(start + Duration::from_secs(1));
        assert_eq!(buckets.0.lock().unwrap().len(), 1);
        buckets.release_full(start + Duration::from_secs(10));
        assert_eq!(buckets.0.lock().unwrap().len(), 0);
    }
}
