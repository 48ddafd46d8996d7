//! The race for a key that nobody has: the agents tell each other how far their replicas are, and the most advanced take it, or
//! the first of those that are equal.

use std::collections::BTreeMap;

use crate::id::{NodeId, Value};
use crate::op::Op;
use crate::protocol::Context;
use crate::protocol::primary_backup::Position;
use crate::time::Time;

use super::agent::{Agent, Step};
use super::keys::{LEADER, LeaderKey, STATUS};
use super::sync::Then;
use super::{LeaseStore, Message, Timer};

impl Agent {
    /// Nobody has the key.
    pub(super) fn race(&mut self, vacant: LeaderKey, cx: &mut Context<LeaseStore>) {
        if self.serves(cx) && self.sign.office.epoch == vacant.epoch {
            return self.take(vacant, vacant.resumed(cx.me()), cx); // it went on without the store, and is the primary still
        }
        if self.yields(cx.now()) || self.sign.stranded {
            return self.rest(cx);
        }
        match self.plan.maximum_lag {
            Some(_) => {
                self.step = Step::Weighing(vacant);
                self.session.ask(Op::Read(STATUS), cx);
            }
            None => self.enter(vacant, cx),
        }
    }

    /// How far the primary was, when it last told: whoever is too far behind takes no key.
    pub(super) fn weigh(&mut self, vacant: LeaderKey, status: Option<Value>, cx: &mut Context<LeaseStore>) {
        let behind = status.map_or(0, |Value(entries)| entries).saturating_sub(self.sign.last.index);
        if self.plan.maximum_lag.is_some_and(|most| behind > most) {
            return self.rest(cx);
        }
        self.enter(vacant, cx);
    }

    fn enter(&mut self, vacant: LeaderKey, cx: &mut Context<LeaseStore>) {
        match self.plan.synchronous {
            true => self.read_sync(Then::Race(vacant), cx),
            false => self.poll(vacant, cx),
        }
    }

    /// Tells the store how far its replica is.
    pub(super) fn publish(&mut self, taken: Option<(LeaderKey, Time)>, cx: &mut Context<LeaseStore>) {
        self.step = Step::Publishing(taken);
        self.session.ask(Op::Write(STATUS, Value(self.sign.last.index)), cx);
    }

    /// Asks the others how far they are.
    pub(super) fn poll(&mut self, vacant: LeaderKey, cx: &mut Context<LeaseStore>) {
        self.look(cx);
        self.polls += 1;
        self.step = Step::Polling { vacant, told: BTreeMap::from([(cx.me(), self.sign.last)]) };
        self.tell_others(&Message::Ask { poll: self.polls }, cx);
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
        let is_ahead = |(replica, last): (&NodeId, &Position)| *last > own && self.may_lead(*replica);
        if told.len() < self.plan.reports_needed || told.iter().any(is_ahead) {
            return self.give_way(cx);
        }
        cx.cancel_timer(Timer::Poll);
        self.take(vacant, vacant.taken(cx.me()), cx);
    }

    fn take(&mut self, vacant: LeaderKey, key: LeaderKey, cx: &mut Context<LeaseStore>) {
        self.step = Step::Taking { key, since: cx.now() };
        let new = key.value();
        self.session.ask(Op::CompareAndSet { key: LEADER, expected: Some(vacant.value()), new }, cx);
    }

    pub(super) fn give_way(&mut self, cx: &mut Context<LeaseStore>) {
        cx.cancel_timer(Timer::Poll);
        self.rest(cx);
    }
}
