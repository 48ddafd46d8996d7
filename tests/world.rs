//! The laws of the world, each with a protocol of a few lines that would notice.

mod support;

use riftzone::id::{Key, NodeId, RegionId, Value};
use riftzone::model::fault::{Action, Fault, Target};
use riftzone::model::latency::Delay;
use riftzone::model::workload::{Arrivals, Mix};
use riftzone::op::{Op, Refusal, Reply};
use riftzone::protocol::{Context, Payload, Protocol, Request, State};
use riftzone::sim::{Placement, Run, Setup, simulate};
use riftzone::time::{Duration, Time};
use riftzone::trace::{FaultKind, Observation, Rows, Trace};

use support::{after, constant_world};

/// One node answers from its disk; the others forward to it. Acknowledges a write before or after the sync, as told.
struct SingleCopy {
    value: std::collections::BTreeMap<Key, Value>,
    hasty: bool,
}

#[derive(Clone, Debug)]
struct Nothing;

impl Payload for Nothing {
    fn bytes(&self) -> u32 {
        0
    }
}

impl Protocol for SingleCopy {
    type Message = Nothing;
    type Timer = ();
    type Record = (Key, Value);
    type Session = ();
    type Options = bool;

    fn start(hasty: &bool, recovered: Vec<(Key, Value)>, cx: &mut Context<Self>) -> Self {
        if cx.me() == NodeId(0) {
            recovered.iter().for_each(|(key, value)| cx.observe(Observation::Applied { key: *key, value: *value }));
        }
        SingleCopy { value: recovered.into_iter().collect(), hasty: *hasty }
    }

    fn on_request(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        if cx.me() != NodeId(0) {
            return cx.forward(NodeId(0), request);
        }
        match request.op {
            Op::Read(key) => cx.reply(request.id, Reply::Read(self.value.get(&key).copied())),
            Op::Write(key, value) => {
                self.value.insert(key, value);
                cx.observe(Observation::Applied { key, value });
                cx.persist((key, value));
                if self.hasty {
                    cx.reply_unsynced(request.id, Reply::Written);
                } else {
                    cx.reply(request.id, Reply::Written);
                }
            }
            _ => cx.refuse(request.id, Refusal::Unsupported),
        }
    }

    fn on_message(&mut self, _: NodeId, _: Nothing, _: &mut Context<Self>) {}

    fn on_timer(&mut self, (): (), _: &mut Context<Self>) {}

    fn state(&self) -> State {
        State::serving(self.value.clone())
    }
}

fn run(setup: &Setup, hasty: bool) -> Run {
    let copy = Placement { regions: vec![RegionId(0)], groups: 1 };
    simulate::<SingleCopy>(setup, &copy, &hasty, 1, Trace::off().keeping(Rows::All)).unwrap()
}

/// Two regions 30 ms apart; one client in each; writes alone.
fn world() -> Setup {
    let mut setup = constant_world(&["here", "there"], 30, 10);
    setup.workload.clients = vec![1, 1];
    setup.workload.mix = Mix { read: 0, write: 1, compare_and_set: 0 };
    setup.workload.arrivals = Arrivals::Paced(Duration::millis(100));
    setup
}

fn fault(at: u64, lasts: u64, action: Action) -> Fault {
    Fault { at: after(at), lasts: Some(Duration::millis(lasts)), action, may_touch_nothing: false }
}

#[test]
fn an_answer_takes_the_round_trip_and_the_sync() {
    let mut setup = world();
    setup.disk.sync = Delay::constant(Duration::millis(4));
    let latency = |run: &Run, region| run.measures.latency(RegionId(region), riftzone::op::OpKind::Write).max();
    let held = run(&setup, false);
    assert_eq!(latency(&held, 0), Duration::millis(4), "the answer waits for the disk");
    assert_eq!(latency(&held, 1), Duration::millis(34));
    let hasty = run(&setup, true);
    assert_eq!(latency(&hasty, 0), Duration::ZERO);
    assert_eq!(latency(&hasty, 1), Duration::millis(30));
}

