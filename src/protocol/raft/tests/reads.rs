//! How reads are answered: here at once, by the leader after a round, or here after the leader has told an index.

use crate::id::RequestId;
use crate::op::{Op, Refusal, Reply};
use crate::protocol::Effect;
use crate::time::Duration;

use super::super::{Message, Options, Raft, Reads, Record, Timer};
use super::{A, B, Bench, C, K, Value, append, at, entry, id, matched, rejected};

#[test]
fn a_local_read_shows_what_is_applied_wherever_it_is_asked() {
    let mut bench = Bench::new(Options { reads: Reads::Local, ..Options::default() }, Vec::new());
    bench.hear(B, append(1, at(0, 0), &[entry(1, 5), entry(1, 6)], 1));
    bench.ask(1, 1, Op::Read(K));
    assert_eq!(bench.answers(), [(id(1, 1), Reply::Read(Some(Value(5))))]);
}

#[test]
fn a_read_waits_for_a_round_that_began_after_it() {
    let mut bench = Bench::ready();
    bench.fire(Timer::Heartbeat);
    bench.ask(1, 1, Op::Read(K));
    let [Message::Append(beat)] = bench.sent(B)[..] else { panic!("a read begins a round") };
    let round = beat.round;
    bench.hear(B, matched(1, round - 1, 1));
    assert!(bench.answers().is_empty(), "that round began before the read");
    bench.hear(C, rejected(1, round, 1, at(0, 0)));
    assert_eq!(bench.answers(), [(id(1, 1), Reply::Read(None))], "a gap in the log confirms leadership all the same");
}

#[test]
fn a_read_waits_until_an_entry_of_this_term_is_applied() {
    let disk = vec![Record::Append { first: 1, entries: [entry(0, 5)][..].into() }];
    let mut bench = Bench::leader(Options::default(), disk);
    bench.hear(A, Message::Synced { term: 1, index: 2 });
    bench.ask(1, 1, Op::Read(K));
    bench.hear(B, matched(1, 1, 1));
    assert!(bench.answers().is_empty(), "confirmed, and yet what an earlier leader committed is not known");
    bench.hear(B, matched(1, 1, 2));
    assert_eq!(bench.answers(), [(id(1, 1), Reply::Read(Some(Value(5))))]);
}

/// A follower of B that answers reads itself, has one committed entry, and has been asked for reads by these clients.
fn asked(clients: &[u32]) -> Bench {
    let mut bench = Bench::new(Options { reads: Reads::FollowerReadIndex, ..Options::default() }, Vec::new());
    bench.hear(B, append(1, at(0, 0), &[entry(1, 5)], 1));
    for client in clients {
        bench.ask(*client, 1, Op::Read(K));
    }
    bench
}

/// The number of the question that was put to B in the last call.
fn question(bench: &Bench) -> Option<u64> {
    match bench.sent(B)[..] {
        [Message::AskIndex { question }] => Some(*question),
        _ => None,
    }
}

fn refused(bench: &Bench) -> Vec<RequestId> {
    let refused = |effect: &Effect<Raft>| match effect {
        Effect::Refuse { request, refusal: Refusal::Unavailable } => Some(*request),
        _ => None,
    };
    bench.effects.iter().filter_map(refused).collect()
}

#[test]
fn a_follower_asks_for_an_index_and_answers_once_it_has_applied_that() {
    let mut bench = asked(&[1]);
    let question = question(&bench).expect("the first read is asked for at once");
    bench.hear(B, Message::ReadIndex { question, index: 2 });
    assert!(bench.answers().is_empty(), "it has applied one entry");
    bench.hear(B, append(1, at(1, 1), &[entry(1, 6)], 1));
    assert!(bench.answers().is_empty(), "the second is not committed yet");
    bench.hear(B, append(1, at(1, 2), &[], 2));
    assert_eq!(bench.answers(), [(id(1, 1), Reply::Read(Some(Value(6))))]);
}

