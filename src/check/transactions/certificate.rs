//! The replay of certificates, which knows nothing of graphs: of a schedule, by a store that is run one micro-operation
//! after the other; of a commit order, by the places of its transactions.

use super::Case;
use super::exact::Moment;
use super::facts::INITIAL;
use super::history::{MicroOp, Status, TransactionId};
use super::level::Level;
use crate::id::Value;

/// Runs the schedule: every read shows the snapshot and the transaction's own writes, and sessions, real time, the
/// known order of versions and, where the level asks for it, the rule that the first to commit wins are kept.
///
/// # Errors
/// What went otherwise.
pub(super) fn replay(case: &Case, level: Level, schedule: &[Moment]) -> Result<(), String> {
    let history = case.facts.history;
    let alive = case.facts.alive.iter().filter(|alive| **alive).count();
    let mut store = Store {
        registers: vec![None; history.keys()],
        lists: vec![Vec::new(); history.keys()],
        committed: vec![0; history.keys()],
    };
    let mut begun = vec![0_u32; history.len()];
    let mut done = vec![0_u32; history.len()];
    let mut total = 0;
    for (place, moment) in schedule.iter().enumerate() {
        let now = place as u32 + 1;
        match *moment {
            Moment::Begin(transaction) => {
                begun[transaction as usize] = now;
                store.read(case, transaction)?;
            }
            Moment::Commit(transaction) => {
                let begin = begun[transaction as usize];
                if begin == 0 || done[transaction as usize] != 0 {
                    return Err(format!("t{transaction} commits out of turn"));
                }
                done[transaction as usize] = now;
                total += 1;
                let first_wins = level != Level::Prefix;
                store.commit(case, transaction, begin, now, first_wins)?;
            }
        }
    }
    if total != alive || schedule.len() != 2 * alive {
        return Err("a transaction is left out".to_string());
    }
    if level.is_serial()
        && schedule.chunks(2).any(|pair| !matches!(pair, [Moment::Begin(a), Moment::Commit(b)] if a == b))
    {
        return Err("transactions overlap".to_string());
    }
    for (earlier, later) in &case.versions.edges {
        let (from, to) = (case.versions.writer[*earlier as usize], case.versions.writer[*later as usize]);
        if from != INITIAL && to != INITIAL && from != to && done[from as usize] > done[to as usize] {
            return Err(format!("the versions of t{from} and t{to} are in the wrong order"));
        }
    }
    outside(case, level, &begun, &done)
}

/// Whether a commit order has each transaction once, and those that a transaction read from, the writers of older
/// versions and, where the level has sessions, the earlier of its session before it. Gives the place of each. `O(n)`.
///
/// # Errors
/// What it has otherwise.
pub(super) fn follow(case: &Case, level: Level, order: &[u32]) -> Result<Vec<u32>, String> {
    let (facts, versions) = (&case.facts, &case.versions);
    let mut place_of = vec![u32::MAX; facts.history.len()];
    for (place, transaction) in order.iter().enumerate() {
        let before = std::mem::replace(&mut place_of[*transaction as usize], place as u32);
        if before != u32::MAX {
            return Err(format!("t{transaction} comes twice"));
        }
    }
    if order.len() != facts.history.len() {
        return Err("a transaction is left out".to_string());
    }
    let is_before = |one: u32, other: u32| {
        let is_free = one == INITIAL || other == INITIAL || one == other;
        is_free || place_of[one as usize] < place_of[other as usize]
    };
    for (earlier, later) in &versions.edges {
        if !is_before(versions.writer[*earlier as usize], versions.writer[*later as usize]) {
            return Err("two versions are in the wrong order".to_string());
        }
    }
    if level == Level::ReadUncommitted {
        return Ok(place_of);
    }
    for reader in 0..facts.history.len() {
        if !facts.reads(reader).iter().all(|read| is_before(read.from, reader as u32)) {
            return Err(format!("t{reader} comes before one that it read from"));
        }
    }
    let mut last = vec![INITIAL; facts.history.sessions()];
    for id in facts.history.ids().filter(|id| level.has_sessions() && facts.alive[id.index()]) {
        let before = std::mem::replace(&mut last[facts.history.session(id).0 as usize], id.0);
        if !is_before(before, id.0) {
            return Err(format!("{id} is out of its session's order"));
        }
    }
    Ok(place_of)
}

