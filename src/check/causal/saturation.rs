//! CM and PRAM: for each session the least order that its own reads force upon all writes. Next: `../sequential/mod.rs`.
//!
//! Fix a session and a base order: `co` for CM, session order for PRAM. Its own reads come in turn. A read `r` of `w`
//! finds the last write of the key before it, so every other write of the key that happens before `r` must happen before
//! `w`. These edges are added until nothing changes; the result is `hb`. It only grows along the session, so the fixpoint
//! is made once, for the last operation.
//!
//! **If it has no cycle**, and no write before a read of the initial value, there is an order. Let `D(i)` be all that
//! happens before the `i`-th operation of the session. Place what is in `D(1)` in an order that respects `hb`, then the
//! first operation, then what is in `D(2)` and not in `D(1)`, and so on. Let the `i`-th be a read of `w`. Every other
//! write of the key in `D(i)` happens before `w`, so if `w` is placed in this stretch, they are before it; and if `w` is
//! in an earlier `D(j)`, so are they all, since that is closed. So `w` is the last one. The order is made and replayed
//! before a pass is given.
//!
//! **How.** Clocks by chains as in `past.rs`. `hb` differs from the base only by what was added below some writes that
//! the session read; for these, and for its own operations, a clock is kept. Any other clock is closed by joining, for
//! each chain, that of the last such event which it holds. An operation without an answer that read (a compare-and-set)
//! is judged as the last one of a session of its own: those before it, and it.

use super::Found;
use super::arbitration;
use super::past::{Clock, NUMBERS_MAX, Pasts, Place, Written, holds, include, join};
use super::patterns::{self, Extra, Step, path};
use crate::check::execution::witness::Label;
use crate::check::execution::{Execution, INITIAL, NONE};

/// What is taken for granted before any read is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::check) enum Base {
    /// Session order and everybody's reads: CM.
    Causal,
    /// Session order: PRAM.
    Session,
}

/// Judges CM or PRAM, until there are more than `until` steps.
pub(in crate::check) fn judge(execution: &Execution, base: Base, steps: &mut u64, until: u64) -> Found {
    let order = match base {
        Base::Causal => match arbitration::judge(execution, steps) {
            (Found::Nothing, _) => Order::causal(execution, steps),
            (found, _) => return found,
        },
        Base::Session => match patterns::alone(execution) {
            None => Order::session(execution),
            Some(violation) => return Found::Violation(violation),
        },
    };
    let sessions = Sessions::new(execution);
    let all = sessions.units.len();
    for (done, unit) in sessions.units.iter().enumerate() {
        let how_far = || Found::Spent(format!("with {done} of {all} sessions judged"));
        let own = sessions.own(unit);
        if *steps > until || own.len().saturating_mul(2 * order.chains) > NUMBERS_MAX {
            return how_far();
        }
        match Unit::new(execution, &order, own).judge(steps, until) {
            Err(Stop::Spent) => return how_far(),
            Err(Stop::Found(found)) => return found,
            Ok(()) => {}
        }
    }
    Found::Nothing
}

/// Why the judging of a session ended before its time.
enum Stop {
    Spent,
    Found(Found),
}

/// The answered operations of every session, and the units that are judged: the sessions as far as their last read, and
/// those that end with an unanswered read.
struct Sessions {
    events: Vec<Vec<u32>>,
    /// The session, how many of its answered operations, and the unanswered one that comes after them.
    units: Vec<(u32, usize, Option<u32>)>,
}

impl Sessions {
    fn new(execution: &Execution) -> Sessions {
        let mut sessions = Sessions { events: vec![Vec::new(); execution.sessions], units: Vec::new() };
        for number in execution.numbers() {
            let event = execution.event(number);
            let events = &mut sessions.events[event.session as usize];
            if event.known {
                events.push(number);
            } else if event.reads() {
                sessions.units.push((event.session, events.len(), Some(number)));
            }
        }
        for (session, events) in sessions.events.iter().enumerate() {
            if let Some(last) = events.iter().rposition(|event| execution.event(*event).reads()) {
                sessions.units.push((session as u32, last + 1, None));
            }
        }
        sessions
    }

