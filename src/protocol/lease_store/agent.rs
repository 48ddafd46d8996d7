//! An agent and its replica: the replica replicates, the agent tells it who is primary.
//!
//! To its replica the agent is the only monitor: it pings it with an office and, where its node holds the key, with a lease.
//! Next: `race.rs`, what an agent does when nobody holds the key.

use std::collections::BTreeMap;

use crate::id::{NodeId, Value};
use crate::op::{Op, Reply};
use crate::protocol::primary_backup::{self, Office, Position, PrimaryBackup, Sign};
use crate::protocol::{Context, Effect, Embedded, Member, Protocol, Request, Role};
use crate::time::{Duration, Time};
use crate::trace::Observation;

use super::keys::{LEADER, LeaderKey};
use super::options::Plan;
use super::session::Session;
use super::{LeaseStore, Message, Record, Timer};

/// A replica with its agent.
#[derive(Clone, Debug, Hash)]
pub(super) struct Agent {
    pub(super) plan: Plan,
    database: Embedded<PrimaryBackup>,
    /// What the replica last said of itself.
    pub(super) sign: Sign,
    pub(super) session: Session,
    /// The key, if this node has it, with the value that it had in the store last.
    held: Option<LeaderKey>,
    pub(super) step: Step,
    /// Whether there is a reason to look again when this step is done.
    again: bool,
    /// How many times it has asked the others how far they are.
    pub(super) polls: u32,
}

/// What an agent is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    /// Nothing until the next look.
    Idle,
    /// It asked the store who has the key.
    Reading,
    /// It asked the store to renew the key.
    Renewing {
        /// As it was.
        key: LeaderKey,
        /// When it began to ask: what the lease counts from.
        since: Time,
    },
    /// It asked the others how far they are, for nobody has the key.
    Polling {
        /// The key.
        vacant: LeaderKey,
        /// The answers.
        told: BTreeMap<NodeId, Position>,
    },
    /// It asked the store for the key.
    Taking {
        /// As it will be.
        key: LeaderKey,
        /// When it began to ask.
        since: Time,
    },
}

impl Agent {
    pub fn start(plan: Plan, recovered: Vec<Record>, cx: &mut Context<LeaseStore>) -> Agent {
        let session = Session::start(&plan, &recovered, cx);
        let records = recovered.into_iter().filter_map(|record| match record {
            Record::Database(record) => Some(record),
            _ => None,
        });
        let replicas = cx.members().iter().filter(|member| member.role == Role::Replica);
        let replicas: Vec<Member> = replicas.cloned().collect();
        let database = Embedded::start(&plan.database, records.collect(), replicas, cx);
        let office = Office { epoch: 1, primary: plan.first_primary };
        let (last, clock) = (Position::default(), cx.now());
        let mut agent = Agent {
            plan,
            database,
            sign: Sign { office, last, leads: false, leased: false, stranded: false, clock },
            session,
            held: None,
            step: Step::Idle,
            again: false,
            polls: 0,
        };
        agent.act(cx);
        agent.look(cx);
        // Agents that start together do not look in step, and a fault at a round time does not meet every run in the same phase.
        let first = cx.random_between(Duration::ZERO, agent.plan.loop_wait);
        cx.set_timer(Timer::Loop, first);
        agent.begin(cx);
        agent
    }

    pub fn on_request(&mut self, request: Request<LeaseStore>, cx: &mut Context<LeaseStore>) {
        let Request { id, op, session } = request;
        self.call(cx, |database, cx| database.on_request(Request { id, op, session }, cx));
    }

    pub fn on_message(&mut self, from: NodeId, message: Message, cx: &mut Context<LeaseStore>) {
        match message {
            Message::Database(message) => self.call(cx, |database, cx| database.on_message(from, message, cx)),
            Message::Answer { id, says } => {
                if let Some(reply) = self.session.answered(id, says, cx) {
                    self.on_reply(reply, cx);
                }
            }
            Message::Changed => self.begin(cx),
            Message::Ask { poll } => self.tell(from, poll, cx),
            Message::Tell { poll, last, serves } => self.on_told(from, poll, last, serves, cx),
            Message::Store(_) | Message::Request { .. } => panic!("{message:?} is for the store"),
        }
    }

    pub fn on_timer(&mut self, timer: Timer, cx: &mut Context<LeaseStore>) {
        match timer {
            Timer::Database(timer) => self.call(cx, |database, cx| database.on_timer(timer, cx)),
            Timer::Loop => {
                cx.set_timer(Timer::Loop, self.plan.loop_wait);
                self.begin(cx);
            }
            Timer::Retry => {
                if self.session.is_given_up(cx) {
                    self.on_silence(cx);
                }
            }
            Timer::Poll => self.stop_polling(cx),
            Timer::Store(_) | Timer::Expiry => panic!("{timer:?} is for the store"),
        }
    }

