//! How clients find a region: caches of names, checkers, balancers, routes, ejections, and clients that move; and the closed forms
//! of detection and failover by name.

mod support;

use std::collections::BTreeMap;

use riftzone::check::level::{Level, judge};
use riftzone::history::Outcome;
use riftzone::id::{NodeId, RegionId, RequestId, Role};
use riftzone::model::fault::{Action, Fault, Target};
use riftzone::model::routing::{Check, Depth, Dns, IgnoreTtl, Keep, Outlier, Policy, Roam, Routing};
use riftzone::model::stonith::Stonith;
use riftzone::model::workload::{Arrivals, KeyChooser, Mix};
use riftzone::op::Reply;
use riftzone::protocol::last_writer_wins::{LastWriterWins, Options};
use riftzone::protocol::primary_backup::{self, PrimaryBackup};
use riftzone::protocol::{Context, Payload, Protocol, Request, State};
use riftzone::rng::Stream;
use riftzone::sim::{Placement, Run, Setup, simulate};
use riftzone::time::{Duration, Time};
use riftzone::trace::{Rows, Trace};

use support::{after, constant_world};

const MS: fn(u64) -> Duration = Duration::millis;
const S: fn(u64) -> Duration = Duration::secs;

/// Two regions 10 ms apart one way, one client in the first that asks at once again, and the second region's checker.
fn world(seconds: u64) -> Setup {
    let mut setup = constant_world(&["a", "b", "c"], 20, seconds);
    setup.workload.clients = vec![1, 0, 0];
    setup.workload.arrivals = Arrivals::Closed(MS(5));
    setup.workload.timeout = MS(50);
    setup.workload.mix = Mix { read: 0, write: 1, compare_and_set: 0 };
    setup
}

const TIMEOUT: Duration = Duration::millis(40);

fn check(interval: Duration) -> Check {
    let (rise, fall) = (3, 3);
    Check { from: Some(RegionId(1)), interval, timeout: TIMEOUT, rise, fall, depth: Depth::Deep, agree: None }
}

fn dns(ttl: Duration) -> Dns {
    Dns { ttl, publish: Duration::ZERO, ignore: None }
}

fn routed(policy: Policy, check: Option<Check>) -> Option<Routing> {
    Some(Routing { check, ..Routing::new(policy) })
}

fn fault(at: u64, lasts: u64, action: Action) -> Fault {
    Fault { at: after(at * 1_000), lasts: Some(S(lasts)), action, may_touch_nothing: false }
}

fn crash(at: u64, lasts: u64, region: u16) -> Fault {
    fault(at, lasts, Action::Crash(vec![Target::Region(RegionId(region))]))
}

fn run(setup: &Setup, seed: u64) -> Run {
    let placement = Placement { regions: vec![RegionId(0), RegionId(1)], groups: 1 };
    let trace = Trace::off().keeping(Rows::All);
    simulate::<LastWriterWins>(setup, &placement, &Options::default(), seed, trace).unwrap()
}

/// When the checkers found the node of region `a` dead, after a fault that began at `at`.
fn detection(run: &Run, at: Time) -> Duration {
    let first = run.health.first().expect("the node was found dead");
    assert_eq!((first.node, first.healthy), (NodeId(0), false));
    first.at.since(at)
}

