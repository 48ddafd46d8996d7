//! Demands judged without the version order: whether there is one that fulfils them all.

use super::demands::{Groups, Judge, tell};
use super::{Findings, Guarantee, Hop, violation, within};
use crate::check::execution::graph::{Graph, Indexed};
use crate::check::execution::{Execution, INITIAL, NONE};

/// The graph of the demands. Nodes: the events, the initial version of every key, and the joins.
struct Outside<'a> {
    execution: &'a Execution<'a>,
    graph: Graph,
    /// The first of the initial versions.
    initials: u32,
    /// Operations that saw what their own session writes later, and that.
    future: Vec<(u32, u32)>,
}

impl Outside<'_> {
    fn node(&self, version: u32, by: u32) -> u32 {
        if version == INITIAL { self.initials + self.execution.event(by).key } else { version }
    }
}

impl Judge for Outside<'_> {
    type Floor = u32;

    fn raise(&mut self, floor: Option<u32>, version: u32, by: u32) -> u32 {
        let join = self.graph.node();
        if let Some(floor) = floor {
            self.graph.edge(floor, join, NONE);
        }
        self.graph.edge(self.node(version, by), join, by);
        join
    }

    fn merge(&mut self, floor: Option<u32>, other: u32) -> u32 {
        let Some(floor) = floor else { return other };
        let join = self.graph.node();
        self.graph.edge(floor, join, NONE);
        self.graph.edge(other, join, NONE);
        join
    }

    fn demand(&mut self, floor: u32, version: u32, by: u32, _: bool) {
        self.graph.edge(floor, self.node(version, by), by);
    }

    fn future(&mut self, by: u32, version: u32) {
        self.future.push((by, version));
    }

    fn bound(&mut self) {}
}

/// Judges the guarantee.
///
/// Most stores have the versions nearly as they were asked for. Where that order fulfils every demand on a key there is
/// nothing to search.
pub(super) fn judge(execution: &Execution, groups: &Groups, guarantee: Guarantee) -> Findings {
    let by_call: Vec<u32> = execution.numbers().collect();
    let mut rank = execution.ranks(&by_call);
    let guess = within::judge(execution, groups, &rank, guarantee);
    if guess.broken.is_empty() {
        return guess;
    }
    let mut findings = Findings { broken: Vec::new(), first: None, certified: false, ..guess };
    for keys in batches(execution, &guess.broken) {
        search(execution, groups, guarantee, &keys, &mut rank, &mut findings);
    }
    findings.broken.sort_unstable();
    findings.broken.dedup();
    let fulfilled = |rank: &[u32]| within::judge(execution, groups, rank, guarantee).broken.is_empty();
    findings.certified = findings.first.is_none() && fulfilled(&rank);
    findings
}

/// The keys of these operations, in a few batches that bound the memory of a search: each has all of an eighth of the
/// operations of the history, or but one key more.
fn batches(execution: &Execution, broken: &[u32]) -> Vec<Vec<bool>> {
    let mut is_broken = vec![false; execution.keys.len()];
    broken.iter().for_each(|event| is_broken[execution.event(*event).key as usize] = true);
    let mut counts = vec![0; execution.keys.len()];
    execution.events.iter().for_each(|event| counts[event.key as usize] += 1);
    let mut batches: Vec<Vec<bool>> = Vec::new();
    let mut room = 0;
    for key in (0..execution.keys.len()).filter(|key| is_broken[*key]) {
        if room == 0 {
            batches.push(vec![false; execution.keys.len()]);
            room = execution.events.len() / 8 + 1;
        }
        room = room.saturating_sub(counts[key]);
        batches.last_mut().expect("there is one with room")[key] = true;
    }
    batches
}

