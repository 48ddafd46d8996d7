//! Strong eventual consistency: copies that have merged the same writes to a key hold the same value.
//!
//! Of each copy and key one sum is kept of what was merged, in any order, and a small table says what a sum led to. The
//! table forgets, so two copies are compared where they come to the same sum within some hundreds of merges; and what
//! is merged twice counts twice, so that some comparisons do not happen. None is wrong.

use crate::id::{Key, NodeId, Renaming, Value};

use super::breaches::Breaches;
use super::{Invariant, Seen};

/// How many sums are remembered.
const REMEMBERED: usize = 1 << 10;

/// The sums of a run.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Merges {
    /// By node, then by key.
    sums: Vec<Vec<u64>>,
    /// Empty until somebody tells.
    results: Vec<Outcome>,
}

/// What merging some writes led to.
#[derive(Clone, Copy, Debug, Default, Hash)]
struct Outcome {
    sum: u64,
    key: Key,
    node: NodeId,
    /// One more than the value; 0 for none.
    held: u64,
}

fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl Merges {
    pub fn begin_anew(&mut self, nodes: usize) {
        self.sums.resize(nodes, Vec::new());
        self.sums.iter_mut().for_each(Vec::clear);
        self.results.clear();
    }

    /// Calls the nodes otherwise.
    pub fn rename(&mut self, renaming: &Renaming) {
        renaming.reorder(&mut self.sums);
        self.results.iter_mut().for_each(|result| renaming.rename(&mut result.node));
    }

    /// A copy merged this write to a key, and holds this value now. `O(1)`, amortised.
    pub fn merged(&mut self, seen: Seen, key: Key, update: u64, held: Option<Value>, into: &mut Breaches) {
        if self.results.is_empty() {
            self.results.resize(REMEMBERED, Outcome::default());
        }
        let sums = &mut self.sums[seen.node().index()];
        if key.index() >= sums.len() {
            sums.resize(key.index() + 1, 0);
        }
        sums[key.index()] = sums[key.index()].wrapping_add(mix(update) | 1);
        let now = Outcome { sum: sums[key.index()], key, node: seen.node(), held: held.map_or(0, |held| held.0 + 1) };
        let result = &mut self.results[mix(now.sum ^ u64::from(key.0)) as usize % REMEMBERED];
        let other = std::mem::replace(result, now);
        if (other.sum, other.key) == (now.sum, key) && other.held != now.held {
            into.note(Invariant::StrongConvergence, seen.at, &[other.node, seen.node()], |names| {
                let [one, two] = [other, now].map(|of| {
                    let value = of.held.checked_sub(1).map_or("nothing".into(), |value| Value(value).to_string());
                    format!("{value} in {}", names.name(of.node))
                });
                format!("the same writes to {key} were merged into {one} and {two}")
            });
        }
    }

    /// A node is down, and will tell again what it merges from its disk.
    pub fn crashed(&mut self, node: NodeId) {
        if let Some(sums) = self.sums.get_mut(node.index()) {
            sums.clear();
        }
    }
}
