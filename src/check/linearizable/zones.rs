//! The method: clusters, blocks, and the two intervals of a block. The proof is in `mod.rs`.
//!
//! A value's id is the place of its write among the writes of the key, from 1, in the order of invocation; 0 is the
//! initial value. So the columns are walked in nearly the order of time. Next: `counterexample.rs`, what is
//! shown where it fails.

use super::items::{INITIAL, Item, Kind};

/// No item, no value.
pub(super) const NONE: u32 = u32::MAX;

/// Why there is no linearization. Numbers are indices into the slice that was analysed.
#[derive(Debug)]
pub(super) enum Reason {
    /// Saw a value that nobody wrote.
    ThinAir { reader: u32 },
    /// Its value was seen, so it took effect, but nobody wrote what it expects.
    ThinAirSwap { swap: u32 },
    /// Both replaced the same value.
    DoubleSpend { first: u32, second: u32 },
    /// Each replaced the value of the one before it, and the first that of the last.
    Cycle { swaps: Vec<u32> },
    /// Values force `earlier` before `later`, which ended before it began.
    Chain { earlier: u32, later: u32 },
    /// Needs that no write of another block has taken effect, but one had `ended` before it began.
    Initial { late: u32, ended: u32 },
    /// Of either of two blocks something `ended` before something in the other `began`.
    Blocks { first: Ends, second: Ends },
}

/// The two operations by which a block is tied to another.
#[derive(Debug)]
pub(super) struct Ends {
    pub ended: u32,
    pub began: u32,
}

/// What the analysis of a key stumbled over.
#[derive(Debug)]
pub(super) enum Obstacle {
    /// Not linearizable, and a few items that show it on their own, in order.
    Violation { reason: Reason, core: Vec<Item> },
    /// Two items set the same value: outside the method.
    Duplicate { first: u32, second: u32 },
}

/// A value: its reads, and what became of it.
#[derive(Clone, Copy)]
pub(super) struct Cluster {
    /// The earliest return and the latest call of its reads; `u64::MAX` and 0 where there are none.
    pub first_return: u64,
    pub last_call: u64,
    /// The value that replaced it by a swap.
    pub next: u32,
    /// The item for whose sake the value must have been written: a known reader or swap, or an unknown swap that is
    /// itself needed.
    pub needed_by: u32,
}

/// A chain of clusters, tied by swaps: nothing else can take effect in between.
#[derive(Clone, Copy)]
pub(super) struct Block {
    /// The lesser of the block's earliest return and latest call, and the greater.
    pub low: u64,
    pub high: u64,
    /// The first value of the chain.
    pub head: u32,
    /// Whether the earliest return is strictly before the latest call.
    pub forward: bool,
}

impl Block {
    pub fn first_return(&self) -> u64 {
        if self.forward { self.low } else { self.high }
    }

    pub fn last_call(&self) -> u64 {
        if self.forward { self.high } else { self.low }
    }
}

/// A key, analysed.
pub(super) struct Zones<'a> {
    pub items: &'a [Item],
    /// The item that sets each value; [`NONE`] for the initial one.
    pub writers: Vec<u32>,
    pub clusters: Vec<Cluster>,
    /// The id of the value that each item sees; [`NONE`] where nobody wrote it or nothing is seen.
    pub sees: Vec<u32>,
    /// Every block but the initial one, in an order in which they can take effect.
    pub blocks: Vec<Block>,
}

/// Analyses the items of one key, in the order of invocation.
pub(super) fn analyse(items: &[Item]) -> Result<Zones<'_>, Obstacle> {
    let mut zones = Zones::with_writers(items)?;
    zones.resolve()?;
    zones.gather()?;
    zones.keep_needed()?;
    let initial_last_call = zones.chain_blocks()?;
    zones.order_blocks(initial_last_call)?;
    Ok(zones)
}

