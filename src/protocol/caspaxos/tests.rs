//! The handlers one by one. `tests/properties.rs` has a small network in which anything happens.

mod properties;

use super::super::{Effect, Harness};
use super::*;
use crate::id::{ClientId, RequestId, Value};

const REGIONS: [&str; 3] = ["asia", "europe", "america"];
const K: Key = Key(4);

type Answer = Result<Reply, Refusal>;

/// A replica, with its disk, and what it has wanted so far. Every record is synced at once.
struct Node {
    harness: Harness<CasPaxos>,
    node: CasPaxos,
    disk: Vec<Record>,
    sent: Vec<(NodeId, Message)>,
    answers: Vec<(RequestId, Answer)>,
    timers: Vec<Timer>,
    /// What its copy has taken, in order.
    applied: Vec<(Key, Value)>,
}

impl Node {
    fn new(me: u16) -> Node {
        Node::with(me, Options::default())
    }

    fn with(me: u16, options: Options) -> Node {
        let mut harness = Harness::new(&REGIONS, me);
        let node = CasPaxos::start(&options, Vec::new(), &mut harness.context());
        let (disk, sent, answers, timers, applied) = Default::default();
        let mut started = Node { harness, node, disk, sent, answers, timers, applied };
        started.settle();
        started
    }

    fn me(&mut self) -> NodeId {
        self.harness.context().me()
    }

    /// Carries out what the handlers wanted; what the node sends itself it handles.
    fn settle(&mut self) {
        let me = self.me();
        let mut own = Vec::new();
        loop {
            for effect in self.harness.effects() {
                match effect {
                    Effect::Send { to, message, .. } if to == me => own.push(message),
                    Effect::Send { to, message, .. } => self.sent.push((to, message)),
                    Effect::Reply { request, reply, .. } => self.answers.push((request, Ok(reply))),
                    Effect::Refuse { request, refusal } => self.answers.push((request, Err(refusal))),
                    Effect::Persist { record } => self.disk.push(record),
                    Effect::Compact { records } => self.disk = records,
                    Effect::SetTimer { timer, .. } => {
                        self.timers.retain(|set| *set != timer);
                        self.timers.push(timer);
                    }
                    Effect::Observe(Observation::Applied { key, value }) => self.applied.push((key, value)),
                    other => panic!("a replica never wants {other:?}"),
                }
            }
            if own.is_empty() {
                return;
            }
            self.node.on_message(me, own.remove(0), &mut self.harness.context());
        }
    }

    fn get(&mut self, client: u32, sequence: u32, op: Op) {
        let id = RequestId { client: ClientId(client), sequence, entry: self.me() };
        self.node.on_request(Request { id, op, session: () }, &mut self.harness.context());
        self.settle();
    }

    fn hear(&mut self, from: u16, message: Message) {
        self.node.on_message(NodeId(from), message, &mut self.harness.context());
        self.settle();
    }

    fn fire(&mut self, timer: Timer) {
        self.timers.retain(|set| *set != timer);
        self.node.on_timer(timer, &mut self.harness.context());
        self.settle();
    }

    /// Crashes, and begins again on its disk.
    fn restart(&mut self) {
        let options = self.node.options.clone();
        self.timers.clear();
        self.applied.clear();
        self.node = CasPaxos::start(&options, self.disk.clone(), &mut self.harness.context());
        self.settle();
    }

    fn said(&mut self) -> Vec<Answer> {
        std::mem::take(&mut self.answers).into_iter().map(|(_, says)| says).collect()
    }
}

/// Three replicas, and the messages that the nth of them sends the others, until nobody sends any more.
struct Three([Node; 3]);

impl Three {
    fn with(options: &Options) -> Three {
        Three([0, 1, 2].map(|me| Node::with(me, options.clone())))
    }

    /// What one of them has sent arrives; tells how much that was.
    fn deliver(&mut self, from: usize) -> usize {
        let sent = std::mem::take(&mut self.0[from].sent);
        let count = sent.len();
        for (to, message) in sent {
            self.0[to.index()].hear(from as u16, message);
        }
        count
    }

    fn rounds_until_quiet(&mut self, most: usize) -> usize {
        (0..most).find(|_| (0..3).map(|from| self.deliver(from)).sum::<usize>() == 0).expect("they become quiet")
    }
}

