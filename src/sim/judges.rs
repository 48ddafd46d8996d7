//! Everybody who looks on: the record of the clients' operations with its judges, the monitors of what nodes observe, and the measures.
//!
//! They hear of everything that [happened](Told) in the order of it, and change nothing in the world. Next: `record.rs`.

use crate::check::monitor::{Failovers, Invariant, Invariants, Leaders, Lineage, Origin, Seen, Writers};
use crate::history::{OpId, Outcome};
use crate::id::{ClientId, GroupId, NodeId, RegionId};
use crate::metrics::Measures;
use crate::op::{Op, Reply};
use crate::time::{Duration, Time};
use crate::trace::{Observation, Rows};

use super::docket::Told;
use super::record::{Ended, Record};
use super::setup::Setup;

/// The width of an entry of the availability timeline.
const TIMELINE_BUCKET: Duration = Duration::secs(1);

/// Who looks on.
#[derive(Debug, Default)]
pub(super) struct Judges {
    /// By client: what it asked last.
    asked: Vec<Option<Asked>>,
    pub(super) record: Record,
    pub(super) measures: Measures,
    pub(super) leaders: Leaders,
    pub(super) writers: Writers,
    pub(super) lineage: Lineage,
    pub(super) failovers: Failovers,
    pub(super) invariants: Invariants,
}

/// What a client asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    id: OpId,
    pub(super) op: Op,
    pub(super) at: Time,
}

/// Where and when a client hears how its operation ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hearing {
    pub(super) client: ClientId,
    pub(super) region: RegionId,
    pub(super) at: Time,
}

impl Judges {
    /// Forgets everything, and begins anew for a run of so many nodes and groups, with the memory that it has. The invariants begin
    /// anew by themselves.
    pub(super) fn begin_anew(&mut self, rows: &Rows, setup: &Setup, nodes: usize, groups: usize) {
        self.asked.clear();
        self.record = std::mem::take(&mut self.record).begun_anew(rows.clone(), setup);
        self.measures = Measures::new(setup.topology.regions().len(), TIMELINE_BUCKET);
        (self.leaders, self.writers) = (Leaders::default(), Writers::default());
        self.lineage.begin_anew(nodes);
        self.failovers = Failovers::new(groups);
    }

    /// All this happened, after all that was heard before.
    pub(super) fn hear_all(&mut self, told: &mut Vec<Told>) {
        told.iter().for_each(|told| self.hear(told));
        told.clear();
    }

    /// Something happened, after all that was heard before.
    #[inline(always)]
    pub(super) fn hear(&mut self, told: &Told) {
        match *told {
            Told::Asked { client, op, at } => self.asked(client, op, at),
            Told::AskedAgain { client } => {
                let op = self.what_asked(client).op;
                self.record.counts.asked_again(op);
            }
            Told::Decided { client, at, epoch, decided, server, group, is_abroad } => {
                self.decided(group, epoch, server, decided, at);
                let begun = self.what_asked(client).at;
                self.failovers.acknowledged(group, epoch, server, begun, is_abroad, at);
            }
            Told::Heard { client, at, reply, server, region, is_repeated } => {
                self.heard(Hearing { client, region, at }, reply, server, is_repeated);
            }
            Told::Unanswered { client, at } => {
                let asked = self.what_asked(client);
                if asked.op.kind().writes() {
                    self.invariants.unanswered(asked.at, at);
                }
            }
            Told::Presumed { client, at, server, region, is_repeated } => {
                let hearing = Hearing { client, region, at };
                let asked = self.what_asked(client);
                self.record.completed(asked.ended(hearing, is_repeated), Reply::Written, server);
                asked.op.writes().for_each(|(_, value)| self.lineage.acknowledged(value));
                self.measure(hearing, &asked, Outcome::Ok);
            }
            Told::Failed { client, at, region } => {
                let (hearing, asked) = (Hearing { client, region, at }, self.what_asked(client));
                self.record.failed(asked.ended(hearing, false));
                self.measure(hearing, &asked, Outcome::Fail);
            }
            Told::GaveUp { client, at, region } => {
                let (hearing, asked) = (Hearing { client, region, at }, self.what_asked(client));
                self.record.gave_up(asked.ended(hearing, false));
                self.measure(hearing, &asked, Outcome::Unknown);
            }
            Told::Left { client, at, region } => {
                let asked = self.what_asked(client);
                self.record.gave_up(asked.ended(Hearing { client, region, at }, false));
            }
            Told::Acknowledged { seen, key, value } => self.invariants.acknowledged(seen, key, value),
            Told::Applied { seen, key, value, is_ordered } => {
                let before = self.lineage.applied(seen.node(), key, value, is_ordered);
                if self.record.is_of_rows() {
                    self.record.rows_seen.placed(value, before);
                }
                self.invariants.applied(seen, key, value, before);
            }
            Told::Observed { seen, observation } => self.observed(seen, observation),
        }
    }

    /// A node stops, and with it all that it had in memory.
    pub(super) fn crashed(&mut self, group: GroupId, node: NodeId) {
        self.lineage.crashed(node, |value| self.invariants.is_on_a_disk(value));
        self.invariants.crashed(group, node);
    }

