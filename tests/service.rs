//! Nodes that take time, against closed forms, and what becomes of their work.
//!
//! One node answers every request at once when its turn comes; clients are beside it, so a latency is a sojourn time. The
//! figures: M/M/1 sojourn `1 / (mu (1 - rho))`, waiting `rho / (mu (1 - rho))`, sojourn p99 `-ln 0.01 / (mu (1 - rho))`; M/D/1
//! waiting half of that; M/M/c by Erlang's C. Little's law for closed loops.

mod support;

use std::collections::BTreeMap;

use riftzone::id::{NodeId, RegionId};
use riftzone::model::fault::{Action, Fault, Slow, Target};
use riftzone::model::service::{Capacity, Cold, Load, ServiceModel, WhenFull};
use riftzone::model::workload::{Arrivals, KeyChooser, Mix};
use riftzone::op::{Op, OpKind, Reply};
use riftzone::protocol::{Context, Payload, Protocol, Request, State};
use riftzone::sim::{Placement, Run, Setup, simulate};
use riftzone::time::Duration;
use riftzone::trace::{FaultKind, Trace};

use support::{after, constant_world};

/// Answers whatever it is asked, says a number to the others every ten milliseconds, and keeps nothing.
struct Desk;

#[derive(Clone, Debug)]
struct Word;

impl Payload for Word {
    fn bytes(&self) -> u32 {
        8
    }
}

impl Protocol for Desk {
    type Message = Word;
    type Timer = ();
    type Record = ();
    type Session = ();
    /// Whether it says anything.
    type Options = bool;

    fn start(talks: &bool, _: Vec<()>, cx: &mut Context<Self>) -> Self {
        if *talks {
            cx.set_timer((), Duration::millis(10));
        }
        Desk
    }

    fn on_request(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        let reply = if matches!(request.op, Op::Read(_)) { Reply::Read(None) } else { Reply::Written };
        cx.reply(request.id, reply);
    }

    fn on_message(&mut self, _: NodeId, _: Word, _: &mut Context<Self>) {}

    fn on_timer(&mut self, (): (), cx: &mut Context<Self>) {
        cx.broadcast(Word);
        cx.set_timer((), Duration::millis(10));
    }

    fn state(&self) -> State {
        State::serving(BTreeMap::new())
    }
}

const MILLISECOND: Duration = Duration::millis(1);

fn capacity(cores: u32, is_exponential: bool) -> Capacity {
    Capacity { cores, read: MILLISECOND, write: MILLISECOND, is_exponential, ..Capacity::default() }
}

/// One region whose clients read so many thousand times, with `gap` between them.
fn queue(capacity: Capacity, arrivals: Arrivals, seconds: u64) -> Setup {
    let mut setup = constant_world(&["here"], 0, seconds);
    setup.workload.clients = vec![1];
    setup.workload.arrivals = arrivals;
    setup.workload.mix = Mix { read: 1, write: 0, compare_and_set: 0 };
    setup.workload.keys = KeyChooser::uniform(1);
    setup.workload.timeout = Duration::secs(60);
    setup.workload.warm_up = Duration::ZERO;
    setup.service = Some(ServiceModel::everywhere(capacity, 1));
    setup
}

fn run(setup: &Setup, seed: u64) -> Run {
    simulate::<Desk>(setup, &Placement::everywhere(&setup.topology), &false, seed, Trace::off()).unwrap()
}

/// Mean and 99th percentile of the time from question to answer, in milliseconds, over four seeds.
fn sojourn(capacity: Capacity, gap: Duration, seconds: u64) -> (f64, f64) {
    let runs = (1..=4).map(|seed| run(&queue(capacity, Arrivals::Poisson(gap), seconds), seed));
    let latencies = runs.map(|run| run.measures.latency(RegionId(0), OpKind::Read).clone()).reduce(|mut all, one| {
        all.merge(&one);
        all
    });
    let latencies = latencies.unwrap();
    (latencies.mean().as_millis_f64(), latencies.quantile(0.99).as_millis_f64())
}

fn assert_within(what: &str, measured: f64, expected: f64) {
    assert!((measured / expected - 1.0).abs() < 0.03, "{what}: {measured}, expected {expected}");
}

/// More load needs more time to be seen in the mean.
const LOADS: [(f64, u64); 3] = [(0.5, 60), (0.8, 150), (0.9, 400)];

