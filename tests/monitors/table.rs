//! What breaks each invariant: steps of which the last does, and none before. Next: `main.rs`, which takes them.

use riftzone::check::monitor::{Invariant, Invariants, Mail, Origin, Seen, Watched};
use riftzone::check::rows::Fracture;
use riftzone::id::{ClientId, GroupId, Key, NodeId, Value};
use riftzone::op::Row;
use riftzone::time::Duration;
use riftzone::trace::{EntryName, Observation, Promise};

use crate::support::after;

pub const K: Key = Key(7);
pub const C: ClientId = ClientId(1);

/// Node `node` of three, which form one group.
pub fn seen(at: u64, node: u16) -> Seen {
    Seen::new(after(at), NodeId(node), GroupId(0), true)
}

/// Three nodes, of which everything is asked.
pub fn watched() -> Invariants {
    let node = |seat: usize| Watched { name: ["a", "b", "c"][seat].into(), group: GroupId(0), seat };
    let mut invariants = Invariants::new(&[node(0), node(1), node(2)]);
    Invariant::ALL.into_iter().for_each(|invariant| invariants.ask(invariant));
    invariants
}

pub fn logged(by: u64, index: u64, epoch: u64, before: u64, value: u64) -> Observation {
    Observation::Logged { by, index, epoch, before, what: EntryName::write(Value(value)) }
}

/// What breaks the invariant at its last step, and at none before.
pub type Steps = Vec<Box<dyn Fn(&mut Invariants)>>;

pub fn observe(at: u64, node: u16, observation: Observation) -> Box<dyn Fn(&mut Invariants)> {
    Box::new(move |invariants| invariants.observed(seen(at, node), &observation))
}

pub fn applied(at: u64, node: u16, value: u64, before: Option<u64>) -> Box<dyn Fn(&mut Invariants)> {
    Box::new(move |invariants| invariants.applied(seen(at, node), K, Value(value), before.map(Value)))
}

/// The same, at a node that does not lead.
pub fn followed(at: u64, node: u16, value: u64, before: Option<u64>) -> Box<dyn Fn(&mut Invariants)> {
    let seen = Seen::new(after(at), NodeId(node), GroupId(0), false);
    Box::new(move |invariants| invariants.applied(seen, K, Value(value), before.map(Value)))
}

pub fn told(at: u64, value: Option<u64>) -> Box<dyn Fn(&mut Invariants)> {
    Box::new(move |invariants| invariants.read(after(at), NodeId(0), C, K, value.map(Value), Origin::Asked))
}

pub fn call(step: impl Fn(&mut Invariants) + 'static) -> Box<dyn Fn(&mut Invariants)> {
    Box::new(step)
}