/// V4 and F19: detection in ((k - 1) I, k I], visible to a client at most a TTL later, each as often as every other.
#[test]
fn route_53_by_its_closed_form() {
    const SEEDS: u64 = 400;
    for (interval, least, most, worst, mean) in [(10, 20, 30, 90.0, 55.0), (30, 60, 90, 150.0, 105.0)] {
        let mut setup = world(400);
        setup.workload.arrivals = Arrivals::Closed(MS(500));
        setup.routing = routed(Policy::Dns(dns(S(60))), Some(check(S(interval))));
        setup.faults = vec![crash(150, 245, 0)];
        let (mut sum, mut longest, mut shortest) = (0.0, 0.0_f64, f64::MAX);
        for seed in 1..=SEEDS {
            let run = run(&setup, seed);
            // A probe that was sent up to 10 ms before the crash arrives after it; a lost one is decided after 40 ms.
            let detection = detection(&run, after(150_000));
            let span = S(least) + TIMEOUT - MS(10)..=S(most) + TIMEOUT;
            assert!(span.contains(&detection), "seed {seed}: {detection}");
            let seen = run.outage_by_region[0].as_secs_f64();
            assert!(seen >= detection.as_secs_f64(), "seed {seed}: {seen} after {detection}");
            (sum, longest, shortest) = (sum + seen, longest.max(seen), shortest.min(seen));
        }
        // Detection and age of the answer are uniform: their variances are I²/12 and TTL²/12.
        let deviation = ((interval * interval + 60 * 60) as f64 / 12.0).sqrt() / (SEEDS as f64).sqrt();
        // Half of the client's own pace, which is 550 ms while nobody answers, and the probe's timeout.
        let expected = mean + 0.275 + 0.035;
        assert!((sum / SEEDS as f64 - expected).abs() < 3.0 * deviation, "mean {} for {expected}", sum / SEEDS as f64);
        let slack = 0.7;
        assert!(longest <= worst + slack && longest > worst - 8.0, "the worst of {SEEDS}: {longest}, at most {worst}");
        assert!(shortest < least as f64 + 8.0, "the best of {SEEDS}: {shortest}");
    }
}

#[test]
fn without_a_routing_nothing_moves_and_with_the_nearest_neither() {
    let mut setup = world(20);
    setup.faults = vec![crash(5, 5, 0)];
    let before = run(&setup, 1);
    setup.routing = Some(Routing::new(Policy::Nearest));
    assert_eq!(before.digest, run(&setup, 1).digest);
    assert!(before.health.is_empty());
}

/// The regions whose nodes completed what began from `from` to `to`, in seconds.
fn servers(run: &Run, from: u64, to: u64) -> Vec<usize> {
    let span = after(from * 1_000)..after(to * 1_000);
    let ok = run.history.iter().filter(|op| span.contains(&op.invoked) && op.outcome == Outcome::Ok);
    let mut regions: Vec<usize> = ok.filter_map(|op| Some(run.nodes[op.server?.index()].region.index())).collect();
    regions.sort_unstable();
    regions.dedup();
    regions
}

#[test]
fn home_clients_stay_whatever_happens() {
    let mut setup = world(20);
    setup.faults = vec![crash(5, 10, 0)];
    setup.routing = routed(Policy::Home, None);
    let run = run(&setup, 1);
    assert_eq!(servers(&run, 0, 20), [0]);
    assert!(run.outage_by_region[0] >= S(10));
}

#[test]
fn an_answer_that_is_kept_for_ever_is_left_at_no_failure_and_one_until_broken_at_the_first() {
    let seen = |keep| {
        let mut setup = world(60);
        setup.faults = vec![crash(10, 40, 0)];
        let ignore = Some(IgnoreTtl { parts: 1, whole: 1, keep });
        setup.routing = routed(Policy::Dns(Dns { ignore, ..dns(S(5)) }), Some(check(S(1))));
        run(&setup, 1).outage_by_region[0]
    };
    assert!(seen(Keep::Forever) >= S(40));
    assert!((S(2)..S(4)).contains(&seen(Keep::UntilBroken)));
    assert!(seen(Keep::For(S(20))) <= S(24));
}

#[test]
fn a_long_lived_connection_does_not_come_back_until_it_breaks() {
    let at_the_end = |long_lived| {
        let mut setup = world(60);
        setup.faults = vec![crash(10, 10, 0)];
        setup.routing = routed(Policy::NearestHealthy, Some(check(S(1)))).map(|r| Routing { long_lived, ..r });
        servers(&run(&setup, 1), 40, 60)
    };
    assert_eq!(at_the_end(false), [0]);
    assert_eq!(at_the_end(true), [1]);
}

