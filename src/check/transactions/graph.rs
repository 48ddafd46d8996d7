//! Graphs of dependencies: edges in columns, components, short cycles, orders.

use super::search::Meter;
use crate::check::components::components;

/// The kind of an edge. Some edges go by way of nodes that are no transactions, so that `a` sources and `b` targets
/// cost `a + b` edges instead of `a b`; the edges that continue a way are free when lengths are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Kind {
    WriteWrite,
    WriteRead,
    ReadWrite,
    ReadWriteVia,
    Session,
    RealTime,
    RealTimeVia,
    Visibility,
    /// From the begin of a transaction to its commit.
    Inner,
}

impl Kind {
    pub(super) const fn bit(self) -> u16 {
        1 << self as u8
    }

    const fn is_free(self) -> bool {
        matches!(self, Kind::ReadWriteVia | Kind::RealTimeVia | Kind::Inner)
    }
}

/// Which kinds of edges are there.
pub(super) type Mask = u16;
pub(super) const WW: Mask = Kind::WriteWrite.bit();
pub(super) const WR: Mask = Kind::WriteRead.bit();
pub(super) const RW: Mask = Kind::ReadWrite.bit() | Kind::ReadWriteVia.bit();
pub(super) const SESSION: Mask = Kind::Session.bit();
pub(super) const REAL_TIME: Mask = Kind::RealTime.bit() | Kind::RealTimeVia.bit();
pub(super) const ALL: Mask = u16::MAX;

/// An edge; what `about` counts depends on the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) kind: Kind,
    pub(super) about: u32,
}

/// Edges sorted by where they start.
pub(super) struct Graph {
    first: Vec<u32>,
    to: Vec<u32>,
    kind: Vec<Kind>,
    about: Vec<u32>,
}

/// A node that is in no component: it is on no cycle.
pub(super) const ALONE: u32 = u32::MAX;

/// The components with more than one node.
pub(super) struct Components {
    /// By node.
    pub(super) of: Vec<u32>,
    /// How many nodes each has.
    pub(super) sizes: Vec<u32>,
}

impl Graph {
    pub(super) fn new(nodes: usize, edges: &[Edge]) -> Graph {
        let mut first = vec![0_u32; nodes + 1];
        edges.iter().for_each(|edge| first[edge.from as usize + 1] += 1);
        (0..nodes).for_each(|node| first[node + 1] += first[node]);
        let mut next = first.clone();
        let (mut to, mut kind) = (vec![0; edges.len()], vec![Kind::WriteWrite; edges.len()]);
        let mut about = vec![0; edges.len()];
        for edge in edges {
            let place = next[edge.from as usize] as usize;
            next[edge.from as usize] += 1;
            (to[place], kind[place], about[place]) = (edge.to, edge.kind, edge.about);
        }
        Graph { first, to, kind, about }
    }

    pub(super) fn nodes(&self) -> usize {
        self.first.len() - 1
    }

    pub(super) fn edges(&self) -> usize {
        self.to.len()
    }

    pub(super) fn edge(&self, from: u32, place: usize) -> Edge {
        Edge { from, to: self.to[place], kind: self.kind[place], about: self.about[place] }
    }

    pub(super) fn range(&self, node: u32) -> std::ops::Range<usize> {
        self.first[node as usize] as usize..self.first[node as usize + 1] as usize
    }

