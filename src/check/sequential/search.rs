//! The search for an order, over frontiers. Next: `../session/mod.rs`.
//!
//! A frontier says of each chain how many of its events are placed. A write is placed only where every read of the version
//! that it replaces has been, so at most one version of a key that was placed has reads to come, and no other can matter:
//! what a frontier can still reach depends on nothing but the frontier. So each is visited once.
//!
//! Where there is nothing to choose, nothing is tried in turn. A read that finds what it saw is placed at once, since it
//! changes nothing. So is a write that can be placed, if an order of the rest that has it later can have it now as well:
//!
//! - Nobody reads it. What it replaces has no reads to come, and where it stood nothing misses it.
//! - It is a compare-and-set: what it saw is there now, and once replaced would not come back.
//! - All other writes of its key that are left come after it: then none is between here and there.

use std::collections::BTreeSet;

use super::saturation::Saturated;
use crate::check::causal::past::holds;
use crate::check::execution::{Execution, INITIAL};

pub(super) enum Outcome {
    Order(Vec<u32>),
    None,
    /// The steps were spent; so many operations were placed at most.
    Spent {
        placed: usize,
    },
}

struct Search<'a> {
    execution: &'a Execution<'a>,
    saturated: &'a Saturated,
    frontier: Vec<u32>,
    /// By key the last write.
    state: Vec<u32>,
    /// How many reads of each version are to come; by event, then by key for the initial ones.
    to_come: Vec<u32>,
    /// The events placed, with the write that was the last one on the key before.
    placed: Vec<(u32, u32)>,
    steps: u64,
}

/// What keeping a frontier costs in steps, beside its numbers.
const FRONTIER_STEPS: u64 = 16;

/// Searches in depth until there are more than `until` steps.
pub(super) fn search(execution: &Execution, saturated: &Saturated, steps: &mut u64, until: u64) -> Outcome {
    let mut search = Search {
        execution,
        saturated,
        frontier: vec![0; saturated.chains.len()],
        state: vec![INITIAL; execution.keys.len()],
        to_come: vec![0; execution.events.len() + execution.keys.len()],
        placed: Vec::new(),
        steps: *steps,
    };
    for event in execution.events.iter().filter(|event| event.reads()) {
        let version = search.version(event.sees, event.key);
        search.to_come[version] += 1;
    }
    let outcome = search.run(until);
    *steps = search.steps;
    outcome
}

impl Search<'_> {
    fn run(&mut self, until: u64) -> Outcome {
        let mut visited: BTreeSet<Box<[u32]>> = BTreeSet::new();
        // For each choice: how many events were placed, and which writes are still to try.
        let mut choices: Vec<(usize, Vec<u32>)> = Vec::new();
        let mut most = 0;
        loop {
            self.forced();
            most = most.max(self.placed.len());
            if self.placed.len() == self.execution.events.len() {
                return Outcome::Order(self.placed.iter().map(|(event, _)| *event).collect());
            }
            if self.steps > until {
                return Outcome::Spent { placed: most };
            }
            self.steps += self.frontier.len() as u64 + FRONTIER_STEPS;
            if visited.insert(self.frontier.clone().into_boxed_slice()) {
                let mut writes = self.writes();
                writes.reverse();
                choices.push((self.placed.len(), writes));
            }
            loop {
                let Some((count, writes)) = choices.last_mut() else { return Outcome::None };
                let count = *count;
                let write = writes.pop();
                self.back(count);
                match write {
                    Some(write) => break self.place(write),
                    None => drop(choices.pop()),
                }
            }
        }
    }

    fn version(&self, sees: u32, key: u32) -> usize {
        if sees == INITIAL { self.execution.events.len() + key as usize } else { sees as usize }
    }

    /// The next event of a chain, if its past is placed.
    fn next(&mut self, chain: usize) -> Option<u32> {
        let event = *self.saturated.chains[chain].get(self.frontier[chain] as usize)?;
        let before = &self.saturated.clocks[event as usize];
        self.steps += before.len() as u64;
        before.iter().zip(&self.frontier).all(|(before, placed)| before <= placed).then_some(event)
    }

    /// Places what can be placed without a choice, until there is nothing.
    fn forced(&mut self) {
        let (mut chain, mut idle) = (0, 0);
        while idle < self.frontier.len() {
            let next = self.next(chain);
            match next.filter(|number| self.is_forced(*number)) {
                // It may have been what others waited for.
                Some(event) => {
                    self.place(event);
                    idle = 0;
                }
                None => {
                    chain = (chain + 1) % self.frontier.len();
                    idle += 1;
                }
            }
        }
    }

    /// Whether an event, whose past is placed, can be placed now, and as well now as later.
    fn is_forced(&mut self, number: u32) -> bool {
        let event = *self.execution.event(number);
        if !event.writes {
            return self.state[event.key as usize] == event.sees;
        }
        if !self.can_be_written(number) {
            return false;
        }
        let is_unread = self.to_come[number as usize] == 0;
        is_unread || event.reads() || self.is_first_of_its_key(number)
    }

    /// Whether all other writes of the key that are left come after this one.
    fn is_first_of_its_key(&mut self, number: u32) -> bool {
        let Saturated { clocks, places, writes, .. } = self.saturated;
        let by_chain = &writes[self.execution.event(number).key as usize];
        self.steps += by_chain.len() as u64;
        by_chain.iter().all(|(chain, writes)| {
            let placed = self.frontier[*chain as usize];
            let left = writes.partition_point(|write| places[*write as usize].place <= placed);
            let next = writes.get(left).filter(|write| **write != number);
            next.is_none_or(|write| holds(&clocks[*write as usize], places[number as usize]))
        })
    }

    /// Whether nobody is still to read what a write replaces, but for itself if it saw that.
    fn can_be_written(&self, number: u32) -> bool {
        let event = self.execution.event(number);
        let state = self.state[event.key as usize];
        let to_come = self.to_come[self.version(state, event.key)];
        to_come == u32::from(event.reads()) && (!event.reads() || event.sees == state)
    }

    /// The writes that can be placed now, in the order of invocation.
    fn writes(&mut self) -> Vec<u32> {
        let mut writes: Vec<u32> = (0..self.frontier.len()).filter_map(|chain| self.next(chain)).collect();
        writes.retain(|number| self.execution.event(*number).writes && self.can_be_written(*number));
        writes.sort_unstable();
        writes
    }

    fn place(&mut self, number: u32) {
        let event = *self.execution.event(number);
        self.frontier[self.saturated.places[number as usize].chain as usize] += 1;
        self.placed.push((number, self.state[event.key as usize]));
        if event.reads() {
            let version = self.version(event.sees, event.key);
            self.to_come[version] -= 1;
        }
        if event.writes {
            self.state[event.key as usize] = number;
        }
    }

    /// Takes back all but the first so many.
    fn back(&mut self, count: usize) {
        while self.placed.len() > count {
            let Some((number, before)) = self.placed.pop() else { return };
            let event = *self.execution.event(number);
            self.frontier[self.saturated.places[number as usize].chain as usize] -= 1;
            if event.reads() {
                let version = self.version(event.sees, event.key);
                self.to_come[version] += 1;
            }
            self.state[event.key as usize] = before;
        }
    }
}
