//! A node with a copy: which duty it has, what it tells clients, and how it learns who is primary.

use std::collections::BTreeMap;

use crate::id::{NodeId, RequestId};
use crate::op::{Op, Refusal, Reply};
use crate::protocol::mutant::Mutant;
use crate::protocol::{Context, Request, State};
use crate::time::Time;
use crate::trace::Observation;

use super::aside::Kept;
use super::backup::Early;
use super::copying::Progress;
use super::lag::Lag;
use super::log::{Log, Position};
use super::plan::Plan;
use super::primary::{Primary, Wait};
use super::{Message, Office, PrimaryBackup, Record, Sign, Timer};

/// A replica.
#[derive(Clone, Debug, Hash)]
pub(super) struct Replica {
    pub(super) plan: Plan,
    pub(super) log: Log,
    /// The highest epoch it knows of: it takes nothing from primaries of earlier ones. At least `office.epoch`; above
    /// it while an election is under way.
    pub(super) promised: u64,
    pub(super) office: Office,
    pub(super) duty: Duty,
    /// As the primary's backup: how far its log is known to equal the primary's, and entries that came too early.
    pub(super) matched: u64,
    pub(super) early: Early,
    /// How old its copy may be, where that is bounded.
    pub(super) lag: Lag,
    /// Whom the election under way wants the report to go to.
    pub(super) collector: Option<NodeId>,
    /// For each monitor, the reading of this node's clock from which the latest lease that it granted counts. Without
    /// fencing: which monitors confirmed this node in office.
    grants: BTreeMap<NodeId, Time>,
    /// Since when it has had its duty, or been up.
    pub(super) since: Time,
    /// What its writes wait for as a primary, if that is said by the design that this one is a part of.
    pub(super) wait: Option<Wait>,
    /// Whether its lease was found to be out when its timer fired, and there was none since. Looked at where nothing else is.
    lapsed: bool,
    /// When it could first be told, as a primary, that it has a successor.
    told_since: Option<Time>,
    /// Whether it has the machines to lead.
    is_provisioned: bool,
    /// Writes that were taken out of its copy, and that it offers to the primary.
    pub(super) aside: Vec<Kept>,
}

/// What a replica is at the moment.
#[derive(Clone, Debug, Hash)]
pub(super) enum Duty {
    /// It takes what the primary sends, or waits to hear who that is.
    Backup,
    /// It was primary when it crashed, and has to hear from a quorum of monitors that it still is.
    Confirming,
    /// It was chosen, and gets ready.
    Promoting,
    /// It is the primary.
    Leading(Box<Primary>),
    /// Its copy parted from the primary's, and it stays out.
    Stranded,
    /// Its copy parted from the primary's, and it gets the primary's.
    Copying(Progress),
}

impl Replica {
    pub fn start(plan: Plan, recovered: &[Record], cx: &mut Context<PrimaryBackup>) -> Replica {
        let first_office = Office { epoch: 1, primary: plan.replicas[0] };
        let mut replica = Replica {
            plan,
            log: Log::default(),
            promised: 1,
            office: first_office,
            duty: Duty::Backup,
            matched: 0,
            early: Early::default(),
            lag: Lag::default(),
            collector: None,
            grants: BTreeMap::new(),
            since: cx.now(),
            wait: None,
            lapsed: false,
            told_since: None,
            is_provisioned: false,
            aside: Vec::new(),
        };
        // What the first primary runs on is not taken down when another leads.
        replica.is_provisioned = replica.plan.provision.is_zero() || replica.plan.replicas[0] == cx.me();
        recovered.iter().for_each(|record| replica.replay(record));
        replica.plan.promise(cx);
        cx.observe(Observation::Entered { epoch: replica.promised });
        // Which entries a primary had acknowledged is not on disk. All are taken into the copy; it answers nobody
        // before they are held as widely as they must be. A copy that is kept aside is no replica's: nothing is told of it.
        let length = replica.log.len();
        match replica.duty {
            Duty::Stranded => replica.log.apply(length, |_, _| ()),
            // Told once the rest is there.
            Duty::Copying(_) => replica.ask_for_part(cx),
            _ => replica.apply(length, cx),
        }
        if !replica.aside.is_empty() {
            cx.set_timer(Timer::Offer, replica.plan.repair);
        }
        replica.begin_to_ask(cx);
        let is_primary = replica.office.primary == cx.me() && replica.promised == replica.office.epoch;
        if is_primary && !replica.is_out() {
            if recovered.is_empty() || !replica.plan.failover || replica.plan.demote_after.is_some() {
                replica.take_office(cx);
            } else {
                replica.duty = Duty::Confirming;
            }
        }
        if recovered.is_empty() && replica.plan.failover {
            cx.persist(Record::Boot);
        }
        replica
    }

