//! The backup's duty: take what fits, ask for what is missing, drop what the primary does not have.

use std::collections::VecDeque;

use crate::id::NodeId;
use crate::protocol::Context;
use crate::protocol::mutant::Mutant;
use crate::trace::Observation;

use super::log::{Entry, Position, Stretch};
use super::options::Returning;
use super::replica::{Duty, Replica};
use super::{Message, Office, PrimaryBackup, Record};

/// How many entries are kept that came before the one that precedes them. More are dropped, and fetched later.
const EARLY_MAX: usize = 4096;

/// Entries that overtook others on the way.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Early {
    /// In the order of what they follow, each with that.
    entries: VecDeque<(Position, Entry)>,
    /// Whether the primary of this epoch has been asked for what precedes them. Once is enough: its offers do the rest.
    asked: bool,
}

impl Early {
    pub fn clear(&mut self) {
        self.entries.clear();
        self.asked = false;
    }

    fn keep(&mut self, stretch: &Stretch) {
        for (nth, entry) in stretch.entries.iter().enumerate() {
            if self.entries.len() >= EARLY_MAX {
                return;
            }
            let index = stretch.after.index + nth as u64;
            let epoch = if nth == 0 { stretch.after.epoch } else { stretch.entries[nth - 1].epoch };
            let early = (Position { epoch, index }, *entry);
            match self.entries.binary_search_by_key(&index, |(after, _)| after.index) {
                Ok(place) => self.entries[place] = early,
                Err(place) => self.entries.insert(place, early),
            }
        }
    }

    /// The entry that follows `last`, if it came already.
    fn next(&mut self, last: Position) -> Option<Entry> {
        while self.entries.front().is_some_and(|(after, _)| after.index < last.index) {
            self.entries.pop_front();
        }
        if self.entries.front()?.0.index > last.index {
            return None;
        }
        let (after, entry) = self.entries.pop_front()?;
        (after == last).then_some(entry)
    }
}

/// How a stretch of another's log meets one's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Meeting {
    /// They are equal up to here now.
    Equal(u64),
    /// It begins beyond the end.
    Gap,
    /// It begins at an entry that is not the same: they may be equal up to here, but no further.
    Differs(Position),
    /// What differs may not be dropped, or all is copied anew: this node stays out, for good or for a while.
    Out,
}

impl Replica {
    /// The primary of `epoch` sends a piece of its log, or offers its end.
    pub(super) fn on_append(&mut self, from: NodeId, epoch: u64, stretch: &Stretch, cx: &mut Context<PrimaryBackup>) {
        let unfenced = self.plan.mutated(Mutant::F2);
        if epoch < self.promised && !unfenced {
            return cx.send(from, Message::Stale { epoch: self.promised });
        }
        self.adopt(Office { epoch, primary: from }, cx);
        if self.office.primary != from && !unfenced {
            return; // a monitor forgot that it had voted: of two primaries of an epoch, the first that was heard of counts
        }
        match self.meet(stretch, epoch, cx) {
            Meeting::Equal(index) => {
                self.matched = self.matched.max(index);
                self.take_early(epoch, cx);
                self.apply(self.matched, cx);
                let answer = Message::Ack { epoch, index: self.matched };
                if self.plan.mutated(Mutant::F22) {
                    cx.send_unsynced(from, answer)
                } else {
                    cx.send(from, answer)
                }
                if self.log.len() < stretch.length {
                    self.fetch(from, cx);
                }
            }
            Meeting::Gap => {
                self.early.keep(stretch);
                // Messages overtake each other all the time; only an offer, or the first word of a new primary, is
                // worth a question.
                if stretch.entries.is_empty() || (self.matched == 0 && !self.early.asked) {
                    self.fetch(from, cx);
                }
            }
            Meeting::Differs(last) => self.fetch_after(last, from, cx),
            Meeting::Out => {}
        }
    }

    pub(super) fn fetch(&mut self, from: NodeId, cx: &mut Context<PrimaryBackup>) {
        self.fetch_after(self.log.last(), from, cx);
    }

