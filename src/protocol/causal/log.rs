//! The writes that a node keeps for those who may lack them. Next: `waiting.rs`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::Clock;
use super::store::Write;
use crate::id::NodeId;

/// Writes by origin, from the first that some peer may lack.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Log {
    origins: BTreeMap<NodeId, Kept>,
    /// What each peer has, as it said itself: it has that on disk.
    known: BTreeMap<NodeId, Clock>,
    len: usize,
}

/// The writes of one origin.
#[derive(Clone, Debug, Default, Hash)]
struct Kept {
    /// How many were dropped: everybody has them.
    dropped: u64,
    /// Those after them, in order and without a gap.
    writes: VecDeque<Arc<Write>>,
}

impl Log {
    /// How many writes are kept.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Every write that is kept, by origin and number.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Write>> {
        self.origins.values().flat_map(|kept| &kept.writes)
    }

    /// Keeps the next write of its origin.
    pub fn push(&mut self, write: Arc<Write>) {
        let kept = self.origins.entry(write.origin()).or_default();
        if kept.writes.is_empty() {
            kept.dropped = write.number() - 1;
        }
        kept.writes.push_back(write);
        self.len += 1;
    }

    /// The copy has all this, and what is not kept of it, nobody will get from here one by one.
    pub fn skip_to(&mut self, clock: &Clock) {
        for (node, number) in clock.iter() {
            let kept = self.origins.entry(node).or_default();
            if kept.dropped + (kept.writes.len() as u64) < number {
                self.len -= kept.writes.len();
                *kept = Kept { dropped: number, writes: VecDeque::new() };
            }
        }
    }

    /// One of so many peers says that it has this; what all of them have is dropped.
    pub fn learn(&mut self, peer: NodeId, has: &Clock, peers: usize) {
        self.known.entry(peer).or_default().merge(has);
        if self.known.len() < peers {
            return; // somebody was not heard yet
        }
        for (origin, kept) in &mut self.origins {
            let everywhere = self.known.values().map(|has| has.of(*origin)).min().unwrap_or(0);
            while kept.dropped < everywhere && kept.writes.pop_front().is_some() {
                kept.dropped += 1;
                self.len -= 1;
            }
        }
    }

    /// The first `most` writes that one who has this lacks, each after all that it knows, and whether there are more.
    ///
    /// `None` where it lacks some that are not kept.
    pub fn after(&self, has: &Clock, most: usize) -> Option<(Vec<Arc<Write>>, bool)> {
        let mut rest = Vec::new();
        for (origin, kept) in &self.origins {
            let skipped = has.of(*origin).checked_sub(kept.dropped)?;
            rest.push(kept.writes.iter().skip(usize::try_from(skipped).unwrap_or(usize::MAX)).peekable());
        }
        let mut lacked = Vec::new();
        // Stamps grow along the past and along each origin's numbers: the lowest of all is next.
        while lacked.len() < most {
            let lowest = rest.iter_mut().filter_map(|writes| writes.peek().map(|write| write.stamp)).min();
            let Some(lowest) = lowest else { return Some((lacked, false)) };
            lacked.extend(rest.iter_mut().find_map(|writes| writes.next_if(|write| write.stamp == lowest)).cloned());
        }
        let are_more = rest.iter_mut().any(|writes| writes.peek().is_some());
        Some((lacked, are_more))
    }
}
