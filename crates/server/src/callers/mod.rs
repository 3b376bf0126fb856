//! Who sends requests, and what each of them may do.

mod caller;
mod maxima;
mod owner;
mod policy;
mod turns;

pub(crate) use caller::{Caller, Operator};
pub(crate) use maxima::Maxima;
pub(crate) use owner::Owner;
pub(crate) use policy::{MAX_ALL_SESSIONS, Policies, TenantRules};
