//! An agent and its replica: the replica replicates, the agent tells it who is primary.
//!
//! To its replica the agent is the only monitor: it pings it with an office and, where its node holds the key, with a lease.
//! Next: `race.rs`, what an agent does when nobody holds the key.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{NodeId, Value};
use crate::op::{Op, Reply};
use crate::protocol::primary_backup::{self, Office, Position, PrimaryBackup, Sign, Wait};
use crate::protocol::{Context, Effect, Embedded, Member, Protocol, Request, Role};
use crate::time::{Duration, Time};
use crate::trace::Observation;

use super::keys::{LEADER, LeaderKey, SyncKey};
use super::options::Plan;
use super::session::Session;
use super::sync::Then;
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
    /// In synchronous mode: the sync key, if its value in the store is known.
    pub(super) sync: Option<SyncKey>,
    /// Until when it takes no key, for it agreed that the primary goes on without the store.
    pub(super) yields_until: Time,
    /// How many times it has asked whether it may.
    pub(super) appeals: u32,
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
    /// It tells the store how far its replica is. With a key that it has just taken, and since when, before it serves: nobody drops
    /// entries for this one before the store knows that there are fewer.
    Publishing(Option<(LeaderKey, Time)>),
    /// It asked the store how far the primary was, for nobody has the key.
    Weighing(LeaderKey),
    /// It asked the store who may be promoted.
    ReadingSync(Then),
    /// It has taken the key, and writes that it alone may be promoted from now on.
    Clearing {
        /// The leader key.
        key: LeaderKey,
        /// When it began to ask for that; `None` where that is not known.
        since: Option<Time>,
        /// What it writes.
        new: SyncKey,
    },
    /// It writes whom its writes wait for.
    Naming(SyncKey),
    /// It gives the key back.
    Releasing,
    /// It asked the others whether it may go on without the store.
    Appealing {
        /// When.
        since: Time,
        /// Who agreed.
        agreed: BTreeSet<NodeId>,
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
        // What it had agreed to before it crashed it does not remember.
        let is_new = recovered.is_empty() || !plan.failsafe;
        let yields_until = if is_new { Time::ZERO } else { cx.now() + plan.ttl + cx.uncertainty() * 4 };
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
            sync: None,
            yields_until,
            appeals: 0,
            step: Step::Idle,
            again: false,
            polls: 0,
        };
        agent.act(cx);
        if agent.plan.synchronous {
            agent.wait_for(Wait::Forever, cx); // until it is known who is named
        }
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
            Message::Appeal { appeal, epoch } => self.on_appeal(from, appeal, epoch, cx),
            Message::Agree { appeal } => self.on_agree(from, appeal, cx),
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
            Timer::Poll => match self.step {
                Step::Appealing { .. } => self.lose_appeal(cx),
                _ => self.stop_polling(cx),
            },
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
    pub(super) fn ping(&mut self, office: Office, grant: Option<Time>, cx: &mut Context<LeaseStore>) {
        let ping = primary_backup::Message::Ping { office, grant };
        self.call(cx, |database, cx| database.on_message(cx.me(), ping, cx));
    }

    /// Asks the replica for a sign.
    pub(super) fn look(&mut self, cx: &mut Context<LeaseStore>) {
        self.ping(self.sign.office, None, cx);
    }

    pub(super) fn wait_for(&mut self, wait: Wait, cx: &mut Context<LeaseStore>) {
        self.call(cx, |database, cx| database.wait_for(wait, cx));
    }

    pub(super) fn tell_others(&self, message: &Message, cx: &mut Context<LeaseStore>) {
        let me = cx.me();
        for replica in self.plan.replicas.iter().filter(|replica| **replica != me) {
            cx.send(*replica, message.clone());
        }
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

    pub(super) fn renew(&mut self, key: LeaderKey, cx: &mut Context<LeaseStore>) {
        self.step = Step::Renewing { key, since: cx.now() };
        let expected = key.stored(self.plan.first_primary);
        self.session.ask(Op::CompareAndSet { key: LEADER, expected, new: key.renewed().value() }, cx);
    }

    fn on_reply(&mut self, reply: Reply, cx: &mut Context<LeaseStore>) {
        match (std::mem::replace(&mut self.step, Step::Idle), reply) {
            (Step::Reading, Reply::Read(found)) => self.learn(found, cx),
            (Step::Renewing { key, since }, Reply::Written) => self.hold(key.renewed(), since, cx),
            (Step::Taking { key, since }, Reply::Written) => {
                let is_new = key.epoch > self.sign.office.epoch;
                match self.plan.synchronous && is_new {
                    true => self.clear(key, Some(since), cx),
                    false => self.hold(key, since, cx),
                }
            }
            (Step::Renewing { .. } | Step::Taking { .. }, Reply::Mismatch(found)) => self.learn(found, cx),
            (Step::Weighing(vacant), Reply::Read(status)) => self.weigh(vacant, status, cx),
            (Step::ReadingSync(then), Reply::Read(found)) => self.learn_sync(found, then, cx),
            (Step::Clearing { key, since, new }, Reply::Written) => self.cleared(key, since, new, cx),
            (Step::Clearing { key, .. }, Reply::Mismatch(_)) => self.release(key, cx),
            (Step::Naming(new), Reply::Written) => self.named(new, cx),
            (Step::Publishing(Some((key, since))), Reply::Written) => self.appoint(key, since, cx),
            (Step::Publishing(None), Reply::Written) => self.review(cx),
            _ => self.rest(cx), // a store that forgot what it was asked
        }
    }

    /// This is what the store has.
    fn learn(&mut self, found: Option<Value>, cx: &mut Context<LeaseStore>) {
        let key = LeaderKey::read(found, self.plan.first_primary);
        self.held = None;
        match key.holder {
            Some(holder) if holder == cx.me() => self.resume(key, cx),
            Some(primary) => {
                self.follow(Office { epoch: key.epoch, primary }, cx);
                self.rest(cx);
            }
            None => self.race(key, cx),
        }
    }

    /// This node has the key, perhaps by a request that was given up: since when is not known.
    fn resume(&mut self, key: LeaderKey, cx: &mut Context<LeaseStore>) {
        if self.yields(cx.now()) {
            return self.rest(cx); // it agreed that another goes on
        }
        match self.sync {
            _ if !self.plan.synchronous => self.renew(key, cx),
            Some(sync) => self.learn_sync(sync.stored(self.plan.first_primary), Then::Renew(key), cx),
            None => self.read_sync(Then::Renew(key), cx),
        }
    }

    /// Another is the primary.
    pub(super) fn follow(&mut self, office: Office, cx: &mut Context<LeaseStore>) {
        if self.plan.synchronous {
            self.sync = None;
            self.wait_for(Wait::Forever, cx);
        }
        self.ping(office, None, cx);
    }

    /// Whether this node has the key, or may have it.
    pub(super) fn has_key(&self) -> bool {
        self.held.is_some() || matches!(self.step, Step::Renewing { .. })
    }

    /// This node has the key, and had it at most for as long as since it began to ask.
    pub(super) fn hold(&mut self, key: LeaderKey, since: Time, cx: &mut Context<LeaseStore>) {
        match self.plan.maximum_lag.is_some() && key.epoch > self.sign.office.epoch {
            true => self.publish(Some((key, since)), cx),
            false => self.appoint(key, since, cx),
        }
    }

    /// Its replica is the primary.
    fn appoint(&mut self, key: LeaderKey, since: Time, cx: &mut Context<LeaseStore>) {
        self.held = Some(key);
        let epoch = key.epoch;
        let is_new = epoch > self.sign.office.epoch;
        if is_new {
            cx.observe(Observation::Decided { epoch });
            cx.observe(Observation::Fenced { epoch }); // the key had run out, or it could not have been taken
        }
        self.ping(Office { epoch, primary: cx.me() }, Some(since), cx);
        self.look(cx);
        match self.plan.maximum_lag.is_some() && !is_new {
            true => self.publish(None, cx),
            false => self.review(cx),
        }
    }

    fn review(&mut self, cx: &mut Context<LeaseStore>) {
        if self.plan.synchronous { self.review_sync(cx) } else { self.rest(cx) }
    }

    /// The store is out of reach. What it was asked it may yet do.
    fn on_silence(&mut self, cx: &mut Context<LeaseStore>) {
        match std::mem::replace(&mut self.step, Step::Idle) {
            Step::Clearing { key, .. } => return self.release(key, cx),
            Step::Reading | Step::Renewing { .. } if self.plan.failsafe && self.serves(cx) => {
                self.held = None;
                return self.appeal(cx);
            }
            Step::Reading | Step::Renewing { .. } => self.demote(cx),
            _ => {} // the next look is soon enough
        }
        self.rest(cx);
    }

    /// Its replica serves no more, until it is known that this node has the key.
    pub(super) fn demote(&mut self, cx: &mut Context<LeaseStore>) {
        self.held = None;
        self.call(cx, |database, cx| database.revoke(cx));
    }
}
