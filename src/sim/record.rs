//! What is kept of the clients' operations: each is told to the judges as it begins and as it ends, and then forgotten.
//!
//! Nothing stays of a read. Of a write 24 bytes stay (and what the judges need of it), so that lost writes can be dated
//! at the end; they are [packed](crate::column) when they are old. Rows of the history are kept where somebody asks for them. Next: `rows.rs`.

use crate::check::monitor::Origin;
use crate::check::{counts, linearizable, numbers, rows, sets, staleness};
use crate::column::{Column, Packs};
use crate::history::{History, OpId};
use crate::id::{ClientId, Key, NodeId, RegionId, Value};
use crate::metrics::Latencies;
use crate::model::workload::Workload;
use crate::op::{Object, Op, Reply};
use crate::time::{Duration, Time};
use crate::trace::Rows;

use super::outages::Outages;
use super::rows::parts;
use super::setup::Setup;

/// The record of a run.
#[derive(Debug, Default)]
pub(super) struct Record {
    rows: Rows,
    pub(super) history: History,
    begun: u32,
    pub(super) linearizable: linearizable::Online,
    pub(super) staleness: staleness::Online,
    /// What every key is; the two above judge registers.
    object: Object,
    pub(super) counts: counts::Counts,
    pub(super) sets: sets::Sets,
    pub(super) rows_seen: rows::Rows,
    pub(super) numbers: numbers::Numbers,
    /// How many rows were read.
    pub(super) rows_read: u64,
    /// The most values that one read of a register showed; 0 where it was never more than one.
    pub(super) siblings_max: u32,
    pub(super) stale_reads: Latencies,
    pub(super) writes: Writes,
    /// By region.
    pub(super) outages: Vec<Outages>,
}

/// An operation under way, as its end is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) id: OpId,
    pub(super) op: Op,
    pub(super) region: RegionId,
    pub(super) invoked: Time,
    pub(super) at: Time,
    /// Whether more than one node was asked: one may carry it out later than another.
    pub(super) is_repeated: bool,
}

impl Record {
    /// A new record, in the memory of this one.
    pub(super) fn begun_anew(self, rows: Rows, setup: &Setup) -> Record {
        let Record {
            mut linearizable,
            mut staleness,
            mut writes,
            mut counts,
            mut sets,
            mut rows_seen,
            mut numbers,
            ..
        } = self;
        rows_seen.clear();
        numbers.clear();
        counts.clear();
        sets.clear();
        linearizable.clear();
        staleness.clear();
        writes.clear();
        let Workload { warm_up, timeout, .. } = setup.workload;
        let outages = vec![Outages::new(Time::ZERO + warm_up, timeout); setup.topology.regions().len()];
        let object = setup.workload.objects.object();
        Record {
            rows,
            linearizable,
            staleness,
            writes,
            outages,
            object,
            counts,
            sets,
            rows_seen,
            numbers,
            ..Record::default()
        }
    }

    /// A client asks.
    ///
    /// # Panics
    /// At the 2^32nd operation of a run.
    pub(super) fn invoked(&mut self, client: ClientId, op: Op, at: Time) -> OpId {
        let id = OpId(self.begun);
        self.begun = self.begun.checked_add(1).expect("a run has at most 2^32 operations");
        if self.rows.keeps(op.key()) {
            self.history.invoke_as(id, client, op, at);
        }
        match self.object {
            Object::Register => {
                self.linearizable.invoked(id, op, at);
                self.staleness.invoked(op);
            }
            Object::Row => return self.row_invoked(id, op, at),
            Object::Sequence => {}
            Object::Counter | Object::Set | Object::List => {
                self.counts.invoked(op);
                self.sets.invoked(op);
            }
        }
        if let Some(name) = op.name() {
            self.writes.begun(name, op.key(), at);
        }
        id
    }

    /// How many operations were begun.
    #[cfg(test)]
    pub(super) fn begun(&self) -> u32 {
        self.begun
    }

