//! Every kind of fault on links touches exactly what its page says, counts it, and leaves the rest as it was.
//!
//! Nodes send each other a numbered message every ten milliseconds, and the trace tells of each arrival.

mod support;

use std::collections::BTreeMap;

use riftzone::id::{NodeId, RegionId};
use riftzone::model::fault::{Action, Fault, Shape, Slow, Target};
use riftzone::model::latency::Delay;
use riftzone::model::transport::Bandwidth;
use riftzone::op::Refusal;
use riftzone::protocol::{Context, Payload, Protocol, Request, State};
use riftzone::scenario::Scenario;
use riftzone::sim::{Placement, Run, Setup, simulate};
use riftzone::time::{Duration, Time};
use riftzone::trace::{FaultKind, Trace};

use support::{after, constant_world};

/// Says a number to all others every [`EVERY_MS`], and refuses whatever clients ask.
struct Beacon {
    said: u64,
}

#[derive(Clone, Debug)]
struct Tick(#[allow(dead_code, reason = "the trace shows it")] u64);

impl Payload for Tick {
    fn bytes(&self) -> u32 {
        8
    }
}

const EVERY_MS: u64 = 10;
const LAST: u64 = 300;

impl Protocol for Beacon {
    type Message = Tick;
    type Timer = ();
    type Record = ();
    type Session = ();
    type Options = ();

    fn start((): &(), _: Vec<()>, cx: &mut Context<Self>) -> Self {
        cx.set_timer((), Duration::millis(EVERY_MS));
        Beacon { said: 0 }
    }

    fn on_request(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        cx.refuse(request.id, Refusal::Unavailable);
    }

    fn on_message(&mut self, _: NodeId, _: Tick, _: &mut Context<Self>) {}

    fn on_timer(&mut self, (): (), cx: &mut Context<Self>) {
        self.said += 1;
        cx.broadcast(Tick(self.said));
        if self.said < LAST {
            cx.set_timer((), Duration::millis(EVERY_MS));
        }
    }

    fn state(&self) -> State {
        State::serving(BTreeMap::new())
    }
}

/// The fault is from one second to two; a message takes 15 ms, so none arrives at the instant at which one is sent.
const BEGIN_MS: u64 = 1_000;
const END_MS: u64 = 2_000;
const DELAY: Duration = Duration::millis(15);

fn world(regions: &[&str]) -> Setup {
    let mut setup = constant_world(regions, 30, 4);
    setup.workload.clients = vec![0; regions.len()];
    setup
}

fn fault(action: Action) -> Fault {
    let lasts = Some(Duration::millis(END_MS - BEGIN_MS));
    Fault { at: after(BEGIN_MS), lasts, action, may_touch_nothing: false }
}

/// Sender, receiver and number of a message, and how long each of its copies took.
type Arrivals = BTreeMap<(String, String, u64), Vec<Duration>>;

fn run(setup: &Setup, seed: u64) -> (Run, Arrivals) {
    let trace = Trace::up_to(after(20_000), Duration::secs(20));
    let run = simulate::<Beacon>(setup, &Placement::everywhere(&setup.topology), &(), seed, trace).unwrap();
    let names = setup.topology.regions();
    let mut arrivals = Arrivals::new();
    for from in names {
        for to in names.iter().filter(|to| *to != from) {
            arrivals.extend((1..=LAST).map(|n| ((from.to_string(), to.to_string(), n), Vec::new())));
        }
    }
    for (at, line) in run.trace.lines() {
        let Some((to, rest)) = line.split_once(" got Tick(") else { continue };
        let (number, from) = rest.split_once(") from ").unwrap();
        let number: u64 = number.parse().unwrap();
        arrivals.get_mut(&(from.into(), to.into(), number)).unwrap().push(at.since(sent(number)));
    }
    (run, arrivals)
}

fn sent(number: u64) -> Time {
    after(number * EVERY_MS)
}

fn is_under_fault(number: u64) -> bool {
    (after(BEGIN_MS)..after(END_MS)).contains(&sent(number))
}

/// Whether a message is sent or would arrive within the fault.
fn meets_fault(number: u64) -> bool {
    is_under_fault(number) || (after(BEGIN_MS)..after(END_MS)).contains(&(sent(number) + DELAY))
}

fn is_between(key: &(String, String, u64), a: &str, b: &str) -> bool {
    (&*key.0, &*key.1) == (a, b) || (&*key.0, &*key.1) == (b, a)
}

fn region(place: u16) -> Target {
    Target::Region(RegionId(place))
}

fn a_and_b() -> Vec<(Target, Target)> {
    vec![(region(0), region(1)), (region(1), region(0))]
}

/// One fault between `a` and `b` of three regions.
fn between_a_and_b(action: Action, seed: u64) -> (Run, Arrivals) {
    let mut setup = world(&["a", "b", "c"]);
    setup.faults = vec![fault(action)];
    let (run, arrivals) = run(&setup, seed);
    // Whatever it is, it is on these links and while it lasts; everything else arrives once, as ever.
    for (key, copies) in &arrivals {
        if !is_between(key, "a", "b") || !meets_fault(key.2) {
            assert_eq!(copies[..], [DELAY], "{key:?}");
        }
    }
    (run, arrivals)
}

fn count(arrivals: &Arrivals, what: impl Fn(&[Duration]) -> bool) -> u64 {
    arrivals.values().filter(|copies| what(copies)).count() as u64
}

#[test]
fn without_a_fault_every_message_arrives_once() {
    let (run, arrivals) = run(&world(&["a", "b", "c"]), 1);
    assert!(arrivals.values().all(|copies| copies[..] == [DELAY]));
    let traffic = run.traffic;
    assert_eq!((traffic.messages, traffic.lost, traffic.corrupted, traffic.duplicated), (6 * LAST, 0, 0, 0));
}

#[test]
fn duplicate_delivers_again_and_counts_each() {
    let links = a_and_b();
    let (run, arrivals) = between_a_and_b(Action::Duplicate { links, parts: 1, whole: 2 }, 1);
    let twice = count(&arrivals, |copies| copies.len() == 2);
    assert!((70..130).contains(&twice), "half of 200: {twice}");
    assert_eq!(count(&arrivals, |copies| copies.len() == 1) + twice, arrivals.len() as u64, "none is lost");
    assert_eq!((run.ledger[0].kind, run.ledger[0].touched), (FaultKind::Duplicate, twice));
    assert_eq!((run.traffic.duplicated, run.traffic.messages), (twice, 6 * LAST), "copies were not sent");
    assert!(arrivals.keys().all(|key| arrivals[key].len() == 1 || is_under_fault(key.2)));
}

#[test]
fn the_second_copy_has_a_delay_of_its_own() {
    let mut setup = world(&["a", "b"]);
    let scattered = Delay::uniform(Duration::millis(10), Duration::millis(20));
    setup.topology.set_delay(RegionId(0), RegionId(1), scattered);
    setup.faults = vec![fault(Action::Duplicate { links: Vec::new(), parts: 1, whole: 1 })];
    let (run, arrivals) = run(&setup, 1);
    let there: Vec<_> = arrivals.iter().filter(|(key, _)| key.0 == "a" && is_under_fault(key.2)).collect();
    assert_eq!(there.len(), 100);
    assert!(there.iter().all(|(_, copies)| copies.len() == 2 && copies[0] != copies[1]));
    assert_eq!(run.ledger[0].touched, 200);
}

/// Two refusals of one attempt do not make up for another attempt that nobody refused.
#[test]
fn an_operation_that_came_twice_never_failed_for_certain() {
    let mut setup = world(&["a", "b"]);
    setup.workload.clients = vec![1, 1];
    setup.workload.timeout = Duration::millis(500);
    let whole = run(&setup, 1).0.measures.outcomes(None);
    assert!(whole.fail > 0 && whole.unknown == 0, "{whole:?}");
    setup.faults = vec![fault(Action::Duplicate { links: Vec::new(), parts: 1, whole: 1 })];
    let repeated = run(&setup, 1).0.measures.outcomes(None);
    assert!(repeated.unknown > 0 && repeated.fail > 0, "{repeated:?}");
}

#[test]
fn reorder_holds_some_up_and_others_overtake_them() {
    let extra = Duration::millis(80);
    let (run, arrivals) = between_a_and_b(Action::Reorder { links: a_and_b(), parts: 1, whole: 4, extra }, 1);
    assert!(arrivals.values().all(|copies| copies.len() == 1), "each arrives, once");
    let late = count(&arrivals, |copies| copies[0] > DELAY);
    assert!((30..70).contains(&late), "a quarter of 200: {late}");
    assert_eq!((run.ledger[0].kind, run.ledger[0].touched), (FaultKind::Reorder, late));
    assert!(arrivals.iter().all(|(key, copies)| copies[0] == DELAY || is_under_fault(key.2)));
    assert!(arrivals.values().all(|copies| copies[0] >= DELAY && copies[0] <= DELAY + extra));
    let by_number = |n| arrivals[&("a".to_string(), "b".to_string(), n)][0];
    let overtaken = (1..LAST).filter(|n| sent(*n) + by_number(*n) > sent(n + 1) + by_number(n + 1)).count();
    assert!(overtaken > 5, "{overtaken}");
}

#[test]
fn delay_is_longer_for_every_message_and_for_no_other() {
    let ms = Duration::millis;
    for (slow, then) in [(Slow::Times { parts: 30, whole: 10 }, ms(45)), (Slow::Add(ms(40)), ms(55))] {
        let (run, arrivals) = between_a_and_b(Action::Delay { links: a_and_b(), slow, ramp: Duration::ZERO }, 1);
        assert_eq!((run.ledger[0].kind, run.ledger[0].touched), (FaultKind::Delay, 200));
        for (key, copies) in &arrivals {
            let expected = if is_between(key, "a", "b") && is_under_fault(key.2) { then } else { DELAY };
            assert_eq!(copies[..], [expected], "{key:?}");
        }
    }
}

/// Eight bytes leave in 20 ms and come every 10 ms: each waits 10 ms longer than the one before, until one would wait longer
/// than the queue is.
#[test]
fn throttle_makes_messages_wait_for_each_other_and_fills_a_queue() {
    let (bandwidth, patience) = (Bandwidth::bits_per_second(3_200), Duration::millis(100));
    let (run, arrivals) = between_a_and_b(Action::Throttle { links: a_and_b(), bandwidth, patience }, 1);
    let mut free_at = after(BEGIN_MS);
    let mut lost = 0;
    for number in (1..=LAST).filter(|number| is_under_fault(*number)) {
        let begins = free_at.max(sent(number));
        let is_lost = begins.since(sent(number)) > patience;
        free_at = if is_lost { free_at } else { begins + Duration::millis(20) };
        let expected = if is_lost { vec![] } else { vec![free_at.since(sent(number)) + DELAY] };
        lost += u64::from(is_lost);
        for ends in [("a", "b"), ("b", "a")] {
            let copies = &arrivals[&(ends.0.into(), ends.1.into(), number)];
            assert_eq!(*copies, expected, "{ends:?} {number}");
        }
    }
    assert!((30..70).contains(&lost), "about half of 100: {lost}");
    assert_eq!((run.ledger[0].kind, run.ledger[0].touched), (FaultKind::Throttle, 200));
    assert_eq!((run.traffic.lost, run.traffic.queued_max), (2 * lost, patience + Duration::millis(20)));
}

/// A fault that leaves a line as much as it has touches nothing.
#[test]
fn throttle_is_of_lines_that_carry_more() {
    let mut setup = world(&["a", "b"]);
    setup.topology.set_bandwidth(RegionId(0), RegionId(1), Some(Bandwidth::bits_per_second(64_000)));
    let (bandwidth, patience) = (Bandwidth::bits_per_second(64_000), Duration::secs(1));
    setup.faults = vec![fault(Action::Throttle { links: Vec::new(), bandwidth, patience })];
    let (run, arrivals) = run(&setup, 1);
    assert_eq!(run.ledger[0].touched, 100, "the other direction");
    let slower = DELAY + Duration::millis(1);
    assert!(
        arrivals
            .iter()
            .all(|(key, copies)| copies[..] == [if key.0 == "a" || is_under_fault(key.2) { slower } else { DELAY }])
    );
}

#[test]
fn corrupt_drops_what_it_damages_and_counts_it_apart() {
    let links = a_and_b();
    let (run, arrivals) = between_a_and_b(Action::Corrupt { links, parts: 1, whole: 4 }, 1);
    let gone = count(&arrivals, <[Duration]>::is_empty);
    assert!((30..70).contains(&gone), "a quarter of 200: {gone}");
    assert_eq!((run.ledger[0].kind, run.ledger[0].touched), (FaultKind::Corrupt, gone));
    assert_eq!((run.traffic.corrupted, run.traffic.lost), (gone, 0));
}

#[test]
fn flap_is_a_cut_half_of_the_time() {
    let (up, down) = (Duration::millis(300), Duration::millis(100));
    let (run, arrivals) = between_a_and_b(Action::Flap { links: a_and_b(), up, down, jitter: None }, 1);
    // Down for 100 ms from 1.0 s, 1.4 s and 1.8 s on.
    let is_down = |at: Time| {
        let within = at.since(after(BEGIN_MS));
        at >= after(BEGIN_MS) && at < after(END_MS) && within.as_nanos() % 400_000_000 < 100_000_000
    };
    for (key, copies) in &arrivals {
        let lost = is_between(key, "a", "b") && (is_down(sent(key.2)) || is_down(sent(key.2) + DELAY));
        assert_eq!(copies.is_empty(), lost, "{key:?}");
    }
    let lost = count(&arrivals, <[Duration]>::is_empty);
    assert_eq!((run.ledger[0].kind, run.ledger[0].touched, run.traffic.lost), (FaultKind::Flap, lost, lost));
}

#[test]
fn a_flap_with_jitter_throws_dice_of_its_own() {
    let lost = |seed| {
        let (up, down) = (Duration::millis(100), Duration::millis(100));
        let flap = Action::Flap { links: a_and_b(), up, down, jitter: Some((1, 2)) };
        let (run, arrivals) = between_a_and_b(flap, seed);
        let lost: Vec<_> = arrivals.into_iter().filter(|(_, copies)| copies.is_empty()).map(|(key, _)| key).collect();
        assert_eq!(run.ledger[0].touched, lost.len() as u64);
        lost
    };
    assert_eq!(lost(1), lost(1));
    assert_ne!(lost(1), lost(2));
}

/// A flap that a heal ends stays ended, though it had another turn planned; so does one that the run's end heals.
#[test]
fn a_flap_ends_with_a_heal() {
    let (up, down) = (Duration::millis(300), Duration::millis(100));
    let mut setup = world(&["a", "b"]);
    let flap = Action::Flap { links: a_and_b(), up, down, jitter: None };
    let heal = Fault { at: after(1_050), lasts: None, ..fault(Action::Heal) };
    setup.faults = vec![Fault { lasts: None, ..fault(flap) }, heal];
    let (run, arrivals) = run(&setup, 1);
    let lost = arrivals.iter().filter(|(_, copies)| copies.is_empty());
    assert!(lost.clone().all(|(key, _)| sent(key.2) < after(1_050)));
    assert_eq!((run.ledger[0].touched, run.ledger[1].touched), (lost.count() as u64, 1));
}

#[test]
fn gateway_down_cuts_the_nodes_of_a_region_from_all_others() {
    let mut setup = world(&["a", "b", "c"]);
    setup.workload.clients = vec![0, 1, 0];
    setup.workload.timeout = Duration::millis(500);
    setup.faults = vec![fault(Action::GatewayDown(vec![region(0)]))];
    let (run, arrivals) = run(&setup, 1);
    for (key, copies) in &arrivals {
        let lost = meets_fault(key.2) && (key.0 == "a" || key.1 == "a");
        assert_eq!(copies.is_empty(), lost, "{key:?}");
    }
    let lost = count(&arrivals, <[Duration]>::is_empty);
    assert_eq!((run.ledger[0].kind, run.ledger[0].touched, run.traffic.lost), (FaultKind::GatewayDown, lost, lost));
    let asked = run.measures.outcomes(None);
    assert!(asked.fail > 10 && asked.unknown == 0, "every client was answered, from wherever: {asked:?}");
}

#[test]
fn shapes_cut_the_links_they_name() {
    type Case = (Shape, FaultKind, &'static [(&'static str, &'static str)]);
    let cases: [Case; 3] = [
        (Shape::Bridge, FaultKind::Bridge, &[("a", "d"), ("a", "e"), ("b", "d"), ("b", "e")]),
        (Shape::Ring, FaultKind::Ring, &[("a", "c"), ("a", "d"), ("b", "d"), ("b", "e"), ("c", "e")]),
        (
            Shape::MajorityMinority,
            FaultKind::MajorityMinority,
            &[("a", "d"), ("a", "e"), ("b", "d"), ("b", "e"), ("c", "d"), ("c", "e")],
        ),
    ];
    for (shape, kind, cut) in cases {
        let mut setup = world(&["a", "b", "c", "d", "e", "f"]);
        setup.faults = vec![fault(Action::Shape { shape, places: (0..5).map(region).collect() })];
        let (run, arrivals) = run(&setup, 1);
        for (key, copies) in &arrivals {
            let lost = meets_fault(key.2) && cut.iter().any(|(a, b)| is_between(key, a, b));
            assert_eq!(copies.is_empty(), lost, "{shape:?} {key:?}");
        }
        let lost = count(&arrivals, <[Duration]>::is_empty);
        assert_eq!((run.ledger[0].kind, run.ledger[0].touched), (kind, lost));
    }
}

/// Faults add up, and each is counted for what it did.
#[test]
fn faults_on_one_link_compose() {
    let mut setup = world(&["a", "b"]);
    let links = a_and_b;
    setup.faults = vec![
        fault(Action::Duplicate { links: links(), parts: 1, whole: 1 }),
        fault(Action::Delay { links: links(), slow: Slow::Add(Duration::millis(40)), ramp: Duration::ZERO }),
        fault(Action::Corrupt { links: links(), parts: 1, whole: 4 }),
    ];
    let (run, arrivals) = run(&setup, 1);
    let gone = count(&arrivals, <[Duration]>::is_empty);
    let later = [DELAY + Duration::millis(40); 2];
    assert_eq!(count(&arrivals, |copies| copies == later), 200 - gone);
    let touched: Vec<u64> = run.ledger.iter().map(|entry| entry.touched).collect();
    assert_eq!(touched, [200 - gone, 2 * (200 - gone), gone]);
}

#[test]
fn what_touches_nothing_is_void() {
    let mut setup = world(&["a", "b"]);
    let extra = Duration::millis(1);
    let kinds = [
        Action::Duplicate { links: a_and_b(), parts: 1, whole: 1 },
        Action::Corrupt { links: a_and_b(), parts: 1, whole: 1 },
        Action::Reorder { links: a_and_b(), parts: 1, whole: 1, extra },
        Action::Delay { links: a_and_b(), slow: Slow::Add(extra), ramp: Duration::ZERO },
        Action::Throttle { links: a_and_b(), bandwidth: Bandwidth::bits_per_second(1), patience: extra },
        Action::Flap { links: a_and_b(), up: extra, down: extra, jitter: None },
    ];
    for action in kinds {
        // Nobody says anything any more.
        setup.faults = vec![Fault { at: after(3_500), lasts: Some(Duration::millis(100)), ..fault(action) }];
        let (run, _) = run(&setup, 1);
        assert!(run.ledger[0].fired && run.ledger[0].is_void(), "{:?}", run.ledger[0]);
    }
}

/// Recorded before links could do more than lose.
#[test]
fn a_run_without_them_is_the_run_it_was() {
    for (file, design, events, digest) in [
        ("hello", "one-copy-decides", 9_039, "837aee8fbda0f8f7"),
        ("hello", "both-decide", 7_746, "0767a3aa39494f5f"),
        ("region-loss", "consensus", 133_413, "decc892d759f02aa"),
    ] {
        let path = format!("{}/scenarios/{file}.toml", env!("CARGO_MANIFEST_DIR"));
        let scenario = Scenario::parse(&std::fs::read_to_string(&path).unwrap(), &path).unwrap();
        let design = scenario.designs.iter().find(|found| found.name == design).unwrap();
        let run = design.run(&scenario.setup, 1, Trace::off());
        assert_eq!((run.events, run.digest.to_string()), (events, digest.into()), "{file} {}", design.name);
    }
}
