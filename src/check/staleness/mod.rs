//! How stale reads were: for how long, and by how many writes, a value had been superseded when a client asked for it.
//!
//! A read of `v` is stale iff some acknowledged write began after the write of `v` had ended, and ended before the read
//! began. Such a write certainly came between the two, whatever the order of the concurrent ones. The read is as stale
//! as the time from the first such end to its own beginning. So a stale read proves that the history is not
//! linearizable, but not the reverse: two reads that saw two concurrent writes in opposite orders are not stale.
//!
//! Relation to Δ-atomicity (Golab, Li & Shah, *Analyzing Consistency Properties for Fun and Profit*, PODC 2011), the
//! least Δ such that the history becomes linearizable when every read may begin Δ earlier: a stale read must begin at
//! least its staleness earlier to become concurrent with the write that superseded it, so the greatest staleness is a
//! lower bound of Δ.
//!
//! [`staleness`] judges a whole history, and counts versions; [`Online`] tells at the end of each read how stale it was,
//! and keeps nothing of it. Exact Δ is in `delta.rs`, versions behind in
//! `versions.rs`, and chances by time in `visibility.rs`. Next: `online.rs`.

mod delta;
mod online;
mod two;
mod versions;
mod visibility;

pub use delta::{Deltas, delta, delta_atomic};
pub use online::Online;
pub use versions::{Versions, k_atomic, versions_behind, versions_behind_in};
pub use visibility::{Freshness, Visibility, visibility};

use crate::history::{History, OpId, Operation, Outcome};
use crate::id::{Key, Value};
use crate::op::{Op, Reply};
use crate::time::{Duration, Time};

/// A read whose value had been superseded when the client asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleRead {
    /// The read.
    pub read: OpId,
    /// For how long its value had been superseded: since the first acknowledgement of a later write.
    pub behind: Duration,
    /// How many later writes had been acknowledged: at least one.
    pub versions: u32,
}

/// How stale the reads of a history were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Staleness {
    /// How many reads were answered.
    pub reads: u64,
    /// How many of them saw a value that nobody wrote, or whose only write failed. They are not counted as stale.
    pub unattributed: u64,
    /// The stale ones, by key, and for each key in the order of invocation.
    pub stale: Vec<StaleRead>,
}

impl Staleness {
    /// The greatest staleness of any read, and a lower bound of Δ; zero where none was stale.
    pub fn worst(&self) -> Duration {
        self.stale.iter().map(|stale| stale.behind).max().unwrap_or_default()
    }
}

/// An answered read, or a write that took effect or may have.
struct Row {
    key: Key,
    id: OpId,
    invoked: Time,
    completed: Time,
    what: What,
}

enum What {
    Saw(Option<Value>),
    Wrote(Value),
    MayWrite(Value),
}

/// How stale each answered read was. `O(n log n)` time and `O(n)` memory.
///
/// The initial value counts as written before everything. A value whose write has no known end is never superseded,
/// since that write may take effect at any later time. Where several writes of a key have one value, the latest end
/// counts: the result errs towards fresh. Refused compare-and-sets are not reads here.
pub fn staleness(history: &History) -> Staleness {
    let row = |operation: Operation| {
        let what = match (operation.outcome, operation.op, operation.reply) {
            (Outcome::Ok, Op::Read(_), Some(Reply::Read(seen))) => What::Saw(seen),
            (Outcome::Ok, op, Some(Reply::Written)) => What::Wrote(op.written()?),
            (Outcome::Unknown, op, _) => What::MayWrite(op.written()?),
            _ => return None,
        };
        let Operation { id, invoked, completed, .. } = operation;
        Some(Row { key: operation.op.key(), id, invoked, completed, what })
    };
    let mut rows: Vec<Row> = Vec::with_capacity(history.len());
    rows.extend(history.iter().filter_map(row));
    rows.sort_by_key(|row| row.key); // stable: the order of invocation stays
    let mut staleness = Staleness::default();
    for rows in rows.chunk_by(|one, other| one.key == other.key) {
        key_staleness(rows, &mut staleness);
    }
    staleness
}

/// A read that is stale, on the way to its number of versions.
struct Candidate {
    read: OpId,
    invoked: Time,
    behind: Duration,
    /// How many acknowledged writes began no later than the write of its value ended.
    not_after: usize,
}

fn key_staleness(rows: &[Row], staleness: &mut Staleness) {
    let mut written: Vec<(Value, Time)> = Vec::new(); // with the end
    let mut acknowledged: Vec<(Time, Time)> = Vec::new(); // begin and end, by begin
    for row in rows {
        match row.what {
            What::Saw(_) => {}
            What::MayWrite(value) => written.push((value, row.completed)),
            What::Wrote(value) => {
                written.push((value, row.completed));
                acknowledged.push((row.invoked, row.completed));
            }
        }
    }
    written.sort_unstable();
    // The earliest end among the writes from here on.
    let mut first_end = vec![Time::NEVER; acknowledged.len() + 1];
    for place in (0..acknowledged.len()).rev() {
        first_end[place] = first_end[place + 1].min(acknowledged[place].1);
    }

    let mut stale = Vec::new();
    for row in rows {
        let What::Saw(seen) = row.what else { continue };
        staleness.reads += 1;
        let not_after = match seen {
            None => 0,
            Some(value) => {
                let place = written.partition_point(|entry| entry.0 <= value);
                let Some((_, end)) = place.checked_sub(1).map(|place| written[place]).filter(|entry| entry.0 == value)
                else {
                    staleness.unattributed += 1;
                    continue;
                };
                acknowledged.partition_point(|(begin, _)| *begin <= end)
            }
        };
        if first_end[not_after] < row.invoked {
            let behind = row.invoked.since(first_end[not_after]);
            stale.push(Candidate { read: row.id, invoked: row.invoked, behind, not_after });
        }
    }
    staleness.stale.extend(versions(&stale, &acknowledged));
}

