//! What sessions and reads force, whatever the order of the versions. Next: `search.rs`.
//!
//! Let `r` be a read of `w`, and `v` another write of the key. If `v` comes before `r`, it comes before `w`; if it comes
//! after `w`, it comes after `r`. Both are added until nothing changes. A read of the initial value comes before every
//! other write of its key. Where the result has a cycle there is no order; where it has none there may still be none.

use crate::check::causal::past::{Clock, NUMBERS_MAX, Place, holds, include, join};
use crate::check::execution::{Execution, INITIAL, NONE, Readers};

/// What must come before each event, as clocks: of each chain a prefix. A chain is the answered part of a session, or one
/// unanswered event.
pub(super) struct Saturated {
    pub clocks: Vec<Clock>,
    pub places: Vec<Place>,
    /// The events of every chain.
    pub chains: Vec<Vec<u32>>,
    /// For each key, for each chain, its writes.
    pub writes: Vec<Vec<(u32, Vec<u32>)>>,
}

/// What came of it.
pub(super) enum Saturation {
    Done(Saturated),
    /// Something must come before itself.
    Cycle,
    /// There were more steps than allowed, or too many numbers to keep.
    Spent,
}

/// Saturates, until there are more than `until` steps.
pub(super) fn saturate(execution: &Execution, steps: &mut u64, until: u64) -> Saturation {
    let mut chains: Vec<Vec<u32>> = vec![Vec::new(); execution.sessions];
    let mut places = Vec::with_capacity(execution.events.len());
    for number in execution.numbers() {
        let event = execution.event(number);
        let chain = if event.known { event.session as usize } else { chains.len() };
        if !event.known {
            chains.push(Vec::new());
        }
        chains[chain].push(number);
        places.push(Place { chain: chain as u32, place: chains[chain].len() as u32 });
    }
    if chains.len().saturating_mul(execution.events.len()) > NUMBERS_MAX {
        return Saturation::Spent;
    }
    let mut rounds = Rounds {
        execution,
        readers: execution.readers(),
        initial: vec![Vec::new(); execution.keys.len()],
        more: vec![Vec::new(); execution.events.len()],
        saturated: Saturated {
            clocks: vec![vec![0; chains.len()]; execution.events.len()],
            places,
            writes: writes(execution, &chains),
            chains,
        },
        steps: *steps,
    };
    for number in execution.numbers().filter(|number| execution.event(*number).sees == INITIAL) {
        rounds.initial[execution.event(number).key as usize].push(number);
    }
    let closed = rounds.run(until);
    *steps = rounds.steps;
    match closed {
        Some(true) => Saturation::Done(rounds.saturated),
        Some(false) => Saturation::Cycle,
        None => Saturation::Spent,
    }
}

/// For each key, for each chain, its writes.
fn writes(execution: &Execution, chains: &[Vec<u32>]) -> Vec<Vec<(u32, Vec<u32>)>> {
    let mut writes: Vec<Vec<(u32, Vec<u32>)>> = vec![Vec::new(); execution.keys.len()];
    for (chain, events) in chains.iter().enumerate() {
        for number in events.iter().filter(|number| execution.event(**number).writes) {
            let of_key = &mut writes[execution.event(*number).key as usize];
            match of_key.last_mut() {
                Some((last, list)) if *last == chain as u32 => list.push(*number),
                _ => of_key.push((chain as u32, vec![*number])),
            }
        }
    }
    writes
}

struct Rounds<'a> {
    execution: &'a Execution<'a>,
    readers: Readers,
    /// By key, the reads of the initial value.
    initial: Vec<Vec<u32>>,
    /// What was found to come before each event.
    more: Vec<Vec<u32>>,
    saturated: Saturated,
    steps: u64,
}

impl Rounds<'_> {
    /// Whether it ended without a cycle; nothing where the steps were spent.
    fn run(&mut self, until: u64) -> Option<bool> {
        loop {
            let mut grown = false;
            for number in self.execution.numbers() {
                if self.steps > until {
                    return None;
                }
                grown |= self.clock(number);
                if self.before(number, number) {
                    return Some(false);
                }
                let Some(more) = self.read(number) else { return Some(false) };
                grown |= more | self.write(number);
            }
            if !grown {
                return Some(true);
            }
        }
    }

    fn before(&self, first: u32, second: u32) -> bool {
        holds(&self.saturated.clocks[second as usize], self.saturated.places[first as usize])
    }

    /// Adds to the past of an event another, with its past. Returns whether that was more.
    fn add(&mut self, clock: &mut Clock, before: u32) -> bool {
        let other = &self.saturated.clocks[before as usize];
        let place = self.saturated.places[before as usize];
        self.steps += other.len() as u64;
        if holds(clock, place) && clock.iter().zip(other).all(|(mine, other)| mine >= other) {
            return false;
        }
        join(clock, other);
        include(clock, place);
        true
    }

    fn clock(&mut self, number: u32) -> bool {
        let event = *self.execution.event(number);
        let mut clock = std::mem::take(&mut self.saturated.clocks[number as usize]);
        let more = std::mem::take(&mut self.more[number as usize]);
        let mut grown = false;
        for before in [event.before, event.source().unwrap_or(NONE)].into_iter().chain(more.iter().copied()) {
            grown |= before != NONE && self.add(&mut clock, before);
        }
        self.saturated.clocks[number as usize] = clock;
        self.more[number as usize] = more;
        grown
    }

    /// Notes that one event must come before another, which was not known.
    fn note(&mut self, before: u32, number: u32) {
        self.more[number as usize].push(before);
        let mut clock = std::mem::take(&mut self.saturated.clocks[number as usize]);
        self.add(&mut clock, before);
        self.saturated.clocks[number as usize] = clock;
    }

    /// The last write of each chain to this key that comes before the event.
    fn last_writes(&mut self, number: u32) -> Vec<u32> {
        let clock = &self.saturated.clocks[number as usize];
        let of_key = &self.saturated.writes[self.execution.event(number).key as usize];
        self.steps += of_key.len() as u64;
        let last = |(chain, writes): &(u32, Vec<u32>)| {
            let count = clock[*chain as usize];
            let end = writes.partition_point(|write| self.saturated.places[*write as usize].place <= count);
            end.checked_sub(1).map(|last| writes[last])
        };
        of_key.iter().filter_map(last).collect()
    }

    /// What comes before a read comes before what it saw. Nothing where that is the initial value.
    fn read(&mut self, number: u32) -> Option<bool> {
        let event = *self.execution.event(number);
        if !event.reads() {
            return Some(false);
        }
        let mut grown = false;
        for write in self.last_writes(number) {
            let source = event.source()?;
            if write != source && !self.before(write, source) {
                self.note(write, source);
                grown = true;
            }
        }
        Some(grown)
    }

    /// What comes after a version comes after its reads.
    fn write(&mut self, number: u32) -> bool {
        if !self.execution.event(number).writes {
            return false;
        }
        let key = self.execution.event(number).key as usize;
        let older = self.last_writes(number);
        let reads = older.iter().flat_map(|write| self.readers.of(*write)).chain(&self.initial[key]).copied();
        let reads: Vec<u32> = reads.filter(|read| *read != number).collect();
        self.steps += reads.len() as u64;
        let mut grown = false;
        for read in reads {
            if !self.before(read, number) {
                self.note(read, number);
                grown = true;
            }
        }
        grown
    }
}
