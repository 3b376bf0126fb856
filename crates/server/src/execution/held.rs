//! What an execution holds while it runs: its engine or session, and its turn.

use isol8_api::options::RawOptions;
use isol8_engine::{Engine, EngineError};

use crate::{
    app::App,
    callers::Caller,
    engines::EngineLease,
    error::ApiError,
    options::{self, tenant},
    queue::Turn,
    sessions::SessionLease,
};

/// The engine of a request.
enum Lease {
    Shared(EngineLease),
    Session(SessionLease),
}

/// What an execution holds while it runs.
pub(super) struct Held {
    lease: Lease,
    /// Until somebody else ends it.
    pub(super) turn: Option<Turn>,
}

impl Held {
    /// Waits until an execution of `runtime` may run.
    pub(super) async fn take(
        app: &App,
        caller: &Caller,
        runtime: &str,
        options: Option<Box<RawOptions>>,
        session_id: Option<&str>,
    ) -> Result<Self, ApiError> {
        let merged = || {
            let defaults = app.config().raw_options();
            let options = options.map(|options| *options).unwrap_or_default();
            match &caller.policy.tenant {
                None => Ok(Box::new(options::over(defaults, options))),
                Some(rules) => tenant::over(defaults, options, rules, runtime).map(Box::new),
            }
        };
        let (lease, turn) = match session_id {
            None => {
                // Those that wait have no engine, so that the number of engines is bounded.
                let turn = app.queue().turn(caller, None).await?;
                let engine = app.engines().get(&caller.owner, merged()?).await?;
                (Lease::Shared(engine), turn)
            }
            Some(id) => {
                let session = app.sessions().get_or_make(caller, id, merged).await?;
                let turn = app.queue().turn(caller, Some(&session)).await?;
                (Lease::Session(session), turn)
            }
        };
        if let Lease::Session(session) = &lease {
            session.begin();
        }
        Ok(Self {
            lease,
            turn: Some(turn),
        })
    }

    pub(super) fn engine(&self) -> &Engine {
        match &self.lease {
            Lease::Shared(lease) => &lease.engine,
            Lease::Session(session) => session.engine(),
        }
    }

    /// The error of the execution. One that was refused has left nothing in its session.
    pub(super) fn explain(&self, error: EngineError) -> ApiError {
        if let Lease::Session(session) = &self.lease
            && error.is_refusal()
        {
            session.refused();
        }
        match self.lease {
            Lease::Shared(_) => error.into(),
            Lease::Session(_) => ApiError::in_session(error),
        }
    }
}
