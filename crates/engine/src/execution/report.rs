//! The public form of what the guest reports.

use isol8_api::result::{ResourceUsage, SessionReset};
use isol8_protocol::{ExitReport, SessionLoss};

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
    }
}
