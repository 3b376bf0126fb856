//! A pattern as instructions for the [matcher](super::matcher).

use super::charset::CharSet;
use super::syntax::{Node, Repeat, Syntax, SyntaxError};

/// Most instructions of one pattern.
const MAX_INSTRUCTIONS: usize = 8192;

/// One step of a match. Numbers are positions in the program.
#[derive(Debug, Clone)]
pub(super) enum Instruction {
    /// Consumes a character of the set.
    Char {
        set: CharSet,
        forward: bool,
    },
    Start,
    End,
    WordBoundary {
        negated: bool,
    },
    /// Goes on at `first`, and at `second` if that leads nowhere.
    Fork {
        first: usize,
        second: usize,
    },
    Jump(usize),
    /// Writes the position to a slot. A group has two, for its start and its end.
    Save(usize),
    /// Forgets what these groups have matched.
    Clear {
        first: usize,
        end: usize,
    },
    /// Writes the position to a register.
    Mark(usize),
    /// Fails if the position is that of the register: an optional iteration that consumes nothing.
    Progress(usize),
    /// The lookaround's own instructions follow, up to their `Accept`. Goes on at `end`.
    Look {
        number: usize,
        negated: bool,
        end: usize,
    },
    Backreference {
        groups: Vec<usize>,
        ignore_case: bool,
        forward: bool,
    },
    Accept,
}

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) instructions: Vec<Instruction>,
    pub(super) groups: usize,
    pub(super) registers: usize,
    pub(super) looks: usize,
    /// Whether anything depends on what a group has matched.
    pub(super) has_backreferences: bool,
}

impl Program {
    /// Compiles `syntax`.
    pub(super) fn new(syntax: &Syntax) -> Result<Self, SyntaxError> {
        let mut program = Self {
            instructions: Vec::new(),
            groups: syntax.groups,
            registers: 0,
            looks: 0,
            has_backreferences: false,
        };
        program.add(&syntax.node, true)?;
        program.push(Instruction::Accept)?;
        Ok(program)
    }

    fn here(&self) -> usize {
        self.instructions.len()
    }

    fn push(&mut self, instruction: Instruction) -> Result<usize, SyntaxError> {
        if self.here() >= MAX_INSTRUCTIONS {
            return Err(SyntaxError::TooLarge);
        }
        self.instructions.push(instruction);
        Ok(self.here() - 1)
    }

    /// Adds `node`, which is matched from right to left unless `forward`.
    fn add(&mut self, node: &Node, forward: bool) -> Result<(), SyntaxError> {
        match node {
            Node::Char(set) => {
                let set = *set;
                self.push(Instruction::Char { set, forward })?;
            }
            Node::Start => {
                self.push(Instruction::Start)?;
            }
            Node::End => {
                self.push(Instruction::End)?;
            }
            Node::WordBoundary { negated } => {
                let negated = *negated;
                self.push(Instruction::WordBoundary { negated })?;
            }
            Node::Concat(nodes) if forward => {
                for node in nodes {
                    self.add(node, forward)?;
                }
            }
            Node::Concat(nodes) => {
                for node in nodes.iter().rev() {
                    self.add(node, forward)?;
                }
            }
            Node::Alternatives(nodes) => self.alternatives(nodes, forward)?,
            Node::Group { index, node } => {
                let (start, end) = (2 * index, 2 * index + 1);
                let (first, second) = if forward { (start, end) } else { (end, start) };
                self.push(Instruction::Save(first))?;
                self.add(node, forward)?;
                self.push(Instruction::Save(second))?;
            }
            Node::Repeat(repeat) => self.repeat(repeat, forward)?,
            Node::Look {
                ahead,
                negated,
                node,
            } => {
                let number = self.looks;
                self.looks += 1;
                let look = self.push(Instruction::Accept)?;
                self.add(node, *ahead)?;
                self.push(Instruction::Accept)?;
                self.instructions[look] = Instruction::Look {
                    number,
                    negated: *negated,
                    end: self.here(),
                };
            }
            Node::Backreference {
                groups,
                ignore_case,
            } => {
                self.has_backreferences = true;
                self.push(Instruction::Backreference {
                    groups: groups.clone(),
                    ignore_case: *ignore_case,
                    forward,
                })?;
            }
        }
        Ok(())
    }

    fn alternatives(&mut self, nodes: &[Node], forward: bool) -> Result<(), SyntaxError> {
        let Some((last, others)) = nodes.split_last() else {
            return Ok(());
        };
        let mut jumps = Vec::new();
        for node in others {
            let fork = self.push(Instruction::Accept)?;
            self.add(node, forward)?;
            jumps.push(self.push(Instruction::Accept)?);
            self.instructions[fork] = Instruction::Fork {
                first: fork + 1,
                second: self.here(),
            };
        }
        self.add(last, forward)?;
        for jump in jumps {
            self.instructions[jump] = Instruction::Jump(self.here());
        }
        Ok(())
    }

    fn repeat(&mut self, repeat: &Repeat, forward: bool) -> Result<(), SyntaxError> {
        for _ in 0..repeat.least {
            self.iteration(repeat, forward)?;
        }
        let Some(most) = repeat.most else {
            let fork = self.optional_iteration(repeat, forward)?;
            self.push(Instruction::Jump(fork))?;
            self.fork(fork, repeat.greedy);
            return Ok(());
        };
        let mut forks = Vec::new();
        for _ in repeat.least..most {
            forks.push(self.optional_iteration(repeat, forward)?);
        }
        for fork in forks {
            self.fork(fork, repeat.greedy);
        }
        Ok(())
    }

    fn iteration(&mut self, repeat: &Repeat, forward: bool) -> Result<(), SyntaxError> {
        let (first, end) = (repeat.groups.start, repeat.groups.end);
        if first < end {
            self.push(Instruction::Clear { first, end })?;
        }
        self.add(&repeat.node, forward)
    }

    /// Adds an iteration that must consume something. Returns where its fork has to be written.
    fn optional_iteration(&mut self, repeat: &Repeat, forward: bool) -> Result<usize, SyntaxError> {
        let fork = self.push(Instruction::Accept)?;
        let register = self.registers;
        self.registers += 1;
        self.push(Instruction::Mark(register))?;
        self.iteration(repeat, forward)?;
        self.push(Instruction::Progress(register))?;
        Ok(fork)
    }

    /// Writes the fork of an optional iteration, whose other branch leads here.
    fn fork(&mut self, at: usize, greedy: bool) {
        let (inside, outside) = (at + 1, self.here());
        self.instructions[at] = if greedy {
            Instruction::Fork {
                first: inside,
                second: outside,
            }
        } else {
            Instruction::Fork {
                first: outside,
                second: inside,
            }
        };
    }
}
