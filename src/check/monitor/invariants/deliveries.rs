//! Causal delivery: a node takes a write only after all that the write's origin had taken when it made it.
//!
//! Each node has a clock: how many writes of each origin it has taken. The clock of the origin at a write is what that
//! write depends on, so that no protocol need tell its dependencies (Birman, Schiper, Stephenson 1991, section 4).

use crate::id::NodeId;

use super::breaches::Breaches;
use super::{Invariant, Seen};

/// Clocks and dependencies of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Deliveries {
    nodes: usize,
    /// By node, then by origin; empty until somebody tells.
    clocks: Vec<u64>,
    /// By origin: the clock at each of its writes, one after the other.
    made: Vec<Vec<u64>>,
}

impl Deliveries {
    pub fn begin_anew(&mut self, nodes: usize) {
        self.nodes = nodes;
        self.clocks.clear();
        self.made.clear();
    }

    /// A node took the `number`-th write of `origin`. `O(k)` for `k` nodes.
    pub fn delivered(&mut self, seen: Seen, origin: NodeId, number: u64, into: &mut Breaches) {
        let (k, node) = (self.nodes, seen.node.index());
        if self.clocks.is_empty() {
            self.clocks.resize(k * k, 0);
            self.made.resize(k, Vec::new());
        }
        let (Some(made), Some(place)) = (self.made.get_mut(origin.index()), number.checked_sub(1)) else { return };
        let clock = &mut self.clocks[node * k..][..k];
        let place = place as usize * k;
        if node == origin.index() && place == made.len() {
            made.extend_from_slice(clock);
        }
        let needed = made.get(place..place + k);
        let lacks = match needed {
            None => Some((origin, number)),
            Some(needed) => {
                let missing = needed.iter().zip(&*clock).position(|(needed, has)| needed > has);
                missing.map(|place| (NodeId(place as u16), needed[place]))
            }
        };
        clock[origin.index()] = clock[origin.index()].max(number);
        if let Some((of, wanted)) = lacks {
            into.note(Invariant::CausalDelivery, seen.at, &[seen.node, origin, of], |names| {
                let [node, origin, of] = [seen.node, origin, of].map(|node| names.name(node));
                format!("{node} takes write {number} of {origin}, which depends on write {wanted} of {of}, before that")
            });
        }
    }

    /// A node is down, and its copy gone: it will tell again what it recovers.
    pub fn crashed(&mut self, node: NodeId) {
        if let Some(clock) = self.clocks.get_mut(node.index() * self.nodes..).filter(|clock| !clock.is_empty()) {
            clock[..self.nodes].fill(0);
        }
    }
}