fn write(value: u64) -> Op {
    Op::Write(K, Value(value))
}

fn swap(expected: Option<u64>, new: u64) -> Op {
    Op::CompareAndSet { key: K, expected: expected.map(Value), new: Value(new) }
}

fn rejecting() -> Options {
    Options { conflict: Conflict::Reject, ..Options::default() }
}

fn prepares(node: &Node) -> usize {
    node.sent.iter().filter(|(_, message)| matches!(message, Message::Prepare { .. })).count()
}

const DONE: Answer = Ok(Reply::Written);

#[test]
fn a_write_takes_two_round_trips_and_the_next_of_the_same_region_one() {
    for (piggyback, again) in [(true, 0), (false, 2)] {
        let mut three = Three::with(&Options { piggyback, ..Options::default() });
        three.0[0].get(7, 1, write(1));
        assert_eq!(prepares(&three.0[0]), 2);
        three.rounds_until_quiet(9);
        assert_eq!(three.0[0].said(), [DONE]);
        three.0[0].get(7, 2, swap(Some(1), 2));
        assert_eq!(prepares(&three.0[0]), again, "with the promise that came with the acceptance");
        three.rounds_until_quiet(9);
        assert_eq!(three.0[0].said(), [DONE]);
        // Another region has to ask.
        three.0[2].get(9, 1, swap(Some(1), 3));
        assert_eq!(prepares(&three.0[2]), 2);
        three.rounds_until_quiet(9);
        assert_eq!(three.0[2].said(), [Ok(Reply::Mismatch(Some(Value(2))))]);
        // And the first one again, for its promise was overtaken.
        three.0[0].get(7, 3, write(4));
        assert_eq!(prepares(&three.0[0]), 2);
        three.rounds_until_quiet(9);
        assert!(three.0.iter().all(|node| node.node.copies.value(K) == Some(Value(4))));
        assert!(three.0.iter().all(|node| node.applied == [1, 2, 4].map(|value| (K, Value(value)))));
    }
}

#[test]
fn messages_are_as_many_as_the_costs_say() {
    let mut three = Three::with(&Options::default());
    let count = |three: &mut Three, op| {
        three.0[0].get(1, 1 + three.0[0].disk.len() as u32, op);
        (0..9).map(|_| (0..3).map(|from| three.deliver(from)).sum::<usize>()).sum::<usize>()
    };
    assert_eq!(count(&mut three, write(1)), 5 * 2);
    assert_eq!(count(&mut three, write(2)), 3 * 2);
    assert_eq!(count(&mut three, Op::Read(K)), 2 * 2);
}

#[test]
fn of_two_regions_that_write_at_once_one_is_refused_and_the_other_done() {
    let mut three = Three::with(&rejecting());
    three.0[0].get(1, 1, write(1));
    three.0[1].get(2, 1, write(2));
    // The third hears of the first one first, and keeps its promise.
    three.deliver(0);
    three.rounds_until_quiet(9);
    assert_eq!((three.0[0].said(), three.0[1].said()), (vec![DONE], vec![Err(Refusal::Conflict)]));
    assert!([0, 2].iter().all(|at| three.0[*at].applied == [(K, Value(1))]), "the other had promised itself more");
    // Refused for certain, it may be asked again. What is chosen it heard of, so there is nothing to finish first.
    three.0[1].get(2, 1, write(2));
    assert_eq!((prepares(&three.0[1]), three.rounds_until_quiet(9)), (2, 3));
    assert_eq!(three.0[1].said(), [DONE]);
    assert!(three.0.iter().all(|node| node.applied == [(K, Value(1)), (K, Value(2))]));
}

#[test]
fn who_tries_again_does_so_with_a_higher_ballot_after_a_wait() {
    let mut three = Three::with(&Options::default());
    three.0[0].get(1, 1, write(1));
    three.0[1].get(2, 1, write(2));
    three.deliver(0);
    three.rounds_until_quiet(9);
    assert_eq!((three.0[0].said(), three.0[1].said()), (vec![DONE], vec![]));
    assert!(three.0[1].timers.contains(&Timer::Again(K)));
    three.0[1].fire(Timer::Again(K));
    three.rounds_until_quiet(9);
    assert_eq!(three.0[1].said(), [DONE]);
}

