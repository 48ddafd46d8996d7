//! How clients ask again: attempts, waits, budgets, hedges, and request ids.

mod support;

use std::collections::BTreeMap;

use riftzone::id::{NodeId, RegionId, RequestId};
use riftzone::model::fault::{Action, Fault};
use riftzone::model::retry::{Budget, Retry};
use riftzone::model::workload::{Arrivals, Mix};
use riftzone::op::{Op, OpKind, Refusal, Reply};
use riftzone::protocol::last_writer_wins::LastWriterWins;
use riftzone::protocol::primary_backup::PrimaryBackup;
use riftzone::protocol::raft::Raft;
use riftzone::protocol::{Context, Guarantee, Payload, Protocol, Request, State};
use riftzone::sim::{Placement, Run, Setup, simulate};
use riftzone::time::Duration;
use riftzone::trace::Trace;

use support::{after, constant_world};

/// What a node does with a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mood {
    #[default]
    Silent,
    Refuses,
    /// Nodes but the first are silent.
    FirstAnswers,
    /// Nodes but the last are silent.
    LastAnswers,
}

struct Moody(Mood);

#[derive(Clone, Debug)]
enum Nothing {}

impl Payload for Nothing {
    fn bytes(&self) -> u32 {
        match *self {}
    }
}

impl Protocol for Moody {
    type Message = Nothing;
    type Timer = ();
    type Record = ();
    type Session = ();
    type Options = Mood;

    fn start(mood: &Mood, _: Vec<()>, _: &mut Context<Self>) -> Self {
        Moody(*mood)
    }

    fn on_request(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        let reply = if matches!(request.op, Op::Read(_)) { Reply::Read(None) } else { Reply::Written };
        let (me, last) = (cx.me().index(), cx.members().len() - 1);
        match self.0 {
            Mood::Refuses => cx.refuse(request.id, Refusal::Unavailable),
            Mood::FirstAnswers if me == 0 => cx.reply(request.id, reply),
            Mood::LastAnswers if me == last => cx.reply(request.id, reply),
            _ => {}
        }
    }

    fn on_message(&mut self, _: NodeId, message: Nothing, _: &mut Context<Self>) {
        match message {}
    }

    fn on_timer(&mut self, (): (), _: &mut Context<Self>) {}

    fn state(&self) -> State {
        State::serving(BTreeMap::new())
    }
}

fn policy() -> Retry {
    Retry {
        attempts: None,
        attempt_timeout: Some(Duration::millis(100)),
        backoff: Duration::millis(50),
        backoff_max: Duration::millis(200),
        has_jitter: false,
        budget: None,
        hedge_after: None,
        hides_errors: false,
    }
}

/// A client in the first of two regions that reads once a second, ten times.
fn setup(retry: Retry) -> Setup {
    let mut setup = constant_world(&["a", "b"], 20, 11);
    setup.workload.clients = vec![1, 0];
    setup.workload.arrivals = Arrivals::Paced(Duration::secs(1));
    setup.workload.mix = Mix { read: 1, write: 0, compare_and_set: 0 };
    setup.workload.timeout = Duration::millis(900);
    setup.workload.retry = Some(retry);
    setup
}

fn run(setup: &Setup, mood: Mood) -> Run {
    let trace = Trace::up_to(after(20_000), Duration::secs(20));
    simulate::<Moody>(setup, &Placement::everywhere(&setup.topology), &mood, 1, trace).unwrap()
}

/// When nodes were asked, in milliseconds after the first time, for one operation.
fn asked(run: &Run) -> Vec<u64> {
    let asked: Vec<_> = run.trace.lines().iter().filter(|(_, line)| line.contains(" is asked ")).collect();
    let first = asked[0].0;
    let within = asked.iter().map(|(at, _)| at.since(first).as_nanos() / 1_000_000).filter(|ms| *ms < 990);
    within.collect()
}

#[test]
fn attempts_have_a_time_of_their_own_and_waits_double() {
    // The nodes are asked in turn, the second one ten milliseconds away. Waits: 50, 100, 200, 200.
    let run = run(&setup(policy()), Mood::Silent);
    assert_eq!(asked(&run), [0, 160, 350, 660]);
    let operations = run.measures.outcomes(None);
    assert_eq!((operations.unknown, operations.total()), (operations.total(), run.retries / 3));
}

#[test]
fn attempts_are_capped_and_who_is_refused_each_time_knows_that_it_failed() {
    let capped = Retry { attempts: Some(3), ..policy() };
    let silent = run(&setup(capped), Mood::Silent);
    assert_eq!(asked(&silent), [0, 160, 350]);
    let refused = run(&setup(capped), Mood::Refuses);
    // A refusal by the far node takes twenty milliseconds.
    assert_eq!(asked(&refused), [0, 60, 170]);
    let outcomes = refused.measures.outcomes(None);
    assert_eq!((outcomes.fail, refused.retries), (outcomes.total(), 2 * outcomes.total()));
}

#[test]
fn an_answer_by_another_node_ends_it() {
    let answered = run(&setup(policy()), Mood::LastAnswers);
    let latency = answered.measures.latency(RegionId(0), OpKind::Read);
    assert_eq!(latency.max(), Duration::millis(170), "100 ms in vain, a wait of 50, and a round trip of 20");
    assert_eq!(answered.retries, answered.measures.outcomes(None).ok);
}

