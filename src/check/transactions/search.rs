//! The search for a schedule where the order of the versions is not known: over sets of what has happened, each once.
//!
//! Serializability and snapshot isolation of registers are NP-complete black box, but only as the number of sessions
//! grows: what has happened is a prefix of each (Biswas & Enea, OOPSLA 2019, section 4). A state is the set of moments
//! that have happened. It determines the rest: a version that is still to be read must not be overwritten, so which
//! version of a key holds matters only where it is the one that its unread reads name. States are remembered by a
//! 128-bit hash of the set.
//!
//! A moment that only reads, and can come next, does so without branching: a schedule in which it comes later stays one
//! if it is moved here.

use std::collections::BTreeSet;

use super::exact::Plan;
use super::facts::INITIAL;
use super::graph::Graph;
use super::level::Level;
use super::{Case, Obstacle};

/// Counts the steps of everything that may take long, against a budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Meter {
    pub(super) steps: u64,
    /// What is left for searches.
    pub(super) budget: u64,
}

impl Meter {
    /// Takes from the budget; false where it is spent.
    pub(super) fn spend(&mut self, steps: u64) -> bool {
        self.steps += steps;
        let enough = self.budget >= steps;
        self.budget = self.budget.saturating_sub(steps);
        enough
    }
}

/// What a moment does to the keys whose version order is not known.
#[derive(Clone, Debug, Default)]
struct Effect {
    reads: Vec<u32>,
    writes: Vec<(u32, u32)>,
    opens: Vec<u32>,
}

/// An order of the nodes of a plan that replays.
///
/// # Errors
/// [`Obstacle::NoOrder`] where there is none, [`Obstacle::Spent`] where the budget was not enough to know.
pub(super) fn search(case: &Case, plan: &Plan, ranks: &[u64], meter: &mut Meter) -> Result<Vec<u32>, Obstacle> {
    let mut search = Search::new(case, plan, ranks);
    let mut frames: Vec<Frame> = Vec::new();
    let mut seen: BTreeSet<u128> = BTreeSet::new();
    let mut most = 0;
    loop {
        search.take_free(meter);
        most = most.max(search.placed.len());
        if search.placed.len() == plan.nodes {
            return Ok(search.placed);
        }
        let candidates = if seen.insert(search.hash) { search.candidates(meter) } else { Vec::new() };
        frames.push(Frame { candidates, next: 0, depth: search.placed.len() });
        if meter.budget == 0 {
            let why = format!("the budget was spent when an order of {most} of {} moments was found", plan.nodes);
            return Err(Obstacle::Spent(why));
        }
        loop {
            let Some(frame) = frames.last_mut() else { return Err(Obstacle::NoOrder) };
            search.undo_to(frame.depth);
            if let Some(&node) = frame.candidates.get(frame.next) {
                frame.next += 1;
                search.place(node);
                break;
            }
            frames.pop();
        }
    }
}

struct Frame {
    candidates: Vec<u32>,
    next: usize,
    depth: usize,
}

struct Search<'a> {
    graph: Graph,
    ranks: &'a [u64],
    effects: Vec<Effect>,
    key_of: Vec<u32>,
    /// By key: the version that holds.
    holds: Vec<u32>,
    /// By version: reads that have not happened.
    unread: Vec<u32>,
    /// By key: transactions that have begun, will write it, and have not committed.
    open: Vec<u32>,
    before: Vec<u32>,
    ready: BTreeSet<(u64, u32)>,
    placed: Vec<u32>,
    /// The versions that placed moments overwrote, the last one last.
    overwritten: Vec<u32>,
    hash: u128,
    is_snapshot: bool,
}