/// A process that hangs takes connections: shallow probes stay green, and deep ones do not.
#[test]
fn a_gray_node_is_green_to_shallow_checks() {
    let changes = |depth, action| {
        let mut setup = world(30);
        setup.faults = vec![fault(10, 10, action)];
        setup.routing = routed(Policy::NearestHealthy, Some(Check { depth, ..check(S(1)) }));
        let run = run(&setup, 1);
        assert!(run.ledger[0].touched > 0);
        run.health.iter().map(|change| change.healthy).collect::<Vec<_>>()
    };
    let a = || vec![Target::Region(RegionId(0))];
    assert!(changes(Depth::Shallow, Action::Pause(a())).is_empty());
    assert_eq!(changes(Depth::Deep, Action::Pause(a())), [false, true]);
    assert_eq!(changes(Depth::Shallow, Action::Crash(a())), [false, true]);
    assert_eq!(changes(Depth::Shallow, Action::Isolate(a())), [false, true]);
}

/// Probes are messages: with nobody else there, what a cut touches is probes.
#[test]
fn probes_are_lost_in_cuts_and_in_its_ledger() {
    let mut setup = world(30);
    setup.workload.warm_up = S(29);
    setup.routing = routed(Policy::NearestHealthy, Some(Check { depth: Depth::Shallow, ..check(S(1)) }));
    let one_way = |from, to| fault(10, 10, Action::Cut { links: vec![(from, to)], one_way: true });
    let (a, b) = (Target::Region(RegionId(0)), Target::Region(RegionId(1)));
    for cut in [one_way(b, a), one_way(a, b)] {
        setup.faults = vec![cut];
        let placement = Placement { regions: vec![RegionId(0)], groups: 1 };
        let run = simulate::<LastWriterWins>(&setup, &placement, &Options::default(), 1, Trace::off()).unwrap();
        assert_eq!(run.ledger[0].touched, 10, "one a second");
        assert_eq!(run.health.len(), 2);
    }
}

/// One checker behind a cut does not outvote two who see the node.
#[test]
fn checkers_vote() {
    let changes = |agree| {
        let mut setup = world(30);
        let (a, c) = (Target::Region(RegionId(0)), Target::Region(RegionId(2)));
        setup.faults = vec![fault(10, 10, Action::Cut { links: vec![(a, c), (c, a)], one_way: false })];
        let check = Check { from: None, agree, depth: Depth::Shallow, ..check(S(1)) };
        setup.routing = routed(Policy::Balancer { at: None }, Some(check));
        run(&setup, 1).health.len()
    };
    assert_eq!(changes(None), 0, "one of three");
    assert_eq!(changes(Some(1)), 2);
}

#[test]
fn a_balancer_adds_one_hop_to_the_request_and_none_to_the_answer() {
    let latency = |routing| {
        let mut setup = world(10);
        setup.workload.timeout = S(1);
        setup.routing = routing;
        run(&setup, 1).measures.latency_overall(true).max()
    };
    let check = Some(check(S(1)));
    assert_eq!(latency(None), Duration::ZERO, "its own region is no delay away");
    assert_eq!(latency(routed(Policy::Balancer { at: None }, check)), Duration::ZERO);
    // To the balancer in `b`, which serves there: the answer comes straight back.
    assert_eq!(latency(routed(Policy::Balancer { at: Some(RegionId(1)) }, check)), MS(20));
    // The balancer in `c` is as far from everyone, and sends to `a`.
    assert_eq!(latency(routed(Policy::Balancer { at: Some(RegionId(2)) }, check)), MS(20));
}

#[test]
fn a_balancer_leaves_a_dead_region_at_once_when_it_knows() {
    let mut setup = world(40);
    setup.faults = vec![crash(10, 20, 0)];
    setup.routing = routed(Policy::Balancer { at: None }, Some(check(S(1))));
    let run = run(&setup, 1);
    assert!((S(2)..S(4)).contains(&run.outage_by_region[0]), "{}", run.outage_by_region[0]);
    assert_eq!((servers(&run, 15, 30), servers(&run, 35, 40)), (vec![1], vec![0]));
}

