//! One key by itself: blocks of writes and reads that nothing can come between. Next: `graph.rs`.
//!
//! A write and its reads, and where a compare-and-set replaced the value, that and its reads, and so on. In every order
//! that explains the reads a block is contiguous, and its places are forced: write, reads, compare-and-set, reads. So a
//! key has an order iff its blocks have one that respects session order, with the block of the initial value in front.

use crate::check::causal::Found;
use crate::check::causal::arbitration;
use crate::check::execution::graph::Graph;
use crate::check::execution::witness::{Edge, Label, Violation};
use crate::check::execution::{Execution, INITIAL, NONE};

/// The block of every event, and its place there.
pub(in crate::check) struct Blocks {
    block: Vec<u32>,
    /// Twice the number of compare-and-sets before, and one more for a read.
    place: Vec<u32>,
    /// For each block its key, and its first write; [`INITIAL`] for the first block of each key, that of the initial
    /// value.
    heads: Vec<(u32, u32)>,
}

impl Blocks {
    /// Finds the blocks. `O(n)`.
    ///
    /// # Errors
    /// Where two compare-and-sets replaced the same value, or they form a cycle.
    pub fn new(execution: &Execution) -> Result<Blocks, Violation> {
        let n = execution.events.len();
        // The compare-and-set that replaced what each event wrote; by key for the initial value.
        let (mut next, mut first) = (vec![NONE; n], vec![NONE; execution.keys.len()]);
        for number in execution.numbers() {
            let event = execution.event(number);
            if !event.writes || !event.reads() {
                continue;
            }
            let place = event.source().map_or(&mut first[event.key as usize], |source| &mut next[source as usize]);
            if *place != NONE {
                return Err(double_spend(execution, *place, number));
            }
            *place = number;
        }
        let mut blocks = Blocks { block: vec![NONE; n], place: vec![0; n], heads: Vec::new() };
        for (key, swap) in first.iter().enumerate() {
            blocks.heads.push((key as u32, INITIAL));
            blocks.chain(key as u32, *swap, 2, &next);
        }
        for number in execution.numbers().filter(|number| execution.event(*number).writes) {
            if !execution.event(number).reads() {
                blocks.heads.push((execution.event(number).key, number));
                blocks.chain(blocks.heads.len() as u32 - 1, number, 0, &next);
            }
        }
        let lost = |number: &u32| execution.event(*number).writes && blocks.block[*number as usize] == NONE;
        if execution.numbers().any(|number| lost(&number))
            && let (Found::Violation(violation), _) = arbitration::judge(execution, &mut 0)
        {
            return Err(violation);
        }
        for number in execution.numbers().filter(|number| !execution.event(*number).writes) {
            let event = execution.event(number);
            let (block, place) = match event.source() {
                Some(source) => (blocks.block[source as usize], blocks.place[source as usize]),
                None => (event.key, 0),
            };
            blocks.block[number as usize] = block;
            blocks.place[number as usize] = place + 1;
        }
        Ok(blocks)
    }

    /// Where an event is: its block in the upper half, and its place there in the lower.
    pub fn at(&self, event: u32) -> u64 {
        u64::from(self.block[event as usize]) << 32 | u64::from(self.place[event as usize])
    }

    /// The first write of a block, or [`INITIAL`].
    pub fn head(&self, block: u32) -> u32 {
        self.heads[block as usize].1
    }

    fn chain(&mut self, block: u32, mut write: u32, mut place: u32, next: &[u32]) {
        while write != NONE {
            self.block[write as usize] = block;
            self.place[write as usize] = place;
            place += 2;
            write = next[write as usize];
        }
    }

