//! The levels by their definitions, for histories of a handful of operations.
//!
//! Nothing here knows of patterns, clocks or graphs: it looks for the orders that the definitions speak of. An operation
//! without an answer may have happened or not, so a history is right if it is for some choice of those that did.

use riftzone::check::order::VersionOrder;
use riftzone::check::session::Guarantee;
use riftzone::history::{Operation, Outcome};
use riftzone::id::{Key, Value};
use riftzone::op::{Op, Reply};

use crate::random::{KEYS, sees, writes};

/// The operations that happened, and relations between them as bit sets: `before[i]` holds `j` if `j` is before `i`.
pub struct World {
    pub all: Vec<Operation>,
    session: Vec<u32>,
    causal: Vec<u32>,
}

impl World {
    pub fn new(all: Vec<Operation>) -> World {
        let before = |i: usize, j: usize| all[j].client == all[i].client && j < i && all[j].outcome == Outcome::Ok;
        let reads_from = |i: usize, j: usize| {
            let seen = sees(&all[i]).flatten();
            seen.is_some() && writes(&all[j]) == seen && all[i].op.key() == all[j].op.key()
        };
        let places = 0..all.len();
        let relation = |is: &dyn Fn(usize, usize) -> bool| -> Vec<u32> {
            places.clone().map(|i| places.clone().filter(|j| is(i, *j)).map(|j| 1 << j).sum()).collect()
        };
        let session = relation(&before);
        let mut causal = relation(&|i, j| before(i, j) || reads_from(i, j));
        for k in places.clone() {
            for i in places.clone() {
                if causal[i] & (1 << k) != 0 {
                    causal[i] |= causal[k];
                }
            }
        }
        World { all, session, causal }
    }

    /// Whether `members` can be put in an order that respects `before`, in which each of `explained` sees the last write.
    fn ordered(&self, members: u32, before: &[u32], explained: u32) -> bool {
        self.search(members, before, explained, &mut Vec::new())
    }

    fn search(&self, left: u32, before: &[u32], explained: u32, order: &mut Vec<usize>) -> bool {
        if left == 0 {
            return true;
        }
        (0..self.all.len()).filter(|i| left & (1 << i) != 0 && before[*i] & left == 0).any(|i| {
            if explained & (1 << i) != 0 && !self.explains(i, order.iter().copied()) {
                return false;
            }
            order.push(i);
            let found = self.search(left & !(1 << i), before, explained, order);
            order.pop();
            found
        })
    }

    /// Whether the last write of these to its key is what the operation saw.
    fn explains(&self, i: usize, order: impl DoubleEndedIterator<Item = usize>) -> bool {
        let key = self.all[i].op.key();
        let last = order.rev().find(|j| self.all[*j].op.key() == key && writes(&self.all[*j]).is_some());
        sees(&self.all[i]).is_none_or(|seen| seen == last.and_then(|j| writes(&self.all[j])))
    }

    /// Whether every operation does what it can: nobody is before itself, sees a value out of thin air, or lies.
    fn sane(&self, before: &[u32]) -> bool {
        let written = |i: usize| match sees(&self.all[i]) {
            Some(Some(value)) => {
                self.all.iter().any(|one| writes(one) == Some(value) && one.op.key() == self.all[i].op.key())
            }
            _ => true,
        };
        let lies = |one: &Operation| match (one.op, one.reply) {
            (Op::CompareAndSet { expected, .. }, Some(Reply::Mismatch(seen))) => seen == expected,
            _ => false,
        };
        (0..self.all.len()).all(|i| before[i] & (1 << i) == 0 && written(i) && !lies(&self.all[i]))
    }

    fn everything(&self) -> u32 {
        (1 << self.all.len()) - 1
    }

    pub fn sequential(&self) -> bool {
        self.sane(&self.session) && self.ordered(self.everything(), &self.session, self.everything())
    }

    pub fn causal(&self) -> bool {
        let past = |i: usize| self.causal[i] | (1 << i);
        self.sane(&self.causal) && (0..self.all.len()).all(|i| self.ordered(past(i), &self.causal, 1 << i))
    }