    #[inline(never)]
    fn asked(&mut self, client: ClientId, op: Op, at: Time) {
        let id = self.record.invoked(client, op, at);
        if self.asked.len() <= client.index() {
            self.asked.resize(client.index() + 1, None);
        }
        self.asked[client.index()] = Some(Asked { id, op, at });
    }

    fn what_asked(&self, client: ClientId) -> Asked {
        self.asked[client.index()].expect("what ends was asked for")
    }

    /// A leader decided a write that a client knows to be done.
    fn decided(&mut self, group: GroupId, epoch: u64, server: NodeId, decided: Time, at: Time) {
        let is_another = self.writers.acknowledged(group, epoch, server, decided);
        if is_another && self.invariants.is_whole(Invariant::DualServing) {
            self.invariants.overlapped(at, Some(server), self.writers.overlap());
        }
    }

    /// A client heard that its operation took effect.
    #[inline(never)]
    fn heard(&mut self, hearing: Hearing, reply: Reply, server: NodeId, is_repeated: bool) {
        let asked = self.what_asked(hearing.client);
        self.tell_invariants(hearing, &asked, reply, server);
        if let Some(behind) = self.record.completed(asked.ended(hearing, is_repeated), reply, server) {
            self.invariants.was_stale(hearing.at, server, asked.op.key(), behind);
        }
        if reply.is_done(&asked.op)
            && let Op::Write(_, value)
            | Op::CompareAndSet { new: value, .. }
            | Op::Insert { name: value, .. }
            | Op::Next { name: value, .. } = asked.op
        {
            self.lineage.acknowledged(value);
        }
        if reply == Reply::Written && matches!(asked.op, Op::Put { .. }) {
            asked.op.writes().for_each(|(_, value)| self.lineage.acknowledged(value));
        }
        self.measure(hearing, &asked, Outcome::Ok);
    }

    fn tell_invariants(&mut self, hearing: Hearing, asked: &Asked, reply: Reply, server: NodeId) {
        let Hearing { client, at: now, .. } = hearing;
        let key = asked.op.key();
        if asked.op.kind().writes() {
            self.invariants.answered(asked.at);
        }
        match reply {
            Reply::Read(value) | Reply::Mismatch(value) => {
                let origin = value.map_or(Origin::Asked, |value| self.record.writes.origin(key, value));
                self.invariants.read(now, server, client, key, value, origin);
            }
            Reply::Written if matches!(asked.op, Op::Put { .. }) => {
                for (cell, value) in asked.op.writes() {
                    self.invariants.told(now, server, client, cell, Some(value));
                }
            }
            Reply::Written => self.invariants.told(now, server, client, key, asked.op.written()),
            Reply::Row(row) => self.row_shown(hearing, asked, row, server),
            Reply::Amount(_) if matches!(asked.op, Op::Next { .. }) => {} // the record knows which were given
            Reply::Amount(amount) | Reply::Short(amount) => {
                let possible = self.record.counts.possible(key);
                self.invariants.counted(now, server, client, key, amount, &possible);
            }
            Reply::Items(items) => {
                if let Some(item) = self.record.sets.out_of_thin_air(key, items) {
                    self.invariants.made_up(now, server, client, key, item);
                }
            }
            Reply::Several(several) => {
                for value in several.named() {
                    let origin = self.record.writes.origin(key, value);
                    self.invariants.showed(now, server, client, key, value, origin);
                }
            }
        }
    }

    fn measure(&mut self, hearing: Hearing, asked: &Asked, outcome: Outcome) {
        let latency = hearing.at.since(asked.at);
        self.measures.record(hearing.region, asked.op.kind(), outcome, asked.at, latency);
    }

    /// A node observed something that is no write to its copy.
    #[inline(never)]
    fn observed(&mut self, seen: Seen, observation: Observation) {
        let node = seen.node();
        match observation {
            Observation::Leader { epoch } => {
                let rival = self.leaders.took_office(seen.group(), epoch, node, seen.at);
                self.invariants.took_office(seen, epoch, rival);
            }
            Observation::SteppedDown { .. } => self.invariants.observed(seen, &observation),
            Observation::RolledBack { key, value, now } => {
                self.lineage.rolled_back(node, key, value, now);
                self.invariants.rolled_back(seen, value);
            }
            Observation::Conflict { lost, .. } => self.lineage.conflict(lost),
            Observation::Added { value, .. } => self.lineage.added(value),
            Observation::Replaced { value, by, .. } => self.lineage.replaced(node, value, by),
            Observation::Removed { value, by, .. } => self.lineage.removed(node, value, by),
            Observation::Suspected
            | Observation::Decided { .. }
            | Observation::Fenced { .. }
            | Observation::Ready { .. }
            | Observation::Provisioned { .. } => {}
            Observation::Merged { key, update } => {
                let held = self.lineage.held(node, key);
                return self.invariants.merged(seen, key, update, held);
            }
            _ => return self.invariants.observed(seen, &observation),
        }
        self.failovers.observed(seen.group(), node, observation, seen.at);
    }
}

impl Asked {
    fn ended(&self, hearing: Hearing, is_repeated: bool) -> Ended {
        let Hearing { region, at, .. } = hearing;
        Ended { id: self.id, op: self.op, region, invoked: self.at, at, is_repeated }
    }
}
