//! A replica: what it tells orchestrators of itself, and whether it still hears its primary.

use crate::id::NodeId;
use crate::protocol::primary_backup::{self, PrimaryBackup};
use crate::protocol::{Context, Effect, Embedded, Member, Protocol, Request, Role};
use crate::time::{Duration, Time};
use crate::trace::{Observation, Promise};

use super::options::Plan;
use super::{Message, Orchestrated, Record, Timer};

/// A replica.
#[derive(Clone, Debug, Hash)]
pub(super) struct Instance {
    plan: Plan,
    database: Embedded<PrimaryBackup>,
    /// From whom, as its primary, it last heard anything, and when.
    heard: Option<(NodeId, Time)>,
}

impl Instance {
    pub fn start(plan: Plan, recovered: Vec<Record>, cx: &mut Context<Orchestrated>) -> Instance {
        let records = recovered.into_iter().filter_map(|record| match record {
            Record::Database(record) => Some(record),
            Record::Raft(_) => None,
        });
        let replicas = cx.members().iter().filter(|member| member.role == Role::Replica);
        let replicas: Vec<Member> = replicas.cloned().collect();
        let database = Embedded::start(&plan.database, records.collect(), replicas, cx);
        let mut instance = Instance { plan, database, heard: None };
        instance.act(cx);
        let first = cx.random_between(Duration::ZERO, instance.plan.heartbeat);
        cx.set_timer(Timer::Beat, first);
        instance
    }

    pub fn on_request(&mut self, request: Request<Orchestrated>, cx: &mut Context<Orchestrated>) {
        let Request { id, op, session } = request;
        self.call(cx, |database, cx| database.on_request(Request { id, op, session }, cx));
    }

    pub fn on_message(&mut self, from: NodeId, message: Message, cx: &mut Context<Orchestrated>) {
        match message {
            Message::Database(message) => {
                self.hear(from, cx);
                self.call(cx, |database, cx| database.on_message(from, message, cx));
            }
            Message::Beat => self.hear(from, cx),
            Message::Sign { .. } | Message::Raft(_) => panic!("{message:?} is for orchestrators"),
        }
    }

    pub fn on_timer(&mut self, timer: Timer, cx: &mut Context<Orchestrated>) {
        match timer {
            Timer::Database(timer) => self.call(cx, |database, cx| database.on_timer(timer, cx)),
            Timer::Beat => self.beat(cx),
            Timer::Raft(_) | Timer::Poll | Timer::Choose => panic!("{timer:?} is for orchestrators"),
        }
    }

    pub fn database(&self) -> &PrimaryBackup {
        self.database.get()
    }

    fn call(
        &mut self,
        cx: &mut Context<Orchestrated>,
        handler: impl FnOnce(&mut PrimaryBackup, &mut Context<PrimaryBackup>),
    ) {
        self.database.call(cx, handler);
        self.act(cx);
    }

    /// Does what the replica wants; to a sign of life it adds whether it hears its primary.
    fn act(&mut self, cx: &mut Context<Orchestrated>) {
        while let Some(effect) = self.database.next() {
            match effect {
                Effect::Send { to, message: primary_backup::Message::Pong(sign), .. } => {
                    let hears = self.hears(sign.office.primary, cx);
                    cx.send(to, Message::Sign { sign, hears });
                }
                // A successor may lack what backups hold: nothing is committed for good.
                Effect::Observe(Observation::Committed { .. }) => {}
                // An old primary that wakes answers by what a backup told it before that followed a successor: only its own copy
                // is sure to be there.
                Effect::Observe(Observation::Promised(Promise::Copies(_))) => {
                    cx.observe(Observation::Promised(Promise::Copies(1)));
                }
                effect => cx.carry(effect),
            }
        }
    }

    /// A primary with nothing to send gives its backups a sign all the same.
    fn beat(&mut self, cx: &mut Context<Orchestrated>) {
        cx.set_timer(Timer::Beat, self.plan.heartbeat);
        let me = cx.me();
        if self.database.get().leads() {
            self.plan
                .replicas
                .iter()
                .filter(|backup| **backup != me)
                .for_each(|backup| cx.send(*backup, Message::Beat));
        }
    }

    fn hear(&mut self, from: NodeId, cx: &Context<Orchestrated>) {
        if self.database.get().primary() == Some(from) {
            self.heard = Some((from, cx.now()));
        }
    }

    fn hears(&self, primary: NodeId, cx: &Context<Orchestrated>) -> bool {
        self.heard.is_some_and(|(from, at)| from == primary && cx.now().since(at) < self.plan.detect)
    }
}
