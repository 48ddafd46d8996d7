//! What asynchronous replication costs, against closed forms: how far a copy lags, how stale it is read, and what a lost region
//! takes with it.

mod support;

use std::collections::BTreeMap;

use riftzone::id::{Key, NodeId, RegionId, RequestId};
use riftzone::model::fault::{Action, Fault, Target};
use riftzone::model::latency::Delay;
use riftzone::model::workload::{Arrivals, KeyChooser, Mix};
use riftzone::op::Reply;
use riftzone::protocol::causal::{self, Causal};
use riftzone::protocol::primary_backup::{self, PrimaryBackup};
use riftzone::protocol::{Context, Payload, Protocol, Request, State};
use riftzone::sim::{Placement, Run, Setup, simulate};
use riftzone::time::{Duration, Time};
use riftzone::trace::{Rows, Trace};

use support::{after, constant_world, measured_world};

/// A primary and its backup, with writes at random moments beside the primary.
fn two_sites(round_trip_ms: u64, writes_per_s: u64, seconds: u64) -> Setup {
    let mut world = constant_world(&["p", "b"], round_trip_ms, seconds);
    world.workload.clients = vec![1, 0];
    world.workload.arrivals = Arrivals::Poisson(Duration::secs(1) / writes_per_s);
    world.workload.mix = Mix { read: 0, write: 1, compare_and_set: 0 };
    world
}

fn run(world: &Setup, options: &str, seed: u64, trace: Trace) -> Run {
    let options: primary_backup::Options = toml::from_str(&format!("primary = 'p'\n{options}")).unwrap();
    simulate::<PrimaryBackup>(world, &Placement::everywhere(&world.topology), &options, seed, trace).unwrap()
}

/// How long after a write was ordered, and acknowledged, the backup had it: milliseconds, of each write.
fn lags(options: &str) -> Vec<f64> {
    let world = two_sites(70, 1_000, 8);
    let run = run(&world, options, 1, Trace::up_to(after(7_000), Duration::secs(5)));
    let (mut ordered, mut lags): (BTreeMap<u64, Time>, Vec<f64>) = (BTreeMap::new(), Vec::new());
    for (at, line) in run.trace.lines() {
        let values = line.split(", v").skip(1).map(|rest| rest[..rest.find(')').unwrap()].parse().unwrap());
        if line.starts_with("p is asked") {
            ordered.extend(values.map(|value: u64| (value, *at)));
        } else if line.starts_with("b got Append") {
            lags.extend(values.filter_map(|value| ordered.remove(&value)).map(|then| at.since(then).as_millis_f64()));
        }
    }
    assert!(lags.len() > 4_000, "{} writes", lags.len());
    lags
}

fn mean(of: &[f64]) -> f64 {
    of.iter().sum::<f64>() / of.len() as f64
}

/// X6, F13: streamed at once, a copy lags by exactly the one-way delay.
#[test]
fn x6_a_streamed_copy_lags_by_the_one_way_delay() {
    let lags = lags("");
    assert!(lags.iter().all(|lag| (lag - 35.0).abs() < 1e-6), "{lags:?}");
}

/// X6, F13: in batches each B by the clock, by the one-way delay and U(0, B): with B = 50 ms, 60 ms in the mean.
#[test]
fn x6_a_shipped_copy_lags_by_half_a_batch_more() {
    let lags = lags("ship-every = '50ms'");
    assert!(lags.iter().all(|lag| (35.0..=85.0).contains(lag)), "{lags:?}");
    let mean = mean(&lags);
    assert!((mean - 60.0).abs() < 0.03 * 60.0, "mean {mean} ms");
    // Uniform: a tenth of them in each tenth.
    for tenth in 0..10 {
        let from = 35.0 + 5.0 * f64::from(tenth);
        let share = lags.iter().filter(|lag| (from..from + 5.0).contains(lag)).count() as f64 / lags.len() as f64;
        assert!((share - 0.1).abs() < 0.02, "{share} of them from {from} ms");
    }
}

/// How many acknowledged writes are lost where the primary's site is gone from one moment to the next, in the mean over seeds:
/// it crashes, and what it has sent does not get out any more.
fn lost(options: &str, seeds: u64) -> f64 {
    let lost = (1..=seeds).map(|seed| {
        let mut world = two_sites(70, 1_000, 4);
        world.settle = Duration::secs(5);
        // At any moment of a batch.
        let at = after(2_000) + Duration::micros(seed * 7_919 % 50_000);
        let site = vec![Target::Region(RegionId(0))];
        let gone = |action| Fault { at, lasts: None, action, may_touch_nothing: false };
        world.faults = vec![gone(Action::Crash(site.clone())), gone(Action::Isolate(site))];
        let failover = "failover = { detect = '500ms', heartbeat = '100ms', promote = '0s', monitors = ['b'] }";
        let run = run(&world, &format!("{failover}\n{options}"), seed, Trace::off());
        assert_eq!(run.failovers.len(), 1, "seed {seed}");
        run.durability.lost.len() as f64
    });
    mean(&lost.collect::<Vec<_>>())
}

