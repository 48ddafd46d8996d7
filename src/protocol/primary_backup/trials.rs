//! Thousands of random schedules in the [`testbed`](super::testbed): what is claimed holds in each. Then a few stories.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{Key, RegionId, Value};
use crate::op::{Op, Reply};
use crate::protocol::Standing;
use crate::time::{Duration, Time};
use crate::trace::Observation;

use super::log::Change;
use super::testbed::{Bed, Call, Fault};
use super::{Acknowledge, Copying, Entry, Failback, Failover, Fencing, Options, Reads, Returning, Size};

/// When faults and clients end, and when replicas must have converged.
const FAULTS_END: u64 = 9_000;
const CLIENTS_END: u64 = 10_000;
const QUIET_END: u64 = 40_000;

fn ms(millis: u64) -> Time {
    Time::ZERO + Duration::millis(millis)
}

fn options(acknowledge: Acknowledge, fencing: Fencing) -> Options {
    let failover = Failover {
        detect: Duration::millis(1_000),
        heartbeat: Duration::millis(200),
        promote: Duration::millis(300),
        ..Failover::default()
    };
    let (lease, repair) = (Duration::millis(800), Duration::millis(300));
    Options { acknowledge, fencing, lease, repair, failover: Some(failover), ..Options::default() }
}

/// What a trial showed.
#[derive(Debug, Default)]
struct Seen {
    failovers: usize,
    acknowledged: usize,
    lost: usize,
    rolled_back: usize,
    stranded: usize,
    dual: usize,
    converged: bool,
}

/// One random schedule: two to five faults that overlap as they please, all over after nine seconds.
fn trial(options: &Options, regions: usize, seed: u64) -> (Bed, Seen) {
    let disk_takes = Duration::millis(seed % 3 * 4);
    let mut bed = Bed::new(options.clone(), regions, disk_takes, seed);
    bed.ask(5, ms(CLIENTS_END));
    for _ in 0..2 + bed.chance(4) {
        add_fault(&mut bed, regions);
    }
    for node in 0..bed.nodes() {
        bed.at(ms(FAULTS_END), Fault::Resume(node));
        bed.at(ms(FAULTS_END), Fault::Restart(node));
    }
    bed.at(ms(FAULTS_END), Fault::Mend);
    bed.run_until(ms(QUIET_END));
    let seen = look(&bed);
    (bed, seen)
}

fn add_fault(bed: &mut Bed, regions: usize) {
    let from = 500 + bed.chance(FAULTS_END - 1_000);
    let until = ms((from + 100 + bed.chance(4_000)).min(FAULTS_END));
    // The first replica is the likeliest to be primary: half of what happens to a node happens to it.
    let node = if bed.chance(2) == 0 { 0 } else { bed.chance(bed.nodes() as u64) as usize };
    let (begin, end) = match bed.chance(6) {
        0 | 1 => (Fault::Crash(node), Fault::Restart(node)),
        2 => (Fault::Pause(node), Fault::Resume(node)),
        3 => (Fault::Loss(bed.chance(300)), Fault::Mend),
        kind => {
            let side: Vec<RegionId> = (0..regions as u16).filter(|_| bed.chance(2) == 0).map(RegionId).collect();
            let inside = if bed.chance(3) == 0 { vec![node] } else { bed.nodes_in(&side) };
            let outside = (0..bed.nodes()).filter(|place| !inside.contains(place));
            let both_ways = kind == 4;
            let pairs = outside.flat_map(|out| inside.iter().map(move |place| (*place, out)));
            let links = pairs.flat_map(|(a, b)| if both_ways { vec![(a, b), (b, a)] } else { vec![(a, b)] });
            (Fault::Cut(links.collect()), Fault::Mend)
        }
    };
    bed.at(ms(from), begin);
    bed.at(until, end);
}

