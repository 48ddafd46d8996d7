//! Which writes are kept beside which, and what clients carry.

use proptest::prelude::*;

use super::super::{Effect, Harness};
use super::*;
use crate::id::{ClientId, RequestId};

const REGIONS: [&str; 3] = ["asia", "europe", "america"];
const K: Key = Key(1);

/// A node, with its disk, and what it has wanted so far.
struct Node {
    harness: Harness<Siblings>,
    node: Siblings,
    options: Options,
    disk: Vec<Record>,
    sent: Vec<(Option<NodeId>, Message)>,
    answers: Vec<(Result<Reply, Refusal>, Option<Seen>)>,
    lost: Vec<(u64, u64)>,
}

impl Node {
    fn new(me: u16, options: &Options) -> Node {
        let mut harness = Harness::new(&REGIONS, me);
        let node = Siblings::start(options, Vec::new(), &mut harness.context());
        let (disk, sent, answers, lost) = Default::default();
        let mut started = Node { harness, node, options: options.clone(), disk, sent, answers, lost };
        started.settle();
        started
    }

    fn settle(&mut self) {
        for effect in self.harness.effects() {
            match effect {
                Effect::Send { to, message, .. } => self.sent.push((Some(to), message)),
                Effect::Broadcast { message } => self.sent.push((None, message)),
                Effect::Reply { reply, session, .. } => self.answers.push((Ok(reply), session)),
                Effect::Refuse { refusal, .. } => self.answers.push((Err(refusal), None)),
                Effect::Persist { record } => self.disk.push(record),
                Effect::Compact { records } => self.disk = records,
                Effect::Observe(Observation::Conflict { lost, kept, .. }) => self.lost.push((lost.0, kept.0)),
                Effect::Observe(_) | Effect::SetTimer { .. } => {}
                other => panic!("a node never wants {other:?}"),
            }
        }
    }

    fn ask(&mut self, op: Op, session: &Seen) {
        let id = RequestId { client: ClientId(0), sequence: 1, entry: NodeId(0) };
        self.node.on_request(Request { id, op, session: session.clone() }, &mut self.harness.context());
        self.settle();
    }

    fn write(&mut self, value: u64, session: &Seen) {
        self.ask(Op::Write(K, Value(value)), session);
        assert!(matches!(self.answers.pop(), Some((Ok(Reply::Written), _))));
    }

    /// What a client reads, and carries from then on.
    fn read(&mut self) -> (Vec<u64>, Seen) {
        self.ask(Op::Read(K), &Seen::default());
        let Some((Ok(reply), Some(seen))) = self.answers.pop() else { panic!("a read is answered") };
        let values: Vec<u64> = match reply {
            Reply::Read(value) => value.map(|value| value.0).into_iter().collect(),
            Reply::Several(several) => several.named().map(|value| value.0).collect(),
            other => panic!("{other:?} is no answer to a read"),
        };
        (values, seen)
    }

    fn hear(&mut self, from: u16, message: Message) {
        self.node.on_message(NodeId(from), message, &mut self.harness.context());
        self.settle();
    }

    /// Has what another has.
    fn sync(&mut self, other: &Node) {
        let versions: Arc<[Version]> = other.node.store.get(K).into();
        self.hear(0, Message::Update { key: K, versions, ticket: None });
    }
}

#[test]
fn what_a_client_had_seen_is_replaced_and_what_it_had_not_is_kept() {
    let mut node = Node::new(0, &Options::default());
    node.write(1, &Seen::default());
    let (values, seen) = node.read();
    assert_eq!(values, [1]);
    node.write(2, &seen);
    node.write(3, &seen);
    let (values, seen) = node.read();
    assert_eq!(values, [2, 3], "neither had seen the other");
    node.write(4, &seen);
    assert_eq!(node.read().0, [4]);
    node.write(5, &Seen::default());
    assert_eq!(node.read().0, [4, 5], "who has seen nothing replaces nothing");
}

