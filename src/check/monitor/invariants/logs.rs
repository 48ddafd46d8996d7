//! The invariants of a replicated log: log matching, leader completeness, state-machine safety.
//!
//! One table for a group holds every entry that was ever on some disk, by index and epoch, with the epoch of the entry
//! before it. Log matching is that no entry is told in two ways; then an (index, epoch) names a whole log up to there,
//! and the other two are comparisons of epochs. What is committed is a list of epochs by index, which only grows.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use crate::column::{Column, Packs};
use crate::id::{NodeId, Renaming};
use crate::trace::EntryName;

use super::breaches::Breaches;
use super::{Invariant, Seen};

/// The logs of one group.
#[derive(Clone, Debug, Default)]
pub(super) struct Logs {
    /// By index less one: the entry that was told first.
    entries: Column<Entry>,
    /// Entries at an index where there is another already, or far beyond the others.
    others: BTreeMap<(u64, u64), Entry>,
    /// By index less one: the epoch of the committed entry.
    committed: Column<u64>,
    /// The leader of the highest epoch so far.
    top: Option<Top>,
    walk: Vec<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Entry {
    epoch: u64,
    before: u64,
    what: EntryName,
}

impl Packs for Entry {
    const LANES: usize = 3;

    fn lane(&self, which: usize) -> u64 {
        match which {
            0 => self.epoch,
            1 => self.before,
            _ => self.what.0,
        }
    }

    fn of_lanes(lane: impl Fn(usize) -> u64) -> Entry {
        Entry { epoch: lane(0), before: lane(1), what: EntryName(lane(2)) }
    }
}

impl Default for Entry {
    fn default() -> Entry {
        NONE
    }
}

/// Where no entry was told.
const NONE: Entry = Entry { epoch: UNKNOWN, before: UNKNOWN, what: EntryName(0) };

/// An epoch that nobody told.
const UNKNOWN: u64 = u64::MAX;

/// An entry that is so many beyond the others does not stretch the table.
const GAP_MAX: u64 = 1 << 16;

/// The log with which a leader took office.
#[derive(Clone, Debug, Hash)]
struct Top {
    epoch: u64,
    node: NodeId,
    /// How much was committed then; and the epochs of what followed in its log, up to its end.
    committed: u64,
    tail: Vec<u64>,
}

impl Hash for Logs {
    fn hash<H: Hasher>(&self, into: &mut H) {
        (&self.entries, &self.others, &self.committed, &self.top).hash(into);
    }
}

impl Top {
    fn last(&self) -> u64 {
        self.committed + self.tail.len() as u64
    }
}

impl Logs {
    pub fn begin_anew(&mut self) {
        self.entries.clear();
        self.others.clear();
        self.committed.clear();
        self.top = None;
    }

    /// Calls the nodes otherwise.
    pub fn rename(&mut self, renaming: &Renaming) {
        self.top.iter_mut().for_each(|top| renaming.rename(&mut top.node));
    }

    fn get(&self, index: u64, epoch: u64) -> Option<Entry> {
        let first = self.entries.get(usize::try_from(index.checked_sub(1)?).ok()?);
        first.filter(|entry| entry.epoch == epoch).or_else(|| self.others.get(&(index, epoch)).copied())
    }

    /// A disk has this entry. `O(1)`, amortised; `O(log n)` where several epochs had an entry there.
    #[inline]
    pub fn logged(&mut self, seen: Seen, index: u64, epoch: u64, before: u64, what: EntryName, into: &mut Breaches) {
        let entry = Entry { epoch, before, what };
        let place = index.wrapping_sub(1) as usize;
        match self.entries.get(place) {
            Some(known) if known == entry => {}
            None if place == self.entries.len() => self.entries.push(entry),
            _ => self.logged_beside(seen, index, entry, into),
        }
    }

    fn logged_beside(&mut self, seen: Seen, index: u64, entry: Entry, into: &mut Breaches) {
        let Some(place) = index.checked_sub(1) else { return };
        if let Some(known) = self.get(index, entry.epoch) {
            if known != entry {
                into.note(Invariant::LogMatching, seen.at, &[seen.node()], |names| {
                    let node = names.name(seen.node());
                    let Entry { epoch, before, what } = entry;
                    let others = format!("others {} after epoch {}", known.what, known.before);
                    format!("at {index} in epoch {epoch} {node} has {what} after epoch {before}, and {others}")
                });
            }
            return;
        }
        if place < self.entries.len() as u64 + GAP_MAX {
            let place = place as usize;
            if self.entries.at(place) == NONE {
                self.entries.set(place, entry);
                return;
            }
        }
        self.others.insert((index, entry.epoch), entry);
    }