    fn own(&self, (session, count, last): &(u32, usize, Option<u32>)) -> Vec<u32> {
        self.events[*session as usize][..*count].iter().copied().chain(*last).collect()
    }
}

/// The base order, as clocks over chains.
struct Order {
    base: Base,
    places: Vec<Place>,
    chains: usize,
    pasts: Option<Pasts>,
    writes: Written,
    /// All writes of every chain, with their places.
    by_chain: Vec<Vec<(u32, u32)>>,
}

impl Order {
    fn causal(execution: &Execution, steps: &mut u64) -> Order {
        let pasts = Pasts::new(execution, &mut (), steps);
        let (places, chains) = (pasts.places.clone(), pasts.chains);
        Order::with(execution, Base::Causal, places, chains, Some(pasts))
    }

    fn session(execution: &Execution) -> Order {
        let mut counts = vec![0; execution.sessions];
        let mut places = Vec::with_capacity(execution.events.len());
        for event in &execution.events {
            let chain = if event.known { event.session } else { counts.len() as u32 };
            if !event.known {
                counts.push(0);
            }
            let count = &mut counts[chain as usize];
            *count += 1;
            places.push(Place { chain, place: *count });
        }
        Order::with(execution, Base::Session, places, counts.len(), None)
    }

    fn with(execution: &Execution, base: Base, places: Vec<Place>, chains: usize, pasts: Option<Pasts>) -> Order {
        let mut by_chain = vec![Vec::new(); chains];
        for number in execution.numbers().filter(|number| execution.event(*number).writes) {
            let Place { chain, place } = places[number as usize];
            by_chain[chain as usize].push((place, number));
        }
        let mut writes: Written = execution.keys.iter().map(|_| Vec::new()).collect();
        for (chain, list) in by_chain.iter_mut().enumerate() {
            list.sort_unstable();
            for (place, number) in list {
                let of_key = &mut writes[execution.event(*number).key as usize];
                match of_key.last_mut() {
                    Some((last, list)) if *last == chain as u32 => list.push((*place, *number)),
                    _ => of_key.push((chain as u32, vec![(*place, *number)])),
                }
            }
        }
        Order { base, places, chains, pasts, writes, by_chain }
    }

    /// Adds a write and what is before it in the base order.
    fn add(&self, execution: &Execution, clock: &mut Clock, write: u32) {
        self.add_before(execution, clock, write);
        include(clock, self.places[write as usize]);
    }

    /// Adds what is before a write in the base order.
    fn add_before(&self, execution: &Execution, clock: &mut Clock, write: u32) {
        match &self.pasts {
            Some(pasts) => join(clock, pasts.of(write)),
            None => {
                let before = execution.event(write).before;
                if before != NONE {
                    include(clock, self.places[before as usize]);
                }
            }
        }
    }
}

/// One session on the way to its fixpoint.
struct Unit<'a> {
    execution: &'a Execution<'a>,
    order: &'a Order,
    own: Vec<u32>,
    /// What happens before each of its own operations.
    clocks: Vec<Clock>,
    /// The writes that it read, in the order of events, and what happens before them.
    sources: Vec<(u32, Clock)>,
    /// By chain, in the order of places: the own operations (even) and sources (odd) whose clocks say more than the base.
    more: Vec<Vec<(u32, u32)>>,
    flagged: Vec<bool>,
    /// The chains that have any.
    with_more: Vec<u32>,
    /// What was added: a write, one that it must happen before, and the own read that demands it.
    added: Vec<(u32, u32, u32)>,
}