#[test]
fn routes_change_after_they_have_converged() {
    let mut setup = world(60);
    setup.faults = vec![crash(10, 20, 0)];
    setup.routing = routed(Policy::Anycast { convergence: S(8) }, Some(check(S(1))));
    let run = run(&setup, 1);
    let outage = run.outage_by_region[0].as_secs_f64() - detection(&run, after(10_000)).as_secs_f64();
    assert!((8.0..8.2).contains(&outage), "{outage}");
    assert_eq!((servers(&run, 32, 39), servers(&run, 45, 60)), (vec![1], vec![0]), "and back as late");
}

#[test]
fn where_nobody_is_healthy_everybody_is_asked() {
    let mut setup = world(30);
    setup.faults = vec![fault(10, 10, Action::Isolate(vec![Target::Region(RegionId(1))]))];
    // The one checker is cut off, and finds region `a` dead; its own it still sees, but that is of no use to the client.
    setup.routing = routed(Policy::NearestHealthy, Some(check(S(1))));
    let placement = Placement { regions: vec![RegionId(0)], groups: 1 };
    let trace = Trace::off().keeping(Rows::All);
    let run = simulate::<LastWriterWins>(&setup, &placement, &Options::default(), 1, trace).unwrap();
    assert_eq!(run.health.len(), 2);
    assert!(run.outage_by_region[0].is_zero());
}

/// Five failures in a row, then other regions for `base`, and twice as long the next time.
#[test]
fn failed_requests_eject_a_region_for_longer_each_time() {
    let mut setup = world(120);
    setup.faults = vec![crash(10, 100, 0)];
    let outlier = Outlier { failures: 5, base: S(10), longest: S(60) };
    setup.routing = routed(Policy::NearestHealthy, None).map(|routing| Routing { outlier: Some(outlier), ..routing });
    let run = run(&setup, 1);
    // A failure is a timeout of 50 ms and 5 ms of thought: ejected for 10, 20, 30 s after about 275 ms each.
    let failed: Vec<u64> = run
        .history
        .iter()
        .filter(|op| op.outcome != Outcome::Ok)
        .map(|op| op.invoked.as_nanos() / 10_000_000_000)
        .collect();
    assert_eq!(failed, [1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4, 7, 7, 7, 7, 7], "in tens of seconds");
}

#[test]
fn an_ejected_region_fails_over_where_it_should() {
    let to = |failover: Vec<(RegionId, RegionId)>| {
        let mut setup = world(20);
        setup.faults = vec![crash(5, 10, 0)];
        let outlier = Some(Outlier { failures: 2, base: S(30), longest: S(30) });
        setup.routing = routed(Policy::NearestHealthy, None).map(|routing| Routing { outlier, failover, ..routing });
        let placement = Placement::everywhere(&setup.topology);
        let trace = Trace::off().keeping(Rows::All);
        let run = simulate::<LastWriterWins>(&setup, &placement, &Options::default(), 1, trace).unwrap();
        servers(&run, 7, 14)
    };
    assert_eq!(to(vec![]), [1], "the nearest");
    assert_eq!(to(vec![(RegionId(0), RegionId(2))]), [2]);
}

