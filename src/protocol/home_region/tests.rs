//! The handlers one by one, and a small network that loses, repeats and reorders messages and restarts nodes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::prelude::*;

use super::super::{Effect, Harness};
use super::*;
use crate::id::{ClientId, RequestId};

const REGIONS: [&str; 3] = ["asia", "europe", "america"];
/// Owned by node 1 at first.
const K: Key = Key(4);

/// What goes from node to node.
#[derive(Clone, Debug)]
enum Mail {
    Message(Message),
    Request(Request<HomeRegion>),
}

/// A node, with its disk, and what it has wanted so far.
struct Node {
    harness: Harness<HomeRegion>,
    node: HomeRegion,
    disk: Vec<Record>,
    longest_disk: usize,
    sent: Vec<(Option<NodeId>, Mail)>,
    answers: Vec<(RequestId, Result<Reply, Refusal>)>,
    timers: BTreeSet<u8>,
}

impl Node {
    fn new(me: u16) -> Node {
        Node::with(me, moving(3))
    }

    fn with(me: u16, options: Options) -> Node {
        let mut harness = Harness::new(&REGIONS, me);
        let node = HomeRegion::start(&options, Vec::new(), &mut harness.context());
        let (disk, sent, answers, timers) = Default::default();
        let mut started = Node { harness, node, disk, longest_disk: 0, sent, answers, timers };
        started.settle();
        started
    }

    /// Carries out what the handlers wanted; every record is synced at once.
    fn settle(&mut self) {
        for effect in self.harness.effects() {
            match effect {
                Effect::Send { to, message, .. } => self.sent.push((Some(to), Mail::Message(message))),
                Effect::Broadcast { message } => self.sent.push((None, Mail::Message(message))),
                Effect::Forward { to, request } => self.sent.push((Some(to), Mail::Request(request))),
                Effect::Reply { request, reply, .. } => self.answers.push((request, Ok(reply))),
                Effect::Refuse { request, refusal } => self.answers.push((request, Err(refusal))),
                Effect::Persist { record } => self.disk.push(record),
                Effect::Compact { records } => self.disk = records,
                Effect::SetTimer { timer, .. } => {
                    self.timers.insert(timer as u8);
                }
                Effect::Observe(Observation::Applied { .. }) => {}
                other => panic!("a node never wants {other:?}"),
            }
            self.longest_disk = self.longest_disk.max(self.disk.len());
        }
    }

    fn ask(&mut self, client: u32, sequence: u32, entry: u16, op: Op) -> Option<Result<Reply, Refusal>> {
        let id = RequestId { client: ClientId(client), sequence, entry: NodeId(entry) };
        self.get(Request { id, op, session: () });
        self.answers.pop().map(|(_, says)| says)
    }

    fn get(&mut self, request: Request<HomeRegion>) {
        self.node.on_request(request, &mut self.harness.context());
        self.settle();
    }

    fn hear(&mut self, from: u16, message: Message) {
        self.node.on_message(NodeId(from), message, &mut self.harness.context());
        self.settle();
    }

    fn fire(&mut self, timer: Timer) {
        self.timers.remove(&(timer as u8));
        self.node.on_timer(timer, &mut self.harness.context());
        self.settle();
    }

    /// Crashes, and begins again on its disk.
    fn restart(&mut self) {
        let (options, me) = (self.node.options.clone(), self.harness.context().me().0);
        self.harness = Harness::new(&REGIONS, me);
        self.timers.clear();
        self.node = HomeRegion::start(&options, self.disk.clone(), &mut self.harness.context());
        self.settle();
    }
}

fn moving(threshold: u32) -> Options {
    Options { moves: Moves::OnUse, threshold, ..Options::default() }
}

fn write(value: u64) -> Op {
    Op::Write(K, Value(value))
}

const DONE: Option<Result<Reply, Refusal>> = Some(Ok(Reply::Written));

#[test]
fn a_write_is_forwarded_to_the_owner_who_ships_it_before_it_answers() {
    let (mut near, mut owner) = (Node::new(0), Node::new(1));
    assert_eq!(near.ask(7, 1, 0, write(5)), None);
    let Some((Some(NodeId(1)), Mail::Request(request))) = near.sent.pop() else { panic!("it is forwarded") };
    owner.get(request);
    assert!(matches!(owner.sent[..], [(None, Mail::Message(Message::Update(K, _)))]), "{:?}", owner.sent);
    assert_eq!(owner.answers.pop().map(|(_, says)| says), DONE);
    assert_eq!(owner.disk.len(), 1);
    assert_eq!(owner.ask(7, 2, 1, Op::Read(K)), Some(Ok(Reply::Read(Some(Value(5))))));
}

