//! The handlers: a request or a message in, its effects out.
//!
//! Next: `tests/laws.rs`, what holds for every type and every transport.

mod laws;

use super::super::{Effect, Harness};
use super::*;
use crate::id::RequestId;

const REGIONS: [&str; 3] = ["asia", "europe", "america"];
const K: Key = Key(1);

/// A node, with its disk, and what it has wanted so far.
pub(super) struct Node {
    harness: Harness<Crdt>,
    pub node: Crdt,
    options: Options,
    disk: Vec<Record>,
    sent: Vec<(Option<NodeId>, Message)>,
    answers: Vec<Result<Reply, Refusal>>,
    asked: u32,
}

impl Node {
    fn new(me: u16, options: Options) -> Node {
        let mut harness = Harness::new(&REGIONS, me);
        let node = Crdt::start(&options, Vec::new(), &mut harness.context());
        let (disk, sent, answers) = Default::default();
        let mut started = Node { harness, node, options, disk, sent, answers, asked: 0 };
        started.settle();
        started
    }

    fn of(me: u16, what: Type, transport: Transport) -> Node {
        Node::new(me, Options { what, transport, ..Options::default() })
    }

    /// Carries out what the handlers wanted; every record is synced at once.
    fn settle(&mut self) {
        for effect in self.harness.effects() {
            match effect {
                Effect::Send { to, message, .. } => self.sent.push((Some(to), message)),
                Effect::Broadcast { message } => self.sent.push((None, message)),
                Effect::Reply { reply, .. } => self.answers.push(Ok(reply)),
                Effect::Refuse { refusal, .. } => self.answers.push(Err(refusal)),
                Effect::Persist { record } => self.disk.push(record),
                Effect::Compact { records } => self.disk = records,
                Effect::Observe(_) | Effect::SetTimer { .. } | Effect::CancelTimer { .. } => {}
                other => panic!("a node never wants {other:?}"),
            }
        }
    }

    fn request(&mut self, client: u32, sequence: u32, op: Op) -> Option<Result<Reply, Refusal>> {
        let id = RequestId { client: ClientId(client), sequence, entry: NodeId(0) };
        self.node.on_request(Request { id, op, session: () }, &mut self.harness.context());
        self.settle();
        self.answers.pop()
    }

    fn ask(&mut self, op: Op) -> Option<Result<Reply, Refusal>> {
        self.asked += 1;
        self.request(0, self.asked, op)
    }

    fn read(&mut self) -> Reply {
        self.ask(Op::Read(K)).unwrap().unwrap()
    }

    fn hear(&mut self, from: u16, message: Message) {
        self.node.on_message(NodeId(from), message, &mut self.harness.context());
        self.settle();
    }

    fn fire(&mut self, timer: Timer) {
        self.node.on_timer(timer, &mut self.harness.context());
        self.settle();
    }

    fn restart(&mut self) {
        self.node = Crdt::start(&self.options, self.disk.clone(), &mut self.harness.context());
        self.settle();
    }

    /// Everything that this node has, as a message.
    fn whole(&self) -> Message {
        Message::Fragment(Arc::new(self.node.store.whole()))
    }
}

fn add(amount: i64, name: u64) -> Op {
    Op::Add { key: K, amount, name: Value(name) }
}

#[test]
fn a_request_that_comes_again_is_carried_out_once_also_after_a_restart() {
    let mut node = Node::of(0, Type::PnCounter, Transport::Delta);
    assert_eq!(node.request(7, 1, add(3, 1)), Some(Ok(Reply::Written)));
    assert_eq!(node.request(7, 1, add(3, 1)), Some(Ok(Reply::Written)));
    node.restart();
    assert_eq!(node.request(7, 1, add(3, 1)), Some(Ok(Reply::Written)));
    assert_eq!(node.request(7, 2, add(-1, 2)), Some(Ok(Reply::Written)));
    assert_eq!(node.request(7, 1, add(3, 1)), Some(Err(Refusal::Unavailable)), "its client has moved on");
    assert_eq!(node.read(), Reply::Amount(2));
}