/// Clients of `a` move to `b`, which has not heard of their writes: they do not read what they wrote.
#[test]
fn a_session_that_moves_meets_a_copy_that_is_behind() {
    let moved = |parts, clients: [u32; 3], arrivals| {
        let mut setup = world(30);
        setup.workload.clients = clients.to_vec();
        setup.workload.mix = Mix { read: 1, write: 1, compare_and_set: 0 };
        setup.workload.arrivals = arrivals;
        setup.workload.keys = KeyChooser::uniform(20);
        // What `a` writes does not reach `b` before the clients do.
        let links = vec![(Target::Role(RegionId(0), Role::Replica), Target::Region(RegionId(1)))];
        setup.faults = vec![fault(0, 25, Action::Cut { links, one_way: true })];
        let roam = Roam { parts, whole: 2, to: RegionId(1), at: after(10_000), token_kept: true };
        setup.routing = Some(Routing { roam: Some(roam), ..Routing::new(Policy::Nearest) });
        let run = run(&setup, 1);
        let there = run.client_regions.iter().filter(|region| region.index() == 1).count();
        (judge(&run.history, Level::ReadYourWrites, None).unwrap().verdict.is_pass(), there)
    };
    let closed = Arrivals::Closed(MS(5));
    assert_eq!(moved(0, [8, 0, 0], closed), (true, 0));
    assert_eq!(moved(2, [8, 0, 0], closed), (false, 8));
    assert!((1..8).contains(&moved(1, [8, 0, 0], closed).1), "half");
    // In an open loop, those who wait in a region's pool wait in the other's.
    assert_eq!(moved(2, [8, 1, 0], Arrivals::Paced(MS(20))).1, 9);
}

#[test]
fn clients_that_move_are_served_where_they_are() {
    let mut setup = world(20);
    setup.workload.clients = vec![4, 0, 0];
    let roam = Roam { parts: 1, whole: 1, to: RegionId(1), at: after(10_000), token_kept: false };
    setup.routing = Some(Routing { roam: Some(roam), ..Routing::new(Policy::Home) });
    let run = run(&setup, 1);
    assert_eq!((servers(&run, 0, 10), servers(&run, 11, 20)), (vec![0], vec![1]));
}

fn by_hand(rule: &str, lasts: u64, seed: u64) -> Run {
    let mut setup = constant_world(&["a", "b", "c"], 20, 120);
    setup.faults = vec![crash(20, lasts, 0)];
    let text = format!(
        "failover = {{ detect = '3s', promote = '1s', operator = {{ reaction = ['20s', '40s'], rule = '{rule}' }} }}"
    );
    let options: primary_backup::Options = toml::from_str(&text).unwrap();
    let placement = Placement::everywhere(&setup.topology);
    simulate::<PrimaryBackup>(&setup, &placement, &options, seed, Trace::off()).unwrap()
}

/// The person's time is in the phase in which it is decided, and is drawn evenly.
#[test]
fn an_operator_takes_time_to_decide() {
    let mut sum = Duration::ZERO;
    for seed in 1..=60 {
        let run = by_hand("by-hand", 90, seed);
        let [failover] = run.failovers[..] else { panic!("seed {seed}: {:?}", run.failovers) };
        assert!(failover.detect <= S(4), "seed {seed}: {failover:?}");
        assert!((S(20)..S(43)).contains(&failover.decide), "seed {seed}: {failover:?}");
        assert!(run.breaches.is_empty() && run.broken_claims().count() == 0, "seed {seed}: {:?}", run.breaches);
        sum += failover.decide;
    }
    let mean = (sum / 60).as_secs_f64();
    assert!((28.0..34.0).contains(&mean), "{mean}");
}

#[test]
fn an_operator_who_finds_the_primary_back_does_nothing() {
    for seed in 1..=10 {
        assert!(by_hand("by-hand", 12, seed).failovers.is_empty());
        let never = by_hand("never-across-regions", 60, seed);
        assert!(never.failovers.is_empty() && never.outage >= S(60));
    }
}

/// A write is acknowledged once `wanted` nodes have answered the one that was asked, itself among them.
struct KOfN {
    wanted: u16,
    answers: BTreeMap<RequestId, u16>,
}

#[derive(Clone, Debug)]
enum Word {
    Ask(RequestId),
    Have(RequestId),
}

impl Payload for Word {
    fn bytes(&self) -> u32 {
        16
    }
}

