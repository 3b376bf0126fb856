//! Matches with lookaround and backreferences, by backtracking, for as long as a budget lasts.
//!
//! Without backreferences no state (instruction and position) is tried twice, so the time is bounded
//! by the product of both lengths for each lookaround. With them it can grow exponentially.

use super::budget::{MatchBudget, TimedOut};
use super::program::{Instruction, Program};
use super::text::{consume, is_boundary, same_text};

/// Most ways that are still to be tried. A match that would need more counts as timed out.
const MAX_PENDING: usize = 1 << 17;

/// What is done when an attempt has failed.
enum Pending {
    /// Makes another attempt.
    Way { instruction: usize, position: usize },
    /// Restores a slot.
    Slot { slot: usize, value: Option<usize> },
    /// Restores all slots.
    Slots(Vec<Option<usize>>),
    /// Restores a register.
    Register { register: usize, value: usize },
}

/// Where one instruction leads.
enum Step {
    On { instruction: usize, moved: usize },
    Failed,
    Accepted,
}

impl Step {
    fn on(instruction: usize, moved: usize) -> Self {
        Self::On { instruction, moved }
    }
}

/// One search in one text.
pub(super) struct Matcher<'a> {
    program: &'a Program,
    text: &'a [u8],
    budget: &'a mut MatchBudget,
    pending: Vec<Pending>,
    slots: Vec<Option<usize>>,
    registers: Vec<usize>,
    /// For each state the search that has tried it. Empty if the program has backreferences.
    tried: Vec<u32>,
    searches: u32,
    /// For each lookaround and position whether it holds, if that is known and cannot change.
    looks: Vec<Option<bool>>,
}

impl<'a> Matcher<'a> {
    pub(super) fn new(program: &'a Program, text: &'a [u8], budget: &'a mut MatchBudget) -> Self {
        let positions = text.len() + 1;
        let remembered = if program.has_backreferences {
            0
        } else {
            positions
        };
        Self {
            program,
            text,
            budget,
            pending: Vec::new(),
            slots: vec![None; 2 * program.groups],
            registers: vec![0; program.registers],
            tried: vec![0; program.instructions.len() * remembered],
            searches: 0,
            looks: vec![None; program.looks * remembered],
        }
    }

    /// Whether the program matches anywhere in the text.
    pub(super) fn run(mut self) -> Result<bool, TimedOut> {
        self.searches = 1;
        for start in 0..=self.text.len() {
            if self.search(0, start, 1)? {
                return Ok(true);
            }
            self.slots.fill(None);
        }
        Ok(false)
    }

