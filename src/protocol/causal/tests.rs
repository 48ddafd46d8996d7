//! The handlers one by one: a message in, its effects out.
//!
//! Next: `tests/properties.rs`, what holds in every history.

mod properties;

use std::collections::BTreeSet;

use super::super::{Effect, Harness};
use super::*;
use crate::id::{ClientId, RequestId};

const REGIONS: [&str; 3] = ["asia", "europe", "america"];
const K: Key = Key(1);
const L: Key = Key(2);

/// A node, with its disk, and what it has wanted so far.
struct Node {
    harness: Harness<Causal>,
    node: Causal,
    disk: Vec<Record>,
    longest_disk: usize,
    sent: Vec<(Option<NodeId>, Message)>,
    timers: Vec<(Timer, Duration)>,
    lost: Vec<(Value, Value)>,
    answers: Vec<(ClientId, Result<Reply, Refusal>, Clock)>,
    asked: u32,
}

/// A client and what it carries.
#[derive(Clone, Default)]
struct Client {
    id: ClientId,
    token: Clock,
}

impl Node {
    fn new(me: u16) -> Node {
        Node::with(me, Options { max_offset: Duration::MAX, ..Options::default() })
    }

    fn with(me: u16, options: Options) -> Node {
        let mut harness = Harness::new(&REGIONS, me);
        let node = Causal::start(&options, Vec::new(), &mut harness.context());
        let (disk, sent, timers, lost, answers) = Default::default();
        let mut started = Node { harness, node, disk, longest_disk: 0, sent, timers, lost, answers, asked: 0 };
        started.settle();
        started
    }

    fn me(&mut self) -> NodeId {
        self.harness.context().me()
    }

    /// Carries out what the handlers wanted; every record is synced at once.
    fn settle(&mut self) {
        for effect in self.harness.effects() {
            match effect {
                Effect::Send { to, message, .. } => self.sent.push((Some(to), message)),
                Effect::Broadcast { message } => self.sent.push((None, message)),
                Effect::Reply { request, reply, session, .. } => {
                    let token = session.expect("every answer brings a token");
                    self.answers.push((request.client, Ok(reply), token));
                }
                Effect::Refuse { request, refusal } => {
                    self.answers.push((request.client, Err(refusal), Clock::default()));
                }
                Effect::Persist { record } => self.disk.push(record),
                Effect::Compact { records } => self.disk = records,
                Effect::Observe(Observation::Conflict { lost, kept, .. }) => self.lost.push((lost, kept)),
                Effect::SetTimer { timer, after } => self.timers.push((timer, after)),
                Effect::Observe(Observation::Applied { .. }) | Effect::CancelTimer { .. } => {}
                other => panic!("a node never wants {other:?}"),
            }
            self.longest_disk = self.longest_disk.max(self.disk.len());
        }
    }

    fn request(&mut self, client: ClientId, sequence: u32, op: Op, token: &Clock) {
        let id = RequestId { client, sequence, entry: NodeId(0) };
        self.node.on_request(Request { id, op, session: token.clone() }, &mut self.harness.context());
        self.settle();
    }

    /// Asks for a client, which takes the token that comes back; `None` where there is no answer yet.
    fn ask(&mut self, client: &mut Client, op: Op) -> Option<Result<Reply, Refusal>> {
        self.asked += 1;
        self.request(client.id, self.asked, op, &client.token.clone());
        let (_, says, token) = self.answers.pop()?;
        if says.is_ok() {
            client.token = token;
        }
        Some(says)
    }

    /// Writes for a client of this node's own, who has seen nothing, and gives what was broadcast.
    fn write(&mut self, key: Key, value: u64) -> Arc<Write> {
        let id = ClientId(100 + u32::from(self.me().0));
        self.write_for(&mut Client { id, token: Clock::default() }, key, value)
    }

    fn write_for(&mut self, client: &mut Client, key: Key, value: u64) -> Arc<Write> {
        assert_eq!(self.ask(client, Op::Write(key, Value(value))), Some(Ok(Reply::Written)));
        match self.sent.pop() {
            Some((None, Message::Write(write))) => write,
            other => panic!("a write is broadcast, not {other:?}"),
        }
    }

    fn read(&mut self, key: Key) -> Option<u64> {
        self.read_for(&mut Client::default(), key)
    }

    fn read_for(&mut self, client: &mut Client, key: Key) -> Option<u64> {
        match self.ask(client, Op::Read(key)) {
            Some(Ok(Reply::Read(value))) => value.map(|value| value.0),
            other => panic!("a read is answered, not {other:?}"),
        }
    }

