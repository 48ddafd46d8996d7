//! Strongly connected components of a graph in columns. Next: `execution/graph.rs`, one of the two graphs that have them.

/// The component of every node, where the edges of node `n` have the places from `first[n]` to before `first[n + 1]`;
/// `target` says where the edge of a place leads, `None` where the edge is not to be counted.
///
/// An edge between two components goes from the greater number to the smaller: reversed, the numbers are a topological
/// order. Tarjan, *Depth-First Search and Linear Graph Algorithms*, SIAM J. Comput. 1(2), 1972, without recursion.
/// `O(nodes + edges)`.
pub(in crate::check) fn components(first: &[u32], target: impl Fn(u32) -> Option<u32>) -> Vec<u32> {
    const NEW: u32 = u32::MAX;
    let nodes = first.len().saturating_sub(1);
    let (mut component, mut number, mut low) = (vec![NEW; nodes], vec![NEW; nodes], vec![0; nodes]);
    let mut next = first[..nodes].to_vec();
    let (mut path, mut open) = (Vec::new(), Vec::new());
    let (mut numbers, mut found) = (0, 0);
    for root in 0..nodes as u32 {
        if number[root as usize] != NEW {
            continue;
        }
        path.push(root);
        while let Some(&node) = path.last() {
            let at = node as usize;
            if number[at] == NEW {
                (number[at], low[at]) = (numbers, numbers);
                numbers += 1;
                open.push(node);
            }
            let mut child = None;
            while child.is_none() && next[at] < first[at + 1] {
                next[at] += 1;
                let Some(to) = target(next[at] - 1) else { continue };
                if number[to as usize] == NEW {
                    child = Some(to);
                } else if component[to as usize] == NEW {
                    low[at] = low[at].min(number[to as usize]);
                }
            }
            if let Some(child) = child {
                path.push(child);
                continue;
            }
            path.pop();
            if let Some(&parent) = path.last() {
                low[parent as usize] = low[parent as usize].min(low[at]);
            }
            if low[at] == number[at] {
                let start = open.iter().rposition(|member| *member == node).unwrap_or(0);
                open.drain(start..).for_each(|member| component[member as usize] = found);
                found += 1;
            }
        }
    }
    component
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::rng::Stream;

    /// The columns of a graph.
    fn columns(nodes: u32, edges: &[(u32, u32)]) -> (Vec<u32>, Vec<u32>) {
        let (mut first, mut to) = (vec![0], Vec::new());
        for node in 0..nodes {
            to.extend(edges.iter().filter(|edge| edge.0 == node).map(|edge| edge.1));
            first.push(to.len() as u32);
        }
        (first, to)
    }

    #[test]
    fn nothing_has_no_components() {
        assert!(components(&[], |_| None).is_empty());
        assert!(components(&[0], |_| None).is_empty());
        assert_eq!(components(&[0, 1], |_| Some(0)), [0_u32], "an edge to itself");
    }

    #[test]
    fn components_are_who_reach_each_other_numbered_against_the_edges() {
        for seed in 0..2_000 {
            let mut stream = Stream::new(seed, "components");
            let nodes = 1 + stream.below(8) as u32;
            let mut draw = || stream.below(u64::from(nodes)) as u32;
            let edges: Vec<(u32, u32)> = (0..2 * nodes).map(|_| (draw(), draw())).collect();
            let counts = |edge: (u32, u32)| !(edge.0 + edge.1).is_multiple_of(5);
            let mut reach = vec![vec![false; nodes as usize]; nodes as usize];
            (0..nodes as usize).for_each(|node| reach[node][node] = true);
            for _ in 0..nodes {
                for (from, to) in edges.iter().copied().filter(|edge| counts(*edge)) {
                    let there = reach[to as usize].clone();
                    reach[from as usize].iter_mut().zip(there).for_each(|(here, there)| *here |= there);
                }
            }
            let (first, to) = columns(nodes, &edges);
            let from = |place: u32| first.partition_point(|first| *first <= place) as u32 - 1;
            let target = |place: u32| Some(to[place as usize]).filter(|to| counts((from(place), *to)));
            let component = components(&first, target);
            for one in 0..nodes as usize {
                for other in 0..nodes as usize {
                    let both = reach[one][other] && reach[other][one];
                    assert_eq!(component[one] == component[other], both, "seed {seed}: {edges:?}");
                    assert!(!reach[one][other] || component[one] >= component[other], "seed {seed}: {edges:?}");
                }
            }
        }
    }
}
