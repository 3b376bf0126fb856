//! From a profile to a filter: a binary search for the number of the call, and then its conditions.
//!
//! Calls with the same answer and neighbouring numbers are one run. The strict profile has about ninety, so a call
//! is found with seven comparisons.

use std::collections::{BTreeMap, BTreeSet};

use syscalls::{aarch64, x86_64};

use super::{
    profile::{Action, Condition, Profile},
    program::{
        Answer, JUMP_EQUAL, JUMP_GREATER_EQUAL, MACHINE, NUMBER, Program, bytes, give_back, jump,
        load,
    },
};

/// Most instructions of a filter. See `linux/bpf_common.h`.
const MAX_INSTRUCTIONS: usize = 4096;

/// Numbers from here on are those of another interface of x86-64.
const X32: u32 = 0x4000_0000;

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
    all.extend(program.into_instructions());
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

#[cfg(test)]
mod tests;
