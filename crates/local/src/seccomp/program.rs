//! The instructions of a filter: the search for the number of a call, and the comparisons of its arguments.

use super::profile::{Condition, Operator};

/// Offsets in `struct seccomp_data`.
pub(super) const NUMBER: u32 = 0;
pub(super) const MACHINE: u32 = 4;
const ARGUMENTS: u32 = 16;

/// Codes of instructions. See `linux/bpf_common.h`.
pub(super) const LOAD: u16 = 0x20;
pub(super) const AND: u16 = 0x54;
pub(super) const JUMP: u16 = 0x05;
pub(super) const JUMP_EQUAL: u16 = 0x15;
pub(super) const JUMP_GREATER: u16 = 0x25;
pub(super) const JUMP_GREATER_EQUAL: u16 = 0x35;
pub(super) const RETURN: u16 = 0x06;

/// What happens to a call: the first alternative whose conditions all hold, or else the last value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub(super) alternatives: Vec<(Vec<Condition>, u32)>,
    pub(super) otherwise: u32,
}

/// An instruction with labels in place of distances.
#[derive(Debug, Clone, Copy)]
pub(super) struct Instruction {
    code: u16,
    then: u8,
    otherwise: u8,
    value: u32,
}

/// A filter, or the end of one. It is put together from its last instruction to its first, so that each jump knows the
/// distance to its target.
#[derive(Default)]
pub(super) struct Program(Vec<Instruction>);

impl Program {
    /// Its instructions in their order.
    pub(super) fn into_instructions(self) -> impl Iterator<Item = Instruction> {
        self.0.into_iter().rev()
    }

    /// Puts the search for the number of a call in front of what is there. `runs` are sorted by their first numbers.
    pub(super) fn search(&mut self, runs: &[(u32, Answer)]) -> Result<(), String> {
        match runs {
            [] => Ok(()),
            [(_, answer)] => self.answer(answer),
            _ => {
                let (low, high) = runs.split_at(runs.len() / 2);
                self.search(high)?;
                let after_high = self.0.len();
                self.search(low)?;
                let distance = self.0.len() - after_high;
                // The search in the lower half comes next, and that in the upper half behind it.
                self.branch(JUMP_GREATER_EQUAL, high[0].0, distance);
                Ok(())
            }
        }
    }

    /// Jumps `distance` ahead when the comparison holds.
    fn branch(&mut self, code: u16, value: u32, distance: usize) {
        if let Ok(short) = u8::try_from(distance) {
            self.0.push(jump(code, value, short, 0));
            return;
        }
        let far = u32::try_from(distance).unwrap_or(u32::MAX);
        self.0.push(Instruction {
            code: JUMP,
            then: 0,
            otherwise: 0,
            value: far,
        });
        // Where the comparison does not hold, this passes over the long jump.
        self.0.push(jump(code, value, 0, 1));
    }

    fn answer(&mut self, answer: &Answer) -> Result<(), String> {
        self.0.push(give_back(answer.otherwise));
        for (conditions, value) in answer.alternatives.iter().rev() {
            let end = self.0.len();
            self.0.push(give_back(*value));
            for condition in conditions.iter().rev() {
                self.condition(condition, end)?;
            }
        }
        Ok(())
    }

    /// Goes on behind the condition when it holds, and at `end` otherwise.
    fn condition(&mut self, condition: &Condition, end: usize) -> Result<(), String> {
        let Condition {
            index,
            value,
            value_two,
            op,
        } = *condition;
        let start = self.0.len();
        let low = ARGUMENTS + index * 8;
        let high = low + 4;
        let (mask, wanted) = if op == Operator::MaskedEqual {
            (value, value_two & value)
        } else {
            (u64::MAX, value)
        };
        let halves = |bits: u64| ((bits >> 32) as u32, (bits & 0xffff_ffff) as u32);
        let ((mask_high, mask_low), (high_value, low_value)) = (halves(mask), halves(wanted));
        // How far these two are from the instruction at `at`.
        let holds = |at: usize| near(at - start);
        let fails = |at: usize| near(at - end);
        // The lower half of the argument decides where the upper halves are equal.
        let at = start;
        let (code, negated) = match op {
            Operator::Equal | Operator::MaskedEqual => (JUMP_EQUAL, false),
            Operator::NotEqual => (JUMP_EQUAL, true),
            Operator::Greater => (JUMP_GREATER, false),
            Operator::LessOrEqual => (JUMP_GREATER, true),
            Operator::GreaterOrEqual => (JUMP_GREATER_EQUAL, false),
            Operator::Less => (JUMP_GREATER_EQUAL, true),
        };
        self.0.push(if negated {
            jump(code, low_value, fails(at)?, holds(at)?)
        } else {
            jump(code, low_value, holds(at)?, fails(at)?)
        });
        if mask_low != u32::MAX {
            self.0.push(and(mask_low));
        }
        self.0.push(load(low));
        let low_half = self.0.len();
        let to_low = |at: usize| near(at - low_half);
        let at = self.0.len();
        // The upper half. Where both are equal, the lower half follows.
        match op {
            Operator::Equal | Operator::MaskedEqual => {
                self.0
                    .push(jump(JUMP_EQUAL, high_value, to_low(at)?, fails(at)?));
            }
            Operator::NotEqual => {
                self.0
                    .push(jump(JUMP_EQUAL, high_value, to_low(at)?, holds(at)?));
            }
            Operator::Greater | Operator::GreaterOrEqual => {
                self.0
                    .push(jump(JUMP_EQUAL, high_value, to_low(at)?, fails(at)?));
                let at = self.0.len();
                self.0.push(jump(JUMP_GREATER, high_value, holds(at)?, 0));
            }
            Operator::Less | Operator::LessOrEqual => {
                self.0
                    .push(jump(JUMP_EQUAL, high_value, to_low(at)?, holds(at)?));
                let at = self.0.len();
                self.0.push(jump(JUMP_GREATER, high_value, fails(at)?, 0));
            }
        }
        if mask_high != u32::MAX {
            self.0.push(and(mask_high));
        }
        self.0.push(load(high));
        // The number of the call is not needed any more: an answer follows.
        Ok(())
    }
}

/// A distance that a jump can go. The conditions of one alternative are at most six, with eight instructions each.
pub(super) fn near(distance: usize) -> Result<u8, String> {
    u8::try_from(distance).map_err(|_| "a rule has too many conditions".to_owned())
}

pub(super) const fn load(offset: u32) -> Instruction {
    jump(LOAD, offset, 0, 0)
}

const fn and(mask: u32) -> Instruction {
    jump(AND, mask, 0, 0)
}

pub(super) const fn give_back(value: u32) -> Instruction {
    jump(RETURN, value, 0, 0)
}

pub(super) const fn jump(code: u16, value: u32, then: u8, otherwise: u8) -> Instruction {
    Instruction {
        code,
        then,
        otherwise,
        value,
    }
}

pub(super) fn bytes(instruction: Instruction) -> impl Iterator<Item = u8> {
    let Instruction {
        code,
        then,
        otherwise,
        value,
    } = instruction;
    let [a, b] = code.to_ne_bytes();
    [a, b, then, otherwise]
        .into_iter()
        .chain(value.to_ne_bytes())
}

#[cfg(test)]
mod tests {
    use super::near;

    #[test]
    fn a_distance_that_a_jump_cannot_go_is_an_error() {
        assert_eq!(near(255), Ok(255));
        assert!(near(256).is_err());
    }
}