    fn replay(&mut self, record: &Record) {
        match *record {
            Record::Boot => {}
            Record::Entry(entry) => self.log.push(entry),
            Record::Cut(length) => self.log.cut(length, |_, _, _| ()),
            Record::Promise(epoch) => self.promised = epoch,
            Record::Office(office) => (self.office, self.promised) = (office, office.epoch),
            Record::Stranded => self.duty = Duty::Stranded,
            Record::Copying(bytes) => self.duty = Duty::Copying(Progress::of(bytes)),
            Record::Copied => self.duty = Duty::Backup,
            Record::Aside(kept) => self.aside.push(kept),
            Record::Settled => self.aside.clear(),
        }
    }

    pub fn on_request(&mut self, request: Request<PrimaryBackup>, cx: &mut Context<PrimaryBackup>) {
        let reads_here = self.plan.reads_nearest && !self.is_out() && !self.leaves_reads(cx.now());
        match request.op {
            Op::Read(key) if reads_here => {
                cx.reply(request.id, Reply::Read(self.log.copy().get(key).copied()));
            }
            Op::ReadRow { key, columns } if reads_here => {
                cx.reply(request.id, Reply::Row(self.log.row(key, columns)));
            }
            Op::Read(_)
            | Op::Write(..)
            | Op::CompareAndSet { .. }
            | Op::ReadRow { .. }
            | Op::Put { .. }
            | Op::Next { .. } => match self.duty {
                Duty::Leading(_) => self.serve_or_hold(request, cx),
                _ => self.turn_away(request.id, cx),
            },
            _ => cx.refuse(request.id, Refusal::Unsupported),
        }
    }

    /// Sends a client to the primary, if there is one to be sent to.
    pub(super) fn turn_away(&self, request: RequestId, cx: &mut Context<PrimaryBackup>) {
        let knows = self.promised == self.office.epoch && self.office.primary != cx.me();
        let refusal = match self.duty {
            Duty::Backup | Duty::Copying(_) if knows => Refusal::Redirect(self.office.primary),
            _ => Refusal::Unavailable,
        };
        cx.refuse(request, refusal);
    }

    pub fn on_message(&mut self, from: NodeId, message: Message, cx: &mut Context<PrimaryBackup>) {
        match message {
            Message::Ping { office, grant } => self.on_ping(from, office, grant, cx),
            Message::Part { left, bytes } => self.on_part(left, bytes, cx),
            _ if self.is_out() => {}
            Message::AskPart { left, bytes } => self.on_ask_part(from, left, bytes, cx),
            Message::Offer { epoch, writes } => self.on_offer(from, epoch, &writes, cx),
            Message::Settle { epoch, writes } => self.on_settle(epoch, writes, cx),
            Message::AskEnd { epoch, at } => self.on_ask_end(from, epoch, at, cx),
            Message::End { epoch, at, index } => self.on_end(from, (epoch, at, index), cx),
            Message::Append { epoch, stretch } => self.on_append(from, epoch, &stretch, cx),
            Message::Fetch { epoch, last } => self.on_fetch(from, epoch, last, cx),
            Message::Ack { epoch, index } => self.on_ack(from, epoch, index, cx),
            Message::Stale { epoch } => self.promise(epoch, cx),
            Message::Loan { epoch, stretch } => self.on_loan(from, epoch, &stretch, cx),
            Message::Synced { epoch, index } => self.on_synced(epoch, index, cx),
            Message::Collect { epoch, source } => self.on_collect(from, epoch, source, cx),
            Message::HandOver { epoch, to } => self.on_hand_over(from, epoch, to, cx),
            Message::Pong(_)
            | Message::Suspicion { .. }
            | Message::Candidacy { .. }
            | Message::Vote { .. }
            | Message::HandedOver { .. }
            | Message::Succession { .. }
            | Message::Report { .. } => panic!("{message:?} is for monitors"),
        }
    }