    pub fn memory(&self) -> bool {
        let own = |i: usize| self.session[i] | (1 << i);
        let past = |i: usize| self.causal[i] | (1 << i);
        self.sane(&self.causal) && (0..self.all.len()).all(|i| self.ordered(past(i), &self.causal, own(i)))
    }

    pub fn pram(&self) -> bool {
        let own = |i: usize| self.session[i] | (1 << i);
        let wrote = (0..self.all.len()).filter(|j| writes(&self.all[*j]).is_some()).map(|j| 1_u32 << j).sum::<u32>();
        self.sane(&self.session) && (0..self.all.len()).all(|i| self.ordered(wrote | own(i), &self.session, own(i)))
    }

    /// Whether there is an order of everything in which each operation sees the last write of its past; of the writes to
    /// each key as `versions` has it, where that is given, and then with nothing between what a swap saw and wrote.
    pub fn convergent(&self, versions: Option<&VersionOrder>) -> bool {
        self.sane(&self.causal) && self.arbitrated(self.everything(), versions, &mut Vec::new())
    }

    fn arbitrated(&self, left: u32, versions: Option<&VersionOrder>, order: &mut Vec<usize>) -> bool {
        if left == 0 {
            return versions.is_none_or(|versions| self.follows(versions, order, true));
        }
        (0..self.all.len()).filter(|i| left & (1 << i) != 0 && self.causal[*i] & left == 0).any(|i| {
            let past = order.iter().copied().filter(|j| self.causal[i] & (1 << j) != 0);
            if !self.explains(i, past.collect::<Vec<_>>().into_iter()) {
                return false;
            }
            order.push(i);
            let found = self.arbitrated(left & !(1 << i), versions, order);
            order.pop();
            found
        })
    }

    fn follows(&self, versions: &VersionOrder, order: &[usize], swaps: bool) -> bool {
        (0..KEYS as u32).map(Key).all(|key| {
            let of_key = order.iter().map(|i| &self.all[*i]).filter(|one| one.op.key() == key);
            let wrote: Vec<&Operation> = of_key.filter(|one| writes(one).is_some()).collect();
            let values: Vec<Value> = wrote.iter().filter_map(|one| writes(one)).collect();
            let before = |place: usize| place.checked_sub(1).map(|before| values[before]);
            let whole = wrote.iter().enumerate().all(|(place, one)| sees(one).is_none_or(|seen| seen == before(place)));
            values == versions.of(key) && (!swaps || whole)
        })
    }

    pub fn sequential_in(&self, versions: &VersionOrder) -> bool {
        fn go(world: &World, left: u32, versions: &VersionOrder, order: &mut Vec<usize>) -> bool {
            if left == 0 {
                return world.follows(versions, order, false);
            }
            (0..world.all.len()).filter(|i| left & (1 << i) != 0 && world.session[*i] & left == 0).any(|i| {
                if !world.explains(i, order.iter().copied()) {
                    return false;
                }
                order.push(i);
                let found = go(world, left & !(1 << i), versions, order);
                order.pop();
                found
            })
        }
        self.sane(&self.session) && go(self, self.everything(), versions, &mut Vec::new())
    }

    /// The place of what an operation saw, in an order of the writes of its key; the initial value comes first.
    fn seen(&self, i: usize, order: &[Value]) -> Option<usize> {
        match sees(&self.all[i])? {
            None => Some(0),
            Some(value) => order.iter().position(|other| *other == value).map(|place| place + 1),
        }
    }

