//! A control group that limits the memory of one sandbox, in version 1 or 2.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// Where version 1 has its groups of memory, and version 2 all of its groups.
const VERSION_1: &str = "/sys/fs/cgroup/memory";
const VERSION_2: &str = "/sys/fs/cgroup";

/// A group, removed when it is dropped.
pub(crate) struct MemoryGroup {
    path: PathBuf,
    /// Where a sandbox of Docker's sees it.
    mount: &'static str,
}

impl MemoryGroup {
    /// Makes a group with a limit in bytes, without swap.
    pub(crate) fn new(limit: u64) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("isol8-guest-test-{}-{number}", std::process::id());
        let is_first = Path::new(VERSION_1).is_dir();
        let mount = if is_first { VERSION_1 } else { VERSION_2 };
        let path = Path::new(mount).join(name);
        fs::create_dir(&path).expect("the tests of memory need a control group of their own");
        let group = Self { path, mount };
        let limits: [(&str, u64, bool); 2] = if is_first {
            [
                ("memory.limit_in_bytes", limit, true),
                ("memory.memsw.limit_in_bytes", limit, false),
            ]
        } else {
            [("memory.max", limit, true), ("memory.swap.max", 0, false)]
        };
        for (file, value, is_needed) in limits {
            let written = fs::write(group.path.join(file), value.to_string());
            // A kernel without swap has no limit of it.
            assert!(written.is_ok() || !is_needed, "{file}: {written:?}");
        }
        group
    }

    /// What `sandbox.sh` needs to know.
    pub(crate) fn environ(&self, files: &str) -> [(&'static str, String); 3] {
        [
            ("MEMORY_GROUP", self.path.display().to_string()),
            ("MEMORY_MOUNT", self.mount.to_owned()),
            ("FILES", files.to_owned()),
        ]
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        for _ in 0..500 {
            // The sandbox would end by itself, but not before the test's runtime has.
            let processes = fs::read_to_string(self.path.join("cgroup.procs")).unwrap_or_default();
            for pid in processes.lines().filter_map(|line| line.parse().ok()) {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
            match fs::remove_dir(&self.path) {
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                    thread::sleep(Duration::from_millis(10));
                }
                _ => return,
            }
        }
    }
}
