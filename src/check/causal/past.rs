//! The causal past of every write, as a vector clock. Next: `arbitration.rs`.
//!
//! The answered operations of a session are a chain: of a chain, any past holds a prefix, so one number tells it. An
//! operation without an answer is before nothing in its session, so it is on no such chain. It joins the first chain of
//! others like it whose last one is in its past, or begins one: then a past that holds it holds that one too, and the
//! rule stands. There are as many of these chains as there are unanswered writes that were seen and that nobody ordered.

use std::collections::BTreeMap;

use crate::check::execution::{Event, Execution, NONE};

/// A clock: for each chain how many of its events are in the past. Chains after its end have none there.
pub(in crate::check) type Clock = Vec<u32>;

/// By key, for each chain that writes it: the chain, and its writes as `(place, number)`, by place.
pub(in crate::check) type Written = Vec<Vec<(u32, Vec<(u32, u32)>)>>;

/// Where an event is on its chain; places count from 1.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::check) struct Place {
    pub chain: u32,
    pub place: u32,
}

/// How many numbers the clocks of one judgement may hold together: a gibibyte of them.
pub(in crate::check) const NUMBERS_MAX: usize = 1 << 28;

/// The pasts of all writes, and the order in which the events were met: every event after its past.
pub(in crate::check) struct Pasts {
    pub places: Vec<Place>,
    /// A topological order of `co`; shorter than the events where `co` has a cycle, or the memory was spent.
    pub order: Vec<u32>,
    /// Whether there were too many chains for the memory allowed: the rest was not met.
    pub spent: bool,
    /// Where the clock of each write is in `clocks`, and how long it is.
    rows: Vec<(usize, u32)>,
    clocks: Vec<u32>,
    pub chains: usize,
}

/// Told each event with its past, in an order in which every event comes after its past.
pub(in crate::check) trait Visit {
    fn visit(&mut self, number: u32, event: &Event, past: &[u32], pasts: &Pasts);
}

impl Visit for () {
    fn visit(&mut self, _: u32, _: &Event, _: &[u32], _: &Pasts) {}
}

/// Whether the event at this place is in the past that the clock tells.
pub(in crate::check) fn holds(clock: &[u32], at: Place) -> bool {
    clock.get(at.chain as usize).is_some_and(|count| *count >= at.place)
}

/// Adds to a clock what another holds.
pub(in crate::check) fn join(clock: &mut Clock, other: &[u32]) {
    if clock.len() < other.len() {
        clock.resize(other.len(), 0);
    }
    for (mine, other) in clock.iter_mut().zip(other) {
        *mine = (*mine).max(*other);
    }
}

/// Adds an event itself.
pub(in crate::check) fn include(clock: &mut Clock, at: Place) {
    if clock.len() <= at.chain as usize {
        clock.resize(at.chain as usize + 1, 0);
    }
    let count = &mut clock[at.chain as usize];
    *count = (*count).max(at.place);
}

impl Pasts {
    /// The strict past of a write that was met.
    pub fn of(&self, write: u32) -> &[u32] {
        let (at, len) = self.rows[write as usize];
        &self.clocks[at..at + len as usize]
    }

    /// Whether the first event, which writes or not, is in the strict past of the second, a write.
    pub fn precedes(&self, first: u32, write: u32) -> bool {
        holds(self.of(write), self.places[first as usize])
    }

    /// The past of whatever comes after this event in its session, with this event. Goes back to a write, whose clock is
    /// kept.
    fn after(&self, execution: &Execution, last: u32) -> Clock {
        let mut past = vec![0; execution.sessions];
        let mut at = last;
        while at != NONE {
            let event = execution.event(at);
            include(&mut past, self.places[at as usize]);
            if event.writes {
                join(&mut past, self.of(at));
                break;
            }
            if let Some(source) = event.source() {
                join(&mut past, self.of(source));
                include(&mut past, self.places[source as usize]);
            }
            at = event.before;
        }
        past
    }

    /// The strict past of any event that was met.
    pub fn past(&self, execution: &Execution, number: u32) -> Clock {
        let event = execution.event(number);
        let mut past = self.after(execution, event.before);
        if let Some(source) = event.source() {
            join(&mut past, self.of(source));
            include(&mut past, self.places[source as usize]);
        }
        past
    }

    /// Meets every event, those of each session in turn, as soon as what it sees has been met. `O(n k)`.
    pub fn new(execution: &Execution, visitor: &mut impl Visit, steps: &mut u64) -> Pasts {
        Pasts::within(execution, visitor, steps, NUMBERS_MAX)
    }

    /// The same, in clocks of at most so many numbers together.
    fn within(execution: &Execution, visitor: &mut impl Visit, steps: &mut u64, numbers_max: usize) -> Pasts {
        let n = execution.events.len();
        let mut walk = Walk {
            execution,
            pasts: Pasts {
                places: vec![Place::default(); n],
                order: Vec::with_capacity(n),
                spent: false,
                rows: vec![(0, 0); n],
                clocks: Vec::new(),
                chains: execution.sessions,
            },
            clocks: vec![vec![0; execution.sessions]; execution.sessions],
            last: vec![NONE; execution.sessions],
            met: vec![false; n],
            last_unanswered: Vec::new(),
            waiting: BTreeMap::new(),
        };
        for number in execution.numbers() {
            if walk.pasts.clocks.len() > numbers_max {
                walk.pasts.spent = true;
                break;
            }
            // An event that waits for what it sees, or for one before it, is met by whoever wakes it.
            let mut open = vec![number];
            while let Some(number) = open.pop() {
                if walk.met[number as usize] || !walk.ready(number) {
                    continue;
                }
                walk.meet(number, visitor, steps);
                walk.wake(number, &mut open);
            }
        }
        walk.pasts
    }
}

