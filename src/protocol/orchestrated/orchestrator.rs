//! An orchestrator: all of them watch, and the one that leads their Raft group decides.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::id::{ClientId, Key, NodeId, RequestId, Value};
use crate::op::Op;
use crate::protocol::primary_backup::{self, Office, Sign};
use crate::protocol::raft::Raft;
use crate::protocol::{Context, Effect, Embedded, Protocol, Request};
use crate::time::{Duration, Time};
use crate::trace::Observation;

use super::options::Plan;
use super::{Message, Orchestrated, Record, Timer};

/// Where the log has who is primary.
const OFFICE: Key = Key(0);

/// An orchestrator.
#[derive(Clone, Debug, Hash)]
pub(super) struct Orchestrator {
    plan: Plan,
    raft: Embedded<Raft>,
    /// Whether it leads the orchestrators, and has all that earlier leaders decided.
    leads: bool,
    /// Who is primary, by the log.
    office: Office,
    /// What each replica last said, and when.
    heard: BTreeMap<NodeId, Word>,
    /// Until when it does not suspect the primary, which is new.
    grace_ends: Time,
    step: Step,
}

/// What a replica said of itself.
#[derive(Clone, Debug, Hash)]
struct Word {
    at: Time,
    sign: Sign,
    hears: bool,
}

/// How far it is with a primary that it cannot reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    /// It can, or has to look again.
    Watching,
    /// It cannot, and said so.
    Suspecting,
    /// It asks how far the others are, since then.
    Choosing(Time),
    /// Its choice is on its way to a majority.
    Deciding,
}

impl Orchestrator {
    pub fn start(plan: Plan, recovered: Vec<Record>, cx: &mut Context<Orchestrated>) -> Orchestrator {
        let records = recovered.into_iter().filter_map(|record| match record {
            Record::Raft(record) => Some(record),
            Record::Database(_) => None,
        });
        let raft = plan.group.start(records.collect(), plan.flaw, cx);
        let mut orchestrator = Orchestrator {
            office: Office { epoch: 1, primary: plan.replicas[0] },
            raft,
            leads: false,
            heard: BTreeMap::new(),
            grace_ends: cx.now() + plan.detect,
            step: Step::Watching,
            plan,
        };
        orchestrator.act(cx);
        let first = cx.random_between(Duration::ZERO, orchestrator.plan.heartbeat);
        cx.set_timer(Timer::Poll, first);
        orchestrator
    }

    pub fn on_message(&mut self, from: NodeId, message: Message, cx: &mut Context<Orchestrated>) {
        match message {
            Message::Raft(message) => self.call(cx, |raft, cx| raft.on_message(from, message, cx)),
            Message::Sign { sign, hears } => {
                self.heard.insert(from, Word { at: cx.now(), sign, hears });
                self.choose_if_all_told(cx);
            }
            Message::Database(_) | Message::Beat => panic!("{message:?} is for replicas"),
        }
    }

    pub fn on_timer(&mut self, timer: Timer, cx: &mut Context<Orchestrated>) {
        match timer {
            Timer::Raft(timer) => self.call(cx, |raft, cx| raft.on_timer(timer, cx)),
            Timer::Poll => {
                cx.set_timer(Timer::Poll, self.plan.heartbeat);
                self.ping(cx);
                self.examine(cx);
            }
            Timer::Choose => self.choose(cx),
            Timer::Database(_) | Timer::Beat => panic!("{timer:?} is for replicas"),
        }
    }

    fn call(&mut self, cx: &mut Context<Orchestrated>, handler: impl FnOnce(&mut Raft, &mut Context<Raft>)) {
        self.raft.call(cx, handler);
        self.act(cx);
    }

    /// Does what Raft wants. Nobody but orchestrators asks it anything, and they see by the log what became of it. What it
    /// observes is about them, and told apart: the design's leader is the primary.
    fn act(&mut self, cx: &mut Context<Orchestrated>) {
        while let Some(effect) = self.raft.next() {
            match effect {
                Effect::Reply { .. } | Effect::Refuse { .. } => {}
                Effect::Forward { .. } => unreachable!("only the leader asks anything"),
                Effect::Observe(observation) => {
                    cx.observe_inside(observation);
                    self.observe(observation, cx);
                }
                effect => cx.carry(effect),
            }
        }
    }

    fn observe(&mut self, observation: Observation, cx: &mut Context<Orchestrated>) {
        match observation {
            Observation::Ready { .. } => self.leads = true,
            Observation::SteppedDown { .. } => {
                self.leads = false;
                self.give_up(cx);
            }
            Observation::Applied { key: OFFICE, value } => self.install(value, cx),
            _ => {}
        }
    }

