//! What all callers share, and how much of it each of them may take: requests, memory, and whatever else there is a number of.

mod buckets;
mod budget;
mod room;

pub(crate) use buckets::Buckets;
pub(crate) use budget::{Budget, Charge};
pub(crate) use room::has_room;
