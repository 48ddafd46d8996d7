//! A node's disk: what is safe, what is on its way, and what must wait for it.

use std::collections::VecDeque;

/// How a node stops, and with it what becomes of its disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Its power is gone: what was not synced is lost.
    Crash,
    /// The same, amid a sync: of the records that it was to take, the first so many are there, and the next is torn.
    Fracture(u64),
    /// As it was asked to: what was written is synced first.
    Orderly,
    /// Its disk is lost as well.
    Wipe,
}

/// What a stop did to a disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Loss {
    /// So many records are gone that the disk had said it had synced, and had not.
    pub lied: u64,
    /// Whether a record is gone of which the node was told, or was to believe, that it is safe.
    pub forgot: bool,
    /// The mark up to which everything is there.
    pub kept: u64,
}

/// A log of records with group commit. A *mark* counts the writes so far; everything up to the safe mark survives.
///
/// What a disk says is synced is safe, unless it lies.
#[derive(Debug)]
pub(super) struct Disk<R> {
    durable: Vec<R>,
    /// Writes that are not safe.
    pending: VecDeque<Write<R>>,
    /// Writes issued so far.
    issued: u64,
    /// Writes synced so far, as the disk says.
    synced: u64,
    /// Writes that survive a crash.
    safe: u64,
    /// How many faults make it lie.
    lies: u32,
    /// The mark that the sync under way will reach.
    syncing: Option<u64>,
    /// Whether a later sync is planned, which will take what is written until then.
    is_planned: bool,
    /// Whether what is sent after a write waits for its sync.
    is_waited_for: bool,
}

#[derive(Debug)]
enum Write<R> {
    Append(R),
    Replace(Vec<R>),
}

impl<R: Clone> Disk<R> {
    /// An empty one. `is_waited_for` says whether what is sent after a write waits for its sync.
    pub(super) fn new(is_waited_for: bool) -> Disk<R> {
        Disk {
            durable: Vec::new(),
            pending: VecDeque::new(),
            issued: 0,
            synced: 0,
            safe: 0,
            lies: 0,
            syncing: None,
            is_planned: false,
            is_waited_for,
        }
    }

    pub(super) fn append(&mut self, record: R) {
        self.issued += 1;
        self.pending.push_back(Write::Append(record));
    }