#[test]
fn a_vector_of_servers_takes_the_second_of_two_at_one_server_for_the_later() {
    let mut node = Node::new(0, &Options { vectors: Vectors::Server, ..Options::default() });
    node.write(1, &Seen::default());
    let (_, seen) = node.read();
    node.write(2, &seen);
    node.write(3, &seen);
    assert_eq!(node.read().0, [3], "2 is gone, and nobody was told");
    assert_eq!(node.lost, []);
    let mut other = Node::new(1, &Options { vectors: Vectors::Server, ..Options::default() });
    other.write(4, &seen);
    node.sync(&other);
    assert_eq!(node.read().0, [3, 4], "two servers are told apart");
}

#[test]
fn the_last_writer_wins_if_it_is_asked_to_and_the_loss_is_told() {
    let mut node = Node::new(0, &Options { resolver: Resolver::LastWriter, ..Options::default() });
    node.write(1, &Seen::default());
    node.harness.pass(Duration::millis(1));
    node.write(2, &Seen::default());
    let (values, seen) = node.read();
    assert_eq!((values, &node.lost[..]), (vec![2], &[(1, 2)][..]));
    node.write(3, &seen);
    assert_eq!(node.lost.len(), 1, "what was seen is no conflict");
}

#[test]
fn a_write_waits_for_as_many_disks_as_it_should_and_a_read_for_as_many_copies() {
    let options = Options { acknowledge: Quorum::All, reads: Quorum::Majority, ..Options::default() };
    let mut node = Node::new(0, &options);
    node.ask(Op::Write(K, Value(1)), &Seen::default());
    let Some((None, Message::Update { ticket: Some(ticket), .. })) = node.sent.pop() else { panic!("all are told") };
    node.hear(1, Message::Heard(ticket, None));
    node.hear(1, Message::Heard(ticket, None));
    assert!(node.answers.is_empty(), "one of two has answered");
    node.hear(2, Message::Heard(ticket, None));
    assert!(matches!(node.answers.pop(), Some((Ok(Reply::Written), _))));

    let mut other = Node::new(1, &Options::default());
    other.write(2, &Seen::default());
    node.ask(Op::Read(K), &Seen::default());
    let Some((None, Message::Get { ticket, .. })) = node.sent.pop() else { panic!("all are asked") };
    let found = Found { key: K, versions: other.node.store.get(K).into() };
    node.hear(1, Message::Heard(ticket, Some(found)));
    assert!(matches!(node.answers.pop(), Some((Ok(Reply::Several(several)), _)) if several.count() == 2));

    node.ask(Op::Read(K), &Seen::default());
    node.ask(Op::Write(K, Value(3)), &Seen::default());
    node.harness.pass(Duration::secs(1));
    node.node.on_timer(Timer::Patience, &mut node.harness.context());
    node.settle();
    assert!(matches!(node.answers[..], [(Err(Refusal::Unavailable), None)]), "of a write nobody knows");
    assert!(node.node.pending.is_empty());
}

#[test]
fn copies_that_differ_are_exchanged_and_the_log_stays_in_proportion() {
    let [mut one, mut two] = [0, 1].map(|me| Node::new(me, &Options::default()));
    for value in 0..1_000 {
        let (_, seen) = one.read();
        one.write(value, &seen);
    }
    two.write(1_000, &Seen::default());
    assert!(one.disk.len() < 70);
    one.node = Siblings::start(&one.options, one.disk.clone(), &mut one.harness.context());
    one.settle();
    two.sent.clear();
    two.hear(0, Message::Summary(Arc::new(one.node.store.digests())));
    let Some((Some(NodeId(0)), answer)) = two.sent.pop() else { panic!("they differ") };
    one.sent.clear();
    one.hear(1, answer);
    let Some((Some(NodeId(1)), rest)) = one.sent.pop() else { panic!("it has more") };
    two.hear(0, rest);
    assert_eq!((one.read().0, two.read().0), (vec![999, 1_000], vec![999, 1_000]));
    two.hear(0, Message::Summary(Arc::new(one.node.store.digests())));
    assert!(two.sent.is_empty(), "they do not differ");
}

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A client writes at a node what comes after what it read there last, or without having read.
    Write { node: usize, blind: bool },
    /// A client reads at a node.
    Read { node: usize },
    /// A node gets all that another has.
    Sync { from: usize, to: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_usize, prop::bool::weighted(0.2)).prop_map(|(node, blind)| Step::Write { node, blind }),
        3 => (0..3_usize).prop_map(|node| Step::Read { node }),
        3 => (0..3_usize, 0..3_usize).prop_map(|(from, to)| Step::Sync { from, to }),
    ]
}

