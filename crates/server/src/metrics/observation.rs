//! One execution while it is counted.

use std::time::{Duration, Instant};

use isol8_api::{
    event::{EventKind, Phase, StreamEvent},
    result::ExecutionResult,
};

use super::{ByCode, ByOutcome, ByRuntime, Metrics};
use crate::error::ApiError;

/// The outcome of an execution whose client has gone away.
const CANCELLED: &str = "cancelled";

/// An execution while it is observed. It is counted when this is dropped, as cancelled where no end was reported.
pub(crate) struct Observation {
    metrics: Metrics,
    tenant: String,
    runtime: &'static str,
    arrived: Instant,
    begun: Option<Instant>,
    outcome: &'static str,
}

impl Observation {
    /// An execution that has just arrived.
    pub(super) fn new(metrics: Metrics, tenant: String, runtime: &'static str) -> Self {
        Self {
            metrics,
            tenant,
            runtime,
            arrived: Instant::now(),
            begun: None,
            outcome: CANCELLED,
        }
    }

    /// Its turn has come.
    pub(crate) fn begin(&mut self) {
        self.begun = Some(Instant::now());
        self.metrics
            .0
            .wait_seconds
            .observe(self.arrived.elapsed().as_secs_f64());
    }

    /// It has ended with a result.
    pub(crate) fn result(&mut self, result: &ExecutionResult) {
        self.output(result.stdout.len() + result.stderr.len());
        self.outcome = "ended";
    }

    /// It has ended with an error.
    pub(crate) fn error(&mut self, error: &ApiError) {
        self.failed(error.code().as_str());
    }

    /// A part of it was sent.
    pub(crate) fn event(&mut self, event: &StreamEvent) {
        match event.kind {
            EventKind::Stdout | EventKind::Stderr => self.output(event.data.len()),
            // The program follows a setup script that has succeeded.
            EventKind::Exit if event.phase == Some(Phase::Setup) && event.data == "0" => {}
            EventKind::Exit => self.outcome = "ended",
            EventKind::Error => {}
        }
    }

    /// It has ended with an error of this code.
    pub(crate) fn failed(&mut self, code: &'static str) {
        self.outcome = "error";
        let runtime = self.runtime;
        self.metrics
            .0
            .errors
            .get_or_create(&ByCode { runtime, code })
            .inc();
    }

    fn output(&self, bytes: usize) {
        let runtime = self.runtime;
        let counter = self
            .metrics
            .0
            .output_bytes
            .get_or_create(&ByRuntime { runtime });
        counter.inc_by(bytes as u64);
    }

    fn elapsed(&self) -> Option<Duration> {
        self.begun.map(|begun| begun.elapsed())
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        let runtime = self.runtime;
        if let Some(elapsed) = self.elapsed() {
            let histogram = self.metrics.0.seconds.get_or_create(&ByRuntime { runtime });
            histogram.observe(elapsed.as_secs_f64());
        }
        let labels = ByOutcome {
            runtime,
            tenant: std::mem::take(&mut self.tenant),
            outcome: self.outcome,
        };
        self.metrics.0.executions.get_or_create(&labels).inc();
    }
}
