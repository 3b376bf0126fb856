//! Whose turn comes next: weighted round robin between callers, in order of arrival for each of them. A state machine
//! without time and I/O.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::caller::Owner;

/// What one caller may take of a line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    /// Turns in a row while others wait.
    pub(crate) weight: u64,
    /// Turns at a time.
    pub(crate) limit: usize,
    /// Turns that it leaves to those who have none.
    pub(crate) spared: usize,
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
    /// Whether it may have one of the turns that are free.
    fn may_begin(&self, free: usize) -> bool {
        let Share { limit, spared, .. } = self.share;
        self.running < limit && (self.running == 0 || free > spared)
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

    /// Takes a turn if there is one. Nobody is overtaken: whoever could have it does not wait any more.
    pub(crate) fn try_begin(&mut self, owner: &Owner, share: Share) -> bool {
        if self.free == 0 {
            return false;
        }
        let free = self.free;
        let lane = self.lane(owner, share);
        if !lane.may_begin(free) {
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
        if is_first && !self.ring.contains(owner) {
            lane_credit(self.lanes.get_mut(owner));
            self.ring.push_back(owner.clone());
        }
        ticket
    }

    /// Ends waiting. Nothing happens when the turn has come.
    pub(crate) fn leave(&mut self, owner: &Owner, ticket: u64) {
        if let Some(lane) = self.lanes.get_mut(owner) {
            lane.waiting.remove(&ticket);
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
        let mut passed = 0;
        while self.free > 0 && passed < self.ring.len() {
            let owner = self.ring.front()?.clone();
            let lane = self.lanes.get_mut(&owner);
            let Some(lane) = lane.filter(|lane| !lane.waiting.is_empty()) else {
                self.ring.pop_front();
                continue;
            };
            if !lane.may_begin(self.free) {
                self.ring.rotate_left(1);
                passed += 1;
                continue;
            }
            let (_, waiter) = lane.waiting.pop_first()?;
            lane.running += 1;
            self.free -= 1;
            lane.credit = lane.credit.saturating_sub(1);
            if lane.waiting.is_empty() {
                self.ring.pop_front();
            } else if lane.credit == 0 {
                lane.credit = lane.share.weight;
                self.ring.rotate_left(1);
            }
            return Some((owner, waiter));
        }
        None
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
            self.ring.retain(|waiting| waiting != owner);
        }
    }
}

/// Whoever begins to wait has all turns of its weight.
fn lane_credit<W>(lane: Option<&mut Lane<W>>) {
    if let Some(lane) = lane {
        lane.credit = lane.share.weight;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(id: &str) -> Owner {
        Owner::Tenant(id.into())
    }

    fn share(weight: u64, limit: usize) -> Share {
        Share {
            weight,
            limit,
            spared: 0,
        }
    }

    #[test]
    fn two_that_spare_turns_cannot_take_all_of_them() {
        let sparing = Share {
            spared: 2,
            ..share(1, 9)
        };
        let [a, b, c] = ["a", "b", "c"].map(tenant);
        let mut line = Line::new(4);
        let begun = |line: &mut Line<u32>, owner: &Owner| {
            (0..4).filter(|_| line.try_begin(owner, sparing)).count()
        };
        assert_eq!(begun(&mut line, &a), 2);
        assert_eq!(begun(&mut line, &b), 1);
        line.wait(&a, sparing, 0);
        line.wait(&b, sparing, 0);
        assert!(line.next().is_none());
        assert!(line.try_begin(&c, sparing));
        line.end(&a);
        line.end(&b);
        // Neither may have a second one again, and whoever has none may.
        assert_eq!(line.next().map(|(owner, _)| owner), Some(b));
    }

    /// The ids of the next ones, each of whom ends at once.
    fn order(line: &mut Line<u32>, count: usize) -> String {
        (0..count)
            .map(|_| {
                let (owner, _) = line.next().unwrap();
                line.end(&owner);
                owner.to_string()
            })
            .collect()
    }

    #[test]
    fn a_thousand_that_wait_do_not_delay_the_first_of_another() {
        let (a, b) = (tenant("a"), tenant("b"));
        let mut line = Line::new(1);
        assert!(line.try_begin(&a, share(1, 9)));
        for call in 0..1000 {
            line.wait(&a, share(1, 9), call);
        }
        line.wait(&b, share(1, 9), 0);
        line.wait(&b, share(1, 9), 1);
        assert!(line.next().is_none(), "there is no turn");
        line.end(&a);
        assert_eq!(order(&mut line, 6), "ababaa");
    }

    #[test]
    fn each_has_turns_by_its_weight_and_in_order_of_arrival() {
        let (a, b) = (tenant("a"), tenant("b"));
        let mut line = Line::new(1);
        for call in 0..20 {
            line.wait(&a, share(3, 9), call);
            line.wait(&b, share(1, 9), call);
        }
        let mut calls = Vec::new();
        let mut owners = String::new();
        for _ in 0..12 {
            let (owner, call) = line.next().unwrap();
            line.end(&owner);
            owners += &owner.to_string();
            if owner == a {
                calls.push(call);
            }
        }
        assert_eq!(owners, "aaabaaabaaab");
        assert_eq!(calls, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn nobody_has_more_turns_than_its_limit_and_the_rest_is_for_others() {
        let (a, b) = (tenant("a"), tenant("b"));
        let mut line = Line::new(3);
        assert!(line.try_begin(&a, share(1, 1)));
        assert!(!line.try_begin(&a, share(1, 1)));
        line.wait(&a, share(1, 1), 0);
        assert!(line.next().is_none());
        assert!(line.try_begin(&b, share(1, 9)));
        line.wait(&b, share(1, 9), 0);
        assert_eq!(line.next().unwrap().0, b);
        assert_eq!((line.free(), line.running(&a)), (0, 1));
        line.end(&a);
        assert_eq!(line.next().unwrap().0, a);
    }

    #[test]
    fn whoever_leaves_has_no_turn_and_leaves_nothing_behind() {
        let (a, b) = (tenant("a"), tenant("b"));
        let mut line = Line::new(1);
        assert!(line.try_begin(&b, share(1, 9)));
        let ticket = line.wait(&a, share(1, 9), 0);
        line.wait(&b, share(1, 9), 1);
        line.leave(&a, ticket);
        line.leave(&a, ticket);
        line.end(&b);
        assert_eq!(line.next().unwrap(), (b.clone(), 1));
        line.end(&b);
        assert!(line.lanes.is_empty() && line.ring.is_empty());
        assert_eq!(line.free(), 1);
    }
}
