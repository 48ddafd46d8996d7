//! What is measured: every contest, in the order in which they are held.

use std::rc::Rc;
use std::time::Instant;

use riftzone::explore::exhaustive::Reduction;
use riftzone::protocol::raft::Options;
use riftzone::sim::Judging;

use crate::ballot;
use crate::bare;
use crate::contest::{Contest, Contestant, Outcome, Sample};
use crate::hold;
use crate::ours;
use crate::peers;
use crate::queues::{CalendarInstant, QuadSlab, Radix, Riftzone, StdInline};
use crate::table::{rate, three};
use crate::workloads::register;

/// riftzone through its whole engine.
const ENGINE: &str = "riftzone";

/// The same with the judges on a second thread, as a run that is alone has them.
const ENGINE_ASIDE: &str = "riftzone, judges on a second thread";

/// riftzone's exploration that leaves out what tells nothing more.
const REDUCED: &str = "riftzone, reduced";

/// The bare loop over riftzone's own queue: what is left of the engine when everything but the work is gone.
const BARE_SAME_QUEUE: &str = "bare loop, riftzone queue";

/// The bare loop over the queue that a first simulator has.
const BARE_STD: &str = "bare loop, std heap";

/// The bare loop that is the fastest on Flexible Paxos.
const BARE_BEST: &str = "bare loop, calendar-16 + instant";

const MADSIM: &str = "madsim 0.2.34";
const NEXOSIM: &str = "nexosim 1.0.0";
const STATERIGHT: &str = "stateright 0.31.0";
const TURMOIL: &str = "turmoil 0.7.2, 1 ms tick";

/// What fantoch (revision aea6e324, 2022-05-24, which no registry has) reached once on another machine: clients a region,
/// commands each, commands a second, and how many times as fast a bare loop was in the same run. 2-core AMD EPYC VM,
/// one thread, Rust 1.95 with fat LTO, medians of at least five runs.
const FANTOCH: [(u32, u32, f64, f64); 2] = [(32, 200, 138e3, 21.0), (512, 50, 52.4e3, 92.0)];

/// How many times as fast as the loop of that run [the one here](BARE_BEST) is: the best rates of both on one machine.
const LOOP_SINCE: f64 = 1.45;

/// Every contest.
pub fn all() -> Vec<Contest> {
    let mut contests = hold::contests();
    contests.extend([("5", 5, 300_000), ("1k", 1_000, 1_500), ("100k", 100_000, 15)].map(ring));
    contests.push(echo(100, 750));
    contests.extend(FANTOCH.map(fpaxos));
    contests.extend([(3, 100), (5, 200)].map(judgement));
    contests.extend([4, 5].map(exploration));
    contests.push(verdict(5));
    contests.push(flaw());
    contests
}

fn ring((label, tokens, hops): (&str, u32, u32)) -> Contest {
    let seconds = u64::from(hops) / 10 + 1; // more than it takes: no hop is longer than a tenth
    Contest {
        name: format!("ring-{label}"),
        what: format!("ring of 5 nodes, 30-100 ms a hop, {tokens} tokens, {hops} hops each"),
        unit: "hop",
        subject: ENGINE,
        equal_work: vec![BARE_SAME_QUEUE, BARE_STD, "bare loop, 4-ary heap", BARE_BEST],
        contestants: vec![
            Contestant::new(ENGINE, move || ours::ring(tokens, hops, seconds)),
            Contestant::new(NEXOSIM, move || peers::nexosim::ring(tokens, hops, seconds)),
            Contestant::new(BARE_SAME_QUEUE, move || bare::ring::ring::<Riftzone<_>>(tokens, hops, seconds)),
            Contestant::new(BARE_STD, move || bare::ring::ring::<StdInline<_>>(tokens, hops, seconds)),
            Contestant::new("bare loop, 4-ary heap", move || bare::ring::ring::<QuadSlab<_>>(tokens, hops, seconds)),
            Contestant::new(BARE_BEST, move || bare::ring::ring::<CalendarInstant<_>>(tokens, hops, seconds)),
        ],
        shown: vec![NEXOSIM, BARE_SAME_QUEUE],
        shows_best: false,
        notes: Vec::new(),
    }
}

