//! How much memory the host has left.

use std::fs;

/// Bytes that programs could use without swapping; `None` where the system does not say.
pub(super) fn host_memory() -> Option<u64> {
    available(&fs::read_to_string("/proc/meminfo").ok()?)
}

/// The figure in the text of `/proc/meminfo`, see proc(5).
fn available(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figure_is_found() {
        let text = "MemTotal:       100 kB\nMemAvailable:   23328 kB\nBuffers: 1 kB\n";
        assert_eq!(available(text), Some(23_328 * 1024));
        assert_eq!(available("MemTotal: 100 kB\n"), None);
    }
}