/// What must hold in every design, and what else is to be seen.
fn look(bed: &Bed) -> Seen {
    for (epoch, leaders) in &bed.leaders {
        assert_eq!(leaders.len(), 1, "epoch {epoch} had the leaders {leaders:?}");
    }
    let states = bed.states();
    for (told, state) in bed.told.iter().zip(&states).filter(|(_, state)| state.standing == Standing::Serving) {
        let told: BTreeMap<Key, Value> =
            told.iter().filter_map(|(key, values)| Some((*key, *values.last()?))).collect();
        assert_eq!(told, state.copy, "a serving node's copy is what it said it applied");
    }
    let serving: Vec<_> = states.iter().filter(|state| state.standing == Standing::Serving).collect();
    let (_, log) = bed.final_log().expect("somebody leads at the end");
    let kept: BTreeSet<Value> = log.iter().filter_map(set_value).collect();
    let acknowledged = acknowledged(&bed.history);
    let lost: Vec<Value> = acknowledged.iter().filter(|value| !kept.contains(value)).copied().collect();
    let once: BTreeSet<_> = log.iter().filter(|e| e.sequence > 0).map(|e| (e.client, e.sequence)).collect();
    assert_eq!(once.len(), log.iter().filter(|e| e.sequence > 0).count(), "a retry is not applied twice");
    Seen {
        failovers: bed.leaders.len() - 1,
        acknowledged: acknowledged.len(),
        lost: lost.len(),
        rolled_back: lost.iter().filter(|value| bed.rolled_back.contains(value)).count(),
        stranded: states.iter().filter(|state| state.standing == Standing::Stranded).count(),
        dual: bed.answers.iter().filter(|(epoch, ready)| *epoch != Some(*ready)).count(),
        converged: serving.windows(2).all(|pair| pair[0].copy == pair[1].copy),
    }
}

fn set_value(entry: &Entry) -> Option<Value> {
    match entry.change {
        Change::Set(_, value) => Some(value),
        Change::Open | Change::Found(_) | Change::Put(..) | Change::Next(..) => None,
    }
}

fn acknowledged(history: &[Call]) -> Vec<Value> {
    let written = |call: &Call| call.op.written().filter(|_| matches!(call.returned, Some((_, Reply::Written))));
    history.iter().filter_map(written).collect()
}

/// Holds the history against the order of the final log: each operation takes its place between call and return.
fn assert_linearizable(bed: &Bed) {
    let (_, log) = bed.final_log().expect("somebody leads at the end");
    let mut place_of: BTreeMap<Value, usize> = BTreeMap::new();
    let mut before: BTreeMap<Value, Option<Value>> = BTreeMap::new();
    let mut latest: BTreeMap<Key, Value> = BTreeMap::new();
    for (place, entry) in log.iter().enumerate() {
        if let Change::Set(key, value) = entry.change {
            place_of.insert(value, place + 1);
            before.insert(value, latest.insert(key, value));
        }
    }
    let seen_at = |value: Option<Value>| match value {
        None => 0,
        Some(value) => *place_of.get(&value).unwrap_or_else(|| panic!("{value} was seen, and is not in the log")),
    };
    // Each operation's place; `None` for one that never took effect. Writes come alone in theirs, reads share it.
    let place = |call: &Call| match (call.op, call.returned) {
        (Op::Read(_), Some((_, Reply::Read(value)))) => Some((seen_at(value), false)),
        (Op::CompareAndSet { expected, .. }, Some((_, Reply::Mismatch(found)))) => {
            assert_ne!(expected, found);
            Some((seen_at(found), false))
        }
        (op, returned) => {
            let place = op.written().and_then(|value| place_of.get(&value));
            assert!(place.is_some() || returned.is_none(), "{op:?} was acknowledged, and is not in the log");
            if let (Op::CompareAndSet { expected, new, .. }, Some(_)) = (op, place) {
                assert_eq!(before[&new], expected, "a compare-and-set found what it expected");
            }
            place.map(|place| (*place, true))
        }
    };
    // Returns before calls at equal times would only make the law stricter than it is: calls go first.
    let mut steps: Vec<(Time, bool, usize)> = Vec::new();
    for (nth, call) in bed.history.iter().enumerate() {
        steps.push((call.invoked, false, nth));
        steps.extend(call.returned.map(|(at, _)| (at, true, nth)));
    }
    steps.sort_unstable();
    let (mut floor, mut floor_at_call): (BTreeMap<Key, usize>, BTreeMap<usize, usize>) = Default::default();
    for (at, returns, nth) in steps {
        let call = &bed.history[nth];
        let floor = floor.entry(call.op.key()).or_default();
        let Some((place, alone)) = place(call) else { continue };
        if returns {
            *floor = place.max(*floor);
        } else {
            floor_at_call.insert(nth, *floor);
        }
        let least = floor_at_call[&nth] + usize::from(alone);
        assert!(place >= least, "{call:?} at {at}: its place is {place}, and {least} had been seen before it began");
    }
}

