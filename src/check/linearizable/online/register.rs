//! One key: the values and blocks that an operation may still join. The argument is in `mod.rs`.
//!
//! Times and values are numbers from 1 here: 0 is before all time, and the initial value. Next: `pending.rs`.

use smallvec::SmallVec;

/// No value: what a plain write replaces.
pub(super) const NONE: u64 = u64::MAX;
/// A time that has not come.
const NEVER: u64 = u64::MAX;

/// The history so far has no linearization.
#[derive(Debug)]
pub(super) struct Broken;

/// A key's live values and blocks. Most keys have one of each, and at times a write under way: these lie in the register itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Register {
    /// By value. Those of writes that are pending, and those in live blocks.
    values: SmallVec<[Cluster; 2]>,
    /// In the order of their beginning.
    blocks: SmallVec<[Block; 2]>,
    /// By value. Writes that were given up, and that nobody needs.
    lost: Vec<Lost>,
    /// At this many lost writes those that can no longer take effect are looked for.
    lost_max: usize,
    /// One more than the greatest value that was ever invoked; 0 before anything happened.
    top: u64,
    blocks_begun: u32,
    /// The least of all limits and all `after`, or less.
    soonest: u64,
}

/// A value, its write and its reads.
#[derive(Clone, Copy, Debug)]
struct Cluster {
    value: u64,
    call: u64,
    /// What a compare-and-set replaces.
    from: u64,
    /// The first return at a later place of the block.
    after: u64,
    /// Its block's number, once it is needed.
    block: u32,
    is_needed: bool,
    is_replaced: bool,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    number: u32,
    first_return: u64,
    last_call: u64,
    /// No operation with a later call may join.
    limit: u64,
}

#[derive(Clone, Copy, Debug)]
struct Lost {
    value: u64,
    call: u64,
    from: u64,
}

impl Register {
    /// A write or compare-and-set begins. False where its value is not greater than all before it.
    pub fn begin(&mut self, value: u64, from: u64, call: u64) -> bool {
        self.awake();
        if value < self.top {
            return false;
        }
        self.top = value + 1;
        let after = NEVER;
        self.values.push(Cluster { value, call, from, after, block: 0, is_needed: false, is_replaced: false });
        true
    }

    /// Adds the initial value, when the first thing happens.
    fn awake(&mut self) {
        if self.top == 0 {
            self.top = 1;
            self.soonest = NEVER;
            self.values.push(Cluster {
                value: 0,
                call: 0,
                from: NONE,
                after: NEVER,
                block: 0,
                is_needed: true,
                is_replaced: false,
            });
            self.blocks.push(Block { number: 0, first_return: 0, last_call: 0, limit: NEVER });
            self.blocks_begun = 1;
        }
    }

    /// An operation that was called at `call` is answered, and saw `value`.
    pub fn saw(&mut self, value: u64, call: u64, now: u64, path: &mut Vec<u64>) -> Result<(), Broken> {
        self.awake();
        let Cluster { after, block, from, .. } = self.keep(value, now, path)?;
        if call > after {
            return Err(Broken);
        }
        self.join(block, call)?;
        self.returned_after(from, now);
        Ok(())
    }

    /// The write of `value`, or the compare-and-set, is acknowledged.
    pub fn wrote(&mut self, value: u64, now: u64, path: &mut Vec<u64>) -> Result<(), Broken> {
        let from = self.keep(value, now, path)?.from;
        self.returned_after(from, now);
        Ok(())
    }

    /// The write of `value` will never take effect.
    pub fn failed(&mut self, value: u64) -> Result<(), Broken> {
        let place = self.place(value).ok_or(Broken)?;
        if self.values[place].is_needed {
            return Err(Broken);
        }
        self.values.remove(place);
        Ok(())
    }