    /// Why nothing is said of single values, if nothing is.
    pub(super) fn is_of_registers(&self) -> bool {
        self.object == Object::Register && self.siblings_max == 0
    }

    /// An operation took effect. Tells of a read how stale it was, if it was.
    pub(super) fn completed(&mut self, ended: Ended, reply: Reply, server: NodeId) -> Option<Duration> {
        let Ended { id, op, region, invoked, at, is_repeated } = ended;
        let mut behind = None;
        if self.rows.keeps(op.key()) {
            self.history.complete(id, reply, server, at);
        }
        match self.object {
            Object::Register => {
                self.linearizable.completed(id, op, invoked, reply, at);
                behind = self.staleness.completed(op, invoked, reply, at);
                behind.into_iter().for_each(|behind| self.stale_reads.record(behind));
                if let Reply::Several(several) = reply {
                    self.siblings_max = self.siblings_max.max(several.count());
                }
            }
            Object::Row => return self.row_completed(ended, reply, server),
            Object::Sequence => {
                if let (Op::Next { key, .. }, Reply::Amount(number)) = (op, reply) {
                    self.numbers.given(key, number, invoked, at);
                }
            }
            Object::Counter | Object::Set | Object::List => {
                self.counts.completed(op, reply);
                if !(is_repeated && matches!(op, Op::Remove { .. })) {
                    self.sets.completed(op, invoked, reply, at);
                }
            }
        }
        let Some(name) = op.name() else { return behind };
        self.outages[region.index()].wrote(at);
        match reply {
            reply if reply.is_done(&op) => self.writes.acknowledged(name, server, at),
            _ => self.writes.ends(name, DENIED),
        }
        None
    }

    /// An operation did not and will not take effect.
    pub(super) fn failed(&mut self, ended: Ended) {
        let Ended { id, op, region, invoked, at, .. } = ended;
        if self.rows.keeps(op.key()) {
            self.history.fail(id, at);
        }
        match self.object {
            Object::Register => {
                self.linearizable.failed(id, op, invoked, at);
                self.staleness.failed(op);
            }
            Object::Row => {
                for (part, op) in parts(id, op) {
                    self.linearizable.failed(part, op, invoked, at);
                }
                for (cell, value) in op.writes() {
                    self.staleness.failed(Op::Write(cell, value));
                    self.writes.failed(value);
                }
            }
            Object::Sequence => {}
            Object::Counter | Object::Set | Object::List => {
                self.counts.failed(op);
                self.sets.failed(op);
            }
        }
        if let Some(name) = op.name() {
            if self.object != Object::Row {
                self.writes.failed(name);
            }
            self.outages[region.index()].failed(invoked, at);
        }
    }

    /// Nobody will ever tell.
    pub(super) fn gave_up(&mut self, ended: Ended) {
        let Ended { id, op, region, invoked, at, .. } = ended;
        if self.object == Object::Register {
            self.linearizable.gave_up(id, op, invoked, at);
            self.staleness.gave_up(op);
        }
        for (part, op) in parts(id, op).filter(|_| self.object == Object::Row) {
            self.linearizable.gave_up(part, op, invoked, at);
            self.staleness.gave_up(op);
        }
        if op.kind().writes() {
            self.outages[region.index()].failed(invoked, at);
        }
    }

    /// Whether every key is a row.
    pub(super) fn is_of_rows(&self) -> bool {
        self.object == Object::Row
    }

    /// How many reads were answered.
    pub(super) fn reads(&self) -> u64 {
        if self.object == Object::Row { self.rows_read } else { self.staleness.reads() }
    }
}

/// The writes of a run, by value.
#[derive(Debug, Default)]
pub(super) struct Writes(Column<Kept>);

/// What is kept of a write.
#[derive(Clone, Copy, Debug)]
struct Kept {
    begun: u64,
    /// When it was acknowledged, or [`FAILED`], [`DENIED`], [`OPEN`], or [`NEVER`].
    ended: u64,
    key: u32,
    server: u16,
}