fn echo(clients: u32, rounds: u32) -> Contest {
    let seconds = u64::from(rounds) / 4 + 1; // more than it takes: no round trip is longer than a quarter
    Contest {
        name: "echo".into(),
        what: format!(
            "request and echo, 5 nodes, 30-100 ms a message, {clients} clients a node, {rounds} requests each"
        ),
        unit: "message",
        subject: ENGINE,
        equal_work: Vec::new(),
        contestants: vec![
            Contestant::new(ENGINE, move || ours::echo(clients, rounds, seconds)),
            Contestant::new(MADSIM, move || peers::madsim::echo(clients, rounds, seconds)),
            Contestant::new(TURMOIL, move || peers::turmoil::echo(clients, rounds, seconds)),
        ],
        shown: vec![MADSIM, TURMOIL],
        shows_best: false,
        notes: Vec::new(),
    }
}

fn fpaxos((clients, commands, fantoch, bare_is): (u32, u32, f64, f64)) -> Contest {
    let against_fantoch = move |outcome: &Outcome| {
        let part = 1.0 / outcome.of(BARE_BEST).subject_is.median;
        let is_aside = 1.0 / outcome.of(ENGINE_ASIDE).subject_is.median;
        format!(
            "fpaxos-{clients} and fantoch, which no registry has: elsewhere it made {} commands/s, and a bare \
             loop {bare_is:.0} times as many. The bare loop here (calendar-16 + instant) is {LOOP_SINCE} times as fast as that one, and {} \
             times as fast as riftzone: by this estimate riftzone is {bare_is:.0} x {LOOP_SINCE} / {} = {} times as fast \
             as fantoch on one thread, and {} times with its judges on a second, which fantoch has no use for.",
            rate(fantoch),
            three(part),
            three(part),
            three(bare_is * LOOP_SINCE / part),
            three(bare_is * LOOP_SINCE / part * is_aside),
        )
    };
    Contest {
        name: format!("fpaxos-{clients}"),
        what: format!("Flexible Paxos, 5 AWS regions, {clients} clients a region, {commands} commands each"),
        unit: "command",
        subject: ENGINE,
        equal_work: vec![BARE_SAME_QUEUE, BARE_STD, BARE_BEST, "bare loop, radix heap"],
        contestants: vec![
            Contestant::new(ENGINE, move || ours::fpaxos(Judging::AtOnce, clients, commands)),
            Contestant::new(ENGINE_ASIDE, move || ours::fpaxos(Judging::Meanwhile, clients, commands)),
            Contestant::new(BARE_SAME_QUEUE, move || bare::fpaxos::fpaxos::<Riftzone<_>>(clients, commands)),
            Contestant::new(BARE_STD, move || bare::fpaxos::fpaxos::<StdInline<_>>(clients, commands)),
            Contestant::new(BARE_BEST, move || bare::fpaxos::fpaxos::<CalendarInstant<_>>(clients, commands)),
            Contestant::new("bare loop, radix heap", move || bare::fpaxos::fpaxos::<Radix<_>>(clients, commands)),
        ],
        shown: vec![ENGINE_ASIDE, BARE_SAME_QUEUE, BARE_STD],
        shows_best: true,
        notes: vec![Box::new(against_fantoch)],
    }
}

fn judgement((clients, operations): (u32, u32)) -> Contest {
    let steps = Rc::new(register::steps(clients, operations));
    let same = steps.clone();
    Contest {
        name: format!("judge-{clients}x{operations}"),
        what: format!("is it linearizable: one register, {clients} clients, {operations} operations each"),
        unit: "operation",
        subject: ENGINE,
        equal_work: vec![ENGINE, STATERIGHT],
        contestants: vec![
            Contestant::new(ENGINE, move || ours::judge(&steps)),
            Contestant::new(STATERIGHT, move || peers::stateright::judge(&same)),
        ],
        shown: vec![STATERIGHT],
        shows_best: false,
        notes: Vec::new(),
    }
}

