//! Clocks: what nodes are told of the time, how long their timers take, and what each fault of clocks does to both.
//!
//! Every node tells itself every ten milliseconds, by its own clock, what that clock shows; and once, what it shows when a timer
//! of three seconds rings. The trace tells when that was in truth.

mod support;

use std::collections::BTreeMap;

use riftzone::id::{NodeId, RegionId};
use riftzone::model::clock::{Whose, WrongClocks};
use riftzone::model::fault::{Action, Fault, Target};
use riftzone::op::Refusal;
use riftzone::protocol::{Context, Payload, Protocol, Request, State};
use riftzone::sim::{Placement, Run, Setup, simulate};
use riftzone::time::{Duration, Time};
use riftzone::trace::{FaultKind, Trace};

use support::{after, constant_world};

/// Watches its clock.
struct Watch;

/// What a node tells itself, in nanoseconds of its clock.
#[derive(Clone, Debug)]
enum Note {
    Saw(#[allow(dead_code, reason = "the trace shows it")] u64),
    Rang(#[allow(dead_code, reason = "the trace shows it")] u64),
    /// A client, the number of its operation, and what its clock showed.
    Asked(#[allow(dead_code, reason = "the trace shows it")] [u64; 3]),
}

impl Payload for Note {
    fn bytes(&self) -> u32 {
        8
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Timer {
    Look,
    Ring,
}

const EVERY: Duration = Duration::millis(10);
const RING: Duration = Duration::secs(3);

impl Protocol for Watch {
    type Message = Note;
    type Timer = Timer;
    type Record = ();
    type Session = Time;
    type Options = ();

    fn begins((): &(), session: &mut Time, shown: Time) {
        *session = shown;
    }

    fn start((): &(), _: Vec<()>, cx: &mut Context<Self>) -> Self {
        cx.set_timer(Timer::Look, EVERY);
        cx.set_timer(Timer::Ring, RING);
        Watch
    }

    fn on_request(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        let Request { id, session, .. } = request;
        cx.send(cx.me(), Note::Asked([id.client.0.into(), id.sequence.into(), session.as_nanos()]));
        cx.refuse(id, Refusal::Unavailable);
    }

    fn on_message(&mut self, _: NodeId, _: Note, _: &mut Context<Self>) {}

    fn on_timer(&mut self, timer: Timer, cx: &mut Context<Self>) {
        let now = cx.now().as_nanos();
        if timer == Timer::Ring {
            return cx.send(cx.me(), Note::Rang(now));
        }
        cx.send(cx.me(), Note::Saw(now));
        cx.set_timer(Timer::Look, EVERY);
    }

    fn state(&self) -> State {
        State::serving(BTreeMap::new())
    }
}

fn world() -> Setup {
    let mut setup = constant_world(&["a", "b"], 30, 5);
    setup.workload.clients = vec![0; 2];
    setup.settle = Duration::ZERO;
    setup
}

fn a() -> Vec<Target> {
    vec![Target::Region(RegionId(0))]
}

/// A fault from one second to two.
fn fault(action: Action) -> Fault {
    Fault { at: after(1_000), lasts: Some(Duration::secs(1)), action, may_touch_nothing: false }
}

/// What a node saw: true time, and how far ahead its clock was, in nanoseconds; and when its timer rang, in truth.
#[derive(Debug, Default)]
struct Seen {
    errors: Vec<(Time, i64)>,
    rang: Option<Time>,
}

impl Seen {
    /// The errors seen from here to there, neither included.
    fn between(&self, from_ms: u64, to_ms: u64) -> Vec<i64> {
        let within = |at: &Time| after(from_ms) < *at && *at < after(to_ms);
        self.errors.iter().filter(|(at, _)| within(at)).map(|(_, error)| *error).collect()
    }
}

fn run(setup: &Setup, seed: u64) -> (Run, BTreeMap<String, Seen>) {
    let trace = Trace::up_to(after(5_000), Duration::secs(5));
    let run = simulate::<Watch>(setup, &Placement::everywhere(&setup.topology), &(), seed, trace).unwrap();
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    for (at, line) in run.trace.lines() {
        let Some((node, note)) = line.split_once(" got ") else { continue };
        let (note, _) = note.rsplit_once(") from ").unwrap();
        let seen = seen.entry(node.to_string()).or_default();
        match note.strip_prefix("Saw(") {
            Some(shown) => {
                let shown: i64 = shown.parse().unwrap();
                seen.errors.push((*at, shown - i64::try_from(at.as_nanos()).unwrap()));
            }
            None => seen.rang = Some(*at),
        }
    }
    (run, seen)
}

/// One fault of the clock in region a, which is right before and after; that in b is right all the time.
fn one_fault(action: Action) -> (Run, Seen) {
    let mut setup = world();
    setup.faults = vec![fault(action)];
    let (run, mut seen) = run(&setup, 1);
    let (b, a) = (seen.remove("b").unwrap(), seen.remove("a").unwrap());
    assert!(b.errors.iter().all(|(_, error)| *error == 0) && b.errors.len() == 500);
    assert_eq!(b.rang, Some(after(3_000)));
    for (from, to) in [(0, 1_000), (2_000, 5_000)] {
        assert!(a.between(from, to).iter().all(|error| *error == 0), "{a:?}");
    }
    (run, a)
}

const MS: i64 = 1_000_000;
const SECOND: i64 = 1_000 * MS;

#[test]
fn a_step_is_seen_and_no_timer_is() {
    for by_ns in [5 * SECOND, -SECOND / 2] {
        let (run, seen) = one_fault(Action::ClockStep { nodes: a(), by_ns });
        assert_eq!((run.ledger[0].kind, run.ledger[0].touched), (FaultKind::ClockStep, 1));
        assert_eq!(seen.between(1_000, 2_000), vec![by_ns; 99]);
        assert_eq!((seen.errors.len(), seen.rang), (500, Some(after(3_000))));
    }
}

#[test]
fn a_drift_is_seen_and_so_is_every_timer() {
    for (ns_per_s, rings_ms, looks) in [(SECOND / 2, 2_500, 149..=151), (-SECOND / 2, 3_500, 49..=51)] {
        let (run, seen) = one_fault(Action::ClockDrift { nodes: a(), ns_per_s });
        assert_eq!((run.ledger[0].kind, run.ledger[0].touched), (FaultKind::ClockDrift, 1));
        for (at, error) in seen.errors.iter().filter(|(at, _)| after(1_000) < *at && *at < after(2_000)) {
            let since = i64::try_from(at.since(after(1_000)).as_nanos()).unwrap();
            assert_eq!(*error, since * ns_per_s / SECOND, "at {at}");
        }
        assert!(looks.contains(&seen.between(1_000, 2_000).len()), "{}", seen.between(1_000, 2_000).len());
        // Three seconds of that clock: one, then half as much again or half as much, then the rest.
        let off = seen.rang.unwrap().as_nanos().abs_diff(after(rings_ms).as_nanos());
        assert!(off <= 2, "{:?}", seen.rang);
    }
}

#[test]
fn a_strobe_is_wrong_and_right_in_turn() {
    let every = Duration::millis(100);
    let (run, seen) = one_fault(Action::ClockStrobe { nodes: a(), by_ns: -7 * MS, every });
    // Set at 1.0, 1.1 and so on up to 1.9 s; the end sets it right.
    assert_eq!((run.ledger[0].kind, run.ledger[0].touched), (FaultKind::ClockStrobe, 10));
    for turn in 0..10 {
        let from = 1_000 + 100 * turn;
        let expected = if turn % 2 == 0 { -7 * MS } else { 0 };
        assert_eq!(seen.between(from, from + 100), vec![expected; 9], "{turn}");
    }
    assert_eq!(seen.rang, Some(after(3_000)));
}

#[test]
fn a_leap_is_a_second_at_once_or_by_and_by() {
    let (run, seen) = one_fault(Action::ClockLeap { nodes: a(), smear: None });
    assert_eq!((run.ledger[0].kind, run.ledger[0].touched), (FaultKind::ClockLeap, 1));
    assert_eq!(seen.between(1_000, 2_000), vec![-SECOND; 99]);
    let mut setup = world();
    let smeared = Action::ClockLeap { nodes: a(), smear: Some(Duration::secs(2)) };
    setup.faults = vec![Fault { lasts: Some(Duration::secs(3)), ..fault(smeared) }];
    let (run, seen) = self::run(&setup, 1);
    assert_eq!(run.ledger[0].touched, 2, "as it begins, and as it is whole");
    let seen = &seen["a"];
    for (at, error) in seen.errors.iter().filter(|(at, _)| after(1_000) < *at && *at < after(3_000)) {
        assert_eq!(*error, -i64::try_from(at.since(after(1_000)).as_nanos() / 2).unwrap(), "at {at}");
    }
    assert!(seen.between(3_000, 4_000).iter().all(|error| *error == -SECOND));
    assert!(seen.between(4_000, 5_000).iter().all(|error| *error == 0));
    // A smeared second is half as long: of three, one is at full speed, and two thirds of the rest is over at three seconds.
    assert_eq!(seen.rang, Some(after(4_000)));
}

#[test]
fn faults_of_one_clock_add_up_and_end_in_any_order() {
    let step = |at, lasts| Fault {
        at: after(at),
        lasts: Some(Duration::millis(lasts)),
        ..fault(Action::ClockStep { nodes: a(), by_ns: SECOND })
    };
    let drift = |at, lasts| Fault {
        at: after(at),
        lasts: Some(Duration::millis(lasts)),
        ..fault(Action::ClockDrift { nodes: a(), ns_per_s: 100 * MS })
    };
    for faults in [[step(1_000, 1_000), drift(1_500, 1_500)], [drift(1_000, 2_000), step(1_500, 500)]] {
        let mut setup = world();
        setup.faults = faults.to_vec();
        let (_, seen) = run(&setup, 1);
        let drifts = setup.faults.iter().find(|fault| fault.action.kind() == FaultKind::ClockDrift).unwrap();
        let steps = setup.faults.iter().find(|fault| fault.action.kind() == FaultKind::ClockStep).unwrap();
        for (at, error) in &seen["a"].errors {
            let is_on = |fault: &Fault| fault.at < *at && *at < fault.at + fault.lasts.unwrap();
            let drifted = i64::try_from(at.since(drifts.at).as_nanos()).unwrap() / 10;
            let expected = i64::from(is_on(steps)) * SECOND + i64::from(is_on(drifts)) * drifted;
            let is_edge = setup.faults.iter().any(|fault| fault.at == *at || fault.at + fault.lasts.unwrap() == *at);
            assert!(is_edge || *error == expected, "at {at}: {error} for {expected}");
        }
        let end = &seen["a"].between(3_100, 5_000);
        assert!(end.iter().all(|error| *error == 0) && end.len() > 180);
    }
}

/// The clock of a node goes on from its own error once a fault is over, and each node draws its own.
#[test]
fn each_node_has_a_clock_of_its_own() {
    let mut setup = world();
    let drawn = |region| WrongClocks {
        region: RegionId(region),
        whose: Whose::Nodes,
        offset_ns: (-5 * MS, 5 * MS),
        drift_ns_per_s: (1_000, 1_000),
    };
    setup.clocks.wrong = vec![drawn(0), drawn(1)];
    setup.faults = vec![fault(Action::ClockStep { nodes: a(), by_ns: SECOND })];
    let (_, seen) = run(&setup, 1);
    let mut at_the_start = Vec::new();
    for node in ["a", "b"] {
        let first = seen[node].errors[0].1;
        assert!(first.abs() <= 5 * MS + 1_000);
        for (at, error) in seen[node].errors.iter().filter(|(at, _)| *at < after(1_000) || *at > after(2_000)) {
            let drifted = i64::try_from(at.as_nanos()).unwrap() / 1_000_000;
            assert!((error - first - drifted).abs() <= 12, "{node} at {at}: {error}");
        }
        at_the_start.push(first);
    }
    assert_ne!(at_the_start[0], at_the_start[1]);
    assert_ne!(run(&setup, 2).1["a"].errors[0].1, at_the_start[0], "another seed, another clock");
}

/// A region's clients share a clock, which is right unless a scenario says otherwise, whatever is wrong with their nodes'; and every
/// request of an operation carries what it showed when that began, wherever it goes.
#[test]
fn clients_carry_what_their_clock_showed_when_they_began() {
    let mut setup = world();
    setup.workload.clients = vec![1; 2];
    let wrong = |region, whose, by_ms| WrongClocks {
        region: RegionId(region),
        whose,
        offset_ns: (by_ms * MS, by_ms * MS),
        drift_ns_per_s: (0, 0),
    };
    setup.clocks.wrong = vec![wrong(0, Whose::Nodes, 70), wrong(1, Whose::Clients, -500)];
    setup.faults = vec![fault(Action::ClockStep { nodes: a(), by_ns: SECOND })];
    let trace = Trace::up_to(after(5_000), Duration::secs(5));
    let run = simulate::<Watch>(&setup, &Placement::everywhere(&setup.topology), &(), 1, trace).unwrap();
    // By client and operation: when a request came, where, and what it carried.
    let mut asked: BTreeMap<[u64; 2], Vec<(Time, &str, u64)>> = BTreeMap::new();
    for (at, line) in run.trace.lines() {
        let Some((node, note)) = line.split_once(" got Asked([") else { continue };
        let note = note.split_once("])").unwrap().0;
        let told: Vec<u64> = note.split(", ").map(|number| number.parse().unwrap()).collect();
        asked.entry([told[0], told[1]]).or_default().push((*at, node, told[2]));
    }
    let (mut errors, mut elsewhere) = (BTreeMap::<&str, Vec<i64>>::new(), 0);
    for requests in asked.values() {
        let (at, node, shown) = requests[0];
        errors.entry(node).or_default().push(shown as i64 - at.as_nanos() as i64);
        assert!(requests.iter().all(|(.., carried)| *carried == shown), "{requests:?}");
        elsewhere += requests.iter().filter(|(_, other, _)| *other != node).count();
    }
    assert!(elsewhere > 50, "{elsewhere}");
    for (node, error) in [("a", 0), ("b", -500 * MS)] {
        assert!(errors[node].len() > 30 && errors[node].iter().all(|found| *found == error), "{node}: {errors:?}");
    }
}
