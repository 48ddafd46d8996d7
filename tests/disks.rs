//! Disks: how long they take, when they are synced, and what each fault of theirs and each kind of crash leaves.
//!
//! Every node writes a number to its disk every ten milliseconds, tells itself once it is synced, and after a restart what
//! it found; the trace tells of both.

mod support;

use std::collections::BTreeMap;

use riftzone::id::{NodeId, RegionId};
use riftzone::model::disk::SyncPolicy;
use riftzone::model::fault::{Action, Fault, Slow, SlowDisk, Target};
use riftzone::model::latency::Delay;
use riftzone::op::Refusal;
use riftzone::protocol::{Context, Payload, Protocol, Request, State};
use riftzone::sim::{Placement, Run, Setup, simulate};
use riftzone::time::{Duration, Time};
use riftzone::trace::{FaultKind, Trace};

use support::{after, constant_world};

/// Keeps a diary.
struct Diary;

/// What a node tells itself.
#[derive(Clone, Debug)]
enum Note {
    Synced(#[allow(dead_code, reason = "the trace shows it")] u64),
    Found(#[allow(dead_code, reason = "the trace shows it")] Vec<u64>),
}

impl Payload for Note {
    fn bytes(&self) -> u32 {
        8
    }
}

const EVERY_MS: u64 = 10;
const LAST: u64 = 300;

impl Protocol for Diary {
    type Message = Note;
    type Timer = ();
    type Record = u64;
    type Session = ();
    type Options = ();

    fn start((): &(), recovered: Vec<u64>, cx: &mut Context<Self>) -> Self {
        cx.send_unsynced(cx.me(), Note::Found(recovered));
        cx.set_timer((), Duration::millis(EVERY_MS));
        Diary
    }

    fn on_request(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        cx.refuse(request.id, Refusal::Unavailable);
    }

    fn on_message(&mut self, _: NodeId, _: Note, _: &mut Context<Self>) {}

    fn on_timer(&mut self, (): (), cx: &mut Context<Self>) {
        let number = cx.now().as_nanos() / (EVERY_MS * 1_000_000);
        cx.persist(number);
        cx.send(cx.me(), Note::Synced(number));
        if number < LAST {
            cx.set_timer((), Duration::millis(EVERY_MS));
        }
    }

    fn state(&self) -> State {
        State::serving(BTreeMap::new())
    }
}

const SYNC: Duration = Duration::millis(4);

fn world() -> Setup {
    let mut setup = constant_world(&["a", "b", "c"], 30, 4);
    setup.workload.clients = vec![0; 3];
    setup.disk.sync = Delay::constant(SYNC);
    setup
}

/// A fault at the node in the first region, or whatever the action says.
fn fault(at_ms: u64, lasts_ms: u64, action: Action) -> Fault {
    Fault { at: after(at_ms), lasts: Some(Duration::millis(lasts_ms)), action, may_touch_nothing: false }
}

fn a() -> Vec<Target> {
    vec![Target::Region(RegionId(0))]
}

/// What a node told itself.
#[derive(Debug, Default)]
struct Told {
    /// When each number was synced, as the disk said.
    synced: BTreeMap<u64, Time>,
    /// What it found each time it started, and when.
    found: Vec<(Time, Vec<u64>)>,
}

impl Told {
    /// How long the sync of each number took.
    fn waits(&self) -> BTreeMap<u64, Duration> {
        self.synced.iter().map(|(number, at)| (*number, at.since(after(number * EVERY_MS)))).collect()
    }
}

fn run(setup: &Setup, seed: u64) -> (Run, BTreeMap<String, Told>) {
    let trace = Trace::up_to(after(20_000), Duration::secs(20));
    let run = simulate::<Diary>(setup, &Placement::everywhere(&setup.topology), &(), seed, trace).unwrap();
    let mut told: BTreeMap<String, Told> = BTreeMap::new();
    for (at, line) in run.trace.lines() {
        let Some((node, rest)) = line.split_once(" got ") else { continue };
        let (note, _) = rest.rsplit_once(" from ").unwrap();
        let told = told.entry(node.to_string()).or_default();
        if let Some(number) = note.strip_prefix("Synced(") {
            told.synced.insert(number.trim_end_matches(')').parse().unwrap(), *at);
        } else if let Some(numbers) = note.strip_prefix("Found([") {
            let numbers = numbers.trim_end_matches("])").split(", ").filter(|number| !number.is_empty());
            told.found.push((*at, numbers.map(|number| number.parse().unwrap()).collect()));
        }
    }
    (run, told)
}

/// One fault at the node in region a; the others' disks are as ever.
fn one_fault(setup: &Setup, fault: Fault, seed: u64) -> (Run, Told) {
    let setup = Setup { faults: vec![fault], ..setup.clone() };
    let (run, mut told) = run(&setup, seed);
    for node in ["b", "c"] {
        assert_eq!((told[node].synced.len() as u64, told[node].found.len()), (LAST, 1), "{node}");
    }
    (run, told.remove("a").unwrap())
}

/// The numbers up to this one.
fn up_to(number: u64) -> Vec<u64> {
    (1..=number).collect()
}

#[test]
fn a_sync_takes_its_time_and_one_after_the_other() {
    let (_, told) = run(&world(), 1);
    assert!(told.values().all(|told| told.waits().values().all(|wait| *wait == SYNC)));
    let mut slow = world();
    slow.disk.sync = Delay::constant(Duration::millis(25));
    let (_, told) = run(&slow, 1);
    // The first goes alone, and what came meanwhile goes together: of 20 and 30 ms at 35, of 40 and 50 ms at 60.
    let first: Vec<_> = told["a"].synced.values().take(6).copied().collect();
    assert_eq!(first, [35, 60, 60, 85, 85, 110].map(after));
}

#[test]
fn syncs_scatter_as_told_and_each_disk_has_its_own_dice() {
    let ms = Duration::millis;
    for (sync, mean_ms) in [
        (Delay::uniform(ms(2), ms(6)), 4.0),
        (Delay::exponential(Duration::micros(500)), 0.5),
        // A standard deviation of logarithms of ln(4) / 2.326: the mean is 1.194 medians.
        (Delay::lognormal_with(ms(1), ms(4)), 1.194),
    ] {
        let mut setup = world();
        setup.disk.sync = sync;
        let (_, told) = run(&setup, 1);
        let waits: Vec<Duration> = told.values().flat_map(|told| told.waits().into_values()).collect();
        let mean = waits.iter().map(|wait| wait.as_millis_f64()).sum::<f64>() / waits.len() as f64;
        assert!((mean / mean_ms - 1.0).abs() < 0.1, "{sync:?}: {mean}");
        assert!(waits.iter().all(|wait| *wait >= sync.floor()));
        assert_ne!(told["a"].waits(), told["b"].waits());
    }
}

#[test]
fn a_slow_disk_slows_the_syncs_that_it_begins_and_counts_them() {
    let action = |slow| Action::SlowDisk { nodes: a(), slow: SlowDisk { slow, ramp: Duration::ZERO } };
    for slow in [Slow::Add(Duration::millis(20)), Slow::Times { parts: 6, whole: 1 }] {
        let (run, told) = one_fault(&world(), fault(1_000, 1_000, action(slow)), 1);
        // One after the other, from 1000 ms on, each 24 ms: 42 of them begin within the second.
        assert_eq!((run.ledger[0].kind, run.ledger[0].touched), (FaultKind::SlowDisk, 42));
        for (number, at) in &told.synced {
            let written = number * EVERY_MS;
            let expected = match written {
                1_000 => after(1_024),
                // What is written as a sync begins waits for the one after it.
                1_001..1_984 => after(1_000 + 24 * ((written - 1_000) / 24 + 2)),
                // The last of them begins at 1984 and ends at 2008; from then on each takes 4 ms again.
                1_984..2_008 => after(2_012),
                2_010 => after(2_016),
                _ => after(written) + SYNC,
            };
            assert_eq!(*at, expected, "{number}");
        }
    }
}

#[test]
fn a_disk_that_takes_no_time_can_grow_slow_by_and_by() {
    let mut setup = world();
    setup.disk.sync = Delay::constant(Duration::ZERO);
    let ramp = Duration::secs(1);
    let slow = SlowDisk { slow: Slow::Add(Duration::millis(8)), ramp };
    let (run, told) = one_fault(&setup, fault(1_000, 1_000, Action::SlowDisk { nodes: a(), slow }), 1);
    assert_eq!(run.ledger[0].touched, 100);
    for (number, wait) in told.waits() {
        let expected =
            if (100..200).contains(&number) { Duration::micros((number - 100) * 80) } else { Duration::ZERO };
        assert_eq!(wait, expected, "{number}");
    }
}

#[test]
fn what_a_crash_leaves_is_what_the_policy_has_synced() {
    let crash = || fault(2_005, 505, Action::Crash(a()));
    let found = |policy| {
        let mut setup = world();
        setup.disk.policy = policy;
        let (run, told) = one_fault(&setup, crash(), 1);
        assert_eq!(run.ledger[0].touched, 1, "nobody sends a message");
        assert_eq!((told.found.len(), told.found[1].0), (2, after(2_510)));
        let waited = told.waits().values().all(|wait| *wait == SYNC);
        let at_once = told.waits().values().all(|wait| wait.is_zero());
        assert_eq!((waited, at_once), if policy == SyncPolicy::Always { (true, false) } else { (false, true) });
        told.found[1].1.clone()
    };
    assert_eq!(found(SyncPolicy::Always), up_to(200));
    // From 110 to 114 ms; what was written at 110 is due at 214, when all is synced; what comes next, at 220, is due at 320,
    // and so on, two in 210 ms. The last before the crash begins at 2000, before the number of then is written.
    assert_eq!(found(SyncPolicy::Interval(Duration::millis(100))), up_to(199));
    assert_eq!(found(SyncPolicy::Never), up_to(0));
}

#[test]
fn a_pause_holds_a_planned_sync_up_and_loses_nothing() {
    let mut setup = world();
    setup.disk.policy = SyncPolicy::Interval(Duration::millis(100));
    let pause = fault(1_005, 500, Action::Pause(a()));
    let crash = fault(1_510, 100, Action::Crash(a()));
    setup.faults = vec![pause, crash];
    let (_, told) = run(&setup, 1);
    let found = &told["a"].found[1].1;
    // It is due during the pause, begins when that ends, and is done a millisecond before the crash.
    assert_eq!(*found, [up_to(100), vec![150]].concat());
}

/// Syncs of 35 ms: three or four records are under way at any time.
fn slow_world() -> Setup {
    let mut setup = world();
    setup.disk.sync = Delay::constant(Duration::millis(35));
    setup
}

#[test]
fn a_torn_crash_leaves_a_prefix_of_the_sync_under_way() {
    let (_, whole) = one_fault(&slow_world(), fault(2_001, 500, Action::Crash(a())), 1);
    let synced = whole.found[1].1.len() as u64;
    // What the sync under way was to take is what the next one would have told.
    let mut undisturbed = slow_world();
    undisturbed.faults.clear();
    let (_, calm) = run(&undisturbed, 1);
    let next = calm["a"].synced[&(synced + 1)];
    let batch = calm["a"].synced.values().filter(|at| **at == next).count() as u64;
    assert!(batch >= 3, "{batch}");
    let mut lengths = Vec::new();
    for seed in 0..40 {
        let (run, told) = one_fault(&slow_world(), fault(2_001, 500, Action::TornCrash(a())), seed);
        assert_eq!((run.ledger[0].kind, run.ledger[0].touched), (FaultKind::TornCrash, 1 + batch));
        let found = &told.found[1].1;
        assert!(found.iter().copied().eq(1..=found.len() as u64), "{found:?}");
        lengths.push(found.len() as u64 - synced);
    }
    lengths.sort_unstable();
    lengths.dedup();
    assert_eq!(lengths, (0..batch).collect::<Vec<_>>(), "any prefix but all of it");
}

#[test]
fn a_wiped_node_starts_with_nothing_even_where_it_was_down_already() {
    let (run, told) = one_fault(&world(), fault(2_005, 500, Action::Wipe(a())), 1);
    assert_eq!((run.ledger[0].kind, run.ledger[0].touched), (FaultKind::Wipe, 1));
    assert_eq!(told.found[1], (after(2_505), Vec::new()));
    let mut setup = world();
    setup.faults = vec![fault(2_005, 500, Action::Crash(a())), fault(2_100, 100, Action::Wipe(a()))];
    let (run, told) = self::run(&setup, 1);
    assert_eq!(told["a"].found[1..], [(after(2_505), Vec::new())]);
    assert_eq!(run.ledger.iter().map(|entry| entry.touched).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn a_rolling_restart_takes_one_place_after_the_other_and_loses_nothing() {
    let places: Vec<Target> = (0..3).map(|region| Target::Region(RegionId(region))).collect();
    for policy in [SyncPolicy::Always, SyncPolicy::Never] {
        let mut setup = slow_world();
        setup.disk.policy = policy;
        let (down, gap) = (Duration::millis(200), Duration::millis(100));
        let action = Action::RollingRestart { places: places.clone(), down, gap };
        setup.faults = vec![Fault { lasts: None, ..fault(1_001, 0, action) }];
        let (run, told) = run(&setup, 1);
        assert_eq!((run.ledger[0].kind, run.ledger[0].touched), (FaultKind::RollingRestart, 3));
        for (place, node) in ["a", "b", "c"].into_iter().enumerate() {
            let stopped = 1_001 + 300 * place as u64;
            let written = stopped / EVERY_MS;
            assert_eq!(told[node].found[1..], [(after(stopped + 200), up_to(written))], "{node}, {policy:?}");
        }
    }
}

#[test]
fn a_rolling_restart_that_is_healed_goes_no_further() {
    let places: Vec<Target> = (0..3).map(|region| Target::Region(RegionId(region))).collect();
    let mut setup = world();
    let action = Action::RollingRestart { places, down: Duration::millis(200), gap: Duration::millis(100) };
    setup.faults =
        vec![Fault { lasts: None, ..fault(1_001, 0, action) }, Fault { lasts: None, ..fault(1_350, 0, Action::Heal) }];
    let (run, told) = run(&setup, 1);
    assert_eq!(["a", "b", "c"].map(|node| told[node].found.len()), [2, 2, 1]);
    assert_eq!(told["b"].found[1].0, after(1_350), "the second was down, and is back");
    assert_eq!(run.ledger.iter().map(|entry| entry.touched).collect::<Vec<_>>(), [2, 1]);
}

#[test]
fn a_lie_is_found_out_by_a_crash_and_counted_by_the_record() {
    let with = |crash_at| {
        let mut setup = world();
        let lie = fault(1_005, 1_000, Action::LyingDisk(a()));
        setup.faults = vec![lie, fault(crash_at, 105, Action::Crash(a()))];
        let (run, mut told) = run(&setup, 1);
        assert_eq!(run.ledger[0].kind, FaultKind::LyingDisk);
        (run.ledger[0].touched, run.ledger[0].is_void(), told.remove("a").unwrap())
    };
    let (touched, _, told) = with(1_505);
    assert!(told.waits().values().all(|wait| *wait == SYNC), "it takes as long as it would");
    assert_eq!((told.found[1].1.clone(), touched), (up_to(100), 50), "numbers 101 to 150 were said to be synced");
    let (touched, is_void, told) = with(2_505);
    assert_eq!((touched, is_void), (0, true), "nobody found out");
    assert_eq!(told.found[1].1, up_to(250), "it wrote its cache out when it stopped lying");
}