/// One node stands at once, and nobody else ever does.
fn first_election() -> Options {
    Options { leader: Some("a".into()), pre_vote: false, check_quorum: false, ..Options::default() }
}

fn exploration(nodes: usize) -> Contest {
    let regions = &["a", "b", "c", "d", "e"][..nodes];
    let (options, same) = (first_election(), first_election());
    Contest {
        name: format!("explore-{nodes}"),
        what: format!("every state of raft's first election and entry, {nodes} nodes"),
        unit: "state",
        subject: ENGINE,
        equal_work: vec![ENGINE, STATERIGHT],
        contestants: vec![
            Contestant::new(ENGINE, move || ours::elect(regions, &options)),
            Contestant::new(STATERIGHT, move || peers::exploration::elect(regions, &same)),
        ],
        shown: vec![STATERIGHT],
        shows_best: false,
        notes: Vec::new(),
    }
}

/// The same space, judged in whole: by reductions, and by visiting all of it. One unit is one state of the whole space.
fn verdict(nodes: usize) -> Contest {
    let regions = &["a", "b", "c", "d", "e"][..nodes];
    let (options, same) = (first_election(), first_election());
    Contest {
        name: format!("verdict-{nodes}"),
        what: format!("that space of {nodes} nodes judged in whole, by reductions here: states of the whole space"),
        unit: "state",
        subject: REDUCED,
        equal_work: vec![REDUCED, STATERIGHT],
        contestants: vec![
            Contestant::new(REDUCED, ours::elect_reduced(regions, options)),
            Contestant::new(STATERIGHT, move || peers::exploration::elect(regions, &same)),
        ],
        shown: vec![STATERIGHT],
        shows_best: false,
        notes: Vec::new(),
    }
}

/// Who finds two leaders, and in how few steps: both must tell of the same number.
fn flaw() -> Contest {
    let found = |find: fn(&'static [&'static str], &ballot::Options) -> (u64, Option<u64>)| {
        let begun = Instant::now();
        let (states, steps) = find(&["a", "b", "c", "d"], &ballot::Options { enough: 2 });
        let steps = steps.expect("two lead");
        Sample { note: format!("{states} states until then"), ..Sample::of(steps, begun, steps) }
    };
    Contest {
        name: "flaw".into(),
        what: "two leaders of one epoch, where two votes of four nodes are enough, found in the fewest steps".into(),
        unit: "step",
        subject: ENGINE,
        equal_work: vec![ENGINE, STATERIGHT],
        contestants: vec![
            Contestant::new(ENGINE, move || found(|regions, options| ours::ballot(regions, options, Reduction::NONE))),
            Contestant::new(STATERIGHT, move || found(|regions, options| peers::exploration::ballot(regions, options))),
        ],
        shown: vec![STATERIGHT],
        shows_best: false,
        notes: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One piece of code, two explorers: as many states where nothing is wrong, and where something is, the same verdict in as few
    /// steps.
    #[test]
    fn stateright_sees_as_many_states_and_the_same_violation() {
        let three = &["a", "b", "c"];
        let right = ballot::Options { enough: 2 };
        let ours = ours::ballot(three, &right, Reduction::NONE);
        assert_eq!((ours, ours.1), (peers::exploration::ballot(three, &right), None));
        assert!(ours.0 > 100, "{ours:?}");
        for (regions, enough) in [(&three[..], 1), (&["a", "b", "c", "d"], 2)] {
            let wrong = ballot::Options { enough };
            let steps = peers::exploration::ballot(regions, &wrong).1;
            assert_eq!(steps, Some(4 * enough as u64), "each of two leaders asks so many, who answer");
            for reduction in [Reduction::NONE, Reduction::ALL] {
                assert_eq!(ours::ballot(regions, &wrong, reduction).1, steps);
            }
        }
    }
}