/// The trap: what was sent for acceptance may be taken up by anybody, so it must not be said that it was refused.
#[test]
fn a_write_whose_value_was_sent_is_seen_through_and_never_refused() {
    let mut three = Three::with(&rejecting());
    three.0[0].get(1, 1, write(1));
    three.rounds_until_quiet(9);
    three.0[0].said();
    // It writes with the ballot that it was promised, while another asks the third for a higher one.
    three.0[0].get(1, 2, write(2));
    let overtaken = std::mem::take(&mut three.0[0].sent);
    three.0[1].get(2, 1, write(3));
    let prepares = std::mem::take(&mut three.0[1].sent);
    let to_third = prepares.into_iter().find(|(to, _)| *to == NodeId(2)).expect("all are asked");
    three.0[2].hear(1, to_third.1);
    for (to, message) in overtaken {
        three.0[to.index()].hear(0, message);
    }
    let refusals =
        |node: &Node| node.sent.iter().filter(|(_, message)| matches!(message, Message::Refused { .. })).count();
    assert_eq!((refusals(&three.0[1]), refusals(&three.0[2])), (1, 1));
    three.rounds_until_quiet(9);
    assert_eq!((three.0[0].said(), three.0[1].said()), (vec![], vec![DONE]), "it is not refused");
    three.0[0].fire(Timer::Again(K));
    three.rounds_until_quiet(9);
    assert_eq!(three.0[0].said(), [DONE]);
    assert!(three.0[2].applied.ends_with(&[(K, Value(3)), (K, Value(2))]));
}

#[test]
fn what_one_acceptor_has_is_chosen_before_anything_comes_after_it() {
    let mut three = Three::with(&Options::default());
    three.0[0].get(1, 1, write(1));
    three.deliver(0);
    three.deliver(1);
    // It is accepted by the second alone, and the first is gone.
    let accepts = std::mem::take(&mut three.0[0].sent);
    let to_second =
        accepts.into_iter().find(|(to, message)| *to == NodeId(1) && matches!(message, Message::Accept { .. }));
    three.0[1].hear(0, to_second.expect("all are asked to accept").1);
    three.0[1].sent.clear();
    three.0[2].sent.clear();
    three.0[2].harness.pass(Duration::millis(500)); // it has waited for the first
    three.0[2].get(2, 1, write(2));
    for _ in 0..9 {
        three.0[0].sent.clear();
        for from in [1, 2] {
            for (to, message) in std::mem::take(&mut three.0[from].sent) {
                if to != NodeId(0) {
                    three.0[to.index()].hear(from as u16, message);
                }
            }
        }
    }
    assert_eq!(three.0[2].said(), [DONE]);
    assert_eq!(three.0[2].applied, [(K, Value(1)), (K, Value(2))]);
    // Who asked for the first write and asks again is told that it is done.
    three.0[2].get(1, 1, write(1));
    assert_eq!(three.0[2].said(), [DONE]);
}

#[test]
fn an_acceptor_keeps_its_promise_over_a_restart() {
    let mut acceptor = Node::new(2);
    let ballot = |counter, node| Ballot { counter, node: NodeId(node), life: 1 };
    acceptor.hear(0, Message::Prepare { key: K, ballot: ballot(5, 0) });
    acceptor.restart();
    acceptor.sent.clear();
    let register = Register::default();
    acceptor.hear(1, Message::Accept { key: K, ballot: ballot(3, 1), register, reserve: true });
    let [(NodeId(1), Message::Refused { promised, is_idle: false, .. })] = acceptor.sent[..] else {
        panic!("{:?}", acceptor.sent)
    };
    assert_eq!(promised, ballot(5, 0));
    assert_eq!(acceptor.node.life, 2);
}

