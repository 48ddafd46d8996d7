//! A monitor: it asks for signs of life, grows suspicious, and grants leases.

use std::collections::BTreeMap;

use crate::id::NodeId;
use crate::protocol::Context;
use crate::time::{Duration, Time};
use crate::trace::Observation;

use super::election::Election;
use super::failback::Return;
use super::operator::Approval;
use super::plan::Plan;
use super::{Message, Office, PrimaryBackup, Record, Sign, Timer};

/// A monitor.
#[derive(Clone, Debug, Hash)]
pub(super) struct Monitor {
    pub(super) plan: Plan,
    pub(super) office: Office,
    /// The highest epoch in which it has voted, or which it knows to have begun.
    pub(super) voted: u64,
    /// The highest epoch it has heard of from other voters.
    pub(super) highest: u64,
    /// Whether it believes that the primary is gone, and since when.
    pub(super) suspects: bool,
    suspects_since: Time,
    /// Until when each other monitor's suspicion counts.
    others: BTreeMap<NodeId, Time>,
    /// When each replica last gave a sign of life.
    heard: BTreeMap<NodeId, Time>,
    pub(super) election: Election,
    /// The reading of the primary's clock from which the next lease counts.
    grant: Option<Time>,
    /// When the last lease that it granted has run out for certain, by its own clock.
    leases_end: Time,
    /// Whether a lease was granted out of turn since the last heartbeat.
    hurried: bool,
    /// Until when it runs no election, because somebody has spoken again after a long silence.
    truce_ends: Time,
    /// What the operator, if there is one, has made of the suspicion.
    pub(super) approval: Approval,
    /// How far it is with bringing the office back to the first primary.
    pub(super) home: Return,
}

impl Monitor {
    pub fn start(plan: Plan, recovered: &[Record], cx: &mut Context<PrimaryBackup>) -> Monitor {
        let office = Office { epoch: 1, primary: plan.replicas[0] };
        let mut monitor = Monitor {
            plan,
            office,
            voted: 1,
            highest: 1,
            suspects: false,
            suspects_since: Time::ZERO,
            others: BTreeMap::new(),
            heard: BTreeMap::new(),
            election: Election::None,
            grant: None,
            leases_end: Time::ZERO,
            hurried: false,
            truce_ends: Time::ZERO,
            approval: Approval::None,
            home: Return::None,
        };
        for record in recovered {
            match *record {
                Record::Promise(epoch) => monitor.voted = epoch,
                Record::Office(office) => (monitor.office, monitor.voted) = (office, monitor.voted.max(office.epoch)),
                _ => {}
            }
        }
        if recovered.is_empty() {
            cx.persist(Record::Boot);
        } else {
            // What it granted before the crash it does not remember: at worst, a lease in its last instant.
            monitor.leases_end = monitor.end_of_lease_from_now(cx);
        }
        // The first heartbeat comes at a random moment: monitors that start together do not ask in step, and a fault at a
        // round time does not meet every run in the same phase. Detection and leases then vary as they do in the field.
        let first = cx.random_between(Duration::ZERO, monitor.plan.heartbeat);
        cx.set_timer(Timer::Heartbeat, first);
        cx.set_timer(Timer::Suspect, first + monitor.plan.detect);
        monitor
    }

    pub fn on_message(&mut self, from: NodeId, message: Message, cx: &mut Context<PrimaryBackup>) {
        match message {
            Message::Pong(sign) => self.on_pong(from, &sign, cx),
            Message::Ping { office, .. } => self.hear_of(office, cx),
            Message::Suspicion { epoch } => self.on_suspicion(from, epoch, cx),
            Message::Candidacy { epoch } => self.on_candidacy(from, epoch, cx),
            Message::Vote { epoch, granted, highest, lease_left } => {
                self.on_vote(from, epoch, granted, highest, lease_left, cx);
            }
            Message::Report { epoch, last } => self.on_report(from, epoch, last, cx),
            Message::HandedOver { epoch } => self.on_handed_over(epoch, cx),
            Message::Succession { epoch } => self.on_succession(from, epoch, cx),
            Message::Append { .. }
            | Message::Ack { .. }
            | Message::Stale { .. }
            | Message::Fetch { .. }
            | Message::Loan { .. }
            | Message::Synced { .. }
            | Message::HandOver { .. }
            | Message::AskPart { .. }
            | Message::Part { .. }
            | Message::Offer { .. }
            | Message::Settle { .. }
            | Message::AskEnd { .. }
            | Message::End { .. }
            | Message::Collect { .. } => panic!("{message:?} is for replicas"),
        }
    }