    pub fn on_timer(&mut self, timer: Timer, cx: &mut Context<PrimaryBackup>) {
        match timer {
            Timer::Provision if matches!(self.duty, Duty::Promoting) => {
                self.is_provisioned = true;
                cx.observe(Observation::Provisioned { epoch: self.office.epoch });
                self.get_ready(cx);
            }
            Timer::Promote if matches!(self.duty, Duty::Promoting) => self.take_office(cx),
            Timer::Lease => {
                self.lapsed = cx.now() >= self.lease_end();
                self.watch_lease(cx);
            }
            Timer::Repair => self.offer_again(cx),
            Timer::Ship => self.ship(cx),
            Timer::Degrade => self.degrade(cx),
            Timer::Sender => self.pass_over(cx),
            Timer::HandOver => self.take_back(cx),
            Timer::AskEnd => self.ask_end(cx),
            Timer::Copy => self.copy_timer(cx),
            Timer::Offer => self.offer_aside(cx),
            _ => {}
        }
    }

    pub fn state(&self) -> State {
        let copy = self.log.copy().iter().map(|(key, value)| (key, *value)).chain(self.log.late());
        match self.duty {
            Duty::Stranded => State::stranded(copy),
            Duty::Copying(_) => State::no_data(),
            _ => State::serving(copy),
        }
    }

    /// A monitor says who is primary, and wants a sign of life.
    fn on_ping(&mut self, from: NodeId, office: Office, grant: Option<Time>, cx: &mut Context<PrimaryBackup>) {
        if matches!(self.duty, Duty::Copying(_)) {
            self.copy_from(office, cx);
        } else if !matches!(self.duty, Duty::Stranded) {
            self.adopt(office, cx);
            if office == self.office && office.primary == cx.me() && self.promised == office.epoch {
                self.confirmed_by(from, grant, cx);
            }
        }
        self.answer_monitor(from, Message::Pong(self.sign(cx)), cx);
    }

    /// An answer that waits for the disk tells that the disk works: one that stalls makes its node silent.
    pub(super) fn answer_monitor(&self, monitor: NodeId, answer: Message, cx: &mut Context<PrimaryBackup>) {
        if self.plan.shallow {
            cx.send_unsynced(monitor, answer);
        } else {
            cx.send(monitor, answer);
        }
    }

    fn sign(&self, cx: &Context<PrimaryBackup>) -> Sign {
        let leased = self.is_leased(cx.now());
        let patience = cx.now().since(self.since) < self.plan.detect;
        let leads = match self.duty {
            Duty::Promoting => true,
            Duty::Leading(_) => leased || patience,
            Duty::Confirming => patience,
            Duty::Backup | Duty::Stranded | Duty::Copying(_) => false,
        };
        let stranded = self.is_out();
        Sign { office: self.office, last: self.log.last(), leads, leased, stranded, clock: cx.now() }
    }

    /// Whether its copy is nobody's: kept aside, or not complete.
    fn is_out(&self) -> bool {
        matches!(self.duty, Duty::Stranded | Duty::Copying(_))
    }

