//! One rule a test: a handler in, its effects out. Whole clusters are in `schedules.rs`.

mod cluster;
mod elections;
mod judge;
mod reads;
mod replication;
mod schedules;

use crate::id::{ClientId, Key, NodeId, RequestId, Value};
use crate::op::{Op, Refusal, Reply};
use crate::protocol::{Effect, Guarantee, Harness, Protocol, Request};
use crate::time::Duration;
use crate::trace::Observation;

use super::{Append, Command, Entry, Message, Options, Outcome, Position, Raft, Reads, Record, Timer};

const A: NodeId = NodeId(0);
const B: NodeId = NodeId(1);
const C: NodeId = NodeId(2);
const K: Key = Key(0);

/// Node A of three, and what it wants done.
struct Bench {
    harness: Harness<Raft>,
    node: Raft,
    effects: Vec<Effect<Raft>>,
}

impl Bench {
    fn new(options: Options, disk: Vec<Record>) -> Bench {
        let mut harness = Harness::new(&["a", "b", "c"], 0);
        let node = Raft::start(&options, disk, &mut harness.context());
        let effects = harness.effects();
        Bench { harness, node, effects }
    }

    /// A follower that has heard of nobody.
    fn follower() -> Bench {
        Bench::new(Options::default(), Vec::new())
    }

    /// The leader of the term after the one on disk, its first entry sent and neither synced nor answered.
    fn leader(options: Options, disk: Vec<Record>) -> Bench {
        let mut bench = Bench::new(Options { pre_vote: false, ..options }, disk);
        bench.expire();
        let term = bench.node.term;
        bench.hear(A, Message::Vote { term, granted: true });
        bench.hear(B, Message::Vote { term, granted: true });
        bench
    }

    /// A leader of term 1 whose first entry is committed.
    fn ready() -> Bench {
        let mut bench = Bench::leader(Options::default(), Vec::new());
        bench.hear(A, Message::Synced { term: 1, index: 1 });
        bench.hear(B, matched(1, 0, 1));
        assert_eq!(bench.node.commit, 1);
        bench
    }

    fn hear(&mut self, from: NodeId, message: Message) -> &[Effect<Raft>] {
        self.node.on_message(from, message, &mut self.harness.context());
        self.effects = self.harness.effects();
        &self.effects
    }

    fn ask(&mut self, client: u32, sequence: u32, op: Op) -> &[Effect<Raft>] {
        let request = Request { id: id(client, sequence), op, session: () };
        self.node.on_request(request, &mut self.harness.context());
        self.effects = self.harness.effects();
        &self.effects
    }

    fn fire(&mut self, timer: Timer) -> &[Effect<Raft>] {
        self.node.on_timer(timer, &mut self.harness.context());
        self.effects = self.harness.effects();
        &self.effects
    }

    /// Lets the longest election timeout pass without a word.
    fn expire(&mut self) -> &[Effect<Raft>] {
        self.harness.pass(self.node.options.election_timeout * 2);
        self.fire(Timer::Election)
    }

    /// What was sent to a node in the last call.
    fn sent(&self, whom: NodeId) -> Vec<&Message> {
        let to = |effect| match effect {
            &Effect::Send { to, ref message, .. } if to == whom => Some(message),
            _ => None,
        };
        self.effects.iter().filter_map(to).collect()
    }

    /// What was answered in the last call.
    fn answers(&self) -> Vec<(RequestId, Reply)> {
        let answer = |effect: &_| match effect {
            Effect::Reply { request, reply, .. } => Some((*request, *reply)),
            _ => None,
        };
        self.effects.iter().filter_map(answer).collect()
    }

    fn persisted(&self) -> Vec<&Record> {
        fn record(effect: &Effect<Raft>) -> Option<&Record> {
            if let Effect::Persist { record } = effect { Some(record) } else { None }
        }
        self.effects.iter().filter_map(record).collect()
    }

    fn observed(&self, what: Observation) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::Observe(seen) if *seen == what))
    }
}

fn id(client: u32, sequence: u32) -> RequestId {
    RequestId { client: ClientId(client), sequence, entry: A }
}