    /// Whether an `Accept` can be reached. If so, slots are left as that attempt has written them.
    fn search(&mut self, start: usize, position: usize, search: u32) -> Result<bool, TimedOut> {
        let base = self.pending.len();
        self.try_later(start, position)?;
        while self.pending.len() > base {
            let found = match self.pending.pop() {
                Some(Pending::Way {
                    instruction,
                    position,
                }) => self.follow(instruction, position, search)?,
                Some(undo) => {
                    self.undo(undo);
                    false
                }
                None => false,
            };
            if found {
                self.pending.truncate(base);
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn undo(&mut self, pending: Pending) {
        match pending {
            Pending::Way { .. } => {}
            Pending::Slot { slot, value } => self.slots[slot] = value,
            Pending::Slots(values) => self.slots = values,
            Pending::Register { register, value } => self.registers[register] = value,
        }
    }

    fn try_later(&mut self, instruction: usize, position: usize) -> Result<(), TimedOut> {
        self.undo_later(Pending::Way {
            instruction,
            position,
        })
    }

    fn undo_later(&mut self, pending: Pending) -> Result<(), TimedOut> {
        if self.pending.len() >= MAX_PENDING {
            return Err(TimedOut);
        }
        self.pending.push(pending);
        Ok(())
    }

    /// Follows one attempt to its end: true at an `Accept`.
    fn follow(
        &mut self,
        mut at: usize,
        mut position: usize,
        search: u32,
    ) -> Result<bool, TimedOut> {
        loop {
            self.budget.step()?;
            if !self.is_new(at, position, search) {
                return Ok(false);
            }
            match self.step(at, position)? {
                Step::On { instruction, moved } => (at, position) = (instruction, moved),
                Step::Failed => return Ok(false),
                Step::Accepted => return Ok(true),
            }
        }
    }

    fn step(&mut self, at: usize, position: usize) -> Result<Step, TimedOut> {
        let program = self.program;
        let next = at + 1;
        let on_if = |holds: bool| {
            if holds {
                Step::on(next, position)
            } else {
                Step::Failed
            }
        };
        let moved =
            |moved: Option<usize>| moved.map_or(Step::Failed, |moved| Step::on(next, moved));
        Ok(match &program.instructions[at] {
            Instruction::Accept => Step::Accepted,
            Instruction::Char { set, forward } => {
                moved(consume(self.text, position, *set, *forward))
            }
            Instruction::Start => on_if(position == 0),
            Instruction::End => on_if(position == self.text.len()),
            Instruction::WordBoundary { negated } => {
                on_if(is_boundary(self.text, position) != *negated)
            }
            Instruction::Fork { first, second } => {
                self.try_later(*second, position)?;
                Step::on(*first, position)
            }
            Instruction::Jump(to) => Step::on(*to, position),
            Instruction::Save(slot) => {
                self.write_slot(*slot, Some(position))?;
                Step::on(next, position)
            }
            Instruction::Clear { first, end } => {
                for slot in 2 * first..2 * end {
                    self.write_slot(slot, None)?;
                }
                Step::on(next, position)
            }
            Instruction::Mark(register) => {
                let (register, value) = (*register, self.registers[*register]);
                self.undo_later(Pending::Register { register, value })?;
                self.registers[register] = position;
                Step::on(next, position)
            }
            // Without backreferences an iteration that consumes nothing changes nothing, and
            // whatever follows it has been tried already.
            Instruction::Progress(register) => {
                on_if(!program.has_backreferences || self.registers[*register] != position)
            }
            Instruction::Look {
                number,
                negated,
                end,
            } => {
                if self.looks_at(*number, next, position, *negated)? == *negated {
                    Step::Failed
                } else {
                    Step::on(*end, position)
                }
            }
            Instruction::Backreference {
                groups,
                ignore_case,
                forward,
            } => {
                let matched = groups
                    .iter()
                    .find_map(|&group| Some((self.slots[2 * group]?, self.slots[2 * group + 1]?)));
                let range = matched.unwrap_or((0, 0));
                moved(same_text(
                    self.text,
                    position,
                    range,
                    *ignore_case,
                    *forward,
                ))
            }
        })
    }

    /// Whether this search comes to the state for the first time, as far as that is remembered.
    fn is_new(&mut self, at: usize, position: usize, search: u32) -> bool {
        let index = at * (self.text.len() + 1) + position;
        match self.tried.get_mut(index) {
            Some(last) if *last == search => false,
            Some(last) => {
                *last = search;
                true
            }
            None => true,
        }
    }

    fn write_slot(&mut self, slot: usize, value: Option<usize>) -> Result<(), TimedOut> {
        // Nobody reads slots where there are no backreferences.
        if self.program.has_backreferences {
            let old = std::mem::replace(&mut self.slots[slot], value);
            self.undo_later(Pending::Slot { slot, value: old })?;
        }
        Ok(())
    }

    /// Whether the instructions at `body` lead to their `Accept`.
    fn looks_at(
        &mut self,
        number: usize,
        body: usize,
        position: usize,
        negated: bool,
    ) -> Result<bool, TimedOut> {
        let index = number * (self.text.len() + 1) + position;
        if let Some(Some(known)) = self.looks.get(index) {
            return Ok(*known);
        }
        let before = self.slots.clone();
        self.searches += 1;
        let found = self.search(body, position, self.searches)?;
        if found && negated {
            self.slots = before;
        } else if found && self.program.has_backreferences {
            self.undo_later(Pending::Slots(before))?;
        }
        if let Some(known) = self.looks.get_mut(index) {
            *known = Some(found);
        }
        Ok(found)
    }
}