#[test]
fn an_owner_carries_a_request_out_once_and_compares() {
    let mut owner = Node::new(1);
    let swap = |expected: u64, new| Op::CompareAndSet { key: K, expected: Some(Value(expected)), new: Value(new) };
    assert_eq!(owner.ask(7, 1, 1, write(5)), DONE);
    assert_eq!(owner.ask(8, 1, 1, swap(4, 6)), Some(Ok(Reply::Mismatch(Some(Value(5))))));
    assert_eq!(owner.ask(8, 2, 1, swap(5, 6)), DONE);
    assert_eq!(owner.ask(7, 1, 1, write(5)), DONE, "again");
    assert_eq!(owner.ask(8, 2, 1, swap(5, 6)), DONE, "again");
    owner.restart();
    assert_eq!(owner.ask(8, 2, 1, swap(5, 6)), DONE, "and after a crash");
    assert_eq!(owner.ask(8, 1, 1, write(9)), Some(Err(Refusal::Unavailable)), "its client has moved on");
    assert_eq!(owner.node.value(K), Some(Value(6)));
    assert_eq!(owner.disk.len(), 2);
}

#[test]
fn a_copy_follows_and_reads_go_where_the_option_says() {
    let nearest = Options { reads: Reads::Nearest, ..Options::default() };
    let (mut owner, mut copy, mut strict) = (Node::new(1), Node::with(2, nearest), Node::new(0));
    owner.ask(7, 1, 1, write(5));
    owner.ask(7, 2, 1, write(6));
    for place in [1, 0] {
        let (_, Mail::Message(update)) = owner.sent[place].clone() else { panic!("it is shipped") };
        copy.hear(1, update.clone());
        strict.hear(1, update);
    }
    assert_eq!(copy.ask(9, 1, 2, Op::Read(K)), Some(Ok(Reply::Read(Some(Value(6))))), "the older one came late");
    assert_eq!(strict.ask(9, 1, 0, Op::Read(K)), None);
    assert!(matches!(strict.sent[..], [(Some(NodeId(1)), Mail::Request(_))]));
}

#[test]
fn requests_for_the_keys_of_a_silent_owner_are_refused_and_its_own_are_not() {
    let mut node = Node::new(0);
    node.harness.pass(Duration::millis(1_999));
    assert_eq!(node.ask(7, 1, 0, write(5)), None);
    node.harness.pass(Duration::millis(1));
    assert_eq!(node.ask(7, 2, 0, write(6)), Some(Err(Refusal::Unavailable)));
    assert_eq!(node.ask(7, 3, 0, Op::Write(Key(3), Value(7))), DONE);
    node.hear(1, Message::Beat);
    assert_eq!(node.ask(7, 4, 0, write(8)), None);
}

#[test]
fn a_key_follows_its_writers_and_who_asks_meanwhile_is_sent_after_it() {
    let (mut old, mut new) = (Node::new(1), Node::new(2));
    for (sequence, entry) in [(1, 2), (2, 2), (3, 1), (4, 2), (5, 2), (6, 2)] {
        old.sent.clear();
        assert_eq!(old.ask(7, sequence, entry, write(sequence.into())), DONE);
        assert_eq!(old.sent.len(), if sequence == 6 { 2 } else { 1 }, "three in a row");
    }
    let Some((Some(NodeId(2)), Mail::Message(lost))) = old.sent.pop() else { panic!("the key is given") };
    assert!(matches!(lost, Message::Grant(..)));
    assert_eq!(old.ask(8, 1, 0, Op::Read(K)), None, "nobody owns it now");
    old.restart();
    assert_eq!(old.ask(8, 2, 0, Op::Read(K)), None, "not after a crash either");
    old.sent.clear();
    old.fire(Timer::Grant);
    let Some((Some(NodeId(2)), Mail::Message(grant))) = old.sent.pop() else { panic!("it is said again") };
    new.hear(1, grant.clone());
    let Some((None, Mail::Message(update))) = new.sent.pop() else { panic!("everybody hears of it") };
    assert_eq!(new.ask(7, 6, 2, write(6)), DONE, "it knows what was carried out");
    assert_eq!(new.ask(7, 7, 2, write(7)), DONE);
    new.sent.clear();
    new.hear(1, grant);
    assert!(matches!(new.sent[..], [(Some(NodeId(1)), Mail::Message(Message::Update(K, _)))]));
    assert_eq!(new.node.value(K), Some(Value(7)), "a grant that comes twice takes nothing back");
    old.hear(2, update);
    assert_eq!(old.answers.pop().map(|(_, says)| says), Some(Err(Refusal::Redirect(NodeId(2)))));
    old.sent.clear();
    old.fire(Timer::Grant);
    assert!(old.sent.is_empty() && !old.timers.contains(&(Timer::Grant as u8)));
}