    fn fetch_after(&mut self, last: Position, from: NodeId, cx: &mut Context<PrimaryBackup>) {
        self.early.asked = true;
        cx.send(from, Message::Fetch { epoch: self.promised, last });
    }

    fn take_early(&mut self, by: u64, cx: &mut Context<PrimaryBackup>) {
        while self.matched == self.log.len()
            && let Some(entry) = self.early.next(self.log.last())
        {
            self.take(entry, by, cx);
            self.matched = self.log.len();
        }
    }

    /// It comes from the primary of epoch `by`, or is lent in that one's name.
    fn take(&mut self, entry: Entry, by: u64, cx: &mut Context<PrimaryBackup>) {
        let (before, what) = (self.log.last().epoch, entry.name());
        self.log.push(entry);
        cx.persist(Record::Entry(entry));
        cx.observe(Observation::Logged { by, index: self.log.len(), epoch: entry.epoch, before, what });
    }

    /// Makes one's own log equal to a piece of another's that is right by definition, in epoch `by`.
    fn meet(&mut self, stretch: &Stretch, by: u64, cx: &mut Context<PrimaryBackup>) -> Meeting {
        let after = stretch.after;
        if after.index > self.log.len() {
            return Meeting::Gap;
        }
        if !self.log.has(after) {
            // Who keeps or pays for what it drops has to know first where the logs part.
            let looks = !matches!(self.plan.returning, Returning::Discard | Returning::Refuse);
            let dropped = looks || self.drop_beyond(after.index - 1, cx);
            return if dropped { Meeting::Differs(self.log.position(after.index - 1)) } else { Meeting::Out };
        }
        let mut index = after.index;
        for entry in stretch.entries.iter() {
            index += 1;
            if self.log.get(index).is_some_and(|own| own.epoch == entry.epoch) {
                continue;
            }
            if index <= self.log.len() && !self.drop_beyond(index - 1, cx) {
                return Meeting::Out;
            }
            self.take(*entry, by, cx);
        }
        Meeting::Equal(index)
    }

    /// Drops what the primary does not have; or stays out with it, if that is the rule and there is a write in it, or the
    /// primary had it before.
    fn drop_beyond(&mut self, length: u64, cx: &mut Context<PrimaryBackup>) -> bool {
        // What the primary once had it has no more where its disk forgot: its log is no measure then.
        let (is_void, returning) = (length < self.matched, self.plan.returning);
        let parts = self.log.sets_beyond(length);
        if is_void || (returning == Returning::Refuse && parts) {
            cx.persist(Record::Stranded);
            self.duty = Duty::Stranded;
            return false;
        }
        if returning == Returning::Merge {
            self.keep_aside(length, cx);
        }
        let copied = match returning {
            Returning::Rewind => self.plan.copying.block.0.saturating_mul(self.log.keys_beyond(length)),
            Returning::Rebuild if parts => self.plan.copying.size.0,
            _ => 0,
        };
        cx.persist(Record::Cut(length));
        self.log.cut(length, |key, value, now| cx.observe(Observation::RolledBack { key, value, now }));
        if copied > 0 {
            self.copy_anew(copied, cx);
        }
        copied == 0
    }

    /// A more advanced replica lends what this one, which is to be promoted, does not have.
    pub(super) fn on_loan(&mut self, from: NodeId, epoch: u64, stretch: &Stretch, cx: &mut Context<PrimaryBackup>) {
        let Some(collector) = self.collector.filter(|_| epoch == self.promised && self.office.epoch < epoch) else {
            return; // the election has come to its end without it
        };
        match self.meet(stretch, epoch, cx) {
            Meeting::Equal(index) => {
                self.apply(index, cx);
                if index < stretch.length {
                    self.fetch(from, cx);
                } else {
                    self.answer_monitor(collector, Message::Report { epoch, last: self.log.last() }, cx);
                }
            }
            Meeting::Differs(last) => self.fetch_after(last, from, cx),
            Meeting::Gap | Meeting::Out => {}
        }
    }
}