impl Protocol for KOfN {
    type Message = Word;
    type Timer = ();
    type Record = ();
    type Session = ();
    type Options = u16;

    fn start(wanted: &u16, _: Vec<()>, _: &mut Context<Self>) -> Self {
        KOfN { wanted: *wanted, answers: BTreeMap::new() }
    }

    fn on_request(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        self.answers.insert(request.id, 0);
        cx.broadcast(Word::Ask(request.id));
        cx.send(cx.me(), Word::Have(request.id));
    }

    fn on_message(&mut self, from: NodeId, word: Word, cx: &mut Context<Self>) {
        match word {
            Word::Ask(id) => cx.send(from, Word::Have(id)),
            Word::Have(id) => {
                let Some(count) = self.answers.get_mut(&id) else { return };
                *count += 1;
                if *count >= self.wanted {
                    self.answers.remove(&id);
                    cx.reply(id, Reply::Written);
                }
            }
        }
    }

    fn on_timer(&mut self, (): (), _: &mut Context<Self>) {}

    fn state(&self) -> State {
        State::no_data()
    }
}

/// How many writes are acknowledged where each node is down, by itself, for so many in `whole` of the seconds.
fn acknowledged(n: usize, k: u16, down: u64, whole: u64, seconds: u64, seed: u64) -> (u64, u64) {
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    let mut setup = constant_world(&names[..n], 20, seconds);
    setup.workload.clients = (0..n as u32).map(|place| u32::from(place == 0)).collect();
    setup.workload.arrivals = Arrivals::Paced(S(1));
    setup.workload.mix = Mix { read: 0, write: 1, compare_and_set: 0 };
    (setup.workload.timeout, setup.workload.retry_after) = (MS(800), Some(MS(50)));
    let run = |setup: &Setup| {
        let trace = Trace::off().keeping(Rows::All);
        simulate::<KOfN>(setup, &Placement::everywhere(&setup.topology), &k, seed, trace).unwrap()
    };
    // Seconds that begin a little before each operation does.
    let first = run(&setup).history.iter().next().expect("somebody asks").invoked;
    let mut dice = Stream::new(seed, "which nodes are down");
    for second in 0..seconds - 2 {
        let at = Time::from_nanos(first.as_nanos() - 50_000_000) + S(second);
        let lost = (0..n as u16).filter(|_| dice.chance(down, whole)).map(|node| Target::Region(RegionId(node)));
        let action = Action::Crash(lost.collect());
        if action != Action::Crash(Vec::new()) {
            setup.faults.push(Fault { at, lasts: Some(S(1)), action, may_touch_nothing: false });
        }
    }
    let run = run(&setup);
    assert!(run.ledger.iter().all(|entry| entry.fired && entry.touched > 0));
    let outcomes = run.measures.outcomes(None);
    (outcomes.ok, outcomes.total())
}

/// X1 and F16: at least k of n nodes are up, where each is by itself up with probability p.
#[test]
fn k_of_n_by_its_closed_form() {
    for (n, k, down, expected) in [(3, 2, 1, 0.999_702), (5, 4, 1, 0.999_019_850), (7, 4, 5, 0.999_806_422)] {
        let (mut ok, mut total) = (0, 0);
        for seed in 1..=20 {
            let (good, all) = acknowledged(n, k, down, 100, 3_000, seed);
            (ok, total) = (ok + good, total + all);
        }
        let availability = ok as f64 / total as f64;
        let deviation = (expected * (1.0_f64 - expected) / total as f64).sqrt();
        assert!(total >= 59_000 && ok < total, "{ok} of {total}");
        let off = (availability - expected).abs();
        assert!(off <= 3.0 * deviation, "{k} of {n}: {availability} for {expected}, {off} off, {deviation}");
    }
}

