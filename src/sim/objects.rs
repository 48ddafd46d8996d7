//! What is known at the end of keys that are more than registers: counters that do not add up, items that are gone, and what
//! came back.

use std::collections::BTreeSet;

use crate::check::counts::distance;
use crate::check::monitor::Invariant;
use crate::check::{Counterexample, Verdict};
use crate::id::{Key, NodeId, Value};
use crate::op::Object;
use crate::protocol::{Content, Guarantee, Protocol, Standing, State};

use super::outcome::{Judged, overtaken};
use super::world::World;

/// A counter that a copy has not as clients were told.
pub(super) struct Miscount {
    /// The counter.
    pub key: Key,
    /// Whose copy is the farthest from it.
    pub node: NodeId,
    /// What it holds there.
    pub amount: i64,
    /// How far that is from what it could be.
    pub by: u64,
}

impl<P: Protocol> World<'_, P> {
    /// Acknowledged operations that the serving copies show to be gone, whatever the protocol observed.
    pub(super) fn overtaken(&self, states: &[(NodeId, State)], serving: &BTreeSet<Value>) -> Vec<Value> {
        // A write that its client did not hear of yet may be carried out again, after what had put an end to it.
        let is_over = |(value, by): &(Value, Value)| {
            let [value, by] = [value, by].map(|value| self.judges().record.writes.get(*value));
            value.zip(by).is_some_and(|(value, by)| value.ended < by.begun)
        };
        let mut gone: Vec<Value> = self.judges().lineage.undone(serving).filter(is_over).map(|(_, by)| by).collect();
        match self.setup.workload.objects.object() {
            Object::Register | Object::Row | Object::Sequence => {
                gone.extend(overtaken(&self.judges().record.writes, states, self.groups.len()))
            }
            // With several groups each replica holds a part, and lineage alone judges.
            Object::Set if self.groups.len() == 1 => {
                let copies = states.iter().filter(|(_, state)| state.standing == Standing::Serving);
                gone.extend(copies.flat_map(|(_, state)| self.judges().record.sets.vanished(state.values())));
            }
            Object::Set | Object::Counter | Object::List => {}
        }
        gone
    }

    /// The counters that do not add up in some serving copy, in the order of keys.
    pub(super) fn miscounts(&self, states: &[(NodeId, State)]) -> Vec<Miscount> {
        if self.groups.len() > 1 {
            return Vec::new(); // each replica holds a part
        }
        let serving = || states.iter().filter(|(_, state)| state.standing == Standing::Serving);
        let of = |key: Key| {
            let settled = self.judges().record.counts.settled(key);
            let held = serving().map(|(node, state)| (*node, amount(state, key)));
            let all = held.map(|(node, amount)| Miscount { key, node, amount, by: distance(amount, &settled) });
            all.max_by_key(|miscount| miscount.by).filter(|miscount| miscount.by > 0)
        };
        self.judges().record.counts.keys().filter_map(of).collect()
    }

    /// Linearizability of sequences.
    pub(super) fn judge_numbers(&self) -> Judged {
        let verdict = match self.judges().record.numbers.violation() {
            Some(why) => Verdict::Fail(Counterexample { why: why.to_string(), operations: Vec::new() }),
            None => Verdict::Pass,
        };
        Judged { guarantee: Guarantee::Linearizable, verdict, steps: 0 }
    }

    pub(super) fn miscount_in_words(&self, miscount: &Miscount) -> String {
        let Miscount { key, node, amount, .. } = *miscount;
        let settled = self.judges().record.counts.settled(key);
        let (low, high) = (settled.start(), settled.end());
        let told = if low == high { low.to_string() } else { format!("{low} up to {high}") };
        format!("{key} comes to {amount} in {}, and what clients were told to {told}", self.name(node))
    }

    /// Tells the invariants what counters came to.
    pub(super) fn conclude_counters(&mut self, states: &[(NodeId, State)]) {
        if !self.judges().invariants.asks(Invariant::CounterBound) {
            return;
        }
        for (node, state) in states.iter().filter(|(_, state)| state.standing == Standing::Serving) {
            for (key, content) in &state.contents {
                if let Content::Amount(amount) = content {
                    self.docket.ask().invariants.held(self.now, *node, *key, *amount);
                }
            }
        }
    }
}

/// What a counter comes to in a copy: nothing, where nobody added to it.
fn amount(state: &State, key: Key) -> i64 {
    match state.contents.get(&key) {
        Some(Content::Amount(amount)) => *amount,
        _ => 0,
    }
}
