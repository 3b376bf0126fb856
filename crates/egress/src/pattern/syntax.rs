//! What a parsed pattern consists of, and why a text is no pattern.

use std::ops::Range;

use super::charset::CharSet;

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// One character of the set.
    Char(CharSet),
    /// `^`.
    Start,
    /// `$`.
    End,
    /// `\b`, or `\B` if negated.
    WordBoundary { negated: bool },
    /// One after the other. Empty: matches the empty text.
    Concat(Vec<Node>),
    /// The first alternative that leads to a match.
    Alternatives(Vec<Node>),
    /// A capturing group, numbered from 0.
    Group { index: usize, node: Box<Node> },
    /// A quantified part.
    Repeat(Repeat),
    /// A lookahead or lookbehind.
    Look {
        ahead: bool,
        negated: bool,
        node: Box<Node>,
    },
    /// The text that one of these groups has matched; the empty text if none has.
    Backreference {
        groups: Vec<usize>,
        ignore_case: bool,
    },
}

/// Most iterations that make a difference: one more than a host has characters. A further iteration
/// could consume nothing, and would only repeat what the one before has done.
const MAX_ITERATIONS: usize = 256;

/// A quantified part. `most` is `None` without an upper bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repeat {
    pub(super) node: Box<Node>,
    pub(super) least: usize,
    pub(super) most: Option<usize>,
    pub(super) greedy: bool,
    /// The capturing groups within, which each iteration clears.
    pub(super) groups: Range<usize>,
}

impl Repeat {
    /// `node`, repeated from `least` to `most` times. Bounds that no host can reach are lowered.
    pub(super) fn new(
        node: Node,
        (least, most): (usize, Option<usize>),
        greedy: bool,
        groups: Range<usize>,
    ) -> Self {
        Self {
            node: Box::new(node),
            least: least.min(MAX_ITERATIONS),
            most: most.filter(|&most| most < MAX_ITERATIONS),
            greedy,
            groups,
        }
    }
}

/// What `i`, `m` and `s` stand for. `m` has no effect: a host has no line ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flags {
    pub(super) ignore_case: bool,
    pub(super) dot_matches_all: bool,
}

/// A parsed pattern.
#[derive(Debug)]
pub(super) struct Syntax {
    pub(super) node: Node,
    /// Number of capturing groups.
    pub(super) groups: usize,
}

/// Why a text is no pattern. The texts complete the sentence "invalid pattern: …".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum SyntaxError {
    #[error("a group is not closed")]
    OpenGroup,
    #[error("a \")\" closes no group")]
    StrayParenthesis,
    #[error("a character class is not closed")]
    OpenClass,
    #[error("the end of a character range is before its start")]
    Range,
    #[error("a quantifier has nothing to repeat")]
    NothingToRepeat,
    #[error("the upper bound of a quantifier is below its lower bound")]
    Bounds,
    #[error("a \"\\\" ends the pattern")]
    TrailingBackslash,
    #[error("\"(?\" begins no known kind of group")]
    GroupKind,
    #[error("the name of a group is malformed")]
    GroupName,
    #[error("two groups have the same name")]
    DuplicateName,
    #[error("a \"\\k\" refers to no group")]
    Reference,
    #[error("groups are nested too deeply")]
    TooDeep,
    #[error("there are too many groups")]
    TooManyGroups,
    #[error("its repetitions are too large")]
    TooLarge,
}
