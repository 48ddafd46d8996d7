//! The versions of every key, and what is known of their order.
//!
//! **Lists.** The longest list that was read is the version order of its elements, and every other read must be a
//! prefix of it (Kingsbury & Alvaro, *Elle*, VLDB 2020, section 4). What was appended and never read comes after all
//! that was, for a committed append must be somewhere and no prefix has room for it.
//!
//! **Registers.** The store's own order where it was given (white box), and then it is complete. Else only what the
//! declared [`Assumptions`] say; see `registers.rs`. The initial state comes before everything, always.
//!
//! Next: `dependencies.rs`, the graph that this makes between transactions.

use super::anomaly::AnomalyKind;
use super::facts::{Facts, INITIAL, NO_ROW, Problem};
use super::history::{Status, Tag};
use super::{Assumptions, TransactionId, registers};
use crate::id::Key;

/// In the place of a version: a read that is left out, for it is wrong by itself.
const LEFT_OUT: u32 = u32::MAX;
const NOWHERE: u32 = u32::MAX;

/// Versions by number: those of one key are neighbours, and the initial one is the first of them.
pub(super) struct Versions {
    /// Who wrote it; [`INITIAL`] for initial versions.
    pub(super) writer: Vec<u32>,
    /// Its write.
    pub(super) row: Vec<u32>,
    /// By key, and one more: the number of its initial version.
    pub(super) first: Vec<u32>,
    /// What is known of the order: the second comes after the first. Sorted; what follows by way of others is left
    /// out where that is cheap.
    pub(super) edges: Vec<(u32, u32)>,
    /// By key: every two versions are ordered.
    pub(super) total: Vec<bool>,
}

impl Versions {
    /// The versions of every key of `facts`, whose reads are given their versions. `O(n)` and the sorting of edges.
    pub(super) fn new(facts: &mut Facts, assumptions: Assumptions) -> Versions {
        let keys = facts.history.keys();
        let mut versions = Versions {
            writer: Vec::new(),
            row: Vec::new(),
            first: Vec::with_capacity(keys + 1),
            edges: Vec::new(),
            total: vec![true; keys],
        };
        let mut lists = Lists::new(facts);
        let writers = Grouped::new(keys, || register_writers(facts));
        let list_reads = Grouped::new(keys, || {
            let reads = facts.reads.iter().enumerate().filter(|(_, read)| facts.is_list[read.key as usize]);
            reads.map(|(place, read)| (read.key, place as u32))
        });
        for key in 0..keys {
            versions.first.push(versions.writer.len() as u32);
            versions.push(INITIAL, u32::MAX);
            if facts.is_list[key] {
                lists.key(facts, &mut versions, key, list_reads.of(key));
            } else {
                for row in writers.of(key) {
                    versions.push(facts.history.owner(*row as usize) as u32, *row);
                }
            }
        }
        versions.first.push(versions.writer.len() as u32);
        versions.set_register_reads(facts);
        registers::order(facts, &mut versions, assumptions);
        leave_out(facts);
        facts.reads.iter_mut().for_each(|read| read.from = versions.writer[read.version as usize]);
        versions.edges.sort_unstable();
        versions.edges.dedup();
        versions
    }

    fn push(&mut self, writer: u32, row: u32) -> u32 {
        self.writer.push(writer);
        self.row.push(row);
        self.writer.len() as u32 - 1
    }

    pub(super) fn of_key(&self, key: usize) -> std::ops::Range<usize> {
        self.first[key] as usize..self.first[key + 1] as usize
    }

    /// The version of a register that a transaction wrote.
    pub(super) fn of_register(&self, key: usize, transaction: u32) -> Option<u32> {
        let first = self.first[key] as usize + 1;
        let writers = &self.writer[first..self.first[key + 1] as usize];
        writers.binary_search(&transaction).ok().map(|place| (first + place) as u32)
    }

    fn set_register_reads(&self, facts: &mut Facts) {
        for place in 0..facts.reads.len() {
            let read = facts.reads[place];
            if facts.is_list[read.key as usize] {
                continue;
            }
            let key = read.key as usize;
            let version = if read.from == INITIAL { Some(self.first[key]) } else { self.of_register(key, read.from) };
            facts.reads[place].version = version.unwrap_or(LEFT_OUT);
        }
    }
}

fn register_writers<'a>(facts: &'a Facts) -> impl Iterator<Item = (u32, u32)> + 'a {
    facts.writes.iter().copied().filter(|(key, _)| !facts.is_list[*key as usize])
}

