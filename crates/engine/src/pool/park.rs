//! Parking the interpreter of a clean sandbox, in the background and out of the way of programs.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use isol8_protocol::{ErrorKind, ParkRequest};
use tokio::time::Instant;

use super::processors::{Busy, Processors};
use crate::{
    NOTICE,
    error::EngineError,
    plan::ParkPlan,
    sandbox::{Begun, Parker},
};

/// How long parking waits for a processor that no program uses. A program that has run longer is a
/// resident one, and may well be idle.
const PATIENCE: Duration = Duration::from_millis(250);

/// Failures in a row after which a pool no longer parks: its image has no such interpreter, or one
/// that does not know its launcher.
const MAX_FAILURES: usize = 2;

/// What a guest puts before the name of a module that its launcher could not import.
const MODULE_FAILED: &str = "preload ";

/// What a pool parks.
pub(super) struct Parking {
    plan: Mutex<ParkPlan>,
    processors: &'static Processors,
    failures: AtomicUsize,
    /// How often other modules were named.
    version: AtomicUsize,
}

/// An interpreter that is started, on a processor that is kept for it.
pub(super) struct Attempt {
    preload: Vec<String>,
    _busy: Busy,
}

impl Parking {
    pub(super) fn new(plan: ParkPlan, processors: &'static Processors) -> Self {
        Self {
            plan: Mutex::new(plan),
            processors,
            failures: AtomicUsize::new(0),
            version: AtomicUsize::new(0),
        }
    }

    fn plan(&self) -> MutexGuard<'_, ParkPlan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Parks with these modules from now on; false when they are the same.
    pub(super) fn preload(&self, modules: &[String]) -> bool {
        let mut plan = self.plan();
        let changed = plan.preload() != modules;
        if changed {
            *plan = plan.with_preload(modules);
            self.version.fetch_add(1, Ordering::Relaxed);
        }
        changed
    }

    /// Differs when other modules were named.
    pub(super) fn version(&self) -> usize {
        self.version.load(Ordering::Relaxed)
    }

    /// What to ask for behind a reset, if there is a processor for it now. When the pool `is_ahead` of its programs, this
    /// one can wait, and another processor is left for them.
    pub(super) fn attempt(&self, is_ahead: bool) -> Option<(ParkRequest, Attempt)> {
        if self.has_given_up() {
            return None;
        }
        let busy = self.processors.park_if_free(is_ahead)?;
        Some(self.attempt_on(busy))
    }

    fn attempt_on(&self, busy: Busy) -> (ParkRequest, Attempt) {
        let plan = self.plan();
        let preload = plan.preload().to_vec();
        (
            plan.request(),
            Attempt {
                preload,
                _busy: busy,
            },
        )
    }

    /// Parks in the sandbox of `parker`: waits for what has `begun` there, or begins as soon as there is
    /// a processor for it, and another one for programs while the pool `is_ahead` of them.
    pub(super) async fn park(
        &self,
        parker: Parker,
        begun: Option<(Attempt, Begun)>,
        is_ahead: impl Fn() -> bool,
    ) {
        if let Some((attempt, begun)) = begun
            && self.is_settled(begun.finish().await, &attempt.preload)
        {
            return;
        }
        while !self.has_given_up() {
            let latest = Instant::now() + PATIENCE;
            let busy = self.processors.park_when_free(&is_ahead, latest).await;
            let (request, attempt) = self.attempt_on(busy);
            if self.is_settled(parker.park(request).await, &attempt.preload) {
                return;
            }
        }
    }

    fn has_given_up(&self) -> bool {
        self.failures.load(Ordering::Relaxed) >= MAX_FAILURES
    }

    /// Learns from an attempt to park with these modules. False: another one with fewer may succeed.
    fn is_settled(&self, parked: Result<(), EngineError>, preload: &[String]) -> bool {
        match parked {
            Ok(()) => self.failures.store(0, Ordering::Relaxed),
            // Its program was faster, or it is gone.
            Err(
                EngineError::SandboxLost
                | EngineError::Refused {
                    kind: ErrorKind::Denied,
                    ..
                },
            ) => {}
            Err(error) if !preload.is_empty() => {
                self.give_up_modules(preload, &error.to_string());
                return false;
            }
            Err(error) => {
                tracing::debug!(%error, "the interpreter cannot be parked");
                self.failures.fetch_add(1, Ordering::Relaxed);
            }
        }
        true
    }

    /// After a failure, goes on without the module that was to blame, or without any of them.
    fn give_up_modules(&self, tried: &[String], reason: &str) {
        let blamed = reason.split_once(MODULE_FAILED);
        let blamed = blamed.and_then(|(_, rest)| {
            let name = tried.iter().find(|name| {
                let after = rest.strip_prefix(name.as_str());
                after.is_some_and(|after| after.starts_with(": "))
            })?;
            Some((name, rest))
        });
        let left: Vec<_> = match blamed {
            Some((name, _)) => tried
                .iter()
                .filter(|other| *other != name)
                .cloned()
                .collect(),
            None => Vec::new(),
        };
        let mut plan = self.plan();
        // Another sandbox of the pool may have reported the same before.
        if plan.preload() != tried {
            return;
        }
        let told = blamed.map_or_else(
            || format!("{}: {reason}", tried.join(", ")),
            |(_, rest)| rest.to_owned(),
        );
        tracing::warn!(target: NOTICE, "not preloaded: {told}");
        *plan = plan.with_preload(&left);
    }
}