    /// Nobody will tell whether the write of `value` takes effect.
    pub fn gave_up(&mut self, value: u64) {
        let Some(place) = self.place(value) else { return };
        let Cluster { call, from, is_needed, .. } = self.values[place];
        if is_needed {
            return;
        }
        self.values.remove(place);
        let place = self.lost.partition_point(|lost| lost.value < value);
        self.lost.insert(place, Lost { value, call, from });
        if self.lost.len() > self.lost_max {
            self.drop_lost();
            self.lost_max = 2 * self.lost.len() + 16;
        }
    }

    /// Drops lost compare-and-sets that expect what was forgotten.
    fn drop_lost(&mut self) {
        let mut kept: Vec<Lost> = Vec::with_capacity(self.lost.len());
        for lost in &self.lost {
            let is_there = |value: u64| {
                value == NONE
                    || value > lost.value // not begun when it was given up, or looked at later in this pass
                    || self.place(value).is_some()
                    || kept.binary_search_by_key(&value, |kept| kept.value).is_ok()
            };
            if is_there(lost.from) {
                kept.push(*lost);
            }
        }
        self.lost = kept;
    }

    /// Where this value is among the live ones.
    #[inline]
    fn place(&self, value: u64) -> Option<usize> {
        // The latest are asked for most.
        for (back, cluster) in self.values.iter().rev().enumerate().take(8) {
            if cluster.value <= value {
                return (cluster.value == value).then(|| self.values.len() - 1 - back);
            }
        }
        self.values.binary_search_by_key(&value, |cluster| cluster.value).ok()
    }

    /// Makes this value part of every linearization, and what it needs. `O(1)` where it is already; `O(live)`, the number of live blocks,
    /// for a plain write, which needs nothing else.
    #[inline]
    fn keep(&mut self, value: u64, now: u64, path: &mut Vec<u64>) -> Result<Cluster, Broken> {
        let Some(place) = self.place(value) else { return self.keep_all(value, now, path) };
        let Cluster { call, from, is_needed, .. } = self.values[place];
        if !is_needed {
            if from != NONE {
                return self.keep_all(value, now, path);
            }
            (self.values[place].block, self.values[place].is_needed) = (self.begin_block(call, now), true);
        }
        Ok(self.values[place])
    }

    fn keep_all(&mut self, value: u64, now: u64, path: &mut Vec<u64>) -> Result<Cluster, Broken> {
        path.clear();
        let mut at = value;
        while at != NONE {
            let from = match self.place(at) {
                Some(place) if self.values[place].is_needed => break,
                Some(place) => self.values[place].from,
                None => self.lost[self.lost_place(at).ok_or(Broken)?].from,
            };
            path.push(at);
            if path.len() > self.values.len() + self.lost.len() {
                return Err(Broken); // it came back to itself
            }
            at = from;
        }
        while let Some(value) = path.pop() {
            let place = self.revived(value);
            let Cluster { from, call, .. } = self.values[place];
            let block = if from == NONE {
                self.begin_block(call, now)
            } else {
                let replaced = self.place(from).ok_or(Broken)?;
                let replaced = &mut self.values[replaced];
                if std::mem::replace(&mut replaced.is_replaced, true) {
                    return Err(Broken); // a double spend
                }
                let block = replaced.block;
                self.join(block, call)?;
                block
            };
            (self.values[place].block, self.values[place].is_needed) = (block, true);
        }
        let place = self.place(value).ok_or(Broken)?;
        Ok(self.values[place])
    }

    fn lost_place(&self, value: u64) -> Option<usize> {
        self.lost.binary_search_by_key(&value, |lost| lost.value).ok()
    }

    /// The place of a value that is live, or is so from now on.
    fn revived(&mut self, value: u64) -> usize {
        let place = self.values.partition_point(|cluster| cluster.value < value);
        if self.values.get(place).is_none_or(|cluster| cluster.value != value) {
            let lost = self.lost_place(value).expect("it was found on the path");
            let Lost { call, from, .. } = self.lost.remove(lost);
            let lost = Cluster { value, call, from, after: NEVER, block: 0, is_needed: false, is_replaced: false };
            self.values.insert(place, lost);
        }
        place
    }

