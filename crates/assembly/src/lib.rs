//! Engines with their backend: the only crate that knows every backend.
//!
//! [`choose`] says which backend is wanted. A [`Place`] has it, or finds out which one there is when the first
//! sandbox is needed, and makes engines.
#![forbid(unsafe_code)]

mod chosen;
mod decide;
mod place;
mod wanted;

pub use decide::Decision;
pub use isol8_local::{Availability, Interpreter, Origin, find_interpreter};
pub use place::{Place, PlaceError};
pub use wanted::{VARIABLE, choose};
