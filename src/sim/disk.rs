//! A node's disk: what is safe, what is on its way, and what must wait for it.

use std::collections::VecDeque;

/// A log of records with group commit. A *mark* counts the writes so far; everything up to the synced mark survives.
#[derive(Debug)]
pub(super) struct Disk<R> {
    durable: Vec<R>,
    pending: VecDeque<Write<R>>,
    /// Writes issued so far.
    issued: u64,
    /// Writes synced so far.
    synced: u64,
    /// The mark that the sync under way will reach.
    syncing: Option<u64>,
}

#[derive(Debug)]
enum Write<R> {
    Append(R),
    Replace(Vec<R>),
}

impl<R: Clone> Disk<R> {
    pub(super) fn new() -> Disk<R> {
        Disk { durable: Vec::new(), pending: VecDeque::new(), issued: 0, synced: 0, syncing: None }
    }

    pub(super) fn append(&mut self, record: R) {
        self.issued += 1;
        self.pending.push_back(Write::Append(record));
    }

    pub(super) fn replace(&mut self, records: Vec<R>) {
        self.issued += 1;
        self.pending.push_back(Write::Replace(records));
    }

    /// The mark that must be synced before what is sent now may leave; `None` where all is safe.
    #[inline]
    pub(super) fn wait_for(&self) -> Option<u64> {
        (self.synced < self.issued).then_some(self.issued)
    }

    /// Begins a sync of all that is pending, unless one is under way; returns the mark that it will reach.
    #[inline]
    pub(super) fn begin_sync(&mut self) -> Option<u64> {
        if self.syncing.is_some() || self.synced == self.issued {
            return None;
        }
        self.syncing = Some(self.issued);
        self.syncing
    }

    /// The sync that was to reach `mark` is done.
    pub(super) fn synced(&mut self, mark: u64) {
        while self.synced < mark {
            match self.pending.pop_front().expect("a mark counts writes that were issued") {
                Write::Append(record) => self.durable.push(record),
                Write::Replace(records) => self.durable = records,
            }
            self.synced += 1;
        }
        self.syncing = None;
    }

    /// The node crashes: what was not synced is gone.
    pub(super) fn crash(&mut self) {
        self.pending.clear();
        self.issued = self.synced;
        self.syncing = None;
    }

    /// What a restarting node finds.
    pub(super) fn recover(&self) -> Vec<R> {
        self.durable.clone()
    }

    /// Whether everything up to `mark` is safe.
    pub(super) fn is_synced(&self, mark: u64) -> bool {
        self.synced >= mark
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_keeps_what_was_synced_and_nothing_else() {
        let mut disk = Disk::new();
        disk.append(1);
        assert_eq!(disk.begin_sync(), Some(1));
        disk.append(2);
        assert_eq!((disk.begin_sync(), disk.wait_for()), (None, Some(2)), "the next sync waits for this one");
        disk.synced(1);
        assert_eq!(disk.begin_sync(), Some(2));
        disk.crash();
        assert_eq!((disk.recover(), disk.wait_for()), (vec![1], None));
        disk.append(3);
        let mark = disk.begin_sync().unwrap();
        disk.synced(mark);
        assert_eq!(disk.recover(), [1, 3]);
    }

    #[test]
    fn a_compaction_is_whole_or_not_at_all() {
        let mut disk = Disk::new();
        (0..3).for_each(|record| disk.append(record));
        let mark = disk.begin_sync().unwrap();
        disk.synced(mark);
        disk.replace(vec![9]);
        assert_eq!(disk.recover(), [0, 1, 2]);
        let mark = disk.begin_sync().unwrap();
        disk.synced(mark);
        assert_eq!(disk.recover(), [9]);
    }
}