#[test]
fn x2_one_exponential_server() {
    for (rho, seconds) in LOADS {
        let (mean, p99) = sojourn(capacity(1, true), Duration::nanos((1e6 / rho) as u64), seconds);
        assert_within(&format!("W at {rho}"), mean, 1.0 / (1.0 - rho));
        assert_within(&format!("Wq at {rho}"), mean - 1.0, rho / (1.0 - rho));
        assert_within(&format!("p99 at {rho}"), p99, 4.605_170_186 / (1.0 - rho));
    }
}

#[test]
fn x2_one_server_that_always_takes_as_long() {
    for (rho, seconds) in LOADS {
        let (mean, _) = sojourn(capacity(1, false), Duration::nanos((1e6 / rho) as u64), seconds);
        assert_within(&format!("Wq at {rho}"), mean - 1.0, rho / (2.0 * (1.0 - rho)));
        assert_within(&format!("W at {rho}"), mean, 1.0 + rho / (2.0 * (1.0 - rho)));
    }
}

/// Offered 1.6 of two cores: Erlang's C is 0.711111, and 1.777778 service times are waited in the mean.
#[test]
fn f17_two_exponential_servers() {
    let (mean, _) = sojourn(capacity(2, true), Duration::nanos(625_000), 100);
    assert_within("Wq", mean - 1.0, 1.777_778);
}

/// Little's law: as many answers a second as clients over the time from question to question.
#[test]
fn f18_a_closed_loop() {
    for (clients, think_ms) in [(1, 4), (3, 9), (40, 9)] {
        let mut setup = queue(capacity(1, false), Arrivals::Closed(Duration::millis(think_ms)), 20);
        setup.workload.clients = vec![clients];
        let run = run(&setup, 1);
        let latency = run.measures.latency(RegionId(0), OpKind::Read).mean().as_secs_f64();
        let throughput = run.measures.outcomes(None).ok as f64 / 20.0;
        let expected = f64::from(clients) / (latency + think_ms as f64 / 1e3);
        assert!((throughput / expected - 1.0).abs() < 0.01, "{clients}: {throughput} for {expected}");
        let most = if clients == 40 { 1_000.0 } else { f64::from(clients) * 1e3 / (think_ms as f64 + 1.0) };
        assert!((throughput / most - 1.0).abs() < 0.15, "{clients}: {throughput} of {most}");
    }
}

#[test]
fn work_that_takes_no_time_changes_no_latency() {
    let mut setup = queue(Capacity::default(), Arrivals::Paced(MILLISECOND), 5);
    let free = run(&setup, 1);
    setup.service = None;
    let without = run(&setup, 1);
    assert_eq!(free.measures.outcomes(None), without.measures.outcomes(None));
    assert_eq!(free.measures.latency(RegionId(0), OpKind::Read).max(), Duration::ZERO);
    assert_eq!(free.digest, without.digest);
    assert!(without.loads.is_empty() && free.loads[0].busy.is_zero());
}

#[test]
fn a_full_queue_refuses_or_drops() {
    let burst = |when_full| {
        let capacity = Capacity { queue: Some(3), when_full, ..capacity(1, false) };
        let mut setup = queue(capacity, Arrivals::Paced(Duration::micros(500)), 2);
        setup.workload.timeout = Duration::millis(50);
        setup.workload.backoff = Duration::secs(1);
        run(&setup, 1)
    };
    let refused = burst(WhenFull::Refuse);
    let dropped = burst(WhenFull::Drop);
    for run in [&refused, &dropped] {
        let outcomes = run.measures.outcomes(None);
        assert!((1_995..=2_010).contains(&outcomes.ok), "{outcomes:?}: one a millisecond");
        assert_eq!(run.loads[0].turned_away + outcomes.ok, outcomes.total());
        assert_eq!(run.loads[0].queue_max, 3);
        assert!(run.measures.latency(RegionId(0), OpKind::Read).max() <= Duration::millis(4));
        assert!((run.loads[0].utilization(Duration::secs(2)) - 1.0).abs() < 0.01, "{:?}", run.loads);
    }
    let (refused, dropped) = (refused.measures.outcomes(None), dropped.measures.outcomes(None));
    assert_eq!((refused.unknown, dropped.fail), (0, 0), "who is refused knows, and who is dropped does not");
}

fn fault(action: Action) -> Fault {
    Fault { at: after(1_000), lasts: Some(Duration::secs(1)), action, may_touch_nothing: false }
}

fn ledger(setup: &Setup, talks: bool) -> Run {
    simulate::<Desk>(setup, &Placement::everywhere(&setup.topology), &talks, 1, Trace::off()).unwrap()
}