struct Walk<'a> {
    execution: &'a Execution<'a>,
    pasts: Pasts,
    /// The past of whatever comes next in each session, and the last event in it.
    clocks: Vec<Clock>,
    last: Vec<u32>,
    met: Vec<bool>,
    /// The last event of each chain of unanswered ones.
    last_unanswered: Vec<u32>,
    /// Who waits for an event: one that sees it; or an unanswered one that comes after it, with what was its past.
    waiting: BTreeMap<u32, Vec<u32>>,
}

impl Walk<'_> {
    /// Whether the event can be met now; if not, it waits for one that it needs.
    fn ready(&mut self, number: u32) -> bool {
        let event = self.execution.event(number);
        let needs = [event.before, event.source().unwrap_or(NONE)];
        let open = needs.into_iter().find(|need| *need != NONE && !self.met[*need as usize]);
        if let Some(need) = open {
            self.waiting.entry(need).or_default().push(number);
        }
        open.is_none()
    }

    fn wake(&mut self, number: u32, open: &mut Vec<u32>) {
        if !self.waiting.is_empty()
            && let Some(waiting) = self.waiting.remove(&number)
        {
            open.extend(waiting.into_iter().rev());
        }
    }

    fn meet(&mut self, number: u32, visitor: &mut impl Visit, steps: &mut u64) {
        let event = *self.execution.event(number);
        let session = event.session as usize;
        let mut past = if self.last[session] == event.before {
            if event.known { std::mem::take(&mut self.clocks[session]) } else { self.clocks[session].clone() }
        } else {
            self.pasts.after(self.execution, event.before)
        };
        if let Some(source) = event.source() {
            join(&mut past, self.pasts.of(source));
            include(&mut past, self.pasts.places[source as usize]);
        }
        *steps += past.len() as u64;
        self.met[number as usize] = true;
        self.pasts.order.push(number);
        self.pasts.places[number as usize] = self.place(number, &event, &past, steps);
        if event.writes {
            self.pasts.rows[number as usize] = (self.pasts.clocks.len(), past.len() as u32);
            self.pasts.clocks.extend_from_slice(&past);
        }
        visitor.visit(number, &event, &past, &self.pasts);
        if event.known {
            include(&mut past, self.pasts.places[number as usize]);
            self.clocks[session] = past;
            self.last[session] = number;
        }
    }

    fn place(&mut self, number: u32, event: &Event, past: &[u32], steps: &mut u64) -> Place {
        if event.known {
            let before = event.before;
            let place = if before == NONE { 1 } else { self.pasts.places[before as usize].place + 1 };
            return Place { chain: event.session, place };
        }
        let in_past = |last: &u32| holds(past, self.pasts.places[*last as usize]);
        *steps += self.last_unanswered.len() as u64;
        match self.last_unanswered.iter().position(in_past) {
            Some(chain) => {
                let last = std::mem::replace(&mut self.last_unanswered[chain], number);
                let Place { chain, place } = self.pasts.places[last as usize];
                Place { chain, place: place + 1 }
            }
            None => {
                self.last_unanswered.push(number);
                self.pasts.chains += 1;
                Place { chain: self.pasts.chains as u32 - 1, place: 1 }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::History;
    use crate::id::{ClientId, Key, NodeId, Value};
    use crate::op::{Op, Reply};
    use crate::time::Time;

    /// Client 0 writes four times and is answered; four more clients are not; client 9 reads all of these.
    fn seen_and_unanswered() -> History {
        let (mut history, at, key) = (History::new(), Time::from_nanos, Key(0));
        for value in 0..8 {
            let client = if value < 4 { 0 } else { value as u32 };
            let write = history.invoke(ClientId(client), Op::Write(key, Value(value)), at(value * 2));
            if value < 4 {
                history.complete(write, Reply::Written, NodeId(0), at(value * 2 + 1));
            }
        }
        for value in 0..8 {
            let read = history.invoke(ClientId(9), Op::Read(key), at(20 + value * 2));
            history.complete(read, Reply::Read(Some(Value(value))), NodeId(0), at(21 + value * 2));
        }
        history
    }

    #[test]
    fn a_clock_tells_a_prefix_of_every_chain() {
        let history = seen_and_unanswered();
        let execution = Execution::new(&history, None).ok().expect("every value is written once");
        let pasts = Pasts::new(&execution, &mut (), &mut 0);
        assert_eq!((pasts.order.len(), pasts.spent), (16, false));
        assert_eq!(pasts.chains, execution.sessions + 4, "nobody ordered the four that were not answered");
        assert!(pasts.precedes(0, 3) && !pasts.precedes(3, 0) && !pasts.precedes(4, 5));
        let last = pasts.past(&execution, 15);
        assert!((0..15).all(|event| holds(&last, pasts.places[event])), "the last read is after everything");
    }

    #[test]
    fn memory_is_spent_and_not_exceeded() {
        let history = seen_and_unanswered();
        let execution = Execution::new(&history, None).ok().expect("every value is written once");
        let pasts = Pasts::within(&execution, &mut (), &mut 0, 10);
        assert!(pasts.spent && pasts.order.len() < 16);
    }
}