impl Default for Kept {
    fn default() -> Kept {
        Kept { begun: 0, ended: NEVER, key: 0, server: 0 }
    }
}

impl Packs for Kept {
    const LANES: usize = 4;

    fn lane(&self, which: usize) -> u64 {
        match which {
            0 => self.begun,
            1 if self.ended >= NEVER => OPEN - self.ended,
            1 => self.ended - self.begun + (OPEN - NEVER + 1),
            2 => self.key.into(),
            _ => self.server.into(),
        }
    }

    fn of_lanes(lane: impl Fn(usize) -> u64) -> Kept {
        let begun = lane(0);
        let ended = match lane(1) {
            mark if mark <= OPEN - NEVER => OPEN - mark,
            more => begun + (more - (OPEN - NEVER + 1)),
        };
        Kept { begun, ended, key: lane(2) as u32, server: lane(3) as u16 }
    }
}

/// A write that has no answer.
const OPEN: u64 = u64::MAX;
/// A write that did not take effect.
const FAILED: u64 = u64::MAX - 1;
/// A node answered that it found another value than it was to replace.
const DENIED: u64 = u64::MAX - 2;
/// No write was begun.
const NEVER: u64 = u64::MAX - 3;

/// A write that a client knows to have taken effect.
#[derive(Clone, Copy, Debug)]
pub(super) struct Acknowledged {
    pub(super) value: Value,
    pub(super) key: Key,
    pub(super) begun: Time,
    pub(super) ended: Time,
    pub(super) server: NodeId,
}

impl Writes {
    fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn begun(&mut self, value: Value, key: Key, at: Time) {
        self.0.set(value.index(), Kept { key: key.0, begun: at.as_nanos(), ended: OPEN, server: 0 });
    }

    pub(super) fn acknowledged(&mut self, value: Value, server: NodeId, at: Time) {
        self.0.change(value.index(), |write| (write.ended, write.server) = (at.as_nanos(), server.0));
    }

    fn failed(&mut self, value: Value) {
        self.ends(value, FAILED);
    }

    fn ends(&mut self, value: Value, how: u64) {
        self.0.change(value.index(), |write| write.ended = how);
    }

    /// Where a value that a key is said to hold comes from.
    #[inline]
    pub(super) fn origin(&self, key: Key, value: Value) -> Origin {
        let place = usize::try_from(value.0).unwrap_or(usize::MAX);
        let write = self.0.at(place);
        match write.ended {
            NEVER => Origin::Nowhere,
            _ if write.key != key.0 => Origin::Nowhere,
            FAILED => Origin::Failed,
            DENIED => Origin::Denied,
            _ => Origin::Asked,
        }
    }

    /// This write, if a client knows that it took effect.
    pub(super) fn get(&self, value: Value) -> Option<Acknowledged> {
        self.0.get(value.index()).and_then(|write| write.of(value))
    }

    /// Every write that a client knows to have taken effect, by value.
    pub(super) fn all_acknowledged(&self) -> impl Iterator<Item = Acknowledged> + '_ {
        (0..).zip(self.0.iter()).filter_map(|(value, write)| write.of(Value(value)))
    }

    /// Writes of which nobody told whether they took effect.
    pub(super) fn open(&self) -> impl Iterator<Item = Value> + '_ {
        (0..).zip(self.0.iter()).filter(|(_, write)| write.ended == OPEN).map(|(value, _)| Value(value))
    }
}

impl Kept {
    /// This write, of this value, if a client knows that it took effect.
    fn of(self, value: Value) -> Option<Acknowledged> {
        (self.ended < NEVER).then(|| Acknowledged {
            value,
            key: Key(self.key),
            begun: Time::from_nanos(self.begun),
            ended: Time::from_nanos(self.ended),
            server: NodeId(self.server),
        })
    }
}
