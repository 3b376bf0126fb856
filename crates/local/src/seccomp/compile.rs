//! From a profile to a filter: a binary search for the number of the call, and then its conditions.
//!
//! Calls with the same answer and neighbouring numbers are one run. The strict profile has about ninety, so a call
//! is found with seven comparisons.

use std::collections::{BTreeMap, BTreeSet};

use syscalls::{aarch64, x86_64};

use super::profile::{Action, Condition, Operator, Profile};

/// Most instructions of a filter. See `linux/bpf_common.h`.
const MAX_INSTRUCTIONS: usize = 4096;

/// Offsets in `struct seccomp_data`.
const NUMBER: u32 = 0;
const MACHINE: u32 = 4;
const ARGUMENTS: u32 = 16;

/// Numbers from here on are those of another interface of x86-64.
const X32: u32 = 0x4000_0000;

/// Codes of instructions. See `linux/bpf_common.h`.
const LOAD: u16 = 0x20;
const AND: u16 = 0x54;
const JUMP: u16 = 0x05;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_GREATER: u16 = 0x25;
const JUMP_GREATER_EQUAL: u16 = 0x35;
const RETURN: u16 = 0x06;

/// The answer to a call that is newer than the profile: that the kernel does not have it, so that programs try
/// an older one.
const UNKNOWN: u32 = 0x0005_0000 | 0x26;

/// A machine that filters are made for.
struct Machine {
    /// Its name in profiles.
    name: &'static str,
    /// Its number in linux/audit.h.
    audit: u32,
    number: fn(&str) -> Option<u32>,
}

#[cfg(target_arch = "x86_64")]
const THIS: Machine = X86_64;
#[cfg(target_arch = "aarch64")]
const THIS: Machine = AARCH64;

#[cfg_attr(not(any(test, target_arch = "x86_64")), expect(dead_code))]
const X86_64: Machine = Machine {
    name: "amd64",
    audit: 0xc000_003e,
    number: |name| Some(name.parse::<x86_64::Sysno>().ok()? as u32),
};

#[cfg_attr(not(any(test, target_arch = "aarch64")), expect(dead_code))]
const AARCH64: Machine = Machine {
    name: "arm64",
    audit: 0xc000_00b7,
    number: |name| Some(name.parse::<aarch64::Sysno>().ok()? as u32),
};

/// What happens to a call: the first alternative whose conditions all hold, or else the last value.
#[derive(Debug, Clone, PartialEq)]
struct Answer {
    alternatives: Vec<(Vec<Condition>, u32)>,
    otherwise: u32,
}

/// An instruction with labels in place of distances.
#[derive(Debug, Clone, Copy)]
struct Instruction {
    code: u16,
    then: u8,
    otherwise: u8,
    value: u32,
}

/// The filter of a profile for this machine.
pub(super) fn compile(profile: &Profile) -> Result<Vec<u8>, String> {
    compile_for(&THIS, profile)
}

fn compile_for(machine: &Machine, profile: &Profile) -> Result<Vec<u8>, String> {
    let default = profile.default_action.value(profile.default_errno_ret);
    let answers = answers(machine, profile, default)?;
    let newest = answers.keys().next_back().copied().unwrap_or_default();
    // Built from its end, because jumps go forward only.
    let mut program = Program::default();
    let beyond = if profile.default_action == Action::Errno {
        UNKNOWN
    } else {
        default
    };
    let runs = runs(&answers, default, newest, beyond);
    program.search(&runs)?;
    let mut all = vec![
        load(MACHINE),
        jump(JUMP_EQUAL, machine.audit, 1, 0),
        give_back(Action::KillThread.value(None)),
        load(NUMBER),
    ];
    if machine.audit == X86_64_AUDIT {
        all.push(jump(JUMP_GREATER_EQUAL, X32, 0, 1));
        all.push(give_back(Action::KillThread.value(None)));
    }
    all.extend(program.0.into_iter().rev());
    if all.len() > MAX_INSTRUCTIONS {
        return Err("it has too many rules".to_owned());
    }
    Ok(all.into_iter().flat_map(bytes).collect())
}

const X86_64_AUDIT: u32 = 0xc000_003e;