#[test]
fn a_promise_is_held_for_a_while_and_not_for_ever() {
    let mut acceptor = Node::new(2);
    let ballot = |counter, node| Ballot { counter, node: NodeId(node), life: 1 };
    let says = |acceptor: &mut Node, from, counter| {
        acceptor.hear(from, Message::Prepare { key: K, ballot: ballot(counter, from) });
        matches!(acceptor.sent.pop(), Some((_, Message::Promised { .. })))
    };
    assert!(says(&mut acceptor, 0, 1));
    assert!(!says(&mut acceptor, 1, 2), "the change of another is under way");
    assert!(says(&mut acceptor, 0, 3), "its own proposer may go on");
    acceptor.hear(0, Message::Release { key: K, ballot: ballot(3, 0) });
    assert!(says(&mut acceptor, 1, 4), "it was given up");
    acceptor.harness.pass(Duration::millis(500));
    assert!(says(&mut acceptor, 0, 5), "it has had its time");
    assert!(!says(&mut acceptor, 1, 4), "and lower ones are never promised");
}

#[test]
fn a_read_offers_what_a_majority_does_not_agree_on() {
    let mut three = Three::with(&Options::default());
    three.0[0].get(1, 1, write(1));
    three.deliver(0);
    three.deliver(1);
    three.0[2].sent.clear();
    three.0[0].sent.clear(); // accepted by the first alone, as far as it got
    three.0[1].get(2, 1, Op::Read(K));
    three.deliver(1);
    three.deliver(0); // and the third says nothing yet
    assert_eq!(three.0[1].said(), []);
    three.rounds_until_quiet(9);
    assert_eq!(three.0[1].said(), [Ok(Reply::Read(Some(Value(1))))]);
    assert_eq!(three.0[1].applied, [(K, Value(1))]);
    let accepted =
        three.0.iter().filter(|node| node.node.slots.get(K).is_some_and(|slot| slot.register.value.is_some()));
    assert!(accepted.count() >= 2, "a majority has what was read");
}

#[test]
fn local_reads_show_what_is_chosen_and_ask_nobody() {
    let mut three = Three::with(&Options { reads: Reads::Local, ..Options::default() });
    three.0[0].get(1, 1, write(1));
    three.deliver(0);
    three.deliver(1);
    three.0[0].get(2, 1, Op::Read(K));
    assert_eq!(three.0[0].said(), [Ok(Reply::Read(None))], "it is accepted, and not chosen");
    three.rounds_until_quiet(9);
    three.0[2].get(3, 1, Op::Read(K));
    assert_eq!(three.0[2].said(), [Ok(Reply::Read(Some(Value(1))))]);
    assert!(three.0[2].sent.is_empty());
}

#[test]
fn without_a_majority_a_request_is_refused_after_its_time() {
    let mut alone = Node::with(0, rejecting());
    alone.get(1, 1, write(1));
    alone.get(2, 1, Op::Read(K));
    alone.get(3, 1, write(2));
    for _ in 0..2 {
        assert_eq!(alone.said(), []);
        alone.harness.pass(Duration::millis(500));
        alone.fire(Timer::Watch);
    }
    assert_eq!(alone.said(), [Err(Refusal::Unavailable); 3]);
    assert!(!alone.timers.contains(&Timer::Watch), "nothing is left to look after");
}

#[test]
fn the_log_on_disk_stays_short() {
    let mut three = Three::with(&Options::default());
    for nth in 1..=300 {
        three.0[nth as usize % 2].get(1, nth, write(nth.into()));
        three.rounds_until_quiet(20);
    }
    assert!(three.0.iter().all(|node| node.disk.len() <= 66), "{}", three.0[0].disk.len());
    three.0[1].restart();
    assert_eq!(three.0[1].node.life, 2);
    assert!(three.0[1].node.slots.get(K).is_some_and(|slot| slot.register.value == Some(Value(300))));
}

#[test]
fn options_out_of_bounds_are_told() {
    let of = |text: &str| CasPaxos::seats(&toml::from_str(text).unwrap(), &REGIONS).map_err(|error| error.option);
    assert_eq!(
        of("conflict = \"reject\"\nreads = \"local\"\nhold = \"0s\"\npiggyback = false").map(|seats| seats.len()),
        Ok(3)
    );
    assert_eq!(of("backoff = \"0s\""), Err("backoff"));
    assert_eq!(of("patience = \"500ms\""), Err("patience"));
    assert_eq!(of("gossip-every = \"0s\""), Err("gossip-every"));
    assert!(toml::from_str::<Options>("conflict = \"ignore\"").is_err());
    assert!(CasPaxos::seats(&Options::default(), &["x"; 65]).is_err());
}
