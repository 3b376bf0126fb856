//! A small mutating fuzzer on stable Rust: a seeded generator, a dictionary and a clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Number of fuzz targets, which share the time.
const TARGETS: u32 = 5;

/// Runs `one` with new random values, at least `least` times, until this target's share of the time is
/// over. The time of all targets together is `ISOL8_FUZZ_SECONDS`, 10 by default. A failure prints
/// its seed, and `ISOL8_FUZZ_SEED` repeats it.
pub(crate) async fn run<F: AsyncFnMut(&mut Random)>(name: &str, least: u64, mut one: F) {
    let seconds = variable("ISOL8_FUZZ_SECONDS").unwrap_or(10);
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let fixed = variable("ISOL8_FUZZ_SEED");
    let first = fixed.unwrap_or(since_epoch.as_secs() << 20);
    let until = Instant::now() + Duration::from_secs(seconds) / TARGETS;
    let mut count = 0;
    while count < least || Instant::now() < until {
        let seed = first.wrapping_add(count);
        let reported = ReportOnPanic { name, seed };
        one(&mut Random(seed)).await;
        std::mem::forget(reported);
        count += 1;
        if fixed.is_some() {
            break;
        }
    }
    println!("{name}: {count} inputs, first seed {first}");
}

fn variable(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name} is not a number: {value:?}")),
    )
}

/// Prints the input on a panic.
struct ReportOnPanic<'a> {
    name: &'a str,
    seed: u64,
}

impl Drop for ReportOnPanic<'_> {
    fn drop(&mut self) {
        eprintln!(
            "{} failed: repeat it with ISOL8_FUZZ_SEED={}",
            self.name, self.seed
        );
    }
}

/// `SplitMix64`.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number below `limit`, which is not 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    /// Changes `bytes` in up to `most` places.
    pub(crate) fn mutate(&mut self, bytes: &mut Vec<u8>, most: usize, dictionary: &[&[u8]]) {
        for _ in 0..self.below(most + 1) {
            let at = self.below(bytes.len() + 1);
            let end = (at + self.below(12)).min(bytes.len());
            match self.below(6) {
                0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                1 if at < bytes.len() => bytes[at] = self.next().to_le_bytes()[0],
                2 => drop(bytes.drain(at..end)),
                3 => {
                    let copy = bytes[at..end].to_vec();
                    let to = self.below(bytes.len() + 1);
                    bytes.splice(to..to, copy);
                }
                4 => drop(bytes.splice(at..end, self.pick(dictionary).iter().copied())),
                _ => drop(bytes.splice(at..at, self.pick(dictionary).iter().copied())),
            }
        }
    }
}
