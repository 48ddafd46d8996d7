//! The primary's duty: order, log, stream, and answer when enough copies hold it.

use std::collections::{BTreeMap, VecDeque};

use crate::id::{ClientId, NodeId, RequestId};
use crate::op::{Op, Refusal, Reply};
use crate::protocol::mutant::Mutant;
use crate::protocol::{Context, Entries, Request};
use crate::time::{Duration, Time};
use crate::trace::Observation;

use super::degrade::Patience;
use super::failback::Handing;
use super::log::{Change, Entry, Position, Stretch};
use super::replica::{Duty, Replica, reached_by};
use super::{Message, PrimaryBackup, Record, Timer};

/// How many requests wait for a new primary to be ready; the rest are refused.
const HELD_MAX: usize = 4096;

/// What a primary's writes wait for, where a design that is made of this one says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::protocol) enum Wait {
    /// Its own disk.
    Nobody,
    /// That backup, too.
    For(NodeId),
    /// What does not come: none is acknowledged.
    Forever,
}

/// What a replica knows while it is the primary.
#[derive(Clone, Debug, Hash)]
pub(super) struct Primary {
    /// What each backup has acknowledged.
    pub(super) acked: BTreeMap<NodeId, Acked>,
    /// How far this log is synced.
    pub(super) synced: u64,
    /// How far the log is held by as many as must hold it, or waits for that no longer: what clients have been told, and what reads
    /// show.
    pub(super) held_by_enough: u64,
    /// It answers nobody before that much is held. What was acknowledged before its time is within it; and its last
    /// entry is of this epoch, for older ones may yet be replaced, however many hold them: see the module's departures.
    ready_at: u64,
    /// Whether it has observed that it leads, and that it serves.
    pub(super) leads: bool,
    pub(super) serves: bool,
    /// Whether it has served at all in this stint.
    has_served: bool,
    /// Who is told once an entry is held, in the order of entries.
    waiting: VecDeque<(u64, RequestId)>,
    /// Requests that came before it was ready.
    pub(super) held: Vec<Request<PrimaryBackup>>,
    /// How far the log has been sent; all of it, but for what waits to be shipped together.
    shipped: u64,
    /// How much of the log had been sent when it was last offered; `None` while no offer is due.
    offered: Option<u64>,
    /// Whether it is looked when a backup has owed an answer for too long.
    pub(super) is_watching: bool,
    /// How long its writes wait.
    pub(super) patience: Patience,
    /// To whom it hands its office over, where it does.
    pub(super) handing: Option<Handing>,
}

/// How far a backup's log equals the primary's, synced.
#[derive(Clone, Copy, Debug, Default, Hash)]
pub(super) struct Acked {
    pub(super) now: u64,
    /// How far it did when the log was last offered: while it moves, it needs no offer.
    then: u64,
    /// Since when it owes an answer to what was sent.
    pub(super) owes_since: Option<Time>,
    /// Whether it owed one for too long, and has not had the whole log since.
    pub(super) is_passed_over: bool,
}

impl Replica {
    /// Takes office: from now on it orders writes. A later epoch than the first begins with an entry of its own.
    pub(super) fn open(&mut self, cx: &mut Context<PrimaryBackup>) {
        let epoch = self.office.epoch;
        let backups = self.plan.replicas.iter().filter(|node| **node != cx.me());
        self.duty = Duty::Leading(Box::new(Primary {
            acked: backups.map(|node| (*node, Acked::default())).collect(),
            synced: 0,
            held_by_enough: 0,
            ready_at: self.log.len(),
            leads: true,
            serves: false,
            has_served: false,
            waiting: VecDeque::new(),
            held: Vec::new(),
            shipped: self.log.len(),
            offered: None,
            is_watching: false,
            patience: Patience::new(&self.plan),
            handing: None,
        }));
        let Position { epoch: last, index } = self.log.last();
        cx.observe(Observation::Elected { epoch, index, last });
        cx.observe(Observation::Leader { epoch });
        if epoch > 1 && self.log.last().epoch < epoch {
            self.append(Entry { epoch, client: ClientId(0), sequence: 0, change: Change::Open }, cx);
            self.ship(cx); // a new primary serves nobody before backups have this
        } else if self.log.len() > 0 {
            // A restart: what the backups hold is not known any more.
            cx.send(cx.me(), Message::Synced { epoch, index: self.log.len() });
            let tip = self.log.tip();
            self.stream(&tip, cx);
        }
        if let Duty::Leading(primary) = &mut self.duty {
            primary.ready_at = self.log.len();
        }
    }

