//! A history in the normal form of the checkers that know sessions: [`Execution`].
//!
//! # Which operations are there
//!
//! As for linearizability: failed operations did nothing, and reads without an answer told nothing, so they are deleted.
//! A refused compare-and-set is a read of what it reports; one that took effect sees what it expected and writes, at
//! once. An unknown write or compare-and-set is kept iff its value is *needed*: seen by an acknowledged operation, or
//! expected by a compare-and-set that is kept, or the store has it among its versions. To drop one that nobody saw only
//! loosens every level: no read refers to it, and the order of what is left stays as it was.
//!
//! # Session order
//!
//! The operations of a client, in the order of invocation, are its session. An operation without an answer comes after
//! those before it, but *before nothing*: it may take effect at any later time (Jepsen gives the client a new process
//! for the same reason). So the session order never demands more than real time does, and linearizability implies every
//! level that is built on it, if each client begins an operation after the one before has ended.
//!
//! # A version order that proves nothing
//!
//! An order that cannot be that of the history is not used; one that has no place for some acknowledged write is, as far
//! as it goes. Either way a violation is one, but nothing that passes is certain: [`Execution::lacking`] says why.
//!
//! Next: `witness.rs`, what shows a violation.

pub(super) mod graph;
pub(super) mod witness;

use super::linearizable::words::tell;
use super::order::VersionOrder;
use super::{NOT_REGISTERS, Verdict};
use crate::history::{History, OpId, Operation, Outcome};
use crate::id::{ClientId, Key, Value};
use crate::op::{Op, Reply};

/// No event: it sees nothing, or nothing is before it.
pub(super) const NONE: u32 = u32::MAX;
/// Sees the initial value.
pub(super) const INITIAL: u32 = u32::MAX - 1;
/// Sees a value that nobody wrote.
pub(super) const THIN_AIR: u32 = u32::MAX - 2;

/// No place in the version order.
pub(super) const UNPLACED: u32 = u32::MAX;

/// An operation in normal form. Events are numbered in the order of invocation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    pub row: OpId,
    /// The dense number of the client.
    pub session: u32,
    /// The dense number of the key.
    pub key: u32,
    /// The event whose value it sees; or [`NONE`], [`INITIAL`], [`THIN_AIR`].
    pub sees: u32,
    /// The event just before it in session order, or [`NONE`].
    pub before: u32,
    pub writes: bool,
    /// Whether it was answered. If not, it is before nothing in session order.
    pub known: bool,
}

impl Event {
    /// Whether it sees a value.
    pub const fn reads(&self) -> bool {
        self.sees != NONE
    }

    /// The event that wrote what it sees, if any did.
    pub fn source(&self) -> Option<u32> {
        (self.sees < THIN_AIR).then_some(self.sees)
    }
}

/// A history in normal form.
pub(super) struct Execution<'a> {
    pub history: &'a History,
    pub events: Vec<Event>,
    pub sessions: usize,
    /// The keys, by dense number.
    pub keys: Vec<Key>,
    /// Compare-and-sets that were refused because of the very value that they expected.
    pub lies: Vec<u32>,
    /// For every event that writes its place in the version order, from 1; [`UNPLACED`] where it has none. Empty where
    /// there is no order.
    pub rank: Vec<u32>,
    /// Why the version order that was given proves nothing that passes by it, in words.
    pub lacking: Option<String>,
}

/// Why a history has no normal form, in words.
pub(super) struct Unfit(pub String);

fn seen(operation: &Operation) -> Option<Option<Value>> {
    match (operation.op, operation.reply) {
        (_, Some(Reply::Read(seen) | Reply::Mismatch(seen))) => Some(seen),
        (Op::CompareAndSet { expected, .. }, _) => Some(expected),
        _ => None,
    }
}

