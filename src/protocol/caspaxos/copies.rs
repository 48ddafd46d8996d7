//! The copy: what a replica knows to be chosen of each key. It is told by who proposed it, asks where nobody tells, and gossips.
//! Next: `tests.rs`.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::id::{Key, NodeId, RequestId, Value};
use crate::protocol::{Buckets, Digests, Table};
use crate::time::Time;
use crate::trace::Observation;

use super::super::Context;
use super::register::Known;
use super::{Ballot, CasPaxos, Message, Register, Timer};

/// What is known to be chosen.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Copies {
    known: Table<Key, Copy>,
    digests: Digests,
    /// The highest ballots of which it was told that they are chosen, whatever that is.
    chosen: Table<Key, Ballot>,
}

/// What is known of a key.
#[derive(Clone, Debug, Hash)]
struct Copy {
    /// At which ballot it was chosen.
    ballot: Ballot,
    register: Register,
    /// After a restart there may be but a value, which what was accepted at this ballot replaces, or its own like replaced before; all
    /// that was chosen at lower ones was before it, or it, or replaced it.
    until: Ballot,
}

impl Copies {
    pub fn register(&self, key: Key) -> Option<&Register> {
        self.known.get(key).map(|copy| &copy.register)
    }

    pub fn value(&self, key: Key) -> Option<Value> {
        self.register(key)?.value
    }

    /// The highest ballot at which something is known to be chosen.
    pub fn ballot(&self, key: Key) -> Ballot {
        self.known.get(key).map_or(Ballot::NONE, |copy| copy.ballot)
    }

    /// Whether this node was told that this ballot's state is chosen.
    pub fn is_chosen(&self, key: Key, ballot: Ballot) -> bool {
        self.chosen.get(key) == Some(&ballot)
    }

    /// What is known of this request's operation.
    pub fn recall(&self, key: Key, id: RequestId) -> Known {
        self.register(key).map_or(Known::New, |register| register.recall(id))
    }

    /// Every key that has a value, and the value.
    pub fn iter(&self) -> impl Iterator<Item = (Key, Value)> {
        self.known.iter().filter_map(|(key, copy)| Some((key, copy.register.value?)))
    }

    fn put(&mut self, key: Key, copy: Copy) {
        let words = copy.ballot.words();
        let before = self.known.insert(key, copy).map(|before| before.ballot.words());
        self.digests.replace(key, before, words);
    }

    /// Whether this is later than what is known.
    fn is_news(&self, key: Key, ballot: Ballot, register: &Register) -> bool {
        let is_later = |copy: &Copy| {
            let value = copy.register.value;
            ballot > copy.ballot && (ballot >= copy.until || register.value == value || register.over == value)
        };
        self.known.get(key).map_or(ballot > Ballot::NONE, is_later)
    }

    fn within(&self, buckets: Buckets) -> impl Iterator<Item = (Key, Ballot, &Register)> {
        let all = self.known.iter().map(|(key, copy)| (key, copy.ballot, &copy.register));
        all.filter(move |(key, ..)| buckets.contains(*key))
    }
}

/// Changes that were accepted, and when to ask what became of them.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Doubts {
    all: VecDeque<(Time, Key, Ballot)>,
    is_timed: bool,
}

impl CasPaxos {
    /// This is chosen: a majority has accepted it. Told in the order in which it was made, and what was replaced before what replaced it.
    pub(super) fn learn(&mut self, key: Key, ballot: Ballot, register: &Register, cx: &mut Context<Self>) {
        if !self.copies.is_news(key, ballot, register) {
            return;
        }
        let held = self.copies.value(key);
        if held != register.value {
            let over = register.over.filter(|over| Some(*over) != held);
            for value in over.into_iter().chain(register.value) {
                cx.observe(Observation::Applied { key, value });
            }
        }
        self.copies.put(key, Copy { ballot, register: register.clone(), until: Ballot::NONE });
    }

    /// What a proposer had accepted by a majority is chosen. Where this acceptor does not have it, gossip will bring it.
    pub(super) fn told_chosen(&mut self, key: Key, ballot: Ballot, cx: &mut Context<Self>) {
        if self.copies.chosen.get(key).is_none_or(|before| *before < ballot) {
            self.copies.chosen.insert(key, ballot);
        }
        if let Some(slot) = self.slots.get(key).filter(|slot| slot.accepted == ballot) {
            let register = slot.register.clone();
            self.learn(key, ballot, &register, cx);
        }
    }

    /// After a restart: what this replica accepted of each key is in doubt, and what that replaced was chosen.
    pub(super) fn doubt_everything(&mut self, cx: &mut Context<Self>) {
        let accepted = self.slots.iter().filter(|(_, slot)| slot.accepted > Ballot::NONE);
        let accepted: Vec<(Key, Ballot, Option<Value>)> =
            accepted.map(|(key, slot)| (key, slot.accepted, slot.register.over)).collect();
        for (key, ballot, over) in accepted {
            if let Some(value) = over {
                cx.observe(Observation::Applied { key, value });
                let register = Register { value: over, ..Register::default() };
                self.copies.put(key, Copy { ballot: Ballot::NONE, register, until: ballot });
            }
            self.doubt(key, ballot, cx);
        }
    }