    /// Adds an entry to the log, and sends it to every backup as soon as the disk has it.
    pub(super) fn append(&mut self, entry: Entry, cx: &mut Context<PrimaryBackup>) {
        let (epoch, after) = (entry.epoch, self.log.last());
        self.log.push(entry);
        cx.persist(Record::Entry(entry));
        let index = self.log.len();
        cx.observe(Observation::Logged { by: epoch, index, epoch, before: after.epoch, what: entry.name() });
        let synced = Message::Synced { epoch, index };
        if self.plan.mutated(Mutant::F22) {
            cx.send_unsynced(cx.me(), synced)
        } else {
            cx.send(cx.me(), synced)
        }
        self.wait_for_backups(index, cx);
        match (self.plan.ship_every, &self.duty) {
            (None, _) => self.stream(&Stretch { after, entries: Entries::One(entry), length: index }, cx),
            (Some(every), Duty::Leading(primary)) if primary.shipped + 1 == index => {
                let past = cx.now().as_nanos() % every.as_nanos();
                cx.set_timer(Timer::Ship, Duration::nanos(every.as_nanos() - past));
            }
            _ => {} // it goes with those before it
        }
    }

    /// Sends what is new in the log.
    pub(super) fn ship(&mut self, cx: &mut Context<PrimaryBackup>) {
        while let Duty::Leading(primary) = &self.duty
            && primary.shipped < self.log.len()
        {
            let stretch = self.log.stretch_after(primary.shipped);
            self.stream(&stretch, cx);
        }
    }

    fn stream(&mut self, stretch: &Stretch, cx: &mut Context<PrimaryBackup>) {
        let epoch = self.office.epoch;
        let Duty::Leading(primary) = &mut self.duty else { return };
        primary.shipped = stretch.after.index + stretch.entries.len() as u64;
        for (backup, acked) in &mut primary.acked {
            acked.owes_since.get_or_insert(cx.now());
            cx.send(*backup, Message::Append { epoch, stretch: stretch.clone() });
        }
        self.plan.sender_timeout.into_iter().for_each(|lasts| primary.watch_backups(lasts, cx));
        if primary.offered.is_none() && !primary.acked.is_empty() {
            primary.offered = Some(0);
            cx.set_timer(Timer::Repair, self.plan.repair);
        }
    }

    /// Offers the end of the log to each backup that owes an answer for what was there when this was last asked, and
    /// has acknowledged nothing since. What is younger than that is likely to be on its way.
    pub(super) fn offer_again(&mut self, cx: &mut Context<PrimaryBackup>) {
        let epoch = self.office.epoch;
        let Duty::Leading(primary) = &mut self.duty else { return };
        let length = primary.shipped;
        let offered = primary.offered.unwrap_or(0);
        for (backup, acked) in &mut primary.acked {
            if acked.now < offered && acked.now == acked.then {
                cx.send(*backup, Message::Append { epoch, stretch: self.log.tip() });
            }
            acked.then = acked.now;
        }
        primary.offered = primary.acked.values().any(|acked| acked.now < length).then_some(length);
        if primary.offered.is_some() {
            cx.set_timer(Timer::Repair, self.plan.repair);
        }
    }

    pub(super) fn on_synced(&mut self, epoch: u64, index: u64, cx: &mut Context<PrimaryBackup>) {
        if let Duty::Leading(primary) = &mut self.duty
            && epoch == self.office.epoch
        {
            primary.synced = primary.synced.max(index);
            self.advance(cx);
        }
    }

    pub(super) fn on_ack(&mut self, from: NodeId, epoch: u64, index: u64, cx: &mut Context<PrimaryBackup>) {
        if let Duty::Leading(primary) = &mut self.duty
            && epoch == self.office.epoch
        {
            let acked = primary.acked.get_mut(&from).expect("only a replica acknowledges");
            acked.now = acked.now.max(index);
            acked.heard(self.log.len(), cx.now());
            self.look_who_is_back();
            self.advance(cx);
        }
    }

    /// Counts who holds what, and tells the clients whose writes are held by enough: only while the lease lasts.
    pub(super) fn advance(&mut self, cx: &mut Context<PrimaryBackup>) {
        let leased = self.is_leased(cx.now());
        let Duty::Leading(primary) = &mut self.duty else { return };
        if leased {
            let held = match (self.wait, self.plan.sender_timeout) {
                (Some(wait), _) => primary.held_by(wait),
                (None, Some(_)) if !primary.patience.is_out() => primary.held_by_first(&self.plan.replicas),
                _ => primary.count(primary.patience.copies(&self.plan)),
            };
            let until = held.max(primary.patience.cancelled().min(primary.synced));
            if until > primary.held_by_enough {
                primary.held_by_enough = until;
                // Without backups that must have it, and with a successor who may not, nothing is committed for good.
                let by_backups = self.plan.copies > 0 && !primary.patience.is_out() && held == until;
                let is_committed = until >= primary.ready_at && (by_backups || !self.plan.failover);
                if is_committed {
                    let Position { epoch, index } = self.log.position(until);
                    cx.observe(Observation::Committed { index, epoch });
                }
                self.apply(until, cx);
            }
        }
        self.review(leased, cx);
        self.tell_waiting(cx);
        self.review_hand_over(cx);
    }