/// Runs trials, and adds up what they show.
fn trials(options: &Options, regions: usize, seeds: u64, check: impl Fn(&Bed, &Seen)) -> Seen {
    let mut sum = Seen { converged: true, ..Seen::default() };
    for seed in 0..seeds {
        let verdict = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let (bed, seen) = trial(options, regions, seed);
            check(&bed, &seen);
            seen
        }));
        let seen = verdict.unwrap_or_else(|_| panic!("seed {seed} of {options:?}"));
        sum.failovers += seen.failovers;
        sum.acknowledged += seen.acknowledged;
        sum.lost += seen.lost;
        sum.rolled_back += seen.rolled_back;
        sum.stranded += seen.stranded;
        sum.dual += seen.dual;
        sum.converged &= seen.converged;
    }
    eprintln!("{seeds} trials: {sum:?}");
    sum
}

fn assert_converged(_: &Bed, seen: &Seen) {
    assert!(seen.converged, "the copies differ after thirty quiet seconds");
}

fn assert_sound(bed: &Bed, seen: &Seen) {
    assert!(seen.converged, "the copies differ after thirty quiet seconds");
    assert_eq!(seen.dual, 0, "an answer by somebody whose time was over");
    assert_eq!(seen.lost, 0);
    assert_linearizable(bed);
}

#[test]
fn one_copy_that_decides_is_linearizable_under_any_fault() {
    for acknowledge in [Acknowledge::Local, Acknowledge::One] {
        let fixed = Options { failover: None, ..options(acknowledge, Fencing::None) };
        let sum = trials(&fixed, 3, 150, assert_sound);
        assert_eq!(sum.failovers, 0);
    }
}

#[test]
fn synchronous_and_fenced_loses_nothing_and_is_linearizable() {
    let sum = trials(&options(Acknowledge::One, Fencing::Epoch), 3, 500, assert_sound);
    assert!(sum.failovers > 200, "{sum:?}");
    let sum = trials(&options(Acknowledge::Majority, Fencing::Epoch), 5, 300, assert_sound);
    assert!(sum.failovers > 100, "{sum:?}");
    trials(&options(Acknowledge::All, Fencing::Epoch), 3, 150, assert_sound);
}

#[test]
fn a_candidate_borrows_what_it_lacks() {
    let mut near = options(Acknowledge::One, Fencing::Epoch);
    near.failover.as_mut().unwrap().candidates = Some(vec!["a".into(), "b".into()]);
    let sum = trials(&near, 3, 300, assert_sound);
    assert!(sum.failovers > 50, "{sum:?}");
}

#[test]
fn synchronous_without_fencing_loses_nothing_but_may_have_two_primaries() {
    let sum = trials(&options(Acknowledge::One, Fencing::None), 3, 400, |_, seen| {
        assert!(seen.converged);
        assert_eq!(seen.lost, 0);
    });
    assert!(sum.failovers > 100, "{sum:?}");
}

#[test]
fn asynchronous_and_fenced_has_a_single_writer() {
    let sum = trials(&options(Acknowledge::Local, Fencing::Epoch), 3, 300, |_, seen| {
        assert!(seen.converged);
        assert_eq!(seen.dual, 0);
        assert_eq!(seen.lost, seen.rolled_back, "what is lost was observed");
    });
    assert!(sum.failovers > 100 && sum.lost > 0, "{sum:?}");
}

#[test]
fn asynchronous_without_fencing_splits_and_observes_what_it_rolls_back() {
    let sum = trials(&options(Acknowledge::Local, Fencing::None), 3, 400, |_, seen| {
        assert!(seen.converged);
        assert_eq!(seen.lost, seen.rolled_back, "what is lost was observed");
    });
    assert!(sum.lost > 500 && sum.dual > 500, "{sum:?}");
}