fn write(value: u64) -> Op {
    Op::Write(K, Value(value))
}

fn entry(term: u64, value: u64) -> Entry {
    Entry { term, command: Command::Client { client: ClientId(7), sequence: value as u32, op: write(value) } }
}

fn at(term: u64, index: u64) -> Position {
    Position { term, index }
}

fn append(term: u64, prev: Position, entries: &[Entry], commit: u64) -> Message {
    Message::Append(Append { term, round: 1, prev, entries: entries.into(), commit })
}

fn matched(term: u64, round: u64, index: u64) -> Message {
    Message::Appended { term, round, outcome: Outcome::Matched(index) }
}

/// A heartbeat's rejection.
fn rejected(term: u64, round: u64, prev: u64, hint: Position) -> Message {
    Message::Appended { term, round, outcome: Outcome::Rejected { prev, hint, kept: false } }
}

/// What a follower answered to the last append.
fn outcome(bench: &Bench) -> Outcome {
    match bench.sent(B)[..] {
        [Message::Appended { outcome, .. }] => *outcome,
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn options_read_as_they_are_written() {
    let text = "heartbeat = '300ms'\nelection-timeout = '3s'\npre-vote = false\nreads = 'local'\nleader = 'b'";
    let options: Options = toml::from_str(text).unwrap();
    assert_eq!((options.heartbeat, options.pre_vote, options.check_quorum), (Duration::millis(300), false, true));
    assert_eq!(options.reads, Reads::Local);
    assert!(toml::from_str::<Options>("election_timeout = '3s'").is_err(), "an unknown option is an error");
    assert!(Raft::seats(&options, &["a", "b", "c"]).is_ok());
    let refused = |options: Options| Raft::seats(&options, &["a"]).unwrap_err().option;
    assert_eq!(refused(options), "leader");
    assert_eq!(refused(Options { heartbeat: Duration::secs(1), ..Options::default() }), "heartbeat");
    let timeout = Some(Duration::millis(99));
    assert_eq!(refused(Options { commit_timeout: timeout, ..Options::default() }), "commit-timeout");
    assert_eq!(refused(Options { snapshot_every: 0, ..Options::default() }), "snapshot-every");
}

#[test]
fn only_local_reads_do_not_claim_to_be_linearizable() {
    let claims = |reads| Raft::claims(&Options { reads, ..Options::default() });
    for reads in [Reads::ReadIndex, Reads::FollowerReadIndex] {
        assert!(claims(reads).iter().any(|claim| claim.guarantee == Guarantee::Linearizable));
    }
    assert!(claims(Reads::Local).iter().all(|claim| claim.guarantee != Guarantee::Linearizable));
}

#[test]
fn a_follower_forwards_to_its_leader_and_refuses_without_one() {
    let mut bench = Bench::follower();
    let refused = |effects: &[Effect<Raft>]| matches!(effects, [Effect::Refuse { refusal: Refusal::Unavailable, .. }]);
    assert!(refused(bench.ask(1, 1, write(1))));
    bench.hear(B, append(1, at(0, 0), &[], 0));
    for op in [write(1), Op::Read(K)] {
        assert!(matches!(bench.ask(1, 1, op), [Effect::Forward { to: B, .. }]));
    }
    bench.expire();
    assert!(refused(bench.ask(1, 1, write(1))), "a node that suspects its leader knows none");
}

#[test]
fn a_leader_that_steps_down_refuses_reads_and_leaves_writes_unknown() {
    let mut bench = Bench::ready();
    bench.ask(1, 1, write(1));
    bench.ask(2, 1, Op::Read(K));
    bench.hear(C, append(2, at(1, 1), &[], 0));
    let refused: Vec<_> = bench.effects.iter().filter(|effect| matches!(effect, Effect::Refuse { .. })).collect();
    assert!(matches!(refused[..], [Effect::Refuse { request, .. }] if *request == id(2, 1)), "{refused:?}");
    assert!(bench.observed(Observation::SteppedDown { epoch: 1 }));
    assert!(bench.answers().is_empty());
}