    fn hear(&mut self, from: u16, message: Message) {
        self.node.on_message(NodeId(from), message, &mut self.harness.context());
        self.settle();
    }

    fn hear_write(&mut self, write: &Arc<Write>) {
        self.hear(write.origin().0, Message::Write(write.clone()));
    }

    fn fire(&mut self, timer: Timer) {
        self.node.on_timer(timer, &mut self.harness.context());
        self.settle();
    }

    /// Crashes, and begins again on its disk with a clock that stands at zero.
    fn restart(&mut self) {
        let options = self.node.options.clone();
        let me = self.me().0;
        self.harness = Harness::new(&REGIONS, me);
        self.node = Causal::start(&options, self.disk.clone(), &mut self.harness.context());
        self.settle();
    }
}

/// One gossip of `a` with `b`, whatever peer chance would pick; gives how many messages it took.
fn gossip(a: &mut Node, b: &mut Node) -> usize {
    let ids = [a.me(), b.me()];
    let offer = Message::Summary { has: a.node.store.clock().clone(), offers: true };
    let (mut wire, mut kept) = (VecDeque::from([(1, offer)]), [Vec::new(), Vec::new()]);
    for exchanged in 0..100 {
        let Some((to, message)) = wire.pop_front() else {
            [&mut *a, &mut *b].into_iter().zip(kept).for_each(|(node, kept)| node.sent = kept);
            return exchanged;
        };
        let listener = if to == 1 { &mut *b } else { &mut *a };
        listener.sent.clear();
        listener.hear(ids[1 - to].0, message);
        for (whom, answer) in listener.sent.drain(..) {
            match whom {
                Some(whom) => assert_eq!(whom, ids[1 - to]),
                // A request had waited for what came: it is carried out, and shipped.
                None => kept[to].push((None, answer.clone())),
            }
            wire.push_back((1 - to, answer));
        }
    }
    panic!("gossip does not end");
}

#[test]
fn a_write_is_persisted_then_broadcast_then_acknowledged_with_its_past() {
    let mut harness = Harness::new(&REGIONS, 1);
    let mut node = Causal::start(&Options::default(), Vec::new(), &mut harness.context());
    harness.effects();
    let id = RequestId { client: ClientId(3), sequence: 5, entry: NodeId(1) };
    let request = Request { id, op: Op::Write(K, Value(7)), session: Clock::default() };
    node.on_request(request, &mut harness.context());
    let effects = harness.effects();
    let past: Clock = [(NodeId(1), 1)].into_iter().collect();
    assert!(
        matches!(
            &effects[..],
            [
                Effect::Observe(Observation::Applied { key: K, value: Value(7) }),
                Effect::Persist { record: Record::Taken(on_disk) },
                Effect::Broadcast { message: Message::Write(sent) },
                Effect::Reply { reply: Reply::Written, session: Some(token), unsynced: false, .. },
            ] if on_disk == sent && sent.clock == past && *token == past
        ),
        "{effects:?}"
    );
}

#[test]
fn an_answer_waits_for_its_question() {
    let (mut a, mut b, mut c) = (Node::new(0), Node::new(1), Node::new(2));
    let question = a.write(K, 1);
    b.hear_write(&question);
    let answer = b.write(L, 2);
    c.hear_write(&answer);
    assert_eq!((c.read(K), c.read(L)), (None, None), "it is there, and not shown");
    c.hear_write(&question);
    assert_eq!((c.read(K), c.read(L)), (Some(1), Some(2)));
    assert!(c.node.early.is_empty());
}

#[test]
fn the_writes_of_a_node_are_taken_in_its_order_and_once() {
    let (mut a, mut b) = (Node::new(0), Node::new(1));
    let writes: Vec<_> = (1..=3).map(|value| a.write(Key(value), u64::from(value))).collect();
    for place in [2, 1, 1, 2] {
        b.hear_write(&writes[place]);
        assert!(b.disk.is_empty());
    }
    b.hear_write(&writes[0]);
    b.hear_write(&writes[1]);
    let taken: Vec<_> =
        b.disk.iter().map(|record| matches!(record, Record::Taken(write) if write.number() > 0)).collect();
    assert_eq!(taken, [true; 3]);
    assert_eq!(b.node.state(), a.node.state());
}