/// Counts for each stale read, in the order of invocation, the acknowledged writes that began after the write it saw
/// had ended, and that ended before it began: a sweep over time with a Fenwick tree over the writes.
fn versions(stale: &[Candidate], acknowledged: &[(Time, Time)]) -> Vec<StaleRead> {
    if stale.is_empty() {
        return Vec::new();
    }
    let mut by_end: Vec<(Time, usize)> =
        acknowledged.iter().enumerate().map(|(place, write)| (write.1, place)).collect();
    by_end.sort_unstable();
    let mut ended = by_end.iter().peekable();
    let (mut tree, mut total) = (vec![0_u32; acknowledged.len() + 1], 0);
    let count = |read: &Candidate| {
        while let Some((_, place)) = ended.next_if(|write| write.0 < read.invoked) {
            total += 1;
            let mut node = place + 1;
            while node < tree.len() {
                tree[node] += 1;
                node += node & node.wrapping_neg();
            }
        }
        let (mut earlier, mut node) = (0, read.not_after);
        while node > 0 {
            earlier += tree[node];
            node &= node - 1;
        }
        StaleRead { read: read.read, behind: read.behind, versions: total - earlier }
    };
    stale.iter().map(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ClientId, NodeId};
    use crate::rng::Stream;

    fn at(ms: u64) -> Time {
        Time::from_nanos(ms * 1_000_000)
    }

    /// Adds operations `(op, from, to, reply)`; without a reply they stay unknown.
    fn history(rows: &[(Op, u64, u64, Option<Reply>)]) -> History {
        let mut history = History::new();
        for (client, (op, from, to, reply)) in rows.iter().enumerate() {
            let id = history.invoke(ClientId(client as u32), *op, at(*from));
            if let Some(reply) = reply {
                history.complete(id, *reply, NodeId(0), at(*to));
            }
        }
        history
    }

    const K: Key = Key(0);

    fn write(value: u64, from: u64, to: u64) -> (Op, u64, u64, Option<Reply>) {
        (Op::Write(K, Value(value)), from, to, Some(Reply::Written))
    }

    fn read(value: Option<u64>, from: u64, to: u64) -> (Op, u64, u64, Option<Reply>) {
        (Op::Read(K), from, to, Some(Reply::Read(value.map(Value))))
    }

    #[test]
    fn a_stale_read_is_as_stale_as_its_first_successor_is_old() {
        let found = staleness(&history(&[
            write(1, 0, 10),
            write(2, 20, 40),
            write(3, 25, 30),
            read(Some(1), 35, 50),
            read(Some(1), 100, 110),
            read(Some(2), 100, 110),
            read(None, 120, 130),
        ]));
        let stale = |row, ms, versions| StaleRead { read: OpId(row), behind: Duration::millis(ms), versions };
        assert_eq!(found.stale, [stale(3, 5, 1), stale(4, 70, 2), stale(6, 110, 3)]);
        assert_eq!((found.reads, found.unattributed, found.worst()), (4, 0, Duration::millis(110)));
    }

    #[test]
    fn what_may_still_take_effect_is_never_stale() {
        let unknown = (Op::Write(K, Value(1)), 0, 0, None);
        let found = staleness(&history(&[unknown, write(2, 10, 20), read(Some(1), 30, 40), read(Some(9), 30, 40)]));
        assert_eq!((found.stale.len(), found.reads, found.unattributed), (0, 2, 1));
    }

    #[test]
    fn touching_times_are_concurrent() {
        let found = staleness(&history(&[write(1, 0, 10), write(2, 10, 20), read(Some(1), 20, 30)]));
        assert!(found.stale.is_empty());
        let found = staleness(&history(&[write(1, 0, 10), write(2, 11, 20), read(Some(1), 21, 30)]));
        assert_eq!((found.stale[0].behind, found.stale[0].versions), (Duration::millis(1), 1));
    }

    #[test]
    fn the_sweep_agrees_with_the_definition() {
        for seed in 0..2_000 {
            let mut stream = Stream::new(seed, "staleness");
            let mut rows = Vec::new();
            let mut from = 0;
            for n in 0..12 {
                from += stream.below(3);
                let to = from + stream.below(8);
                let value = stream.below(12);
                let mut row = if stream.chance(1, 2) { write(n, from, to) } else { read(Some(value), from, to) };
                if value == 0 {
                    row = read(None, from, to);
                } else if stream.chance(1, 8) {
                    row.3 = None;
                }
                rows.push(row);
            }
            let history = history(&rows);
            let mut expected = Vec::new();
            for read in history.iter() {
                let Some(Reply::Read(seen)) = read.reply else { continue };
                let source = seen.map(|value| history.iter().find(|operation| operation.op.written() == Some(value)));
                let after = match source {
                    None => None,
                    Some(Some(write)) => Some(write.completed),
                    Some(None) => continue,
                };
                let later = |write: &Operation| {
                    write.acknowledged_write().is_some()
                        && after.is_none_or(|after| write.invoked > after)
                        && write.completed < read.invoked
                };
                let ends: Vec<Time> = history.iter().filter(later).map(|write| write.completed).collect();
                if let Some(first) = ends.iter().min() {
                    let (behind, versions) = (read.invoked.since(*first), ends.len() as u32);
                    expected.push(StaleRead { read: read.id, behind, versions });
                }
            }
            assert_eq!(staleness(&history).stale, expected, "seed {seed}: {rows:?}");
        }
    }
}
