//! Probabilistically bounded staleness: how likely a read is fresh, by how long ago the last write was acknowledged.
//!
//! Bailis, Venkataraman, Franklin, Hellerstein & Stoica, *Probabilistically Bounded Staleness for Practical Partial
//! Quorums*, VLDB 2012, predict it; here it is counted. Each read is one sample: `t` is the time from the last
//! acknowledgement of a write of its key, strictly before it began, to its beginning. It is *fresh* if it found that
//! write, or one that does not certainly come before it: one that had not ended when that write began. All results are
//! whole numbers.

use crate::history::{History, Operation, Outcome};
use crate::id::{Key, RegionId, Value};
use crate::op::{Op, Reply};
use crate::time::{Duration, Time};

/// Reads, and how many of them were fresh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freshness {
    /// How many reads there were.
    pub reads: u64,
    /// How many of them found the last acknowledged write, or one that may be as new.
    pub fresh: u64,
}

/// How fresh the reads of a region were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visibility {
    /// Where the readers are.
    pub region: RegionId,
    /// By the time since the last acknowledgement: before the first bound, from there to the second, and so on, from the
    /// last.
    pub since_acknowledged: Vec<Freshness>,
    /// Acknowledged writes that some read of the region found, by the time from the acknowledgement to the end of the
    /// first such read; a read that ended before counts in the first place.
    pub first_seen: Vec<u64>,
    /// Acknowledged writes that no read of the region found.
    pub never_seen: u64,
}

/// Counts, by the region of each reader, as `region` tells it. `bounds` are the ends of the spans of time, ascending. Reads
/// of values that nobody wrote count as not fresh. `O(n log n)`, and `O(n)` more for every region.
pub fn visibility(
    history: &History,
    bounds: &[Duration],
    region: impl Fn(&Operation) -> Option<RegionId>,
) -> Vec<Visibility> {
    let mut writes: Vec<(Key, Value, Operation)> = Vec::new();
    for operation in history.iter().filter(|operation| operation.outcome != Outcome::Fail) {
        if let (Some(value), false) = (operation.op.written(), matches!(operation.reply, Some(Reply::Mismatch(_)))) {
            writes.push((operation.op.key(), value, operation));
        }
    }
    writes.sort_unstable_by_key(|(key, value, _)| (*key, *value));
    let mut acknowledged: Vec<(Key, Time, usize)> = Vec::new();
    for (place, (key, _, write)) in writes.iter().enumerate() {
        if write.outcome == Outcome::Ok {
            acknowledged.push((*key, write.completed, place));
        }
    }
    acknowledged.sort_unstable();
    let span = |time: Duration| bounds.partition_point(|bound| *bound <= time);
    let blank = |region| Visibility {
        region,
        since_acknowledged: vec![Freshness::default(); bounds.len() + 1],
        first_seen: vec![0; bounds.len() + 1],
        never_seen: 0,
    };
    let mut regions: Vec<(Visibility, Vec<Time>)> = Vec::new();
    for read in history.iter() {
        let (Op::Read(key), Some(Reply::Read(seen)), Some(region)) = (read.op, read.reply, region(&read)) else {
            continue;
        };
        let place = regions.partition_point(|(known, _)| known.region < region);
        if regions.get(place).is_none_or(|(known, _)| known.region != region) {
            regions.insert(place, (blank(region), vec![Time::NEVER; writes.len()]));
        }
        let (counts, seen_at) = &mut regions[place];
        let found = seen.and_then(|value| writes.binary_search_by_key(&(key, value), |w| (w.0, w.1)).ok());
        if let Some(found) = found {
            seen_at[found] = seen_at[found].min(read.completed);
        }
        let before = acknowledged.partition_point(|(of, at, _)| (*of, *at) < (key, read.invoked));
        let Some((_, at, last)) = before.checked_sub(1).map(|before| acknowledged[before]).filter(|a| a.0 == key)
        else {
            continue;
        };
        let counts = &mut counts.since_acknowledged[span(read.invoked.since(at))];
        counts.reads += 1;
        let fresh = found.is_some_and(|found| writes[found].2.completed >= writes[last].2.invoked);
        counts.fresh += u64::from(fresh);
    }
    for (counts, seen_at) in &mut regions {
        for (_, at, place) in &acknowledged {
            match seen_at[*place] {
                Time::NEVER => counts.never_seen += 1,
                seen => counts.first_seen[span(seen.since(*at))] += 1,
            }
        }
    }
    regions.into_iter().map(|(counts, _)| counts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ClientId, NodeId};

    #[test]
    fn reads_are_counted_by_the_time_since_the_last_acknowledgement() {
        let (mut history, at, key) = (History::new(), Time::from_nanos, Key(0));
        for (value, from, to) in [(1, 0, 10), (2, 20, 30)] {
            let id = history.invoke(ClientId(0), Op::Write(key, Value(value)), at(from));
            history.complete(id, Reply::Written, NodeId(0), at(to));
        }
        // Region 0 reads at once and is stale, then fresh; region 1 only reads late, and of nobody's value.
        for (client, seen, from) in
            [(1, Some(1), 31), (1, Some(2), 45), (2, Some(2), 60), (2, Some(9), 200), (2, None, 201)]
        {
            let id = history.invoke(ClientId(client), Op::Read(key), at(from));
            history.complete(id, Reply::Read(seen.map(Value)), NodeId(0), at(from + 5));
        }
        let region = |read: &Operation| Some(RegionId(u16::from(read.client.0 == 2)));
        let found = visibility(&history, &[Duration::nanos(10), Duration::nanos(100)], region);
        let counts = |pairs: [(u64, u64); 3]| pairs.map(|(reads, fresh)| Freshness { reads, fresh }).to_vec();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].since_acknowledged, counts([(1, 0), (1, 1), (0, 0)]));
        assert_eq!(found[1].since_acknowledged, counts([(0, 0), (1, 1), (2, 0)]));
        assert_eq!((&found[0].first_seen[..], found[0].never_seen), (&[0, 2, 0][..], 0));
        assert_eq!((&found[1].first_seen[..], found[1].never_seen), (&[0, 1, 0][..], 1));
    }
}
