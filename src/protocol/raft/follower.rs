//! How a follower's log becomes the leader's: the consistency check, early appends, and snapshots.

use std::sync::Arc;

use crate::id::NodeId;
use crate::trace::Observation;

use super::super::Context;
use super::super::mutant::Mutant;
use super::log::{Log, Position};
use super::{Append, Entries, Entry, Message, Office, Outcome, Raft, Record, Snapshot};

/// How many early appends a follower keeps at most. One more is dropped, and comes again when it is missed.
const EARLY_MAX: usize = 1024;

/// An append that waits for the entries before it.
#[derive(Clone, Debug, Hash)]
pub(super) struct Early {
    prev: Position,
    entries: Entries,
}

impl Raft {
    /// The paper's AppendEntries, heartbeats among them.
    pub(super) fn on_append(&mut self, from: NodeId, append: Append, cx: &mut Context<Self>) {
        let Append { term, round, prev, entries, commit } = append;
        if !self.follow(from, term, cx) {
            return self.tell_term(from, cx);
        }
        let appended = self.append_at(prev, &entries, cx);
        if self.is_halted() {
            return;
        }
        let outcome = match appended {
            Ok(()) => {
                self.append_early(cx);
                if self.is_halted() {
                    return;
                }
                Outcome::Matched(self.verified)
            }
            Err(hint) => {
                let kept = prev.index > self.log.last().index && !entries.is_empty();
                if kept {
                    self.keep_early(prev, entries);
                }
                Outcome::Rejected { prev: prev.index, hint, kept }
            }
        };
        let answer = Message::Appended { term: self.term, round, outcome };
        if self.mutated(Mutant::R4) {
            cx.send_unsynced(from, answer)
        } else {
            cx.send(from, answer)
        }
        self.learn_commit(commit, cx);
    }

    /// Takes `from` for the leader of `term`. Not where that term is over, or has a leader in this node.
    fn follow(&mut self, from: NodeId, term: u64, cx: &mut Context<Self>) -> bool {
        if term < self.term {
            return false;
        }
        self.see_term(term, cx);
        if matches!(self.office, Office::Leader(_)) {
            self.halt(cx);
            return false;
        }
        self.office = Office::Follower;
        self.leader = Some(from);
        self.since = cx.now();
        true
    }

    /// Tells a leader of an earlier term that it leads no more.
    fn tell_term(&self, to: NodeId, cx: &mut Context<Self>) {
        if self.is_halted() {
            return;
        }
        cx.send(to, Message::Appended { term: self.term, round: 0, outcome: Outcome::Matched(0) });
    }

    /// Appends what this log does not have yet, if it has the place before. Else tells where the logs may agree.
    ///
    /// Entries are cut only where they differ: an old append that comes late must not undo a newer one.
    fn append_at(&mut self, prev: Position, entries: &Entries, cx: &mut Context<Self>) -> Result<(), Position> {
        let base = self.log.base().index;
        if prev.index >= base && self.log.term_at(prev.index) != Some(prev.term) {
            return Err(self.log.latest_not_above(prev));
        }
        let indices = prev.index + 1..;
        let differs = |(index, entry): (u64, &Entry)| index > base && self.log.term_at(index) != Some(entry.term);
        if let Some(had) = indices.zip(entries.iter()).position(differs) {
            let first = prev.index + 1 + had as u64;
            if first <= self.commit.max(self.verified) {
                self.halt(cx);
                return Err(self.log.last());
            }
            let entries = if had == 0 { entries.clone() } else { Entries::from(&entries[had..]) };
            let mut before = self.log.term_at(first - 1).expect("what is before the first is in the log, or its base");
            self.log.replace_from(first, &entries);
            cx.persist(Record::Append { first, entries: entries.clone() });
            for (index, entry) in (first..).zip(entries.iter()) {
                let (by, what) = (self.term, entry.name());
                cx.observe(Observation::Logged { by, index, epoch: entry.term, before, what });
                before = entry.term;
            }
        }
        self.verified = self.verified.max(prev.index + entries.len() as u64);
        Ok(())
    }

    fn keep_early(&mut self, prev: Position, entries: Entries) {
        let longer = self.early.get(&prev.index).is_none_or(|kept| kept.entries.len() < entries.len());
        if longer && self.early.len() < EARLY_MAX {
            self.early.insert(prev.index, Early { prev, entries });
        }
    }

    /// Appends what was kept, as far as there is no gap.
    fn append_early(&mut self, cx: &mut Context<Self>) {
        while let Some(first) = self.early.first_entry() {
            if *first.key() > self.log.last().index {
                return;
            }
            let Early { prev, entries } = first.remove();
            // A refusal here means a log that still differs from the leader's; what is dropped will be missed and sent.
            let _ = self.append_at(prev, &entries, cx);
            if self.is_halted() {
                return;
            }
        }
    }

    /// Commits what the leader has committed, as far as this log is known to equal the leader's.
    fn learn_commit(&mut self, commit: u64, cx: &mut Context<Self>) {
        let known = commit.min(self.verified);
        if known > self.commit {
            self.commit = known;
            self.apply_committed(cx);
        }
    }

    /// Takes the leader's state for all entries up to the snapshot's last.
    pub(super) fn on_install_snapshot(
        &mut self,
        from: NodeId,
        term: u64,
        round: u64,
        snapshot: Arc<Snapshot>,
        cx: &mut Context<Self>,
    ) {
        let last = snapshot.last;
        if !self.follow(from, term, cx) {
            return self.tell_term(from, cx);
        }
        if last.index > self.commit {
            self.install(snapshot, cx);
        }
        self.verified = self.verified.max(last.index);
        self.append_early(cx);
        if self.is_halted() {
            return;
        }
        let outcome = Outcome::Matched(self.verified);
        cx.send(from, Message::Appended { term: self.term, round, outcome });
    }

    /// Entries after the snapshot are kept where the log has the snapshot's last entry; else they follow something
    /// that is not committed, and the whole log goes.
    fn install(&mut self, snapshot: Arc<Snapshot>, cx: &mut Context<Self>) {
        if self.log.term_at(snapshot.last.index) == Some(snapshot.last.term) {
            self.log.forget_to(snapshot.last.index);
        } else {
            self.log = Log::after(snapshot.last);
        }
        self.adopt_snapshot(snapshot, cx);
        self.serve_own_reads(cx);
        cx.compact(self.durable());
    }
}