#[test]
fn a_crash_loses_what_was_not_synced_and_only_a_hasty_answer_loses_an_acknowledged_write() {
    let mut setup = world();
    setup.disk.sync = Delay::constant(Duration::millis(150));
    setup.faults = vec![fault(3_000, 1_000, Action::Crash(vec![Target::Region(RegionId(0))]))];
    let held = run(&setup, false);
    assert_eq!(held.durability.lost.len(), 0);
    let hasty = run(&setup, true);
    let lost = hasty.durability.lost.len();
    assert!((1..=5).contains(&lost), "{lost}");
    assert!(hasty.rpo > Duration::ZERO && hasty.rpo <= Duration::millis(300), "{}", hasty.rpo);
    assert!(hasty.ledger[0].touched > 1, "messages that reached the dead node count");
}

#[test]
fn a_pause_loses_nothing_and_everything_waits() {
    let mut setup = world();
    setup.workload.timeout = Duration::secs(5);
    setup.faults = vec![fault(3_000, 1_000, Action::Pause(vec![Target::Region(RegionId(0))]))];
    let run = run(&setup, true);
    let outcomes = run.measures.outcomes(None);
    assert_eq!((outcomes.unknown, outcomes.fail, run.durability.lost.len()), (0, 0, 0));
    let longest = run.measures.latency(RegionId(0), riftzone::op::OpKind::Write).max();
    assert!(longest > Duration::millis(900) && longest <= Duration::millis(1_000), "{longest}");
}

#[test]
fn a_node_that_is_paused_does_not_restart_before_the_pause_ends() {
    let mut setup = world();
    let here = || vec![Target::Region(RegionId(0))];
    setup.faults = vec![fault(3_000, 1_000, Action::Crash(here())), fault(3_500, 2_000, Action::Pause(here()))];
    let run = run(&setup, true);
    let decided: Vec<Time> = run.history.iter().filter(|op| op.reply.is_some()).map(|op| op.completed).collect();
    assert!(decided.iter().all(|at| !(after(3_100)..after(5_500)).contains(at)));
    assert!(decided.iter().any(|at| *at > after(5_500)), "and then it does");
}

#[test]
fn an_isolated_region_serves_itself_and_nobody_else() {
    let mut setup = world();
    setup.faults = vec![fault(3_000, 2_000, Action::Isolate(vec![Target::Region(RegionId(0))]))];
    let run = run(&setup, false);
    let availability = |region| run.measures.outcomes(Some(RegionId(region))).availability();
    assert_eq!(availability(0), 1.0);
    // Two of ten seconds less the warm-up, give or take one operation at each end.
    assert!((availability(1) - 7.0 / 9.0).abs() < 0.03, "{}", availability(1));
    assert_eq!(run.ledger[0].touched, 20, "each question lost is one message");
}

#[test]
fn a_cut_one_way_takes_the_answers_alone() {
    let mut setup = world();
    let links = vec![(Target::Region(RegionId(0)), Target::Region(RegionId(1)))];
    setup.faults = vec![fault(3_000, 2_000, Action::Cut { links, one_way: true })];
    let run = run(&setup, false);
    let far = run.measures.outcomes(Some(RegionId(1)));
    assert!(far.unknown >= 19, "{far:?}");
    assert_eq!(run.ledger[0].kind, FaultKind::OneWayPartition);
    // Every question arrived: the writes that nobody heard of took effect all the same.
    let applied = run.history.iter().filter(|op| op.outcome == riftzone::history::Outcome::Unknown).count();
    assert_eq!(applied as u64, run.measures.outcomes(None).unknown);
    assert_eq!(run.durability.lost.len(), 0);
}