/// Looks for a cycle of the demands on some keys. Where there is none, `rank` becomes an order that fulfils them all.
fn search(
    execution: &Execution,
    groups: &Groups,
    guarantee: Guarantee,
    keys: &[bool],
    rank: &mut [u32],
    findings: &mut Findings,
) {
    let events = execution.events.len() as u32;
    let mut outside = Outside {
        execution,
        graph: Graph::new(events + execution.keys.len() as u32),
        initials: events,
        future: Vec::new(),
    };
    findings.steps += tell(execution, groups, guarantee, keys, &mut outside);
    let is_wanted = |event: &u32| execution.event(*event).writes && keys[execution.event(*event).key as usize];
    let writes: Vec<u32> = execution.numbers().filter(is_wanted).collect();
    for write in &writes {
        outside.graph.edge(events + execution.event(*write).key, *write, NONE);
    }
    let graph = outside.graph.indexed();
    findings.steps += u64::from(graph.nodes());
    let demands = Demands { execution, component: graph.components(), graph };
    let cyclic = demands.cyclic();

    findings.broken.extend(outside.future.iter().map(|(by, _)| *by));
    findings.broken.extend(demands.broken(&cyclic));
    let future = outside.future.first().map(|(by, version)| vec![Hop { from: *version, to: *version, by: [*by; 2] }]);
    match future.or_else(|| demands.cycle(&cyclic)) {
        Some(hops) => drop(findings.first.get_or_insert(violation(execution, guarantee, &hops))),
        None => demands.place(writes, rank),
    }
}

/// The graph with its components.
struct Demands<'a> {
    execution: &'a Execution<'a>,
    graph: Indexed,
    component: Vec<u32>,
}

impl Demands<'_> {
    fn is_version(&self, node: u32) -> bool {
        let (events, keys) = (self.execution.events.len() as u32, self.execution.keys.len() as u32);
        if node < events { self.execution.event(node).writes } else { node < events + keys }
    }

    /// Of each component, whether it holds two versions.
    fn cyclic(&self) -> Vec<bool> {
        let mut versions = vec![0_u8; self.component.iter().max().map_or(0, |last| *last as usize + 1)];
        for node in (0..self.graph.nodes()).filter(|node| self.is_version(*node)) {
            let versions = &mut versions[self.component[node as usize] as usize];
            *versions = (*versions + 1).min(2);
        }
        versions.into_iter().map(|versions| versions == 2).collect()
    }

    /// The operations that make demands inside such components.
    fn broken(&self, cyclic: &[bool]) -> Vec<u32> {
        let component = |node: u32| self.component[node as usize];
        let mut broken: Vec<u32> = Vec::new();
        for node in (0..self.graph.nodes()).filter(|node| cyclic[component(*node) as usize]) {
            let inside = self.graph.out(node).iter().filter(|edge| component(edge.0) == component(node));
            broken.extend(inside.map(|edge| edge.1).filter(|by| *by != NONE));
        }
        broken
    }

    /// A cycle through as few versions as may be from the first that is on any.
    fn cycle(&self, cyclic: &[bool]) -> Option<Vec<Hop>> {
        let is_cyclic = |node: &u32| cyclic[self.component[*node as usize] as usize] && self.is_version(*node);
        let start = (0..self.graph.nodes()).find(is_cyclic)?;
        let within = |node: u32| self.component[node as usize] == self.component[start as usize];
        let is_version = |node: u32| self.is_version(node);
        let cycle = self.graph.cycle(start, within, is_version, |_, to, _| is_version(to))?;
        let events = self.execution.events.len() as u32;
        let event = |node: u32| if node < events { node } else { INITIAL };
        let mut hops = Vec::new();
        let (mut from, mut by) = (start, NONE);
        for (_, to, tag) in cycle {
            if by == NONE {
                by = tag;
            }
            if is_version(to) {
                hops.push(Hop { from: event(from), to: event(to), by: [by, tag] });
                (from, by) = (to, NONE);
            }
        }
        hops.retain(|hop| hop.by[1] != NONE);
        Some(hops)
    }

    /// Places these writes, all of some keys, in an order that fulfils every demand.
    fn place(&self, mut writes: Vec<u32>, rank: &mut [u32]) {
        writes.sort_unstable_by_key(|event| std::cmp::Reverse(self.component[*event as usize]));
        let ranks = self.execution.ranks(&writes);
        writes.iter().for_each(|event| rank[*event as usize] = ranks[*event as usize]);
    }
}