    pub fn on_timer(&mut self, timer: Timer, cx: &mut Context<PrimaryBackup>) {
        match timer {
            Timer::Heartbeat => self.on_heartbeat(cx),
            Timer::Suspect => self.begin_to_suspect(cx),
            Timer::Campaign => self.campaign_again(cx),
            Timer::Fence => self.fenced(cx),
            Timer::Choose => self.stop_waiting_for_silent(cx),
            Timer::Operator => self.decide_by_hand(cx),
            Timer::Failback => self.bring_home(cx),
            Timer::HandOver
            | Timer::Copy
            | Timer::AskEnd
            | Timer::Offer
            | Timer::Provision
            | Timer::Promote
            | Timer::Lease
            | Timer::Repair
            | Timer::Ship
            | Timer::Degrade
            | Timer::Sender => {
                panic!("{timer:?} is for replicas")
            }
        }
    }

    fn on_heartbeat(&mut self, cx: &mut Context<PrimaryBackup>) {
        self.hurried = false;
        for place in 0..self.plan.replicas.len() {
            self.ping(self.plan.replicas[place], cx);
        }
        if self.suspects {
            self.tell_monitors(&Message::Suspicion { epoch: self.office.epoch }, cx);
        }
        self.collect_again(cx);
        cx.set_timer(Timer::Heartbeat, self.plan.heartbeat);
    }

    pub(super) fn ping(&self, replica: NodeId, cx: &mut Context<PrimaryBackup>) {
        let grant = self.grant.filter(|_| replica == self.office.primary && self.may_grant());
        cx.send(replica, Message::Ping { office: self.office, grant });
    }

    pub(super) fn tell_monitors(&self, message: &Message, cx: &mut Context<PrimaryBackup>) {
        let me = cx.me();
        for monitor in self.plan.monitors.iter().filter(|node| **node != me) {
            cx.send(*monitor, message.clone());
        }
    }

    /// Whether it is still free to grant leases to the primary it knows: a vote for a successor ends that.
    fn may_grant(&self) -> bool {
        self.plan.fenced && self.voted <= self.office.epoch
    }

    /// When a lease that begins at this instant is over by every clock that keeps within its declared uncertainty. A
    /// span measured by such a clock is off by at most twice that, here and there.
    fn end_of_lease_from_now(&self, cx: &Context<PrimaryBackup>) -> Time {
        cx.now() + self.plan.lease + cx.uncertainty() * 4
    }

    /// How long leases that it granted may still last.
    pub(super) fn lease_left(&self, cx: &Context<PrimaryBackup>) -> Duration {
        if self.plan.fenced { self.leases_end.since(cx.now()) } else { Duration::ZERO }
    }

    fn on_pong(&mut self, from: NodeId, sign: &Sign, cx: &mut Context<PrimaryBackup>) {
        self.adopt(sign.office, cx);
        let was_heard = self.is_heard(from, cx);
        if !sign.stranded {
            self.heard.insert(from, cx.now());
        }
        self.look_home(from, sign, cx);
        if sign.office != self.office || from != self.office.primary {
            return;
        }
        if self.suspects && !was_heard {
            self.begin_truce(cx);
        }
        // Once it has voted for a successor it grants no more leases, so that somebody has to succeed.
        if sign.leads && (self.may_grant() || !self.plan.fenced) {
            self.suspects = false;
            self.dismiss(cx);
            cx.set_timer(Timer::Suspect, self.plan.detect);
            if matches!(self.election, Election::None) {
                cx.cancel_timer(Timer::Campaign);
            }
        }
        if self.may_grant() {
            // The lease counts from the primary's reading of its clock, which is in the past by now: it ends there no
            // later than here.
            self.grant = self.grant.max(Some(sign.clock));
            self.leases_end = self.end_of_lease_from_now(cx);
            if !sign.leased && !std::mem::replace(&mut self.hurried, true) {
                self.ping(from, cx);
            }
        }
    }

    /// Another monitor knows this office. A new primary serves with the leases of a quorum: it is asked for its clock at
    /// once, and not at the next heartbeat.
    fn hear_of(&mut self, office: Office, cx: &mut Context<PrimaryBackup>) {
        let is_news = office.epoch > self.office.epoch;
        self.adopt(office, cx);
        if is_news && self.plan.fenced {
            self.ping(office.primary, cx);
        }
    }

