//! What shows a violation: for each reason the few items that force it, and the reduction to a set of which none can be
//! spared. Off the fast path. Next: `words.rs`.

use super::items::{Item, Kind};
use super::zones::{Block, Ends, NONE, Obstacle, Reason, Zones, analyse};

/// A place in a block's forced order: the write of a value, or all of its reads.
#[derive(Clone, Copy)]
struct Place {
    /// How many swaps are before it.
    link: usize,
    value: u32,
    reads: bool,
    /// The earliest return and the latest call here.
    ret: u64,
    call: u64,
}

impl Zones<'_> {
    pub(super) fn thin_air(&self, reader: u32) -> Obstacle {
        self.violation(Reason::ThinAir { reader }, vec![reader])
    }

    pub(super) fn thin_air_swap(&self, value: u32) -> Obstacle {
        let swap = self.writers[value as usize];
        let mut core = vec![swap];
        self.support(value, &mut core);
        self.violation(Reason::ThinAirSwap { swap }, core)
    }

    pub(super) fn double_spend(&self, seen: u32, one: u32, other: u32) -> Obstacle {
        let (first, second) = (one.min(other), one.max(other));
        let mut core = Vec::new();
        if seen != 0 {
            core.push(self.writers[seen as usize]);
        }
        for value in [first, second] {
            core.push(self.writers[value as usize]);
            self.support(value, &mut core);
        }
        let writer = |value: u32| self.writers[value as usize];
        self.violation(Reason::DoubleSpend { first: writer(first), second: writer(second) }, core)
    }

    /// The cycle that is there because a kept swap was reached from no head.
    pub(super) fn cycle(&self) -> Obstacle {
        let mut reached = vec![false; self.writers.len()];
        for head in 0..self.writers.len() as u32 {
            if head == 0 || self.writer(head).kind == Kind::Write {
                self.chain(head).for_each(|id| reached[id as usize] = true);
            }
        }
        let needed = |id: u32| self.writer(id).known || self.clusters[id as usize].needed_by != NONE;
        let lost = (1..self.writers.len() as u32).find(|id| !reached[*id as usize] && needed(*id));
        // Walk back until a value comes again: that one is on the cycle.
        let before = |id: u32| self.sees[self.writers[id as usize] as usize];
        let mut start = lost.expect("a swap that no head reaches");
        while !std::mem::replace(&mut reached[start as usize], true) {
            start = before(start);
        }
        let mut values = vec![start];
        while before(values[values.len() - 1]) != start {
            values.push(before(values[values.len() - 1]));
        }
        values.reverse();
        let swaps: Vec<u32> = values.iter().map(|id| self.writers[*id as usize]).collect();
        let mut core = swaps.clone();
        self.support(start, &mut core);
        self.violation(Reason::Cycle { swaps }, core)
    }

    /// The violation inside the chain of this head.
    pub(super) fn chain_violation(&self, head: u32) -> Obstacle {
        let places = self.places(head);
        let mut last_call = 0;
        let broken = places.iter().position(|place| {
            let broken = place.ret < last_call;
            last_call = last_call.max(place.call);
            broken
        });
        let to = broken.expect("a chain whose order breaks real time");
        // The nearest one that is called too late. Everything between the two is under way when `to` returns, so there
        // are no more of those than operations can be at once.
        let from = places[..to].iter().rposition(|place| place.call > places[to].ret).expect("its latest call");
        let (earlier, later) = (self.by_call(&places[from]), self.by_return(&places[to]));
        let mut core = vec![earlier, later];
        self.span(&places, from, to, &mut core);
        self.violation(Reason::Chain { earlier, later }, core)
    }

    /// The violation between the initial block and this one, which had ended something before the initial block began
    /// its last.
    pub(super) fn initial_violation(&self, block: &Block) -> Obstacle {
        let places = self.places(0);
        let late = places.iter().position(|place| place.call > block.first_return()).expect("a later call");
        let others = self.places(block.head);
        let ended = others.iter().position(|place| place.ret < places[late].call).expect("an earlier return");
        let mut core = Vec::new();
        self.span(&places, 0, late, &mut core);
        self.span(&others, ended, ended, &mut core);
        let (late, ended) = (self.by_call(&places[late]), self.by_return(&others[ended]));
        core.extend([late, ended]);
        self.violation(Reason::Initial { late, ended }, core)
    }

    /// The violation between two blocks of which each must come before the other.
    pub(super) fn block_violation(&self, first: &Block, second: &Block) -> Obstacle {
        let (one, other) = (self.places(first.head), self.places(second.head));
        let mut core = Vec::new();
        let (ended, began) = nearest(&one, second.last_call(), second.first_return());
        self.span(&one, ended.min(began), ended.max(began), &mut core);
        let (ended_too, began_too) = nearest(&other, one[began].call, one[ended].ret);
        self.span(&other, ended_too.min(began_too), ended_too.max(began_too), &mut core);
        let first = Ends { ended: self.by_return(&one[ended]), began: self.by_call(&one[began]) };
        let second = Ends { ended: self.by_return(&other[ended_too]), began: self.by_call(&other[began_too]) };
        core.extend([first.ended, first.began, second.ended, second.began]);
        self.violation(Reason::Blocks { first, second }, core)
    }

    /// Adds, for an unknown swap or write of `value`, who makes it needed: items up to a known one.
    fn support(&self, mut value: u32, core: &mut Vec<u32>) {
        while !self.writer(value).known {
            let by = self.clusters[value as usize].needed_by;
            core.push(by);
            if self.item(by).known {
                break;
            }
            value = 1 + self.writers[1..].binary_search(&by).expect("only a write is unknown") as u32;
        }
    }

    fn places(&self, head: u32) -> Vec<Place> {
        let mut places = Vec::new();
        for (link, value) in self.chain(head).enumerate() {
            if value != 0 {
                let Item { ret, call, .. } = *self.writer(value);
                places.push(Place { link, value, reads: false, ret, call });
            }
            let cluster = self.clusters[value as usize];
            if cluster.first_return != u64::MAX || cluster.last_call != 0 {
                let (ret, call) = (cluster.first_return, cluster.last_call);
                places.push(Place { link, value, reads: true, ret, call });
            }
        }
        places
    }

    /// Adds the writes that tie one place of a block to another: those of every value from the one to the other.
    fn span(&self, places: &[Place], from: usize, to: usize, core: &mut Vec<u32>) {
        let links = places[from].link..=places[to].link;
        let values = places.iter().filter(|place| !place.reads && links.contains(&place.link));
        core.extend(values.map(|place| self.writers[place.value as usize]));
        if !places[to].reads {
            self.support(places[to].value, core);
        }
    }

    fn by_call(&self, place: &Place) -> u32 {
        self.find(place, |item| item.call == place.call)
    }

    fn by_return(&self, place: &Place) -> u32 {
        self.find(place, |item| item.ret == place.ret)
    }

    fn find(&self, place: &Place, is: impl Fn(&Item) -> bool) -> u32 {
        if !place.reads {
            return self.writers[place.value as usize];
        }
        let seen = |index: &u32| self.sees[*index as usize] == place.value && self.item(*index).kind == Kind::Read;
        (0..self.items.len() as u32).find(|index| seen(index) && is(self.item(*index))).expect("a read is there")
    }

    /// A violation that these items show on their own. A swap of which they hold no write of the value it expects
    /// becomes a write, unless nobody wrote that value at all.
    fn violation(&self, reason: Reason, mut core: Vec<u32>) -> Obstacle {
        core.sort_unstable();
        core.dedup();
        let cut_off = |index: u32| {
            let seen = self.sees[index as usize];
            seen != NONE && seen != 0 && core.binary_search(&self.writers[seen as usize]).is_err()
        };
        let weaken = |index: &u32| match *self.item(*index) {
            item if item.kind == Kind::Swap && cut_off(*index) => Item { kind: Kind::Write, ..item },
            item => item,
        };
        Obstacle::Violation { reason, core: core.iter().map(weaken).collect() }
    }
}

