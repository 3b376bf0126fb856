//! What the executions of one command share, and what becomes of each.

use std::collections::BTreeMap;

use super::executor::Executor;
use crate::{failure::Exit, output::Console, settings::RunSettings};

/// What the executions of one command share.
pub(super) struct Course<'a> {
    pub(super) settings: &'a RunSettings,
    pub(super) executor: &'a Executor,
    pub(super) console: Console,
}

/// What became of a program.
pub(super) struct Ran {
    /// How the command ends.
    pub(super) exit: Exit,
    /// What was asked for of its files, in base64, by path; none when it did not come to its end.
    pub(super) files: Option<BTreeMap<String, String>>,
}

impl Ran {
    /// A program that did not come to its end.
    pub(super) fn ended(exit: Exit) -> Self {
        Self { exit, files: None }
    }
}
