//! Agents and the store, one node at a time.

use crate::id::{ClientId, Key, NodeId, RequestId, Value};
use crate::op::{Op, Refusal, Reply};
use crate::protocol::primary_backup::{self, Position};
use crate::protocol::raft::Group;
use crate::protocol::{Effect, Harness, Protocol, Request, Role};
use crate::time::Duration;
use crate::trace::Observation;

use super::keys::{LEADER, LeaderKey, STATUS, SYNC, SyncKey};
use super::{LeaseStore, Message, Options, Timer};

const SEATS: [(&str, Role); 4] =
    [("a", Role::Replica), ("b", Role::Replica), ("c", Role::Replica), ("d", Role::Monitor)];
const A: NodeId = NodeId(0);
const B: NodeId = NodeId(1);
const C: NodeId = NodeId(2);
const STORE: NodeId = NodeId(3);

fn options() -> Options {
    Options { store: Group { leader: Some("d".into()), ..Group::default() }, ..Options::default() }
}

/// One node of the group: replicas in a, b and c, the only node of the store in d.
struct Lone {
    harness: Harness<LeaseStore>,
    node: LeaseStore,
}

impl Lone {
    fn start(me: NodeId) -> Lone {
        Lone::with(&SEATS, me, &options())
    }

    fn with(seats: &[(&str, Role)], me: NodeId, options: &Options) -> Lone {
        let mut harness = Harness::with_roles(seats, me.0);
        let node = LeaseStore::start(options, Vec::new(), &mut harness.context());
        Lone { harness, node }
    }

    fn pass(&mut self, span: Duration) {
        self.harness.pass(span);
    }

    fn hear(&mut self, from: NodeId, message: Message) {
        self.node.on_message(from, message, &mut self.harness.context());
    }

    fn wake(&mut self, timer: Timer) {
        self.node.on_timer(timer, &mut self.harness.context());
    }

    fn ask(&mut self, sequence: u32, op: Op) {
        let id = RequestId { client: ClientId(9), sequence, entry: A };
        self.node.on_request(Request { id, op, session: () }, &mut self.harness.context());
    }

    /// What it wants; what it sends itself has arrived.
    fn wants(&mut self) -> Vec<Effect<LeaseStore>> {
        let mut all = Vec::new();
        loop {
            let wanted = self.harness.effects();
            if wanted.is_empty() {
                return all;
            }
            for effect in wanted {
                let me = self.harness.context().me();
                match effect {
                    Effect::Send { to, message, .. } if to == me => self.hear(me, message),
                    effect => all.push(effect),
                }
            }
        }
    }

    /// What it sends, to whom.
    fn sends(&mut self) -> Vec<(NodeId, Message)> {
        let sent = self.wants().into_iter().filter_map(|effect| match effect {
            Effect::Send { to, message, .. } => Some((to, message)),
            _ => None,
        });
        sent.collect()
    }

    /// What it asks the store: the request's id, and the operation.
    fn request(&mut self) -> Option<(RequestId, Op)> {
        self.sends().into_iter().find_map(|(_, message)| match message {
            Message::Request { id, op } => Some((id, op)),
            _ => None,
        })
    }

    /// The store answers what was asked of it last.
    fn answer(&mut self, reply: Reply) -> Op {
        let (id, op) = self.request().expect("it asks the store");
        self.hear(STORE, Message::Answer { id, says: Ok(reply) });
        op
    }

    fn observes(&mut self) -> Vec<Observation> {
        let told = self.wants().into_iter().filter_map(|effect| match effect {
            Effect::Observe(observation) => Some(observation),
            _ => None,
        });
        told.collect()
    }
}

/// The first primary, once it has renewed its key.
fn primary() -> Lone {
    let mut a = Lone::start(A);
    assert_eq!(a.answer(Reply::Read(None)), Op::Read(LEADER));
    let first = LeaderKey::first(A);
    let renewal = a.answer(Reply::Written);
    assert_eq!(renewal, Op::CompareAndSet { key: LEADER, expected: None, new: first.renewed().value() });
    assert_eq!(a.observes(), [Observation::Ready { epoch: 1 }]);
    a
}