/// A read every ten milliseconds in each of two regions, of which only the first is burdened.
fn two_desks() -> Setup {
    let mut setup = constant_world(&["a", "b"], 30, 4);
    setup.workload.arrivals = Arrivals::Paced(Duration::millis(10));
    setup.workload.mix = Mix { read: 1, write: 0, compare_and_set: 0 };
    setup.workload.timeout = Duration::millis(500);
    let capacity = Capacity { message: Duration::micros(100), timer: Duration::micros(10), ..capacity(1, false) };
    setup.service = Some(ServiceModel::everywhere(capacity, 2));
    setup
}

const A: Target = Target::Region(RegionId(0));

#[test]
fn slow_touches_each_piece_of_work_begun() {
    let mut setup = two_desks();
    setup.faults = vec![fault(Action::Slow { nodes: vec![A], slow: Slow::Times { parts: 4, whole: 1 } })];
    let run = ledger(&setup, true);
    // In its second: a hundred reads, as many timers and messages, but for those at its ends.
    let entry = run.ledger[0];
    assert_eq!(entry.kind, FaultKind::Slow);
    assert!((297..=303).contains(&entry.touched), "{entry:?}");
    let latency = |region| run.measures.latency(RegionId(region), OpKind::Read).max();
    assert!(latency(0) >= Duration::millis(4) && latency(0) < Duration::millis(5), "{}", latency(0));
    assert!(latency(1) < Duration::millis(2), "{}", latency(1));
}

#[test]
fn gray_drops_requests_and_nothing_else() {
    let mut setup = two_desks();
    setup.service = None;
    setup.faults = vec![fault(Action::Gray(vec![A]))];
    let gray = ledger(&setup, true);
    assert_eq!((gray.ledger[0].kind, gray.ledger[0].touched), (FaultKind::Gray, 100));
    let outcomes = [0, 1].map(|region| gray.measures.outcomes(Some(RegionId(region))));
    assert_eq!((outcomes[0].unknown, outcomes[1].unknown), (100, 0));
    setup.faults.clear();
    assert_eq!(gray.traffic, ledger(&setup, true).traffic, "messages between nodes go on");
}

#[test]
fn load_touches_each_operation_that_begins() {
    let mut setup = two_desks();
    let load = Load { parts: 4, whole: 1, ramp: Duration::ZERO };
    let before = ledger(&setup, false).measures.outcomes(Some(RegionId(1)));
    setup.faults = vec![fault(Action::Load { regions: vec![RegionId(0)], load })];
    let run = ledger(&setup, false);
    assert!((398..=402).contains(&run.ledger[0].touched), "{:?}", run.ledger[0]);
    assert_eq!(run.measures.outcomes(Some(RegionId(1))), before, "the other region asks as ever");
    assert_eq!(run.measures.outcomes(Some(RegionId(0))).total(), before.total() + run.ledger[0].touched * 3 / 4);
    // A ramp over the whole fault makes it one and a half times as many extra operations, and not three.
    setup.faults = vec![fault(Action::Load { regions: vec![], load: Load { ramp: Duration::secs(1), ..load } })];
    let ramped = ledger(&setup, false).ledger[0].touched;
    assert!((480..=520).contains(&ramped), "{ramped}");
}

#[test]
fn quiesce_touches_each_operation_that_does_not_begin() {
    let mut setup = two_desks();
    let before = ledger(&setup, false);
    let asked = |run: &Run, region| run.measures.outcomes(Some(RegionId(region))).total();
    setup.faults = vec![fault(Action::Quiesce(vec![RegionId(0)]))];
    let quiet = ledger(&setup, false);
    assert_eq!((quiet.ledger[0].kind, quiet.ledger[0].touched), (FaultKind::Quiesce, 100));
    assert_eq!(asked(&quiet, 0) + 100, asked(&before, 0));
    assert_eq!(asked(&quiet, 1), asked(&before, 1), "the other region asks as ever");
    // Clients of a closed loop begin again when it ends, one operation late each: of two faults, at the end of the later.
    setup.workload.arrivals = Arrivals::Closed(Duration::millis(10));
    setup.workload.clients = vec![3, 0];
    setup.faults.clear();
    let before = ledger(&setup, false);
    let longer = Fault { lasts: Some(Duration::millis(1_500)), ..fault(Action::Quiesce(vec![])) };
    setup.faults = vec![fault(Action::Quiesce(vec![RegionId(0)])), longer];
    let quiet = ledger(&setup, false);
    assert_eq!(quiet.ledger.iter().map(|entry| entry.touched).collect::<Vec<_>>(), [3, 6]);
    let (quiet, before) = (asked(&quiet, 0), asked(&before, 0));
    assert!(quiet < before * 6 / 10 && quiet > before * 4 / 10, "half of three seconds: {quiet} of {before}");
}