#[test]
fn a_client_that_moves_with_its_token_waits_for_what_it_wrote_and_without_it_does_not() {
    let (mut frankfurt, mut virginia) = (Node::new(1), Node::new(2));
    let mut client = Client { id: ClientId(4), token: Clock::default() };
    let write = frankfurt.write_for(&mut client, K, 7);
    let mut forgetful = Client::default();
    assert_eq!(virginia.read_for(&mut forgetful, K), None);
    virginia.timers.clear();
    assert_eq!(virginia.ask(&mut client, Op::Read(K)), None, "no answer yet");
    let expected = [(Timer::Patience, Duration::millis(500)), (Timer::Ask, Duration::millis(250))];
    assert_eq!(virginia.timers, expected);
    virginia.hear_write(&write);
    let (who, says, token) = virginia.answers.pop().expect("then it is answered");
    assert_eq!((who, says), (ClientId(4), Ok(Reply::Read(Some(Value(7))))));
    assert_eq!(token, client.token);
}

#[test]
fn a_write_comes_after_all_that_its_client_has_seen() {
    let (mut a, mut b, mut c) = (Node::new(0), Node::new(1), Node::new(2));
    let first = a.write(K, 1);
    b.hear_write(&first);
    let mut client = Client { id: ClientId(4), token: Clock::default() };
    assert_eq!(b.read_for(&mut client, K), Some(1));
    assert_eq!(c.ask(&mut client, Op::Write(K, Value(2))), None, "or it would be beaten by what its client had read");
    assert!(c.disk.is_empty());
    c.hear_write(&first);
    assert_eq!(c.answers.pop().map(|(_, says, _)| says), Some(Ok(Reply::Written)));
    let Some((None, Message::Write(second))) = c.sent.pop() else { panic!("it is shipped") };
    assert!(second.clock.covers(&first.clock) && second.stamp > first.stamp);
    a.hear_write(&second);
    assert_eq!(a.read(K), Some(2));
    assert!(a.lost.is_empty());
}

#[test]
fn who_has_waited_long_enough_is_sent_to_a_node_that_has_it() {
    let (mut a, mut b) = (Node::new(0), Node::new(1));
    let mut client = Client { id: ClientId(4), token: Clock::default() };
    a.write_for(&mut client, K, 7);
    assert_eq!(b.ask(&mut client, Op::Read(K)), None);
    b.harness.pass(Duration::millis(300));
    let mut other = Client { id: ClientId(5), token: client.token.clone() };
    assert_eq!(b.ask(&mut other, Op::Read(K)), None);
    b.harness.pass(Duration::millis(200));
    b.timers.clear();
    b.fire(Timer::Patience);
    assert_eq!(b.answers, [(ClientId(4), Err(Refusal::Redirect(NodeId(0))), Clock::default())]);
    assert_eq!(b.timers, [(Timer::Patience, Duration::millis(300))], "the other has time left");
    assert_eq!(a.read_for(&mut client, K), Some(7));
}

#[test]
fn what_is_missing_is_asked_for_after_a_while() {
    let (mut a, mut b) = (Node::new(0), Node::new(1));
    let lost = a.write(K, 1);
    let second = a.write(L, 2);
    b.timers.clear();
    b.hear_write(&second);
    assert_eq!(b.timers, [(Timer::Ask, Duration::millis(250))]);
    b.sent.clear();
    b.fire(Timer::Ask);
    let Some((Some(NodeId(0)), asked)) = b.sent.pop() else { panic!("{:?}", b.sent) };
    a.hear(1, asked);
    match a.sent.pop() {
        Some((Some(NodeId(1)), Message::Writes { writes, are_more: false })) => {
            assert_eq!(writes, [lost, second], "what it had early, too: it does not say what that is");
            b.hear(0, Message::Writes { writes, are_more: false });
        }
        other => panic!("{other:?}"),
    }
    assert_eq!((b.read(K), b.read(L)), (Some(1), Some(2)));
    b.timers.clear();
    b.fire(Timer::Ask);
    assert!(b.timers.is_empty(), "nothing is missing");
}

#[test]
fn of_two_concurrent_writes_both_nodes_keep_and_count_the_same() {
    let (mut a, mut b) = (Node::new(0), Node::new(1));
    let (one, two) = (a.write(K, 1), b.write(K, 2));
    a.hear_write(&two);
    b.hear_write(&one);
    assert_eq!((a.read(K), b.read(K)), (Some(2), Some(2)), "equal clocks: the higher node wins");
    assert_eq!((&a.lost, &b.lost), (&vec![(Value(1), Value(2))], &vec![(Value(1), Value(2))]));
}