impl<'a> Execution<'a> {
    /// The normal form. `O(n log n)`.
    ///
    /// # Errors
    /// Where two operations may both have written a value of a key.
    pub fn new(history: &'a History, order: Option<&VersionOrder>) -> Result<Execution<'a>, Unfit> {
        if !history.is_of_registers() {
            return Err(Unfit(NOT_REGISTERS.to_string()));
        }
        let wrong = order.and_then(|order| order.validate(history).err());
        let order = order.filter(|_| wrong.is_none());
        let mut keys: Vec<Key> = history.iter().map(|operation| operation.op.key()).collect();
        keys.sort_unstable();
        keys.dedup();
        let mut clients: Vec<ClientId> = history.iter().map(|operation| operation.client).collect();
        clients.sort_unstable();
        clients.dedup();
        let place = |key: Key| keys.binary_search(&key).expect("every key is there") as u32;

        let mut execution = Execution {
            history,
            events: Vec::with_capacity(history.len()),
            sessions: clients.len(),
            keys: Vec::new(),
            lies: Vec::new(),
            rank: Vec::new(),
            lacking: wrong.map(|error| error.to_string()),
        };
        let mut written: Vec<(u32, Value, u32)> = Vec::with_capacity(history.len());
        let mut sights: Vec<Option<Value>> = Vec::with_capacity(history.len());
        for operation in history.iter() {
            if operation.outcome == Outcome::Fail || (operation.reply, operation.op.written()) == (None, None) {
                continue;
            }
            let event = execution.events.len() as u32;
            let key = place(operation.op.key());
            let mismatch = matches!(operation.reply, Some(Reply::Mismatch(_)));
            let writes = operation.op.kind().writes() && !mismatch;
            if let (true, Some(value)) = (writes, operation.op.written()) {
                written.push((key, value, event));
            }
            let sight = seen(&operation);
            if let (true, Op::CompareAndSet { expected, .. }) = (mismatch, operation.op)
                && sight == Some(expected)
            {
                execution.lies.push(event);
            }
            let session = clients.binary_search(&operation.client).expect("every client is there") as u32;
            let known = operation.outcome == Outcome::Ok;
            let sees = if sight.is_some() { INITIAL } else { NONE };
            execution.events.push(Event { row: operation.id, session, key, sees, before: NONE, writes, known });
            sights.push(sight.flatten());
        }
        execution.keys = keys;
        written.sort_unstable();
        if let Some(pair) = written.windows(2).find(|pair| (pair[0].0, pair[0].1) == (pair[1].0, pair[1].1)) {
            return Err(execution.duplicate(pair[0].2, pair[1].2));
        }
        execution.resolve(&written, &sights);
        execution.place(order, &written);
        execution.keep_needed();
        execution.link();
        Ok(execution)
    }

    fn duplicate(&self, one: u32, other: u32) -> Unfit {
        let [one, other] = [one, other].map(|event| tell(self.history, self.event(event).row));
        Unfit(format!("{one} and {other} may both have written this value, and a value must name its write here"))
    }

    /// Finds for every event that saw a value the event that wrote it.
    fn resolve(&mut self, written: &[(u32, Value, u32)], sights: &[Option<Value>]) {
        let mut ranges = vec![0; self.keys.len() + 1];
        for (key, ..) in written {
            ranges[*key as usize + 1] += 1;
        }
        for key in 0..self.keys.len() {
            ranges[key + 1] += ranges[key];
        }
        for (event, sight) in self.events.iter_mut().zip(sights) {
            let Some(value) = sight else { continue };
            let of_key = &written[ranges[event.key as usize]..ranges[event.key as usize + 1]];
            let found = of_key.binary_search_by_key(value, |entry| entry.1);
            event.sees = found.map_or(THIN_AIR, |place| of_key[place].2);
        }
    }

    /// Gives every write its place in the version order.
    fn place(&mut self, order: Option<&VersionOrder>, written: &[(u32, Value, u32)]) {
        let Some(order) = order else { return };
        self.rank = vec![UNPLACED; self.events.len()];
        for (key, values) in order.iter() {
            let Ok(key) = self.keys.binary_search(&key) else { continue };
            for (place, value) in values.iter().enumerate() {
                let found = written.binary_search_by_key(&(key as u32, *value), |entry| (entry.0, entry.1));
                if let Ok(found) = found {
                    self.rank[written[found].2 as usize] = place as u32 + 1;
                }
            }
        }
    }

    /// Drops what is unknown and not needed.
    fn keep_needed(&mut self) {
        if self.events.iter().all(|event| event.known) {
            return;
        }
        let placed = |event: usize| self.rank.get(event).is_some_and(|rank| *rank != UNPLACED);
        let mut kept: Vec<bool> = (0..self.events.len()).map(|e| self.events[e].known || placed(e)).collect();
        let mut open: Vec<u32> = (0..self.events.len() as u32).filter(|e| kept[*e as usize]).collect();
        while let Some(event) = open.pop() {
            if let Some(source) = self.events[event as usize].source()
                && !std::mem::replace(&mut kept[source as usize], true)
            {
                open.push(source);
            }
        }
        let mut number = vec![NONE; self.events.len()];
        let mut next = 0;
        for (event, kept) in kept.iter().enumerate() {
            if *kept {
                number[event] = next;
                next += 1;
            }
        }
        let mut keep = kept.iter();
        self.events.retain(|_| keep.next() == Some(&true));
        let mut keep = kept.iter();
        self.rank.retain(|_| keep.next() == Some(&true));
        for event in &mut self.events {
            if let Some(source) = event.source() {
                event.sees = number[source as usize];
            }
        }
        self.lies.iter_mut().for_each(|lie| *lie = number[*lie as usize]);
    }

    /// Links every event to the one before it, and looks for a write that has no place.
    fn link(&mut self) {
        let mut last = vec![NONE; self.sessions];
        for (number, event) in self.events.iter_mut().enumerate() {
            let last = &mut last[event.session as usize];
            event.before = *last;
            if event.known {
                *last = number as u32;
            }
        }
        let lacks = |event: &u32| self.event(*event).writes && self.rank[*event as usize] == UNPLACED;
        if let Some(event) = (0..self.rank.len() as u32).find(lacks) {
            let write = tell(self.history, self.event(event).row);
            self.lacking = Some(format!("the version order has no place for {write}"));
        }
    }

    /// A dense number for the session and key of every event, and how many there are.
    pub fn groups(&self) -> (Vec<u32>, usize) {
        let place = |event: &u32| (self.event(*event).key, self.event(*event).session);
        let mut sorted: Vec<u32> = self.numbers().collect();
        sorted.sort_by_key(place);
        let (mut group, mut of_event) = (0, vec![0; sorted.len()]);
        for at in 0..sorted.len() {
            if at > 0 && place(&sorted[at - 1]) != place(&sorted[at]) {
                group += 1;
            }
            of_event[sorted[at] as usize] = group;
        }
        (of_event, group as usize + 1)
    }

    /// Whether there is a version order that is used.
    pub fn is_ordered(&self) -> bool {
        !self.rank.is_empty()
    }

    /// The version order of a piece of the history, whose operations have their own numbers. `O(n log n)` in the piece.
    pub fn order_of(&self, piece: &History) -> Option<VersionOrder> {
        let place = |operation: Operation| {
            let event = self.number(operation.id)?;
            let rank = self.rank.get(event as usize).filter(|rank| **rank != UNPLACED)?;
            Some((operation.op.key(), *rank, operation.op.written()?))
        };
        let mut places: Vec<(Key, u32, Value)> = piece.iter().filter_map(place).collect();
        places.sort_unstable();
        let mut order = VersionOrder::new();
        places.into_iter().for_each(|(key, _, value)| order.push(key, value));
        self.is_ordered().then_some(order)
    }

    /// The event of an operation, if it is one. `O(log n)`.
    pub fn number(&self, row: OpId) -> Option<u32> {
        self.events.binary_search_by_key(&row, |event| event.row).ok().map(|event| event as u32)
    }

    pub fn event(&self, number: u32) -> &Event {
        &self.events[number as usize]
    }

    /// The numbers of all events.
    pub fn numbers(&self) -> std::ops::Range<u32> {
        0..self.events.len() as u32
    }

    /// The place of what an event sees in the version order: 0 for the initial value.
    pub fn rank_seen(&self, event: u32) -> u32 {
        match self.event(event).sees {
            INITIAL => 0,
            source if source < THIN_AIR => self.rank[source as usize],
            _ => UNPLACED,
        }
    }

    /// The place of every write among those of its key in this order, from 1, as [`rank`](Execution::rank) has it. What
    /// does not write is passed over. `O(n)`.
    pub fn ranks(&self, order: &[u32]) -> Vec<u32> {
        let mut rank = vec![UNPLACED; self.events.len()];
        let mut last = vec![0; self.keys.len()];
        for number in order.iter().filter(|number| self.event(**number).writes) {
            let last = &mut last[self.event(*number).key as usize];
            *last += 1;
            rank[*number as usize] = *last;
        }
        rank
    }

    /// The writes of every key that have a place, from the oldest to the newest.
    pub fn versions(&self) -> Vec<Vec<u32>> {
        let mut versions: Vec<Vec<u32>> = vec![Vec::new(); self.keys.len()];
        let placed = |event: &u32| self.rank.get(*event as usize).is_some_and(|rank| *rank != UNPLACED);
        for event in self.numbers().filter(|event| self.event(*event).writes).filter(placed) {
            versions[self.event(event).key as usize].push(event);
        }
        versions.iter_mut().for_each(|events| events.sort_unstable_by_key(|event| self.rank[*event as usize]));
        versions
    }

    /// The readers of every event: those that see its value, in the order of invocation.
    pub fn readers(&self) -> Readers {
        let mut from = vec![0_u32; self.events.len() + 1];
        for source in self.events.iter().filter_map(Event::source) {
            from[source as usize + 1] += 1;
        }
        for event in 0..self.events.len() {
            from[event + 1] += from[event];
        }
        let mut all = vec![0; from[self.events.len()] as usize];
        let mut next = from.clone();
        for event in self.numbers() {
            if let Some(source) = self.event(event).source() {
                all[next[source as usize] as usize] = event;
                next[source as usize] += 1;
            }
        }
        Readers { from, all }
    }
}

impl Verdict {
    /// This, as judged without the version order, where that proves nothing: a failure stays one.
    pub(super) fn or_lacking(self, why: &str) -> Verdict {
        match self {
            Verdict::Fail(_) => self,
            _ => Verdict::Inconclusive { why: why.to_string() },
        }
    }
}

/// Who sees what each event wrote.
pub(super) struct Readers {
    from: Vec<u32>,
    all: Vec<u32>,
}

impl Readers {
    pub fn of(&self, event: u32) -> &[u32] {
        &self.all[self.from[event as usize] as usize..self.from[event as usize + 1] as usize]
    }
}