#[test]
fn who_is_refused_is_stranded_with_what_is_lost() {
    let refuse = Options { returning: Returning::Refuse, ..options(Acknowledge::Local, Fencing::None) };
    let sum = trials(&refuse, 3, 300, |bed, seen| {
        assert!(seen.converged);
        let lost: BTreeSet<Value> = acknowledged(&bed.history).into_iter().collect();
        assert!(seen.lost == 0 || seen.stranded > 0, "{} lost of {}", seen.lost, lost.len());
        assert!(bed.rolled_back.is_empty(), "nothing is thrown away");
    });
    assert!(sum.stranded > 50, "{sum:?}");
}

/// The same, and the office goes home whenever it can.
fn homing(acknowledge: Acknowledge, fencing: Fencing) -> Options {
    let mut options = options(acknowledge, fencing);
    options.failover.as_mut().unwrap().failback = Failback::Automatic;
    options
}

#[test]
fn who_goes_home_breaks_nothing_that_held() {
    let sum = trials(&homing(Acknowledge::One, Fencing::Epoch), 3, 300, assert_sound);
    let without = trials(&options(Acknowledge::One, Fencing::Epoch), 3, 300, assert_sound);
    assert!(sum.failovers > without.failovers + 50, "{sum:?}, and without {without:?}");
    let sum = trials(&homing(Acknowledge::Local, Fencing::Epoch), 3, 200, |_, seen| {
        assert!(seen.converged);
        assert_eq!(seen.dual, 0);
    });
    assert!(sum.failovers > 100, "{sum:?}");
    trials(&homing(Acknowledge::Local, Fencing::None), 3, 200, assert_converged);
}

#[test]
fn a_hand_over_loses_nothing_even_where_replication_waits_for_nobody() {
    let mut back = 0;
    for seed in 0..40 {
        let mut bed = Bed::new(homing(Acknowledge::Local, Fencing::None), 3, Duration::ZERO, seed);
        bed.ask(4, ms(30_000));
        // The first primary is away before anybody asks, and loses nothing by that; what follows is the way back alone.
        bed.at(Time::ZERO + Duration::nanos(1), Fault::Crash(0));
        bed.at(ms(6_000), Fault::Restart(0));
        bed.run_until(ms(40_000));
        let seen = look(&bed);
        assert_eq!((seen.lost, seen.converged), (0, true), "seed {seed}: {seen:?}");
        let last = bed.leaders.values().last().unwrap();
        back += usize::from(last.iter().any(|node| node.index() == 0));
        let gaps = bed.observed.iter().filter(|(_, _, o)| matches!(o, Observation::SteppedDown { .. })).count();
        assert!(gaps >= 1, "seed {seed}: who hands over steps down");
    }
    assert_eq!(back, 40);
}

/// Whoever is first in the list is gone for good, and who comes after it sees to the way home; in its own time.
#[test]
fn the_office_goes_home_without_the_first_monitors_too() {
    let by_hand = Failback::ByHand { reaction: [Duration::secs(2), Duration::secs(4)] };
    for (gone, failback) in [(0, Failback::Automatic), (1, Failback::Automatic), (1, by_hand), (2, Failback::Automatic)]
    {
        let mut options = homing(Acknowledge::Local, Fencing::None);
        options.failover.as_mut().unwrap().failback = failback;
        for seed in 0..10 {
            let mut bed = Bed::new(options.clone(), 5, Duration::ZERO, seed);
            bed.ask(4, ms(40_000));
            bed.at(Time::ZERO + Duration::nanos(1), Fault::Crash(0));
            bed.at(ms(6_000), Fault::Restart(0));
            for monitor in 5..5 + gone {
                bed.at(ms(5_000), Fault::Crash(monitor));
                bed.at(ms(49_900), Fault::Restart(monitor)); // when all is over
            }
            bed.run_until(ms(50_000));
            let seen = look(&bed);
            assert_eq!((seen.lost, seen.converged), (0, true), "seed {seed}: {seen:?}");
            let home = bed.observed.iter().rfind(|(_, _, o)| matches!(o, Observation::Leader { .. })).unwrap();
            assert_eq!((home.1.index(), bed.leaders.len()), (0, 3), "seed {seed}: away, and home, once");
            // Each that is gone would have had its turn of 2.2 s.
            let waited = home.0.since(ms(6_000)).as_millis_f64() - 2_200.0 * gone as f64;
            assert!(waited > 500.0 && waited < 6_500.0, "seed {seed}, {gone} gone: {waited} ms");
        }
    }
}