impl<'a> Unit<'a> {
    fn new(execution: &'a Execution<'a>, order: &'a Order, own: Vec<u32>) -> Unit<'a> {
        let mut sources: Vec<u32> = own.iter().filter_map(|event| execution.event(*event).source()).collect();
        sources.sort_unstable();
        sources.dedup();
        let clock = |source: &u32| {
            let mut clock = vec![0; order.chains];
            order.add_before(execution, &mut clock, *source);
            (*source, clock)
        };
        let sources: Vec<(u32, Clock)> = sources.iter().map(clock).collect();
        let mut unit = Unit {
            execution,
            order,
            clocks: vec![vec![0; order.chains]; own.len()],
            flagged: vec![false; own.len() * 2 + sources.len() * 2],
            own,
            sources,
            more: vec![Vec::new(); order.chains],
            with_more: Vec::new(),
            added: Vec::new(),
        };
        if order.base == Base::Session {
            // Its own reads say more than session order from the start.
            (0..unit.own.len() as u32).for_each(|at| unit.flag(at * 2));
        }
        unit
    }

    /// The event of a clock, by its mark in [`more`](Unit::more).
    fn marked(&self, which: u32) -> (u32, &Clock) {
        let at = which as usize / 2;
        match which & 1 {
            0 => (self.own[at], &self.clocks[at]),
            _ => (self.sources[at].0, &self.sources[at].1),
        }
    }

    /// Notes that a clock says more than the base.
    fn flag(&mut self, which: u32) {
        if std::mem::replace(&mut self.flagged[which as usize], true) {
            return;
        }
        let Place { chain, place } = self.order.places[self.marked(which).0 as usize];
        let list = &mut self.more[chain as usize];
        if list.is_empty() {
            self.with_more.push(chain);
        }
        let at = list.partition_point(|entry| *entry <= (place, which));
        list.insert(at, (place, which));
    }

    /// Closes a clock under what was added so far. Returns the steps.
    fn close(&self, clock: &mut Clock) -> u64 {
        let mut steps = 0;
        loop {
            let mut grown = false;
            for chain in &self.with_more {
                let list = &self.more[*chain as usize];
                let end = list.partition_point(|(place, _)| *place <= clock[*chain as usize]);
                steps += 1;
                // An own operation and a source may be one event: both are looked at.
                let Some((place, _)) = end.checked_sub(1).map(|last| list[last]) else { continue };
                for (_, which) in list[..end].iter().rev().take_while(|entry| entry.0 == place) {
                    let other = self.marked(*which).1;
                    let less = clock.iter().zip(other).any(|(mine, other)| mine < other);
                    steps += 1 + clock.len() as u64;
                    if less {
                        join(clock, other);
                        grown = true;
                    }
                }
            }
            if !grown {
                return steps;
            }
        }
    }

    fn judge(mut self, steps: &mut u64, until: u64) -> Result<(), Stop> {
        *steps += (self.clocks.len() + self.sources.len()) as u64 * self.order.chains as u64;
        loop {
            let before = self.added.len();
            if !self.round(steps, until)? && self.added.len() == before {
                break;
            }
        }
        self.replay(steps, until)
    }

    /// Goes through the session once. Returns whether any clock grew.
    fn round(&mut self, steps: &mut u64, until: u64) -> Result<bool, Stop> {
        let mut grown = false;
        let mut clock: Clock = vec![0; self.order.chains];
        for at in 0..self.own.len() {
            let number = self.own[at];
            let event = *self.execution.event(number);
            if event.writes && self.order.base == Base::Causal {
                self.order.add_before(self.execution, &mut clock, number);
            }
            if let Ok(place) = self.sources.binary_search_by_key(&number, |source| source.0) {
                join(&mut clock, &self.sources[place].1);
            }
            if let Some(source) = event.source() {
                self.order.add(self.execution, &mut clock, source);
                let place = self.source(source);
                join(&mut clock, &self.sources[place].1);
            }
            *steps += self.close(&mut clock) + clock.len() as u64;
            if *steps > until {
                return Err(Stop::Spent);
            }
            if holds(&clock, self.order.places[number as usize]) {
                return Err(self.cycle(number));
            }
            if self.clocks[at] != clock {
                self.clocks[at].clone_from(&clock);
                grown = true;
            }
            if event.reads() {
                self.read(at, &clock, steps)?;
            }
            include(&mut clock, self.order.places[number as usize]);
        }
        for place in 0..self.sources.len() {
            let (source, mut clock) = (self.sources[place].0, self.sources[place].1.clone());
            *steps += self.close(&mut clock);
            if clock != self.sources[place].1 {
                self.sources[place].1 = clock;
                self.flag(place as u32 * 2 + 1);
                grown = true;
            }
            if holds(&self.sources[place].1, self.order.places[source as usize]) {
                return Err(self.cycle(source));
            }
        }
        Ok(grown)
    }

    fn source(&self, event: u32) -> usize {
        self.sources.binary_search_by_key(&event, |source| source.0).expect("every source is there")
    }

    /// The other writes of the key that happen before a read must happen before what it saw.
    fn read(&mut self, at: usize, clock: &Clock, steps: &mut u64) -> Result<(), Stop> {
        let number = self.own[at];
        let event = *self.execution.event(number);
        let order = self.order;
        for (chain, writes) in &order.writes[event.key as usize] {
            *steps += 1;
            let end = writes.partition_point(|(place, _)| *place <= clock[*chain as usize]);
            let Some((_, write)) = end.checked_sub(1).map(|last| writes[last]) else { continue };
            if event.sees == INITIAL {
                return Err(self.initial(write, number));
            }
            let Some(source) = event.source().filter(|source| *source != write) else { continue };
            let place = self.source(source);
            if !holds(&self.sources[place].1, order.places[write as usize]) {
                let mut before = std::mem::take(&mut self.sources[place].1);
                order.add(self.execution, &mut before, write);
                self.sources[place].1 = before;
                self.flag(place as u32 * 2 + 1);
                self.added.push((write, source, number));
            }
        }
        Ok(())
    }

    fn cycle(&self, event: u32) -> Stop {
        let known = Known { unit: self, before: self.added.len() };
        let steps = path(self.execution, event, event, &known).unwrap_or_default();
        let others = self.support(&steps);
        Stop::Found(Found::Violation(patterns::happens_before(self.execution, false, &steps, &others)))
    }

    fn initial(&self, write: u32, read: u32) -> Stop {
        let known = Known { unit: self, before: self.added.len() };
        let steps = path(self.execution, write, read, &known).unwrap_or_default();
        let mut others = self.support(&steps);
        others.push(read);
        Stop::Found(Found::Violation(patterns::happens_before(self.execution, true, &steps, &others)))
    }

    /// Everything that the added edges of a path rest on.
    fn support(&self, steps: &[Step]) -> Vec<u32> {
        let mut others = Vec::new();
        let mut explained = vec![false; self.added.len()];
        let mut open = self.added_in(steps, self.added.len());
        while let Some(which) = open.pop() {
            if std::mem::replace(&mut explained[which], true) {
                continue;
            }
            let (write, source, read) = self.added[which];
            let known = Known { unit: self, before: which };
            let steps = path(self.execution, write, read, &known).unwrap_or_default();
            others.extend(steps.iter().flat_map(|step| [step.0, step.1]).chain([source, read]));
            open.extend(self.added_in(&steps, which));
        }
        others
    }

    fn added_in(&self, steps: &[Step], before: usize) -> Vec<usize> {
        let conflicts = steps.iter().filter(|step| matches!(step.2, Label::Conflict(_)));
        let find = |step: &Step| self.added[..before].iter().position(|added| (added.0, added.1) == (step.0, step.1));
        conflicts.filter_map(find).collect()
    }

    /// Makes the order of this session and plays it.
    fn replay(&self, steps: &mut u64, until: u64) -> Result<(), Stop> {
        let broken = |why: String| Stop::Found(Found::Broken(why));
        let Unit { execution, order, .. } = self;
        let mut state: Vec<u32> = vec![INITIAL; execution.keys.len()];
        // By chain, how many of its writes are placed.
        let mut placed = vec![0_usize; order.chains];
        for (at, number) in self.own.iter().copied().enumerate() {
            for (write, base) in self.stretch(at, &placed, steps, until)? {
                self.put(write, &base, &mut placed, &mut state).map_err(broken)?;
            }
            let event = execution.event(number);
            if event.reads() && state[event.key as usize] != event.sees {
                return Err(broken(format!("operation {} does not find what it saw", event.row.0)));
            }
            if event.writes {
                let mut base = vec![0; order.chains];
                order.add_before(execution, &mut base, number);
                self.put(number, &base, &mut placed, &mut state).map_err(broken)?;
            }
        }
        Ok(())
    }

    /// The writes of others that come just before an own operation, in an order that respects what happens before each;
    /// with what is before it in the base order.
    fn stretch(&self, at: usize, placed: &[usize], steps: &mut u64, until: u64) -> Result<Vec<(u32, Clock)>, Stop> {
        let Unit { execution, order, .. } = self;
        let mut stretch: Vec<(u64, u32, Clock)> = Vec::new();
        *steps += order.chains as u64;
        for (chain, writes) in order.by_chain.iter().enumerate() {
            let new = &writes[placed[chain].min(writes.len())..];
            let new = &new[..new.partition_point(|(place, _)| *place <= self.clocks[at][chain])];
            for (_, write) in new.iter().filter(|entry| self.own.binary_search(&entry.1).is_err()) {
                let mut base = vec![0; order.chains];
                order.add_before(execution, &mut base, *write);
                let mut before = base.clone();
                if let Ok(source) = self.sources.binary_search_by_key(write, |source| source.0) {
                    join(&mut before, &self.sources[source].1);
                }
                *steps += self.close(&mut before);
                if *steps > until {
                    return Err(Stop::Spent);
                }
                // Whatever happens before a write has less before it.
                stretch.push((before.iter().map(|count| u64::from(*count)).sum(), *write, base));
            }
        }
        stretch.sort_unstable();
        Ok(stretch.into_iter().map(|(_, write, base)| (write, base)).collect())
    }

    /// Places a write after all writes that are before it in the base order.
    fn put(&self, write: u32, base: &Clock, placed: &mut [usize], state: &mut [u32]) -> Result<(), String> {
        let event = self.execution.event(write);
        let wrong = |what: &str| Err(format!("operation {} {what}", event.row.0));
        for (chain, count) in base.iter().enumerate() {
            let next = self.order.by_chain[chain].get(placed[chain]);
            if next.is_some_and(|(place, other)| place <= count && *other != write) {
                return wrong("comes before its past");
            }
        }
        let chain = self.order.places[write as usize].chain as usize;
        if self.order.by_chain[chain].get(placed[chain]).map(|next| next.1) != Some(write) {
            return wrong("is out of its turn");
        }
        placed[chain] += 1;
        state[event.key as usize] = write;
        Ok(())
    }
}

/// The order as it was when so many edges had been added.
struct Known<'a> {
    unit: &'a Unit<'a>,
    before: usize,
}

impl Extra for Known<'_> {
    fn sees(&self, event: u32) -> bool {
        self.unit.order.base == Base::Causal || self.unit.own.binary_search(&event).is_ok()
    }

    fn before(&self, event: u32) -> Vec<(u32, Label)> {
        let row = |read: u32| self.unit.execution.event(read).row;
        let added = self.unit.added[..self.before].iter().filter(|added| added.1 == event);
        added.map(|(write, _, read)| (*write, Label::Conflict(row(*read)))).collect()
    }
}
