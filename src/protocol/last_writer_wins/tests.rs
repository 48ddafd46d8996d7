//! The handlers one by one: a message in, its effects out.
//!
//! Next: `tests/stamps.rs`, clients' stamps, and `tests/properties.rs`, what holds in every history.

mod properties;
mod rows;
mod stamps;

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Effect, Harness};
use super::*;
use crate::id::{ClientId, RequestId, Value};

const REGIONS: [&str; 3] = ["asia", "europe", "america"];
const K: Key = Key(1);

/// A node, with its disk, and what it has wanted so far.
struct Node {
    harness: Harness<LastWriterWins>,
    node: LastWriterWins,
    disk: Vec<Entries<(Key, Version)>>,
    longest_disk: usize,
    sent: Vec<(Option<NodeId>, Message)>,
    lost: Vec<(Value, Value)>,
    applied: Vec<Value>,
    answers: Vec<Result<Reply, Refusal>>,
}

impl Node {
    fn new(me: u16) -> Node {
        Node::with(me, Options { max_offset: Duration::MAX, ..Options::default() })
    }

    fn with(me: u16, options: Options) -> Node {
        let mut harness = Harness::new(&REGIONS, me);
        let node = LastWriterWins::start(&options, Vec::new(), &mut harness.context());
        let (disk, sent, lost, applied, answers) = Default::default();
        let mut started = Node { harness, node, disk, longest_disk: 0, sent, lost, applied, answers };
        started.settle();
        started
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
                Effect::Observe(Observation::Conflict { lost, kept, .. }) => self.lost.push((lost, kept)),
                Effect::Observe(Observation::Applied { value, .. }) => self.applied.push(value),
                Effect::SetTimer { .. } => {}
                other => panic!("a node never wants {other:?}"),
            }
            self.longest_disk = self.longest_disk.max(self.disk.len());
        }
    }

    fn ask(&mut self, op: Op) -> Result<Reply, Refusal> {
        self.ask_at(Time::ZERO, op)
    }

    /// The same of a client whose clock shows this.
    fn ask_at(&mut self, session: Time, op: Op) -> Result<Reply, Refusal> {
        let id = RequestId { client: ClientId(0), sequence: 1, entry: NodeId(0) };
        self.node.on_request(Request { id, op, session }, &mut self.harness.context());
        self.settle();
        self.answers.pop().expect("every request is answered at once")
    }

    /// Writes, and gives what was broadcast.
    fn write(&mut self, key: Key, value: u64) -> Version {
        assert_eq!(self.ask(Op::Write(key, Value(value))), Ok(Reply::Written));
        match self.sent.pop() {
            Some((None, Message::Update { version, .. })) => version,
            other => panic!("a write is broadcast, not {other:?}"),
        }
    }

    fn read(&mut self, key: Key) -> Option<u64> {
        match self.ask(Op::Read(key)) {
            Ok(Reply::Read(value)) => value.map(|value| value.0),
            other => panic!("a read is answered, not {other:?}"),
        }
    }

    fn hear(&mut self, from: u16, message: Message) {
        self.node.on_message(NodeId(from), message, &mut self.harness.context());
        self.settle();
    }

    fn update(&mut self, key: Key, version: &Version) {
        self.hear(9, Message::Update { key, version: version.clone() });
    }

    /// Crashes, and begins again on its disk with a clock that stands at zero.
    fn restart(&mut self) {
        let options = self.node.options.clone();
        self.harness = Harness::new(&REGIONS, self.harness.context().me().0);
        self.node = LastWriterWins::start(&options, self.disk.clone(), &mut self.harness.context());
        self.settle();
    }
}

/// One gossip of `a` with `b`, whatever peer chance would pick; gives the messages it took.
fn gossip(a: &mut Node, b: &mut Node) -> Vec<Message> {
    let mut exchanged = vec![Message::Summary(Arc::new(a.node.copy.digests()))];
    let (ids, mut to_b) = ([a.harness.context().me().0, b.harness.context().me().0], true);
    loop {
        let message = exchanged.last().expect("there is a message").clone();
        let (listener, from) = if to_b { (&mut *b, ids[0]) } else { (&mut *a, ids[1]) };
        listener.sent.clear();
        listener.hear(from, message);
        assert!(exchanged.len() <= 4, "gossip does not end: {exchanged:?}");
        let Some((to, answer)) = listener.sent.pop() else { return exchanged };
        assert_eq!(to, Some(NodeId(from)));
        exchanged.push(answer);
        to_b = !to_b;
    }
}

