//! Limits of a sandbox with the bounds that Docker has for them.

use super::{
    OptionError,
    number::{integer_up_to, positive},
    parse_size, size_text,
};

/// Least memory of a container, in bytes. Docker refuses less (moby, `linuxMinMemory`).
const MIN_MEMORY_BYTES: u64 = 6 * 1024 * 1024;

/// Fewest cores of a container. Docker refuses less.
const MIN_CPUS: f64 = 0.01;

/// Most processes of a sandbox. The kernel has no more than 4194304 (`PID_MAX_LIMIT`), and some are the guest's.
const MAX_PIDS: u32 = 4_194_000;

/// The cores of a sandbox. How many there may be depends on the machine, which only its daemon knows.
pub(super) fn cpu_limit(cores: f64) -> Result<f64, OptionError> {
    let cores = positive("cpuLimit", cores)?;
    if cores >= MIN_CPUS {
        return Ok(cores);
    }
    Err(refused("cpuLimit", &cores, "at least 0.01"))
}

/// The memory of a sandbox in bytes.
pub(super) fn memory_limit(text: &str) -> Result<u64, OptionError> {
    let bytes = parse_size("memoryLimit", text)?;
    if bytes >= MIN_MEMORY_BYTES {
        return Ok(bytes);
    }
    Err(refused("memoryLimit", &size_text(bytes), "at least 6m"))
}

/// The processes and threads of a sandbox.
pub(super) fn pids_limit(limit: f64) -> Result<u32, OptionError> {
    let rule = "a whole number from 1 to 4194000";
    let number = integer_up_to("pidsLimit", limit, MAX_PIDS.into(), rule)?;
    u32::try_from(number)
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| refused("pidsLimit", &limit, rule))
}

fn refused(option: &'static str, value: &dyn std::fmt::Display, rule: &'static str) -> OptionError {
    OptionError::Number {
        option,
        value: value.to_string(),
        rule,
    }
}
