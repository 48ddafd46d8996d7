//! What an owner does: it carries requests out, each once, and gives keys away.

use std::cmp::Ordering;

use crate::id::{Key, NodeId};
use crate::op::{Op, Refusal, Reply};
use crate::trace::Observation;

use super::entry::{Asked, Entry, Place, Version, last, with};
use super::{Context, HomeRegion, Message, Moves, Request, Timer};

impl HomeRegion {
    /// Carries out a request for a key that this node owns.
    pub(super) fn carry_out(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        let key = request.op.key();
        let held = self.value(key);
        let (value, expected) = match request.op {
            Op::Read(_) => return cx.reply(request.id, Reply::Read(held)),
            // What the owner before this one carried out is not carried out again, if it is still there.
            Op::Write(_, value) if self.takes_over() && held == Some(value) => {
                return cx.reply(request.id, Reply::Written);
            }
            Op::Write(_, value) => (value, held),
            // Nor is it compared with what that one may have replaced, and nobody else knows of.
            Op::CompareAndSet { .. } if self.takes_over() => return cx.refuse(request.id, Refusal::Unsupported),
            Op::CompareAndSet { expected, new, .. } => (new, expected),
            _ => return cx.refuse(request.id, Refusal::Unsupported),
        };
        let asked = self.entries.get(key).map(|entry| entry.asked.clone()).unwrap_or_default();
        match request.id.sequence.cmp(&last(&asked, request.id.client)) {
            Ordering::Less => cx.refuse(request.id, Refusal::Unavailable), // its client has moved on
            Ordering::Equal => cx.reply(request.id, Reply::Written),
            Ordering::Greater if expected != held => cx.reply(request.id, Reply::Mismatch(held)),
            Ordering::Greater => {
                let Place { epoch, number } = self.entries.place(key);
                let term = self.successor(key, cx).map(|(term, _)| term);
                let place = Place { epoch: term.unwrap_or(epoch), number: number + 1 };
                let version = Version { place, owner: cx.me(), value };
                cx.observe(Observation::Ordered { value });
                self.put(Entry { key, version, asked: with(&asked, request.id), gives: None }, cx);
                cx.observe(Observation::Stored { value });
                cx.broadcast(Message::Update(key, version));
                self.count(key);
                cx.reply(request.id, Reply::Written);
                self.follow(key, request.id.entry, cx);
            }
        }
    }

    /// A key was written from there: it follows where it is written often enough.
    fn follow(&mut self, key: Key, from: NodeId, cx: &mut Context<Self>) {
        if self.options.moves == Moves::Never {
            return;
        }
        let streak = match self.streaks.get(key) {
            Some((node, streak)) if *node == from => streak.saturating_add(1),
            _ => 1,
        };
        self.streaks.insert(key, (from, streak));
        let is_peer = cx.peers().any(|peer| peer.node == from);
        if is_peer && streak >= self.options.threshold && !self.is_silent(from, cx.now()) {
            self.streaks.remove(key);
            self.give(key, from, cx);
        }
    }

    /// From here on this node carries out nothing for the key, not after a restart either; nobody does before `to` has it on disk.
    fn give(&mut self, key: Key, to: NodeId, cx: &mut Context<Self>) {
        let entry = self.entries.get(key).expect("a key that is given was written").clone();
        self.put(Entry { gives: Some(to), ..entry.clone() }, cx);
        cx.send(to, grant(&entry, to));
        self.grant_later(cx);
    }

    fn grant_later(&mut self, cx: &mut Context<Self>) {
        if !self.grants {
            self.grants = true;
            cx.set_timer(Timer::Grant, self.options.grant_again);
        }
    }

    /// Says again what is given to whom, as long as it is not known to be there.
    pub(super) fn grant_all(&mut self, cx: &mut Context<Self>) {
        self.grants = false;
        for entry in self.entries.iter() {
            if let Some(to) = entry.gives {
                cx.send(to, grant(entry, to));
                self.grants = true;
            }
        }
        if std::mem::take(&mut self.grants) {
            self.grant_later(cx);
        }
    }

    /// This node gets a key, if it did not get it before. Either way the giver hears who owns it.
    pub(super) fn granted(
        &mut self,
        from: NodeId,
        (key, version): (Key, Version),
        asked: Asked,
        cx: &mut Context<Self>,
    ) {
        match self.entries.get(key).map(|entry| entry.version) {
            Some(known) if known.place >= version.place => cx.send(from, Message::Update(key, known)),
            _ => {
                self.put(Entry { key, version, asked, gives: None }, cx);
                cx.broadcast(Message::Update(key, version));
                self.send_on(key, cx);
            }
        }
    }

    /// What waited for a key to arrive at its next owner is asked anew.
    pub(super) fn send_on(&mut self, key: Key, cx: &mut Context<Self>) {
        for request in self.held.remove(&key).unwrap_or_default() {
            self.dispatch(request, cx);
        }
    }
}

/// The key of this entry, as it is given to another: the same version, in an epoch of its own.
fn grant(entry: &Entry, to: NodeId) -> Message {
    let Place { epoch, number } = entry.version.place;
    let version = Version { place: Place { epoch: epoch + 1, number }, owner: to, ..entry.version };
    Message::Grant(entry.key, version, entry.asked.clone())
}