    pub(super) fn out(&self, node: u32, mask: Mask) -> impl Iterator<Item = Edge> + '_ {
        let range = self.range(node);
        range.filter(move |place| self.kind[*place].bit() & mask != 0).map(move |place| self.edge(node, place))
    }

    /// The strongly connected components over the edges of a mask. `O(n + m)`.
    pub(super) fn components(&self, mask: Mask) -> Components {
        let counts = |place: usize| self.kind[place].bit() & mask != 0;
        let target = |place: u32| Some(self.to[place as usize]).filter(|_| counts(place as usize));
        let mut of = components(&self.first, target);
        let mut members = vec![0_u32; self.nodes()];
        of.iter().for_each(|component| members[*component as usize] += 1);
        let sizes: Vec<u32> = members.iter().copied().filter(|size| *size > 1).collect();
        // The new number of each component; of those with one node, none.
        let mut next = 0..sizes.len() as u32;
        let mut number = |size: &u32| if *size > 1 { next.next().unwrap_or(ALONE) } else { ALONE };
        let numbers: Vec<u32> = members.iter().map(&mut number).collect();
        of.iter_mut().for_each(|component| *component = numbers[*component as usize]);
        Components { of, sizes }
    }

    /// An order of all nodes that follows every edge: of those that may come next, the one with the least rank.
    /// None where there is a cycle. `O((n + m) log n)`.
    pub(super) fn order(&self, mask: Mask, rank: impl Fn(u32) -> u64) -> Option<Vec<u32>> {
        use std::cmp::Reverse;
        let mut before = vec![0_u32; self.nodes()];
        for place in (0..self.to.len()).filter(|place| self.kind[*place].bit() & mask != 0) {
            before[self.to[place] as usize] += 1;
        }
        let mut ready: std::collections::BinaryHeap<_> = (0..self.nodes() as u32)
            .filter(|node| before[*node as usize] == 0)
            .map(|node| Reverse((rank(node), node)))
            .collect();
        let mut order = Vec::with_capacity(self.nodes());
        while let Some(Reverse((_, node))) = ready.pop() {
            order.push(node);
            for edge in self.out(node, mask) {
                before[edge.to as usize] -= 1;
                if before[edge.to as usize] == 0 {
                    ready.push(Reverse((rank(edge.to), edge.to)));
                }
            }
        }
        (order.len() == self.nodes()).then_some(order)
    }

    /// A short cycle: the shortest through any of the first nodes of the smallest component that the steps allow.
    pub(super) fn short_cycle(&self, mask: Mask, meter: &mut Meter) -> Option<Vec<Edge>> {
        const STARTS: usize = 64;
        const STEPS: u64 = 4_000_000;
        let components = self.components(mask);
        let smallest = (0..components.sizes.len()).min_by_key(|id| components.sizes[*id])? as u32;
        let until = meter.steps + STEPS;
        let mut walk = Walk::new(self.nodes());
        let mut best: Option<Vec<Edge>> = None;
        let members = (0..self.nodes() as u32).filter(|node| components.of[*node as usize] == smallest);
        for start in members.take(STARTS) {
            if best.is_some() && meter.steps > until {
                break;
            }
            let within = |node: u32| components.of[node as usize] == smallest;
            let found = walk.path(self, mask, start, start, within, meter);
            let shorter = |found: &Vec<Edge>| best.as_ref().is_none_or(|best| length(found) < length(best));
            if let Some(found) = found.filter(shorter) {
                best = Some(found);
            }
        }
        best
    }
}

/// How many edges of a path are not free.
pub(super) fn length(path: &[Edge]) -> usize {
    path.iter().filter(|edge| !edge.kind.is_free()).count()
}

/// Breadth-first walks that reuse their memory.
pub(super) struct Walk {
    round: u32,
    reached: Vec<u32>,
    done: Vec<u32>,
    distance: Vec<u32>,
    by: Vec<Edge>,
}

impl Walk {
    pub(super) fn new(nodes: usize) -> Walk {
        let none = Edge { from: 0, to: 0, kind: Kind::Inner, about: 0 };
        Walk {
            round: 0,
            reached: vec![0; nodes],
            done: vec![0; nodes],
            distance: vec![0; nodes],
            by: vec![none; nodes],
        }
    }

    /// A shortest path of at least one edge; from a node to itself, a shortest cycle through it. `O(n + m)`.
    pub(super) fn path(
        &mut self,
        graph: &Graph,
        mask: Mask,
        from: u32,
        to: u32,
        within: impl Fn(u32) -> bool,
        meter: &mut Meter,
    ) -> Option<Vec<Edge>> {
        self.round += 1;
        let mut queue = std::collections::VecDeque::from([(from, 0)]);
        let mut first = true;
        while let Some((node, distance)) = queue.pop_front() {
            let at = node as usize;
            if !first {
                if node == to {
                    return Some(self.back(from, to));
                }
                if self.done[at] == self.round || self.distance[at] < distance {
                    continue;
                }
                self.done[at] = self.round;
            }
            first = false;
            for edge in graph.out(node, mask) {
                meter.steps += 1;
                let next = distance + u32::from(!edge.kind.is_free());
                let there = edge.to as usize;
                let known = self.reached[there] == self.round && self.distance[there] <= next;
                if known || !within(edge.to) {
                    continue;
                }
                self.reached[there] = self.round;
                self.distance[there] = next;
                self.by[there] = edge;
                if edge.kind.is_free() { queue.push_front((edge.to, next)) } else { queue.push_back((edge.to, next)) }
            }
        }
        None
    }

    fn back(&self, from: u32, to: u32) -> Vec<Edge> {
        let mut path = vec![self.by[to as usize]];
        while path[path.len() - 1].from != from {
            path.push(self.by[path[path.len() - 1].from as usize]);
        }
        path.reverse();
        path
    }
}