    fn begin_block(&mut self, call: u64, now: u64) -> u32 {
        for block in self.blocks.iter_mut().filter(|block| block.first_return < call && block.limit == NEVER) {
            block.limit = now;
            self.soonest = self.soonest.min(now);
        }
        let number = self.blocks_begun;
        self.blocks_begun += 1;
        self.blocks.push(Block { number, first_return: now, last_call: call, limit: NEVER });
        number
    }

    fn block_place(&self, number: u32) -> Option<usize> {
        for (back, block) in self.blocks.iter().rev().enumerate().take(8) {
            if block.number <= number {
                return (block.number == number).then(|| self.blocks.len() - 1 - back);
            }
        }
        self.blocks.binary_search_by_key(&number, |block| block.number).ok()
    }

    /// An operation called at `call` joins a block.
    #[inline]
    fn join(&mut self, number: u32, call: u64) -> Result<(), Broken> {
        let place = self.block_place(number).ok_or(Broken)?;
        let Block { limit, last_call, first_return, .. } = self.blocks[place];
        if call > limit {
            return Err(Broken);
        }
        if call <= last_call {
            return Ok(());
        }
        self.blocks[place].last_call = call;
        // The blocks whose first return is from the latest call so far to the new one.
        for (other, block) in self.blocks.iter_mut().enumerate().rev() {
            if block.first_return >= call || other == place {
                continue;
            }
            if block.first_return < last_call {
                break;
            }
            block.limit = block.limit.min(first_return);
            self.soonest = self.soonest.min(first_return);
        }
        Ok(())
    }

    /// Something returned at a place after all those that see `value`.
    #[inline]
    fn returned_after(&mut self, value: u64, now: u64) {
        let mut at = value;
        while at != NONE {
            let Some(place) = self.place(at) else { return };
            let cluster = &mut self.values[place];
            if cluster.after != NEVER {
                return; // and so have all before it
            }
            cluster.after = now;
            self.soonest = self.soonest.min(now);
            at = cluster.from;
        }
    }

    /// Forgets what no operation can join that was called at `horizon` or later. `O(live)`, and at least one goes.
    #[inline]
    pub fn forget(&mut self, horizon: u64) {
        if self.soonest < horizon {
            self.sweep(horizon);
        }
    }

    fn sweep(&mut self, horizon: u64) {
        let mut soonest = NEVER;
        self.blocks.retain(|block| {
            let stays = block.limit >= horizon;
            soonest = if stays { soonest.min(block.limit) } else { soonest };
            stays
        });
        let blocks = &self.blocks;
        let has_block = |cluster: &Cluster| blocks.binary_search_by_key(&cluster.block, |block| block.number).is_ok();
        self.values.retain(|cluster| {
            let stays = !cluster.is_needed || (cluster.after >= horizon && has_block(cluster));
            soonest = if stays { soonest.min(cluster.after) } else { soonest };
            stays
        });
        self.soonest = soonest;
    }

    /// Forgets all: the verdict is known.
    pub fn clear(&mut self) {
        *self = Register { top: self.top, ..Register::default() };
    }

    /// As one that nothing ever happened to, with the memory of this one.
    pub fn begin_anew(&mut self) {
        self.values.clear();
        self.blocks.clear();
        self.lost.clear();
        (self.lost_max, self.top, self.blocks_begun, self.soonest) = (0, 0, 0, 0);
    }

    /// Whether a write is under way.
    pub fn has_pending(&self) -> bool {
        self.values.iter().any(|cluster| !cluster.is_needed)
    }

    /// How many values and blocks are live, and how many writes lost.
    #[cfg(test)]
    pub fn size(&self) -> [usize; 3] {
        [self.values.len(), self.blocks.len(), self.lost.len()]
    }

    /// For how many of each there is room.
    #[cfg(test)]
    pub fn capacity(&self) -> [usize; 3] {
        [self.values.capacity(), self.blocks.capacity(), self.lost.capacity()]
    }
}
