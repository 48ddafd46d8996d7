//! Prefix consistency, snapshot isolation and serializability, with a schedule as the certificate.
//!
//! A schedule says when each transaction takes its snapshot (its *begin*) and when it commits. Draw a node for each
//! begin and each commit, an edge from begin to commit, and for a dependency from `a` to `b`:
//!
//! | | from | to |
//! |---|---|---|
//! | wr, session, real time | commit of `a` | begin of `b` |
//! | rw | begin of `a` | commit of `b` |
//! | ww, snapshot isolation | commit of `a` | begin of `b`, for the first to commit wins |
//! | ww, prefix consistency | commit of `a` | commit of `b` |
//!
//! Where the order of the versions is known, a schedule exists iff this graph has no cycle: `(ww + wr); rw?` acyclic is
//! just that (Cerone & Gotsman, *Analysing Snapshot Isolation*, PODC 2016). For serializability begin and commit are
//! one node. A topological order is a schedule, and it is replayed micro-operation by micro-operation. Where the order
//! of the versions is known in part only, such an order may still replay; if not, `search.rs` looks for one that does.

use super::graph::{ALL, Edge, Graph, Kind, Mask, REAL_TIME, RW, SESSION, WR, WW};
use super::level::Level;
use super::search::{self, Meter};
use super::{Case, Obstacle, TransactionId, certificate, saturate};
use crate::check::transactions::Status;

/// A moment of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    Begin(u32),
    Commit(u32),
}

/// The nodes of the graph of a level, and where they came from.
pub(super) struct Plan {
    pub(super) level: Level,
    transactions: usize,
    pub(super) nodes: usize,
    /// Their `about` is the place of the dependency that they came from, or `u32::MAX`.
    pub(super) edges: Vec<Edge>,
}

impl Plan {
    pub(super) fn new(case: &Case, level: Level) -> Plan {
        let transactions = case.facts.history.len();
        let nodes = case.dependencies.nodes + if level.is_serial() { 0 } else { transactions };
        let mut plan = Plan { level, transactions, nodes, edges: Vec::new() };
        let mask = mask(level);
        let all = case.dependencies.edges.iter().enumerate();
        for (place, edge) in all.filter(|(_, edge)| edge.kind.bit() & mask != 0) {
            plan.edges.push(plan.place(edge, place as u32));
        }
        if !level.is_serial() {
            let inner = (0..transactions as u32).map(|one| plan.edge(plan.begin(one), plan.commit(one), Kind::Inner));
            let inner: Vec<Edge> = inner.collect();
            plan.edges.extend(inner);
        }
        plan
    }

    /// The node of a transaction's begin.
    pub(super) fn begin(&self, transaction: u32) -> u32 {
        if self.level.is_serial() || transaction as usize >= self.transactions {
            transaction
        } else {
            (self.nodes - self.transactions) as u32 + transaction
        }
    }

    /// The node of its commit.
    pub(super) fn commit(&self, transaction: u32) -> u32 {
        transaction
    }

    pub(super) fn edge(&self, from: u32, to: u32, kind: Kind) -> Edge {
        Edge { from, to, kind, about: u32::MAX }
    }

    fn place(&self, edge: &Edge, about: u32) -> Edge {
        let from = if edge.kind == Kind::ReadWrite { self.begin(edge.from) } else { edge.from };
        let to_commit = match edge.kind {
            Kind::ReadWrite | Kind::ReadWriteVia => true,
            Kind::WriteWrite => self.level == Level::Prefix,
            _ => false,
        };
        let to = if to_commit { edge.to } else { self.begin(edge.to) };
        Edge { from, to, kind: edge.kind, about }
    }

    /// What a node means; none for nodes in between.
    fn moments(&self, node: u32) -> [Option<Moment>; 2] {
        let at = node as usize;
        if at < self.transactions {
            let begin = self.level.is_serial().then_some(Moment::Begin(node));
            return [begin, Some(Moment::Commit(node))];
        }
        let begins = self.nodes - self.transactions;
        if self.level.is_serial() || at < begins {
            [None, None]
        } else {
            [Some(Moment::Begin((at - begins) as u32)), None]
        }
    }

    /// The schedule that an order of the nodes means, of the transactions that are alive.
    pub(super) fn schedule(&self, case: &Case, order: &[u32]) -> Vec<Moment> {
        let moments = order.iter().flat_map(|node| self.moments(*node)).flatten();
        moments.filter(|(Moment::Begin(one) | Moment::Commit(one))| case.facts.alive[*one as usize]).collect()
    }
}

/// The dependencies that a level asks for.
pub(super) fn mask(level: Level) -> Mask {
    let sessions = if level.has_sessions() { SESSION } else { 0 };
    let real_time = if level.has_real_time() { REAL_TIME } else { 0 };
    WW | WR | RW | sessions | real_time
}

/// Whether the level holds.
pub(super) fn decide(case: &Case, level: Level, meter: &mut Meter) -> Result<(), Obstacle> {
    if level.has_real_time() && !case.facts.history.is_timed() {
        return Err(Obstacle::Unjudgeable("the history has no times".into()));
    }
    let mut plan = Plan::new(case, level);
    let graph = Graph::new(plan.nodes, &plan.edges);
    let ranks = ranks(case, &plan);
    let Some(order) = graph.order(ALL, |node| ranks[node as usize]) else {
        let cycle = graph.short_cycle(ALL, meter).unwrap_or_default();
        let original = |edge: &Edge| case.dependencies.edges.get(edge.about as usize).copied();
        return Err(Obstacle::Cycle(cycle.iter().filter_map(original).collect()));
    };
    let schedule = plan.schedule(case, &order);
    let Err(wrong) = certificate::replay(case, level, &schedule) else { return Ok(()) };
    if is_complete(case, level) {
        return Err(Obstacle::error(wrong));
    }
    if !saturate::saturate(case, &mut plan, meter) {
        return Err(Obstacle::NoOrder);
    }
    let order = search::search(case, &plan, &ranks, meter)?;
    let schedule = plan.schedule(case, &order);
    certificate::replay(case, level, &schedule).map_err(Obstacle::error)
}

/// Whether the graph has all that the level asks for, so that any order of it must replay.
fn is_complete(case: &Case, level: Level) -> bool {
    let conflicts = !level.is_serial() && level != Level::Prefix;
    let keys = 0..case.facts.history.keys();
    keys.into_iter().all(|key| case.versions.total[key] || (case.facts.is_list[key] && !conflicts))
}

/// When a node would come if nothing stood against it: at the transaction's own times, or where there are none, after
/// as many others as its session has had.
fn ranks(case: &Case, plan: &Plan) -> Vec<u64> {
    let history = case.facts.history;
    let mut ranks = vec![0; plan.nodes];
    let mut counts = vec![0_u64; history.sessions()];
    for id in history.ids() {
        let count = &mut counts[history.session(id).0 as usize];
        *count += 1;
        let (begin, commit) = match (history.is_timed(), history.status(id)) {
            (true, Status::Unknown) => (history.invoked(id).as_nanos(), history.invoked(id).as_nanos()),
            (true, _) => (history.invoked(id).as_nanos(), history.completed(id).as_nanos()),
            (false, _) => (*count, *count),
        };
        let TransactionId(number) = id;
        ranks[plan.begin(number) as usize] = begin;
        ranks[plan.commit(number) as usize] = commit;
    }
    ranks
}