/// A backup that finds the key vacant, and asks the others.
fn racer() -> (Lone, LeaderKey) {
    let mut b = Lone::start(B);
    let vacant = LeaderKey::first(A).renewed().vacated();
    b.answer(Reply::Read(Some(vacant.value())));
    let asked = b.sends().into_iter().filter(|(_, message)| matches!(message, Message::Ask { poll: 1 }));
    assert!(asked.map(|(to, _)| to).eq([A, C]));
    (b, vacant)
}

/// An answer to its first question, of a replica with so many entries.
fn told(index: u64) -> Message {
    let last = Position { epoch: index.min(1), index };
    Message::Tell { poll: 1, last, serves: false }
}

fn is_served(node: &mut Lone, sequence: u32) -> bool {
    node.ask(sequence, Op::Read(Key(1)));
    let wants = node.wants();
    wants.iter().any(|effect| matches!(effect, Effect::Reply { .. }))
}

#[test]
fn a_primary_serves_from_its_question_to_the_margin_before_the_key_runs_out() {
    let mut a = Lone::start(A);
    a.answer(Reply::Read(None));
    a.pass(Duration::secs(2)); // the answer takes its time
    a.answer(Reply::Written);
    a.wants();
    assert!(is_served(&mut a, 1));
    a.pass(Duration::secs(23) - Duration::nanos(1));
    assert!(is_served(&mut a, 2));
    a.pass(Duration::nanos(1));
    assert!(!is_served(&mut a, 3), "25 s after it asked, though no timer has fired");
}

#[test]
fn a_primary_whose_store_is_silent_is_demoted_after_retry_timeout() {
    let mut a = primary();
    a.wake(Timer::Loop);
    let (first, _) = a.request().unwrap();
    for _ in 0..3 {
        assert!(is_served(&mut a, 1));
        a.pass(Duration::secs(4));
        a.wake(Timer::Retry);
        if let Some((again, _)) = a.request() {
            assert_eq!((again.client, again.sequence), (first.client, first.sequence), "the same request once more");
        }
    }
    assert!(!is_served(&mut a, 2));
    // What it had asked may have been done: it reads first, and serves again if the key is still its own.
    a.wake(Timer::Loop);
    let held = LeaderKey::first(A).renewed().renewed();
    assert_eq!(a.answer(Reply::Read(Some(held.value()))), Op::Read(LEADER));
    let renewal = a.answer(Reply::Written);
    assert_eq!(renewal, Op::CompareAndSet { key: LEADER, expected: Some(held.value()), new: held.renewed().value() });
    assert!(is_served(&mut a, 3));
}

#[test]
fn a_primary_that_lost_the_key_follows_its_successor() {
    let mut a = primary();
    a.wake(Timer::Loop);
    let other = LeaderKey::first(A).taken(B);
    a.answer(Reply::Mismatch(Some(other.value())));
    assert!(a.observes().contains(&Observation::SteppedDown { epoch: 1 }));
    a.ask(7, Op::Write(Key(1), Value(1)));
    let redirected =
        |effect: &Effect<LeaseStore>| matches!(effect, Effect::Refuse { refusal: Refusal::Redirect(B), .. });
    assert!(a.wants().iter().any(redirected));
}

#[test]
fn the_most_advanced_takes_the_key() {
    let (mut b, vacant) = racer();
    b.hear(A, told(0));
    assert!(b.request().is_none(), "c may be further");
    b.hear(C, told(1));
    assert!(b.request().is_none(), "and is");

    let (mut b, _) = racer();
    b.hear(A, told(0));
    b.hear(C, told(0));
    let taking = b.answer(Reply::Written);
    let taken = vacant.taken(B);
    assert_eq!(taking, Op::CompareAndSet { key: LEADER, expected: Some(vacant.value()), new: taken.value() });
    let observed = b.observes();
    assert!(
        observed.contains(&Observation::Decided { epoch: 2 }) && observed.contains(&Observation::Leader { epoch: 2 })
    );
}

