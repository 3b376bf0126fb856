//! Parts of `/proc` and `/sys` that a container does not show, because they are about the whole machine.

/// Docker's own list, which ours takes the place of, and `/proc/locks`. That file shows locks of other sandboxes. While
/// a process reads it, no other process of the machine can lock a file.
const PATHS: [&str; 13] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/locks",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
];

/// Processors whose heat is not shown: Docker lists each one of the machine, which is not known here.
const PROCESSORS: usize = 128;

/// All of these paths. A daemon leaves out what the machine does not have.
pub(crate) fn paths() -> Vec<String> {
    let heat = (0..PROCESSORS).map(|n| format!("/sys/devices/system/cpu/cpu{n}/thermal_throttle"));
    PATHS.into_iter().map(str::to_owned).chain(heat).collect()
}