    /// The epochs of the entries after `from`, up to the entry at `index`, into `walk`; and that of the entry at `from`
    /// itself. Unknown ones where nobody told.
    fn walk_back(&mut self, from: u64, index: u64, epoch: u64) -> u64 {
        self.walk.clear();
        let mut epoch = epoch;
        for at in (from + 1..=index).rev() {
            self.walk.push(epoch);
            epoch = self.get(at, epoch).map_or(UNKNOWN, |entry| entry.before);
        }
        self.walk.reverse();
        epoch
    }

    /// A node has applied everything up to this entry. `O(1)` an entry, amortised.
    #[inline]
    pub fn committed(&mut self, seen: Seen, index: u64, epoch: u64, into: &mut Breaches) {
        let Some(place) = index.checked_sub(1) else { return };
        match self.committed.get(place as usize) {
            Some(known) if known == epoch => {}
            Some(UNKNOWN) => self.committed.set(place as usize, epoch),
            Some(known) => self.applied_another(seen, index, epoch, known, into),
            None => self.extend(seen, index, epoch, into),
        }
    }

    fn applied_another(&self, seen: Seen, index: u64, epoch: u64, known: u64, into: &mut Breaches) {
        into.note(Invariant::StateMachineSafety, seen.at, &[seen.node()], |names| {
            let node = names.name(seen.node());
            format!("at {index} {node} applies an entry of epoch {epoch}, and others one of epoch {known}")
        });
    }

    fn extend(&mut self, seen: Seen, index: u64, epoch: u64, into: &mut Breaches) {
        let had = self.committed.len() as u64;
        if index - had > GAP_MAX && self.get(index, epoch).is_none() {
            return; // nobody told of what lies between
        }
        let at_end = self.walk_back(had, index, epoch);
        if let Some(known) = self.committed.last()
            && known != at_end
            && known != UNKNOWN
            && at_end != UNKNOWN
        {
            self.applied_another(seen, had, at_end, known, into);
            return;
        }
        for place in 0..self.walk.len() {
            let epoch = self.walk[place];
            self.committed.push(epoch);
            self.is_in_top(seen, had + place as u64 + 1, epoch, into);
        }
    }

    /// Whether the leader of the highest epoch has what was just committed.
    fn is_in_top(&self, seen: Seen, index: u64, epoch: u64, into: &mut Breaches) {
        let Some(top) = &self.top else { return };
        let its = match index.checked_sub(top.committed + 1) {
            None => return,
            Some(place) => top.tail.get(place as usize).copied(),
        };
        // What it has beyond the log with which it took office it made itself.
        let has = its.map_or(epoch >= top.epoch, |its| its == epoch || its == UNKNOWN) || epoch == UNKNOWN;
        if !has {
            into.note(Invariant::LeaderCompleteness, seen.at, &[top.node, seen.node()], |names| {
                let (leader, node) = (names.name(top.node), names.name(seen.node()));
                let (of, last) = (top.epoch, top.last());
                format!(
                    "{node} commits {index} of epoch {epoch}; {leader} leads {of} without it, from a log up to {last}"
                )
            });
        }
    }

