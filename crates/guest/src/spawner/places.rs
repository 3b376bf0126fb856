//! The file systems of one sandbox, mounted over the root that all have.

use isol8_protocol::{GROUP_ID, SANDBOX_DIR, SESSION_DIR, SandboxPlan, TMP_DIR, USER_ID};
use nix::{libc, mount::MsFlags};

use super::{
    failure::Failure,
    groups::Groups,
    mounting,
    paths::{EMPTY, HOST_NETWORK, ROOT, in_root},
    users::Range,
};

/// Size of `/dev/shm` in bytes, as the Docker backend has it.
const SHM_BYTES: u64 = 64 * 1024 * 1024;

/// Parts of `/proc` that show the host. The Docker backend has the same. While a process reads `locks`, no other process
/// of the machine can lock a file.
const MASKED_FILES: [&str; 8] = [
    "kcore",
    "keys",
    "latency_stats",
    "locks",
    "timer_list",
    "timer_stats",
    "sched_debug",
    "interrupts",
];
const MASKED_DIRECTORIES: [&str; 3] = ["acpi", "asound", "scsi"];

/// Parts of `/proc` that nobody can write to. Docker has the same.
const READ_ONLY: [&str; 5] = ["bus", "fs", "irq", "sys", "sysrq-trigger"];

/// Files that are others with the host's network.
const OF_HOST_NETWORK: [&str; 2] = ["/etc/hosts", "/etc/resolv.conf"];

/// Mounts what the sandbox has for itself, below [`ROOT`].
pub(crate) fn mount(plan: &SandboxPlan, groups: &Groups, users: Range) -> Result<(), Failure> {
    let user = format!(
        "uid={},gid={}",
        users.first + USER_ID,
        users.first + GROUP_ID
    );
    let root = format!("uid={0},gid={0}", users.first);
    let tmpfs = |place: &str, flags, options: &str| {
        mounting::file_system("tmpfs", &in_root(place), flags, options)
    };
    let sandbox = format!("size={},mode=0755,{user}", plan.sandbox_bytes);
    tmpfs(SANDBOX_DIR, mounting::PLAIN, &sandbox)?;
    let tmp = format!("size={},mode=1777,{root}", plan.tmp_bytes);
    tmpfs(TMP_DIR, mounting::NO_PROGRAMS, &tmp)?;
    let shm = format!("size={SHM_BYTES},mode=1777,{root}");
    tmpfs("/dev/shm", mounting::NO_PROGRAMS, &shm)?;
    if plan.session {
        // As the Docker backend has it.
        let session = format!("size=1m,nr_inodes=32,mode=0711,{root}");
        tmpfs(SESSION_DIR, mounting::NO_PROGRAMS, &session)?;
    }
    let terminals = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    let options = "newinstance,ptmxmode=0666,mode=0620";
    mounting::file_system("devpts", &in_root("/dev/pts"), terminals, options)?;
    mounting::file_system("mqueue", &in_root("/dev/mqueue"), mounting::NO_PROGRAMS, "")?;
    proc()?;
    groups.show_sandbox(plan.number, ROOT)?;
    if plan.host_network {
        for file in OF_HOST_NETWORK {
            mounting::bind(&format!("{HOST_NETWORK}{file}"), &in_root(file))?;
            mounting::restrict(
                &in_root(file),
                libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV,
            )?;
        }
    }
    Ok(())
}

fn proc() -> Result<(), Failure> {
    mounting::file_system("proc", &in_root("/proc"), mounting::NO_PROGRAMS, "")?;
    // Which of these there are depends on the kernel.
    for name in MASKED_FILES {
        mounting::bind_if_there(&in_root("/dev/null"), &proc_path(name))?;
    }
    for name in MASKED_DIRECTORIES {
        show_read_only(EMPTY, &proc_path(name))?;
    }
    for name in READ_ONLY {
        let place = proc_path(name);
        show_read_only(&place, &place)?;
    }
    Ok(())
}

/// Shows a directory or file read-only where there is a target.
fn show_read_only(source: &str, target: &str) -> Result<(), Failure> {
    if mounting::bind_if_there(source, target)? {
        mounting::restrict(target, 0)?;
    }
    Ok(())
}

fn proc_path(name: &str) -> String {
    in_root(&format!("/proc/{name}"))
}
