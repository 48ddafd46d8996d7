//! The race for a key that nobody has: the agents tell each other how far their replicas are, and the most advanced take it, or
//! the first of those that are equal.

use std::collections::BTreeMap;

use crate::id::NodeId;
use crate::op::Op;
use crate::protocol::Context;
use crate::protocol::primary_backup::Position;

use super::agent::{Agent, Step};
use super::keys::{LEADER, LeaderKey};
use super::{LeaseStore, Message, Timer};

impl Agent {
    /// Asks the others how far they are.
    pub(super) fn poll(&mut self, vacant: LeaderKey, cx: &mut Context<LeaseStore>) {
        self.look(cx);
        if self.sign.stranded {
            return self.rest(cx);
        }
        self.polls += 1;
        self.step = Step::Polling { vacant, told: BTreeMap::from([(cx.me(), self.sign.last)]) };
        let me = cx.me();
        for replica in self.plan.replicas.iter().filter(|replica| **replica != me) {
            cx.send(*replica, Message::Ask { poll: self.polls });
        }
        cx.set_timer(Timer::Poll, self.plan.poll);
        self.take_if_all_told(cx);
    }

    /// Another agent wants to know how far this replica is. One that stays out is no candidate, and says nothing.
    pub(super) fn tell(&mut self, from: NodeId, poll: u32, cx: &mut Context<LeaseStore>) {
        self.look(cx);
        if !self.sign.stranded {
            let serves = self.sign.leads && self.sign.leased;
            cx.send(from, Message::Tell { poll, last: self.sign.last, serves });
        }
    }

    pub(super) fn on_told(
        &mut self,
        from: NodeId,
        poll: u32,
        last: Position,
        serves: bool,
        cx: &mut Context<LeaseStore>,
    ) {
        let Step::Polling { told, .. } = &mut self.step else { return };
        if poll != self.polls {
            return;
        }
        told.insert(from, last);
        if serves {
            return self.give_way(cx);
        }
        self.take_if_all_told(cx);
    }

    fn take_if_all_told(&mut self, cx: &mut Context<LeaseStore>) {
        let Step::Polling { told, .. } = &self.step else { return };
        if told.len() == self.plan.replicas.len() {
            self.stop_polling(cx);
        }
    }

    /// Who has not told by now is not waited for. The most advanced take the key: an equal may be first.
    pub(super) fn stop_polling(&mut self, cx: &mut Context<LeaseStore>) {
        let Step::Polling { vacant, told } = &self.step else { return };
        let (own, vacant) = (told[&cx.me()], *vacant);
        if told.len() < self.plan.reports_needed || told.values().any(|last| *last > own) {
            return self.give_way(cx);
        }
        cx.cancel_timer(Timer::Poll);
        let key = vacant.taken(cx.me());
        self.step = Step::Taking { key, since: cx.now() };
        let new = key.value();
        self.session.ask(Op::CompareAndSet { key: LEADER, expected: Some(vacant.value()), new }, cx);
    }

    fn give_way(&mut self, cx: &mut Context<LeaseStore>) {
        cx.cancel_timer(Timer::Poll);
        self.rest(cx);
    }
}