#[test]
fn a_request_that_comes_twice_writes_once_wherever_the_first_is_known() {
    let (mut a, mut b) = (Node::new(0), Node::new(1));
    let (client, op) = (ClientId(4), Op::Write(K, Value(7)));
    a.request(client, 3, op, &Clock::default());
    let Some((None, Message::Write(first))) = a.sent.pop() else { panic!("it is shipped") };
    b.hear_write(&first);
    for node in [&mut a, &mut b] {
        node.answers.clear();
        node.sent.clear();
        node.request(client, 3, op, &Clock::default());
        let (_, says, token) = node.answers.pop().expect("it is answered");
        assert_eq!(says, Ok(Reply::Written));
        assert!(token.covers(&first.clock) && node.sent.is_empty());
        node.request(client, 2, Op::Write(K, Value(6)), &Clock::default());
        assert_eq!(node.answers.pop().map(|(_, says, _)| says), Some(Err(Refusal::Unavailable)), "it has moved on");
        assert_eq!(node.read(K), Some(7));
    }
}

/// The flaw that the page admits, and that no answer is lost by it uncounted.
#[test]
fn a_request_carried_out_twice_may_beat_what_came_between_and_that_is_counted() {
    let (mut a, mut b) = (Node::new(0), Node::new(1));
    let (client, op) = (ClientId(4), Op::Write(K, Value(7)));
    a.request(client, 1, op, &Clock::default());
    let Some((None, Message::Write(first))) = a.sent.pop() else { panic!("it is shipped") };
    let between = a.write(K, 8);
    b.harness.pass(Duration::millis(1));
    b.request(client, 1, op, &Clock::default());
    let Some((None, Message::Write(second))) = b.sent.pop() else { panic!("it is shipped") };
    a.hear_write(&second);
    b.hear_write(&first);
    b.hear_write(&between);
    assert_eq!((a.read(K), b.read(K)), (Some(7), Some(7)));
    assert_eq!((&a.lost, &b.lost), (&vec![(Value(8), Value(7))], &vec![(Value(8), Value(7))]));
}

#[test]
fn a_stamp_too_far_ahead_waits_with_all_that_comes_after_it() {
    let options = Options { max_offset: Duration::millis(500), ..Options::default() };
    let (mut ahead, mut node) = (Node::with(0, options.clone()), Node::with(1, options));
    ahead.harness.pass(Duration::millis(501));
    let far = ahead.write(K, 1);
    node.hear_write(&far);
    assert_eq!(node.read(K), None);
    assert!(node.write(L, 2).stamp < far.stamp, "the clock was not dragged along");
    node.harness.pass(Duration::millis(1));
    node.sent.clear();
    node.fire(Timer::Ask);
    assert_eq!(node.read(K), Some(1));
    assert!(node.sent.is_empty(), "nothing was missing");
}

#[test]
fn what_only_a_crashed_origin_knew_is_offered_again() {
    let (mut a, mut b) = (Node::new(0), Node::new(1));
    a.write(K, 7); // it reached nobody
    a.restart();
    gossip(&mut b, &mut a);
    assert_eq!(b.read(K), Some(7));
    assert!(a.write(K, 8).number() == 2);
}

#[test]
fn gossip_costs_one_message_where_nothing_differs_and_sends_much_in_pieces() {
    let (mut a, mut b) = (Node::new(0), Node::new(1));
    for value in 0..1_200 {
        a.write(Key(value % 7), value.into());
    }
    assert_eq!(gossip(&mut b, &mut a), 1 + 3 + 2, "an offer, three pieces, and the second and third are asked for");
    assert_eq!(b.node.state(), a.node.state());
    assert_eq!(gossip(&mut a, &mut b), 1);
    assert_eq!(gossip(&mut b, &mut a), 1);
}

#[test]
fn what_everybody_has_is_dropped_and_a_node_that_forgot_it_gets_the_whole() {
    let (mut a, mut b, mut c) = (Node::new(0), Node::new(1), Node::new(2));
    for value in 0..100 {
        let write = a.write(Key(value % 7), value.into());
        b.hear_write(&write);
        c.hear_write(&write);
    }
    gossip(&mut b, &mut a);
    assert_eq!(a.node.log.len(), 100, "one peer of two");
    gossip(&mut c, &mut a);
    assert_eq!(a.node.log.len(), 0);
    let mut blank = Node::new(1);
    gossip(&mut blank, &mut a);
    assert_eq!(blank.node.state(), a.node.state());
    assert_eq!(blank.node.store.snapshot(), a.node.store.snapshot());
    blank.restart();
    assert_eq!(blank.node.store.snapshot(), a.node.store.snapshot(), "and it is on its disk");
    let next = a.write(K, 1_000);
    blank.hear_write(&next);
    assert_eq!(blank.read(K), Some(1_000));
}