/// The answer to each call that the profile names.
fn answers(
    machine: &Machine,
    profile: &Profile,
    default: u32,
) -> Result<BTreeMap<u32, Answer>, String> {
    let mut answers: BTreeMap<u32, Answer> = BTreeMap::new();
    for rule in &profile.syscalls {
        if !rule.applies(machine.name)? {
            continue;
        }
        let value = rule.action.value(rule.errno_ret);
        let conditions = rule.args.clone().unwrap_or_default();
        if conditions.iter().any(|condition| condition.index > 5) {
            return Err("a call has six arguments: `index` is 0 to 5".to_owned());
        }
        // Names that this machine does not have are left out, as Docker does.
        for number in rule.all_names().filter_map(|name| (machine.number)(name)) {
            let answer = answers.entry(number).or_insert_with(|| Answer {
                alternatives: Vec::new(),
                otherwise: default,
            });
            if conditions.is_empty() {
                answer.otherwise = value;
            }
            let sets = alternatives(&conditions);
            answer
                .alternatives
                .extend(sets.map(|set| (set.to_vec(), value)));
        }
    }
    Ok(answers)
}

/// The sets of conditions of which one must hold. Conditions of different arguments must all hold. As soon as one
/// argument has several, each condition of the rule is enough, as runc has it.
fn alternatives(conditions: &[Condition]) -> impl Iterator<Item = &[Condition]> {
    let indexes: BTreeSet<_> = conditions.iter().map(|condition| condition.index).collect();
    let is_one_set = indexes.len() == conditions.len();
    conditions.chunks(if is_one_set {
        conditions.len().max(1)
    } else {
        1
    })
}

/// The answers by the first number that each is for.
fn runs(
    answers: &BTreeMap<u32, Answer>,
    default: u32,
    newest: u32,
    beyond: u32,
) -> Vec<(u32, Answer)> {
    let plain = |otherwise| Answer {
        alternatives: Vec::new(),
        otherwise,
    };
    let mut runs: Vec<(u32, Answer)> = Vec::new();
    for number in 0..=newest {
        let answer = answers.get(&number).cloned();
        let answer = answer.unwrap_or_else(|| plain(default));
        if runs.last().is_none_or(|(_, last)| *last != answer) {
            runs.push((number, answer));
        }
    }
    runs.push((newest + 1, plain(beyond)));
    runs
}

/// A part of a filter, its last instruction first.
#[derive(Default)]
struct Program(Vec<Instruction>);

impl Program {
    /// Adds the search for the number among these runs, before what is there.
    fn search(&mut self, runs: &[(u32, Answer)]) -> Result<(), String> {
        match runs {
            [] => Ok(()),
            [(_, answer)] => self.answer(answer),
            _ => {
                let (low, high) = runs.split_at(runs.len() / 2);
                self.search(high)?;
                let after_high = self.0.len();
                self.search(low)?;
                let distance = self.0.len() - after_high;
                // The search in the lower half follows; the upper one is behind it.
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
        // Over the long jump, when it does not hold.
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

    /// Goes on with the next instruction when a condition holds, and to the one at `end` otherwise.
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
        // To the next instruction after the condition, and to its failure, from the instruction at `at`.
        let holds = |at: usize| near(at - start);
        let fails = |at: usize| near(at - end);
        // The lower half decides when the upper ones are equal.
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
        // The upper half: equal goes on to the lower one.
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
fn near(distance: usize) -> Result<u8, String> {
    u8::try_from(distance).map_err(|_| "a rule has too many conditions".to_owned())
}

const fn load(offset: u32) -> Instruction {
    jump(LOAD, offset, 0, 0)
}

const fn and(mask: u32) -> Instruction {
    jump(AND, mask, 0, 0)
}

const fn give_back(value: u32) -> Instruction {
    jump(RETURN, value, 0, 0)
}

const fn jump(code: u16, value: u32, then: u8, otherwise: u8) -> Instruction {
    Instruction {
        code,
        then,
        otherwise,
        value,
    }
}

fn bytes(instruction: Instruction) -> impl Iterator<Item = u8> {
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
mod tests;