/// X6, F15: w L acknowledged writes are lost in the mean.
#[test]
fn x6_a_lost_site_takes_with_it_what_was_on_its_way() {
    let lost = lost("", 300);
    assert!((lost - 35.0).abs() < 0.03 * 35.0, "{lost} writes"); // standard error: sqrt(35 / 300) = 0.34
}

/// X6, F15: with batches, w (L + B/2).
#[test]
fn x6_batches_are_lost_with_the_site() {
    let lost = lost("ship-every = '50ms'", 400);
    assert!((lost - 60.0).abs() < 0.03 * 60.0, "{lost} writes"); // uniform over a batch: (14.4 + 7.7) / 20, about 0.8
}

/// F14: a read at the backup is stale with probability 1 - exp(-w L), w writes a second to its key, L the lag.
#[test]
fn f14_a_read_at_a_backup_is_stale_as_often_as_a_write_is_on_its_way() {
    // Clients at a third site, between the two: the nearest copy is the backup, and a write is with the primary at once.
    let mut world = constant_world(&["p", "b", "c"], 200, 2_000);
    let [p, b, c] = [0, 1, 2].map(RegionId);
    for (site, one_way) in [(b, Duration::ZERO), (p, Duration::micros(1))] {
        world.topology.set_delay(c, site, Delay::constant(one_way));
        world.topology.set_delay(site, c, Delay::constant(one_way));
    }
    world.workload.clients = vec![0, 0, 1];
    world.workload.arrivals = Arrivals::Poisson(Duration::millis(50));
    world.workload.keys = KeyChooser::uniform(1);
    let options: primary_backup::Options = toml::from_str("primary = 'p'\nreads = 'nearest'").unwrap();
    let placement = Placement { regions: vec![p, b], groups: 1 };
    let run = simulate::<PrimaryBackup>(&world, &placement, &options, 1, Trace::off()).unwrap();
    let measured = run.stale_reads.count() as f64 / run.reads as f64;
    let expected = 0.632_121; // 1 - exp(-10 / s * 0.1 s)
    assert!((measured - expected).abs() < 0.02 * expected, "{measured} of {} reads", run.reads);
}

/// After how many milliseconds a write at the first of these sites was on the disks of all others, where a batch is sent when the
/// one before is everywhere: of each of some thousands.
fn durable_everywhere(sites: &[&str], seed: u64) -> Vec<f64> {
    let mut world = measured_world("walter-sosp11", sites, 40);
    world.workload.clients = vec![0; sites.len()];
    world.workload.clients[0] = 1;
    world.workload.arrivals = Arrivals::Poisson(Duration::millis(2));
    world.workload.mix = Mix { read: 0, write: 1, compare_and_set: 0 };
    let options = causal::Options { ship: causal::Ship::AfterPrevious, ..causal::Options::default() };
    let trace = Trace::up_to(after(39_000), Duration::secs(36));
    let run = simulate::<Causal>(&world, &Placement::everywhere(&world.topology), &options, seed, trace).unwrap();
    let (asked, got) = (format!("{} is asked", sites[0]), format!("{} got Got(", sites[0]));
    let number = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u64>().unwrap();
    let (mut waiting, mut batches): (Vec<Time>, BTreeMap<u64, Vec<Time>>) = (Vec::new(), BTreeMap::new());
    let (mut answers, mut latencies): (BTreeMap<u64, usize>, Vec<f64>) = (BTreeMap::new(), Vec::new());
    for (at, line) in run.trace.lines() {
        if line.starts_with(&asked) {
            waiting.push(*at);
        } else if let Some((_, rest)) = line.split_once(&got) {
            let batch = number(rest);
            let heard = answers.entry(batch).or_default();
            *heard += 1;
            if *heard + 1 == sites.len() {
                // The next batch leaves now, with all that was asked for since this one left.
                let next = std::mem::take(&mut waiting);
                let of = batches.remove(&batch).into_iter().flatten();
                latencies.extend(of.map(|asked| at.since(asked).as_millis_f64()));
                // Of the batch that was on its way at first it is not known when it left.
                batches.insert(batch + 1, if answers.len() > 2 { next } else { Vec::new() });
            }
        }
    }
    latencies
}

/// The greatest distance between how samples are spread and how they would be if any value in this range were as likely, times the
/// square root of their number: above 1.628 with a chance of 1 %.
fn kolmogorov_smirnov(mut samples: Vec<f64>, (low, high): (f64, f64)) -> f64 {
    samples.sort_by(f64::total_cmp);
    let n = samples.len() as f64;
    let distances = samples.iter().enumerate().map(|(place, sample)| {
        let expected = ((sample - low) / (high - low)).clamp(0.0, 1.0);
        (expected - place as f64 / n).abs().max(((place + 1) as f64 / n - expected).abs())
    });
    distances.fold(0.0, f64::max) * n.sqrt()
}

