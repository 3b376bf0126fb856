//! ECMAScript patterns for host names, and their matching in bounded time.
//!
//! Patterns come from the operator, host names from untrusted code. A backtracking engine would let
//! that code keep a thread busy with a name chosen for a careless pattern such as
//! `^(.+\.)*example$`. So a pattern is matched in linear time unless it has lookaround or
//! backreferences, which only backtracking can express; that ends when its time is over.
//!
//! ```text
//! source ─ parser ─▶ syntax ─┬─ linear            the regex crate
//!                            └─ program ─ matcher  backtracking, within a budget
//! ```

mod budget;
mod charset;
mod class;
mod compiled;
mod escape;
mod groups;
mod linear;
mod matcher;
mod parser;
mod program;
mod syntax;
mod text;
mod units;

pub(crate) use budget::{MatchBudget, TimedOut};
pub(crate) use compiled::Pattern;