#[test]
fn a_write_is_persisted_then_broadcast_then_acknowledged() {
    let mut harness = Harness::new(&REGIONS, 0);
    let mut node = LastWriterWins::start(&Options::default(), Vec::new(), &mut harness.context());
    harness.effects();
    let request = Request { id: RequestId::default(), op: Op::Write(K, Value(7)), session: Time::ZERO };
    node.on_request(request, &mut harness.context());
    let effects = harness.effects();
    assert!(
        matches!(
            &effects[..],
            [
                Effect::Observe(Observation::Applied { key: K, value: Value(7) }),
                Effect::Persist { record: Entries::One((K, on_disk)) },
                Effect::Broadcast { message: Message::Update { key: K, version } },
                Effect::Reply { reply: Reply::Written, unsynced: false, .. },
            ] if on_disk == version
        ),
        "{effects:?}"
    );
}

#[test]
fn a_read_tells_the_copy_and_what_no_register_has_is_refused() {
    let mut node = Node::new(0);
    assert_eq!(node.read(K), None);
    node.write(K, 7);
    assert_eq!(node.read(K), Some(7));
    let add = Op::Add { key: K, amount: 1, name: Value(8) };
    assert_eq!(node.ask(add), Err(Refusal::Unsupported));
    assert_eq!(node.read(K), Some(7));
}

#[test]
fn a_write_sent_twice_is_stamped_once_by_a_node_and_never_in_conflict_with_itself() {
    let (mut a, mut b) = (Node::new(0), Node::new(1));
    let first = a.write(K, 7);
    assert_eq!(a.ask(Op::Write(K, Value(7))), Ok(Reply::Written));
    assert!(a.sent.is_empty(), "{:?}", a.sent);
    let again = b.write(K, 7);
    a.update(K, &again);
    b.update(K, &first);
    assert!(a.lost.is_empty() && b.lost.is_empty());
    assert_eq!(a.node.copy.digests(), b.node.copy.digests());
}

#[test]
fn an_older_update_is_ignored_and_a_newer_one_taken() {
    let (mut a, mut b) = (Node::new(0), Node::new(1));
    let old = a.write(K, 1);
    let new = a.write(K, 2);
    b.update(K, &new);
    b.update(K, &old);
    b.update(K, &new);
    assert_eq!(b.applied, [Value(2)]);
    assert_eq!(b.disk, [Entries::One((K, new))]);
    assert!(b.lost.is_empty(), "the older write was replaced, not lost: {:?}", b.lost);
}

#[test]
fn a_write_is_above_everything_its_node_holds_whatever_its_clock_says() {
    let (mut ahead, mut behind) = (Node::new(2), Node::new(0));
    ahead.harness.pass(Duration::secs(3600));
    let first = ahead.write(K, 1);
    behind.update(K, &first);
    let second = behind.write(K, 2);
    assert!(second.stamp > first.stamp);
    ahead.update(K, &second);
    assert_eq!(ahead.read(K), Some(2));
    assert!(ahead.lost.is_empty());
}

#[test]
fn of_two_concurrent_writes_both_nodes_keep_and_count_the_same() {
    let (mut a, mut b) = (Node::new(0), Node::new(1));
    let (one, two) = (a.write(K, 1), b.write(K, 2));
    a.update(K, &two);
    b.update(K, &one);
    assert_eq!((a.read(K), b.read(K)), (Some(2), Some(2)), "equal clocks: the higher node wins");
    assert_eq!((&a.lost, &b.lost), (&vec![(Value(1), Value(2))], &vec![(Value(1), Value(2))]));
}

#[test]
fn a_loss_is_told_even_where_the_write_that_beat_it_was_itself_replaced_unseen() {
    let (mut a, mut b, mut c) = (Node::new(0), Node::new(1), Node::new(2));
    a.write(K, 1); // every update of it is lost
    let beats = b.write(K, 2); // reaches only c
    c.update(K, &beats);
    let child = c.write(K, 3);
    a.update(K, &child);
    assert_eq!(a.lost, [(Value(1), Value(3))]);
}

#[test]
fn what_was_replaced_knowingly_through_others_is_not_lost() {
    let (mut a, mut b, mut c) = (Node::new(0), Node::new(1), Node::new(2));
    let first = a.write(K, 1);
    b.update(K, &first);
    let second = b.write(K, 2); // its update to a is lost
    c.update(K, &second);
    let third = c.write(K, 3);
    assert_eq!(*third.past, [first.stamp, second.stamp]);
    a.update(K, &third);
    assert!(a.lost.is_empty(), "{:?}", a.lost);
}