    /// Learns of a later office. Whatever it was about to do is over.
    pub(super) fn adopt(&mut self, office: Office, cx: &mut Context<PrimaryBackup>) {
        if office.epoch <= self.office.epoch {
            return;
        }
        cx.persist(Record::Office(office));
        (self.office, self.voted) = (office, self.voted.max(office.epoch));
        self.suspects = false;
        self.dismiss(cx);
        self.others.clear();
        (self.grant, self.hurried) = (None, false);
        if std::mem::take(&mut self.home) != Return::None {
            cx.cancel_timer(Timer::Failback);
        }
        self.election = Election::None;
        [Timer::Campaign, Timer::Fence, Timer::Choose].into_iter().for_each(|timer| cx.cancel_timer(timer));
        cx.set_timer(Timer::Suspect, self.plan.provision + self.plan.promote + self.plan.detect);
    }

    /// `detect` has passed since the primary's last sign of life.
    fn begin_to_suspect(&mut self, cx: &mut Context<PrimaryBackup>) {
        (self.suspects, self.suspects_since) = (true, cx.now());
        cx.observe(Observation::Suspected);
        self.try_again_in(self.plan.detect / 4, cx);
        if self.suspecting(cx) >= self.plan.quorum {
            self.campaign(cx);
        } else {
            self.tell_monitors(&Message::Suspicion { epoch: self.office.epoch }, cx);
        }
    }

    fn on_suspicion(&mut self, from: NodeId, epoch: u64, cx: &mut Context<PrimaryBackup>) {
        if epoch < self.office.epoch {
            return cx.send(from, Message::Ping { office: self.office, grant: None });
        }
        if epoch == self.office.epoch {
            self.count_suspicion(from, cx);
            // Of those who learn at the same time that they are enough, the first in the list goes ahead. The others
            // wait for a while that is drawn by lot.
            if self.is_first_suspecter(cx)
                && self.suspects
                && self.voted == epoch
                && self.suspecting(cx) >= self.plan.quorum
            {
                self.campaign(cx);
            }
        }
    }

    pub(super) fn count_suspicion(&mut self, from: NodeId, cx: &Context<PrimaryBackup>) {
        let heard_until = self.others.insert(from, cx.now() + self.plan.detect);
        let is_news = heard_until.is_none_or(|until| until <= cx.now());
        if is_news && self.suspects && cx.now().since(self.suspects_since) >= self.plan.detect {
            self.begin_truce(cx);
        }
    }

    /// A link is back: the primary may have been missing nothing but a lease, and have it in a round trip.
    fn begin_truce(&mut self, cx: &Context<PrimaryBackup>) {
        self.truce_ends = cx.now() + self.plan.heartbeat * 2;
    }

    fn suspecters(&self, cx: &Context<PrimaryBackup>) -> impl Iterator<Item = NodeId> + use<'_> {
        let (now, me) = (cx.now(), cx.me());
        let others = self.others.iter().filter(move |(_, until)| **until > now).map(|(monitor, _)| *monitor);
        others.chain(self.suspects.then_some(me))
    }

    /// Whether it is the first in the list of those that suspect the primary.
    pub(super) fn is_first_suspecter(&self, cx: &Context<PrimaryBackup>) -> bool {
        self.suspecters(cx).min() == Some(cx.me())
    }

    /// How many monitors suspect the primary, as far as this one knows.
    pub(super) fn suspecting(&self, cx: &Context<PrimaryBackup>) -> usize {
        self.suspecters(cx).count()
    }

    pub(super) fn is_heard(&self, replica: NodeId, cx: &Context<PrimaryBackup>) -> bool {
        self.heard.get(&replica).is_some_and(|at| cx.now().since(*at) < self.plan.detect)
    }

    /// Whether an election makes sense now: a replica that may be promoted has given a sign of life lately (without
    /// one, it would only depose), and no primary has just come back.
    pub(super) fn may_campaign(&self, cx: &Context<PrimaryBackup>) -> bool {
        cx.now() >= self.truce_ends && self.plan.candidates.iter().any(|candidate| self.is_heard(*candidate, cx))
    }

    /// Looks again after a while that is drawn by lot from one to two times `base`.
    pub(super) fn try_again_in(&self, base: Duration, cx: &mut Context<PrimaryBackup>) {
        let after = cx.random_between(base, base * 2);
        cx.set_timer(Timer::Campaign, after);
    }
}
