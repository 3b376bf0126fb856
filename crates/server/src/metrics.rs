//! What the server counts, for Prometheus.

mod observation;

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
};

use isol8_api::runtimes::canonical_name;
use isol8_engine::runtime::Registry as Runtimes;
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

pub(crate) use self::observation::Observation;
use crate::callers::Owner;

/// Most tenants that are counted by themselves. More are counted together.
const MAX_TENANTS: usize = 100;

/// The label of tenants that are counted together, and of runtimes that do not exist.
const OTHER: &str = "other";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    runtime: &'static str,
    tenant: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByCode {
    runtime: &'static str,
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByRuntime {
    runtime: &'static str,
}

/// The state of a server at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct State {
    /// Executions that run.
    pub(crate) running: usize,
    /// Executions that wait.
    pub(crate) waiting: usize,
    /// Sessions that exist.
    pub(crate) sessions: usize,
    /// Engines that are kept.
    pub(crate) engines: usize,
    /// Sandboxes that wait in pools.
    pub(crate) idle_sandboxes: usize,
    /// Memory that is counted for bodies and messages of clients, in bytes.
    pub(crate) held_bytes: usize,
}

/// The counters of a server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    runtimes: Runtimes,
    tenants: Mutex<HashSet<String>>,
    executions: Family<ByOutcome, Counter>,
    errors: Family<ByCode, Counter>,
    seconds: Family<ByRuntime, Histogram>,
    wait_seconds: Histogram,
    output_bytes: Family<ByRuntime, Counter>,
    received_bytes: Counter,
    running: Gauge<u64, AtomicU64>,
    waiting: Gauge<u64, AtomicU64>,
    sessions: Gauge<u64, AtomicU64>,
    engines: Gauge<u64, AtomicU64>,
    idle_sandboxes: Gauge<u64, AtomicU64>,
    held_bytes: Gauge<u64, AtomicU64>,
}

/// From a millisecond to about half an hour.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 4.0, 11))
}

impl Metrics {
    /// Nothing counted yet.
    pub(crate) fn new() -> Self {
        let mut inner = Inner {
            registry: Registry::with_prefix("isol8"),
            runtimes: Runtimes::default(),
            tenants: Mutex::default(),
            executions: Family::default(),
            errors: Family::default(),
            seconds: Family::new_with_constructor(seconds),
            wait_seconds: seconds(),
            output_bytes: Family::default(),
            received_bytes: Counter::default(),
            running: Gauge::default(),
            waiting: Gauge::default(),
            sessions: Gauge::default(),
            engines: Gauge::default(),
            idle_sandboxes: Gauge::default(),
            held_bytes: Gauge::default(),
        };
        let all = &mut inner.registry;
        all.register(
            "executions",
            "Executions that have ended",
            inner.executions.clone(),
        );
        all.register(
            "errors",
            "Executions that were refused or failed",
            inner.errors.clone(),
        );
        all.register(
            "execution_seconds",
            "From the turn of an execution to its end",
            inner.seconds.clone(),
        );
        all.register(
            "queue_seconds",
            "From an execution's arrival to its turn",
            inner.wait_seconds.clone(),
        );
        all.register(
            "output_bytes",
            "Output of programs",
            inner.output_bytes.clone(),
        );
        all.register(
            "received_bytes",
            "Bodies of requests, and messages of WebSockets",
            inner.received_bytes.clone(),
        );
        all.register("running", "Executions that run", inner.running.clone());
        all.register(
            "waiting",
            "Executions that wait for their turn",
            inner.waiting.clone(),
        );
        all.register("sessions", "Sessions that exist", inner.sessions.clone());
        all.register("engines", "Engines that are kept", inner.engines.clone());
        all.register(
            "idle_sandboxes",
            "Sandboxes that wait in pools",
            inner.idle_sandboxes.clone(),
        );
        all.register(
            "held_bytes",
            "Memory that is counted for bodies and messages of clients",
            inner.held_bytes.clone(),
        );
        Self(Arc::new(inner))
    }

    /// Everything, in the text form of `OpenMetrics`.
    pub(crate) fn text(&self, state: State) -> Result<String, fmt::Error> {
        for (gauge, value) in [
            (&self.0.running, state.running),
            (&self.0.waiting, state.waiting),
            (&self.0.sessions, state.sessions),
            (&self.0.engines, state.engines),
            (&self.0.idle_sandboxes, state.idle_sandboxes),
            (&self.0.held_bytes, state.held_bytes),
        ] {
            gauge.set(value as u64);
        }
        let mut text = String::new();
        text::encode(&mut text, &self.0.registry)?;
        Ok(text)
    }

    /// A body, or a message, of this many bytes was received.
    pub(crate) fn received(&self, bytes: usize) {
        self.0.received_bytes.inc_by(bytes as u64);
    }

    /// Begins to observe an execution that has arrived.
    pub(crate) fn observe(&self, owner: &Owner, runtime: &str) -> Observation {
        // One runtime has one label, whatever name a request has for it. Others are not counted by themselves: anybody can
        // invent names.
        let known = self.0.runtimes.get(canonical_name(runtime));
        let runtime = known.map_or(OTHER, |known| known.name);
        Observation::new(self.clone(), self.tenant(owner), runtime)
    }

    fn tenant(&self, owner: &Owner) -> String {
        let Some(id) = owner.tenant_id() else {
            return String::new();
        };
        let mut known = self
            .0
            .tenants
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if known.len() < MAX_TENANTS {
            known.insert(id.to_owned());
        }
        let label = known.get(id).map_or(OTHER, String::as_str);
        label.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_can_make_labels_without_bound() {
        let metrics = Metrics::new();
        for number in 0..2 * MAX_TENANTS {
            let owner = Owner::Tenant(format!("t{number}").into());
            drop(metrics.observe(&owner, &format!("runtime{number}")));
        }
        for name in ["python", "python3"] {
            drop(metrics.observe(&Owner::Tenant("t0".into()), name));
        }
        let state = State {
            running: 1,
            waiting: 2,
            sessions: 3,
            engines: 4,
            idle_sandboxes: 5,
            held_bytes: 6,
        };
        let text = metrics.text(state).unwrap();
        let lines = text
            .lines()
            .filter(|line| line.starts_with("isol8_executions_total{"));
        assert_eq!(lines.count(), MAX_TENANTS + 2);
        for line in [
            r#"isol8_executions_total{runtime="other",tenant="other",outcome="cancelled"} 100"#,
            r#"isol8_executions_total{runtime="python",tenant="t0",outcome="cancelled"} 2"#,
            "isol8_running 1",
            "isol8_waiting 2",
            "isol8_sessions 3",
            "isol8_engines 4",
            "isol8_idle_sandboxes 5",
            "isol8_held_bytes 6",
        ] {
            assert!(text.lines().any(|told| told == line), "{line}: {text}");
        }
    }
}
