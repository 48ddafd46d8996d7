//! How what is new reaches the others: as updates, or as states. Next: `rights.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Change, Crdt, Element, Entry, Fragment, Message, Mutant, Transport, Type, Update, Wants, list};
use super::{Context, Dot, VersionVector};
use crate::id::NodeId;
use crate::protocol::Role;

/// At most so many updates in a message.
const UPDATES_MAX: usize = 500;

/// What a node knows of the others, and keeps for them.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Carry {
    /// What each peer has seen, as it said last: it has that on disk.
    known: BTreeMap<NodeId, VersionVector>,
    /// What each peer has if nothing was lost that was sent to it.
    sent: BTreeMap<NodeId, VersionVector>,
    /// Updates that some peer may lack, each after all that it comes after; of each node without a gap up to the last.
    updates: Vec<Arc<Update>>,
    /// Updates that came before their past.
    early: BTreeMap<Dot, Arc<Update>>,
}

impl Carry {
    /// How many updates are kept for others.
    pub fn kept(&self) -> usize {
        self.updates.len()
    }

    /// Those.
    pub fn updates(&self) -> impl DoubleEndedIterator<Item = &Arc<Update>> {
        self.updates.iter()
    }

    /// Keeps an update for those who may lack it.
    pub fn keep(&mut self, update: Arc<Update>) {
        self.updates.push(update);
    }

    /// The copy has seen what it has no updates of: who lacks some of it will get a state.
    pub fn forget_updates(&mut self) {
        self.updates.clear();
    }

    /// What every copy is known to have seen, if this one has seen this, and all that any other is known to have.
    fn seen_by_all(&self, seen: &VersionVector, peers: usize) -> VersionVector {
        if self.known.len() < peers || !self.known.values().all(|known| seen.covers(known)) {
            return VersionVector::default();
        }
        let least = |node| self.known.values().map(|known| known.of(node)).min();
        seen.iter().map(|(node, number)| (node, least(node).map_or(number, |least| least.min(number)))).collect()
    }

    /// The updates that one lacks who has seen this; none where some of them are not kept.
    fn missing(&self, theirs: &VersionVector, seen: &VersionVector) -> Option<Vec<Arc<Update>>> {
        let mut kept: BTreeMap<NodeId, u64> = BTreeMap::new();
        for update in &self.updates {
            kept.entry(update.dot.node).or_insert(update.dot.number - 1);
        }
        let from = seen.iter().map(|(node, number)| (node, kept.get(&node).copied().unwrap_or(number)));
        let from: VersionVector = from.collect();
        let lacked = self.updates.iter().filter(|update| !theirs.has(update.dot)).cloned();
        theirs.covers(&from).then(|| lacked.collect())
    }
}

fn replicas(cx: &Context<Crdt>) -> Vec<NodeId> {
    cx.peers().filter(|peer| peer.role == Role::Replica).map(|peer| peer.node).collect()
}

impl Crdt {
    /// Sends an update on that was made here: by operation at once, else with the next shipment.
    pub(super) fn send_on(&self, update: &Arc<Update>, cx: &mut Context<Self>) {
        if self.options.transport == Transport::Operation {
            cx.broadcast(Message::Updates(vec![update.clone()]));
        }
    }

    /// Sends what is new to all who may lack it.
    pub(super) fn ship_to_all(&mut self, cx: &mut Context<Self>) {
        for peer in replicas(cx) {
            if let Some(message) = self.shipment(peer) {
                cx.send(peer, message);
            }
        }
    }

    /// What a peer lacks, if nothing was lost that was sent to it; nothing where it lacks nothing.
    pub(super) fn shipment(&mut self, peer: NodeId) -> Option<Message> {
        let sent = self.carry.sent.entry(peer).or_default();
        if sent.covers(self.store.seen()) {
            return None;
        }
        let since = std::mem::replace(sent, self.store.seen().clone());
        let fragment = match self.options.transport {
            Transport::State => self.store.whole(),
            Transport::Delta | Transport::Operation => self.store.since(&since),
        };
        Some(Message::Fragment(Arc::new(fragment)))
    }

    /// Tells one peer what this node has seen; what was sent and not acknowledged will be sent again.
    pub(super) fn gossip(&mut self, cx: &mut Context<Self>) {
        let peers = replicas(cx);
        self.carry.sent.clone_from(&self.carry.known);
        self.collect(peers.len());
        if !peers.is_empty() {
            let peer = peers[cx.random(peers.len() as u64) as usize];
            let wants = if self.options.transport == Transport::Operation { Wants::Answer } else { Wants::Nothing };
            cx.send(peer, Message::Has { seen: self.store.seen().clone(), wants });
        }
    }