/// The two places nearest to each other, one with a return before `began` and one with a call after `ended`; it may be
/// the same place twice.
fn nearest(places: &[Place], began: u64, ended: u64) -> (usize, usize) {
    let (mut last_ended, mut last_began) = (None, None);
    let mut best: Option<(usize, usize)> = None;
    for (index, place) in places.iter().enumerate() {
        if place.ret < began {
            last_ended = Some(index);
        }
        if place.call > ended {
            last_began = Some(index);
        }
        if let (Some(one), Some(other)) = (last_ended, last_began)
            && best.is_none_or(|(a, b)| one.abs_diff(other) < a.abs_diff(b))
        {
            best = Some((one, other));
        }
    }
    best.expect("a conflict has both ends")
}

/// The items without one of them, and without what makes no sense once that is gone: the reads of the value it set.
/// A swap that replaced that value becomes a write.
fn without(items: &[Item], index: usize) -> Vec<Item> {
    let gone = items[index];
    let orphan = |item: &Item| gone.kind != Kind::Read && item.reads(gone.sets);
    let mut rest = Vec::with_capacity(items.len());
    for (place, item) in items.iter().enumerate() {
        match item.kind {
            _ if place == index => {}
            Kind::Read if orphan(item) => {}
            Kind::Swap if orphan(item) => rest.push(Item { kind: Kind::Write, ..*item }),
            _ => rest.push(*item),
        }
    }
    rest
}

/// Items that cannot all be right, and why.
pub(super) struct Minimal {
    pub items: Vec<Item>,
    /// Its numbers are indices into `items`.
    pub reason: Reason,
    /// Whether it is known that none can be spared: the budget sufficed.
    pub minimal: bool,
}

/// Cuts a core down until no item can be spared. Every cut is judged by [`analyse`]; `steps` counts the items that were
/// examined, and after `budget` of them it stops. Returns nothing where the core is not rejected on its own, which
/// would be an error of the checker.
pub(super) fn minimise(core: Vec<Item>, steps: &mut u64, budget: u64) -> Option<Minimal> {
    let end = *steps + budget;
    let mut items = core;
    let mut reason = rejected(&items, steps)?.0;
    // Items before `essential` cannot be spared. They stay so in every smaller set that is rejected, since a set has
    // the linearizations of every set that holds it, less what was cut. So each item is tried once.
    let mut essential = 0;
    while essential < items.len() && *steps < end {
        let Some((_, core)) = rejected(&without(&items, essential), steps) else {
            essential += 1;
            continue;
        };
        reason = rejected(&core, steps)?.0;
        items = core;
    }
    Some(Minimal { minimal: essential == items.len(), items, reason })
}

fn rejected(items: &[Item], steps: &mut u64) -> Option<(Reason, Vec<Item>)> {
    *steps += items.len() as u64;
    match analyse(items) {
        Err(Obstacle::Violation { reason, core }) => Some((reason, core)),
        _ => None,
    }
}
