//! The limits of a sandbox's groups.

use std::path::Path;

use isol8_protocol::{CPU_PERIOD_MICROS, Hierarchy, SandboxPlan};

use crate::spawner::{failure::Failure, kernel_files::write};

/// Sets the limits of a group.
pub(super) fn limit(
    hierarchy: &Hierarchy,
    group: &Path,
    plan: &SandboxPlan,
) -> Result<(), Failure> {
    let memory = plan.memory_bytes.to_string();
    let processes = plan.processes.to_string();
    let (quota, period) = (plan.cpu_quota_micros, CPU_PERIOD_MICROS);
    let set = |name: &str, value: &str| write(&group.join(name), value);
    for controller in &hierarchy.controllers {
        match (controller.as_str(), hierarchy.version) {
            ("memory", 2) => {
                set("memory.max", &memory)?;
                where_there_is(set("memory.swap.max", "0"), &group.join("memory.swap.max"))?;
            }
            ("memory", _) => {
                set("memory.limit_in_bytes", &memory)?;
                let with_swap = "memory.memsw.limit_in_bytes";
                where_there_is(set(with_swap, &memory), &group.join(with_swap))?;
            }
            ("pids", _) => set("pids.max", &processes)?,
            ("cpu", 2) => set("cpu.max", &format!("{quota} {period}"))?,
            ("cpu", _) => {
                set("cpu.cfs_period_us", &period.to_string())?;
                set("cpu.cfs_quota_us", &quota.to_string())?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// A system without swap has no file for it.
fn where_there_is(set: Result<(), Failure>, file: &Path) -> Result<(), Failure> {
    set.or_else(|failure| if file.exists() { Err(failure) } else { Ok(()) })
}