    /// Whether this order of the writes of a key fulfils a session guarantee.
    fn guaranteed(&self, guarantee: Guarantee, key: Key, order: &[Value]) -> bool {
        let on = |i: usize| self.all[i].op.key() == key;
        let saw = |i: usize| self.seen(i, order).filter(|_| on(i));
        let own = |i: usize, j: usize| self.session[i] & (1 << j) != 0;
        let wrote = |i: usize| {
            let value = writes(&self.all[i]).filter(|_| on(i))?;
            order.iter().position(|other| *other == value).map(|place| place + 1)
        };
        let places = 0..self.all.len();
        let pairs = places.clone().flat_map(|i| places.clone().map(move |j| (i, j)));
        // Whether `i` has seen, before it, a write of the session of `j` that came after `j`; or the one that `j` is,
        // where that saw something too.
        let after = |i: usize, j: usize| {
            places.clone().filter(|r| own(i, *r)).any(|r| {
                let source = places.clone().find(|w| self.reads_from(r, *w));
                source.is_some_and(|w| own(w, j))
            })
        };
        let le = |a: Option<usize>, b: Option<usize>| !matches!((a, b), (Some(a), Some(b)) if a > b);
        let lt = |a: Option<usize>, b: Option<usize>| !matches!((a, b), (Some(a), Some(b)) if a >= b);
        match guarantee {
            Guarantee::ReadYourWrites => pairs.clone().all(|(i, j)| !own(i, j) || le(wrote(j), saw(i))),
            Guarantee::MonotonicReads => pairs.clone().all(|(i, j)| !own(i, j) || le(saw(j), saw(i))),
            Guarantee::MonotonicWrites => pairs
                .clone()
                .all(|(i, j)| (!own(i, j) || lt(wrote(j), wrote(i))) && (!after(i, j) || le(wrote(j), saw(i)))),
            Guarantee::WritesFollowReads => pairs
                .clone()
                .all(|(i, j)| (!(own(i, j) || i == j) || lt(saw(j), wrote(i))) && (!after(i, j) || le(saw(j), saw(i)))),
        }
    }

    fn reads_from(&self, i: usize, j: usize) -> bool {
        let seen = sees(&self.all[i]).flatten();
        seen.is_some() && writes(&self.all[j]) == seen && self.all[i].op.key() == self.all[j].op.key()
    }

    /// Whether the guarantee holds for some order of the writes of each key, or the one given.
    pub fn session(&self, guarantee: Guarantee, versions: Option<&VersionOrder>) -> bool {
        (0..KEYS as u32).map(Key).all(|key| {
            let of_key = self.all.iter().filter(|one| one.op.key() == key);
            let mut values: Vec<Value> = of_key.filter_map(writes).collect();
            match versions {
                Some(versions) => self.guaranteed(guarantee, key, versions.of(key)),
                None => permutations(&mut values, 0, &|order| self.guaranteed(guarantee, key, order)),
            }
        })
    }
}

fn permutations(values: &mut Vec<Value>, from: usize, holds: &dyn Fn(&[Value]) -> bool) -> bool {
    if from >= values.len() {
        return holds(values);
    }
    (from..values.len()).any(|place| {
        values.swap(from, place);
        let found = permutations(values, from + 1, holds);
        values.swap(from, place);
        found
    })
}

/// Whether the level holds for some choice of the unknown operations that happened; all of them where so said. A choice
/// must have every write whose value somebody saw.
pub fn for_some(operations: &[Operation], all: bool, holds: impl Fn(&World) -> bool) -> bool {
    let left: Vec<Operation> = operations
        .iter()
        .copied()
        .filter(|one| one.outcome != Outcome::Fail && !(one.reply.is_none() && matches!(one.op, Op::Read(_))))
        .collect();
    let unknown: Vec<usize> = (0..left.len()).filter(|i| left[*i].outcome == Outcome::Unknown).collect();
    let choices = if all { (1_u32 << unknown.len()) - 1..1 << unknown.len() } else { 0..1 << unknown.len() };
    choices.into_iter().any(|choice| {
        let happened = |i: &usize| unknown.iter().position(|u| u == i).is_none_or(|bit| choice & (1 << bit) != 0);
        let (there, gone): (Vec<usize>, Vec<usize>) = (0..left.len()).partition(happened);
        let world = World::new(there.iter().map(|i| left[*i]).collect());
        let missed = |i: &usize| {
            let seen = |one: &Operation| sees(one).flatten() == writes(&left[*i]) && one.op.key() == left[*i].op.key();
            world.all.iter().any(seen)
        };
        !gone.iter().any(missed) && holds(&world)
    })
}