#[test]
fn burdens_that_touch_nothing_are_void() {
    let mut setup = two_desks();
    setup.service = None;
    let nodes = vec![A];
    setup.faults = vec![fault(Action::Slow { nodes: nodes.clone(), slow: Slow::Times { parts: 4, whole: 1 } })];
    assert!(ledger(&setup, true).ledger[0].is_void(), "nothing takes time");
    setup.workload.clients = vec![0, 1];
    let load = Load { parts: 4, whole: 1, ramp: Duration::ZERO };
    setup.faults = vec![fault(Action::Gray(nodes)), fault(Action::Load { regions: vec![RegionId(0)], load })];
    let run = ledger(&setup, true);
    assert!(run.ledger.iter().all(|entry| entry.fired && entry.is_void()), "{:?}", run.ledger);
}

/// The work in service and in the queue is lost with its node; a paused node does it when it goes on.
#[test]
fn a_crash_loses_the_queue_and_a_pause_does_not() {
    let mut setup = queue(capacity(1, false), Arrivals::Paced(Duration::micros(900)), 3);
    setup.workload.timeout = Duration::secs(3);
    let stop = |action| Fault { lasts: Some(Duration::millis(100)), ..fault(action) };
    setup.faults = vec![stop(Action::Crash(vec![A]))];
    let crashed = run(&setup, 1);
    setup.faults = vec![stop(Action::Pause(vec![A]))];
    let paused = run(&setup, 1);
    // A backlog grows by one request in ten milliseconds: it is about a hundred after a second.
    let lost = crashed.measures.outcomes(None).unknown;
    assert!((200..=240).contains(&lost), "{lost}: the queue, and what came while the node was down");
    assert_eq!(paused.measures.outcomes(None).unknown, 0);
    assert!(crashed.breaches.is_empty() && paused.breaches.is_empty());
}

#[test]
fn a_node_that_comes_back_is_cold_and_warms() {
    let mut setup = queue(capacity(1, false), Arrivals::Paced(Duration::millis(20)), 10);
    let cold = Cold { parts: 9, whole: 1, warms_in: Duration::secs(4) };
    setup.service.as_mut().unwrap().cold = Some(cold);
    let warm = run(&setup, 1);
    assert_eq!(warm.measures.latency(RegionId(0), OpKind::Read).max(), MILLISECOND, "a run begins warm");
    setup.faults = vec![Fault { lasts: Some(Duration::millis(100)), ..fault(Action::Crash(vec![A])) }];
    let run = run(&setup, 1);
    let latency = run.measures.latency(RegionId(0), OpKind::Read);
    assert!(latency.max() > Duration::micros(8_900) && latency.max() <= Duration::millis(9), "{}", latency.max());
    // Two hundred reads in four seconds at five milliseconds in the mean, and some 290 warm ones at one.
    let extra = (latency.mean().as_millis_f64() - 1.0) * latency.count() as f64;
    assert!((extra / 800.0 - 1.0).abs() < 0.03, "{extra}");
}

/// Two regions that each use six tenths of their own nodes: alone, one of them has a fifth more than it can do.
#[test]
fn a_survivor_saturates() {
    let mut setup = two_desks();
    setup.workload.arrivals = Arrivals::Poisson(Duration::micros(1_667));
    setup.workload.retry_after = Some(Duration::millis(100));
    setup.faults = vec![Fault { lasts: Some(Duration::secs(2)), ..fault(Action::Crash(vec![A])) }];
    let with = |cores: u32| {
        let mut setup = setup.clone();
        setup.service.as_mut().unwrap().regions[1].cores = cores;
        ledger(&setup, false)
    };
    let [one, two] = [1, 2].map(with);
    let p99 = |run: &Run| run.measures.latency(RegionId(1), OpKind::Read).quantile(0.99);
    assert!(p99(&one) > Duration::millis(100) && p99(&two) < Duration::millis(10), "{} {}", p99(&one), p99(&two));
    assert!(one.measures.outcomes(None).availability() < two.measures.outcomes(None).availability());
}