    pub fn database(&self) -> &PrimaryBackup {
        self.database.get()
    }

    /// Calls the replica, and does what it wants.
    fn call(
        &mut self,
        cx: &mut Context<LeaseStore>,
        handler: impl FnOnce(&mut PrimaryBackup, &mut Context<PrimaryBackup>),
    ) {
        self.database.call(cx, handler);
        self.act(cx);
    }

    fn act(&mut self, cx: &mut Context<LeaseStore>) {
        while let Some(effect) = self.database.next() {
            match effect {
                Effect::Send { to, message: primary_backup::Message::Pong(sign), .. } if to == cx.me() => {
                    self.sign = sign;
                }
                effect => cx.carry(effect),
            }
        }
    }

    /// Tells the replica who is primary, and for how long it is if that is its node; it answers with a sign.
    fn ping(&mut self, office: Office, grant: Option<Time>, cx: &mut Context<LeaseStore>) {
        let ping = primary_backup::Message::Ping { office, grant };
        self.call(cx, |database, cx| database.on_message(cx.me(), ping, cx));
    }

    /// Asks the replica for a sign.
    pub(super) fn look(&mut self, cx: &mut Context<LeaseStore>) {
        self.ping(self.sign.office, None, cx);
    }

    /// Looks who has the key, and renews it if this node does.
    fn begin(&mut self, cx: &mut Context<LeaseStore>) {
        if self.step != Step::Idle {
            self.again = true;
            return;
        }
        match self.held {
            Some(key) => self.renew(key, cx),
            None => {
                self.step = Step::Reading;
                self.session.ask(Op::Read(LEADER), cx);
            }
        }
    }

    /// The step is done.
    pub(super) fn rest(&mut self, cx: &mut Context<LeaseStore>) {
        self.step = Step::Idle;
        if std::mem::take(&mut self.again) {
            self.begin(cx);
        }
    }

    fn renew(&mut self, key: LeaderKey, cx: &mut Context<LeaseStore>) {
        self.step = Step::Renewing { key, since: cx.now() };
        let expected = key.stored(self.plan.first_primary);
        self.session.ask(Op::CompareAndSet { key: LEADER, expected, new: key.renewed().value() }, cx);
    }

    fn on_reply(&mut self, reply: Reply, cx: &mut Context<LeaseStore>) {
        match (std::mem::replace(&mut self.step, Step::Idle), reply) {
            (Step::Reading, Reply::Read(found)) => self.learn(found, cx),
            (Step::Renewing { key, since }, Reply::Written) => self.hold(key.renewed(), since, cx),
            (Step::Taking { key, since }, Reply::Written) => self.hold(key, since, cx),
            (Step::Renewing { .. } | Step::Taking { .. }, Reply::Mismatch(found)) => self.learn(found, cx),
            _ => self.rest(cx), // a store that forgot what it was asked
        }
    }

    /// This is what the store has.
    fn learn(&mut self, found: Option<Value>, cx: &mut Context<LeaseStore>) {
        let key = LeaderKey::read(found, self.plan.first_primary);
        self.held = None;
        match key.holder {
            // Perhaps by a request that was given up: how long it has it for is not known.
            Some(holder) if holder == cx.me() => self.renew(key, cx),
            Some(primary) => {
                self.ping(Office { epoch: key.epoch, primary }, None, cx);
                self.rest(cx);
            }
            None => self.poll(key, cx),
        }
    }

    /// This node has the key, and had it at most for as long as since it began to ask.
    fn hold(&mut self, key: LeaderKey, since: Time, cx: &mut Context<LeaseStore>) {
        self.held = Some(key);
        let epoch = key.epoch;
        if epoch > self.sign.office.epoch {
            cx.observe(Observation::Decided { epoch });
            cx.observe(Observation::Fenced { epoch }); // the key had run out, or it could not have been taken
        }
        self.ping(Office { epoch, primary: cx.me() }, Some(since), cx);
        self.rest(cx);
    }

    /// The store is out of reach. What it was asked it may yet do.
    fn on_silence(&mut self, cx: &mut Context<LeaseStore>) {
        if self.held.take().is_some() {
            self.call(cx, |database, cx| database.revoke(cx));
        }
        self.rest(cx);
    }
}