impl<'a> Search<'a> {
    fn new(case: &'a Case, plan: &Plan, ranks: &'a [u64]) -> Search<'a> {
        let (facts, versions) = (&case.facts, &case.versions);
        let mut effects = vec![Effect::default(); plan.nodes];
        let mut unread = vec![0; versions.writer.len()];
        let mut key_of = vec![0; versions.writer.len()];
        let is_free = |key: u32| !versions.total[key as usize];
        let is_snapshot = !plan.level.is_serial() && plan.level != Level::Prefix;
        let mut holds = Vec::new();
        for key in 0..facts.history.keys() {
            holds.push(versions.first[key]);
            for version in versions.of_key(key).filter(|_| is_free(key as u32)) {
                key_of[version] = key as u32;
                let writer = versions.writer[version];
                if writer != INITIAL {
                    effects[plan.commit(writer) as usize].writes.push((key as u32, version as u32));
                    if is_snapshot {
                        effects[plan.begin(writer) as usize].opens.push(key as u32);
                    }
                }
            }
        }
        for transaction in 0..facts.history.len() {
            let reads = facts.reads(transaction).iter();
            let reads = reads.filter(|read| is_free(read.key) && !facts.is_list[read.key as usize]);
            let mut seen: Vec<u32> = reads.map(|read| read.version).collect();
            seen.sort_unstable();
            seen.dedup();
            seen.iter().for_each(|version| unread[*version as usize] += 1);
            effects[plan.begin(transaction as u32) as usize].reads = seen;
        }
        let graph = Graph::new(plan.nodes, &plan.edges);
        let mut before = vec![0; plan.nodes];
        plan.edges.iter().for_each(|edge| before[edge.to as usize] += 1);
        let ready = (0..plan.nodes as u32).filter(|node| before[*node as usize] == 0);
        let ready = ready.map(|node| (ranks[node as usize], node)).collect();
        let open = vec![0; facts.history.keys()];
        let (placed, overwritten) = (Vec::with_capacity(plan.nodes), Vec::new());
        let (hash, is_snapshot) = (0, is_snapshot);
        Search {
            graph,
            ranks,
            effects,
            key_of,
            holds,
            unread,
            open,
            before,
            ready,
            placed,
            overwritten,
            hash,
            is_snapshot,
        }
    }

    /// Whether a moment can come next.
    fn fits(&self, node: u32) -> bool {
        let effect = &self.effects[node as usize];
        let reads = &effect.reads;
        if reads.iter().any(|version| self.holds[self.key_of[*version as usize] as usize] != *version) {
            return false;
        }
        if self.is_snapshot && effect.opens.iter().any(|key| self.open[*key as usize] > 0) {
            return false;
        }
        effect.writes.iter().all(|(key, _)| {
            let held = self.holds[*key as usize];
            let mine = u32::from(reads.binary_search(&held).is_ok());
            self.unread[held as usize] == mine
        })
    }

    /// Lets everything happen that only reads and can come next.
    fn take_free(&mut self, meter: &mut Meter) {
        loop {
            let is_free = |node: u32| {
                let effect = &self.effects[node as usize];
                effect.writes.is_empty() && effect.opens.is_empty() && self.fits(node)
            };
            let free: Vec<u32> = self.ready.iter().map(|(_, node)| *node).filter(|node| is_free(*node)).collect();
            if !meter.spend(self.ready.len() as u64) || free.is_empty() {
                return;
            }
            free.into_iter().for_each(|node| self.place(node));
        }
    }

    fn candidates(&self, meter: &mut Meter) -> Vec<u32> {
        meter.spend(self.ready.len() as u64);
        self.ready.iter().map(|(_, node)| *node).filter(|node| self.fits(*node)).collect()
    }

    fn place(&mut self, node: u32) {
        self.ready.remove(&(self.ranks[node as usize], node));
        let effect = &self.effects[node as usize];
        effect.reads.iter().for_each(|version| self.unread[*version as usize] -= 1);
        effect.opens.iter().for_each(|key| self.open[*key as usize] += 1);
        for (key, version) in &effect.writes {
            self.overwritten.push(std::mem::replace(&mut self.holds[*key as usize], *version));
            if self.is_snapshot {
                self.open[*key as usize] -= 1;
            }
        }
        for place in self.graph.range(node) {
            let to = self.graph.edge(node, place).to;
            self.before[to as usize] -= 1;
            if self.before[to as usize] == 0 {
                self.ready.insert((self.ranks[to as usize], to));
            }
        }
        self.hash ^= mark(node);
        self.placed.push(node);
    }

    fn undo_to(&mut self, depth: usize) {
        while self.placed.len() > depth {
            let Some(node) = self.placed.pop() else { return };
            self.hash ^= mark(node);
            for place in self.graph.range(node) {
                let to = self.graph.edge(node, place).to;
                if self.before[to as usize] == 0 {
                    self.ready.remove(&(self.ranks[to as usize], to));
                }
                self.before[to as usize] += 1;
            }
            let effect = &self.effects[node as usize];
            for (key, _) in effect.writes.iter().rev() {
                if let Some(version) = self.overwritten.pop() {
                    self.holds[*key as usize] = version;
                }
                if self.is_snapshot {
                    self.open[*key as usize] += 1;
                }
            }
            effect.opens.iter().for_each(|key| self.open[*key as usize] -= 1);
            effect.reads.iter().for_each(|version| self.unread[*version as usize] += 1);
            self.ready.insert((self.ranks[node as usize], node));
        }
    }
}

/// 128 bits that stand for a node in the hash of a set.
fn mark(node: u32) -> u128 {
    let half = |seed: u64| {
        let mut bits = (u64::from(node) ^ seed).wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 29)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 32)
    };
    u128::from(half(0x243f_6a88_85a3_08d3)) << 64 | u128::from(half(0x1319_8a2e_0370_7344))
}