    /// Asks every replica how it is, and tells it who is primary: whoever has the office and did not know takes it, and whoever
    /// had it gives it up. An old primary that is not reached is not.
    fn ping(&self, cx: &mut Context<Orchestrated>) {
        for replica in &self.plan.replicas {
            let ping = primary_backup::Message::Ping { office: self.office, grant: None };
            cx.send(*replica, Message::Database(ping));
        }
    }

    fn has_heard(&self, replica: NodeId, cx: &Context<Orchestrated>) -> Option<&Word> {
        self.heard.get(&replica).filter(|word| cx.now().since(word.at) < self.plan.detect)
    }

    /// The replicas but for the primary.
    fn backups(&self) -> impl Iterator<Item = NodeId> + use<'_> {
        self.plan.replicas.iter().copied().filter(|replica| *replica != self.office.primary)
    }

    /// Looks whether the primary is gone: it has been silent for `detect`, and so it has to every replica that can be asked.
    fn examine(&mut self, cx: &mut Context<Orchestrated>) {
        if self.step == Step::Deciding {
            return;
        }
        let primary = self.has_heard(self.office.primary, cx);
        let is_well = primary.is_some_and(|word| word.sign.leads && word.sign.office == self.office);
        if !self.leads || is_well || cx.now() < self.grace_ends {
            return self.give_up(cx);
        }
        if self.step == Step::Watching {
            self.step = Step::Suspecting;
            cx.observe(Observation::Suspected);
        }
        if self.step == Step::Suspecting && self.is_gone(cx) {
            self.step = Step::Choosing(cx.now());
            cx.set_timer(Timer::Choose, self.plan.heartbeat);
        }
    }

    /// Whether there is a backup that can be asked, and none hears the primary.
    fn is_gone(&self, cx: &Context<Orchestrated>) -> bool {
        let mut told = self.backups().filter_map(|backup| self.has_heard(backup, cx)).peekable();
        told.peek().is_some() && told.all(|word| !word.hears)
    }

    fn choose_if_all_told(&mut self, cx: &mut Context<Orchestrated>) {
        let Step::Choosing(since) = self.step else { return };
        let all_told = self.backups().filter_map(|backup| self.has_heard(backup, cx)).all(|word| word.at >= since);
        if all_told {
            self.choose(cx);
        }
    }

    /// Chooses the most advanced candidate of those that have answered, the first of equals; if the primary is still gone.
    fn choose(&mut self, cx: &mut Context<Orchestrated>) {
        let Step::Choosing(since) = self.step else { return };
        cx.cancel_timer(Timer::Choose);
        self.step = Step::Suspecting;
        if !self.is_gone(cx) {
            return;
        }
        let may = |replica: &NodeId| self.plan.candidates.contains(replica);
        let told = self.backups().filter(may).filter_map(|backup| Some((backup, self.has_heard(backup, cx)?)));
        let told = told.filter(|(_, word)| word.at >= since && !word.sign.stranded);
        // Of equals the first in the list, which is the order of their numbers.
        if let Some((primary, _)) = told.max_by_key(|(node, word)| (word.sign.last, Reverse(*node))) {
            self.decide(Office { epoch: self.office.epoch + 1, primary }, cx);
        }
    }

    /// Writes the choice into the log. The number is the epoch's: of two requests for one, one is carried out.
    fn decide(&mut self, office: Office, cx: &mut Context<Orchestrated>) {
        self.step = Step::Deciding;
        let first = Office { epoch: 1, primary: self.plan.replicas[0] };
        let expected = (self.office != first).then(|| value_of(self.office));
        let op = Op::CompareAndSet { key: OFFICE, expected, new: value_of(office) };
        let id = RequestId { client: ClientId(cx.me().0.into()), sequence: office.epoch as u32, entry: cx.me() };
        self.call(cx, |raft, cx| raft.on_request(Request { id, op, session: () }, cx));
    }

    /// The log says who is primary from now on.
    fn install(&mut self, value: Value, cx: &mut Context<Orchestrated>) {
        let decided = self.step == Step::Deciding;
        self.office = office_of(value);
        self.give_up(cx);
        self.grace_ends = cx.now() + self.plan.promote + self.plan.detect;
        if decided {
            let epoch = self.office.epoch;
            cx.observe(Observation::Decided { epoch });
            cx.observe(Observation::Fenced { epoch }); // nobody waits for that
        }
        self.ping(cx);
    }

    fn give_up(&mut self, cx: &mut Context<Orchestrated>) {
        if matches!(self.step, Step::Choosing(_)) {
            cx.cancel_timer(Timer::Choose);
        }
        self.step = Step::Watching;
    }
}

fn value_of(office: Office) -> Value {
    Value(office.epoch << 16 | u64::from(office.primary.0))
}

fn office_of(Value(bits): Value) -> Office {
    Office { epoch: bits >> 16, primary: NodeId(bits as u16) }
}
