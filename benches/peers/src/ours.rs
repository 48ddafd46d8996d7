//! riftzone's own side: the [workloads](crate::workloads), through the whole engine.
//!
//! A sample of a simulation is one call of `simulate`: the world is made, run, judged on line and at the end, and taken
//! down. Its check is the run's digest.

use std::hint::black_box;
use std::time::Instant;

use riftzone::check::linearizable::linearizable;
use riftzone::explore::exhaustive::{Bounds, Explored, Reduction, Tiny, explore};
use riftzone::protocol::raft::{Options, Raft};
use riftzone::sim::Judging;
use riftzone::time::Duration;
use riftzone::trace::Digest;

use crate::ballot::{self, Ballot};
use crate::contest::Sample;
use crate::workloads::{NODES, echo, fpaxos, register, ring};

/// So many tokens make so many hops each, or as many as there is time for in so many simulated seconds.
pub fn ring(tokens: u32, hops: u32, seconds: u64) -> Sample {
    let begun = Instant::now();
    let run = ring::run(tokens, hops, Duration::secs(seconds));
    let (messages, check) = (run.traffic.messages, word(run.digest));
    drop(run);
    Sample::of(messages, begun, check)
}

/// So many clients a node ask so often each, or as often as there is time for in so many simulated seconds.
pub fn echo(clients: u32, rounds: u32, seconds: u64) -> Sample {
    let begun = Instant::now();
    let run = echo::run(clients, rounds, Duration::secs(seconds));
    let (messages, check) = (run.traffic.messages, word(run.digest));
    drop(run);
    Sample::of(messages, begun, check)
}

/// Visits every state of an election among so many nodes, and of the leader's first entry.
///
/// # Panics
/// Where something is broken, or not all was seen.
pub fn elect(regions: &[&str], options: &Options) -> Sample {
    let (begun, explored) = election(regions, options, Reduction::NONE);
    let note = format!("{} steps", explored.transitions);
    Sample { note, ..Sample::of(explored.states, begun, explored.states) }
}

/// Judges the same space, and visits only those of its states that tell something more. How many there are in all is found out
/// once, outside of the time that is taken.
///
/// # Panics
/// Where something is broken, or not all was judged.
pub fn elect_reduced(regions: &'static [&'static str], options: Options) -> impl FnMut() -> Sample {
    let mut whole = None;
    move || {
        let whole = *whole.get_or_insert_with(|| election(regions, &options, Reduction::NONE).1.states);
        let (begun, explored) = election(regions, &options, Reduction::ALL);
        let note = format!("{} states visited, {} steps", explored.states, explored.transitions);
        Sample { note, ..Sample::of(whole, begun, whole) }
    }
}

fn election(regions: &[&str], options: &Options, reduction: Reduction) -> (Instant, Explored) {
    let bounds = Bounds { timeouts: 0, states: u64::from(u32::MAX), ..Bounds::default() };
    let tiny = Tiny { bounds, reduction, ..Tiny::default() };
    let begun = Instant::now();
    let explored = explore::<Raft>(&tiny, options, regions, &mut |_| ()).expect("the options fit");
    assert!(explored.is_complete() && explored.broken.is_none(), "{explored:?}");
    (begun, explored)
}

/// How many states of a ballot among so many nodes were visited, and how few steps it takes until two lead.
///
/// # Panics
/// Where anything else is broken, or not all was seen.
pub fn ballot(regions: &[&str], options: &ballot::Options, reduction: Reduction) -> (u64, Option<u64>) {
    let tiny = Tiny { bounds: Bounds { timeouts: 0, ..Bounds::default() }, reduction, ..Tiny::default() };
    let explored = explore::<Ballot>(&tiny, options, regions, &mut |_| ()).expect("the options fit");
    let steps = explored.broken.as_ref().map(|found| {
        assert_eq!(found.property, "election-safety", "{found:?}");
        found.story.len() as u64
    });
    assert!(steps.is_some() || explored.is_complete(), "{explored:?}");
    (explored.states, steps)
}

/// So many clients a region make so many commands each, judged on this thread or meanwhile on another.
///
/// # Panics
/// Where a command is missing, something that the protocol claims does not hold, or the mean latency is not fantoch's.
pub fn fpaxos(judging: Judging, clients: u32, commands: u32) -> Sample {
    let begun = Instant::now();
    let run = fpaxos::run_judged(judging, clients, commands);
    let (messages, simulated) = (run.traffic.messages, run.simulated);
    let (events, check, outcomes) = (run.events, word(run.digest), run.measures.outcomes(None));
    let mean_ms = run.measures.latency_overall(true).mean().as_millis_f64();
    let broken: Vec<_> = run.broken_claims().map(|judged| judged.guarantee.name()).collect();
    assert!(broken.is_empty(), "broken: {broken:?}");
    drop(run);
    let took = begun.elapsed().as_secs_f64();
    let expected = u64::from(clients) * fpaxos::REGIONS.len() as u64 * u64::from(commands);
    assert_eq!((outcomes.ok, outcomes.total()), (expected, expected), "every command is answered");
    let periods = simulated.as_nanos() / fpaxos::PERIOD.as_nanos();
    let told = periods * u64::from(NODES) * u64::from(NODES - 1);
    assert_eq!(messages, fpaxos::messages(clients, commands) + told, "each message of the pattern, once");
    assert_eq!(format!("{mean_ms:.1}"), "188.0", "as long as fantoch's commands take, in milliseconds");
    let note = format!("{events} events, {:.2} a command, mean {mean_ms:.1} ms", events as f64 / expected as f64);
    Sample { units: expected, seconds: took, check, note }
}

/// How often a history is judged in a sample: one time takes too little of it to be taken.
const JUDGEMENTS: u32 = 100;

/// The verdict on these steps. The time is that of one judgement of many.
pub fn judge(steps: &[register::Step]) -> Sample {
    let history = register::history(steps);
    let begun = Instant::now();
    let passes = (0..JUDGEMENTS).filter(|_| linearizable(black_box(&history)).is_pass()).count();
    let seconds = begun.elapsed().as_secs_f64() / f64::from(JUDGEMENTS);
    let is_linearizable = passes == JUDGEMENTS as usize;
    Sample { units: history.len() as u64, seconds, check: is_linearizable.into(), note: String::new() }
}

fn word(digest: Digest) -> u64 {
    u64::from_str_radix(&digest.to_string(), 16).expect("a digest is shown as 16 hexadecimal digits")
}