#[test]
fn a_type_refuses_what_is_of_another() {
    let mut grows = Node::of(0, Type::GCounter, Transport::State);
    assert_eq!(grows.ask(add(-1, 1)), Some(Err(Refusal::Unsupported)));
    assert_eq!(grows.ask(add(2, 2)), Some(Ok(Reply::Written)));
    assert_eq!(grows.ask(Op::Write(K, Value(3))), Some(Err(Refusal::Unsupported)));
    let mut register = Node::of(0, Type::MvRegister, Transport::State);
    assert_eq!(register.ask(add(2, 2)), Some(Err(Refusal::Unsupported)));
    assert_eq!(register.read(), Reply::Read(None));
}

#[test]
fn who_looks_first_refuses_what_it_does_not_have() {
    let options = Options { what: Type::PnCounter, look_first: true, ..Options::default() };
    let mut node = Node::new(0, options);
    assert_eq!(node.ask(add(-1, 1)), Some(Ok(Reply::Short(0))));
    node.ask(add(1, 2));
    assert_eq!(node.ask(add(-1, 3)), Some(Ok(Reply::Written)));
    assert_eq!(node.read(), Reply::Amount(0));
}

#[test]
fn rights_are_asked_for_where_there_are_most_and_half_is_given() {
    let [mut poor, mut rich] = [0, 1].map(|me| Node::of(me, Type::BoundedCounter, Transport::Delta));
    assert_eq!(poor.ask(add(-1, 1)), Some(Ok(Reply::Short(0))), "nobody has any");
    rich.ask(add(5, 2));
    poor.hear(1, rich.whole());
    assert_eq!(poor.read(), Reply::Amount(5));
    assert_eq!(poor.ask(add(-1, 3)), None, "it waits");
    let Some((Some(NodeId(1)), Message::Ask(K))) = poor.sent.pop() else { panic!("the richest is asked") };
    rich.hear(0, Message::Ask(K));
    let Some((Some(NodeId(0)), Message::Fragment(given))) = rich.sent.pop() else { panic!("rights are given") };
    poor.hear(1, Message::Fragment(given));
    assert_eq!(poor.answers.pop(), Some(Ok(Reply::Written)));
    assert_eq!(poor.read(), Reply::Amount(4));
    let rights = |node: &Node| [0, 1].map(|of| node.node.store.counter(K).unwrap().rights(NodeId(of)));
    assert_eq!(rights(&poor), [2, 2], "of 5, 3 were given and 1 is used");
    rich.hear(0, poor.whole());
    assert_eq!((rights(&rich), rich.read()), ([2, 2], Reply::Amount(4)));
}

#[test]
fn who_waits_for_rights_too_long_is_refused() {
    let [mut poor, mut rich] = [0, 1].map(|me| Node::of(me, Type::BoundedCounter, Transport::Delta));
    rich.ask(add(1, 1));
    poor.hear(1, rich.whole());
    assert_eq!(poor.ask(add(-1, 2)), None);
    poor.fire(Timer::Patience);
    assert_eq!(poor.answers, [], "not yet");
    poor.harness.pass(Duration::millis(500));
    poor.fire(Timer::Patience);
    assert_eq!(poor.answers, [Err(Refusal::Unavailable)]);
    assert!(poor.node.waiting.is_empty());
}

#[test]
fn a_delta_after_a_gap_is_not_joined_but_asked_for_from_before() {
    let [mut from, mut to] = [0, 1].map(|me| Node::of(me, Type::PnCounter, Transport::Delta));
    let ship = |from: &mut Node| {
        from.fire(Timer::Ship);
        let place = from.sent.iter().position(|(to, _)| *to == Some(NodeId(1))).expect("there is something new");
        let (_, message) = from.sent.swap_remove(place);
        from.sent.clear();
        message
    };
    from.ask(add(1, 1));
    ship(&mut from); // lost
    from.ask(Op::Add { key: Key(2), amount: 1, name: Value(2) });
    to.hear(0, ship(&mut from));
    assert_eq!(to.read(), Reply::Amount(0));
    let Some((_, answer @ Message::Has { wants: Wants::Rest, .. })) = to.sent.pop() else {
        panic!("it tells what it has")
    };
    from.hear(1, answer);
    to.hear(0, ship(&mut from));
    assert_eq!(to.read(), Reply::Amount(1));
    let Some((_, answer @ Message::Has { wants: Wants::Nothing, .. })) = to.sent.pop() else {
        panic!("it acknowledges")
    };
    from.hear(1, answer);
    from.fire(Timer::Gossip);
    from.sent.clear();
    from.fire(Timer::Ship);
    assert!(from.sent.iter().all(|(to, _)| *to != Some(NodeId(1))), "it has everything");
}

