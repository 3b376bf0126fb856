//! Programs fetched before, in memory, bounded in number, size and time.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;

/// Most programs kept.
const MAX_ENTRIES: usize = 256;

/// Most bytes kept in all.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// A cache of one policy: what it holds was let through by that.
#[derive(Debug)]
pub(super) struct Cache {
    ttl: Duration,
    entries: Mutex<HashMap<Key, Entry>>,
}

/// The URL without its fragment, and whether plain HTTP was allowed on the way.
pub(super) type Key = (String, bool);

#[derive(Debug)]
struct Entry {
    since: Instant,
    code: Bytes,
}

impl Cache {
    pub(super) fn new(ttl: Duration) -> Self {
        Self {
            ttl,
            entries: Mutex::default(),
        }
    }

    /// What was fetched at most the cache's time before `now`.
    pub(super) fn get(&self, key: &Key, now: Instant) -> Option<Bytes> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(key)?;
        (now.duration_since(entry.since) < self.ttl).then(|| entry.code.clone())
    }

    /// Keeps `code`; the oldest ones make room for it.
    pub(super) fn put(&self, key: Key, code: Bytes, now: Instant) {
        if code.len() > MAX_BYTES || self.ttl.is_zero() {
            return;
        }
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|known, entry| *known != key && now.duration_since(entry.since) < self.ttl);
        while entries.len() >= MAX_ENTRIES || size(&entries) + code.len() > MAX_BYTES {
            let oldest = entries.iter().min_by_key(|(_, entry)| entry.since);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else {
                break;
            };
            entries.remove(&oldest);
        }
        entries.insert(key, Entry { since: now, code });
    }
}

fn size(entries: &HashMap<Key, Entry>) -> usize {
    entries.values().map(|entry| entry.code.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: usize) -> Key {
        (name.to_string(), false)
    }

    #[test]
    fn entries_end_with_their_time() {
        let cache = Cache::new(Duration::from_secs(10));
        let start = Instant::now();
        cache.put(key(1), Bytes::from_static(b"x"), start);
        assert!(cache.get(&key(1), start + Duration::from_secs(9)).is_some());
        assert!(
            cache
                .get(&key(1), start + Duration::from_secs(10))
                .is_none()
        );
        assert!(cache.get(&("1".to_owned(), true), start).is_none());
    }

    #[test]
    fn the_oldest_make_room() {
        let cache = Cache::new(Duration::from_secs(1000));
        let start = Instant::now();
        let at = |n| start + Duration::from_millis(n);
        for n in 0..=MAX_ENTRIES {
            cache.put(key(n), Bytes::from_static(b"x"), at(n as u64));
        }
        assert!(cache.get(&key(0), at(999)).is_none() && cache.get(&key(1), at(999)).is_some());
        cache.put(key(0), vec![0; MAX_BYTES - 1].into(), at(1000));
        assert!(cache.get(&key(MAX_ENTRIES - 1), at(1000)).is_none());
        assert!(cache.get(&key(MAX_ENTRIES), at(1000)).is_some());
        cache.put(key(7), vec![0; MAX_BYTES + 1].into(), at(1001));
        assert!(cache.get(&key(7), at(1001)).is_none());
    }
}