/// Drops the reads that are wrong by themselves.
fn leave_out(facts: &mut Facts) {
    let mut kept = 0;
    for transaction in 0..facts.history.len() {
        let (from, to) = (facts.reads_first[transaction] as usize, facts.reads_first[transaction + 1] as usize);
        facts.reads_first[transaction] = kept as u32;
        for place in from..to {
            if facts.reads[place].version != LEFT_OUT {
                facts.reads[kept] = facts.reads[place];
                kept += 1;
            }
        }
    }
    let last = facts.reads_first.len() - 1;
    facts.reads_first[last] = kept as u32;
    facts.reads.truncate(kept);
}

/// Numbers in groups, each in the order in which they came.
pub(super) struct Grouped {
    first: Vec<u32>,
    all: Vec<u32>,
}

impl Grouped {
    /// Pairs of a group and a number. They are gone through twice.
    pub(super) fn new<I: Iterator<Item = (u32, u32)>>(groups: usize, pairs: impl Fn() -> I) -> Grouped {
        let mut first = vec![0_u32; groups + 1];
        pairs().for_each(|(group, _)| first[group as usize + 1] += 1);
        (0..groups).for_each(|group| first[group + 1] += first[group]);
        let mut next = first.clone();
        let mut all = vec![0; first[groups] as usize];
        for (group, number) in pairs() {
            all[next[group as usize] as usize] = number;
            next[group as usize] += 1;
        }
        Grouped { first, all }
    }

    pub(super) fn of(&self, group: usize) -> &[u32] {
        &self.all[self.first[group] as usize..self.first[group + 1] as usize]
    }
}

/// The lists, key by key.
struct Lists {
    /// By row of an append: where it is in the order of its key.
    position: Vec<u32>,
    /// The appends of alive transactions, by key.
    appends: Grouped,
}

impl Lists {
    fn new(facts: &Facts) -> Lists {
        let history = facts.history;
        let appends = || {
            let alive = history.ids().filter(|id| facts.alive[id.index()]);
            let rows = alive.flat_map(|id| history.rows(id.index()));
            let rows = rows.filter(|row| history.tag(*row) == Tag::Append);
            rows.map(|row| (history.key_at(row) as u32, row as u32))
        };
        Lists { position: vec![NOWHERE; history.micro_ops()], appends: Grouped::new(history.keys(), appends) }
    }

    /// The versions of one list, and which of them its reads saw.
    fn key(&mut self, facts: &mut Facts, versions: &mut Versions, key: usize, reads: &[u32]) {
        let order = facts.list_order(key).to_vec();
        let initial = versions.first[key];
        let reader = facts.longest[key].map(|(row, _)| row);
        let mut seen = vec![initial];
        let (mut bad, mut aborted) = (None, None);
        for (place, element) in order.iter().enumerate() {
            let last = seen[place];
            let found = facts.index.find(facts.history, key, *element);
            let Some(row) = found else {
                bad = bad.or(Some((place, AnomalyKind::ThinAir, None)));
                seen.push(last);
                continue;
            };
            if self.position[row] != NOWHERE {
                let (at, other) = (reader.unwrap_or(row as u32), Some(row as u32));
                return self.broken(facts, at, other, reads);
            }
            self.position[row] = place as u32;
            let before = facts.earlier[row];
            if before != NO_ROW && self.position[before as usize] == NOWHERE {
                bad = bad.or(Some((place, AnomalyKind::IncompatibleOrder, Some(before))));
            }
            if facts.index.ambiguous[row] {
                let text = format!("{element} was appended to k{key} by two transactions, and it was read");
                facts.unjudgeable.get_or_insert(text);
            }
            let writer = facts.history.owner(row) as u32;
            if facts.history.status(TransactionId(writer)) == Status::Aborted {
                bad = bad.or(Some((place, AnomalyKind::G1a, Some(row as u32))));
                aborted = aborted.or(Some(row as u32));
                seen.push(last);
                continue;
            }
            if let Some(dirty) = aborted.take() {
                let kind = AnomalyKind::DirtyUpdate;
                facts.problems.push(Problem { kind, transaction: writer, row: row as u32, other: Some(dirty) });
            }
            if versions.writer[last as usize] == writer {
                versions.row[last as usize] = row as u32;
                seen.push(last);
            } else {
                let version = versions.push(writer, row as u32);
                versions.edges.push((last, version));
                seen.push(version);
            }
        }
        self.tail(facts, versions, key, seen[order.len()]);
        for place in reads {
            self.read(facts, &order, &seen, bad, *place as usize);
        }
    }