    fn tell_waiting(&mut self, cx: &mut Context<PrimaryBackup>) {
        while let Duty::Leading(primary) = &mut self.duty
            && primary.serves
            && let Some((index, request)) = primary.waiting.front().copied()
            && index <= primary.held_by_enough
        {
            primary.waiting.pop_front();
            // The disk has it: nothing that this shows is unsynced.
            cx.reply_unsynced(request, self.reply_of(index));
        }
    }

    /// Begins or ends to serve.
    fn review(&mut self, leased: bool, cx: &mut Context<PrimaryBackup>) {
        let epoch = self.office.epoch;
        let Duty::Leading(primary) = &mut self.duty else { return };
        if primary.serves && !leased {
            (primary.serves, primary.leads) = (false, false);
            cx.observe(Observation::SteppedDown { epoch });
        } else if !primary.serves && leased && primary.handing.is_none() && primary.held_by_enough >= primary.ready_at {
            (primary.serves, primary.has_served) = (true, true);
            if !std::mem::replace(&mut primary.leads, true) {
                cx.observe(Observation::Leader { epoch });
            }
            cx.observe(Observation::Ready { epoch });
            let held = std::mem::take(&mut primary.held);
            held.into_iter().for_each(|request| self.serve(&request, cx));
        }
    }

    /// A client asks the primary.
    pub(super) fn serve_or_hold(&mut self, request: Request<PrimaryBackup>, cx: &mut Context<PrimaryBackup>) {
        if !self.plan.mutated(Mutant::F2) {
            self.advance(cx); // the lease may have run out in a pause, before its timer could say so
        }
        let Duty::Leading(primary) = &mut self.duty else { return };
        if primary.serves && primary.handing.is_none() {
            self.serve(&request, cx);
        } else if !primary.has_served && primary.held.len() < HELD_MAX {
            primary.held.push(request);
        } else {
            cx.refuse(request.id, Refusal::Unavailable);
        }
    }

    fn serve(&mut self, request: &Request<PrimaryBackup>, cx: &mut Context<PrimaryBackup>) {
        let id = request.id;
        let change = match request.op {
            Op::Read(key) => {
                // The copy holds what is held by enough; a write that is not is still under way, and a read may precede
                // it.
                return cx.reply_unsynced(id, Reply::Read(self.log.copy().get(key).copied()));
            }
            Op::ReadRow { key, columns } => return cx.reply_unsynced(id, Reply::Row(self.log.row(key, columns))),
            Op::Write(key, value) => Change::Set(key, value),
            Op::Put { key, columns, name } => Change::Put(key, columns, name),
            Op::Next { key, name } => Change::Next(key, name, self.log.next_number(key)),
            Op::CompareAndSet { key, expected, new } => match self.log.newest(key) {
                found if found == expected => Change::Set(key, new),
                found => Change::Found(found),
            },
            _ => return cx.refuse(id, Refusal::Unsupported),
        };
        match self.log.latest_of(id.client) {
            Some((sequence, _)) if sequence > id.sequence => {} // given up: the client has asked something else
            Some((sequence, index)) if sequence == id.sequence => self.tell_when_held(index, id, cx),
            _ => {
                self.append(Entry { epoch: self.office.epoch, client: id.client, sequence: id.sequence, change }, cx);
                self.tell_when_held(self.log.len(), id, cx);
            }
        }
    }

    fn tell_when_held(&mut self, index: u64, request: RequestId, cx: &mut Context<PrimaryBackup>) {
        let reply = self.reply_of(index);
        let Duty::Leading(primary) = &mut self.duty else { return };
        if index <= primary.held_by_enough {
            cx.reply_unsynced(request, reply);
        } else {
            let place = primary.waiting.partition_point(|(other, _)| *other <= index);
            primary.waiting.insert(place, (index, request));
        }
    }

    /// What the client that asked for this entry is told.
    fn reply_of(&self, index: u64) -> Reply {
        match self.log.get(index).expect("what is waited for is in the log").change {
            Change::Set(..) | Change::Put(..) => Reply::Written,
            Change::Next(_, _, number) => Reply::Amount(number.into()),
            Change::Found(value) => Reply::Mismatch(value),
            Change::Open => panic!("no client asks for an opening"),
        }
    }
}

impl Primary {
    /// How far the log is held by whom writes wait for.
    fn held_by(&self, wait: Wait) -> u64 {
        match wait {
            Wait::Nobody => self.synced,
            Wait::For(backup) => self.acked.get(&backup).map_or(0, |acked| acked.now.min(self.synced)),
            Wait::Forever => 0,
        }
    }

    /// How far the log is synced here and by `copies` backups.
    pub(super) fn count(&self, copies: usize) -> u64 {
        if copies == 0 {
            return self.synced;
        }
        reached_by(self.acked.values().map(|acked| acked.now), copies).map_or(0, |acked| acked.min(self.synced))
    }
}