    /// A later office than the one it knew of: it is the primary's backup from now on, or the primary itself.
    pub(super) fn adopt(&mut self, office: Office, cx: &mut Context<PrimaryBackup>) {
        if office.epoch <= self.office.epoch || office.epoch < self.promised || self.clings(cx.now()) {
            return;
        }
        cx.persist(Record::Office(office));
        cx.observe(Observation::Entered { epoch: office.epoch });
        self.step_down(cx);
        (self.office, self.promised) = (office, office.epoch);
        if office.primary == cx.me() {
            self.prepare(cx);
        }
    }

    /// Whether it goes on as a primary, though it could be told that there is a later one.
    fn clings(&mut self, now: Time) -> bool {
        let Some(lasts) = self.plan.demote_after.filter(|_| matches!(self.duty, Duty::Leading(_))) else {
            return false;
        };
        now.since(*self.told_since.get_or_insert(now)) < lasts
    }

    /// There is an election for `epoch`, or was: nothing of earlier epochs counts here any more.
    pub(super) fn promise(&mut self, epoch: u64, cx: &mut Context<PrimaryBackup>) {
        if epoch > self.promised && !self.clings(cx.now()) {
            cx.persist(Record::Promise(epoch));
            cx.observe(Observation::Entered { epoch });
            self.step_down(cx);
            self.promised = epoch;
        }
    }

    /// Gives up whatever duty it had.
    fn step_down(&mut self, cx: &mut Context<PrimaryBackup>) {
        let (epoch, before) = (self.office.epoch, std::mem::replace(&mut self.duty, Duty::Backup));
        (self.matched, self.collector, self.since, self.told_since) = (0, None, cx.now(), None);
        self.early.clear();
        self.lag.begin_anew();
        self.grants.clear();
        cx.cancel_timer(Timer::Provision);
        cx.cancel_timer(Timer::Promote);
        if let Duty::Leading(primary) = before {
            cx.cancel_timer(Timer::Repair);
            cx.cancel_timer(Timer::Ship);
            cx.cancel_timer(Timer::Degrade);
            cx.cancel_timer(Timer::Sender);
            cx.cancel_timer(Timer::HandOver);
            cx.cancel_timer(Timer::Lease);
            if primary.leads {
                cx.observe(Observation::SteppedDown { epoch });
            }
            // What is in the log may yet take effect: its clients get no answer. What never got so far did not.
            primary.held.iter().for_each(|request| cx.refuse(request.id, Refusal::Unavailable));
        }
    }

    /// It was chosen: `provision` and `promote` from now it takes office.
    fn prepare(&mut self, cx: &mut Context<PrimaryBackup>) {
        self.duty = Duty::Promoting;
        if self.is_provisioned {
            self.get_ready(cx);
        } else {
            cx.set_timer(Timer::Provision, self.plan.provision);
        }
    }

    fn get_ready(&mut self, cx: &mut Context<PrimaryBackup>) {
        if self.plan.promote.is_zero() {
            self.take_office(cx);
        } else {
            cx.set_timer(Timer::Promote, self.plan.promote);
        }
    }

    /// A monitor agrees that this node is the primary, and may grant it a lease.
    fn confirmed_by(&mut self, monitor: NodeId, grant: Option<Time>, cx: &mut Context<PrimaryBackup>) {
        let from = if self.plan.fenced { grant } else { Some(cx.now()) };
        let Some(from) = from else { return };
        let latest = self.grants.entry(monitor).or_insert(from);
        *latest = from.max(*latest);
        self.lapsed &= cx.now() >= self.lease_end();
        let confirmed = if self.plan.fenced { self.is_leased(cx.now()) } else { self.grants.len() >= self.plan.quorum };
        match self.duty {
            Duty::Confirming if confirmed => {
                self.since = cx.now();
                // Where it crashed before it had opened its epoch, its promotion begins again.
                if self.office.epoch > 1 && self.log.last().epoch < self.office.epoch {
                    self.prepare(cx);
                } else {
                    self.take_office(cx);
                }
            }
            Duty::Leading(_) => self.watch_lease(cx),
            _ => {}
        }
    }

    fn take_office(&mut self, cx: &mut Context<PrimaryBackup>) {
        self.since = cx.now();
        self.open(cx);
        self.watch_lease(cx);
    }

