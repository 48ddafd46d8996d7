//! Failsafe: a primary that cannot reach the store asks *all* other replicas whether it may go on.
//!
//! A majority of them would not do: the store's majority and the replicas' may lie on different sides of a cut, and who is on the
//! store's side alone can take the key. Whoever agrees takes no key for `ttl`, also after a restart. Next: `sync.rs`.

use std::collections::BTreeSet;

use crate::id::NodeId;
use crate::protocol::Context;
use crate::protocol::mutant::Mutant;
use crate::protocol::primary_backup::Office;
use crate::time::Time;

use super::agent::{Agent, Step};
use super::{LeaseStore, Message, Timer};

impl Agent {
    /// Whether its replica is the primary, and may serve.
    pub(super) fn serves(&mut self, cx: &mut Context<LeaseStore>) -> bool {
        self.look(cx);
        self.sign.office.primary == cx.me() && self.sign.leads && self.sign.leased
    }

    /// Asks every other replica whether this one may go on without the store.
    pub(super) fn appeal(&mut self, cx: &mut Context<LeaseStore>) {
        self.appeals += 1;
        self.step = Step::Appealing { since: cx.now(), agreed: BTreeSet::new() };
        let message = Message::Appeal { appeal: self.appeals, epoch: self.sign.office.epoch };
        self.tell_others(&message, cx);
        cx.set_timer(Timer::Poll, self.plan.poll);
        self.go_on_if_agreed(cx);
    }

    /// The primary asks whether it may go on. Not if there may be another: a key that this node asked for it may have got.
    pub(super) fn on_appeal(&mut self, from: NodeId, appeal: u32, epoch: u64, cx: &mut Context<LeaseStore>) {
        self.look(cx);
        if matches!(self.step, Step::Taking { .. } | Step::Clearing { .. }) || self.has_key() {
            return;
        }
        if self.sign.office.epoch < epoch {
            self.follow(Office { epoch, primary: from }, cx);
        }
        if self.sign.office != (Office { epoch, primary: from }) {
            return;
        }
        self.yields_until = cx.now() + self.plan.ttl + cx.uncertainty() * 4;
        cx.send(from, Message::Agree { appeal });
        if matches!(self.step, Step::Polling { .. }) {
            self.give_way(cx);
        }
    }

    pub(super) fn on_agree(&mut self, from: NodeId, appeal: u32, cx: &mut Context<LeaseStore>) {
        if let Step::Appealing { agreed, .. } = &mut self.step
            && appeal == self.appeals
        {
            agreed.insert(from);
            self.go_on_if_agreed(cx);
        }
    }

    fn go_on_if_agreed(&mut self, cx: &mut Context<LeaseStore>) {
        let Step::Appealing { since, agreed } = &self.step else { return };
        let replicas = self.plan.replicas.len();
        let needed = if self.plan.flaw.is(Mutant::F10) { replicas / 2 } else { replicas - 1 };
        if agreed.len() >= needed {
            let since = *since;
            cx.cancel_timer(Timer::Poll);
            self.ping(self.sign.office, Some(since), cx);
            self.rest(cx);
        }
    }

    /// Somebody did not agree, or is not there to.
    pub(super) fn lose_appeal(&mut self, cx: &mut Context<LeaseStore>) {
        self.demote(cx);
        self.rest(cx);
    }

    /// Whether it has agreed that another is the primary, and takes no key.
    pub(super) fn yields(&self, now: Time) -> bool {
        now < self.yields_until
    }
}
