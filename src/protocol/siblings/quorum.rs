//! Requests that wait for other nodes. Next: `tests.rs`.

use super::{Context, Found, Message, Mutant, Quorum, Siblings, Timer, Version};
use crate::id::{Key, NodeId, RequestId};
use crate::op::{Refusal, Reply};
use crate::protocol::Role;
use crate::time::Time;

/// A request that waits until enough others have answered.
#[derive(Clone, Debug, Hash)]
pub(super) struct Pending {
    request: RequestId,
    key: Key,
    reads: bool,
    /// Who has answered, and how many must.
    heard: Vec<NodeId>,
    needed: usize,
    until: Time,
}

impl Quorum {
    /// How many others must answer, of a group of so many in all.
    fn others(self, members: usize) -> usize {
        match self {
            Quorum::One => 0,
            Quorum::Majority => members / 2,
            Quorum::All => members - 1,
        }
    }
}

impl Siblings {
    /// Sends what a node has of a key to all others, or asks them for what they have, and lets the request wait for them.
    pub(super) fn consult(&mut self, request: RequestId, key: Key, reads: bool, cx: &mut Context<Self>) {
        let replicas = 1 + cx.peers().filter(|peer| peer.role == Role::Replica).count();
        let quorum = if reads { self.options.reads } else { self.options.acknowledge };
        let needed = quorum.others(replicas);
        self.tickets += 1;
        let ticket = (needed > 0).then_some(self.tickets);
        if !reads {
            cx.broadcast(Message::Update { key, versions: self.store.get(key).into(), ticket });
        }
        let Some(ticket) = ticket else { return self.answer(request, key, reads, cx) };
        if reads {
            cx.broadcast(Message::Get { key, ticket });
        }
        let until = cx.now() + self.options.patience;
        self.pending.insert(ticket, Pending { request, key, reads, heard: Vec::new(), needed, until });
        if self.pending.len() == 1 {
            cx.set_timer(Timer::Patience, self.options.patience);
        }
    }

    /// A node has what it was sent, or was asked for.
    pub(super) fn heard(&mut self, from: NodeId, ticket: u64, found: Option<Found>, cx: &mut Context<Self>) {
        if let Some(found) = found {
            self.merge(found.key, &found.versions, cx);
        }
        let Some(pending) = self.pending.get_mut(&ticket) else { return };
        if pending.heard.contains(&from) {
            return;
        }
        pending.heard.push(from);
        if pending.heard.len() >= pending.needed
            && let Some(Pending { request, key, reads, .. }) = self.pending.remove(&ticket)
        {
            self.answer(request, key, reads, cx);
        }
    }

    fn answer(&self, request: RequestId, key: Key, reads: bool, cx: &mut Context<Self>) {
        if reads {
            let (reply, session) = self.shown(key);
            cx.reply_with(request, reply, session);
        } else {
            cx.reply_with(request, Reply::Written, super::Seen::default());
        }
    }

    /// What has waited for long enough is given up: a read is refused, and of a write nobody knows.
    pub(super) fn give_up(&mut self, cx: &mut Context<Self>) {
        let now = cx.now();
        for pending in self.pending.values().filter(|pending| pending.until <= now && pending.reads) {
            cx.refuse(pending.request, Refusal::Unavailable);
        }
        self.pending.retain(|_, pending| pending.until > now);
        if let Some(next) = self.pending.values().map(|pending| pending.until).min() {
            cx.set_timer(Timer::Patience, next.since(now));
        }
    }

    /// A past with as many entries as a flawed node keeps.
    pub(super) fn pruned(&self, version: Version) -> Version {
        if !self.options.mutant.is(Mutant::W1) {
            return version;
        }
        let past = version.past.iter().take(1).collect();
        Version { past, ..version }
    }
}