struct Store {
    registers: Vec<Option<Value>>,
    lists: Vec<Vec<Value>>,
    /// By key: when it was last written.
    committed: Vec<u32>,
}

impl Store {
    fn read(&self, case: &Case, transaction: u32) -> Result<(), String> {
        let (history, id) = (case.facts.history, TransactionId(transaction));
        if history.status(id) != Status::Committed {
            return Ok(());
        }
        let mut own: Vec<(usize, Value)> = Vec::new();
        let mut local: std::collections::BTreeMap<usize, usize> = std::collections::BTreeMap::new();
        for op in history.ops(id) {
            let key = op.key().index();
            let fits = match op {
                MicroOp::Write(_, value) | MicroOp::Append(_, value) => {
                    local.insert(key, own.len());
                    own.push((key, value));
                    true
                }
                MicroOp::Read(_, seen) => match local.get(&key) {
                    Some(last) => seen == Some(own[*last].1),
                    None => seen == self.registers[key],
                },
                MicroOp::ReadList(_, seen) if !local.contains_key(&key) => seen == self.lists[key],
                MicroOp::ReadList(_, seen) => {
                    let mine = own.iter().filter(|(other, _)| *other == key).map(|(_, value)| *value);
                    let shared = self.lists[key].len().min(seen.len());
                    seen[..shared] == self.lists[key][..] && seen[shared..].iter().copied().eq(mine)
                }
            };
            if !fits {
                return Err(format!("{id} cannot have read k{key} so"));
            }
        }
        Ok(())
    }

    fn commit(&mut self, case: &Case, transaction: u32, begin: u32, now: u32, first_wins: bool) -> Result<(), String> {
        let facts = &case.facts;
        for (key, _) in facts.writes(transaction as usize) {
            let committed = std::mem::replace(&mut self.committed[*key as usize], now);
            if first_wins && committed > begin {
                return Err(format!("t{transaction} and another wrote k{key} at the same time"));
            }
        }
        for op in facts.history.ops(TransactionId(transaction)) {
            match op {
                MicroOp::Write(key, value) => self.registers[key.index()] = Some(value),
                MicroOp::Append(key, value) => self.lists[key.index()].push(value),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Sessions and real time.
fn outside(case: &Case, level: Level, begun: &[u32], done: &[u32]) -> Result<(), String> {
    let (history, alive) = (case.facts.history, &case.facts.alive);
    if level.has_sessions() {
        let mut last = vec![0; history.sessions()];
        for id in history.ids().filter(|id| alive[id.index()]) {
            let before = std::mem::replace(&mut last[history.session(id).0 as usize], done[id.index()]);
            if before > begun[id.index()] {
                return Err(format!("{id} is out of its session's order"));
            }
        }
    }
    if level.has_real_time() {
        let mut ends: Vec<(u64, u32)> = Vec::new();
        let mut starts: Vec<(u64, u32)> = Vec::new();
        for id in history.ids().filter(|id| alive[id.index()]) {
            ends.push((history.completed(id).as_nanos(), done[id.index()]));
            starts.push((history.invoked(id).as_nanos(), begun[id.index()]));
        }
        ends.sort_unstable();
        starts.sort_unstable();
        let (mut ended, mut latest) = (ends.into_iter().peekable(), 0);
        for (start, begin) in starts {
            while let Some((_, commit)) = ended.next_if(|(end, _)| *end < start) {
                latest = latest.max(commit);
            }
            if latest > begin {
                return Err("real time is not kept".to_string());
            }
        }
    }
    Ok(())
}
