//! Worlds whose states can be counted by hand, and raft.

use super::*;

use crate::id::{Key, NodeId, Value};
use crate::protocol::causal::Causal;
use crate::protocol::home_region::HomeRegion;
use crate::protocol::last_writer_wins::LastWriterWins;
use crate::protocol::primary_backup::{self, PrimaryBackup};
use crate::protocol::raft::{self, Raft};
use crate::protocol::{Context, Payload, Request, State as Copy};
use crate::time::Duration;
use crate::trace::Observation;

/// The first node sends the second some messages, which it counts.
#[derive(Clone, Debug, Hash)]
struct Marks {
    mask: u32,
    count: u32,
}

#[derive(Clone, Debug, Default)]
struct MarksOptions {
    marks: u32,
    are_same: bool,
}

#[derive(Clone, Debug, Hash)]
struct Mark(u32);

impl Payload for Mark {
    fn bytes(&self) -> u32 {
        4
    }
}

impl Protocol for Marks {
    type Message = Mark;
    type Timer = ();
    type Record = ();
    type Session = ();
    type Options = MarksOptions;

    fn start(options: &MarksOptions, _: Vec<()>, cx: &mut Context<Self>) -> Marks {
        if cx.me() == NodeId(0) {
            let mark = |nth| if options.are_same { 0 } else { nth };
            (0..options.marks).for_each(|nth| cx.send(NodeId(1), Mark(mark(nth))));
        }
        Marks { mask: 0, count: 0 }
    }

    fn on_request(&mut self, _: Request<Self>, _: &mut Context<Self>) {}

    fn on_message(&mut self, _: NodeId, Mark(mark): Mark, _: &mut Context<Self>) {
        (self.mask, self.count) = (self.mask | 1 << mark, self.count + 1);
    }

    fn on_timer(&mut self, (): (), _: &mut Context<Self>) {}

    fn state(&self) -> Copy {
        Copy::no_data()
    }
}

fn marks(marks: u32, are_same: bool, bounds: Bounds) -> Explored {
    let tiny = Tiny { bounds, reduction: Reduction::NONE, ..Tiny::default() };
    explore::<Marks>(&tiny, &MarksOptions { marks, are_same }, &["a", "b"], &mut |_| ()).unwrap()
}

#[test]
fn messages_that_differ_arrive_in_every_order_and_equal_ones_in_one() {
    for n in 1..=10 {
        let differ = marks(n, false, Bounds::default());
        let counts = (differ.states, differ.transitions, differ.depth);
        assert_eq!(counts, (1 << n, u64::from(n) << (n - 1), n), "subsets, and an edge for each that is missing");
        let same = marks(n, true, Bounds::default());
        assert_eq!((same.states, same.transitions, same.depth), (u64::from(n) + 1, n.into(), n));
        assert!(differ.is_complete() && same.is_complete());
    }
}

#[test]
fn a_message_arrives_twice_as_often_as_that_may_be() {
    // So many are still under way, so many may come again; each has come so often.
    let twice = marks(1, true, Bounds { duplicates: 2, ..Bounds::default() });
    assert_eq!((twice.states, twice.depth), (6, 3));
}

#[test]
fn what_is_left_out_is_told() {
    let deep = marks(8, false, Bounds { depth: 3, ..Bounds::default() });
    assert_eq!((deep.states, deep.cut), (1 + 8 + 28 + 56, Some(Cut::Depth)));
    let many = marks(8, false, Bounds { states: 100, ..Bounds::default() });
    assert_eq!((many.states, many.cut), (100, Some(Cut::States)));
    assert!(!deep.is_complete() && !many.is_complete());
}

/// Whoever misses nobody for a while leads the first epoch.
#[derive(Clone, Debug, Hash)]
struct Usurper;

impl Protocol for Usurper {
    type Message = Mark;
    type Timer = ();
    type Record = ();
    type Session = ();
    type Options = ();

    fn start((): &(), _: Vec<()>, cx: &mut Context<Self>) -> Usurper {
        cx.set_timer((), Duration::secs(1));
        Usurper
    }

    fn on_request(&mut self, _: Request<Self>, _: &mut Context<Self>) {}

    fn on_message(&mut self, _: NodeId, _: Mark, cx: &mut Context<Self>) {
        cx.cancel_timer(());
    }

    fn on_timer(&mut self, (): (), cx: &mut Context<Self>) {
        cx.broadcast(Mark(0));
        cx.observe(Observation::Leader { epoch: 1 });
    }

    fn state(&self) -> Copy {
        Copy::no_data()
    }
}

