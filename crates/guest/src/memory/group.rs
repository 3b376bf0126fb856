//! The files in which a control group counts its memory.

use std::{fs::File, io, os::unix::fs::FileExt};

/// Current usage, peak, limit, statistics and events, in version 2 and in version 1 of control groups.
const FILES: [[&str; 5]; 2] = [
    [
        "/sys/fs/cgroup/memory.current",
        "/sys/fs/cgroup/memory.peak",
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory.stat",
        "/sys/fs/cgroup/memory.events",
    ],
    [
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        "/sys/fs/cgroup/memory/memory.max_usage_in_bytes",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.stat",
        "/sys/fs/cgroup/memory/memory.oom_control",
    ],
];

/// Room for the statistics of a control group, in bytes.
const STATISTICS_BYTES: usize = 8 * 1024;

/// Room for the events of a control group, in bytes.
const EVENTS_BYTES: usize = 512;

/// The sandbox's control group, whose files are kept open. A system without has none of them.
pub(super) struct ControlGroup {
    current: Option<File>,
    peak: Option<File>,
    statistics: Option<File>,
    events: Option<File>,
    /// None when it has none.
    limit: Option<u64>,
}

impl ControlGroup {
    /// Opens what there is.
    pub(super) fn open() -> Self {
        let found = FILES.into_iter().find_map(|files| {
            let current = File::open(files[0]).ok()?;
            Some((current, files))
        });
        let open = |index: usize| {
            let (_, files) = found.as_ref()?;
            File::open(files[index]).ok()
        };
        Self {
            peak: open(1),
            limit: open(2).and_then(|file| number(&file).ok()),
            statistics: open(3),
            events: open(4),
            current: found.map(|(current, _)| current),
        }
    }

    /// The most bytes that may be in use; none when there is no limit.
    pub(super) fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// Bytes in use.
    pub(super) fn usage(&self) -> Option<u64> {
        self.current.as_ref().and_then(|file| number(file).ok())
    }

    /// The most bytes that were ever in use.
    pub(super) fn peak(&self) -> Option<u64> {
        self.peak.as_ref().and_then(|file| number(file).ok())
    }

    /// How many processes the system has killed for their memory so far; none where it does not count them.
    /// The number rises before such a process ends.
    pub(super) fn kills(&self) -> Option<u64> {
        let mut buffer = [0; EVENTS_BYTES];
        let count = self.events.as_ref()?.read_at(&mut buffer, 0).ok()?;
        let text = std::str::from_utf8(&buffer[..count]).ok()?;
        value_of("oom_kill", text)
    }

    /// Bytes in use for copies of files on disk, which the system gives up for others.
    pub(super) fn cached(&self) -> u64 {
        let mut buffer = [0; STATISTICS_BYTES];
        let statistics = self.statistics.as_ref();
        let count = statistics.and_then(|file| file.read_at(&mut buffer, 0).ok());
        let text = std::str::from_utf8(&buffer[..count.unwrap_or_default()]);
        text.map_or(0, cached)
    }
}

/// The pages of files in a group's statistics. Those of `/sandbox` and `/tmp` are not among them.
fn cached(statistics: &str) -> u64 {
    let names = ["active_file", "inactive_file"];
    names
        .iter()
        .filter_map(|name| value_of(name, statistics))
        .sum()
}

/// The value of `name` in a file with a name and a number in each line.
fn value_of(name: &str, text: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(' ')?;
        (found == name).then(|| value.parse().ok()).flatten()
    })
}

/// The number in a file of the system's that holds one.
fn number(file: &File) -> io::Result<u64> {
    let mut buffer = [0; 24];
    let length = file.read_at(&mut buffer, 0)?;
    let text = std::str::from_utf8(&buffer[..length]).map_err(io::Error::other)?;
    text.trim_end().parse().map_err(io::Error::other)
}

#[cfg(test)]
mod tests;
