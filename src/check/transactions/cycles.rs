//! Which kinds of cycles there are: exactly, and in time even where one component holds most of the history.
//!
//! | kind | is there iff | time |
//! |---|---|---|
//! | G0 | a component over ww | `O(m)` |
//! | G1c | a component over ww and wr with a wr inside | `O(m)` |
//! | G-single | an rw from `u` to `v` such that `v` leads to `u` over ww and wr | `O(m q / 256)` for `q` such rw |
//! | G-nonadjacent | in a component without the above: the graph of begins and commits has a cycle | `O(m)` |
//! | G2-item | a component with an rw inside, and none of the above | `O(m)` |
//!
//! A closed walk without adjacent rw that meets a node twice falls into two, of which one has no adjacent rw either; so
//! a shortest one is a cycle, if there is no G1c or G-single. In a component that has a graver kind, G-nonadjacent and
//! G2-item are not looked for. For G-single the components over ww and wr are contracted, the rest is put in an order,
//! and 256 questions "does `v` lead to `u`?" are answered in one pass over that part of the order which lies between
//! them. Where Elle gives up on a huge component (its search for cycles times out) this is what finishes.

use super::anomaly::{AnomalyKind, Variant};
use super::graph::{ALL, ALONE, Components, Edge, Graph, Kind, Mask, REAL_TIME, RW, SESSION, WR, WW, Walk, length};
use super::search::Meter;

/// A kind of cycle that was found: in how many components, and a short one.
pub(super) struct Found {
    pub(super) kind: AnomalyKind,
    pub(super) variant: Variant,
    pub(super) count: u64,
    pub(super) cycle: Vec<Edge>,
}

/// Examples that are tried for a short one.
const TRIES: usize = 16;
const STEPS_FOR_SHORT: u64 = 4_000_000;

/// All kinds of cycles of a graph of dependencies over `transactions` and nodes in between.
pub(super) fn find(graph: &Graph, meter: &mut Meter) -> Vec<Found> {
    let mut all = Vec::new();
    for (variant, extra, own) in [
        (Variant::Plain, 0, 0),
        (Variant::Process, SESSION, SESSION),
        (Variant::Realtime, SESSION | REAL_TIME, REAL_TIME),
    ] {
        if own != 0 && !has(graph, own) {
            continue;
        }
        let components = graph.components(WW | WR | RW | extra);
        if components.sizes.is_empty() {
            continue;
        }
        let mut found = Finder { graph, extra, components, walk: Walk::new(graph.nodes()), meter }.all();
        found.retain(|one| own == 0 || one.2.iter().any(|edge| edge.kind.bit() & own != 0));
        for (kind, count, cycle) in found {
            all.push(Found { kind, variant, count, cycle });
        }
    }
    all
}

fn has(graph: &Graph, mask: Mask) -> bool {
    (0..graph.nodes() as u32).any(|node| graph.out(node, mask).next().is_some())
}

struct Finder<'a> {
    graph: &'a Graph,
    extra: Mask,
    /// Over every kind of edge of the variant.
    components: Components,
    walk: Walk,
    meter: &'a mut Meter,
}