#[test]
fn keys_stay_where_moves_is_never() {
    let mut owner = Node::with(1, Options::default());
    for sequence in 1..20 {
        assert_eq!(owner.ask(7, sequence, 2, write(sequence.into())), DONE);
    }
    assert!(owner.sent.iter().all(|(to, _)| to.is_none()));
    assert!(owner.longest_disk <= 65, "{}", owner.longest_disk);
}

#[test]
fn options_read_as_documented() {
    let options: Options = toml::from_str("reads = \"nearest\"\nmoves = \"on-use\"\nthreshold = 5").unwrap();
    assert_eq!((options.reads, options.moves, options.threshold), (Reads::Nearest, Moves::OnUse, 5));
    assert!(toml::from_str::<Options>("moves = \"always\"").is_err());
    let with = |change: fn(&mut Options)| {
        let mut options = Options::default();
        change(&mut options);
        HomeRegion::seats(&options, &REGIONS).map_err(|error| error.option)
    };
    assert_eq!(with(|_| {}).map(|seats| seats.len()), Ok(3));
    assert_eq!(with(|options| options.heartbeat = Duration::ZERO), Err("heartbeat"));
    assert_eq!(with(|options| options.gossip_every = Duration::ZERO), Err("gossip-every"));
    assert_eq!(with(|options| options.grant_again = Duration::ZERO), Err("grant-again"));
    assert_eq!(with(|options| options.silent_after = Duration::secs(1)), Err("silent-after"));
    assert_eq!(with(|options| options.threshold = 0), Err("threshold"));
    let guarantees = |options: &Options| HomeRegion::claims(options).len();
    assert_eq!((guarantees(&options), guarantees(&Options::default())), (2, 3));
}

fn taking_over() -> Options {
    Options { owner_unreachable: OwnerUnreachable::TakeOver, ..Options::default() }
}

/// Brings what nodes have sent to where it goes, until nothing is on its way; nothing from or to a node that is lost.
fn carry(nodes: &mut [Node], lost: Option<usize>) {
    while nodes.iter().any(|node| !node.sent.is_empty()) {
        for from in 0..nodes.len() {
            for (to, mail) in std::mem::take(&mut nodes[from].sent) {
                let goes = |place: &usize| *place != from && to.is_none_or(|to| to.index() == *place);
                for place in (0..nodes.len()).filter(goes).filter(|place| ![Some(from), Some(*place)].contains(&lost)) {
                    match mail.clone() {
                        Mail::Message(message) => nodes[place].hear(from as u16, message),
                        Mail::Request(request) => nodes[place].get(request),
                    }
                }
            }
        }
    }
}

/// Some seconds go by, with two heartbeats in each.
fn pass(nodes: &mut [Node], seconds: u64, lost: Option<usize>) {
    for _ in 0..2 * seconds {
        nodes.iter_mut().for_each(|node| node.harness.pass(Duration::millis(500)));
        // One after the other, for their dice are alike: two that asked for votes at once would do so for ever.
        for place in 0..nodes.len() {
            nodes[place].fire(Timer::Beat);
            carry(nodes, lost);
        }
    }
}

