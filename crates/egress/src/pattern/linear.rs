//! Patterns without lookaround and backreferences, in the `regex` crate, which takes linear time.
//!
//! Only characters, anchors and repetitions are left of a parsed pattern, and they are written out
//! in the one form that means the same there: each set as a class of byte ranges, each anchor by its
//! unambiguous name.

use std::fmt::Write;

use regex::bytes::{Regex, RegexBuilder};

use super::syntax::{Node, Repeat};

/// Deeper than a parsed pattern can be nested, each group and quantifier counted.
const NEST_LIMIT: u32 = 4096;

/// `node` as a linear expression; `None` where it needs lookaround or backreferences, or is too
/// large.
pub(super) fn compile(node: &Node) -> Option<Regex> {
    let mut source = String::new();
    write(node, &mut source)?;
    RegexBuilder::new(&source)
        .unicode(false)
        .nest_limit(NEST_LIMIT)
        .build()
        .ok()
}

fn write(node: &Node, to: &mut String) -> Option<()> {
    match node {
        Node::Char(set) if set.ranges().is_empty() => to.push_str(r"[^\x00-\xff]"),
        Node::Char(set) => {
            to.push('[');
            for (first, last) in set.ranges() {
                write!(to, r"\x{first:02x}-\x{last:02x}").ok()?;
            }
            to.push(']');
        }
        Node::Start => to.push_str(r"\A"),
        Node::End => to.push_str(r"\z"),
        Node::WordBoundary { negated: false } => to.push_str(r"\b"),
        Node::WordBoundary { negated: true } => to.push_str(r"\B"),
        Node::Concat(nodes) => {
            for node in nodes {
                write(node, to)?;
            }
        }
        Node::Alternatives(nodes) => {
            to.push_str("(?:");
            for (index, node) in nodes.iter().enumerate() {
                if index > 0 {
                    to.push('|');
                }
                write(node, to)?;
            }
            to.push(')');
        }
        Node::Group { node, .. } => {
            to.push_str("(?:");
            write(node, to)?;
            to.push(')');
        }
        Node::Repeat(Repeat {
            node, least, most, ..
        }) => {
            to.push_str("(?:");
            write(node, to)?;
            match most {
                None => write!(to, "){{{least},}}").ok()?,
                Some(most) => write!(to, "){{{least},{most}}}").ok()?,
            }
        }
        Node::Look { .. } | Node::Backreference { .. } => return None,
    }
    Some(())
}
