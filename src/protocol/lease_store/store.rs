//! A node of the store: Raft, with what etcd has beside it: leases that run out, and watches.
//!
//! The leader of the store counts how long the leader key has not been renewed, by its own clock and from its own office at the
//! earliest, and then asks, as a client of its own group, to vacate it: that the key ran out is an entry of the log. Next:
//! `session.rs`, the other end.

use std::collections::BTreeSet;

use crate::id::{NodeId, RequestId, Value};
use crate::op::{Op, Refusal, Reply};
use crate::protocol::raft::Raft;
use crate::protocol::{Context, Effect, Embedded, Protocol, Request};
use crate::trace::Observation;

use super::keys::{LEADER, LeaderKey};
use super::options::Plan;
use super::session::{Number, client_of, node_of};
use super::{LeaseStore, Message, Record, Timer};

/// A node of the store.
#[derive(Clone, Debug, Hash)]
pub(super) struct Store {
    plan: Plan,
    raft: Embedded<Raft>,
    /// Whether it leads the store, and has all that earlier leaders committed.
    leads: bool,
    /// The leader key as it has applied it.
    key: Option<Value>,
    /// Those who asked it for something: they are told when the key changes hands.
    watchers: BTreeSet<NodeId>,
    number: Number,
}

impl Store {
    pub fn start(plan: Plan, recovered: Vec<Record>, cx: &mut Context<LeaseStore>) -> Store {
        let number = Number::start(&recovered, cx);
        let records = recovered.into_iter().filter_map(|record| match record {
            Record::Store(record) => Some(record),
            _ => None,
        });
        let raft = plan.group.start(records.collect(), plan.flaw, cx);
        let mut store = Store { plan, raft, leads: false, key: None, watchers: BTreeSet::new(), number };
        store.act(cx);
        store
    }

    pub fn on_message(&mut self, from: NodeId, message: Message, cx: &mut Context<LeaseStore>) {
        match message {
            Message::Store(message) => self.call(cx, |raft, cx| raft.on_message(from, message, cx)),
            Message::Request { id, op } => {
                if id.entry == cx.me() && node_of(id.client, cx) == from {
                    self.watchers.insert(from);
                }
                self.call(cx, |raft, cx| raft.on_request(Request { id, op, session: () }, cx));
            }
            Message::Answer { id, says } => self.answer(id, says, false, cx),
            _ => panic!("{message:?} is for replicas"),
        }
    }

    pub fn on_timer(&mut self, timer: Timer, cx: &mut Context<LeaseStore>) {
        match timer {
            Timer::Store(timer) => self.call(cx, |raft, cx| raft.on_timer(timer, cx)),
            Timer::Expiry => self.expire(cx),
            _ => panic!("{timer:?} is for replicas"),
        }
    }

    fn call(&mut self, cx: &mut Context<LeaseStore>, handler: impl FnOnce(&mut Raft, &mut Context<Raft>)) {
        self.raft.call(cx, handler);
        self.act(cx);
    }

    /// Does what Raft wants. Its clients are agents, and this node: they are no clients of the world. What it observes is about
    /// the store, and not told: the monitors ask about the primary.
    fn act(&mut self, cx: &mut Context<LeaseStore>) {
        while let Some(effect) = self.raft.next() {
            match effect {
                Effect::Reply { request, reply, unsynced, .. } => self.answer(request, Ok(reply), unsynced, cx),
                Effect::Refuse { request, refusal } => self.answer(request, Err(refusal), false, cx),
                Effect::Forward { to, request } => cx.send(to, Message::Request { id: request.id, op: request.op }),
                Effect::Compact { records } => {
                    let records = records.into_iter().map(Record::Store);
                    cx.compact([self.number.record()].into_iter().chain(records).collect());
                }
                Effect::Observe(observation) => {
                    cx.observe_inside(observation);
                    self.observe(observation, cx);
                }
                effect => cx.carry(effect),
            }
        }
    }

    /// An answer goes back by way of the node that the agent asked.
    fn answer(&mut self, id: RequestId, says: Result<Reply, Refusal>, unsynced: bool, cx: &mut Context<LeaseStore>) {
        let to = if id.entry == cx.me() { node_of(id.client, cx) } else { id.entry };
        if to == cx.me() {
            return; // it asked that the key be vacated, and sees by the log whether it is
        }
        match unsynced {
            true => cx.send_unsynced(to, Message::Answer { id, says }),
            false => cx.send(to, Message::Answer { id, says }),
        }
    }

    fn observe(&mut self, observation: Observation, cx: &mut Context<LeaseStore>) {
        match observation {
            Observation::Ready { .. } => {
                self.leads = true;
                self.count_anew(cx);
            }
            Observation::SteppedDown { .. } => {
                self.leads = false;
                cx.cancel_timer(Timer::Expiry);
            }
            Observation::Applied { key: LEADER, value } => {
                let before = LeaderKey::read(self.key.replace(value), self.plan.first_primary);
                let key = LeaderKey::read(Some(value), self.plan.first_primary);
                self.count_anew(cx);
                if (key.epoch, key.holder) != (before.epoch, before.holder) {
                    self.watchers.iter().for_each(|agent| cx.send(*agent, Message::Changed));
                }
            }
            _ => {}
        }
    }

    /// The key was renewed, or taken; or this node begins to count, and may not know when it was.
    fn count_anew(&self, cx: &mut Context<LeaseStore>) {
        if self.leads {
            // The holder's span and this one are measured by two clocks, each off by at most twice the declared uncertainty.
            cx.set_timer(Timer::Expiry, self.plan.ttl + cx.uncertainty() * 4);
        }
    }

    /// Nobody renewed the key for `ttl`. A renewal that is ahead of this in the log has changed the value by then.
    fn expire(&mut self, cx: &mut Context<LeaseStore>) {
        let key = LeaderKey::read(self.key, self.plan.first_primary);
        if !self.leads || key.holder.is_none() {
            return;
        }
        cx.observe(Observation::Suspected);
        let id = RequestId { client: client_of(&self.number, cx), sequence: self.number.next(), entry: cx.me() };
        let op = Op::CompareAndSet { key: LEADER, expected: self.key, new: key.vacated().value() };
        self.call(cx, |raft, cx| raft.on_request(Request { id, op, session: () }, cx));
    }
}
