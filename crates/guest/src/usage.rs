//! What a run used: CPU time and memory.
//!
//! The peak of the control group cannot be reset from inside, and sandboxes are used again. So the peak of a
//! run is the first of these that applies:
//!
//! * the peak of the group, if it rose during the run;
//! * the larger of two values: the group's usage as sampled during the run, and the largest resident memory
//!   of the program and of the descendants it waited for.
//!
//! A report that does not wait for the program to be collected takes the sampled resident memory of the program
//! in place of the largest. Without a control group, the resident memory is the only value.

use std::{fs::File, io, os::unix::fs::FileExt, time::Duration};

use nix::{
    sys::resource::{UsageWho, getrusage},
    time::{clock_getcpuclockid, clock_gettime},
    unistd::{Pid, SysconfVar, sysconf},
};

use crate::memory::Memory;

/// Time between two samples of the memory in use.
pub(crate) const SAMPLE_INTERVAL: Duration = Duration::from_millis(25);

/// The unit of times in `/proc/PID/stat`, the same on every architecture (`USER_HZ`).
const TICKS_PER_SECOND: u64 = 100;

/// Buffer size in bytes, enough for 52 numbers of twenty digits.
const SMALL_BYTES: usize = 1280;

/// Memory that the guest may need for its own work, in bytes.
const OWN_BYTES: u64 = 8 * 1024 * 1024;

/// Reads a small file of the kernel, with one line of numbers, in one read.
pub(crate) fn read_small(path: &str) -> io::Result<Vec<u8>> {
    let mut line = vec![0; SMALL_BYTES];
    let length = File::open(path)?.read_at(&mut line, 0)?;
    line.truncate(length);
    Ok(line)
}

/// Measures one run.
pub(crate) struct Meter<'a> {
    memory: &'a Memory,
    cpu_before: Duration,
    peak_before: Option<u64>,
    kills_before: Option<u64>,
    /// What of the peak the guest's reserve is, at most.
    reserved: u64,
    sampled: u64,
    /// The program whose resident memory is sampled, too.
    program: Option<i32>,
}

impl<'a> Meter<'a> {
    pub(crate) fn start(memory: &'a Memory) -> Self {
        Self {
            memory,
            cpu_before: cpu_of_children(),
            peak_before: memory.peak(),
            kills_before: memory.kills(),
            reserved: memory.reserved(),
            sampled: 0,
            program: None,
        }
    }

    /// Whether the system has killed a process for its memory since the start; `None` where the system does not count them.
    pub(crate) fn has_seen_kill(&self) -> Option<bool> {
        Some(self.memory.kills()? > self.kills_before?)
    }

    /// Samples the resident memory of this program from now on. The kernel reports its largest value only when the
    /// program is collected, and a report may not wait for that.
    pub(crate) fn watch(&mut self, program: Option<i32>) {
        self.program = program;
    }

    /// Samples the memory in use and returns it, without the guest's reserve. Has the guest's reserve taken when memory becomes short.
    ///
    /// When memory is short already, the resident memory is not sampled: to open a file takes memory. The programs may have
    /// ended for lack of it, and the kernel would end the guest.
    pub(crate) fn sample(&mut self) -> Option<u64> {
        let usage = self.memory.usage();
        let program = self.program.filter(|_| !self.memory.is_short_of(usage));
        let resident = program.and_then(resident_memory);
        self.sampled = self.sampled.max(resident.unwrap_or_default());
        let current = usage?.saturating_sub(self.memory.reserved());
        self.sampled = self.sampled.max(current);
        self.memory.keep_reserve(usage);
        self.reserved = self.reserved.max(self.memory.reserved());
        Some(current)
    }

    /// Whether a sample of memory exists. Without one, the report needs the value from collecting the program.
    pub(crate) fn has_seen_memory(&self) -> bool {
        self.sampled > 0
    }

    /// Whether the guest has memory to work with. The kernel cannot end a process that is ending already, so no
    /// process would be left that it could end for its memory.
    pub(crate) fn leaves_room(&self) -> bool {
        self.memory.has_room(OWN_BYTES)
    }