    /// What nobody read comes after all that somebody did, in no order.
    fn tail(&self, facts: &Facts, versions: &mut Versions, key: usize, last: u32) {
        let mut before = versions.writer[last as usize];
        let mut length = 0;
        for row in self.appends.of(key).iter().filter(|row| self.position[**row as usize] == NOWHERE) {
            let writer = facts.history.owner(*row as usize) as u32;
            if writer != before && writer != versions.writer[last as usize] {
                let version = versions.push(writer, *row);
                versions.edges.push((last, version));
                length += 1;
            }
            before = writer;
        }
        versions.total[key] = length < 2;
    }

    /// An element is in the order twice: there is no order.
    fn broken(&self, facts: &mut Facts, reader: u32, other: Option<u32>, reads: &[u32]) {
        let transaction = facts.history.owner(reader as usize) as u32;
        facts.problems.push(Problem { kind: AnomalyKind::DuplicateElements, transaction, row: reader, other });
        for place in reads {
            facts.reads[*place as usize].version = LEFT_OUT;
        }
    }

    fn read(
        &self,
        facts: &mut Facts,
        order: &[crate::id::Value],
        seen: &[u32],
        bad: Option<(usize, AnomalyKind, Option<u32>)>,
        place: usize,
    ) {
        let read = facts.reads[place];
        let (row, length, key) = (read.row as usize, read.version as usize, read.key as usize);
        let external = &facts.history.list_at(row)[..length];
        let transaction = facts.history.owner(row);
        let problem = |kind, other| Problem { kind, transaction: transaction as u32, row: read.row, other };
        facts.reads[place].version = LEFT_OUT;
        if order.get(..length) != Some(external) {
            let mut sorted = external.to_vec();
            sorted.sort_unstable();
            let twice = sorted.windows(2).find(|pair| pair[0] == pair[1]);
            let (kind, other) = match twice {
                Some(pair) => (
                    AnomalyKind::DuplicateElements,
                    facts.index.find(facts.history, key, pair[0]).map(|row| row as u32),
                ),
                None => (AnomalyKind::IncompatibleOrder, facts.longest[key].map(|(row, _)| row)),
            };
            facts.problems.push(problem(kind, other));
            return;
        }
        if facts.has_written(transaction, read.key) {
            let mine = facts.history.rows(transaction);
            let mine = mine.filter(|row| facts.history.key_at(*row) == key && facts.history.tag(*row) == Tag::Append);
            let early = mine.into_iter().find(|row| (self.position[*row] as usize) < length);
            if let Some(early) = early {
                facts.problems.push(problem(AnomalyKind::FutureRead, Some(early as u32)));
                return;
            }
        }
        if let Some((_, kind, other)) = bad.filter(|(at, ..)| *at < length) {
            facts.problems.push(problem(kind, other));
        }
        if length > 0 {
            let last = facts.index.find(facts.history, key, order[length - 1]);
            if let Some(last) = last.filter(|last| !facts.index.is_final[*last]) {
                facts.problems.push(problem(AnomalyKind::G1b, Some(last as u32)));
            }
        }
        facts.reads[place].version = seen[length];
    }
}

/// The version order of a register, as the store gave it.
pub(super) fn given(facts: &mut Facts, versions: &mut Versions, key: usize) {
    let Some(order) = facts.history.version_order(Key(key as u32)) else { return };
    let mut last = versions.first[key];
    let mut aborted = None;
    let mut found = 0;
    let mut is_found = vec![false; versions.of_key(key).len()];
    for value in order.iter().copied() {
        let Some(row) = facts.index.find(facts.history, key, value) else {
            facts
                .unjudgeable
                .get_or_insert_with(|| format!("the version order of k{key} has {value}: nobody wrote it"));
            continue;
        };
        let writer = facts.history.owner(row) as u32;
        if facts.history.status(TransactionId(writer)) == Status::Aborted {
            aborted = aborted.or(Some(row as u32));
            continue;
        }
        if let Some(dirty) = aborted.take() {
            let kind = AnomalyKind::DirtyUpdate;
            facts.problems.push(Problem { kind, transaction: writer, row: row as u32, other: Some(dirty) });
        }
        if !facts.index.is_final[row] {
            continue;
        }
        if let Some(version) = versions.of_register(key, writer) {
            let place = version as usize - versions.of_key(key).start;
            if std::mem::replace(&mut is_found[place], true) {
                facts.unjudgeable.get_or_insert_with(|| format!("the version order of k{key} has {value} twice"));
                return;
            }
            versions.edges.push((last, version));
            last = version;
            found += 1;
        }
    }
    if found + 1 != versions.of_key(key).len() {
        let text = format!("the version order of k{key} has not each of its committed versions once");
        facts.unjudgeable.get_or_insert(text);
    }
}
