//! Demands judged with the version order: a floor is the newest of its versions.

use super::demands::{Groups, Judge, tell};
use super::{Findings, Guarantee, Hop, violation};
use crate::check::execution::{Execution, INITIAL, NONE, THIN_AIR, UNPLACED};

/// The newest version of a floor.
#[derive(Clone, Copy)]
struct Floor {
    rank: u32,
    version: u32,
    by: u32,
}

struct Within<'a> {
    rank: &'a [u32],
    bound: u64,
    /// The operations that broke a demand, in the order in which they were judged.
    broken: Vec<u32>,
    /// The earliest of them, and the demand.
    first: Option<(u32, Hop)>,
}

impl Within<'_> {
    /// The place of a version; 0 for the initial one and for one that has none, which so demands nothing.
    fn rank(&self, version: u32) -> Option<u32> {
        match version {
            INITIAL => Some(0),
            version if version < THIN_AIR => Some(self.rank[version as usize]).filter(|rank| *rank != UNPLACED),
            _ => None,
        }
    }
}

impl Judge for Within<'_> {
    type Floor = Floor;

    fn raise(&mut self, floor: Option<Floor>, version: u32, by: u32) -> Floor {
        let raised = Floor { rank: self.rank(version).unwrap_or(0), version, by };
        self.merge(floor, raised)
    }

    fn merge(&mut self, floor: Option<Floor>, other: Floor) -> Floor {
        floor.filter(|floor| floor.rank >= other.rank).unwrap_or(other)
    }

    fn demand(&mut self, floor: Floor, version: u32, by: u32, strictly: bool) {
        let Some(rank) = self.rank(version) else { return };
        if floor.rank > rank || (strictly && floor.rank == rank) {
            self.broken.push(by);
            if self.first.as_ref().is_none_or(|(first, _)| by < *first) {
                self.first = Some((by, Hop { from: floor.version, to: version, by: [floor.by, by] }));
            }
        }
    }

    fn future(&mut self, by: u32, version: u32) {
        // The demand on the later write tells it too, where that has a place.
        if self.rank(version).is_none() {
            self.broken.push(by);
            let hop = Hop { from: version, to: version, by: [by, NONE] };
            self.first.get_or_insert((by, Hop { by: [by, by], ..hop }));
        }
    }

    fn bound(&mut self) {
        self.bound += 1;
    }
}

/// Judges the guarantee by these places of the versions.
pub(super) fn judge(execution: &Execution, groups: &Groups, rank: &[u32], guarantee: Guarantee) -> Findings {
    let mut within = Within { rank, bound: 0, broken: Vec::new(), first: None };
    let steps = tell(execution, groups, guarantee, &vec![true; execution.keys.len()], &mut within);
    within.broken.sort_unstable();
    within.broken.dedup();
    let first = within.first.map(|(_, hop)| violation(execution, guarantee, &[hop]));
    Findings { bound: within.bound, broken: within.broken, steps, first, certified: true }
}