#[test]
fn compaction_bounds_the_log_and_keeps_the_copy_and_what_others_may_lack() {
    let (mut a, mut b) = (Node::new(0), Node::new(1));
    let mut last = a.write(K, 0).stamp;
    for value in 1..2_000 {
        last = a.write(Key(value as u32 % 30), value).stamp;
        if value % 50 == 0 {
            gossip(&mut b, &mut a);
            a.node.log.learn(NodeId(2), b.node.store.clock(), 2);
        }
    }
    // What b has is known when it offers, which is one gossip later.
    assert!(a.longest_disk <= 4 * (30 + 100) + 1, "{}", a.longest_disk);
    let before = (a.node.store.snapshot(), a.node.log.iter().cloned().collect::<Vec<_>>());
    assert!((50..=100).contains(&before.1.len()), "{}", before.1.len());
    a.restart();
    assert_eq!(a.node.store.snapshot(), before.0);
    assert!(before.1.iter().all(|write| a.node.log.iter().any(|kept| kept == write)));
    let next = a.write(K, 9_999);
    assert!(next.stamp > last && next.number() == 2_001);
}

#[test]
fn the_timer_offers_one_peer_a_summary_and_is_set_again() {
    let mut node = Node::new(1);
    assert!(matches!(node.timers[..], [(Timer::Gossip, after)] if after <= Duration::secs(1)));
    let mut peers = BTreeSet::new();
    for _ in 0..20 {
        node.timers.clear();
        node.fire(Timer::Gossip);
        assert_eq!(node.timers, [(Timer::Gossip, Duration::secs(1))]);
        match node.sent.pop() {
            Some((Some(to), Message::Summary { offers: true, .. })) => peers.insert(to),
            other => panic!("{other:?}"),
        };
    }
    assert_eq!(peers, [NodeId(0), NodeId(2)].into(), "every peer's turn comes");
}

#[test]
fn messages_are_as_large_as_they_say() {
    let (mut a, mut b) = (Node::new(0), Node::new(1));
    let write = a.write(K, 1);
    assert_eq!(Message::Write(write.clone()).bytes(), 16 + 34 + 10);
    b.hear_write(&write);
    let second = b.write(L, 2);
    assert_eq!(Message::Writes { writes: vec![write, second], are_more: false }.bytes(), 16 + 44 + 54);
    let has = b.node.store.clock().clone();
    assert_eq!(Message::Summary { has, offers: true }.bytes(), 16 + 20);
    assert_eq!(Message::Snapshot(Arc::new(b.node.store.snapshot())).bytes(), 16 + 20 + 44 + 54 + 16);
}

#[test]
fn a_compare_and_set_is_refused_whatever_its_client_has_seen() {
    let mut node = Node::new(0);
    let compare = Op::CompareAndSet { key: K, expected: None, new: Value(8) };
    let mut client = Client { id: ClientId(1), token: [(NodeId(2), 9)].into_iter().collect() };
    assert_eq!(node.ask(&mut client, compare), Some(Err(Refusal::Unsupported)));
}

#[test]
fn options_read_as_documented() {
    let options: Options = toml::from_str("gossip-every = \"250ms\"\npatience = \"0s\"").unwrap();
    assert_eq!((options.gossip_every, options.ask_after), (Duration::millis(250), Duration::millis(250)));
    assert_eq!((options.patience, options.max_offset), (Duration::ZERO, Duration::millis(500)));
    assert!(toml::from_str::<Options>("gossip = \"1s\"").unwrap_err().to_string().contains("unknown field `gossip`"));
    let wrong = [
        ("gossip-every", Options { gossip_every: Duration::ZERO, ..Options::default() }),
        ("ask-after", Options { ask_after: Duration::micros(999), ..Options::default() }),
    ];
    for (option, options) in wrong {
        assert_eq!(Causal::seats(&options, &REGIONS).unwrap_err().option, option);
    }
    assert_eq!(Causal::seats(&options, &REGIONS).unwrap().len(), 3);
}
