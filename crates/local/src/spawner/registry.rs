//! The spawners of this process: one for each root, as long as somebody uses it.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use isol8_backend::{BackendError, BackendErrorKind};
use isol8_protocol::{IDS_OF_A_SANDBOX, RootPlan};

use super::{launch::launch, process::Spawner, share::Share};
use crate::{Limits, users::Users};

/// What spawners are shared by. A root has no users here.
type Key = (RootPlan, Limits);

/// The spawners that live.
static SPAWNERS: Mutex<Vec<(Key, Weak<Spawner>)>> = Mutex::new(Vec::new());

fn find(spawners: &[(Key, Weak<Spawner>)], key: &Key) -> Option<Arc<Spawner>> {
    let known = spawners.iter().filter(|(known, _)| known == key);
    let mut alive = known.filter_map(|(_, spawner)| spawner.upgrade());
    alive.find(|spawner| spawner.is_alive())
}

/// The spawner for a root, started when there is none. Blocks for some milliseconds then.
pub(crate) fn spawner(key: &Key, users: &Users) -> Result<Arc<Spawner>, BackendError> {
    let mut spawners = SPAWNERS.lock().unwrap_or_else(PoisonError::into_inner);
    spawners.retain(|(_, spawner)| spawner.strong_count() > 0);
    if let Some(spawner) = find(&spawners, key) {
        return Ok(spawner);
    }
    let (root, limits) = key;
    let share = Share::take(users)?;
    let plan = RootPlan {
        own_users: *users != Users::Root,
        first_user: share.first,
        slots: share.count / IDS_OF_A_SANDBOX,
        ..root.clone()
    };
    let launched = launch(&plan, users, *limits)?;
    tracing::debug!(
        process = launched.child.id(),
        "a spawner of local sandboxes runs"
    );
    let started = Spawner::new(launched, share).map_err(|error| {
        let message = format!("Cannot start a thread for local sandboxes: {error}");
        BackendError::new(BackendErrorKind::System, message)
    })?;
    let started = Arc::new(started);
    spawners.push((key.clone(), Arc::downgrade(&started)));
    Ok(started)
}