#[test]
fn what_breaks_is_told_in_as_few_steps_as_it_takes() {
    let explored = explore::<Usurper>(&Tiny::default(), &(), &["a", "b", "c"], &mut |_| ()).unwrap();
    let found = explored.broken.as_ref().expect("two lead one epoch");
    assert_eq!((found.property.as_str(), explored.cut), ("election-safety", Some(Cut::Broken)));
    let steps: Vec<&str> = found.story.iter().map(|told| told.step.as_str()).collect();
    assert_eq!(steps, ["a: its timer () fires", "b: its timer () fires"]);
    assert_eq!(found.story[1].notes, ["b leads epoch 1"]);
    assert!(found.why.contains("b leads epoch 1, and so does a"), "{}", found.why);
    let once = Tiny { bounds: Bounds { timeouts: 1, ..Bounds::default() }, ..Tiny::default() };
    let explored = explore::<Usurper>(&once, &(), &["a", "b", "c"], &mut |_| ()).unwrap();
    // Nothing has happened, or one of three leads and some of the others know.
    assert_eq!((explored.states, explored.is_complete(), explored.broken), (1 + 3 * 4, true, None));
}

/// Plain Raft, which no clock matters to.
fn plain() -> raft::Options {
    raft::Options { pre_vote: false, check_quorum: false, ..raft::Options::default() }
}

fn write(nth: u64) -> Op {
    Op::Write(Key(0), Value(nth))
}

fn raft(options: &raft::Options, tiny: &Tiny) -> Explored {
    explore::<Raft>(tiny, options, &["a", "b", "c"], &mut |_| ()).unwrap()
}

#[test]
fn an_election_and_a_write_in_raft_are_right_in_every_order() {
    let bounds = Bounds { timeouts: 1, ..Bounds::default() };
    let one = raft(&plain(), &Tiny { operations: vec![write(1)], bounds, ..Tiny::default() });
    assert!(one.is_complete() && one.broken.is_none(), "{one:?}");
    assert!(one.states > 500, "{one:?}");
    let again = raft(&plain(), &Tiny { operations: vec![write(1)], bounds, ..Tiny::default() });
    assert_eq!(one, again);
}

#[test]
fn crashes_and_slow_disks_add_states_and_break_nothing() {
    let bounds = Bounds { timeouts: 1, ..Bounds::default() };
    let fair = raft(&plain(), &Tiny { bounds, ..Tiny::default() });
    let slow = raft(&plain(), &Tiny { slow_disks: true, bounds, ..Tiny::default() });
    let crash = raft(&plain(), &Tiny { bounds: Bounds { crashes: 1, ..bounds }, ..Tiny::default() });
    assert!([&fair, &slow, &crash].iter().all(|explored| explored.is_complete() && explored.broken.is_none()));
    assert!(fair.states < slow.states && fair.states < crash.states, "{fair:?} {slow:?} {crash:?}");
}

#[test]
fn a_read_beside_a_write_is_linearizable_in_every_order() {
    let options = raft::Options { leader: Some("a".into()), ..plain() };
    let bounds = Bounds { timeouts: 0, ..Bounds::default() };
    let tiny = Tiny { operations: vec![write(1), Op::Read(Key(0))], bounds, ..Tiny::default() };
    let explored = explore::<Raft>(&tiny, &options, &["a", "b"], &mut |_| ()).unwrap();
    assert!(explored.is_complete() && explored.broken.is_none(), "{explored:?}");
}

/// The same world with nothing left out, with each reduction alone, and with all.
fn in_every_way<P: Explorable>(tiny: &Tiny, options: &P::Options, regions: &[&str]) -> [Explored; 5] {
    let none = Reduction::NONE;
    let ways = [
        none,
        Reduction { orders: true, ..none },
        Reduction { idle: true, ..none },
        Reduction { symmetry: true, ..none },
        Reduction::ALL,
    ];
    let explored =
        ways.map(|reduction| explore::<P>(&Tiny { reduction, ..tiny.clone() }, options, regions, &mut |_| ()).unwrap());
    let [full, orders, idle, symmetry, all] = &explored;
    let told = |explored: &Explored| {
        let steps = explored.broken.as_ref().map(|found| found.story.len());
        (explored.cut, steps)
    };
    assert!(full.is_complete() || full.broken.is_some(), "the bounds are too narrow: {full:?}");
    for reduced in [orders, idle, symmetry, all] {
        assert_eq!(told(reduced), told(full), "{tiny:?} {options:?}");
        assert!(reduced.states <= full.states && reduced.transitions <= full.transitions, "{tiny:?} {options:?}");
    }
    if full.broken.is_none() {
        let every = |explored: &Explored| (explored.states, explored.depth);
        assert_eq!(every(orders), every(full), "{tiny:?} {options:?}");
        let [taken, spared] = [orders.transitions, orders.spared.orders];
        assert_eq!(taken + spared, full.transitions, "each step is taken or left out");
        let most = symmetry.states * u64::from(symmetry.spared.symmetries);
        assert!(full.states <= most, "{} states are like {} others", full.states, symmetry.states);
    }
    explored
}