impl Finder<'_> {
    fn all(mut self) -> Vec<(AnomalyKind, u64, Vec<Edge>)> {
        let mut found = Vec::new();
        let mut graver = vec![false; self.components.sizes.len()];
        for (kind, mask, needed) in
            [(AnomalyKind::G0, WW | self.extra, WW), (AnomalyKind::G1c, WW | WR | self.extra, WR)]
        {
            let (count, cycle) = self.through(mask, needed, &mut graver);
            found.extend(cycle.map(|cycle| (kind, count, cycle)));
        }
        let (count, cycle) = self.single(&mut graver);
        found.extend(cycle.map(|cycle| (AnomalyKind::GSingle, count, cycle)));
        let (count, cycle) = self.nonadjacent(&mut graver);
        found.extend(cycle.map(|cycle| (AnomalyKind::GNonadjacent, count, cycle)));
        let (count, cycle) = self.rest(&graver);
        found.extend(cycle.map(|cycle| (AnomalyKind::G2Item, count, cycle)));
        found
    }

    /// Cycles over a mask with a needed kind of edge in them.
    fn through(&mut self, mask: Mask, needed: Mask, graver: &mut [bool]) -> (u64, Option<Vec<Edge>>) {
        let components = self.graph.components(mask);
        let mut counted = vec![false; components.sizes.len()];
        let mut best = None;
        let mut tries = 0;
        let until = self.meter.steps + STEPS_FOR_SHORT;
        for node in 0..self.graph.nodes() as u32 {
            let component = components.of[node as usize];
            if component == ALONE {
                continue;
            }
            for edge in self.graph.out(node, needed).filter(|edge| components.of[edge.to as usize] == component) {
                counted[component as usize] = true;
                graver[self.components.of[node as usize] as usize] = true;
                if tries < TRIES && (best.is_none() || self.meter.steps < until) {
                    tries += 1;
                    close(self.graph, &mut self.walk, &components.of, edge, mask, self.meter, &mut best);
                }
            }
        }
        (counted.iter().filter(|counted| **counted).count() as u64, best)
    }

    /// Cycles with exactly one rw.
    fn single(&mut self, graver: &mut [bool]) -> (u64, Option<Vec<Edge>>) {
        let mask = WW | WR | self.extra | Kind::ReadWriteVia.bit();
        let contracted = Contracted::new(self.graph, mask);
        let mut questions = self.questions(&contracted);
        questions.sort_unstable_by_key(|question| (contracted.place(question.to), contracted.place(question.from)));
        let mut is_single = vec![false; graver.len()];
        let mut best = None;
        let mut tries = 0;
        let until = self.meter.steps + STEPS_FOR_SHORT;
        let mut masks: Vec<[u64; 4]> = vec![[0; 4]; contracted.order.len()];
        let mut rest = &questions[..];
        while !rest.is_empty() {
            let mut batch: Vec<Edge> = Vec::new();
            let mut sources = 0;
            let mut taken = 0;
            for question in rest {
                let open = !is_single[self.components.of[question.from as usize] as usize];
                let place = contracted.place(question.to);
                let new = batch.last().is_none_or(|last| contracted.place(last.to) != place);
                if open && new && sources == 256 {
                    break;
                }
                taken += 1;
                if open {
                    sources += usize::from(new);
                    batch.push(*question);
                }
            }
            rest = &rest[taken..];
            for edge in contracted.answer(&batch, &mut masks, self.meter) {
                let component = self.components.of[edge.from as usize] as usize;
                is_single[component] = true;
                if tries < TRIES && (best.is_none() || self.meter.steps < until) {
                    tries += 1;
                    close(self.graph, &mut self.walk, &self.components.of, edge, mask, self.meter, &mut best);
                }
            }
        }
        graver.iter_mut().zip(&is_single).for_each(|(graver, is)| *graver |= is);
        (is_single.iter().filter(|is| **is).count() as u64, best)
    }

    /// The rw inside components whose end may lead to their start.
    fn questions(&self, contracted: &Contracted) -> Vec<Edge> {
        let mut questions = Vec::new();
        for node in 0..self.graph.nodes() as u32 {
            let component = self.components.of[node as usize];
            if component == ALONE {
                continue;
            }
            for edge in self.graph.out(node, Kind::ReadWrite.bit()) {
                let inside = self.components.of[edge.to as usize] == component;
                if inside && contracted.place(edge.to) <= contracted.place(edge.from) {
                    questions.push(edge);
                }
            }
        }
        questions
    }

    /// Cycles in the graph of begins and commits of the components that have nothing graver.
    fn nonadjacent(&mut self, graver: &mut [bool]) -> (u64, Option<Vec<Edge>>) {
        let nodes = self.graph.nodes() as u32;
        let mask = WW | WR | RW | self.extra;
        let mut edges: Vec<Edge> = Vec::new();
        let open = |node: u32| {
            let component = self.components.of[node as usize];
            component != ALONE && !graver[component as usize]
        };
        let mut original = Vec::new();
        for node in (0..nodes).filter(|node| open(*node)) {
            edges.push(Edge { from: nodes + node, to: node, kind: Kind::Inner, about: u32::MAX });
            for edge in self.graph.out(node, mask) {
                if self.components.of[edge.to as usize] != self.components.of[node as usize] {
                    continue;
                }
                // Nodes in between have no begin of their own: they are reached, and left, at their commit.
                let from = if edge.kind == Kind::ReadWrite { nodes + node } else { node };
                let is_rw = matches!(edge.kind, Kind::ReadWrite | Kind::ReadWriteVia);
                let to_between = matches!(edge.kind, Kind::RealTime) || self.is_between(edge.to);
                let to = if is_rw || to_between { edge.to } else { nodes + edge.to };
                edges.push(Edge { from, to, kind: edge.kind, about: original.len() as u32 });
                original.push(edge);
            }
        }
        let split = Graph::new(2 * nodes as usize, &edges);
        let components = split.components(ALL);
        let mut has = vec![false; graver.len()];
        for node in (0..nodes).filter(|node| components.of[*node as usize] != ALONE) {
            has[self.components.of[node as usize] as usize] = true;
        }
        let cycle = split.short_cycle(ALL, self.meter);
        graver.iter_mut().zip(&has).for_each(|(graver, has)| *graver |= has);
        let cycle = cycle.map(|cycle| {
            cycle.iter().filter(|edge| edge.kind != Kind::Inner).map(|edge| original[edge.about as usize]).collect()
        });
        (has.iter().filter(|has| **has).count() as u64, cycle)
    }

    /// Whether a node is in between transactions: only such ones have edges that continue a way.
    fn is_between(&self, node: u32) -> bool {
        let via = Kind::ReadWriteVia.bit() | Kind::RealTimeVia.bit();
        self.graph.out(node, via).next().is_some()
    }

    /// Components with an rw inside and nothing graver.
    fn rest(&mut self, graver: &[bool]) -> (u64, Option<Vec<Edge>>) {
        let mut has = vec![false; graver.len()];
        let mut best = None;
        let mut tries = 0;
        let until = self.meter.steps + STEPS_FOR_SHORT;
        for node in 0..self.graph.nodes() as u32 {
            let component = self.components.of[node as usize];
            if component == ALONE || graver[component as usize] {
                continue;
            }
            let rw = self.graph.out(node, Kind::ReadWrite.bit());
            for edge in rw.filter(|edge| self.components.of[edge.to as usize] == component).collect::<Vec<_>>() {
                has[component as usize] = true;
                if tries < TRIES && (best.is_none() || self.meter.steps < until) {
                    tries += 1;
                    let mask = WW | WR | RW | self.extra;
                    close(self.graph, &mut self.walk, &self.components.of, edge, mask, self.meter, &mut best);
                }
            }
        }
        (has.iter().filter(|has| **has).count() as u64, best)
    }
}

