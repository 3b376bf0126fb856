//! The public form of what the guest reports.

use isol8_api::result::{ResourceUsage, SessionReset, TIMEOUT_EXIT_CODE, Termination};
use isol8_protocol::{ExitReport, ExitStatus, SessionLoss};

/// The figures of `report`, without those of the network.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "exact up to 2^53 microseconds and bytes"
)]
pub(crate) fn usage_of(report: &ExitReport) -> ResourceUsage {
    const MIB: f64 = 1024.0 * 1024.0;
    let round = |value: f64| (value * 100.0).round() / 100.0;
    ResourceUsage {
        cpu_percent: round(report.cpu_us as f64 * 100.0 / report.wall_us.max(1) as f64),
        memory_mb: round(report.memory_bytes as f64 / MIB),
        peak_memory_mb: Some(round(report.peak_memory_bytes as f64 / MIB)),
        network_bytes_in: 0,
        network_bytes_out: 0,
    }
}

/// Why a session lost its state.
#[must_use]
pub(crate) fn reset_reason(loss: SessionLoss) -> SessionReset {
    match loss {
        SessionLoss::TimedOut => SessionReset::Timeout,
        SessionLoss::Cancelled => SessionReset::Cancelled,
        SessionLoss::Exited(_) => SessionReset::Exit,
        SessionLoss::Signalled(_) => SessionReset::Crash,
        SessionLoss::OutOfMemory => SessionReset::Oom,
    }
}

/// The exit code that callers see.
#[must_use]
pub(crate) fn exit_code_of(report: &ExitReport) -> i32 {
    if report.timed_out {
        TIMEOUT_EXIT_CODE
    } else {
        report.status.code()
    }
}

/// How a program ended.
#[must_use]
pub(crate) fn termination_of(report: &ExitReport) -> Termination {
    match report.status {
        _ if report.timed_out => Termination::Timeout,
        _ if report.out_of_memory => Termination::Oom,
        ExitStatus::Signal(_) => Termination::Signal,
        ExitStatus::Code(_) => Termination::Exit,
    }
}

/// The name of the signal that ended a program, if one did.
#[must_use]
pub(crate) fn signal_of(report: &ExitReport) -> Option<String> {
    match report.status {
        ExitStatus::Signal(number) => Some(signal_name(number)),
        ExitStatus::Code(_) => None,
    }
}

/// The first of the signals without names of their own. Programs see it as `SIGRTMIN`.
const FIRST_REAL_TIME: i32 = 34;
const LAST_REAL_TIME: i32 = 64;

/// The signals of Linux from number 1 on. The host may be another system, with other numbers.
const SIGNALS: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

fn signal_name(number: i32) -> String {
    let index = usize::try_from(number).ok().and_then(|n| n.checked_sub(1));
    match (index.and_then(|index| SIGNALS.get(index)), number) {
        (Some(name), _) => format!("SIG{name}"),
        (None, FIRST_REAL_TIME) => "SIGRTMIN".to_owned(),
        (None, FIRST_REAL_TIME..=LAST_REAL_TIME) => {
            format!("SIGRTMIN+{}", number - FIRST_REAL_TIME)
        }
        // The number comes from the guest, so it may be anything.
        (None, _) => format!("SIG{number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_the_names_of_linux() {
        for (number, name) in [
            (1, "SIGHUP"),
            (9, "SIGKILL"),
            (11, "SIGSEGV"),
            (15, "SIGTERM"),
            (31, "SIGSYS"),
            (34, "SIGRTMIN"),
            (64, "SIGRTMIN+30"),
            (0, "SIG0"),
            (-1, "SIG-1"),
            (i32::MIN, "SIG-2147483648"),
        ] {
            assert_eq!(signal_name(number), name);
        }
    }
}
