//! When keys were last shown. Kept in memory and written from time to time, so that no request waits for a write.

use std::{
    collections::HashMap,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;

/// Last uses that are not written yet, by id. Only keys of the database come in, so the table bounds it.
#[derive(Default)]
pub(crate) struct Uses(Mutex<HashMap<String, Timestamp>>);

impl Uses {
    /// A key was shown.
    pub(crate) fn note(&self, id: &str, moment: Timestamp) {
        let mut uses = self.uses();
        match uses.get_mut(id) {
            Some(last) => *last = moment,
            None => drop(uses.insert(id.to_owned(), moment)),
        }
    }

    /// The last use of a key that is not written yet.
    pub(crate) fn of(&self, id: &str) -> Option<Timestamp> {
        self.uses().get(id).copied()
    }

    /// Takes everything that is not written yet.
    pub(crate) fn take(&self) -> HashMap<String, Timestamp> {
        mem::take(&mut self.uses())
    }

    /// Gives back what could not be written, unless the key was shown since.
    pub(crate) fn give_back(&self, unwritten: HashMap<String, Timestamp>) {
        let mut uses = self.uses();
        for (id, moment) in unwritten {
            uses.entry(id).or_insert(moment);
        }
    }

    fn uses(&self) -> MutexGuard<'_, HashMap<String, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