    /// The blocks of all keys in an order that respects session order on each key.
    ///
    /// # Errors
    /// Where there is none.
    pub fn orders(&self, execution: &Execution) -> Result<Vec<u32>, Violation> {
        let (group, groups) = execution.groups();
        let mut last = vec![NONE; groups];
        let mut graph = Graph::new(self.heads.len() as u32);
        let mut pairs = Vec::new();
        for number in execution.numbers() {
            let event = execution.event(number);
            let last = &mut last[group[number as usize] as usize];
            if *last != NONE {
                let (from, to) = (self.block[*last as usize], self.block[number as usize]);
                if from != to {
                    graph.edge(from, to, pairs.len() as u32);
                    pairs.push((*last, number));
                } else if self.place[*last as usize] > self.place[number as usize] {
                    return Err(self.violation(execution, &[(*last, number)]));
                }
            }
            if event.known {
                *last = number;
            }
        }
        for (block, (key, _)) in self.heads.iter().enumerate().skip(execution.keys.len()) {
            graph.edge(*key, block as u32, NONE);
        }
        let graph = graph.indexed();
        let component = graph.components();
        let mut order: Vec<u32> = (0..self.heads.len() as u32).collect();
        order.sort_unstable_by_key(|block| std::cmp::Reverse(component[*block as usize]));
        let cyclic = order.windows(2).find(|pair| component[pair[0] as usize] == component[pair[1] as usize]);
        let Some(pair) = cyclic else { return Ok(order) };
        let within = |block: u32| component[block as usize] == component[pair[0] as usize];
        let cycle = graph.cycle(pair[0], within, |_| true, |_, _, _| true).unwrap_or_default();
        let sessions: Vec<(u32, u32)> =
            cycle.iter().filter(|edge| edge.2 != NONE).map(|edge| pairs[edge.2 as usize]).collect();
        Err(self.violation(execution, &sessions))
    }

    /// Pairs of session order that no order of the blocks respects, with all that ties each block together.
    fn violation(&self, execution: &Execution, pairs: &[(u32, u32)]) -> Violation {
        let row = |event: u32| execution.event(event).row;
        let blocks: Vec<u32> = pairs.iter().flat_map(|pair| [pair.0, pair.1]).map(|e| self.block[e as usize]).collect();
        let tied = |number: &u32| execution.event(*number).writes && blocks.contains(&self.block[*number as usize]);
        let ends = pairs.iter().flat_map(|pair| [pair.0, pair.1]);
        let core = ends.chain(execution.numbers().filter(tied));
        let edges =
            pairs.iter().map(|(from, to)| Edge { from: Some(row(*from)), to: Some(row(*to)), label: Label::Session });
        Violation {
            pattern: "Incoherent",
            meaning: "no order of the writes of this key fits what its clients saw in their order",
            edges: edges.collect(),
            core: core.map(row).collect(),
        }
    }

    /// The blocks in the order that linearizability would give them: by the lesser of the earliest return and the latest
    /// call; that of the initial value first.
    pub fn by_time(&self, execution: &Execution) -> Vec<u32> {
        let mut ends = vec![(u64::MAX, 0_u64); self.heads.len()];
        for number in execution.numbers() {
            let operation = execution.history.get(execution.event(number).row);
            let (first_return, last_call) = &mut ends[self.block[number as usize] as usize];
            *first_return = (*first_return).min(operation.completed.as_nanos());
            *last_call = (*last_call).max(operation.invoked.as_nanos());
        }
        let mut order: Vec<u32> = (0..self.heads.len() as u32).collect();
        order.sort_by_key(|block| {
            let (first_return, last_call) = ends[*block as usize];
            (self.heads[*block as usize].1 != INITIAL, first_return.min(last_call), first_return < last_call)
        });
        order
    }

    /// The place of every write among those of its key, by an order of the blocks.
    pub fn rank(&self, execution: &Execution, order: &[u32]) -> Vec<u32> {
        execution.ranks(&self.events(execution, order))
    }

    /// The events by an order of the blocks, in each block by place and then by number.
    pub fn events(&self, execution: &Execution, order: &[u32]) -> Vec<u32> {
        let mut at = vec![0; self.heads.len()];
        order.iter().enumerate().for_each(|(place, block)| at[*block as usize] = place);
        let mut events: Vec<u32> = execution.numbers().collect();
        events.sort_by_key(|number| (at[self.block[*number as usize] as usize], self.place[*number as usize]));
        events
    }
}

fn double_spend(execution: &Execution, one: u32, other: u32) -> Violation {
    let mut core = vec![one, other];
    core.extend(execution.event(one).source());
    let row = |event: u32| execution.event(event).row;
    Violation {
        pattern: "DoubleSpend",
        meaning: "two compare-and-sets replaced one value",
        edges: vec![Edge { from: Some(row(one)), to: Some(row(other)), label: Label::AntiDependency }],
        core: core.into_iter().map(row).collect(),
    }
}
