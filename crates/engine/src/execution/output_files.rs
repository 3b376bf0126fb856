//! What output files an execution has, and which ones there was no room for.

use std::collections::BTreeMap;

/// What output files there are.
#[derive(Default)]
pub(super) struct OutputFiles {
    /// Their contents in base64, by path.
    pub(super) contents: BTreeMap<String, String>,
    /// Those for which there was no room.
    pub(super) left_out: LeftOut,
}

/// Output files that are not in the result.
#[derive(Default)]
pub(super) struct LeftOut {
    /// Paths of the first ones.
    pub(super) paths: Vec<String>,
    /// How many there are beside them.
    pub(super) more: usize,
}

/// Most output files that are left out by name: a program can make millions.
const MAX_LEFT_OUT: usize = 20;

impl LeftOut {
    /// Adds a path. Of those beyond the first ones, only their number is kept.
    pub(super) fn add(&mut self, path: String) {
        if self.paths.len() < MAX_LEFT_OUT {
            self.paths.push(path);
        } else {
            self.more += 1;
        }
    }
}