impl<'a> Zones<'a> {
    fn with_writers(items: &'a [Item]) -> Result<Zones<'a>, Obstacle> {
        let mut writers = Vec::with_capacity(items.len() / 2 + 1);
        writers.push(NONE);
        writers.extend((0..items.len() as u32).filter(|i| items[*i as usize].kind != Kind::Read));
        let empty = Cluster { first_return: u64::MAX, last_call: 0, next: NONE, needed_by: NONE };
        let clusters = vec![empty; writers.len()];
        Ok(Zones { items, writers, clusters, sees: vec![NONE; items.len()], blocks: Vec::new() })
    }

    pub fn item(&self, index: u32) -> &'a Item {
        &self.items[index as usize]
    }

    /// The item that sets this value, which is not the initial one.
    pub fn writer(&self, value: u32) -> &'a Item {
        self.item(self.writers[value as usize])
    }

    /// The values of the block with this head, in order.
    pub fn chain(&self, head: u32) -> impl Iterator<Item = u32> + '_ {
        let next = |id: &u32| Some(self.clusters[*id as usize].next).filter(|next| *next != NONE);
        std::iter::successors(Some(head), next)
    }

    /// Whether the write of this value is part of every linearization.
    fn kept(&self, value: u32) -> bool {
        self.writer(value).known || self.clusters[value as usize].needed_by != NONE
    }

    /// Finds for every item the write of what it saw.
    fn resolve(&mut self) -> Result<(), Obstacle> {
        let sets = |id: u32| (self.writer(id).sets, id);
        let mut by_value: Vec<(u64, u32)> = (1..self.writers.len() as u32).map(sets).collect();
        by_value.sort(); // one pass where values grow with time
        if let Some(pair) = by_value.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let writer = |place: usize| self.writers[pair[place].1 as usize];
            return Err(Obstacle::Duplicate { first: writer(0), second: writer(1) });
        }
        let mut lookup = Lookup { sorted: &by_value, at: 0 };
        for (index, item) in self.items.iter().enumerate() {
            if item.kind != Kind::Write {
                let seen = if item.sees == INITIAL { 0 } else { lookup.find(item.sees) };
                if seen == NONE && item.known {
                    return Err(self.thin_air(index as u32));
                }
                self.sees[index] = seen;
            }
        }
        Ok(())
    }

    /// Gathers known reads and swaps at the value that they saw.
    fn gather(&mut self) -> Result<(), Obstacle> {
        let mut own = 0;
        for (index, item) in self.items.iter().enumerate() {
            own += u32::from(item.kind != Kind::Read);
            if item.kind == Kind::Write || !item.known {
                continue;
            }
            let seen = self.sees[index];
            let cluster = &mut self.clusters[seen as usize];
            if cluster.needed_by == NONE {
                cluster.needed_by = index as u32;
            }
            if item.kind == Kind::Swap {
                self.link(seen, own)?;
                continue;
            }
            cluster.first_return = cluster.first_return.min(item.ret);
            cluster.last_call = cluster.last_call.max(item.call);
        }
        Ok(())
    }

    fn link(&mut self, seen: u32, own: u32) -> Result<(), Obstacle> {
        let other = std::mem::replace(&mut self.clusters[seen as usize].next, own);
        if other == NONE { Ok(()) } else { Err(self.double_spend(seen, other, own)) }
    }

    /// Keeps the unknown swaps whose value is needed, which makes the values that they expect needed, and so on.
    fn keep_needed(&mut self) -> Result<(), Obstacle> {
        let unknown_swap = |zones: &Self, id: u32| {
            let writer = zones.writer(id);
            writer.kind == Kind::Swap && !writer.known
        };
        let needed = |zones: &Self, id: u32| zones.clusters[id as usize].needed_by != NONE;
        let mut open: Vec<u32> =
            (1..self.writers.len() as u32).filter(|id| needed(self, *id) && unknown_swap(self, *id)).collect();
        while let Some(id) = open.pop() {
            let swap = self.writers[id as usize];
            let seen = self.sees[swap as usize];
            if seen == NONE {
                return Err(self.thin_air_swap(id));
            }
            if !needed(self, seen) {
                self.clusters[seen as usize].needed_by = swap;
                if seen != 0 && unknown_swap(self, seen) {
                    open.push(seen);
                }
            }
            self.link(seen, id)?;
        }
        Ok(())
    }

    /// Walks every chain from its head, along the positions that values force, and collects the blocks. Returns the
    /// latest call in the initial block, 0 where it is empty.
    fn chain_blocks(&mut self) -> Result<u64, Obstacle> {
        let mut kept = 0;
        let mut walked = 0;
        let mut initial_last_call = 0;
        let mut blocks = Vec::with_capacity(self.writers.len());
        for head in 0..self.writers.len() as u32 {
            if head > 0 {
                if !self.kept(head) {
                    continue;
                }
                kept += 1;
                if self.writer(head).kind == Kind::Swap {
                    continue;
                }
            }
            let (mut first_return, mut last_call) = (u64::MAX, 0);
            let mut id = head;
            while id != NONE {
                if id > 0 {
                    let writer = self.writer(id);
                    if writer.ret < last_call {
                        return Err(self.chain_violation(head));
                    }
                    first_return = first_return.min(writer.ret);
                    last_call = last_call.max(writer.call);
                    walked += 1;
                }
                let reads = &self.clusters[id as usize];
                if reads.first_return < last_call {
                    return Err(self.chain_violation(head));
                }
                first_return = first_return.min(reads.first_return);
                last_call = last_call.max(reads.last_call);
                id = reads.next;
            }
            if head == 0 {
                initial_last_call = last_call;
                continue;
            }
            let (low, high) = (first_return.min(last_call), first_return.max(last_call));
            blocks.push(Block { low, high, head, forward: first_return < last_call });
        }
        // A swap that is reached from no head sits on a cycle: everybody's predecessor is kept.
        if walked < kept {
            return Err(self.cycle());
        }
        self.blocks = blocks;
        Ok(initial_last_call)
    }

    fn order_blocks(&mut self, initial_last_call: u64) -> Result<(), Obstacle> {
        // Backward before forward where they tie: the one order in which every block follows those it must follow.
        self.blocks.sort_by_key(|block| (block.low, block.forward));
        let mut forward: Option<Block> = None;
        for block in &self.blocks {
            if block.first_return() < initial_last_call {
                return Err(self.initial_violation(block));
            }
            // All forward blocks so far have an earlier first return than this block's last call, and the latest of
            // them has the latest last call, since they are disjoint.
            if let Some(forward) = forward
                && block.first_return() < forward.last_call()
            {
                return Err(self.block_violation(&forward, block));
            }
            if block.forward {
                forward = Some(*block);
            }
        }
        Ok(())
    }
}

/// Finds values in a sorted table, starting from the last one found: neighbours in time are mostly neighbours in value,
/// so a search costs the logarithm of the distance rather than of the table.
struct Lookup<'a> {
    sorted: &'a [(u64, u32)],
    at: usize,
}

impl Lookup<'_> {
    /// The id of this value; [`NONE`] where it is not in the table.
    #[inline]
    fn find(&mut self, value: u64) -> u32 {
        let Some(here) = self.sorted.get(self.at) else { return NONE };
        let (mut low, mut high);
        let mut step = 1;
        if here.0 <= value {
            low = self.at;
            high = low + step;
            while high < self.sorted.len() && self.sorted[high].0 <= value {
                step *= 2;
                (low, high) = (high, high + step);
            }
            high = high.min(self.sorted.len());
        } else {
            high = self.at;
            low = high.saturating_sub(step);
            while self.sorted[low].0 > value {
                if low == 0 {
                    return NONE;
                }
                step *= 2;
                (low, high) = (low.saturating_sub(step), low);
            }
        }
        self.at = low + self.sorted[low..high].partition_point(|entry| entry.0 <= value) - 1;
        let found = self.sorted[self.at];
        if found.0 == value { found.1 } else { NONE }
    }
}
