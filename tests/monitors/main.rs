//! Every invariant is caught firing: by observations in an order that only a broken protocol makes, each of which breaks that
//! one and no other, and by protocols that are broken on purpose, in a world. The protocols of the zoo break none.

#[path = "../support/mod.rs"]
mod support;
mod table;

use std::collections::BTreeMap;
use std::path::Path;

use riftzone::check::monitor::{Invariant, Invariants, Watched};
use riftzone::explore::seeds::{Progress, SeedResult, sweep};
use riftzone::id::{GroupId, Key, NodeId, RegionId, RequestId, Value};
use riftzone::model::fault::{Action, Fault, Target};
use riftzone::model::latency::Delay;
use riftzone::op::{Op, Refusal, Reply, Row};
use riftzone::protocol::{Claim, Context, Guarantee, Payload, Protocol, Request, State};
use riftzone::report::{Conclusion, Paint, RunReport, invariants};
use riftzone::scenario::Scenario;
use riftzone::sim::{Placement, Run, simulate};
use riftzone::time::{Duration, Time};
use riftzone::trace::{FaultKinds, Observation, Promise, Trace};

use support::{after, constant_world};

use table::*;

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
    invariants.fractured(after(4), NodeId(0), C, Row::default(), half_a_put());
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
        invariants.observed(seen(1, node), &observation);
    }
    invariants.applied(seen(2, 0), K, Value(9), None);
    invariants.rolled_back(seen(3, 0), Value(9));
    invariants.applied(seen(4, 0), K, Value(9), None);
    // A lease that was given back, and one that has run out.
    invariants.observed(seen(10, 0), &O::Leased { epoch: 1, lasts: Duration::millis(100) });
    invariants.observed(seen(20, 0), &O::SteppedDown { epoch: 1 });
    invariants.observed(seen(21, 1), &O::Leased { epoch: 2, lasts: Duration::millis(10) });
    invariants.observed(seen(31, 2), &O::Leased { epoch: 3, lasts: Duration::millis(10) });
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