#[test]
fn who_is_not_heard_is_taken_over_from_and_does_not_serve_by_then() {
    let mut nodes: Vec<Node> = (0..3).map(|me| Node::with(me, taking_over())).collect();
    pass(&mut nodes, 1, None);
    assert_eq!(nodes[1].ask(7, 1, 1, write(5)), DONE);
    carry(&mut nodes, None);
    // Nobody hears it from here on, and it goes on for two seconds.
    assert_eq!(nodes[1].ask(7, 2, 1, write(6)), DONE);
    pass(&mut nodes, 1, Some(1));
    assert_eq!(nodes[1].ask(7, 3, 1, write(7)), DONE);
    pass(&mut nodes, 2, Some(1));
    assert_eq!(nodes[1].ask(7, 4, 1, write(8)), Some(Err(Refusal::Unavailable)));
    assert_eq!(nodes[0].ask(8, 1, 0, write(9)), Some(Err(Refusal::Unavailable)), "not yet");
    pass(&mut nodes, 20, Some(1));
    let heir = nodes[0].node.succession_of(K).1.index();
    assert!(heir != 1 && nodes[2 - heir].node.succession_of(K).1.index() == heir, "one of the others, and both know");
    assert_eq!(nodes[heir].ask(8, 2, heir as u16, write(10)), DONE);
    assert_eq!(nodes[heir].node.value(K), Some(Value(10)));
    nodes[heir].restart();
    assert_eq!(nodes[heir].node.succession_of(K).1.index(), heir, "its disk knows");
    carry(&mut nodes, Some(1));
    assert_eq!(nodes[heir].ask(8, 3, heir as u16, write(10)), DONE, "what is there is not written again");
    assert_eq!(nodes[heir].node.entries.place(K).number, 2);
    // It is back: what it wrote alone is gone, and it sends on what it is asked.
    nodes[1].sent.clear();
    pass(&mut nodes, 1, None);
    nodes[1].fire(Timer::Gossip);
    carry(&mut nodes, None);
    assert_eq!(nodes[1].node.succession_of(K).1.index(), heir);
    assert_eq!(nodes[1].node.value(K), Some(Value(10)), "a later term comes after more writes of an earlier one");
    assert_eq!(nodes[1].ask(7, 5, 1, write(11)), None);
    carry(&mut nodes, None);
    assert!(nodes.iter().all(|node| node.node.value(K) == Some(Value(11))));
}

#[test]
fn who_can_take_over_is_asked_of_the_options() {
    let fits = |options: Options, regions: &[&str]| HomeRegion::seats(&options, regions).map_err(|error| error.option);
    assert!(fits(taking_over(), &REGIONS).is_ok());
    assert_eq!(fits(taking_over(), &REGIONS[..2]).err(), Some("owner-unreachable"));
    assert_eq!(fits(Options { moves: Moves::OnUse, ..taking_over() }, &REGIONS).err(), Some("owner-unreachable"));
    let hasty = Options { take_over_after: Duration::secs(2), ..taking_over() };
    assert_eq!(fits(hasty, &REGIONS).err(), Some("take-over-after"));
    let bounded = |bound| Options { reads: Reads::Nearest, bound: Some(bound), ..Options::default() };
    assert!(fits(bounded(Bound::default()), &REGIONS).is_ok());
    assert_eq!(fits(Options { reads: Reads::Owner, ..bounded(Bound::default()) }, &REGIONS).err(), Some("bound"));
    for (operations, time, probe_every) in [(1, 5_000, 250), (100, 500, 250), (100, 5_000, 0)] {
        let (time, probe_every) = (Duration::millis(time), Duration::millis(probe_every));
        let bound = Bound { operations, time, probe_every, ..Bound::default() };
        assert_eq!(fits(bounded(bound), &REGIONS).err(), Some("bound"), "{bound:?}");
    }
}

/// What happens next in the small network.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A client asks a node to write this key.
    Write {
        client: u32,
        node: usize,
        key: u32,
    },
    /// What has waited at this place of the wire arrives, and perhaps waits there again.
    Deliver {
        place: usize,
        again: bool,
    },
    Lose(usize),
    Fire {
        node: usize,
        timer: Timer,
    },
    Restart(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let node = 0..REGIONS.len();
    let timer = prop_oneof![Just(Timer::Gossip), Just(Timer::Grant)];
    prop_oneof![
        6 => (0..3_u32, node.clone(), 0..3_u32).prop_map(|(client, node, key)| Step::Write { client, node, key }),
        8 => (any::<usize>(), prop::bool::weighted(0.2)).prop_map(|(place, again)| Step::Deliver { place, again }),
        2 => any::<usize>().prop_map(Step::Lose),
        2 => (node.clone(), timer).prop_map(|(node, timer)| Step::Fire { node, timer }),
        1 => node.prop_map(Step::Restart),
    ]
}