    /// Drops what nobody needs any more: updates that all have, and tombstones whose removal is causally stable.
    fn collect(&mut self, peers: usize) {
        let stable = self.carry.seen_by_all(self.store.seen(), peers);
        self.carry.updates.retain(|update| !stable.has(update.dot));
        if self.options.what == Type::Rga {
            let stable = if self.mutated(Mutant::K6) { self.store.seen().clone() } else { stable };
            self.store.collect(&stable);
        }
    }

    /// A peer tells what it has seen.
    pub(super) fn heard(&mut self, from: NodeId, seen: VersionVector, wants: Wants, cx: &mut Context<Self>) {
        if wants != Wants::Nothing {
            if self.options.transport == Transport::Operation {
                self.fill(from, &seen, cx);
            } else {
                self.carry.sent.insert(from, seen.clone());
            }
        }
        if wants == Wants::Answer && !self.store.seen().covers(&seen) {
            cx.send(from, Message::Has { seen: self.store.seen().clone(), wants: Wants::Rest });
        }
        self.carry.known.insert(from, seen);
    }

    /// Sends what one lacks who has seen this.
    fn fill(&self, to: NodeId, theirs: &VersionVector, cx: &mut Context<Self>) {
        if theirs.covers(self.store.seen()) {
            return;
        }
        match self.carry.missing(theirs, self.store.seen()) {
            Some(updates) => {
                updates.chunks(UPDATES_MAX).for_each(|some| cx.send(to, Message::Updates(some.to_vec())));
            }
            None => cx.send(to, Message::Fragment(Arc::new(self.store.whole()))),
        }
    }

    /// Updates came, perhaps before their past, and perhaps again.
    pub(super) fn receive(&mut self, _from: NodeId, updates: Vec<Arc<Update>>, cx: &mut Context<Self>) {
        for update in updates {
            if !self.store.seen().has(update.dot) {
                self.carry.early.insert(update.dot, update);
            }
        }
        self.take_ready(cx);
    }

    /// Takes, of what came, all whose past is here.
    fn take_ready(&mut self, cx: &mut Context<Self>) {
        let mut took = false;
        while let Some(update) = self.ready(cx) {
            self.carry.early.remove(&update.dot);
            let update = self.flawed(update, cx);
            self.take(&update, cx);
            took = true;
        }
        if took {
            self.serve_waiting(cx);
        }
    }

    /// An update of another as a flawed node takes it.
    fn flawed(&self, update: Arc<Update>, cx: &Context<Self>) -> Arc<Update> {
        let own = self.store.dots(update.key);
        match &update.change {
            // All insertions of the items that it removes, seen by it or not.
            Change::Take(taken) if self.mutated(Mutant::K3) => {
                let of = |dot: &Dot| self.items(update.key).find(|(other, ..)| other == dot).map(|(_, item, _)| item);
                let removed: Vec<_> = taken.iter().filter_map(of).collect();
                let all = self.items(update.key).filter(|(_, item, _)| removed.contains(item)).map(|(dot, ..)| dot);
                Arc::new(Update { change: Change::Take(all.collect()), ..(*update).clone() })
            }
            // In the order in which elements came, by this node's clock.
            Change::Put(Entry::Element(element), replaced) if self.mutated(Mutant::K8) => {
                let turn = own.map_or(1, list::next_turn).max(cx.now().as_nanos());
                let entry = Entry::Element(Element { turn, ..*element });
                Arc::new(Update { change: Change::Put(entry, replaced.clone()), ..(*update).clone() })
            }
            _ => update,
        }
    }

    fn ready(&self, cx: &Context<Self>) -> Option<Arc<Update>> {
        let seen = self.store.seen();
        let mut next = cx.members().iter().filter_map(|member| self.carry.early.get(&seen.next(member.node)));
        next.find(|update| seen.covers(&update.past)).cloned()
    }

    /// A state came. What it leaves out must be here: else what was taken out meanwhile would stay.
    pub(super) fn join(&mut self, from: NodeId, fragment: Arc<Fragment>, cx: &mut Context<Self>) {
        let before = self.store.seen().clone();
        if !before.covers(&fragment.since) && !self.mutated(Mutant::K5) {
            return cx.send(from, Message::Has { seen: before, wants: Wants::Rest });
        }
        self.witness(&fragment);
        let (changed, lost) = self.store.join(&fragment);
        self.tell_lost(lost, cx);
        if *self.store.seen() != before {
            let part = self.store.part(&changed, before);
            self.persist(super::Record::Joined(Arc::new(part)), cx);
            if self.options.transport == Transport::Operation {
                self.carry.forget_updates();
                let seen = self.store.seen().clone();
                self.carry.early.retain(|dot, _| !seen.has(*dot));
                self.take_ready(cx);
            }
        }
        cx.send(from, Message::Has { seen: self.store.seen().clone(), wants: Wants::Nothing });
        self.serve_waiting(cx);
    }
}
