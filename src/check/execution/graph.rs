//! Directed graphs of small dense nodes: components, and short cycles. Next: `../session/mod.rs`.

use std::collections::VecDeque;

use crate::check::components::components;

/// A graph whose edges carry a tag.
#[derive(Default)]
pub(in crate::check) struct Graph {
    nodes: u32,
    edges: Vec<(u32, u32, u32)>,
}

impl Graph {
    pub fn new(nodes: u32) -> Graph {
        Graph { nodes, edges: Vec::new() }
    }

    /// Adds a node.
    pub fn node(&mut self) -> u32 {
        self.nodes += 1;
        self.nodes - 1
    }

    pub fn edge(&mut self, from: u32, to: u32, tag: u32) {
        self.edges.push((from, to, tag));
    }

    /// The same graph, for searches. `O(nodes + edges)`.
    pub fn indexed(&self) -> Indexed {
        let mut from = vec![0_u32; self.nodes as usize + 1];
        for edge in &self.edges {
            from[edge.0 as usize + 1] += 1;
        }
        for node in 0..self.nodes as usize {
            from[node + 1] += from[node];
        }
        let mut next = from.clone();
        let mut out = vec![(0, 0); self.edges.len()];
        for (source, target, tag) in &self.edges {
            out[next[*source as usize] as usize] = (*target, *tag);
            next[*source as usize] += 1;
        }
        Indexed { from, out }
    }
}

/// A graph by source.
pub(in crate::check) struct Indexed {
    from: Vec<u32>,
    /// Target and tag.
    out: Vec<(u32, u32)>,
}

impl Indexed {
    pub fn nodes(&self) -> u32 {
        self.from.len() as u32 - 1
    }

    /// The edges that leave a node: target and tag.
    pub fn out(&self, node: u32) -> &[(u32, u32)] {
        &self.out[self.from[node as usize] as usize..self.from[node as usize + 1] as usize]
    }

    /// The strongly connected component of every node, numbered against the edges. `O(nodes + edges)`.
    pub fn components(&self) -> Vec<u32> {
        components(&self.from, |place| Some(self.out[place as usize].0))
    }

    /// A path from a node back to itself by way of another node that `counts`, over nodes that are `within`, with the
    /// least sum of `cost`, which is 0 or 1 for each edge: its edges as `(from, to, tag)`. `O(nodes + edges)`.
    pub fn cycle(
        &self,
        start: u32,
        within: impl Fn(u32) -> bool,
        counts: impl Fn(u32) -> bool,
        cost: impl Fn(u32, u32, u32) -> bool,
    ) -> Option<Vec<(u32, u32, u32)>> {
        const UNREACHED: u32 = u32::MAX;
        // A state is a node, and whether another that counts was passed.
        let state = |node: u32, passed: bool| (node * 2 + u32::from(passed)) as usize;
        let mut came: Vec<(u32, u32)> = vec![(UNREACHED, 0); self.nodes() as usize * 2];
        let mut distance = vec![UNREACHED; self.nodes() as usize * 2];
        let mut done = vec![false; self.nodes() as usize * 2];
        let mut queue = VecDeque::from([state(start, false)]);
        distance[state(start, false)] = 0;
        while let Some(here) = queue.pop_front() {
            if std::mem::replace(&mut done[here], true) {
                continue;
            }
            let (node, passed) = (here as u32 / 2, here % 2 == 1);
            if node == start && passed {
                let mut edges = Vec::new();
                let mut at = here;
                while at != state(start, false) {
                    let (before, tag) = came[at];
                    edges.push((before / 2, at as u32 / 2, tag));
                    at = before as usize;
                }
                edges.reverse();
                return Some(edges);
            }
            for (target, tag) in self.out(node).iter().filter(|(target, _)| within(*target)) {
                let next = state(*target, passed || (*target != start && counts(*target)));
                let costs = cost(node, *target, *tag);
                let far = distance[here] + u32::from(costs);
                if far < distance[next] {
                    distance[next] = far;
                    came[next] = (here as u32, *tag);
                    if costs { queue.push_back(next) } else { queue.push_front(next) }
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_numbered_against_the_edges() {
        let mut graph = Graph::new(5);
        for (from, to) in [(0, 1), (1, 2), (2, 1), (2, 3), (4, 0)] {
            graph.edge(from, to, 7);
        }
        let extra = graph.node();
        graph.edge(3, extra, 8);
        let indexed = graph.indexed();
        let component = indexed.components();
        assert_eq!(component[1], component[2]);
        let order = [4, 0, 1, 3, 5].map(|node: usize| component[node]);
        assert!(order.windows(2).all(|pair| pair[0] > pair[1]), "{component:?}");
        assert_eq!(indexed.out(3), [(5, 8)]);
    }

    #[test]
    fn the_cheapest_cycle_is_found() {
        let mut graph = Graph::new(4);
        for (from, to, tag) in [(0, 1, 1), (1, 2, 1), (2, 0, 1), (0, 3, 0), (3, 0, 0)] {
            graph.edge(from, to, tag);
        }
        let indexed = graph.indexed();
        let find = |counts: &dyn Fn(u32) -> bool| indexed.cycle(0, |_| true, counts, |_, _, tag| tag == 1);
        assert_eq!(find(&|_| true), Some(vec![(0, 3, 0), (3, 0, 0)]));
        assert_eq!(find(&|node| node == 2).map(|cycle| cycle.len()), Some(3));
        assert_eq!(find(&|_| false), None);
    }
}
