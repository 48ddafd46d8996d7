//! Every invariant is caught firing: by observations in an order that only a broken protocol makes, each of which breaks that
//! one and no other, and by protocols that are broken on purpose, in a world. The protocols of the zoo break none.

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use riftzone::check::monitor::{Invariant, Invariants, Mail, Origin, Seen, Watched};
use riftzone::check::rows::Torn;
use riftzone::explore::seeds::{Progress, SeedResult, sweep};
use riftzone::id::{ClientId, GroupId, Key, NodeId, RegionId, RequestId, Value};
use riftzone::model::fault::{Action, Fault, Target};
use riftzone::model::latency::Delay;
use riftzone::op::{Op, Refusal, Reply, Row};
use riftzone::protocol::{Claim, Context, Guarantee, Payload, Protocol, Request, State};
use riftzone::report::{Conclusion, Paint, RunReport, invariants};
use riftzone::scenario::Scenario;
use riftzone::sim::{Placement, Run, simulate};
use riftzone::time::{Duration, Time};
use riftzone::trace::{EntryName, FaultKinds, Observation, Promise, Trace};

use support::{after, constant_world};

const K: Key = Key(7);
const C: ClientId = ClientId(1);

/// Node `node` of three, which form one group.
fn seen(at: u64, node: u16) -> Seen {
    Seen { at: after(at), node: NodeId(node), group: GroupId(0), leads: true }
}

/// Three nodes, of which everything is asked.
fn watched() -> Invariants {
    let node = |seat: usize| Watched { name: ["a", "b", "c"][seat].into(), group: GroupId(0), seat };
    let mut invariants = Invariants::new(&[node(0), node(1), node(2)]);
    Invariant::ALL.into_iter().for_each(|invariant| invariants.ask(invariant));
    invariants
}

fn logged(by: u64, index: u64, epoch: u64, before: u64, value: u64) -> Observation {
    Observation::Logged { by, index, epoch, before, what: EntryName::write(Value(value)) }
}

/// What breaks the invariant at its last step, and at none before.
type Steps = Vec<Box<dyn Fn(&mut Invariants)>>;

fn observe(at: u64, node: u16, observation: Observation) -> Box<dyn Fn(&mut Invariants)> {
    Box::new(move |invariants| invariants.observed(seen(at, node), observation))
}

fn applied(at: u64, node: u16, value: u64, before: Option<u64>) -> Box<dyn Fn(&mut Invariants)> {
    Box::new(move |invariants| invariants.applied(seen(at, node), K, Value(value), before.map(Value)))
}

/// The same, at a node that does not lead.
fn followed(at: u64, node: u16, value: u64, before: Option<u64>) -> Box<dyn Fn(&mut Invariants)> {
    let seen = Seen { leads: false, ..seen(at, node) };
    Box::new(move |invariants| invariants.applied(seen, K, Value(value), before.map(Value)))
}

fn told(at: u64, value: Option<u64>) -> Box<dyn Fn(&mut Invariants)> {
    Box::new(move |invariants| invariants.read(after(at), NodeId(0), C, K, value.map(Value), Origin::Asked))
}

fn call(step: impl Fn(&mut Invariants) + 'static) -> Box<dyn Fn(&mut Invariants)> {
    Box::new(step)
}