    /// Until when a quorum of monitors lets it serve, by its own clock.
    fn lease_end(&self) -> Time {
        let lasts = if self.plan.mutated(Mutant::F9) { self.plan.lease * 2 } else { self.plan.lease };
        reached_by(self.grants.values().copied(), self.plan.quorum).map_or(Time::ZERO, |from| from + lasts)
    }

    /// Whether it may serve. Where nothing watches over its agent, a lease is over when the agent comes to look.
    pub(super) fn is_leased(&self, now: Time) -> bool {
        let unwatched = self.plan.unwatched && !self.lapsed && !self.grants.is_empty();
        !self.plan.fenced || now < self.lease_end() || unwatched
    }

    /// Serves, or stops serving, as the lease says; and looks again when it runs out.
    fn watch_lease(&mut self, cx: &mut Context<PrimaryBackup>) {
        if !matches!(self.duty, Duty::Leading(_)) {
            return;
        }
        if self.plan.fenced && cx.now() < self.lease_end() {
            let lasts = self.lease_end().since(cx.now());
            cx.set_timer(Timer::Lease, lasts);
            cx.observe(Observation::Leased { epoch: self.office.epoch, lasts });
        }
        self.advance(cx);
    }

    /// Every lease is taken back.
    pub(super) fn revoke(&mut self, cx: &mut Context<PrimaryBackup>) {
        self.grants.clear();
        self.watch_lease(cx);
    }

    /// Takes entries into the copy.
    pub(super) fn apply(&mut self, until: u64, cx: &mut Context<PrimaryBackup>) {
        let me = cx.me();
        let tell = |key, value| cx.observe(Observation::Applied { key, value });
        if self.plan.mutated(Mutant::F20) && matches!(self.duty, Duty::Backup) {
            let place = self.plan.replicas.iter().position(|replica| *replica == me).unwrap_or(0);
            return self.log.apply_late(until, (place % 2) as u8, tell);
        }
        self.log.apply(until, tell);
    }

    /// An election wants to know how far this log goes, and that it goes no further in earlier epochs.
    fn on_collect(&mut self, from: NodeId, epoch: u64, source: Option<NodeId>, cx: &mut Context<PrimaryBackup>) {
        self.promise(epoch, cx);
        if epoch != self.promised || self.office.epoch >= epoch {
            return; // an older election, or one that has come to its end
        }
        self.collector = Some(from);
        let last = self.log.last();
        match source {
            Some(source) => cx.send(source, Message::Fetch { epoch, last }),
            None => self.answer_monitor(from, Message::Report { epoch, last }, cx),
        }
    }

    /// Another replica wants what follows its log: this node's backup, or a candidate that is to be promoted.
    fn on_fetch(&mut self, from: NodeId, epoch: u64, last: Position, cx: &mut Context<PrimaryBackup>) {
        if epoch != self.promised {
            return;
        }
        let stretch = self.log.stretch_after(self.log.may_share(last));
        if matches!(self.duty, Duty::Leading(_)) {
            cx.send(from, Message::Append { epoch, stretch });
        } else if self.office.epoch < epoch {
            cx.send(from, Message::Loan { epoch, stretch });
        }
    }
}

/// The greatest of these that so many of them reach; they are few.
pub(super) fn reached_by<T: Ord>(values: impl Iterator<Item = T> + Clone, count: usize) -> Option<T> {
    let all = values.clone();
    values.filter(|value| all.clone().filter(|other| other >= value).count() >= count).max()
}

#[cfg(test)]
mod tests {
    use super::reached_by;

    #[test]
    fn what_so_many_reach_is_the_so_manieth_from_the_top() {
        let values = [3, 9, 9, 1, 7];
        let reached = [1, 2, 3, 4, 5, 6].map(|count| reached_by(values.into_iter(), count));
        assert_eq!(reached, [Some(9), Some(9), Some(7), Some(3), Some(1), None]);
    }
}
