//! Who read what from whom: the facts that a history states by itself, whatever the level.
//!
//! A value names its write, so every read names the transaction that it read from. A read after the transaction's own
//! write of that key is about the transaction itself, and must show just that; every other read is *external*. Of a
//! list that was read after own appends, the part before them is external.
//!
//! A transaction of unknown outcome is *alive*, as every committed one, iff a committed one saw it, or the store's own
//! version order has it. Leaving out those that nobody saw loses nothing: without them every order that a level asks
//! for stays one. Next: `versions.rs`, the order of the versions of a key.

use super::anomaly::AnomalyKind;
use super::history::{Status, Tag, Transactions};
use super::index::{WriteIndex, is_write};

/// In the place of a transaction: the initial state of the store.
pub(super) const INITIAL: u32 = u32::MAX;
/// In the place of a row: there is none.
pub(super) const NO_ROW: u32 = u32::MAX;

/// An external read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) row: u32,
    pub(super) key: u32,
    /// The transaction whose version it saw, or [`INITIAL`].
    pub(super) from: u32,
    /// That version; see `versions.rs`.
    pub(super) version: u32,
}

/// Something that is wrong with one read, or one key, whatever the order of the versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) kind: AnomalyKind,
    pub(super) transaction: u32,
    /// The read.
    pub(super) row: u32,
    /// The other one in it: a write, or another read.
    pub(super) other: Option<u32>,
}

/// The facts of a history.
pub(super) struct Facts<'h> {
    pub(super) history: &'h Transactions,
    pub(super) index: WriteIndex,
    /// By row of a write: the one before it of the same transaction and key, or [`NO_ROW`].
    pub(super) earlier: Vec<u32>,
    pub(super) alive: Vec<bool>,
    pub(super) reads: Vec<Read>,
    pub(super) reads_first: Vec<u32>,
    /// By transaction: the keys that it wrote, ascending, each with its last write. Empty where it is not alive.
    pub(super) writes: Vec<(u32, u32)>,
    pub(super) writes_first: Vec<u32>,
    pub(super) problems: Vec<Problem>,
    /// What keeps the history from being judged at all.
    pub(super) unjudgeable: Option<String>,
    /// By key: the row of the longest list read and the length of its external part.
    pub(super) longest: Vec<Option<(u32, u32)>>,
    /// By row of a read of a list: the length of its external part.
    pub(super) external: Vec<(u32, u32)>,
    /// By key: whether it is a list.
    pub(super) is_list: Vec<bool>,
}

