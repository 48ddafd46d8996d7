//! What is wrong, in words: each dependency in one sentence.

use super::anomaly::AnomalyKind;
use super::facts::{INITIAL, Problem};
use super::graph::{Edge, Kind};
use super::history::{MicroOp, TransactionId};
use super::index::is_write;
use super::verdict::{Dependency, Step};
use super::{Case, Obstacle};
use crate::id::Key;

/// The names of what is in a piece of a history: its numbers in the whole, or its own where there is no list.
#[derive(Clone, Copy, Default)]
pub(super) struct Names<'a> {
    pub(super) transactions: Option<&'a [u32]>,
    pub(super) keys: Option<&'a [u32]>,
}

impl Names<'_> {
    pub(super) fn transaction(&self, number: u32) -> TransactionId {
        TransactionId(self.transactions.map_or(number, |names| names[number as usize]))
    }

    fn key(&self, number: u32) -> Key {
        Key(self.keys.map_or(number, |names| names[number as usize]))
    }
}

/// Speaks about one history.
pub(super) struct Words<'a> {
    pub(super) case: &'a Case<'a>,
    pub(super) names: Names<'a>,
}

impl Words<'_> {
    /// The steps of a cycle. A way through nodes in between is one step.
    pub(super) fn steps(&self, cycle: &[Edge]) -> Vec<Step> {
        let transactions = self.case.facts.history.len() as u32;
        let Some(start) = cycle.iter().position(|edge| edge.from < transactions) else { return Vec::new() };
        let turned: Vec<Edge> = cycle[start..].iter().chain(&cycle[..start]).copied().collect();
        let mut steps = Vec::new();
        let mut at = 0;
        while at < turned.len() {
            let mut end = at;
            while turned[end].to >= transactions && end + 1 < turned.len() {
                end += 1;
            }
            steps.push(self.step(&turned[at], turned[end].to));
            at = end + 1;
        }
        steps
    }

    fn step(&self, edge: &Edge, to: u32) -> Step {
        let (facts, versions) = (&self.case.facts, &self.case.versions);
        let (one, other) = (self.names.transaction(edge.from), self.names.transaction(to));
        let of_read = |about: u32| facts.reads[about as usize].key;
        let (dependency, key, because) = match edge.kind {
            Kind::WriteWrite => {
                let (earlier, later) = versions.edges[edge.about as usize];
                let (earlier, later) = (versions.row[earlier as usize], versions.row[later as usize]);
                let key = facts.history.key_at(later as usize) as u32;
                let because = format!("{other} wrote {} after {one} wrote {}", self.write(later), self.write(earlier));
                (Dependency::WriteWrite, Some(key), because)
            }
            Kind::WriteRead => {
                let key = of_read(edge.about);
                (Dependency::WriteRead, Some(key), format!("{other} read {}, which {one} wrote", self.seen(edge.about)))
            }
            Kind::ReadWrite | Kind::ReadWriteVia => {
                let key = of_read(edge.about);
                let wrote = self.last_write(to, key);
                let because =
                    format!("{one} read {}, and {other} wrote {wrote} after that version", self.seen(edge.about));
                (Dependency::ReadWrite, Some(key), because)
            }
            Kind::Session => {
                let because = format!("{other} came after {one} in their session");
                (Dependency::Session, None, because)
            }
            Kind::RealTime | Kind::RealTimeVia | Kind::Inner => {
                let because = format!("{one} was completed before {other} was asked for");
                (Dependency::RealTime, None, because)
            }
            Kind::Visibility => {
                let key = of_read(edge.about);
                let reader = facts.history.owner(facts.reads[edge.about as usize].row as usize) as u32;
                let reader = self.names.transaction(reader);
                let wrote = self.last_write(edge.from, key);
                let because = format!(
                    "{reader} could see that {one} wrote {wrote}, and yet read {}, which {other} wrote",
                    self.seen(edge.about)
                );
                (Dependency::Visibility, Some(key), because)
            }
        };
        Step { from: one, to: other, dependency, key: key.map(|key| self.names.key(key)), because }
    }

    /// `k0 = v1`, or `k0 += v1`.
    fn write(&self, row: u32) -> String {
        let history = self.case.facts.history;
        let key = self.names.key(history.key_at(row as usize) as u32);
        match history.op(row as usize) {
            MicroOp::Append(_, value) => format!("{key} += {value}"),
            MicroOp::Write(_, value) => format!("{key} = {value}"),
            _ => format!("{key}"),
        }
    }

    fn last_write(&self, transaction: u32, key: u32) -> String {
        let writes = self.case.facts.writes(transaction as usize);
        match writes.binary_search_by_key(&key, |write| write.0) {
            Ok(place) => self.write(writes[place].1),
            Err(_) => format!("{}", self.names.key(key)),
        }
    }

    /// What an external read saw.
    fn seen(&self, place: u32) -> String {
        self.read(self.case.facts.reads[place as usize].row)
    }

    fn read(&self, row: u32) -> String {
        const SHOWN: usize = 8;
        let history = self.case.facts.history;
        let key = self.names.key(history.key_at(row as usize) as u32);
        match history.op(row as usize) {
            MicroOp::Read(_, None) => format!("the initial {key}"),
            MicroOp::Read(_, Some(value)) => format!("{key} = {value}"),
            MicroOp::ReadList(_, list) => {
                let end: Vec<String> =
                    list[list.len().saturating_sub(SHOWN)..].iter().map(|value| value.0.to_string()).collect();
                let start = if list.len() > SHOWN { ".. " } else { "" };
                format!("{key} = [{start}{}]", end.join(" "))
            }
            _ => self.write(row),
        }
    }

    /// Why a cycle is none that an order could have.
    pub(super) fn cycle(&self, steps: &[Step]) -> String {
        let sentences: Vec<&str> = steps.iter().map(|step| step.because.as_str()).collect();
        format!("each must come before the next, around in a circle: {}", sentences.join("; "))
    }

    /// What is wrong with one read or key.
    pub(super) fn problem(&self, problem: &Problem) -> String {
        let history = self.case.facts.history;
        let who = self.names.transaction(problem.transaction);
        let read = self.read(problem.row);
        let owner = |row: u32| self.names.transaction(history.owner(row as usize) as u32);
        let other = problem.other.map(|row| (owner(row), self.read(row)));
        let (by, what) = other.unwrap_or((who, String::new()));
        match problem.kind {
            AnomalyKind::ThinAir => format!("{who} read {read}, and nobody wrote that"),
            AnomalyKind::G1a => format!("{who} read {read}, and {by}, which wrote {what}, was aborted"),
            AnomalyKind::G1b => format!("{who} read {read}, and {by} wrote {what} only on the way to a later version"),
            AnomalyKind::FutureRead => format!("{who} read {read} before it wrote {what} itself"),
            AnomalyKind::Internal => format!("{who} wrote {what} and then read {read}"),
            AnomalyKind::NonRepeatable => format!("{who} read {what} and then {read}, and wrote nothing in between"),
            AnomalyKind::DirtyUpdate => format!("{who} wrote {read} on top of {what}, and {by} was aborted"),
            AnomalyKind::DuplicateElements => format!("{who} read {read}, with an element twice"),
            AnomalyKind::IncompatibleOrder if problem.other.is_some_and(|row| is_write(history.tag(row as usize))) => {
                format!("{who} read {read}, and {by} did {what} before an element of that")
            }
            AnomalyKind::IncompatibleOrder => {
                format!("{who} read {read}, and {by} read {what}: neither is a prefix of the other")
            }
            AnomalyKind::CyclicVersions => {
                let key = self.names.key(history.key_at(problem.row as usize) as u32);
                format!("the versions of {key} would have to come each before the next, around in a circle")
            }
            _ => format!("{who} read {read}"),
        }
    }

    /// Two transactions that read one version and both wrote the key.
    pub(super) fn lost_update(&self, one: u32, other: u32) -> String {
        let facts = &self.case.facts;
        let who = |place: u32| facts.history.owner(facts.reads[place as usize].row as usize) as u32;
        let key = facts.reads[one as usize].key;
        let (first, second) = (who(one), who(other));
        format!(
            "{} and {} both read {}, and wrote {} and {}",
            self.names.transaction(first),
            self.names.transaction(second),
            self.seen(one),
            self.last_write(first, key),
            self.last_write(second, key)
        )
    }

    /// What an obstacle means, and the steps of its cycle.
    pub(super) fn obstacle(&self, obstacle: &Obstacle) -> (String, Vec<Step>) {
        match obstacle {
            Obstacle::Problem(problem) => (self.problem(problem), Vec::new()),
            Obstacle::Cycle(cycle) => {
                let steps = self.steps(cycle);
                (self.cycle(&steps), steps)
            }
            Obstacle::Stale { writer, read } => {
                let facts = &self.case.facts;
                let about = facts.reads[*read as usize];
                let reader = self.names.transaction(facts.history.owner(about.row as usize) as u32);
                let why = format!(
                    "{reader} could see that {} wrote {}, and yet read {}",
                    self.names.transaction(*writer),
                    self.last_write(*writer, about.key),
                    self.read(about.row)
                );
                (why, Vec::new())
            }
            Obstacle::NoOrder => (self.no_order(), Vec::new()),
            Obstacle::Spent(why) | Obstacle::Unjudgeable(why) => (why.clone(), Vec::new()),
        }
    }

    /// Every order was tried: what each of the transactions saw.
    fn no_order(&self) -> String {
        const SHOWN: usize = 12;
        let facts = &self.case.facts;
        let mut seen = Vec::new();
        for transaction in 0..facts.history.len() as u32 {
            for read in facts.reads(transaction as usize) {
                let by = match read.from {
                    INITIAL => String::new(),
                    from => format!(" of {}", self.names.transaction(from)),
                };
                seen.push(format!("{} read {}{by}", self.names.transaction(transaction), self.read(read.row)));
            }
        }
        seen.truncate(SHOWN);
        format!("whichever way their writes are ordered, these cannot all be so: {}", seen.join("; "))
    }
}