#[test]
fn who_is_silent_is_waited_for_a_while_and_who_serves_is_left_alone() {
    let (mut b, _) = racer();
    b.wake(Timer::Poll);
    assert!(b.request().is_some());

    let (mut b, _) = racer();
    b.hear(A, Message::Tell { poll: 1, last: Position::default(), serves: true });
    b.wake(Timer::Poll);
    assert!(b.request().is_none());
}

#[test]
fn where_writes_wait_for_backups_enough_replicas_must_have_told() {
    let options = Options { acknowledge: primary_backup::Acknowledge::One, ..options() };
    let mut b = Lone::with(&SEATS, B, &options);
    b.answer(Reply::Read(Some(LeaderKey::first(A).vacated().value())));
    b.wants();
    b.wake(Timer::Poll);
    assert!(b.request().is_none(), "the silent one may have what was acknowledged");
    b.wake(Timer::Loop);
    b.answer(Reply::Read(Some(LeaderKey::first(A).vacated().value())));
    b.wants();
    b.hear(C, Message::Tell { poll: 2, last: Position::default(), serves: false });
    b.wake(Timer::Poll);
    assert!(b.request().is_some());
}

/// The store's only node, which leads, and what an agent asks it.
fn store() -> Lone {
    let mut store = Lone::start(STORE);
    let wants = store.wants();
    let timer = |effect: &Effect<LeaseStore>| matches!(effect, Effect::SetTimer { timer: Timer::Expiry, after } if *after == Duration::secs(30));
    assert!(wants.iter().any(timer), "it leads, and counts: {wants:?}");
    store
}

fn ask_store(store: &mut Lone, agent: NodeId, sequence: u32, op: Op) -> Vec<(NodeId, Message)> {
    let client = ClientId(SEATS.len() as u32 + u32::from(agent.0));
    store.hear(agent, Message::Request { id: RequestId { client, sequence, entry: STORE }, op });
    store.sends()
}

fn says(sent: &[(NodeId, Message)], agent: NodeId) -> Option<Reply> {
    sent.iter().find_map(|(to, message)| match message {
        Message::Answer { says, .. } if *to == agent => says.ok(),
        _ => None,
    })
}

