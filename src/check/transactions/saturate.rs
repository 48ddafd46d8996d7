//! What follows for the order of versions from what is known, drawn until nothing more does.
//!
//! With `t1` the writer of the version of `x` that `t3` read, and `t2` another writer of `x`: if `t2` must come before
//! `t3` begins, then it comes before `t1`; if `t1` must come before `t2`, then `t3` begins before `t2` commits. Under
//! snapshot isolation two writers of one key cannot overlap, so if one must begin before the other commits, it commits
//! before the other begins. Each of these holds in every schedule, so a cycle refutes the level for good; where there
//! is none, the search has that much less to guess. (Zennou et al., *Gradual Consistency Checking*, CAV 2019, does the
//! same for sequential consistency.)

use super::Case;
use super::exact::Plan;
use super::facts::INITIAL;
use super::graph::{ALL, Edge, Graph, Kind};
use super::level::Level;
use super::search::Meter;

/// Nodes up to which reachability is kept, in a square of bits: 32 MiB.
const NODES_MAX: usize = 16_384;

/// Adds the edges that follow to the plan; false where they make a cycle. Adds fewer where the history is large or the
/// budget is spent: it is the search that decides in the end.
pub(super) fn saturate(case: &Case, plan: &mut Plan, meter: &mut Meter) -> bool {
    if plan.nodes > NODES_MAX {
        return true;
    }
    let Some(mut reach) = Reach::new(plan) else { return false };
    loop {
        let found = following(case, plan, &reach, meter);
        if found.is_empty() {
            return true;
        }
        for edge in found {
            if reach.has(edge.from, edge.to) {
                continue;
            }
            if reach.has(edge.to, edge.from) || edge.from == edge.to {
                return false;
            }
            if !meter.spend(reach.add(edge.from, edge.to)) {
                return true;
            }
            plan.edges.push(edge);
        }
    }
}

/// What follows from the present state of `reach`.
fn following(case: &Case, plan: &Plan, reach: &Reach, meter: &mut Meter) -> Vec<Edge> {
    let (facts, versions) = (&case.facts, &case.versions);
    let is_snapshot = !plan.level.is_serial() && plan.level != Level::Prefix;
    let mut found = Vec::new();
    let mut follows = |from: u32, to: u32| {
        if !reach.has(from, to) {
            found.push(plan.edge(from, to, Kind::Visibility));
        }
    };
    for reader in 0..facts.history.len() {
        let reads = facts.reads(reader).iter();
        for read in reads.filter(|read| !versions.total[read.key as usize] && !facts.is_list[read.key as usize]) {
            let begin = plan.begin(reader as u32);
            let writers = &versions.writer[versions.of_key(read.key as usize)];
            if !meter.spend(writers.len() as u64) {
                return Vec::new();
            }
            let others = writers.iter().filter(|other| ![INITIAL, read.from, reader as u32].contains(other));
            for &other in others {
                let commit = plan.commit(other);
                if read.from == INITIAL || reach.has(plan.commit(read.from), commit) {
                    follows(begin, commit);
                }
                if read.from != INITIAL && reach.has(commit, begin) {
                    let to = if is_snapshot { plan.begin(read.from) } else { plan.commit(read.from) };
                    follows(commit, to);
                }
            }
        }
    }
    if is_snapshot {
        for key in (0..facts.history.keys()).filter(|key| !versions.total[*key]) {
            let writers = &versions.writer[versions.of_key(key)];
            if !meter.spend((writers.len() * writers.len()) as u64) {
                return Vec::new();
            }
            for &one in writers.iter().filter(|one| **one != INITIAL) {
                for &other in writers.iter().filter(|other| **other != INITIAL && **other != one) {
                    if reach.has(plan.begin(one), plan.commit(other)) {
                        follows(plan.commit(one), plan.begin(other));
                    }
                }
            }
        }
    }
    found
}

/// Which nodes lead to which, in bits.
struct Reach {
    words: usize,
    bits: Vec<u64>,
}

impl Reach {
    /// None where there is a cycle.
    fn new(plan: &Plan) -> Option<Reach> {
        let graph = Graph::new(plan.nodes, &plan.edges);
        let order = graph.order(ALL, u64::from)?;
        let words = plan.nodes.div_ceil(64);
        let mut reach = Reach { words, bits: vec![0; words * plan.nodes] };
        for &node in order.iter().rev() {
            for edge in graph.out(node, ALL) {
                reach.join(node as usize, edge.to as usize);
            }
        }
        Some(reach)
    }

    fn has(&self, from: u32, to: u32) -> bool {
        self.bits[from as usize * self.words + to as usize / 64] >> (to % 64) & 1 == 1
    }

    /// All that `to` reaches, and it, are reached by `from`.
    fn join(&mut self, from: usize, to: usize) {
        let words = self.words;
        for word in 0..words {
            let theirs = self.bits[to * words + word];
            self.bits[from * words + word] |= theirs;
        }
        self.bits[from * words + to / 64] |= 1 << (to % 64);
    }

    /// A new edge; gives the steps that it took.
    fn add(&mut self, from: u32, to: u32) -> u64 {
        let nodes = self.bits.len() / self.words.max(1);
        let mut steps = nodes as u64;
        for node in 0..nodes as u32 {
            if node == from || self.has(node, from) {
                self.join(node as usize, to as usize);
                steps += self.words as u64;
            }
        }
        steps / 8 + 1
    }
}