    /// Excludes the CPU time that a child had used before the run, and includes its memory.
    pub(crate) fn begin_with(&mut self, cpu: Duration, memory: u64) {
        self.cpu_before += cpu;
        self.sampled = self.sampled.max(memory);
    }

    /// Returns the CPU time of all processes collected since the start, plus `uncollected`.
    pub(crate) fn cpu(&self, uncollected: Duration) -> Duration {
        (cpu_of_children() + uncollected).saturating_sub(self.cpu_before)
    }

    /// Returns the peak of memory of the run in bytes, by the rule above.
    pub(crate) fn peak(&self, max_rss_bytes: u64) -> u64 {
        peak(
            self.peak_before,
            self.memory.peak(),
            self.reserved,
            self.sampled,
            max_rss_bytes,
        )
    }
}

fn peak(
    before: Option<u64>,
    after: Option<u64>,
    reserved: u64,
    sampled: u64,
    max_rss_bytes: u64,
) -> u64 {
    match (before, after) {
        (Some(before), Some(after)) if after > before => {
            after.saturating_sub(reserved).max(sampled)
        }
        _ => sampled.max(max_rss_bytes),
    }
}

/// Returns the resident memory of a process in bytes, or `None` when it has given its memory up.
pub(crate) fn resident_memory(pid: i32) -> Option<u64> {
    let statm = read_small(&format!("/proc/{pid}/statm")).ok()?;
    let pages = std::str::from_utf8(&statm).ok()?.split(' ').nth(1)?;
    let pages = pages.parse::<u64>().ok()?;
    let page = sysconf(SysconfVar::PAGE_SIZE).ok()??;
    Some(pages.saturating_mul(u64::try_from(page).ok()?))
}

/// Returns the CPU time of a process and of the descendants it has waited for.
pub(crate) fn cpu_of(pid: i32) -> Duration {
    let stat = read_small(&format!("/proc/{pid}/stat")).unwrap_or_default();
    cpu_clock(pid) + waited_for(&stat).unwrap_or_default()
}

/// Returns the CPU time of a process without its descendants.
pub(crate) fn cpu_clock(pid: i32) -> Duration {
    let own = clock_getcpuclockid(Pid::from_raw(pid)).and_then(clock_gettime);
    own.map_or(Duration::ZERO, Duration::from)
}

/// Returns the CPU time of waited-for descendants from `/proc/PID/stat`, see proc(5): the 14th and 15th field
/// after the name, in clock ticks.
fn waited_for(stat: &[u8]) -> Option<Duration> {
    let after_name = stat.iter().rposition(|byte| *byte == b')')? + 1;
    let fields = std::str::from_utf8(&stat[after_name..]).ok()?;
    let mut fields = fields.split_ascii_whitespace().skip(13);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    let ticks = ticks()? + ticks()?;
    Some(Duration::from_millis(
        ticks.saturating_mul(1000 / TICKS_PER_SECOND),
    ))
}

fn cpu_of_children() -> Duration {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_CHILDREN) else {
        return Duration::ZERO;
    };
    [usage.user_time(), usage.system_time()]
        .map(|time| {
            let microseconds = time
                .tv_sec()
                .saturating_mul(1_000_000)
                .saturating_add(time.tv_usec());
            Duration::from_micros(u64::try_from(microseconds).unwrap_or(0))
        })
        .iter()
        .sum()
}

#[cfg(test)]
mod tests {
    use super::{Duration, peak, waited_for};

    #[test]
    fn the_cpu_time_of_descendants_is_found_after_any_name() {
        let stat = b"7 (a) 9 9) S 1 7 7 0 -1 4194304 0 0 0 0 11 12 13 14 20 0 1 0 999 0";
        assert_eq!(waited_for(stat), Some(Duration::from_millis(270)));
        assert_eq!(waited_for(b""), None);
    }

    #[test]
    fn the_peak_of_an_earlier_run_does_not_count() {
        assert_eq!(peak(Some(900), Some(900), 30, 50, 40), 50);
        assert_eq!(peak(Some(900), Some(931), 30, 50, 40), 901);
        assert_eq!(peak(None, None, 0, 0, 40), 40);
    }
}