    /// A change was accepted, and may be chosen or not.
    pub(super) fn doubt(&mut self, key: Key, ballot: Ballot, cx: &mut Context<Self>) {
        self.doubts.all.push_back((cx.now() + self.options.settle_after, key, ballot));
        if !std::mem::replace(&mut self.doubts.is_timed, true) {
            cx.set_timer(Timer::Settle, self.options.settle_after);
        }
    }

    /// It could not be found out.
    pub(super) fn doubt_again(&mut self, key: Key, cx: &mut Context<Self>) {
        let ballot = self.slots.get(key).map_or(Ballot::NONE, |slot| slot.accepted);
        self.doubt(key, ballot, cx);
    }

    /// Asks what became of changes of which nobody told, as of a proposer that is gone.
    pub(super) fn settle(&mut self, cx: &mut Context<Self>) {
        self.doubts.is_timed = false;
        let now = cx.now();
        while let Some((due, key, ballot)) = self.doubts.all.front().copied() {
            if due > now {
                self.doubts.is_timed = true;
                return cx.set_timer(Timer::Settle, due.since(now));
            }
            self.doubts.all.pop_front();
            let is_latest = self.slots.get(key).is_some_and(|slot| slot.accepted == ballot);
            if is_latest && self.copies.ballot(key) < ballot {
                self.read(None, key, cx);
            }
        }
    }

    /// Offers a random peer the summary of the copy.
    pub(super) fn gossip(&mut self, cx: &mut Context<Self>) {
        let peers: Vec<NodeId> = cx.peers().map(|peer| peer.node).collect();
        if !peers.is_empty() {
            let peer = peers[cx.random(peers.len() as u64) as usize];
            cx.send_unsynced(peer, Message::Summary(Arc::new(self.copies.digests)));
        }
        cx.set_timer(Timer::Gossip, self.options.gossip_every);
    }

    /// Answers a summary that differs by what is known of the keys in which it does.
    pub(super) fn summary(&self, from: NodeId, theirs: &Digests, cx: &mut Context<Self>) {
        let buckets = self.copies.digests.differing(theirs);
        if !buckets.is_empty() {
            let known = self.copies.within(buckets).map(|(key, ballot, _)| (key, ballot)).collect();
            cx.send_unsynced(from, Message::Places { buckets, known });
        }
    }

    /// Sends what is newer here than what a peer knows, and asks for what is newer there.
    pub(super) fn repair(&self, from: NodeId, buckets: Buckets, known: &[(Key, Ballot)], cx: &mut Context<Self>) {
        let theirs = |key| known.binary_search_by_key(&key, |(key, _)| *key).map_or(Ballot::NONE, |at| known[at].1);
        let newer = self.copies.within(buckets).filter(|(key, ballot, _)| theirs(*key) < *ballot);
        let newer: Vec<_> = newer.map(|(key, ballot, register)| (key, ballot, register.clone())).collect();
        let is_wanted = |(key, ballot): &&(Key, Ballot)| self.copies.ballot(*key) < *ballot;
        let wanted: Vec<Key> = known.iter().filter(is_wanted).map(|(key, _)| *key).collect();
        if !newer.is_empty() || !wanted.is_empty() {
            cx.send_unsynced(from, Message::Repair { newer, wanted });
        }
    }

    /// Takes what a peer knows, and sends it what it wants.
    pub(super) fn repaired(
        &mut self,
        from: NodeId,
        newer: &[(Key, Ballot, Register)],
        wanted: &[Key],
        cx: &mut Context<Self>,
    ) {
        for (key, ballot, register) in newer {
            self.learn(*key, *ballot, register, cx);
        }
        let known = |key: &Key| Some((*key, self.copies.ballot(*key), self.copies.register(*key)?.clone()));
        let newer: Vec<_> = wanted.iter().filter_map(known).collect();
        if !newer.is_empty() {
            cx.send_unsynced(from, Message::Repair { newer, wanted: Vec::new() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was accepted last may be an operation that changed nothing: then the value which it holds was chosen before.
    #[test]
    fn after_a_restart_what_replaced_the_value_is_news_and_what_it_replaced_is_not() {
        let (key, mut copies) = (Key(3), Copies::default());
        let at = |counter| Ballot { counter, ..Ballot::NONE };
        let register = |value, over| Register { value: Some(Value(value)), over, ..Register::default() };
        copies.put(key, Copy { ballot: Ballot::NONE, register: register(1, None), until: at(4) });
        assert!(copies.is_news(key, at(3), &register(8, Some(Value(1)))));
        assert!(copies.is_news(key, at(1), &register(1, Some(Value(0)))));
        assert!(!copies.is_news(key, at(1), &register(0, None)));
        assert!(copies.is_news(key, at(4), &register(9, Some(Value(8)))));
    }
}