/// A cut of 30 s between two regions of which each has a replica; the third has none.
fn shot(stonith: Stonith, cut: (u16, u16), replicas: &[u16], seed: u64) -> Run {
    let mut setup = constant_world(&["a", "b", "c", "d"], 2, 120);
    setup.workload.clients = vec![0, 0, 1, 1];
    setup.workload.retry_after = Some(MS(200));
    let (from, to) = (Target::Region(RegionId(cut.0)), Target::Region(RegionId(cut.1)));
    setup.faults = vec![fault(20, 30, Action::Cut { links: vec![(from, to), (to, from)], one_way: false })];
    setup.stonith = Some(stonith);
    let placement = Placement { regions: replicas.iter().copied().map(RegionId).collect(), groups: 1 };
    simulate::<LastWriterWins>(&setup, &placement, &Options::default(), seed, Trace::off()).unwrap()
}

const GUNS: Stonith = Stonith {
    heartbeat: Duration::secs(1),
    detect: Duration::secs(5),
    takes: Duration::secs(2),
    arbiter: None,
    power_on: None,
};

/// I-3: shots are lost while the links are cut; at the heal both arrive before either has taken effect.
#[test]
fn two_nodes_shoot_each_other_and_with_an_arbiter_one_survives() {
    let mut survivors = [0; 2];
    for seed in 1..=40 {
        let both = shot(GUNS, (0, 1), &[0, 1], seed);
        let [first, second] = both.powered_off[..] else { panic!("seed {seed}: {:?}", both.powered_off) };
        assert_eq!((first.node, first.by), (second.by, second.node), "seed {seed}: each by the other");
        for off in [first, second] {
            assert!((after(52_000)..after(53_100)).contains(&off.at), "seed {seed}: {off:?}");
        }
        assert!(both.outage >= S(65), "seed {seed}: until the end");
        let one = shot(Stonith { arbiter: Some(RegionId(2)), ..GUNS }, (0, 1), &[0, 1], seed);
        let [off] = one.powered_off[..] else { panic!("seed {seed}: {:?}", one.powered_off) };
        assert!(one.outage < S(5), "seed {seed}: {}", one.outage);
        survivors[usize::from(off.node.0 == 0)] += 1;
    }
    assert!(survivors.iter().all(|count| *count >= 8), "the first to ask, which is either: {survivors:?}");
}

/// A power that is gone before the other's shot arrives shoots nobody.
#[test]
fn the_faster_gun_survives_where_power_goes_at_once() {
    let quick = Stonith { takes: Duration::ZERO, ..GUNS };
    let singles = (1..=20).filter(|seed| shot(quick, (0, 1), &[0, 1], *seed).powered_off.len() == 1).count();
    assert!(singles >= 18, "{singles} of 20: the other beat is rarely within the millisecond of the flight");
}

/// Of three nodes, one that hears neither of the others shoots nobody, and is shot by both.
#[test]
fn who_is_alone_does_not_shoot() {
    let mut setup = constant_world(&["a", "b", "c"], 2, 120);
    setup.faults = vec![fault(20, 30, Action::Isolate(vec![Target::Region(RegionId(0))]))];
    setup.stonith = Some(Stonith { power_on: Some(S(20)), ..GUNS });
    let placement = Placement::everywhere(&setup.topology);
    let run = simulate::<LastWriterWins>(&setup, &placement, &Options::default(), 1, Trace::off()).unwrap();
    let [off] = run.powered_off[..] else { panic!("{:?}", run.powered_off) };
    assert_eq!(off.node, NodeId(0));
    let back = run.measures.timeline(RegionId(0))[80..].iter().all(|second| second.ok == second.total());
    assert!(back, "it has power again, and is not shot a second time");
}

#[test]
fn without_a_cut_nobody_shoots() {
    let mut setup = constant_world(&["a", "b"], 2, 60);
    setup.stonith = Some(GUNS);
    let placement = Placement::everywhere(&setup.topology);
    let run = simulate::<LastWriterWins>(&setup, &placement, &Options::default(), 1, Trace::off()).unwrap();
    assert_eq!((run.powered_off.len(), run.measures.outcomes(None).availability()), (0, 1.0));
}
