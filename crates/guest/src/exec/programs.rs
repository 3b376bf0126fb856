//! Interpreters that are there before or after a program.

use tokio::sync::Mutex;

use super::{park::Parking, resident::Session};

/// The parked interpreter and the session. Only the session comes from a run, and a reset removes it.
#[derive(Default)]
pub(crate) struct Programs {
    pub(super) parking: Parking,
    /// Held during a call, so that calls run one after the other.
    pub(super) session: Mutex<Session>,
}

impl Programs {
    /// Forgets the session. Waits for the call that runs.
    pub(crate) async fn clear_session(&self) {
        self.session.lock().await.clear();
    }

    /// The sandbox was reset: no interpreter is parked, and nothing of a user has run.
    pub(crate) fn clear_parking(&self) {
        self.parking.clear();
    }
}