    /// A leader takes office with a log that ends with this entry. `O(1)` for each entry that is not committed.
    pub fn elected(&mut self, seen: Seen, epoch: u64, index: u64, last_epoch: u64, into: &mut Breaches) {
        if self.top.as_ref().is_some_and(|top| top.epoch > epoch) {
            return; // it is late: what is committed may be later than its epoch
        }
        let had = self.committed.len() as u64;
        let at_end = self.walk_back(had, index, last_epoch);
        let known = self.committed.last().unwrap_or(at_end);
        let differs = index >= had && at_end != known && at_end != UNKNOWN && known != UNKNOWN;
        if index < had || differs {
            into.note(Invariant::LeaderCompleteness, seen.at, &[seen.node()], |names| {
                let node = names.name(seen.node());
                format!("{node} leads epoch {epoch} from a log up to {index}; {had} of epoch {known} is committed")
            });
        }
        let tail = self.walk.clone();
        self.top = Some(Top { epoch, node: seen.node(), committed: had, tail });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::id::{GroupId, Value};
    use crate::rng::Stream;
    use crate::time::Time;

    /// By definition: whole logs, compared entry by entry.
    #[derive(Default)]
    struct Plain {
        entries: BTreeMap<(u64, u64), (u64, EntryName)>,
        committed: BTreeMap<u64, u64>,
        top: Option<(u64, BTreeMap<u64, u64>)>,
    }

    impl Plain {
        /// The epochs by index of the log that ends with this entry.
        fn log(&self, index: u64, mut epoch: u64) -> BTreeMap<u64, u64> {
            let mut log = BTreeMap::new();
            for at in (1..=index).rev() {
                log.insert(at, epoch);
                epoch = self.entries[&(at, epoch)].0;
            }
            log
        }

        /// Whether each invariant is broken: state-machine safety, leader completeness.
        fn committed(&mut self, index: u64, epoch: u64) -> [bool; 2] {
            let log = self.log(index, epoch);
            if log.iter().any(|(at, epoch)| self.committed.get(at).is_some_and(|known| known != epoch)) {
                return [true, false];
            }
            let new: Vec<_> = log.into_iter().filter(|(at, _)| !self.committed.contains_key(at)).collect();
            let lacks = |(at, epoch): &(u64, u64)| {
                let Some((of, log)) = &self.top else { return false };
                log.get(at).map_or(epoch < of, |its| its != epoch)
            };
            let is_lacking = new.iter().any(lacks);
            self.committed.extend(new);
            [false, is_lacking]
        }

        fn elected(&mut self, epoch: u64, index: u64, last: u64) -> bool {
            if self.top.as_ref().is_some_and(|(of, _)| *of > epoch) {
                return false;
            }
            let log = self.log(index, last);
            let lacks = self.committed.iter().any(|(at, epoch)| log.get(at) != Some(epoch));
            self.top = Some((epoch, log));
            lacks
        }
    }

    #[test]
    fn it_finds_what_whole_logs_show() {
        let seen = Seen::new(Time::ZERO, NodeId(0), GroupId(0), false);
        let mut counts = [0; 3];
        for seed in 0..20_000 {
            let mut stream = Stream::new(seed, "logs");
            let (mut logs, mut plain) = (Logs::default(), Plain::default());
            let mut known = vec![(0_u64, 0_u64)];
            for step in 0..20 {
                let mut breaches = Breaches::default();
                Invariant::ALL.into_iter().for_each(|invariant| breaches.ask(invariant));
                let (index, epoch) = known[stream.below(known.len() as u64) as usize];
                let expected = match stream.below(4) {
                    0 | 1 => {
                        let at = (index + 1, epoch + stream.below(3).max(u64::from(epoch == 0)));
                        let entry = (epoch, EntryName::write(Value(stream.below(2))));
                        logs.logged(seen, at.0, at.1, entry.0, entry.1, &mut breaches);
                        let is_broken = plain.entries.get(&at).is_some_and(|known| *known != entry);
                        plain.entries.entry(at).or_insert(entry);
                        known.push(at);
                        [is_broken, false, false]
                    }
                    2 if index > 0 => {
                        logs.committed(seen, index, epoch, &mut breaches);
                        let [applied, lacking] = plain.committed(index, epoch);
                        [false, lacking, applied]
                    }
                    _ => {
                        let of = epoch + 1 + stream.below(2);
                        logs.elected(seen, of, index, epoch, &mut breaches);
                        [false, plain.elected(of, index, epoch), false]
                    }
                };
                let kinds = [Invariant::LogMatching, Invariant::LeaderCompleteness, Invariant::StateMachineSafety];
                let found = kinds.map(|invariant| breaches.has(invariant));
                assert_eq!(found, expected, "seed {seed}, step {step}");
                (0..3).for_each(|kind| counts[kind] += u64::from(found[kind]));
            }
        }
        assert!(counts.iter().all(|count| *count > 5_000), "{counts:?}");
    }
}