#[test]
fn the_store_vacates_a_key_that_nobody_renews_and_tells_who_watches() {
    let mut store = store();
    let first = LeaderKey::first(A);
    assert_eq!(says(&ask_store(&mut store, B, 1, Op::Read(LEADER)), B), Some(Reply::Read(None)));
    let renewal = Op::CompareAndSet { key: LEADER, expected: None, new: first.renewed().value() };
    let sent = ask_store(&mut store, A, 1, renewal);
    assert_eq!(says(&sent, A), Some(Reply::Written));
    assert!(!sent.iter().any(|(_, message)| matches!(message, Message::Changed)), "a renewal is no change");
    assert_eq!(says(&ask_store(&mut store, A, 1, renewal), A), Some(Reply::Written), "the same request, once more");

    store.wake(Timer::Expiry);
    let changed = store.sends().into_iter().filter(|(_, message)| matches!(message, Message::Changed));
    assert!(changed.map(|(to, _)| to).eq([A, B]));
    let vacant = first.renewed().vacated();
    let found = says(&ask_store(&mut store, B, 2, Op::Read(LEADER)), B);
    assert_eq!(found, Some(Reply::Read(Some(vacant.value()))));
    let late = Op::CompareAndSet { key: LEADER, expected: Some(first.renewed().value()), new: first.value() };
    assert_eq!(says(&ask_store(&mut store, A, 2, late), A), Some(Reply::Mismatch(Some(vacant.value()))));
    store.wake(Timer::Expiry);
    assert!(store.wants().is_empty(), "it is vacant already");
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    let wrong = |options: Options| LeaseStore::seats(&options, &["a", "b", "c"]).unwrap_err().option;
    let seconds = Duration::secs;
    assert_eq!(wrong(Options { ttl: seconds(29), ..Options::default() }), "ttl");
    assert_eq!(wrong(Options { safety_margin: seconds(20), ..Options::default() }), "safety-margin");
    assert_eq!(wrong(Options { loop_wait: Duration::ZERO, ..Options::default() }), "loop-wait");
    assert_eq!(wrong(Options { retry_timeout: Duration::ZERO, ..Options::default() }), "retry-timeout");
    assert_eq!(wrong(Options { acknowledge: primary_backup::Acknowledge::First, ..Options::default() }), "acknowledge");
    let store = |store| Options { store, ..Options::default() };
    let nowhere = Group { regions: Some(Vec::new()), ..Group::default() };
    assert_eq!(wrong(store(nowhere)), "store.regions");
    assert_eq!(wrong(store(Group { regions: Some(vec!["z".into()]), ..Group::default() })), "store.regions");
    assert_eq!(wrong(store(Group { heartbeat: seconds(9), ..Group::default() })), "store.heartbeat");
    let elsewhere = Group { regions: Some(vec!["a".into()]), leader: Some("b".into()), ..Group::default() };
    assert_eq!(wrong(store(elsewhere)), "store.leader");
}

/// The store answers nothing until the agent gives up.
fn hear_nothing(node: &mut Lone) {
    for _ in 0..3 {
        node.pass(Duration::secs(4));
        node.wake(Timer::Retry);
    }
}

fn is_asked(sent: &[(NodeId, Message)], agent: NodeId) -> bool {
    sent.iter().any(|(to, message)| *to == agent && matches!(message, Message::Appeal { appeal: 1, epoch: 1 }))
}

#[test]
fn a_primary_without_its_store_goes_on_if_all_others_agree() {
    let failsafe = Options { failsafe: true, ..options() };
    let cut_off = || {
        let mut a = Lone::with(&SEATS, A, &failsafe);
        a.answer(Reply::Read(None));
        a.answer(Reply::Written);
        a.wake(Timer::Loop);
        a.wants();
        hear_nothing(&mut a);
        let sent = a.sends();
        assert!(is_asked(&sent, B) && is_asked(&sent, C));
        a.hear(B, Message::Agree { appeal: 1 });
        a
    };
    let mut a = cut_off();
    a.hear(C, Message::Agree { appeal: 1 });
    a.pass(Duration::secs(25) - Duration::nanos(1));
    assert!(is_served(&mut a, 1), "as long as with a key, from when it asked them");
    a.pass(Duration::nanos(1));
    assert!(!is_served(&mut a, 2));

    let mut a = cut_off();
    a.wake(Timer::Poll);
    assert!(!is_served(&mut a, 1), "one of two is a majority with itself, and not all");
}

#[test]
fn who_agreed_that_another_goes_on_takes_no_key() {
    let mut b = Lone::with(&SEATS, B, &Options { failsafe: true, ..options() });
    let vacant = LeaderKey::first(A).vacated();
    b.answer(Reply::Read(Some(LeaderKey::first(A).renewed().value())));
    b.hear(A, Message::Appeal { appeal: 4, epoch: 1 });
    assert!(b.sends().iter().any(|(to, message)| *to == A && matches!(message, Message::Agree { appeal: 4 })));
    let races = |b: &mut Lone| {
        b.wake(Timer::Loop);
        b.answer(Reply::Read(Some(vacant.value())));
        b.sends().iter().any(|(_, message)| matches!(message, Message::Ask { .. }))
    };
    b.pass(Duration::secs(29));
    assert!(!races(&mut b));
    b.pass(Duration::secs(1));
    assert!(races(&mut b));
    b.hear(A, Message::Appeal { appeal: 5, epoch: 1 });
    b.wake(Timer::Poll);
    assert_eq!(b.request(), None, "it gave the race up");
}