#[test]
fn loss_takes_its_share() {
    let mut setup = world();
    setup.duration = Duration::secs(101);
    setup.faults = vec![fault(1_000, 100_000, Action::Loss { links: Vec::new(), parts: 1, whole: 10 })];
    let run = run(&setup, false);
    let far = run.measures.outcomes(Some(RegionId(1)));
    // A question and an answer, each lost one time in ten; the near client is within the region, and loses as well.
    let expected = 0.9 * 0.9;
    assert!((far.availability() - expected).abs() < 0.04, "{}", far.availability());
}

#[test]
fn a_heal_ends_what_is_under_way_and_is_void_where_nothing_is() {
    let mut setup = world();
    setup.faults = vec![
        Fault { lasts: None, ..fault(3_000, 0, Action::Isolate(vec![Target::Region(RegionId(0))])) },
        Fault { lasts: None, ..fault(4_000, 0, Action::Heal) },
        Fault { lasts: None, ..fault(5_000, 0, Action::Heal) },
    ];
    let run = run(&setup, false);
    assert_eq!((run.ledger[0].touched, run.ledger[1].touched), (10, 1));
    assert!(run.ledger[2].is_void());
    assert!(!run.ledger[1].is_void());
}

#[test]
fn a_forwarded_answer_comes_back_by_the_node_that_was_asked() {
    // The copy is in `here`; a client in `there` asks its own node, which forwards.
    let setup = world();
    let both = Placement::everywhere(&setup.topology);
    let run = simulate::<SingleCopy>(&setup, &both, &false, 1, Trace::off()).unwrap();
    let far = run.measures.latency(RegionId(1), riftzone::op::OpKind::Write);
    assert_eq!((far.quantile(0.0), far.max()), (Duration::millis(30), Duration::millis(30)));
    assert_eq!(run.traffic.messages, 2 * far.count());
}

#[test]
fn what_no_node_serves_fails_for_certain() {
    let mut setup = world();
    setup.workload.mix = Mix { read: 0, write: 0, compare_and_set: 1 };
    let run = run(&setup, false);
    let outcomes = run.measures.outcomes(None);
    assert_eq!((outcomes.ok, outcomes.unknown), (0, 0));
    assert!(outcomes.fail > 0);
}

#[test]
fn groups_share_the_keys() {
    let setup = world();
    let placement = Placement { regions: vec![RegionId(0)], groups: 2 };
    // Only node 0 answers, so the second group's node forwards across groups: every key is served, by one of two nodes.
    let run = simulate::<SingleCopy>(&setup, &placement, &false, 1, Trace::off()).unwrap();
    assert_eq!(run.nodes.iter().map(|node| &*node.name).collect::<Vec<_>>(), ["here", "here#1"]);
    assert_eq!(run.measures.outcomes(None).availability(), 1.0);
    assert!(run.traffic.messages > 0, "the odd keys were forwarded");
}

#[test]
fn a_closed_loop_obeys_littles_law() {
    // F18: throughput = clients / (latency + think time).
    let mut setup = world();
    setup.workload.clients = vec![0, 5];
    setup.workload.arrivals = Arrivals::Closed(Duration::millis(20));
    let run = run(&setup, false);
    // 5 / (30 ms + 20 ms) for 9 s.
    assert_eq!(run.measures.outcomes(None).total(), 900);
}

#[test]
fn the_trace_is_around_the_instant_asked_for() {
    let setup = world();
    let copy = Placement { regions: vec![RegionId(0)], groups: 1 };
    let trace = Trace::up_to(after(3_000), Duration::millis(200));
    let run = simulate::<SingleCopy>(&setup, &copy, &false, 1, trace).unwrap();
    let window = Time::from_nanos(2_800_000_000)..=Time::from_nanos(3_000_000_000);
    assert!(!run.trace.lines().is_empty());
    assert!(run.trace.lines().iter().all(|(at, _)| window.contains(at)));
    let silent = simulate::<SingleCopy>(&setup, &copy, &false, 1, Trace::off()).unwrap();
    assert_eq!(run.digest, silent.digest, "looking changes nothing");
}