impl<'h> Facts<'h> {
    /// `O(n)` expected, and `O(n log n)` for transactions that write many keys.
    pub(super) fn new(history: &'h Transactions) -> Facts<'h> {
        let mut facts = Facts {
            history,
            index: WriteIndex::new(history),
            earlier: vec![NO_ROW; history.micro_ops()],
            alive: history.ids().map(|id| history.status(id) == Status::Committed).collect(),
            reads: Vec::new(),
            reads_first: Vec::with_capacity(history.len() + 1),
            writes: Vec::new(),
            writes_first: Vec::with_capacity(history.len() + 1),
            problems: Vec::new(),
            unjudgeable: None,
            longest: vec![None; history.keys()],
            external: Vec::new(),
            is_list: vec![false; history.keys()],
        };
        facts.kinds();
        facts.read_all();
        facts.revive();
        facts.write_all();
        facts
    }

    pub(super) fn reads(&self, transaction: usize) -> &[Read] {
        &self.reads[self.reads_first[transaction] as usize..self.reads_first[transaction + 1] as usize]
    }

    pub(super) fn writes(&self, transaction: usize) -> &[(u32, u32)] {
        &self.writes[self.writes_first[transaction] as usize..self.writes_first[transaction + 1] as usize]
    }

    pub(super) fn has_written(&self, transaction: usize, key: u32) -> bool {
        self.writes(transaction).binary_search_by_key(&key, |write| write.0).is_ok()
    }

    /// The elements of a list in the order of its versions: as the store gave it, or else the longest that was read.
    pub(super) fn list_order(&self, key: usize) -> &[crate::id::Value] {
        match (self.history.version_order(crate::id::Key(key as u32)), self.longest[key]) {
            (Some(order), _) => order,
            (None, Some((row, length))) => &self.history.list_at(row as usize)[..length as usize],
            (None, None) => &[],
        }
    }

    /// Which keys are lists. A key that is both is nothing that can be judged.
    fn kinds(&mut self) {
        const LIST: u8 = 1;
        const REGISTER: u8 = 2;
        let mut kinds = vec![0; self.history.keys()];
        for row in 0..self.history.micro_ops() {
            let is_list = matches!(self.history.tag(row), Tag::Append | Tag::ReadList);
            kinds[self.history.key_at(row)] |= if is_list { LIST } else { REGISTER };
        }
        for (key, kind) in kinds.into_iter().enumerate() {
            self.is_list[key] = kind & LIST != 0;
            if kind == LIST | REGISTER {
                self.unjudgeable = Some(format!("k{key} is used both as a register and as a list"));
            }
        }
    }

    /// Every read of every committed transaction.
    fn read_all(&mut self) {
        let history = self.history;
        let never = (u32::MAX, 0);
        let mut last: Vec<(u32, u32)> = vec![never; history.keys()];
        let mut seen: Vec<(u32, u32)> = vec![never; history.keys()];
        for transaction in 0..history.len() {
            self.reads_first.push(self.reads.len() as u32);
            let me = transaction as u32;
            let committed = self.alive[transaction] && history.status(super::TransactionId(me)) == Status::Committed;
            for row in history.rows(transaction) {
                let key = history.key_at(row);
                let own = (last[key].0 == me).then_some(last[key].1);
                match history.tag(row) {
                    Tag::Write | Tag::Append => {
                        self.earlier[row] = own.unwrap_or(NO_ROW);
                        last[key] = (me, row as u32);
                    }
                    _ if !committed => {}
                    Tag::ReadList => self.read_list(me, row, own, &mut seen[key]),
                    _ => self.read_register(me, row, own, &mut seen[key]),
                }
            }
        }
        self.reads_first.push(self.reads.len() as u32);
    }

    fn problem(&mut self, kind: AnomalyKind, transaction: u32, row: usize, other: Option<u32>) {
        self.problems.push(Problem { kind, transaction, row: row as u32, other });
    }

    fn read_register(&mut self, me: u32, row: usize, own: Option<u32>, seen: &mut (u32, u32)) {
        let history = self.history;
        let (key, value) = (history.key_at(row), history.value_at(row));
        let initial = history.tag(row) == Tag::ReadInitial;
        if let Some(own) = own {
            if initial || history.value_at(own as usize) != value {
                self.see(key, if initial { &[] } else { std::slice::from_ref(&value) });
                self.problem(AnomalyKind::Internal, me, row, Some(own));
            }
            return;
        }
        if seen.0 == me {
            let before = seen.1 as usize;
            if (history.tag(before), history.value_at(before)) != (history.tag(row), value) {
                self.problem(AnomalyKind::NonRepeatable, me, row, Some(seen.1));
            }
        } else {
            *seen = (me, row as u32);
        }
        let from = if initial { Some(INITIAL) } else { self.source(me, row, key, value) };
        if let Some(from) = from {
            self.reads.push(Read { row: row as u32, key: key as u32, from, version: 0 });
        }
    }

    /// The transaction that wrote what a register read shows, where one may have.
    fn source(&mut self, me: u32, row: usize, key: usize, value: crate::id::Value) -> Option<u32> {
        let Some(write) = self.index.find(self.history, key, value) else {
            self.problem(AnomalyKind::ThinAir, me, row, None);
            return None;
        };
        if self.index.ambiguous[write] {
            self.unjudgeable
                .get_or_insert_with(|| format!("two transactions wrote {value} to k{key}, and it was read"));
            return None;
        }
        let from = self.history.owner(write) as u32;
        let other = Some(write as u32);
        if from == me {
            self.problem(AnomalyKind::FutureRead, me, row, other);
            return None;
        }
        match self.history.status(super::TransactionId(from)) {
            Status::Aborted => {
                self.problem(AnomalyKind::G1a, me, row, other);
                return None;
            }
            Status::Unknown => self.alive[from as usize] = true,
            Status::Committed => {}
        }
        if !self.index.is_final[write] {
            self.problem(AnomalyKind::G1b, me, row, other);
        }
        Some(from)
    }

    /// Takes the own appends off the end of a list that was read; the version is found once all lists are known.
    fn read_list(&mut self, me: u32, row: usize, own: Option<u32>, seen: &mut (u32, u32)) {
        let history = self.history;
        let key = history.key_at(row);
        let mut external = history.list_at(row);
        let mut next = own;
        while let Some(append) = next {
            match external.split_last() {
                Some((last, rest)) if *last == history.value_at(append as usize) => external = rest,
                _ => {
                    self.see(key, history.list_at(row));
                    return self.problem(AnomalyKind::Internal, me, row, own);
                }
            }
            next = Some(self.earlier[append as usize]).filter(|row| *row != NO_ROW);
        }
        if seen.0 == me {
            let before = self.external[self.external.partition_point(|(other, _)| *other < seen.1)];
            if &history.list_at(before.0 as usize)[..before.1 as usize] != external {
                self.problem(AnomalyKind::NonRepeatable, me, row, Some(seen.1));
            }
        } else {
            *seen = (me, row as u32);
        }
        let length = external.len() as u32;
        self.external.push((row as u32, length));
        let longest =
            self.longest[key].map_or(&[][..], |(row, length)| &history.list_at(row as usize)[..length as usize]);
        let shared = longest.len().min(external.len());
        if longest[..shared] != external[..shared] {
            self.see(key, longest);
            self.see(key, external);
        }
        if self.longest[key].is_none_or(|(_, longest)| longest < length) {
            self.longest[key] = Some((row as u32, length));
        }
        self.reads.push(Read { row: row as u32, key: key as u32, from: INITIAL, version: length });
    }

    /// Somebody saw these: what wrote them has committed, if nobody knew.
    fn see(&mut self, key: usize, values: &[crate::id::Value]) {
        for row in values.iter().filter_map(|value| self.index.find(self.history, key, *value)) {
            let writer = self.history.owner(row);
            if self.history.status(super::TransactionId(writer as u32)) == Status::Unknown {
                self.alive[writer] = true;
            }
        }
    }

    /// Transactions of unknown outcome that the longest list, or the store, shows. What shorter lists show it has too,
    /// or it was seen when it was found that they do not agree.
    fn revive(&mut self) {
        let history = self.history;
        for key in 0..history.keys() {
            let given = history.version_order(crate::id::Key(key as u32)).is_some();
            if !given && !self.is_list[key] {
                continue;
            }
            let order: Vec<_> = self.list_order(key).to_vec();
            self.see(key, &order);
            if let (true, Some((row, length))) = (given, self.longest[key]) {
                self.see(key, &history.list_at(row as usize)[..length as usize]);
            }
        }
    }

    fn write_all(&mut self) {
        let history = self.history;
        for transaction in 0..history.len() {
            let first = self.writes.len();
            self.writes_first.push(first as u32);
            if !self.alive[transaction] {
                continue;
            }
            let rows = history.rows(transaction);
            let rows = rows.filter(|row| is_write(history.tag(*row)) && self.index.is_final[*row]);
            self.writes.extend(rows.map(|row| (history.key_at(row) as u32, row as u32)));
            self.writes[first..].sort_unstable();
        }
        self.writes_first.push(self.writes.len() as u32);
    }
}