/// The table: an invariant, and what a broken protocol would do.
pub fn table() -> Vec<(Invariant, &'static str, Steps)> {
    use Observation as O;
    let acknowledged = |at, node, value| call(move |i| i.acknowledged(seen(at, node), K, Value(value)));
    let merged = |at, node, update, held| call(move |i| i.merged(seen(at, node), K, update, Some(Value(held))));
    vec![
        (
            Invariant::ElectionSafety,
            "two leaders in epoch 3",
            vec![call(|i| i.took_office(seen(1, 0), 3, None)), call(|i| i.took_office(seen(2, 1), 3, Some(NodeId(0))))],
        ),
        (
            Invariant::LogMatching,
            "one place, two writes",
            vec![
                observe(1, 0, logged(1, 1, 1, 0, 1)),
                observe(2, 1, logged(1, 1, 1, 0, 1)),
                observe(3, 2, logged(1, 1, 1, 0, 2)),
            ],
        ),
        (
            Invariant::LogMatching,
            "one entry, after entries of different epochs",
            vec![
                observe(1, 0, logged(1, 1, 1, 0, 1)),
                observe(2, 1, logged(2, 1, 2, 0, 2)),
                observe(3, 0, logged(3, 2, 3, 1, 3)),
                observe(4, 1, logged(3, 2, 3, 2, 3)),
            ],
        ),
        (
            Invariant::LeaderCompleteness,
            "a leader with a log that is too short",
            vec![
                observe(1, 0, O::Elected { epoch: 1, index: 0, last: 0 }),
                observe(1, 0, logged(1, 1, 1, 0, 1)),
                observe(2, 0, logged(1, 2, 1, 1, 2)),
                observe(3, 0, O::Committed { index: 2, epoch: 1 }),
                observe(4, 1, O::Elected { epoch: 2, index: 1, last: 1 }),
            ],
        ),
        // Figure 8 of the Raft paper: an entry of an earlier term, committed because a majority has it.
        (
            Invariant::LeaderCompleteness,
            "a leader that replaced what was committed",
            vec![
                observe(1, 0, O::Elected { epoch: 2, index: 0, last: 0 }),
                observe(1, 0, logged(2, 1, 2, 0, 1)),
                observe(2, 1, logged(2, 1, 2, 0, 1)),
                observe(3, 2, O::Elected { epoch: 3, index: 0, last: 0 }),
                observe(3, 2, logged(3, 1, 3, 0, 2)),
                observe(4, 0, O::Elected { epoch: 4, index: 1, last: 2 }),
                observe(5, 0, O::Committed { index: 1, epoch: 2 }),
                observe(6, 2, O::Elected { epoch: 5, index: 1, last: 3 }),
            ],
        ),
        (
            Invariant::LeaderCompleteness,
            "a commit that a later leader lacks",
            vec![
                observe(1, 0, logged(1, 1, 1, 0, 1)),
                observe(2, 1, O::Elected { epoch: 2, index: 0, last: 0 }),
                observe(3, 0, O::Committed { index: 1, epoch: 1 }),
            ],
        ),
        (
            Invariant::StateMachineSafety,
            "two entries applied at one index",
            vec![
                observe(1, 0, logged(1, 1, 1, 0, 1)),
                observe(2, 1, logged(2, 1, 2, 0, 2)),
                observe(3, 0, O::Committed { index: 1, epoch: 1 }),
                observe(4, 1, O::Committed { index: 1, epoch: 2 }),
            ],
        ),
        (
            Invariant::StateMachineSafety,
            "another entry below",
            vec![
                observe(1, 0, logged(1, 1, 1, 0, 1)),
                observe(2, 0, O::Committed { index: 1, epoch: 1 }),
                observe(3, 1, logged(2, 1, 2, 0, 2)),
                observe(4, 1, logged(2, 2, 2, 2, 3)),
                observe(5, 1, O::Committed { index: 2, epoch: 2 }),
            ],
        ),
        (
            Invariant::VoteMonotone,
            "two votes in one epoch",
            vec![
                observe(1, 2, O::Voted { epoch: 4, candidate: NodeId(0) }),
                call(|i| i.crashed(GroupId(0), NodeId(2))),
                observe(2, 2, O::Voted { epoch: 4, candidate: NodeId(1) }),
            ],
        ),
        (
            Invariant::VoteMonotone,
            "a restart in an earlier epoch",
            vec![
                observe(1, 2, O::Entered { epoch: 4 }),
                call(|i| i.crashed(GroupId(0), NodeId(2))),
                observe(2, 2, O::Entered { epoch: 3 }),
            ],
        ),
        (
            Invariant::Fencing,
            "an entry from a leader of an earlier epoch",
            vec![observe(1, 1, O::Entered { epoch: 2 }), observe(2, 1, logged(1, 1, 1, 0, 1))],
        ),
        (
            Invariant::LeaseExclusivity,
            "two leases at once",
            vec![
                observe(0, 0, O::Leased { epoch: 1, lasts: Duration::millis(100) }),
                observe(50, 0, O::Leased { epoch: 1, lasts: Duration::millis(100) }),
                observe(149, 1, O::Leased { epoch: 2, lasts: Duration::millis(100) }),
            ],
        ),
        (
            Invariant::DualServing,
            "two leaders acknowledge",
            vec![
                call(|i| i.overlapped(after(1), Some(NodeId(0)), Duration::ZERO)),
                call(|i| i.overlapped(after(2), Some(NodeId(1)), Duration::millis(1))),
            ],
        ),
        (
            Invariant::ConflictingAcks,
            "two writes over one version",
            vec![
                applied(1, 0, 1, None),
                applied(2, 0, 2, Some(1)),
                acknowledged(3, 0, 2),
                applied(4, 1, 1, None),
                applied(5, 1, 3, Some(1)),
                acknowledged(6, 1, 3),
            ],
        ),
        (
            Invariant::DivergentBranches,
            "the only copy is rolled back",
            vec![
                observe(1, 0, logged(1, 1, 1, 0, 1)),
                call(|i| i.acknowledged(seen(2, 0), K, Value(1))),
                call(|i| i.rolled_back(seen(3, 0), Value(1))),
            ],
        ),
        (Invariant::AckedWriteLost, "it is gone", vec![call(|i| i.lost(after(9), || "one is gone".into()))]),
        (
            Invariant::DurabilityContract,
            "one copy of two",
            vec![
                observe(0, 0, O::Promised(Promise::Copies(2))),
                observe(1, 0, O::Stored { value: Value(1) }),
                observe(2, 1, O::Stored { value: Value(1) }),
                acknowledged(3, 0, 1),
                observe(4, 0, O::Stored { value: Value(2) }),
                observe(5, 0, O::Stored { value: Value(2) }),
                acknowledged(6, 0, 2),
            ],
        ),
        (
            Invariant::NoResurrection,
            "an old version comes back",
            vec![
                applied(1, 0, 1, None),
                applied(2, 0, 2, Some(1)),
                applied(3, 0, 3, Some(2)),
                followed(4, 1, 3, None),
                followed(5, 1, 1, Some(3)),
            ],
        ),
        (
            Invariant::NoResurrection,
            "an old version comes back in a later epoch, which ordered nothing of it",
            vec![
                observe(1, 0, logged(1, 1, 1, 0, 1)),
                applied(1, 0, 1, None),
                observe(2, 0, logged(1, 2, 1, 1, 2)),
                applied(2, 0, 2, Some(1)),
                followed(3, 1, 2, None),
                observe(4, 1, logged(2, 3, 2, 1, 1)),
                followed(4, 1, 1, Some(2)),
            ],
        ),
        (
            Invariant::ExactlyOnce,
            "a retry is applied",
            vec![
                applied(1, 0, 1, None),
                applied(2, 1, 1, None),
                call(|i| i.crashed(GroupId(0), NodeId(1))),
                applied(3, 1, 1, None),
                applied(4, 0, 2, Some(1)),
                applied(5, 0, 1, Some(2)),
            ],
        ),
        (
            Invariant::ThinAir,
            "a value of nobody's",
            vec![
                call(|i| i.read(after(1), NodeId(0), C, K, None, Origin::Asked)),
                call(|i| i.read(after(2), NodeId(0), C, K, Some(Value(9)), Origin::Nowhere)),
            ],
        ),
        (
            Invariant::ThinAir,
            "a value whose write had failed",
            vec![call(|i| i.read(after(1), NodeId(0), C, K, Some(Value(9)), Origin::Failed))],
        ),
        (
            Invariant::Session,
            "a client reads an earlier version",
            vec![applied(1, 0, 1, None), applied(2, 0, 2, Some(1)), told(3, Some(2)), told(4, Some(1))],
        ),
        (
            Invariant::Session,
            "a client does not read its own write",
            vec![applied(1, 0, 1, None), call(|i| i.told(after(2), NodeId(0), C, K, Some(Value(1)))), told(3, None)],
        ),
        (
            Invariant::CausalDelivery,
            "an answer before its question",
            vec![
                observe(1, 0, O::Delivered { origin: NodeId(0), number: 1 }),
                observe(2, 1, O::Delivered { origin: NodeId(0), number: 1 }),
                observe(3, 1, O::Delivered { origin: NodeId(1), number: 1 }),
                observe(4, 0, O::Delivered { origin: NodeId(1), number: 1 }),
                observe(5, 2, O::Delivered { origin: NodeId(1), number: 1 }),
            ],
        ),
        (
            Invariant::CausalDelivery,
            "the second write first",
            vec![
                observe(1, 0, O::Delivered { origin: NodeId(0), number: 1 }),
                observe(2, 0, O::Delivered { origin: NodeId(0), number: 2 }),
                observe(3, 1, O::Delivered { origin: NodeId(0), number: 2 }),
            ],
        ),
        (
            Invariant::CausalDelivery,
            "a restart that forgot the question",
            vec![
                observe(1, 0, O::Delivered { origin: NodeId(0), number: 1 }),
                observe(2, 1, O::Delivered { origin: NodeId(0), number: 1 }),
                observe(3, 1, O::Delivered { origin: NodeId(1), number: 1 }),
                observe(4, 1, O::Delivered { origin: NodeId(1), number: 2 }),
                observe(5, 2, O::Delivered { origin: NodeId(0), number: 1 }),
                call(|i| i.crashed(GroupId(0), NodeId(2))),
                observe(6, 2, O::Recovered { origin: NodeId(1), number: 1 }),
                observe(7, 2, O::Delivered { origin: NodeId(1), number: 2 }),
            ],
        ),
        (
            Invariant::StrongConvergence,
            "the order of arrival decides",
            vec![merged(1, 0, 11, 1), merged(2, 0, 22, 2), merged(3, 1, 22, 2), merged(4, 1, 11, 1)],
        ),
        (
            Invariant::CounterBound,
            "what one region has is sold in two",
            vec![
                call(|i| i.held(after(0), NodeId(0), K, -1)),
                observe(1, 0, O::Promised(Promise::AtLeast(0))),
                call(|i| i.counted(after(2), NodeId(0), C, K, 0, &(-1..=2))),
                call(|i| i.counted(after(3), NodeId(1), C, K, -1, &(-1..=2))),
            ],
        ),
        (
            Invariant::AtomicVisibility,
            "a part of a put without the rest",
            vec![
                observe(1, 0, O::Promised(Promise::WholePuts)),
                call(|i| i.fractured(after(2), NodeId(1), C, Row::default(), half_a_put())),
            ],
        ),
        (
            Invariant::NoLongFork,
            "two puts in opposite orders",
            vec![
                observe(1, 0, O::Promised(Promise::OneOrder)),
                call(|i| i.forked(after(2), NodeId(1), C, K, Row::default())),
            ],
        ),
        (
            Invariant::BoundedStaleness,
            "a copy shows what it had a minute ago",
            vec![
                call(|i| i.was_stale(after(0), NodeId(0), K, Duration::secs(60))),
                observe(1, 0, O::Promised(Promise::FreshWithin(Duration::secs(5)))),
                call(|i| i.was_stale(after(2), NodeId(0), K, Duration::secs(5))),
                call(|i| i.was_stale(after(3), NodeId(1), K, Duration::nanos(5_000_000_001))),
            ],
        ),
        (
            Invariant::LivenessAfterHeal,
            "no write is answered",
            vec![
                observe(0, 0, O::Promised(Promise::WritesWithin(Duration::millis(100)))),
                call(|i| i.healed(after(0))),
                call(|i| i.answered(after(10))),
                call(|i| i.unanswered(after(500), after(600))),
                call(|i| i.broke()),
                call(|i| i.unanswered(after(700), after(800))),
                call(|i| i.healed(after(900))),
                call(|i| i.unanswered(after(999), after(1_100))),
                call(|i| i.unanswered(after(1_000), after(1_101))),
            ],
        ),
        (
            Invariant::MessageConservation,
            "a message vanishes",
            vec![
                call(|i| i.mail(after(1), Mail { sent: 6, delivered: 3, lost: 2, left: 1 })),
                call(|i| i.mail(after(2), Mail { sent: 7, delivered: 3, lost: 2, left: 1 })),
            ],
        ),
        (Invariant::TimeCausality, "an event before the last", vec![call(|i| i.went_back(after(2), after(1)))]),
        (
            Invariant::TimeCausality,
            "a message is faster than its link",
            vec![call(|i| i.outran(after(1), 0)), call(|i| i.outran(after(1), 1))],
        ),
    ]
}

/// The second column is not there.
pub fn half_a_put() -> Fracture {
    Fracture { shown: (K.cell(0), Value(1)), beside: (K.cell(1), None) }
}