    /// Whether all that was ever written is safe, and nothing is under way or planned.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.safe == self.issued && self.syncing.is_none() && !self.is_planned && self.lies == 0
    }

    /// Appends and syncs in one step, where the disk is idle and takes no time.
    #[inline]
    pub(super) fn write_through(&mut self, record: R) {
        debug_assert!(self.is_idle() && self.synced == self.safe);
        self.issued += 1;
        (self.synced, self.safe) = (self.issued, self.issued);
        self.durable.push(record);
    }

    pub(super) fn replace(&mut self, records: Vec<R>) {
        self.issued += 1;
        self.pending.push_back(Write::Replace(records));
    }

    /// The mark that must be synced before what is sent now may leave; `None` where all is safe.
    #[inline]
    pub(super) fn wait_for(&self) -> Option<u64> {
        (self.synced < self.issued && self.is_waited_for).then_some(self.issued)
    }

    /// Whether something was written that no sync has taken, and none is under way or planned.
    #[inline]
    pub(super) fn wants_sync(&self) -> bool {
        self.synced < self.issued && self.syncing.is_none() && !self.is_planned
    }

    /// A later sync takes everything that is written until then.
    pub(super) fn plan_sync(&mut self) {
        self.is_planned = true;
    }

    /// Begins a sync of all that is pending, unless one is under way; returns the mark that it will reach.
    #[inline]
    pub(super) fn begin_sync(&mut self) -> Option<u64> {
        if self.syncing.is_some() || self.synced == self.issued {
            return None;
        }
        (self.syncing, self.is_planned) = (Some(self.issued), false);
        self.syncing
    }

    /// The sync that was to reach `mark` is done.
    pub(super) fn synced(&mut self, mark: u64) {
        self.synced = mark;
        self.syncing = None;
        if self.lies == 0 {
            self.settle(mark);
        }
    }

    /// What was written up to there is safe.
    fn settle(&mut self, mark: u64) {
        while self.safe < mark {
            match self.pending.pop_front().expect("a mark counts writes that were issued") {
                Write::Append(record) => self.durable.push(record),
                Write::Replace(records) => self.durable = records,
            }
            self.safe += 1;
        }
    }

    /// From now on it says that it has synced what it only keeps in a cache.
    pub(super) fn lie(&mut self) {
        self.lies += 1;
    }

    /// It lies no more, as far as this fault goes, and writes out what it said it had.
    pub(super) fn stop_lying(&mut self) {
        self.lies -= 1;
        if self.lies == 0 {
            self.settle(self.synced);
        }
    }

    /// How many records the sync under way is to take.
    pub(super) fn under_sync(&self) -> u64 {
        self.syncing.map_or(0, |mark| mark - self.synced)
    }

    /// Up to which mark a stop leaves what was written, unless the disk lies.
    fn spared_by(&self, stop: Stop) -> u64 {
        match stop {
            Stop::Crash | Stop::Wipe => self.synced,
            Stop::Fracture(whole) => self.synced + whole,
            Stop::Orderly => self.issued,
        }
    }

    /// The node stops: what is not safe is gone.
    pub(super) fn stop(&mut self, stop: Stop) -> Loss {
        // A cache lasts through a restart of the node alone; and behind a lie nothing can be whole.
        if self.lies == 0 || stop == Stop::Orderly {
            self.settle(self.spared_by(stop));
        }
        let believed = if self.is_waited_for { self.synced } else { self.issued };
        let lied = self.synced.saturating_sub(self.safe);
        let mut loss = Loss { lied, forgot: self.safe < believed, kept: self.safe };
        if stop == Stop::Wipe {
            loss.forgot |= !self.durable.is_empty();
            self.durable.clear();
        }
        self.pending.clear();
        (self.issued, self.synced) = (self.safe, self.safe);
        (self.syncing, self.is_planned) = (None, false);
        loss
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
        let mut disk = Disk::new(true);
        disk.append(1);
        assert_eq!(disk.begin_sync(), Some(1));
        disk.append(2);
        assert_eq!((disk.begin_sync(), disk.wait_for()), (None, Some(2)), "the next sync waits for this one");
        disk.synced(1);
        assert_eq!(disk.begin_sync(), Some(2));
        disk.stop(Stop::Crash);
        assert_eq!((disk.recover(), disk.wait_for()), (vec![1], None));
        disk.append(3);
        let mark = disk.begin_sync().unwrap();
        disk.synced(mark);
        assert_eq!(disk.recover(), [1, 3]);
    }

    #[test]
    fn what_is_written_through_is_safe_and_asks_for_no_sync() {
        let mut disk = Disk::new(true);
        disk.append(1);
        assert!(!disk.is_idle(), "what is pending must be written first");
        disk.begin_sync();
        disk.synced(1);
        assert!(disk.is_idle());
        disk.write_through(2);
        assert_eq!((disk.wait_for(), disk.wants_sync()), (None, false));
        disk.append(3);
        assert_eq!(disk.wait_for(), Some(3), "marks go on");
        disk.stop(Stop::Crash);
        assert_eq!(disk.recover(), [1, 2]);
        disk.lie();
        assert!(!disk.is_idle(), "a disk that lies has nothing at once");
    }

    #[test]
    fn a_compaction_is_whole_or_not_at_all() {
        let mut disk = Disk::new(true);
        (0..3).for_each(|record| disk.append(record));
        let mark = disk.begin_sync().unwrap();
        disk.synced(mark);
        disk.replace(vec![9]);
        assert_eq!(disk.recover(), [0, 1, 2]);
        let mark = disk.begin_sync().unwrap();
        disk.synced(mark);
        assert_eq!(disk.recover(), [9]);
    }

    #[test]
    fn what_nobody_waits_for_is_written_all_the_same() {
        let mut disk = Disk::new(false);
        disk.append(1);
        assert!(disk.wants_sync() && disk.wait_for().is_none());
        disk.plan_sync();
        disk.append(2);
        assert!(!disk.wants_sync(), "the planned sync takes both");
        assert_eq!(disk.begin_sync(), Some(2));
        disk.append(3);
        assert!(!disk.wants_sync(), "one is under way");
        disk.synced(2);
        assert!(disk.wants_sync());
        disk.plan_sync();
        disk.stop(Stop::Crash);
        assert_eq!((disk.recover(), disk.wants_sync()), (vec![1, 2], false));
        disk.append(4);
        assert!(disk.wants_sync(), "what was planned before the crash is planned no more");
    }

    /// A disk on which a record is safe, two are under a sync, and one came after.
    fn amid_a_sync() -> Disk<u32> {
        let mut disk = Disk::new(true);
        disk.append(0);
        let mark = disk.begin_sync().unwrap();
        disk.synced(mark);
        disk.append(1);
        disk.append(2);
        disk.begin_sync();
        disk.append(3);
        assert_eq!(disk.under_sync(), 2);
        disk
    }

    #[test]
    fn a_torn_sync_leaves_a_prefix() {
        for (stop, left) in [
            (Stop::Crash, &[0][..]),
            (Stop::Fracture(0), &[0]),
            (Stop::Fracture(1), &[0, 1]),
            (Stop::Orderly, &[0, 1, 2, 3]),
            (Stop::Wipe, &[]),
        ] {
            let mut disk = amid_a_sync();
            let loss = disk.stop(stop);
            assert_eq!((loss.lied, loss.forgot), (0, stop == Stop::Wipe), "{stop:?}");
            assert_eq!(disk.recover(), left, "{stop:?}");
            assert!(stop == Stop::Wipe || loss.kept == left.len() as u64, "{stop:?}");
            assert!(!disk.wants_sync() && disk.wait_for().is_none());
            disk.append(9);
            let mark = disk.begin_sync().unwrap();
            disk.synced(mark);
            assert_eq!(disk.recover(), [left, &[9]].concat(), "{stop:?}");
        }
    }

    #[test]
    fn a_lie_is_found_out_by_a_crash_alone() {
        let lying = || {
            let mut disk = amid_a_sync();
            disk.lie();
            disk.synced(3);
            assert!(disk.is_synced(3), "so it says");
            disk.replace(vec![7]);
            let mark = disk.begin_sync().unwrap();
            disk.synced(mark);
            disk
        };
        let mut disk = lying();
        assert_eq!(disk.stop(Stop::Crash), Loss { lied: 4, forgot: true, kept: 1 });
        assert_eq!(disk.recover(), [0], "a compaction it lied about is lost as a whole");
        let mut disk = lying();
        let honest = Loss { lied: 0, forgot: false, kept: 5 };
        assert_eq!(disk.stop(Stop::Orderly), honest, "the disk had power all the time");
        assert_eq!(disk.recover(), [7]);
        let mut disk = lying();
        disk.lie();
        disk.stop_lying();
        assert_eq!(disk.recover(), [0], "one of two faults goes on");
        disk.stop_lying();
        assert_eq!(disk.recover(), [7]);
        assert_eq!(disk.stop(Stop::Crash), honest, "what it has written out is safe");
    }

    #[test]
    fn whoever_does_not_wait_forgets_without_a_lie() {
        let mut disk = Disk::new(false);
        disk.append(1);
        assert_eq!(disk.stop(Stop::Crash), Loss { lied: 0, forgot: true, kept: 0 });
        disk.append(2);
        assert_eq!((disk.stop(Stop::Orderly), disk.recover()), (Loss { lied: 0, forgot: false, kept: 1 }, vec![2]));
    }
}