#[test]
fn updates_wait_for_their_past_and_what_is_lost_is_asked_for() {
    let [mut one, mut two, mut three] = [0, 1, 2].map(|me| Node::of(me, Type::MvRegister, Transport::Operation));
    let broadcast = |node: &mut Node| match node.sent.pop() {
        Some((None, message)) => message,
        other => panic!("an update goes to all, not {other:?}"),
    };
    one.ask(Op::Write(K, Value(1)));
    let first = broadcast(&mut one);
    two.hear(0, first.clone());
    two.ask(Op::Write(K, Value(2)));
    let second = broadcast(&mut two);
    three.hear(1, second);
    assert_eq!(three.read(), Reply::Read(None), "2 was written over 1");
    three.hear(0, Message::Has { seen: one.node.store.seen().clone(), wants: Wants::Answer });
    let Some((Some(NodeId(0)), asks)) = three.sent.pop() else { panic!("it has less") };
    one.hear(2, asks);
    let Some((_, rest)) = one.sent.pop() else { panic!("it is sent the rest") };
    three.hear(0, rest);
    assert_eq!(three.read(), Reply::Read(Some(Value(2))));
    three.hear(0, first);
    assert_eq!(three.read(), Reply::Read(Some(Value(2))), "again is as once");
}

#[test]
fn the_log_stays_in_proportion_and_a_restart_knows_everything() {
    for transport in [Transport::State, Transport::Delta, Transport::Operation] {
        let mut node = Node::of(0, Type::OrSet, transport);
        let peers = [1, 2].map(NodeId);
        for name in 0..2_000 {
            let item = Item((name % 7) as u8);
            let op = match name % 3 {
                0 => Op::Remove { key: K, item, name: Value(name) },
                _ => Op::Insert { key: K, item, name: Value(name) },
            };
            assert_eq!(node.ask(op), Some(Ok(Reply::Written)));
            for peer in peers {
                let seen = node.node.store.seen().clone();
                node.hear(peer.0, Message::Has { seen, wants: Wants::Nothing });
            }
            node.fire(Timer::Gossip);
            assert!(node.disk.len() < 70, "{}", node.disk.len());
        }
        let before = (node.read(), node.node.store.seen().clone());
        node.restart();
        assert_eq!((node.read(), node.node.store.seen().clone()), before);
    }
}

#[test]
fn tombstones_go_when_all_have_seen_the_removal_and_nothing_is_behind_them() {
    let insert = |item, name| Op::Insert { key: K, item: Item(item), name: Value(name) };
    let remove = |item, name| Op::Remove { key: K, item: Item(item), name: Value(name) };
    let mut node = Node::of(0, Type::Rga, Transport::Delta);
    for (place, name) in [(0, 1), (1, 2), (2, 3)] {
        node.ask(insert(place, name));
    }
    let early = node.node.store.seen().clone();
    node.ask(remove(1, 4));
    node.ask(remove(1, 5));
    assert_eq!(node.read(), Reply::Several(Several::of([Value(1)])));
    let elements = |node: &Node| node.node.store.dots(K).unwrap().elements().count();
    let all = node.node.store.seen().clone();
    let hear = |node: &mut Node, from: u16, seen: &VersionVector| {
        node.hear(from, Message::Has { seen: seen.clone(), wants: Wants::Nothing });
        node.fire(Timer::Gossip);
    };
    hear(&mut node, 1, &all);
    assert_eq!(elements(&node), 3, "america has not told");
    hear(&mut node, 2, &early);
    assert_eq!(elements(&node), 3, "america may insert behind them");
    hear(&mut node, 2, &all);
    assert_eq!(elements(&node), 1);
    assert_eq!(node.read(), Reply::Several(Several::of([Value(1)])));
}