/// Makes a cycle of an edge and a shortest way back inside its component, if it is shorter than the best.
fn close(
    graph: &Graph,
    walk: &mut Walk,
    component_of: &[u32],
    edge: Edge,
    mask: Mask,
    meter: &mut Meter,
    best: &mut Option<Vec<Edge>>,
) {
    let component = component_of[edge.from as usize];
    let within = |node: u32| component_of[node as usize] == component;
    let Some(mut cycle) = walk.path(graph, mask, edge.to, edge.from, within, meter) else { return };
    cycle.insert(0, edge);
    if best.as_ref().is_none_or(|best| length(&cycle) < length(best)) {
        *best = Some(cycle);
    }
}

/// A graph whose components over a mask are one node each, in an order that follows its edges.
struct Contracted {
    graph: Graph,
    /// By node of the graph: the node that it became.
    became: Vec<u32>,
    order: Vec<u32>,
    /// By node that something became: its place in the order.
    places: Vec<u32>,
}

impl Contracted {
    fn new(graph: &Graph, mask: Mask) -> Contracted {
        let nodes = graph.nodes() as u32;
        let components = graph.components(mask);
        let became: Vec<u32> = (0..nodes)
            .map(|node| match components.of[node as usize] {
                ALONE => node,
                component => nodes + component,
            })
            .collect();
        let mut edges = Vec::with_capacity(graph.edges());
        for node in 0..nodes {
            for edge in graph.out(node, mask) {
                let (from, to) = (became[node as usize], became[edge.to as usize]);
                if from != to {
                    edges.push(Edge { from, to, ..edge });
                }
            }
        }
        let size = nodes as usize + components.sizes.len();
        // Near the order of the numbers most rw go forwards, and then there is nothing to ask. Nodes in between come as
        // soon as they may, but after those that read.
        let mut ranks: Vec<u64> = (0..size as u64).collect();
        let via = Kind::ReadWriteVia.bit() | Kind::RealTimeVia.bit();
        (0..nodes).filter(|node| graph.out(*node, via).next().is_some()).for_each(|node| ranks[node as usize] = 0);
        for node in 0..nodes {
            for edge in graph.out(node, Kind::ReadWrite.bit()) {
                if graph.out(edge.to, via).next().is_some() {
                    ranks[edge.to as usize] = ranks[edge.to as usize].max(u64::from(node));
                }
            }
        }
        let graph = Graph::new(size, &edges);
        let order = graph.order(ALL, |node| ranks[node as usize]).unwrap_or_default();
        let mut places = vec![0; size];
        order.iter().enumerate().for_each(|(place, node)| places[*node as usize] = place as u32);
        Contracted { graph, became, order, places }
    }

    fn place(&self, node: u32) -> u32 {
        self.places[self.became[node as usize] as usize]
    }

    /// Of rw sorted by the place of their end, at most 256 different ones: those whose end leads to their start.
    fn answer(&self, batch: &[Edge], masks: &mut [[u64; 4]], meter: &mut Meter) -> Vec<Edge> {
        let Some(first) = batch.first() else { return Vec::new() };
        let from = self.place(first.to) as usize;
        let to = batch.iter().map(|edge| self.place(edge.from)).max().unwrap_or(0) as usize;
        masks[from..=to].fill([0; 4]);
        let mut bits = Vec::with_capacity(batch.len());
        let (mut bit, mut last) = (0, from as u32);
        for edge in batch {
            let place = self.place(edge.to);
            bit += usize::from(place != last);
            last = place;
            masks[place as usize][bit / 64] |= 1 << (bit % 64);
            bits.push(bit);
        }
        for place in from..=to {
            let mask = masks[place];
            if mask == [0; 4] {
                continue;
            }
            for edge in self.graph.out(self.order[place], ALL) {
                meter.steps += 1;
                let there = self.places[edge.to as usize] as usize;
                if there <= to {
                    masks[there].iter_mut().zip(mask).for_each(|(theirs, mine)| *theirs |= mine);
                }
            }
        }
        let reaches = |(edge, bit): (&Edge, &usize)| {
            let mask = masks[self.place(edge.from) as usize];
            (mask[bit / 64] >> (bit % 64) & 1 == 1).then_some(*edge)
        };
        batch.iter().zip(&bits).filter_map(reaches).collect()
    }
}
