//! Whose turn comes next: that of the caller who runs the fewest for its weight, in weighted round robin where several do, and in
//! order of arrival for each of them. A state machine without time and I/O.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::callers::Owner;

/// What one caller may take of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    /// Turns for each one of a caller of weight 1, while others wait.
    pub(crate) weight: u64,
    /// Turns at a time.
    pub(crate) limit: usize,
    /// Turns that it leaves free while it has one, those of `kept` among them.
    pub(crate) spared: usize,
    /// Turns that it leaves free while it has none: the operator's, who may have them already.
    pub(crate) kept: usize,
}

/// Callers that run and wait. `W` stands for one that waits.
pub(crate) struct Line<W> {
    free: usize,
    lanes: HashMap<Owner, Lane<W>>,
    /// Callers of whom somebody waits, in the order of their turns.
    ring: VecDeque<Owner>,
    last_ticket: u64,
}

struct Lane<W> {
    share: Share,
    running: usize,
    /// Turns that are left before the next caller's.
    credit: u64,
    waiting: BTreeMap<u64, W>,
}

impl<W> Lane<W> {
    /// Whether it may have one of the turns that are free. Once the operator has a turn, nothing is kept for it: an operator
    /// who always has calls waiting would take every turn that ends.
    fn may_begin(&self, free: usize, operator_runs: bool) -> bool {
        let left = if self.running == 0 {
            self.share.kept
        } else {
            self.share.spared
        };
        let taken = if operator_runs { self.share.kept } else { 0 };
        self.running < self.share.limit && free > left.saturating_sub(taken)
    }

    /// Whether it has fewer turns for its weight than `other`.
    fn has_fewer(&self, other: &Self) -> bool {
        let part = |one: &Self, of: &Self| one.running as u128 * u128::from(of.share.weight);
        part(self, other) < part(other, self)
    }
}

impl<W> Line<W> {
    /// A line with this many turns at a time.
    pub(crate) fn new(turns: usize) -> Self {
        Self {
            free: turns,
            lanes: HashMap::new(),
            ring: VecDeque::new(),
            last_ticket: 0,
        }
    }

    /// Turns that nobody has.
    pub(crate) fn free(&self) -> usize {
        self.free
    }

    /// Turns that somebody has.
    pub(crate) fn taken(&self) -> usize {
        self.lanes.values().map(|lane| lane.running).sum()
    }

    /// Turns that `owner` has.
    pub(crate) fn running(&self, owner: &Owner) -> usize {
        self.lanes.get(owner).map_or(0, |lane| lane.running)
    }

    /// Takes a turn if there is one that nobody waits for who could have it.
    pub(crate) fn try_begin(&mut self, owner: &Owner, share: Share) -> bool {
        if self.free == 0 || self.next_place().is_some() {
            return false;
        }
        let (free, operator_runs) = (self.free, self.operator_runs());
        let lane = self.lane(owner, share);
        if !lane.may_begin(free, operator_runs) {
            self.forget(owner);
            return false;
        }
        lane.running += 1;
        self.free -= 1;
        true
    }

    /// Begins to wait. Returns the ticket with which it ends.
    pub(crate) fn wait(&mut self, owner: &Owner, share: Share, waiter: W) -> u64 {
        self.last_ticket += 1;
        let ticket = self.last_ticket;
        let lane = self.lane(owner, share);
        let is_first = lane.waiting.is_empty();
        lane.waiting.insert(ticket, waiter);
        if is_first {
            lane.credit = share.weight;
            self.ring.push_back(owner.clone());
        }
        ticket
    }

    /// Ends waiting. Nothing happens when the turn has come.
    pub(crate) fn leave(&mut self, owner: &Owner, ticket: u64) {
        if let Some(lane) = self.lanes.get_mut(owner) {
            let left = lane.waiting.remove(&ticket);
            if left.is_some() && lane.waiting.is_empty() {
                self.ring.retain(|waiting| waiting != owner);
            }
            self.forget(owner);
        }
    }

    /// Ends a turn.
    pub(crate) fn end(&mut self, owner: &Owner) {
        if let Some(lane) = self.lanes.get_mut(owner) {
            lane.running -= 1;
            self.free += 1;
            self.forget(owner);
        }
    }

    /// Who has the next turn, which begins now; none when nobody can have one.
    pub(crate) fn next(&mut self) -> Option<(Owner, W)> {
        let place = self.next_place()?;
        let owner = self.ring.get(place)?.clone();
        let lane = self.lanes.get_mut(&owner)?;
        let (_, waiter) = lane.waiting.pop_first()?;
        lane.running += 1;
        self.free -= 1;
        lane.credit = lane.credit.saturating_sub(1);
        let is_over = lane.credit == 0;
        if is_over {
            lane.credit = lane.share.weight;
        }
        let waits = !lane.waiting.is_empty();
        if is_over || !waits {
            self.ring.remove(place);
        }
        if is_over && waits {
            self.ring.push_back(owner.clone());
        }
        Some((owner, waiter))
    }

    /// Where in the ring the next one is: the first of those who have the fewest turns for their weight.
    fn next_place(&self) -> Option<usize> {
        let operator_runs = self.operator_runs();
        let mut next: Option<(usize, &Lane<W>)> = None;
        for (place, owner) in self.ring.iter().enumerate() {
            let Some(lane) = self.lanes.get(owner) else {
                continue;
            };
            let may_begin = lane.may_begin(self.free, operator_runs);
            if may_begin && next.is_none_or(|(_, next)| lane.has_fewer(next)) {
                next = Some((place, lane));
            }
        }
        next.map(|(place, _)| place)
    }

    /// Whether the operator has a turn.
    fn operator_runs(&self) -> bool {
        self.running(&Owner::Operator) > 0
    }

    fn lane(&mut self, owner: &Owner, share: Share) -> &mut Lane<W> {
        let lane = self.lanes.entry(owner.clone()).or_insert_with(|| Lane {
            share,
            running: 0,
            credit: share.weight,
            waiting: BTreeMap::new(),
        });
        lane.share = share;
        lane
    }

    /// Forgets a caller who neither runs nor waits.
    fn forget(&mut self, owner: &Owner) {
        let unused = |lane: &Lane<W>| lane.running == 0 && lane.waiting.is_empty();
        if self.lanes.get(owner).is_some_and(unused) {
            self.lanes.remove(owner);
        }
    }
}

#[cfg(test)]
mod tests;