#[test]
fn what_returns_is_copied_anew_before_it_counts() {
    for returning in [Returning::Rewind, Returning::Rebuild] {
        let copying = Copying { size: Size(64_000_000), per_second: Size(32_000_000), block: Size(500_000) };
        let options = Options { returning, copying: Some(copying), ..homing(Acknowledge::Local, Fencing::None) };
        let sum = trials(&options, 3, 200, |bed, seen| {
            assert_converged(bed, seen);
            assert_eq!(seen.lost, seen.rolled_back, "what is lost was observed");
            let away = bed.states().iter().filter(|state| state.standing == Standing::NoData).count();
            assert_eq!(away, 3, "monitors alone hold nothing in the end");
        });
        assert!(sum.lost > 200, "{sum:?}");
    }
}

#[test]
fn what_nobody_has_overwritten_is_merged_and_the_rest_are_conflicts() {
    let merging = Options { returning: Returning::Merge, ..options(Acknowledge::Local, Fencing::None) };
    let (mut conflicts, mut merged) = (0, 0);
    trials(&merging, 3, 300, assert_converged);
    for seed in 0..40 {
        let mut bed = Bed::new(merging.clone(), 3, Duration::ZERO, seed);
        bed.ask(4, ms(9_000));
        let inside = bed.nodes_in(&[RegionId(0)]);
        let outside = bed.nodes_in(&[RegionId(1), RegionId(2)]);
        let links = inside.iter().flat_map(|a| outside.iter().flat_map(move |b| [(*a, *b), (*b, *a)])).collect();
        bed.at(ms(2_000), Fault::Cut(links));
        bed.at(ms(7_000), Fault::Mend);
        bed.run_until(ms(20_000));
        let discarded: BTreeSet<Value> = bed
            .observed
            .iter()
            .filter_map(|(_, _, o)| match o {
                Observation::Conflict { lost, .. } => Some(*lost),
                _ => None,
            })
            .collect();
        let (_, log) = bed.final_log().unwrap();
        let kept: BTreeSet<Value> = log.iter().filter_map(set_value).collect();
        for value in acknowledged(&bed.history) {
            assert!(kept.contains(&value) || discarded.contains(&value), "seed {seed}: {value} is nowhere");
        }
        conflicts += discarded.len();
        merged += bed.rolled_back.iter().filter(|value| kept.contains(value)).count();
    }
    assert!(conflicts > 100 && merged > 20, "{conflicts} conflicts, {merged} merged");
}

#[test]
fn reads_at_the_nearest_replica_cost_no_write_its_place() {
    let nearest = Options { reads: Reads::Nearest, ..options(Acknowledge::One, Fencing::Epoch) };
    trials(&nearest, 3, 150, |bed, seen| {
        assert_converged(bed, seen);
        assert_eq!(seen.lost, 0);
    });
}

fn quick(text: &str) -> Options {
    let spans = "detect = '1s', heartbeat = '200ms', promote = '300ms'";
    toml::from_str(&text.replace("{}", &format!("{{ {spans} }}")).replace("{ ,", &format!("{{ {spans},"))).unwrap()
}

