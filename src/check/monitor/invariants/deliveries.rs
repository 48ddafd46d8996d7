//! Causal delivery: a node takes a write only after all that the write's origin had taken when it made it.
//!
//! Each node has a clock: how many writes of each origin it has taken. The clock of the origin at a write is what that
//! write depends on, so that no protocol need tell its dependencies (Birman, Schiper, Stephenson 1991, section 4).

use crate::id::{NodeId, Renaming};

use super::breaches::Breaches;
use super::{Invariant, Seen};

/// Clocks and dependencies of a run.
#[derive(Clone, Debug, Default, Hash)]
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

    /// Calls the nodes otherwise.
    pub fn rename(&mut self, renaming: &Renaming) {
        let clocks = |clocks: &mut Vec<u64>, k| clocks.chunks_exact_mut(k).for_each(|clock| renaming.reorder(clock));
        let k = self.nodes.max(1);
        clocks(&mut self.clocks, k);
        let mut by_node: Vec<Vec<u64>> = self.clocks.chunks_exact(k).map(<[u64]>::to_vec).collect();
        renaming.reorder(&mut by_node);
        self.clocks = by_node.concat();
        self.made.iter_mut().for_each(|made| clocks(made, k));
        renaming.reorder(&mut self.made);
    }

    fn begin(&mut self) {
        if self.clocks.is_empty() {
            self.clocks.resize(self.nodes * self.nodes, 0);
            self.made.resize(self.nodes, Vec::new());
        }
    }

    /// A node's copy has the writes of `origin` up to this number; in which order it took them is not told again.
    pub fn recovered(&mut self, node: NodeId, origin: NodeId, number: u64) {
        self.begin();
        let place = node.index() * self.nodes + origin.index();
        if let Some(has) = self.clocks.get_mut(place).filter(|_| origin.index() < self.nodes) {
            *has = number.max(*has);
        }
    }

    /// A node took the `number`-th write of `origin`. `O(k)` for `k` nodes.
    pub fn delivered(&mut self, seen: Seen, origin: NodeId, number: u64, into: &mut Breaches) {
        let (k, node) = (self.nodes, seen.node().index());
        self.begin();
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
            into.note(Invariant::CausalDelivery, seen.at, &[seen.node(), origin, of], |names| {
                let [node, origin, of] = [seen.node(), origin, of].map(|node| names.name(node));
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

#[cfg(test)]
mod tests {
    use super::*;

    use crate::id::GroupId;
    use crate::time::Time;

    /// A node that begins again with the outcome of some writes may take what comes after them.
    #[test]
    fn what_was_recovered_need_not_be_told_in_its_order() {
        let (mut deliveries, mut breaches) = (Deliveries::default(), Breaches::default());
        breaches.begin_anew(["a", "b", "c"].map(|name| (name.into(), GroupId(0))).into());
        breaches.ask(Invariant::CausalDelivery);
        deliveries.begin_anew(3);
        let seen = |node| Seen::new(Time::ZERO, NodeId(node), GroupId(0), false);
        let [a, b, c] = [0, 1, 2].map(NodeId);
        deliveries.delivered(seen(0), a, 1, &mut breaches);
        deliveries.delivered(seen(1), a, 1, &mut breaches);
        deliveries.delivered(seen(1), b, 1, &mut breaches);
        deliveries.delivered(seen(1), b, 2, &mut breaches);
        deliveries.recovered(c, b, 1);
        deliveries.recovered(c, a, 1);
        deliveries.delivered(seen(2), b, 2, &mut breaches);
        assert_eq!(breaches.found(), []);
        deliveries.crashed(c);
        deliveries.recovered(c, b, 2);
        deliveries.delivered(seen(2), b, 2, &mut breaches);
        assert_eq!(breaches.found().len(), 1, "it lacks the write of a");
    }
}