struct Network {
    nodes: Vec<Node>,
    wire: VecDeque<(NodeId, usize, Mail)>,
    sequences: [u32; 3],
    values: u64,
    moves: u64,
}

impl Network {
    fn new() -> Network {
        let nodes = (0..REGIONS.len() as u16).map(|me| Node::with(me, moving(1))).collect();
        Network { nodes, wire: VecDeque::new(), sequences: [0; 3], values: 0, moves: 0 }
    }

    fn step(&mut self, step: Step) {
        let waiting = self.wire.len();
        match step {
            Step::Write { client, node, key } => {
                self.values += 1;
                let sequence = &mut self.sequences[client as usize];
                *sequence += 1;
                let op = Op::Write(Key(key), Value(self.values));
                self.nodes[node].ask(client, *sequence, node as u16, op);
            }
            Step::Deliver { place, again } if waiting > 0 => self.deliver(place % waiting, again),
            Step::Lose(place) if waiting > 0 => drop(self.wire.swap_remove_back(place % waiting)),
            Step::Deliver { .. } | Step::Lose(_) => {}
            Step::Fire { node, timer } => self.nodes[node].fire(timer),
            Step::Restart(node) => self.nodes[node].restart(),
        }
        for from in 0..self.nodes.len() {
            for (to, mail) in std::mem::take(&mut self.nodes[from].sent) {
                self.moves += u64::from(matches!(mail, Mail::Message(Message::Grant(..))));
                let others = (0..self.nodes.len()).filter(|other| *other != from);
                let to = others.filter(|other| to.is_none_or(|to| to.index() == *other));
                self.wire.extend(to.map(|to| (NodeId(from as u16), to, mail.clone())));
            }
        }
    }

    fn deliver(&mut self, place: usize, again: bool) {
        let (from, to, mail) = self.wire.swap_remove_back(place).expect("it is there");
        if again {
            self.wire.push_back((from, to, mail.clone()));
        }
        match mail {
            Mail::Message(message) => self.nodes[to].hear(from.0, message),
            Mail::Request(request) => self.nodes[to].get(request),
        }
    }

    /// Those who would carry out a write of this key now.
    fn owners(&mut self, key: Key) -> usize {
        let owns = |node: &mut Node| {
            let cx = node.harness.context();
            let gives = node.node.entries.get(key).is_some_and(|entry| entry.gives.is_some());
            !gives && node.node.owner(key, &cx) == cx.me()
        };
        self.nodes.iter_mut().map(|node| usize::from(owns(node))).sum()
    }

    /// Everything arrives, what is given is said again, and gossip goes around.
    fn heal(&mut self) {
        for round in 0..60 {
            for node in 0..self.nodes.len() {
                self.step(Step::Fire { node, timer: if round % 2 == 0 { Timer::Grant } else { Timer::Gossip } });
            }
            while !self.wire.is_empty() {
                self.step(Step::Deliver { place: 0, again: false });
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// At every step a key has one owner or is on its way, and a version has one value wherever it is known.
    #[test]
    fn a_key_never_has_two_owners(steps in prop::collection::vec(step(), 1..150)) {
        let mut network = Network::new();
        let mut values: BTreeMap<(Key, Place), Value> = BTreeMap::new();
        for step in steps {
            network.step(step);
            for key in (0..3).map(Key) {
                prop_assert!(network.owners(key) <= 1, "{key} has {} owners", network.owners(key));
            }
            for entry in network.nodes.iter().flat_map(|node| node.node.entries.iter()) {
                let value = *values.entry((entry.key, entry.version.place)).or_insert(entry.version.value);
                prop_assert_eq!(value, entry.version.value);
            }
        }
        network.heal();
        for key in (0..3).map(Key) {
            prop_assert_eq!(network.owners(key), 1, "{} has arrived", key);
        }
        for node in &network.nodes[1..] {
            prop_assert_eq!(node.node.state(), network.nodes[0].node.state());
        }
    }
}

#[test]
fn keys_do_move_in_the_small_network() {
    let mut network = Network::new();
    for turn in 0..30 {
        network.step(Step::Write { client: 0, node: turn / 10, key: 0 });
        network.heal();
    }
    assert!((2..=4).contains(&network.moves), "{}", network.moves);
}