#[test]
fn a_crash_is_detected_in_patience_less_a_part_of_a_heartbeat() {
    let mut sum = Duration::ZERO;
    for seed in 0..60 {
        let mut bed = Bed::new(quick("failover = {}"), 3, Duration::ZERO, seed);
        let crash = Time::ZERO + Duration::millis(2_000 + bed.chance(200));
        bed.at(crash, Fault::Crash(0));
        bed.run_until(Time::ZERO + Duration::secs(6));
        let first = |wanted: fn(&Observation) -> bool| {
            bed.observed.iter().find(|(at, _, o)| *at > crash && wanted(o)).unwrap().0
        };
        let suspected = first(|o| matches!(o, Observation::Suspected));
        let decided = first(|o| matches!(o, Observation::Decided { .. }));
        let fenced = first(|o| matches!(o, Observation::Fenced { .. }));
        let leader = first(|o| matches!(o, Observation::Leader { .. }));
        let ready = first(|o| matches!(o, Observation::Ready { .. }));
        // d + T - U(0, h), where one-way delays are 2 to 40 ms, and now and then 400.
        let after = suspected.since(crash);
        assert!(after > Duration::millis(400) && after < Duration::millis(1_400), "seed {seed}: {after}");
        sum += after;
        assert!(
            suspected <= decided && decided == fenced && leader >= fenced + Duration::millis(300) && leader <= ready
        );
        assert_eq!(bed.leaders.len(), 2, "seed {seed}");
    }
    // The first of three monitors, whose signs of life arrived earliest: a little below the mean of one, 0.925 s.
    let mean = sum / 60;
    assert!(mean > Duration::millis(850) && mean < Duration::millis(950), "{mean}");
}

#[test]
fn without_a_candidate_on_the_other_side_a_cut_changes_nothing() {
    for fencing in ["none", "epoch"] {
        let text = format!("fencing = '{fencing}'\nlease = '800ms'\nfailover = {{ , candidates = ['a'] }}");
        let mut bed = Bed::new(quick(&text), 3, Duration::ZERO, 1);
        bed.ask(4, Time::ZERO + Duration::secs(20));
        let inside = bed.nodes_in(&[RegionId(0)]);
        let outside = bed.nodes_in(&[RegionId(1), RegionId(2)]);
        let links = inside.iter().flat_map(|a| outside.iter().flat_map(move |b| [(*a, *b), (*b, *a)])).collect();
        bed.at(Time::ZERO + Duration::secs(5), Fault::Cut(links));
        bed.at(Time::ZERO + Duration::secs(12), Fault::Mend);
        bed.run_until(Time::ZERO + Duration::secs(25));
        assert_eq!(bed.leaders.len(), 1, "{fencing}: nobody is promoted across regions");
        assert!(bed.rolled_back.is_empty());
        let in_the_cut = |at: Time| at > Time::ZERO + Duration::secs(7) && at < Time::ZERO + Duration::secs(12);
        let answered = bed.history.iter().filter(|call| call.returned.is_some_and(|(at, _)| in_the_cut(at))).count();
        assert_eq!(answered == 0, fencing == "epoch", "fenced, it is an outage; else it goes on: {answered}");
    }
}

#[test]
fn a_cut_that_leaves_the_primary_in_the_minority_loses_what_it_acknowledges_alone() {
    for (acknowledge, loses) in [("local", true), ("majority", false)] {
        let text = format!("acknowledge = '{acknowledge}'\nfailover = {{}}");
        let mut bed = Bed::new(quick(&text), 5, Duration::ZERO, 2);
        bed.ask(6, Time::ZERO + Duration::secs(20));
        let inside = bed.nodes_in(&[RegionId(0), RegionId(1)]);
        let outside = bed.nodes_in(&[RegionId(2), RegionId(3), RegionId(4)]);
        let links = inside.iter().flat_map(|a| outside.iter().flat_map(move |b| [(*a, *b), (*b, *a)])).collect();
        bed.at(Time::ZERO + Duration::secs(5), Fault::Cut(links));
        bed.at(Time::ZERO + Duration::secs(15), Fault::Mend);
        bed.run_until(Time::ZERO + Duration::secs(30));
        assert_eq!(bed.leaders.len(), 2);
        let (_, log) = bed.final_log().unwrap();
        let kept = |value| log.iter().any(|entry| matches!(entry.change, Change::Set(_, v) if v == value));
        let acknowledged = bed.history.iter().filter(|c| matches!(c.returned, Some((_, Reply::Written))));
        let lost = acknowledged.filter(|c| c.op.written().is_some_and(|value| !kept(value))).count();
        assert_eq!(lost > 0, loses, "{acknowledge}: {lost}");
    }
}