#[test]
fn reads_that_come_while_a_question_is_under_way_wait_for_the_next_and_share_it() {
    let mut bench = asked(&[1]);
    let first = question(&bench).unwrap();
    for client in [2, 3] {
        assert!(bench.ask(client, 1, Op::Read(K)).is_empty(), "nothing more is asked");
    }
    bench.hear(B, Message::ReadIndex { question: first, index: 1 });
    assert_eq!(bench.answers(), [(id(1, 1), Reply::Read(Some(Value(5))))]);
    let second = question(&bench).expect("the next question");
    bench.hear(B, Message::ReadIndex { question: first, index: 1 });
    assert!(bench.answers().is_empty(), "the answer to the first says nothing of reads that came after it was asked");
    bench.hear(B, Message::ReadIndex { question: second, index: 1 });
    let five = Reply::Read(Some(Value(5)));
    assert_eq!(bench.answers(), [(id(2, 1), five), (id(3, 1), five)]);
    assert_eq!(question(&bench), None);
}

#[test]
fn a_node_that_starts_anew_does_not_take_an_answer_to_its_life_before() {
    let mut bench = asked(&[1]);
    let before = question(&bench).unwrap();
    let options = bench.node.options.clone();
    bench.node = <Raft as crate::protocol::Protocol>::start(&options, Vec::new(), &mut bench.harness.context());
    bench.harness.effects();
    bench.hear(B, append(1, at(0, 0), &[], 0));
    bench.ask(1, 2, Op::Read(K));
    assert!(question(&bench).is_some());
    bench.hear(B, Message::ReadIndex { question: before, index: 0 });
    assert!(bench.answers().is_empty());
}

#[test]
fn an_answer_that_does_not_come_is_asked_for_again() {
    let mut bench = asked(&[1]);
    let first = question(&bench);
    bench.harness.pass(Duration::millis(500));
    bench.fire(Timer::AskIndex);
    assert_eq!(question(&bench), first, "the same question");
    bench.hear(B, Message::ReadIndex { question: first.unwrap(), index: 1 });
    assert_eq!(bench.answers().len(), 1);
    assert!(bench.fire(Timer::AskIndex).is_empty(), "nothing is left to ask for");
}

#[test]
fn reads_are_refused_when_the_leader_is_lost() {
    let mut bench = asked(&[1, 2]);
    bench.expire();
    assert_eq!(refused(&bench), [id(1, 1), id(2, 1)], "it wants to lead itself");
    bench.ask(3, 1, Op::Read(K));
    assert_eq!(refused(&bench), [id(3, 1)], "it knows no leader");
    let mut bench = asked(&[1, 2]);
    bench.hear(C, append(2, at(1, 1), &[], 1));
    assert_eq!(refused(&bench), [id(1, 1), id(2, 1)], "another leads");
}

#[test]
fn a_leader_tells_an_index_after_a_round_and_asks_itself_the_same_way() {
    let mut bench = Bench::ready();
    bench.node.options.reads = Reads::FollowerReadIndex;
    bench.hear(C, Message::AskIndex { question: 7 });
    let [Message::Append(beat)] = bench.sent(B)[..] else { panic!("a question begins a round") };
    let round = beat.round;
    bench.ask(1, 1, Op::Read(K));
    bench.ask(2, 1, Op::Read(K));
    assert!(bench.sent(B).is_empty(), "it has one question under way, too");
    bench.hear(B, matched(1, round, 1));
    assert!(matches!(bench.sent(C)[..], [Message::ReadIndex { question: 7, index: 1 }]), "{:?}", bench.effects);
    assert!(bench.answers().is_empty(), "that round began before the read");
    bench.hear(B, matched(1, round + 1, 1));
    assert_eq!(bench.answers(), [(id(1, 1), Reply::Read(None))]);
    bench.hear(B, matched(1, round + 2, 1));
    assert_eq!(bench.answers(), [(id(2, 1), Reply::Read(None))]);
    bench.ask(1, 2, Op::Read(K));
    bench.hear(A, append(2, at(1, 1), &[], 1));
    assert_eq!(refused(&bench), [id(1, 2)], "and refuses when it leads no more");
}

#[test]
fn who_does_not_lead_tells_no_index() {
    let mut bench = asked(&[]);
    assert!(bench.hear(C, Message::AskIndex { question: 7 }).is_empty());
}