#[test]
fn a_stamp_too_far_ahead_is_refused_and_repaired_once_time_has_caught_up() {
    let options = Options { max_offset: Duration::millis(500), ..Options::default() };
    let (mut ahead, mut node) = (Node::with(0, options.clone()), Node::with(1, options));
    ahead.harness.pass(Duration::millis(501));
    let far = ahead.write(K, 1);
    node.update(K, &far);
    assert_eq!(gossip(&mut node, &mut ahead).len(), 2, "it does not ask for what it would refuse");
    gossip(&mut ahead, &mut node);
    assert_eq!(node.read(K), None);
    assert!(node.write(K, 2).stamp < far.stamp, "the clock was not dragged along");
    node.harness.pass(Duration::millis(1));
    gossip(&mut node, &mut ahead);
    assert_eq!((node.read(K), ahead.read(K)), (Some(1), Some(1)));
    assert_eq!(node.lost, [(Value(2), Value(1))]);
}

#[test]
fn what_only_a_crashed_origin_knew_is_offered_again() {
    let (mut a, mut b) = (Node::new(0), Node::new(1));
    a.write(K, 7); // every update of it is lost
    a.restart();
    gossip(&mut b, &mut a);
    assert_eq!(b.read(K), Some(7));
}

#[test]
fn the_timer_sends_one_peer_a_summary_and_is_set_again() {
    let mut harness = Harness::new(&REGIONS, 1);
    let mut node = LastWriterWins::start(&Options::default(), Vec::new(), &mut harness.context());
    let started = harness.effects();
    assert!(matches!(started[..], [Effect::SetTimer { timer: Timer::Gossip, after }] if after <= Duration::secs(1)));
    let mut peers = BTreeSet::new();
    for _ in 0..20 {
        node.on_timer(Timer::Gossip, &mut harness.context());
        match &harness.effects()[..] {
            [
                Effect::Send { to, message: Message::Summary(_), .. },
                Effect::SetTimer { timer: Timer::Gossip, after },
            ] => {
                assert_eq!(*after, Duration::secs(1));
                peers.insert(*to);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(peers, [NodeId(0), NodeId(2)].into(), "every peer's turn comes");
}

#[test]
fn gossip_costs_one_message_where_nothing_differs_and_only_the_bucket_that_does() {
    let (mut a, mut b) = (Node::new(0), Node::new(1));
    for key in 0..1_000 {
        let version = a.write(Key(key), u64::from(key));
        b.update(Key(key), &version);
    }
    let quiet = gossip(&mut a, &mut b);
    assert_eq!(quiet.iter().map(Message::bytes).collect::<Vec<_>>(), [528]);
    a.write(Key(5), 5_000);
    let exchanged = gossip(&mut a, &mut b);
    // A bucket of sixteen keys, then one write with a past of one stamp.
    assert_eq!(exchanged.iter().map(Message::bytes).collect::<Vec<_>>(), [528, 16 + 8 + 16 * 18, 16 + 40]);
    assert_eq!(b.read(Key(5)), Some(5_000));
}

#[test]
fn compaction_bounds_the_log_and_keeps_the_copy_and_the_clock() {
    let mut node = Node::new(0);
    let mut last = node.write(K, 0).stamp;
    for value in 1..2_000 {
        last = node.write(Key(value as u32 % 30), value).stamp;
        let on_disk: BTreeMap<_, _> =
            node.disk.iter().flat_map(|entries| entries.iter()).map(|(key, version)| (*key, version.value)).collect();
        assert_eq!(on_disk, node.node.state().copy, "after {value} writes");
    }
    assert!(node.longest_disk <= 4 * 30 + 1, "{}", node.longest_disk);
    let before = node.node.state();
    node.restart();
    assert_eq!(node.node.state(), before);
    let next = node.write(K, 9_999);
    assert!(next.stamp > last);
    assert_eq!(next.past.len(), 1, "a past has one stamp for each origin, however often it wrote");
}

#[test]
fn options_read_as_documented() {
    let options: Options = toml::from_str("gossip-every = \"250ms\"").unwrap();
    assert_eq!((options.gossip_every, options.max_offset), (Duration::millis(250), Duration::millis(500)));
    assert!(toml::from_str::<Options>("gossip = \"1s\"").unwrap_err().to_string().contains("unknown field `gossip`"));
    let never = Options { gossip_every: Duration::ZERO, ..Options::default() };
    assert_eq!(LastWriterWins::seats(&never, &REGIONS).unwrap_err().option, "gossip-every");
    assert_eq!(LastWriterWins::seats(&options, &REGIONS).unwrap().len(), 3);
}

fn swap(expected: Option<u64>, new: u64) -> Op {
    Op::CompareAndSet { key: K, expected: expected.map(Value), new: Value(new) }
}

#[test]
fn a_compare_and_set_holds_of_one_copy() {
    let (mut a, mut b) = (Node::new(0), Node::new(1));
    assert_eq!(a.ask(swap(Some(9), 1)), Ok(Reply::Mismatch(None)));
    assert!(a.sent.is_empty() && a.disk.is_empty(), "it changed nothing");
    assert_eq!(a.ask(swap(None, 1)), Ok(Reply::Written));
    assert_eq!(b.ask(swap(None, 2)), Ok(Reply::Written), "it has not heard");
    assert_eq!(a.ask(swap(None, 1)), Ok(Reply::Written), "again: it is in place");
    assert_eq!(a.sent.len(), 1, "and told once");
    gossip(&mut b, &mut a);
    assert_eq!((a.read(K), a.lost.as_slice(), b.lost.as_slice()), (Some(2), &[(Value(1), Value(2))][..], &[][..]));
    assert_eq!(a.ask(swap(None, 1)), Ok(Reply::Mismatch(Some(Value(2)))), "again: it is gone");
}

#[test]
fn a_compare_and_set_is_stamped_above_what_it_replaces() {
    let (mut ahead, mut behind) = (Node::new(0), Node::new(1));
    ahead.harness.pass(Duration::millis(400));
    let theirs = ahead.write(K, 1);
    behind.update(K, &theirs);
    assert_eq!((behind.ask(swap(Some(1), 2)), behind.read(K)), (Ok(Reply::Written), Some(2)));
    behind.restart();
    assert_eq!((behind.ask(swap(Some(2), 3)), behind.read(K)), (Ok(Reply::Written), Some(3)));
}

fn by_wall_clock(me: u16) -> Node {
    Node::with(me, Options { clock: StampClock::Wall, ..Options::default() })
}

#[test]
fn by_a_wall_clock_who_is_behind_writes_in_vain_and_is_thanked() {
    let (mut ahead, mut behind) = (by_wall_clock(0), by_wall_clock(1));
    ahead.harness.pass(Duration::secs(5));
    let theirs = ahead.write(K, 1);
    behind.update(K, &theirs);
    assert_eq!(behind.read(K), Some(1), "whoever is ahead is believed, whatever `max-offset` says");
    let mine = behind.write(K, 2);
    assert!(mine.stamp < theirs.stamp);
    assert_eq!((behind.read(K), behind.lost.len()), (Some(1), 0), "it knew what beats it: that is no conflict");
    ahead.update(K, &mine);
    assert_eq!((ahead.read(K), ahead.lost.len()), (Some(1), 0));
    let mut unaware = by_wall_clock(2);
    let other = unaware.write(K, 3);
    unaware.update(K, &theirs);
    assert_eq!(unaware.lost, [(Value(3), Value(1))], "but this is one");
    let mut hybrid = Node::new(1);
    hybrid.update(K, &theirs);
    assert!(hybrid.write(K, 4).stamp > theirs.stamp.max(other.stamp) && hybrid.read(K) == Some(4));
}

#[test]
fn a_wall_clock_that_goes_back_gives_no_stamp_twice() {
    let mut node = by_wall_clock(0);
    let first = node.write(K, 1);
    node.restart();
    let second = node.write(Key(2), 2);
    assert_eq!(first.stamp.physical, second.stamp.physical);
    assert_ne!(first.stamp, second.stamp);
}

#[test]
fn what_a_wall_clock_promises_is_that_copies_converge() {
    let claimed = |clock| {
        let claims = LastWriterWins::claims(&Options { clock, ..Options::default() });
        claims.iter().map(|claim| (claim.guarantee, claim.covers(FaultKind::ClockStep))).collect::<Vec<_>>()
    };
    assert_eq!(claimed(StampClock::Wall), [(Guarantee::Convergence, true)]);
    let hybrid = [(Guarantee::Convergence, false), (Guarantee::NoAcknowledgedWriteLost, false)];
    assert_eq!(claimed(StampClock::Hybrid), hybrid);
}