proptest! {
    /// By definition: what a copy knows and no other write that it knows had seen. One client carries what it read from node to node.
    #[test]
    fn a_copy_has_what_nobody_has_written_over(steps in prop::collection::vec(step(), 0..60)) {
        let mut nodes = [0, 1, 2].map(|me| Node::new(me, &Options::default()));
        // By value: what its client had seen, and all that those had.
        let mut over: Vec<Vec<usize>> = Vec::new();
        let mut known: [Vec<usize>; 3] = Default::default();
        let (mut seen, mut shown) = (Seen::default(), Vec::new());
        for step in steps {
            match step {
                Step::Write { node, blind } => {
                    let (session, had) = if blind { (Seen::default(), Vec::new()) } else { (seen.clone(), shown.clone()) };
                    nodes[node].write(over.len() as u64, &session);
                    known[node].push(over.len());
                    over.push(had);
                }
                Step::Read { node } => {
                    seen = nodes[node].read().1;
                    let own = seen.shown.iter().map(|value| value.0 as usize);
                    shown = own.clone().chain(own.flat_map(|value| over[value].clone())).collect();
                }
                Step::Sync { from, to } => {
                    let [source, _] = [from, to].map(|place| nodes[place].node.store.get(K).to_vec());
                    nodes[to].hear(from as u16, Message::Update { key: K, versions: source.into(), ticket: None });
                    let more: Vec<usize> = known[from].iter().copied().filter(|of| !known[to].contains(of)).collect();
                    known[to].extend(more);
                }
            }
            for (node, known) in nodes.iter().zip(&known) {
                let is_over = |value: &usize| known.iter().any(|other| over[*other].contains(value));
                let mut expected: Vec<u64> = known.iter().filter(|of| !is_over(of)).map(|of| *of as u64).collect();
                expected.sort_unstable();
                let mut held: Vec<u64> = node.node.store.get(K).iter().map(|version| version.value.0).collect();
                held.sort_unstable();
                prop_assert_eq!(held, expected);
            }
        }
    }

    #[test]
    fn merges_are_those_of_a_lattice(
        steps in prop::collection::vec(step(), 0..40),
        last_writer in any::<bool>(),
        server in any::<bool>(),
    ) {
        let options = Options {
            resolver: if last_writer { Resolver::LastWriter } else { Resolver::Client },
            vectors: if server { Vectors::Server } else { Vectors::Dotted },
            ..Options::default()
        };
        let mut nodes = [0, 1, 2].map(|me| Node::new(me, &options));
        let (mut seen, mut value) = (Seen::default(), 0);
        for step in steps {
            match step {
                Step::Write { node, blind } => {
                    nodes[node].harness.pass(Duration::millis(1));
                    nodes[node].write(value, &if blind { Seen::default() } else { seen.clone() });
                    value += 1;
                }
                Step::Read { node } => seen = nodes[node].read().1,
                Step::Sync { from, to } => {
                    let versions: Arc<[Version]> = nodes[from].node.store.get(K).into();
                    nodes[to].hear(from as u16, Message::Update { key: K, versions, ticket: None });
                }
            }
        }
        let joined = |of: &[usize]| {
            let mut store = Store::default();
            for place in of {
                store.merge(K, nodes[*place].node.store.get(K), options.vectors, options.resolver);
            }
            (store.get(K).to_vec(), store.digests())
        };
        let one = joined(&[0, 1, 2]);
        for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            prop_assert_eq!(&joined(&order), &one);
        }
        prop_assert_eq!(&joined(&[0, 1, 0, 2, 1]), &one, "again is as once");
    }
}
