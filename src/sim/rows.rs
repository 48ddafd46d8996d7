//! Rows as the record and the judges have them: each column is a register of its own, which is told of its part of every operation; and
//! whether a put was seen whole is told by them together. Next: `outages.rs`.

use std::collections::BTreeSet;

use crate::check::linearizable::{Findings, Violation};
use crate::check::monitor::Origin;
use crate::check::{Counterexample, Verdict};
use crate::history::OpId;
use crate::id::{Key, NodeId};
use crate::op::{COLUMNS_MAX, Columns, Op, Reply, Row};
use crate::protocol::{Guarantee, Protocol};
use crate::time::{Duration, Time};

use super::judges::{Asked, Hearing, Judges};
use super::outcome::Judged;
use super::record::{Ended, Record};
use super::world::World;

/// What an operation on a row is to each of its columns, which are judged as registers; each with a number of its own, in the order of
/// invocation.
///
/// # Panics
/// At the 2^30th operation of a run of rows.
pub(super) fn parts(id: OpId, op: Op) -> impl Iterator<Item = (OpId, Op)> {
    let part = move |column: u8| {
        let first = id.0.checked_mul(COLUMNS_MAX.into()).expect("a run has at most 2^30 operations on rows");
        OpId(first + u32::from(column))
    };
    let (key, columns) = match op {
        Op::ReadRow { key, columns } => (key, columns),
        _ => (op.key(), Columns::default()),
    };
    let reads = columns.iter().map(move |column| (part(column), Op::Read(key.cell(column))));
    let is_put = matches!(op, Op::Put { .. });
    let writes = op.writes().filter(move |_| is_put);
    writes.map(move |(cell, value)| (part(cell.of_cell().1), Op::Write(cell, value))).chain(reads)
}

/// The operation on a row of which this is a part.
fn whole(part: OpId) -> OpId {
    OpId(part.0 / u32::from(COLUMNS_MAX))
}

/// Rows: each column is judged as a register of its own, and together they tell whether a put was seen whole.
impl Record {
    #[cold]
    pub(super) fn row_invoked(&mut self, id: OpId, op: Op, at: Time) -> OpId {
        self.rows_seen.invoked(op);
        for (cell, value) in op.writes() {
            self.staleness.invoked(Op::Write(cell, value));
            self.writes.begun(value, cell, at);
        }
        for (part, op) in parts(id, op) {
            self.linearizable.invoked(part, op, at);
        }
        id
    }

    #[cold]
    pub(super) fn row_completed(&mut self, ended: Ended, reply: Reply, server: NodeId) -> Option<Duration> {
        let Ended { id, op, region, invoked, at, .. } = ended;
        for (part, op) in parts(id, op) {
            let reply = match (op, reply) {
                (Op::Read(cell), Reply::Row(row)) => Reply::Read(row.get(cell.of_cell().1)),
                (_, reply) => reply,
            };
            self.linearizable.completed(part, op, invoked, reply, at);
        }
        if let (Op::ReadRow { key, columns }, Reply::Row(row)) = (op, reply) {
            self.rows_read += 1;
            let cell = |column: u8| (Op::Read(key.cell(column)), Reply::Read(row.get(column)));
            let behind =
                columns.iter().map(cell).filter_map(|(op, seen)| self.staleness.completed(op, invoked, seen, at));
            let behind = behind.max();
            behind.into_iter().for_each(|behind| self.stale_reads.record(behind));
            return behind;
        }
        for (cell, value) in op.writes() {
            self.staleness.completed(Op::Write(cell, value), invoked, reply, at);
            self.writes.acknowledged(value, server, at);
        }
        if op.kind().writes() {
            self.outages[region.index()].wrote(at);
        }
        None
    }
}

impl Judges {
    /// A client heard what the columns of a row hold.
    #[cold]
    pub(super) fn row_shown(&mut self, hearing: Hearing, asked: &Asked, row: Row, server: NodeId) {
        let (Op::ReadRow { key, columns }, Hearing { client, at, .. }) = (asked.op, hearing) else { return };
        for cell in columns.iter().map(|column| (key.cell(column), row.get(column))) {
            let (key, value) = cell;
            let origin = value.map_or(Origin::Asked, |value| self.record.writes.origin(key, value));
            self.invariants.read(at, server, client, key, value, origin);
        }
        if let Some(fracture) = self.record.rows_seen.saw(key, columns, row) {
            self.invariants.fractured(at, server, client, row, fracture);
        }
        if self.record.rows_seen.forks(key, columns, row) {
            self.invariants.forked(at, server, client, key, row);
        }
    }
}

impl<P: Protocol> World<'_, P> {
    /// Linearizability of rows, column by column: each is a register.
    pub(super) fn judge_columns(&self, found: Findings, suspects: &mut BTreeSet<Key>) -> Judged {
        let verdict = match found.first {
            Some(Violation { key, operation, at }) => {
                let ((key, column), OpId(operation)) = (key.of_cell(), whole(operation));
                suspects.insert(key);
                let why = format!(
                    "c{column} of {key}: operation {operation} had no place in any order when it ended, at {at}"
                );
                Verdict::Fail(Counterexample { why, operations: Vec::new() })
            }
            None if found.keys_inconclusive > 0 => {
                Verdict::Inconclusive { why: format!("{} columns could not be judged", found.keys_inconclusive) }
            }
            None => Verdict::Pass,
        };
        Judged { guarantee: Guarantee::Linearizable, verdict, steps: found.steps }
    }
}