#[test]
fn in_synchronous_mode_a_backup_is_waited_for_before_it_is_named() {
    let synchronous = Options { synchronous: super::Synchronous::On, ..options() };
    let mut a = Lone::with(&SEATS, A, &synchronous);
    a.answer(Reply::Read(None));
    assert!(!is_served(&mut a, 1), "whom it must wait for it does not know");
    let mut a = Lone::with(&SEATS, A, &synchronous);
    a.answer(Reply::Read(None));
    assert_eq!(a.answer(Reply::Read(None)), Op::Read(SYNC));
    a.answer(Reply::Written); // the key is renewed
    let (id, op) = a.request().expect("it names one");
    let named = SyncKey::read(None, A).with(Some(B));
    assert_eq!(op, Op::CompareAndSet { key: SYNC, expected: None, new: named.value() });
    a.ask(1, Op::Write(Key(1), Value(1)));
    let is_told = |a: &mut Lone| a.wants().iter().any(|effect| matches!(effect, Effect::Reply { .. }));
    assert!(!is_told(&mut a), "the name is on its way, and b is waited for");
    a.hear(STORE, Message::Answer { id, says: Ok(Reply::Written) });
    a.hear(C, Message::Database(primary_backup::Message::Ack { epoch: 1, index: 1 }));
    assert!(!is_told(&mut a), "c is not named");
    a.hear(B, Message::Database(primary_backup::Message::Ack { epoch: 1, index: 1 }));
    assert!(is_told(&mut a));
}

#[test]
fn in_synchronous_mode_who_is_not_named_takes_no_key_and_who_is_names_itself_first() {
    let synchronous = Options { synchronous: super::Synchronous::On, ..options() };
    let vacant = LeaderKey::first(A).renewed().vacated();
    let named = SyncKey::read(None, A).with(Some(B));
    let find = |me: NodeId| {
        let mut lone = Lone::with(&SEATS, me, &synchronous);
        lone.answer(Reply::Read(Some(vacant.value())));
        assert_eq!(lone.answer(Reply::Read(Some(named.value()))), Op::Read(SYNC));
        lone
    };
    let asks = |lone: &mut Lone| lone.sends().iter().any(|(_, message)| matches!(message, Message::Ask { .. }));
    assert!(!asks(&mut find(C)));
    let mut b = find(B);
    assert!(asks(&mut b));
    b.hear(C, told(9)); // it is ahead, and counts for nothing
    b.wake(Timer::Poll);
    b.answer(Reply::Written); // b has the key
    let alone = Op::CompareAndSet { key: SYNC, expected: Some(named.value()), new: named.led_by(B).value() };
    let (id, op) = b.request().expect("it names itself");
    assert_eq!(op, alone);
    assert!(!is_served(&mut b, 1));
    b.hear(STORE, Message::Answer { id, says: Ok(Reply::Mismatch(Some(named.with(None).value()))) });
    let taken = vacant.taken(B);
    let back = Op::CompareAndSet { key: LEADER, expected: Some(taken.value()), new: taken.vacated().value() };
    assert_eq!(b.request().expect("it gives the key back").1, back, "its name was taken away meanwhile");
}

#[test]
fn who_is_too_far_behind_takes_no_key() {
    let races = |most: u64| {
        let mut b = Lone::with(&SEATS, B, &Options { maximum_lag: Some(most), ..options() });
        b.answer(Reply::Read(Some(LeaderKey::first(A).vacated().value())));
        assert_eq!(b.answer(Reply::Read(Some(Value(100)))), Op::Read(STATUS));
        b.sends().iter().any(|(_, message)| matches!(message, Message::Ask { .. }))
    };
    assert_eq!((races(99), races(100)), (false, true));
}