#[test]
fn a_budget_is_what_there_is_at_first_and_a_part_of_all_operations() {
    let budget = Some(Budget { parts: 20, whole: 100, burst: 3 });
    let mut world = setup(Retry { budget, ..policy() });
    world.workload.arrivals = Arrivals::Paced(Duration::millis(10));
    world.duration = Duration::secs(21);
    world.workload.timeout = Duration::secs(40); // no token is spent on a wait that the operation does not outlive
    let run = run(&world, Mood::Silent);
    let operations = run.measures.outcomes(None).total();
    assert!(operations >= 1_999);
    assert!((operations / 5 - 3..=operations / 5 + 3).contains(&run.retries), "{} of {operations}", run.retries);
}

#[test]
fn a_hedge_is_answered_by_the_next_nearest() {
    let hedged = Retry { attempt_timeout: None, hedge_after: Some(Duration::millis(30)), ..policy() };
    let last = run(&setup(hedged), Mood::LastAnswers);
    assert_eq!(last.measures.latency(RegionId(0), OpKind::Read).max(), Duration::millis(50));
    assert_eq!(last.retries, last.measures.outcomes(None).ok);
    let first = run(&setup(hedged), Mood::FirstAnswers);
    assert_eq!((first.retries, first.measures.outcomes(None).unknown), (0, 0), "who answers in time is not hedged");
    // Refused by the near node before any hedge is sent, it is asked again after a wait.
    let refused = run(&setup(Retry { attempts: Some(2), ..hedged }), Mood::Refuses);
    assert_eq!(asked(&refused), [0, 60]);
}

/// Writes of which a third of all requests and of all answers are lost.
fn lossy(idempotency: bool) -> Setup {
    let mut setup = constant_world(&["a", "b", "c"], 40, 30);
    setup.workload.mix = Mix { read: 0, write: 1, compare_and_set: 0 };
    setup.workload.retry = Some(Retry { attempt_timeout: Some(Duration::millis(200)), ..policy() });
    let action = Action::Loss { links: Vec::new(), parts: 1, whole: 3 };
    setup.faults = vec![Fault { at: after(2_000), lasts: Some(Duration::secs(26)), action, may_touch_nothing: false }];
    setup.workload.idempotency = idempotency;
    setup
}

fn effects<P: Protocol>(setup: &Setup) -> Run {
    let options = P::Options::default();
    simulate::<P>(setup, &Placement::everywhere(&setup.topology), &options, 1, Trace::off()).unwrap()
}

#[test]
fn with_request_ids_a_retried_write_takes_effect_once_and_without_them_again() {
    for (with, without) in [
        (effects::<Raft>(&lossy(true)), effects::<Raft>(&lossy(false))),
        (effects::<PrimaryBackup>(&lossy(true)), effects::<PrimaryBackup>(&lossy(false))),
    ] {
        assert!(with.retries > 100 && with.breaches.is_empty(), "{:?}", with.breaches);
        assert_eq!(with.duplicate_effects, 0);
        assert!(without.duplicate_effects > 20, "{} of {}", without.duplicate_effects, without.retries);
        assert!(without.breaches.is_empty(), "{:?}", without.breaches);
        assert!(without.claims.iter().all(|claim| claim.guarantee != Guarantee::Linearizable));
        assert_eq!(without.broken_claims().count(), 0);
    }
}

/// A driver that swallows errors: what was sent and has no answer is done, for all that its client knows; what was refused is not, nor is
/// a read.
#[test]
fn a_driver_that_hides_errors_takes_silence_for_success() {
    let capped = Retry { attempts: Some(2), hides_errors: true, ..policy() };
    let of = |mix, mood| {
        let mut setup = setup(capped);
        setup.workload.mix = mix;
        run(&setup, mood)
    };
    let (reads, writes) =
        (Mix { read: 1, write: 0, compare_and_set: 0 }, Mix { read: 0, write: 1, compare_and_set: 0 });
    let silent = of(writes, Mood::Silent);
    let outcomes = silent.measures.outcomes(None);
    assert!(outcomes.ok == outcomes.total() && outcomes.ok > 5, "{outcomes:?}");
    assert_eq!(silent.durability.lost.len() as u64, outcomes.ok, "nobody has them");
    let refused = of(writes, Mood::Refuses).measures.outcomes(None);
    assert_eq!((refused.fail, refused.ok), (refused.total(), 0));
    assert_eq!(of(reads, Mood::Silent).measures.outcomes(None).ok, 0);
}

/// Last-writer-wins knows a retry by the value that it finds in place, with or without request ids.
#[test]
fn a_retry_of_last_writer_wins_finds_its_write_in_place() {
    for idempotency in [true, false] {
        let run = effects::<LastWriterWins>(&lossy(idempotency));
        assert!(run.breaches.is_empty() && run.measures.outcomes(None).ok > 400, "{:?}", run.breaches);
    }
}

#[test]
fn request_ids_are_those_of_old_where_nobody_asks_otherwise() {
    assert_eq!(RequestId::default().sequence, 0);
    let mut setup = lossy(true);
    setup.workload.retry = None;
    setup.workload.retry_after = Some(Duration::millis(25));
    let (with, run) = (effects::<Raft>(&setup), effects::<Raft>(&setup));
    assert_eq!((with.digest, with.retries, with.duplicate_effects), (run.digest, 0, 0));
}
