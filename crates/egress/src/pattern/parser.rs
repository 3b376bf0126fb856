//! Reads an ECMAScript pattern as `new RegExp(source, "i")` does: UTF-16 code units, no `u` flag,
//! with the additional syntax of browsers (ECMA-262, Annex B.1.2).

use super::charset::CharSet;
use super::class;
use super::escape::{self, Escape};
use super::groups::{self, GroupNames};
use super::syntax::{Flags, Node, Repeat, Syntax, SyntaxError};
use super::units::Units;

/// How deeply groups may be nested.
const MAX_DEPTH: usize = 200;

/// Parses `source`.
pub(super) fn parse(source: &str) -> Result<Syntax, SyntaxError> {
    let units: Vec<u16> = source.encode_utf16().collect();
    let names = GroupNames::scan(&units)?;
    let mut parser = Parser {
        units: Units::new(&units),
        names: &names,
        next_group: 0,
        depth: 0,
        flags: Flags {
            ignore_case: true,
            dot_matches_all: false,
        },
    };
    let (node, _) = parser.disjunction()?;
    if parser.units.peek().is_some() {
        return Err(SyntaxError::StrayParenthesis);
    }
    Ok(Syntax {
        node,
        groups: names.count(),
    })
}

struct Parser<'a> {
    units: Units<'a>,
    names: &'a GroupNames,
    next_group: usize,
    depth: usize,
    flags: Flags,
}

/// A term, and whether a quantifier may follow it.
type Term = (Node, bool);

/// Least and most iterations; no upper bound if `None`.
type Bounds = (usize, Option<usize>);

/// Numbers of the named groups of a part.
type Named = Vec<usize>;

impl Parser<'_> {
    /// Alternatives up to a closing parenthesis or the end.
    fn disjunction(&mut self) -> Result<(Node, Named), SyntaxError> {
        let mut alternatives = Vec::new();
        let mut named = Named::new();
        loop {
            let (node, inside) = self.alternative()?;
            alternatives.push(node);
            named.extend(inside);
            if !self.units.take('|') {
                break;
            }
        }
        let node = if alternatives.len() == 1 {
            alternatives.remove(0)
        } else {
            Node::Alternatives(alternatives)
        };
        Ok((node, named))
    }

    fn alternative(&mut self) -> Result<(Node, Named), SyntaxError> {
        let mut terms = Vec::new();
        let mut named = Named::new();
        while let Some(unit) = self.units.peek() {
            if unit == u16::from(b'|') || unit == u16::from(b')') {
                break;
            }
            let first_group = self.next_group;
            let ((node, quantifiable), inside) = self.term()?;
            if inside
                .iter()
                .any(|&group| self.names.clashes(group, &named))
            {
                return Err(SyntaxError::DuplicateName);
            }
            named.extend(inside);
            let quantifier = if quantifiable {
                self.quantifier()?
            } else {
                None
            };
            terms.push(match quantifier {
                None => node,
                Some((bounds, greedy)) => {
                    let groups = first_group..self.next_group;
                    Node::Repeat(Repeat::new(node, bounds, greedy, groups))
                }
            });
        }
        Ok((Node::Concat(terms), named))
    }

    fn term(&mut self) -> Result<(Term, Named), SyntaxError> {
        if self.units.take('(') {
            return self.group();
        }
        let term = if self.units.take('^') {
            (Node::Start, false)
        } else if self.units.take('$') {
            (Node::End, false)
        } else if self.units.take('.') {
            let set = if self.flags.dot_matches_all {
                CharSet::ALL
            } else {
                CharSet::LINE_ENDS.complement()
            };
            (Node::Char(set), true)
        } else if self.units.take('[') {
            let set = class::parse(&mut self.units, self.names.any_named())?;
            (Node::Char(set.resolve(self.flags.ignore_case)), true)
        } else if self.units.take('\\') {
            self.escape()?
        } else {
            if self.quantifier()?.is_some() {
                return Err(SyntaxError::NothingToRepeat);
            }
            let Some(unit) = self.units.next() else {
                return Err(SyntaxError::NothingToRepeat);
            };
            (self.literal(unit), true)
        };
        Ok((term, Named::new()))
    }

    fn literal(&self, unit: u16) -> Node {
        let set = CharSet::single(unit);
        Node::Char(if self.flags.ignore_case {
            set.ignoring_case()
        } else {
            set
        })
    }

    fn escape(&mut self) -> Result<Term, SyntaxError> {
        for (letter, negated) in [('b', false), ('B', true)] {
            if self.units.take(letter) {
                return Ok((Node::WordBoundary { negated }, false));
            }
        }
        let ignore_case = self.flags.ignore_case;
        if self.names.any_named() && self.units.take('k') {
            let groups = self.names.referenced(&mut self.units)?;
            return Ok((
                Node::Backreference {
                    groups,
                    ignore_case,
                },
                true,
            ));
        }
        if let Some(group) = escape::backreference(&mut self.units, self.names.count()) {
            let groups = vec![group];
            return Ok((
                Node::Backreference {
                    groups,
                    ignore_case,
                },
                true,
            ));
        }
        let node = match escape::parse(&mut self.units, escape::Context::Atom)? {
            Escape::Unit(unit) => self.literal(unit),
            Escape::Set(set) => Node::Char(set),
        };
        Ok((node, true))
    }

    /// What follows a `(`, up to its `)`.
    fn group(&mut self) -> Result<(Term, Named), SyntaxError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(SyntaxError::TooDeep);
        }
        let flags = self.flags;
        let kind = groups::kind(&mut self.units, &mut self.flags)?;
        let index = self.next_group;
        if matches!(kind, groups::Kind::Capturing { .. }) {
            self.next_group += 1;
        }
        let (node, mut named) = self.disjunction()?;
        if !self.units.take(')') {
            return Err(SyntaxError::OpenGroup);
        }
        self.flags = flags;
        self.depth -= 1;
        let node = Box::new(node);
        let term = match kind {
            groups::Kind::Plain => (*node, true),
            groups::Kind::Capturing { named: has_name } => {
                if has_name {
                    if self.names.clashes(index, &named) {
                        return Err(SyntaxError::DuplicateName);
                    }
                    named.push(index);
                }
                (Node::Group { index, node }, true)
            }
            groups::Kind::Look { ahead, negated } => (
                Node::Look {
                    ahead,
                    negated,
                    node,
                },
                ahead,
            ),
        };
        Ok((term, named))
    }

    /// A quantifier, if one follows: its bounds, and whether it is greedy.
    fn quantifier(&mut self) -> Result<Option<(Bounds, bool)>, SyntaxError> {
        let (least, most) = if self.units.take('*') {
            (0, None)
        } else if self.units.take('+') {
            (1, None)
        } else if self.units.take('?') {
            (0, Some(1))
        } else if let Some(bounds) = self.units.attempt(braces) {
            bounds
        } else {
            return Ok(None);
        };
        if most.is_some_and(|most| most < least) {
            return Err(SyntaxError::Bounds);
        }
        Ok(Some(((least, most), !self.units.take('?'))))
    }
}

/// `{n}`, `{n,}` or `{n,m}`. Anything else that begins with `{` is literal text.
fn braces(units: &mut Units<'_>) -> Option<Bounds> {
    if !units.take('{') {
        return None;
    }
    let least = units.number()?;
    let most = if !units.take(',') {
        Some(least)
    } else if units.peek() == Some(u16::from(b'}')) {
        None
    } else {
        Some(units.number()?)
    };
    units.take('}').then_some((least, most))
}