/// The table: an invariant, and what a broken protocol would do.
fn table() -> Vec<(Invariant, &'static str, Steps)> {
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
                call(|i| i.tore(after(2), NodeId(1), C, Row::default(), half_a_put())),
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
fn half_a_put() -> Torn {
    Torn { shown: (K.cell(0), Value(1)), beside: (K.cell(1), None) }
}

#[test]
fn each_is_broken_by_the_last_step_and_by_nothing_before_and_no_other_with_it() {
    let table = table();
    for invariant in Invariant::ALL {
        assert!(table.iter().any(|(of, ..)| *of == invariant), "nothing breaks {}", invariant.name());
    }
    for (invariant, what, steps) in table {
        let mut invariants = watched();
        let (last, before) = steps.split_last().unwrap();
        before.iter().for_each(|step| step(&mut invariants));
        assert_eq!(invariants.breaches(), [], "{}: {what}", invariant.name());
        last(&mut invariants);
        let broken: Vec<Invariant> = invariants.breaches().iter().map(|breach| breach.invariant).collect();
        assert_eq!(broken, [invariant], "{what}: {:?}", invariants.breaches());
        last(&mut invariants);
        let again = &invariants.breaches()[0];
        assert!(!again.why.is_empty() && again.count >= 1);
    }
}

#[test]
fn what_is_not_asked_is_not_broken() {
    let node = Watched { name: "a".into(), group: GroupId(0), seat: 0 };
    let mut invariants = Invariants::new(&[node]);
    invariants.acknowledged(seen(1, 0), K, Value(1));
    invariants.applied(seen(2, 0), K, Value(1), None);
    invariants.applied(seen(3, 0), K, Value(1), None);
    invariants.tore(after(4), NodeId(0), C, Row::default(), half_a_put());
    invariants.forked(after(4), NodeId(0), C, K, Row::default());
    invariants.lost(after(4), || unreachable!("nobody wants to know"));
    invariants.unanswered(after(5), after(6));
    assert_eq!(invariants.breaches(), []);
}

#[test]
fn what_a_right_protocol_may_do_breaks_nothing() {
    use Observation as O;
    let mut invariants = watched();
    // A leader that takes office late, after a later one has committed.
    for (node, observation) in [
        (0, logged(1, 1, 1, 0, 1)),
        (1, logged(1, 1, 1, 0, 1)),
        (1, O::Elected { epoch: 3, index: 1, last: 1 }),
        (1, logged(3, 2, 3, 1, 2)),
        (1, O::Committed { index: 2, epoch: 3 }),
        (0, O::Elected { epoch: 2, index: 1, last: 1 }),
        (0, O::Voted { epoch: 2, candidate: NodeId(0) }),
        (0, O::Voted { epoch: 2, candidate: NodeId(0) }),
        (0, O::Entered { epoch: 3 }),
        // A branch that goes: nobody else has it, and nobody was told of it.
        (0, logged(3, 2, 2, 1, 9)),
    ] {
        invariants.observed(seen(1, node), observation);
    }
    invariants.applied(seen(2, 0), K, Value(9), None);
    invariants.rolled_back(seen(3, 0), Value(9));
    invariants.applied(seen(4, 0), K, Value(9), None);
    // A lease that was given back, and one that has run out.
    invariants.observed(seen(10, 0), O::Leased { epoch: 1, lasts: Duration::millis(100) });
    invariants.observed(seen(20, 0), O::SteppedDown { epoch: 1 });
    invariants.observed(seen(21, 1), O::Leased { epoch: 2, lasts: Duration::millis(10) });
    invariants.observed(seen(31, 2), O::Leased { epoch: 3, lasts: Duration::millis(10) });
    assert_eq!(invariants.breaches(), []);
}

/// A protocol that is right or broken as told. Every node answers from its own copy; writes go to everyone.
struct Mutant {
    flaw: Flaw,
    copy: BTreeMap<Key, Value>,
    waiting: BTreeMap<Value, RequestId>,
    disturbed: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Flaw {
    #[default]
    None,
    /// Answers before the disk has the write.
    Hasty,
    /// Promises a second copy, and answers with one.
    Alone,
    /// Reads values that nobody wrote.
    Inventive,
    /// Everybody leads.
    Anarchy,
    /// Takes a retry for a new write.
    Forgetful,
    /// Merges in the order of arrival.
    LatestArrival,
    /// Serves nobody after a restart.
    Sulking,
    /// Goes on in epoch 1 after a restart, and was in 2 before.
    Amnesia,
}

#[derive(Clone, Debug)]
struct Update(Key, Value);

impl Payload for Update {
    fn bytes(&self) -> u32 {
        12
    }
}

impl Mutant {
    fn merge(&mut self, key: Key, value: Value, cx: &mut Context<Self>) {
        let held = self.copy.get(&key).copied();
        let is_taken = match self.flaw {
            Flaw::LatestArrival => held != Some(value),
            Flaw::Forgetful => held <= Some(value),
            _ => held < Some(value),
        };
        if is_taken {
            self.copy.insert(key, value);
            cx.observe(Observation::Applied { key, value });
        }
        cx.observe(Observation::Merged { key, update: value.0 });
        cx.persist((key, value));
        cx.observe(Observation::Stored { value });
    }
}

impl Protocol for Mutant {
    type Message = Update;
    type Timer = ();
    type Record = (Key, Value);
    type Session = ();
    type Options = Flaw;

    fn claims(_: &Flaw) -> Vec<Claim> {
        vec![Claim { guarantee: Guarantee::NoAcknowledgedWriteLost, under: FaultKinds::NONE }]
    }

    fn start(flaw: &Flaw, recovered: Vec<(Key, Value)>, cx: &mut Context<Self>) -> Mutant {
        let disturbed = !recovered.is_empty();
        let mut node = Mutant { flaw: *flaw, copy: BTreeMap::new(), waiting: BTreeMap::new(), disturbed };
        cx.observe(Observation::Promised(Promise::WritesWithin(Duration::secs(2))));
        cx.observe(Observation::Promised(Promise::Copies(if *flaw == Flaw::Alone { 2 } else { 1 })));
        if *flaw == Flaw::Forgetful {
            cx.observe(Observation::Promised(Promise::Once));
        }
        for (key, value) in recovered {
            if node.copy.get(&key) < Some(&value) {
                node.copy.insert(key, value);
                cx.observe(Observation::Applied { key, value });
            }
            cx.observe(Observation::Merged { key, update: value.0 });
        }
        if *flaw == Flaw::Anarchy {
            cx.observe(Observation::Leader { epoch: 1 });
        }
        let epoch = if disturbed && *flaw == Flaw::Amnesia { 1 } else { 2 };
        cx.observe(Observation::Entered { epoch });
        node
    }

    fn on_request(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        match request.op {
            _ if self.flaw == Flaw::Sulking && self.disturbed => cx.refuse(request.id, Refusal::Unavailable),
            Op::Read(_) if self.flaw == Flaw::Inventive => cx.reply(request.id, Reply::Read(Some(Value(1 << 30)))),
            Op::Read(key) => cx.reply(request.id, Reply::Read(self.copy.get(&key).copied())),
            Op::Write(key, value) => {
                self.merge(key, value, cx);
                cx.broadcast(Update(key, value));
                self.waiting.insert(value, request.id);
                if self.flaw == Flaw::Hasty {
                    cx.reply_unsynced(request.id, Reply::Written);
                } else {
                    cx.reply(request.id, Reply::Written);
                }
            }
            _ => cx.refuse(request.id, Refusal::Unsupported),
        }
    }

    fn on_message(&mut self, _: NodeId, Update(key, value): Update, cx: &mut Context<Self>) {
        self.merge(key, value, cx);
    }

    fn on_timer(&mut self, (): (), _: &mut Context<Self>) {}

    fn state(&self) -> State {
        State::serving(self.copy.clone())
    }
}

/// Three regions, 30 ms apart, disks of 5 ms, one key; every node crashes once.
fn run(flaw: Flaw, seed: u64) -> Run {
    let mut setup = constant_world(&["one", "two", "three"], 30, 20);
    setup.workload.keys = riftzone::model::workload::KeyChooser::uniform(1);
    setup.disk.sync = Delay::constant(Duration::millis(5));
    // Shorter than a disk and an answer: every write is asked for twice.
    setup.workload.retry_after = (flaw == Flaw::Forgetful).then(|| Duration::millis(3));
    let regions = (0..3).map(|region| Target::Region(RegionId(region))).collect();
    setup.faults = vec![Fault {
        at: after(5_000),
        lasts: Some(Duration::secs(1)),
        action: Action::Crash(regions),
        may_touch_nothing: true,
    }];
    let everywhere = Placement::everywhere(&setup.topology);
    simulate::<Mutant>(&setup, &everywhere, &flaw, seed, Trace::off()).unwrap()
}

#[test]
fn broken_protocols_are_caught_in_a_world_and_the_one_that_is_right_is_not() {
    let table: [(Flaw, &[Invariant]); 9] = [
        (Flaw::None, &[]),
        (Flaw::Hasty, &[Invariant::DurabilityContract]),
        (Flaw::Alone, &[Invariant::DurabilityContract]),
        (Flaw::Inventive, &[Invariant::ThinAir]),
        (Flaw::Anarchy, &[Invariant::ElectionSafety]),
        (Flaw::Forgetful, &[Invariant::ExactlyOnce]),
        (Flaw::LatestArrival, &[Invariant::StrongConvergence]),
        (Flaw::Sulking, &[Invariant::LivenessAfterHeal]),
        (Flaw::Amnesia, &[Invariant::VoteMonotone]),
    ];
    for (flaw, expected) in table {
        for seed in 1..=5 {
            let run = run(flaw, seed);
            let broken: Vec<Invariant> = run.breaches.iter().map(|breach| breach.invariant).collect();
            assert_eq!(broken, expected, "{flaw:?}: {:#?}", run.breaches);
            assert!(run.breaches.iter().all(|breach| breach.at > Time::ZERO || flaw == Flaw::Anarchy));
        }
    }
}

#[test]
fn a_run_that_breaks_one_is_not_good_and_says_so() {
    let text = r#"
        name = "nothing is expected"
        duration = "20s"
        [topology]
        matrix = "aws-2025-07"
        regions = ["us-east-1", "eu-west-1"]
        [workload]
        rate = "1/s"
        [design.any]
        protocol = "last-writer-wins"
    "#;
    let scenario = Scenario::parse(text, "any.toml").unwrap();
    let design = &scenario.designs[0];
    for (flaw, conclusion) in [(Flaw::None, Conclusion::Held), (Flaw::Inventive, Conclusion::Broken)] {
        let run = run(flaw, 1);
        let report = RunReport::new("any.toml", &scenario, design, &run);
        assert_eq!(report.conclusion(), conclusion);
        assert_eq!(SeedResult::of(design, &run).is_bad(design), flaw != Flaw::None);
        let section = invariants::section(&run, Paint::Off);
        assert_eq!(section.contains("thin-air"), flaw != Flaw::None, "{section}");
        let document = invariants::document(&run);
        let all = document.as_array().unwrap();
        assert_eq!(all.len(), run.invariants.len());
        let broken: Vec<_> = all.iter().filter(|of| of["breached"] != 0).collect();
        assert_eq!(broken.len(), usize::from(flaw != Flaw::None));
        assert!(broken.iter().all(|of| of["name"] == "thin-air" && of["first_at_s"].as_f64() > Some(0.0)));
    }
}

/// The shipped scenarios, with the protocols of the zoo.
#[test]
fn the_zoo_breaks_nothing() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
    files.sort();
    let mut asked = std::collections::BTreeSet::new();
    for path in files {
        let name = path.file_name().unwrap().to_str().unwrap().to_string();
        let scenario = Scenario::parse(&std::fs::read_to_string(&path).unwrap(), &name).unwrap();
        let designs: Vec<_> = scenario.designs.iter().collect();
        let seeds: Vec<u64> = (1_001..=1_020).collect();
        for (design, results) in designs.iter().zip(sweep(&scenario, &designs, &seeds, &Progress::default())) {
            for result in results {
                assert_eq!(result.breaches, [], "{name}, {}, seed {}", design.name, result.seed);
            }
            asked.extend(design.run(&scenario.setup, 1, Trace::off()).invariants);
        }
    }
    // What nobody tells of or claims would be asked of none.
    let unasked: Vec<_> = Invariant::ALL.into_iter().filter(|invariant| !asked.contains(invariant)).collect();
    assert_eq!(unasked, [], "each is asked of some design");
}

/// Found by a hunt, in run 70,270: a primary is paused with a backup's acknowledgement before it, and when it wakes that backup
/// follows a successor, and has taken the write out again. Nothing fences it, so it answers; and so its design promises nothing of
/// backups.
#[test]
fn who_is_not_fenced_answers_by_what_a_backup_no_longer_has() {
    let text = r#"
name = "an old primary wakes"
duration = "8s"
settle = "0s"

[topology]
regions = ["us", "eu", "ap"]
link = [
    { from = "us", to = "eu", rtt = "80ms" },
    { from = "us", to = "ap", rtt = "150ms" },
    { from = "eu", to = "ap", rtt = "200ms" },
]

[disk]
sync = ["0s", "100ms"]

[workload]
clients = { ap = 1 }
think = "0s"
keys = 1
mix = { write = 1 }
operations_per_client = 1
timeout = "3s"
warm_up = "2.6s"

[[fault]]
at = "2.6s"
for = "1.5s"
pause = ["leader"]

[[fault]]
at = "3s"
for = "1s"
isolate = ["ap"]

[[fault]]
at = "4.16s"
for = "200ms"
isolate = ["eu"]

[[fault]]
at = "4.2s"
for = "1s"
pause = ["leader"]

[design.orchestrated]
protocol = "orchestrated"
acknowledge = "one"
detect = "1500ms"
heartbeat = "250ms"
promote = "250ms"
"#;
    let scenario = Scenario::parse(text, "found.toml").unwrap();
    let run = scenario.designs[0].run(&scenario.setup, 70_270, Trace::off());
    assert_eq!(run.breaches, []);
    assert_eq!(run.durability.diverged.len(), 1, "the write was taken out again");
}
