//! How committed entries become state, and how the log is kept short.

use std::sync::Arc;

use crate::trace::Observation;

use super::super::Context;
use super::super::mutant::Mutant;
use super::{Command, Machine, Office, Raft, Record, Snapshot};

impl Raft {
    /// Applies every committed entry in order, and answers the clients that wait for one here.
    pub(super) fn apply_committed(&mut self, cx: &mut Context<Self>) {
        if self.applied < self.commit
            && let Some(epoch) = self.log.term_at(self.commit)
        {
            cx.observe(Observation::Committed { index: self.commit, epoch });
        }
        while self.applied < self.commit {
            self.applied += 1;
            let entry = self.log.get(self.applied).expect("what is committed and not applied is in the log");
            let Command::Client { client, sequence, op } = entry.command else { continue };
            let (reply, changed) = if self.mutated(Mutant::R25) {
                self.machine.apply_anyway(client, sequence, op)
            } else {
                self.machine.apply(client, sequence, op)
            };
            if let (true, Some(value)) = (changed, op.written()) {
                cx.observe(Observation::Applied { key: op.key(), value });
            }
            let Office::Leader(leadership) = &mut self.office else { continue };
            // Committed is durable on a majority: the answer need not wait for this node's own disk.
            // Indices are applied in their order, and that is the order in which clients wait.
            let (_, request) = match leadership.waiting.front() {
                Some((index, _)) if *index == self.applied => leadership.waiting.pop_front().expect("it was looked at"),
                _ => continue,
            };
            if let Some(reply) = reply {
                cx.reply_unsynced(request, reply);
            }
        }
        self.serve_own_reads(cx);
        self.compact(cx);
    }

    /// Replaces the log on disk by a snapshot, every so many entries. Entries since the snapshot before stay in memory,
    /// for followers that are a little behind.
    fn compact(&mut self, cx: &mut Context<Self>) {
        let before = self.snapshot.as_ref().map_or(0, |snapshot| snapshot.last.index);
        if self.applied - before < self.options.snapshot_every {
            return;
        }
        let last = self.log.position(self.applied).expect("what was just applied is in the log");
        self.log.forget_to(before);
        self.snapshot = Some(Arc::new(Snapshot { last, machine: self.machine.clone() }));
        cx.compact(self.durable());
    }

    /// Takes a snapshot's state for its own.
    pub(super) fn adopt_snapshot(&mut self, snapshot: Arc<Snapshot>, cx: &mut Context<Self>) {
        for (key, value) in snapshot.machine.copy().iter() {
            if self.machine.read(key) != Some(*value) {
                cx.observe(Observation::Applied { key, value: *value });
            }
        }
        cx.observe(Observation::Committed { index: snapshot.last.index, epoch: snapshot.last.term });
        self.machine = snapshot.machine.clone();
        self.commit = snapshot.last.index;
        self.applied = snapshot.last.index;
        self.snapshot = Some(snapshot);
    }

    /// All that the disk must hold.
    pub(super) fn durable(&self) -> Vec<Record> {
        let mut records = vec![Record::Term { term: self.term, voted_for: self.voted_for }];
        records.extend(self.snapshot.clone().map(|snapshot| match self.mutated(Mutant::R30) {
            false => Record::Snapshot(snapshot),
            true => Record::Snapshot(Arc::new(Snapshot { last: snapshot.last, machine: Machine::default() })),
        }));
        let first = self.snapshot.as_ref().map_or(0, |snapshot| snapshot.last.index) + 1;
        records.push(Record::Append { first, entries: self.log.entries_from(first, usize::MAX) });
        records
    }
}