/// A world with this much in it: writes, reads, timeouts, crashes, duplicates, retries.
fn tiny([writes, reads, timeouts, crashes, duplicates, retries]: [u32; 6], slow_disks: bool) -> Tiny {
    let operations = (0..u64::from(writes)).map(write).chain((0..reads).map(|_| Op::Read(Key(0)))).collect();
    let bounds = Bounds { timeouts, crashes, duplicates, retries, states: 400_000, ..Bounds::default() };
    Tiny { operations, slow_disks, bounds, ..Tiny::default() }
}

#[test]
fn what_is_left_out_changes_no_verdict_of_raft() {
    let led = raft::Options { leader: Some("a".into()), ..plain() };
    let worlds = [
        (plain(), tiny([1, 0, 1, 0, 0, 0], false)),
        (plain(), tiny([0, 0, 1, 1, 0, 0], false)),
        (plain(), tiny([0, 0, 1, 0, 0, 0], true)),
        (plain(), tiny([0, 0, 1, 0, 1, 0], false)),
        (led.clone(), tiny([1, 0, 0, 0, 0, 0], true)),
        (led, tiny([1, 0, 0, 0, 0, 0], false)),
        (raft::Options::default(), tiny([0, 0, 1, 0, 0, 0], false)),
    ];
    for (options, tiny) in worlds {
        let [full, .., all] = in_every_way::<Raft>(&tiny, &options, &["a", "b", "c"]);
        assert!(full.broken.is_none());
        assert!(all.states < full.states && all.transitions * 2 < full.transitions, "{full:?} {all:?}");
    }
}

#[test]
fn what_is_left_out_changes_no_verdict_of_others() {
    let pair = primary_backup::Options { primary: Some("a".into()), ..Default::default() };
    in_every_way::<PrimaryBackup>(&tiny([1, 1, 1, 1, 0, 0], false), &pair, &["a", "b"]);
    in_every_way::<LastWriterWins>(&tiny([1, 1, 1, 0, 0, 0], false), &Default::default(), &["a", "b"]);
    in_every_way::<Causal>(&tiny([1, 1, 1, 0, 0, 0], false), &Default::default(), &["a", "b"]);
    in_every_way::<HomeRegion>(&tiny([1, 1, 1, 0, 1, 0], false), &Default::default(), &["a", "b", "c"]);
    let [full, .., all] = in_every_way::<Usurper>(&Tiny::default(), &(), &["a", "b", "c"]);
    assert_eq!((full.broken.is_some(), full.depth, all.depth), (true, 2, 2));
}

#[cfg(feature = "mutants")]
mod mutants {
    use super::*;

    use crate::protocol::{Flaw, Mutant};

    fn caught(mutant: Mutant, tiny: &Tiny) -> Found {
        let right = raft(&plain(), tiny);
        assert!(right.broken.is_none(), "{mutant:?}: {right:?}");
        let wrong = raft(&raft::Options { mutant: Flaw::of(mutant), ..plain() }, tiny);
        wrong.broken.unwrap_or_else(|| panic!("{mutant:?} is not caught"))
    }

    #[test]
    fn what_is_left_out_hides_no_flaw() {
        let worlds = [
            (Mutant::R2, tiny([0, 0, 2, 1, 0, 0], false)),
            (Mutant::R4, tiny([1, 0, 1, 0, 0, 0], true)),
            (Mutant::R5, tiny([1, 0, 1, 0, 0, 0], true)),
            (Mutant::R23, tiny([1, 0, 1, 0, 0, 0], false)),
            (Mutant::R25, tiny([1, 0, 1, 0, 0, 1], false)),
        ];
        for (mutant, tiny) in worlds {
            let options = raft::Options { mutant: Flaw::of(mutant), ..plain() };
            let explored = in_every_way::<Raft>(&tiny, &options, &["a", "b", "c"]);
            assert!(explored.iter().all(|explored| explored.broken.is_some()), "{mutant:?}");
        }
    }

    #[test]
    fn a_forgotten_vote_is_given_again() {
        let bounds = Bounds { timeouts: 2, crashes: 1, states: 200_000, ..Bounds::default() };
        let found = caught(Mutant::R2, &Tiny { bounds, ..Tiny::default() });
        assert_eq!((found.property.as_str(), found.story.len()), ("vote-monotone", 6), "{found:#?}");
    }

    #[test]
    fn an_early_answer_promises_disks_that_do_not_have_it() {
        for mutant in [Mutant::R4, Mutant::R5] {
            let bounds = Bounds { timeouts: 1, states: 200_000, ..Bounds::default() };
            let tiny = Tiny { operations: vec![write(1)], slow_disks: true, bounds, ..Tiny::default() };
            assert_eq!(caught(mutant, &tiny).property, "durability-contract", "{mutant:?}");
        }
    }
}