/// Some thousand latencies are uniform between these, which their ends meet to 2 %.
fn assert_uniform(sites: &[&str], latencies: Vec<f64>, (low, high): (f64, f64)) {
    let (least, most) =
        (latencies.iter().copied().fold(f64::MAX, f64::min), latencies.iter().copied().fold(0.0, f64::max));
    let writes = latencies.len();
    let distance = kolmogorov_smirnov(latencies, (low, high));
    println!("{sites:?}: {writes} writes, {least:.1} to {most:.1} ms, Kolmogorov-Smirnov {distance:.3}");
    let meets = (least - low).abs() <= 0.02 * low && (most - high).abs() <= 0.02 * high;
    assert!(meets, "{sites:?}: {least} to {most} ms");
    assert!(writes > 15_000 && distance < 1.628, "{sites:?}: p < 0.01 ({distance}) of {writes} writes");
}

/// W1: a write of Walter's is safe from a disaster after one to two round trips to the farthest site, any time between as likely.
#[test]
fn w1_a_batch_that_waits_for_the_one_before_is_durable_after_one_to_two_round_trips() {
    for (sites, low, high) in [
        (&["VA", "CA"][..], 82.0, 164.0),
        (&["VA", "CA", "IE"], 87.0, 174.0),
        (&["VA", "CA", "IE", "SG"], 261.0, 522.0),
    ] {
        assert_uniform(sites, durable_everywhere(sites, 1), (low, high));
    }
}

/// Propagation as the paper has it: a batch leaves when the one before is safe everywhere, and what is safe everywhere is then announced, which
/// makes it visible. A client hears when all have told that they show its write.
#[derive(Default)]
struct Announced {
    waiting: Vec<RequestId>,
    /// Batches that are under way, the last of them not yet safe: what is in each, and how many have answered.
    batches: BTreeMap<u64, (Vec<RequestId>, usize)>,
    sent: u64,
    is_safe: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Batch(u64),
    Got(u64),
    Show(u64),
    Shown(u64),
}

impl Payload for Step {
    fn bytes(&self) -> u32 {
        16
    }
}

impl Announced {
    fn send(&mut self, cx: &mut Context<Self>) {
        if self.is_safe && !self.waiting.is_empty() {
            (self.sent, self.is_safe) = (self.sent + 1, false);
            self.batches.insert(self.sent, (std::mem::take(&mut self.waiting), 0));
            cx.broadcast(Step::Batch(self.sent));
        }
    }

    /// Whether this answer about a batch is the last of a round.
    fn is_last(&mut self, batch: u64, cx: &Context<Self>) -> bool {
        let (_, heard) = self.batches.get_mut(&batch).expect("it is under way");
        *heard += 1;
        let is_last = *heard == cx.peers().count();
        if is_last {
            *heard = 0;
        }
        is_last
    }
}

impl Protocol for Announced {
    type Message = Step;
    type Timer = ();
    type Record = ();
    type Session = ();
    type Options = ();

    fn start((): &(), _: Vec<()>, _: &mut Context<Self>) -> Self {
        Announced { is_safe: true, ..Announced::default() }
    }

    fn on_request(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        self.waiting.push(request.id);
        self.send(cx);
    }

    fn on_message(&mut self, from: NodeId, step: Step, cx: &mut Context<Self>) {
        match step {
            Step::Batch(batch) => cx.send(from, Step::Got(batch)),
            Step::Show(batch) => cx.send(from, Step::Shown(batch)),
            Step::Got(batch) if self.is_last(batch, cx) => {
                self.is_safe = true;
                cx.broadcast(Step::Show(batch));
                self.send(cx);
            }
            Step::Shown(batch) if self.is_last(batch, cx) => {
                let (shown, _) = self.batches.remove(&batch).expect("it is under way");
                shown.into_iter().for_each(|request| cx.reply(request, Reply::Written));
            }
            Step::Got(_) | Step::Shown(_) => {}
        }
    }

    fn on_timer(&mut self, (): (), _: &mut Context<Self>) {}

    fn state(&self) -> State {
        State::serving(BTreeMap::<Key, _>::new())
    }
}

/// W1: what is safe is visible everywhere a round trip to the farthest site later.
#[test]
fn w1_what_is_durable_everywhere_is_visible_everywhere_a_round_trip_later() {
    for (sites, low, high) in [
        (&["VA", "CA"][..], 164.0, 246.0),
        (&["VA", "CA", "IE"], 174.0, 261.0),
        (&["VA", "CA", "IE", "SG"], 522.0, 783.0),
    ] {
        let mut world = measured_world("walter-sosp11", sites, 40);
        world.workload.clients = vec![0; sites.len()];
        world.workload.clients[0] = 1;
        world.workload.arrivals = Arrivals::Poisson(Duration::millis(2));
        world.workload.mix = Mix { read: 0, write: 1, compare_and_set: 0 };
        let trace = Trace::off().keeping(Rows::All);
        let run = simulate::<Announced>(&world, &Placement::everywhere(&world.topology), &(), 1, trace).unwrap();
        let answered = run.history.iter().filter(|op| op.reply.is_some() && op.invoked > after(3_000));
        let latencies = answered.map(|op| op.completed.since(op.invoked).as_millis_f64()).collect();
        assert_uniform(sites, latencies, (low, high));
    }
}
