//! The rights to take from a bounded counter: who has none left asks, and who has some gives half of them away.
//!
//! A right is given by an update of the giver's own row, which is on its disk before anybody hears of it: between two nodes it is
//! with neither, never with both. Source: Balegas et al., SRDS 2015. Next: `carry.rs`.

use super::{Change, Context, Crdt, Message, Mutant, Timer, Transport};
use crate::id::{Key, NodeId};
use crate::op::{Op, Refusal, Reply};
use crate::protocol::{Request, Role};

impl Crdt {
    /// Whether this node may take so much from a counter.
    pub(super) fn has_rights(&self, key: Key, amount: i64, cx: &Context<Self>) -> bool {
        self.store.counter(key).map_or(0, |counter| counter.rights(cx.me())) >= amount
    }

    /// A request needs rights that this node has not: where anybody has them, that one is asked, and the request waits.
    pub(super) fn want_rights(&mut self, request: Request<Self>, amount: i64, cx: &mut Context<Self>) {
        let key = request.op.key();
        let left = self.store.counter(key).map_or(0, |counter| counter.amount());
        if left < amount {
            return cx.reply(request.id, Reply::Short(left));
        }
        let rights = |node: NodeId| self.store.counter(key).map_or(0, |counter| counter.rights(node));
        let peers = cx.peers().filter(|peer| peer.role == Role::Replica).map(|peer| peer.node);
        if let Some(richest) = peers.max_by_key(|peer| (rights(*peer), std::cmp::Reverse(*peer))) {
            cx.send(richest, Message::Ask(key));
        }
        // A retry waits in the place of the one before.
        self.waiting.retain(|(_, waits)| waits.id.client != request.id.client);
        self.waiting.push_back((cx.now() + self.options.patience, request));
        if self.waiting.len() == 1 {
            cx.set_timer(Timer::Patience, self.options.patience);
        }
    }

    /// Gives a node half of the rights that this one has, and at least one if it has one.
    pub(super) fn give(&mut self, key: Key, to: NodeId, cx: &mut Context<Self>) {
        let own = self.store.counter(key).map_or(0, |counter| counter.rights(cx.me()));
        let given = (own + 1) / 2;
        if given <= 0 {
            return;
        }
        self.make(key, Change::Give(to, given), None, cx);
        if self.options.transport != Transport::Operation
            && let Some(message) = self.shipment(to)
        {
            match self.mutated(Mutant::K7) {
                true => cx.send_unsynced(to, message), // before it is on disk that it was given
                false => cx.send(to, message),
            }
        }
    }

    /// Serves what waited, as far as there are rights now; what has waited for long enough is refused.
    pub(super) fn serve_waiting(&mut self, cx: &mut Context<Self>) {
        if self.waiting.is_empty() {
            return;
        }
        for (until, request) in std::mem::take(&mut self.waiting) {
            let amount = if let Op::Add { amount, .. } = request.op { -amount } else { 0 };
            if self.has_rights(request.op.key(), amount, cx) {
                self.carry_out(request, cx);
            } else if cx.now() >= until {
                cx.refuse(request.id, Refusal::Unavailable);
            } else {
                self.waiting.push_back((until, request));
            }
        }
        match self.waiting.front() {
            Some((until, _)) => cx.set_timer(Timer::Patience, until.since(cx.now())),
            None => cx.cancel_timer(Timer::Patience),
        }
    }
}
