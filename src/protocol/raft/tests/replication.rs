//! Rules of the log: what is appended, what is committed, what is answered.

use std::sync::Arc;

use super::*;
use crate::protocol::Standing;
use crate::protocol::raft::{AppendOrder, Machine, Snapshot};

fn records(entries: &[Entry]) -> Vec<Record> {
    vec![Record::Append { first: 1, entries: entries.into() }]
}

/// The state after `value` was written by the client of [`entry`].
fn snapshot(last: Position, value: u64) -> Arc<Snapshot> {
    let mut machine = Machine::default();
    machine.apply(ClientId(7), value as u32, write(value));
    Arc::new(Snapshot { last, machine })
}

#[test]
fn a_leader_sends_while_its_disk_writes_and_a_follower_answers_after() {
    let mut bench = Bench::ready();
    for effect in bench.ask(1, 1, write(1)) {
        match effect {
            Effect::Send { to, unsynced, .. } => assert_eq!(*unsynced, *to != A, "only the word to itself waits"),
            Effect::Persist { record } => assert!(matches!(record, Record::Append { first: 2, .. })),
            other => panic!("{other:?}"),
        }
    }
    let mut bench = Bench::follower();
    bench.hear(B, append(1, at(0, 0), &[entry(1, 1)], 0));
    assert!(matches!(bench.effects.last(), Some(Effect::Send { to: B, unsynced: false, .. })));
}

#[test]
fn a_leader_counts_itself_only_when_its_disk_is_done() {
    let mut bench = Bench::ready();
    bench.ask(1, 1, write(1));
    bench.hear(B, matched(1, 0, 2));
    assert_eq!(bench.node.commit, 1);
    bench.hear(A, Message::Synced { term: 0, index: 2 });
    assert_eq!(bench.node.commit, 1, "word of an earlier term");
    bench.hear(A, Message::Synced { term: 1, index: 2 });
    assert_eq!(bench.answers(), [(id(1, 1), Reply::Written)]);
    assert!(bench.observed(Observation::Applied { key: K, value: Value(1) }));

    bench.ask(1, 2, write(2));
    bench.hear(B, matched(1, 0, 3));
    bench.hear(C, matched(1, 0, 3));
    assert_eq!(bench.answers(), [(id(1, 2), Reply::Written)], "two others are a majority without it");
}

#[test]
fn entries_of_an_earlier_term_are_committed_by_one_of_this_term_only() {
    let mut bench = Bench::leader(Options::default(), records(&[entry(0, 1), entry(0, 2)]));
    bench.hear(A, Message::Synced { term: 1, index: 3 });
    bench.hear(B, matched(1, 0, 2));
    bench.hear(C, matched(1, 0, 2));
    assert_eq!(bench.node.commit, 0, "on all three disks, and still not committed");
    bench.hear(B, matched(1, 0, 3));
    assert_eq!(bench.node.commit, 3);
}

#[test]
fn an_old_answer_does_not_take_a_match_back() {
    let mut bench = Bench::ready();
    bench.ask(1, 1, write(1));
    bench.hear(B, matched(1, 0, 2));
    bench.hear(B, matched(1, 0, 1));
    bench.hear(B, rejected(1, 0, 1, at(0, 0)));
    bench.hear(A, Message::Synced { term: 1, index: 2 });
    assert_eq!(bench.node.commit, 2);
}

#[test]
fn a_follower_answers_for_the_entries_it_was_sent_and_no_more() {
    let mut bench = Bench::new(Options::default(), records(&[entry(1, 1), entry(1, 2), entry(1, 3)]));
    bench.hear(B, append(2, at(1, 1), &[entry(1, 2)], 3));
    assert_eq!(outcome(&bench), Outcome::Matched(2), "the third may not be the leader's");
    assert_eq!(bench.node.commit, 2, "and is not committed by word of it");
    assert_eq!(bench.node.log.last().index, 3, "and is kept while nothing contradicts it");
}

#[test]
fn what_differs_is_replaced_from_there_on() {
    let mut bench = Bench::new(Options::default(), records(&[entry(1, 1), entry(1, 2), entry(1, 3)]));
    bench.hear(B, append(2, at(1, 1), &[entry(2, 8)], 0));
    assert_eq!(bench.node.log.last(), at(2, 2));
    assert!(bench.persisted().iter().any(|record| matches!(record, Record::Append { first: 2, .. })));
    let disk = [records(&[entry(1, 1), entry(1, 2), entry(1, 3)]), bench.persisted().into_iter().cloned().collect()];
    assert_eq!(Bench::new(Options::default(), disk.concat()).node.log.last(), at(2, 2), "after a restart, too");
}

#[test]
fn an_old_append_that_comes_late_undoes_nothing() {
    let mut bench = Bench::follower();
    bench.hear(B, append(1, at(0, 0), &[entry(1, 1), entry(1, 2)], 0));
    bench.hear(B, append(1, at(0, 0), &[entry(1, 1)], 0));
    assert_eq!(bench.node.log.last(), at(1, 2));
    assert!(bench.persisted().is_empty());
    assert_eq!(outcome(&bench), Outcome::Matched(2));
}

#[test]
fn appends_that_overtook_others_wait_for_them() {
    let mut bench = Bench::follower();
    bench.hear(B, append(1, at(1, 2), &[entry(1, 3)], 0));
    bench.hear(B, append(1, at(1, 1), &[entry(1, 2)], 0));
    assert_eq!(outcome(&bench), Outcome::Rejected { prev: 1, hint: at(0, 0), kept: true });
    bench.hear(B, append(1, at(0, 0), &[entry(1, 1)], 3));
    assert_eq!((outcome(&bench), bench.node.commit), (Outcome::Matched(3), 3));

    bench.hear(B, append(1, at(1, 4), &[entry(1, 5)], 0));
    bench.hear(C, append(2, at(1, 3), &[entry(2, 4)], 0));
    assert_eq!(outcome_to(&bench, C), Outcome::Matched(4), "what an earlier leader sent is forgotten with its term");
}

fn outcome_to(bench: &Bench, whom: NodeId) -> Outcome {
    match bench.sent(whom)[..] {
        [Message::Appended { outcome, .. }] => *outcome,
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_under_way_is_not_sent_again_and_what_is_lost_is() {
    let mut bench = Bench::ready();
    bench.hear(C, matched(1, 0, 1));
    bench.ask(1, 1, write(1));
    bench.fire(Timer::Heartbeat);
    let asked_for = |bench: &Bench| match bench.sent(C)[..] {
        [Message::Append(beat)] => (beat.prev.index, beat.round),
        ref other => panic!("{other:?}"),
    };
    assert_eq!(asked_for(&bench).0, 1, "the first heartbeat asks for what was sent before the last one");
    bench.fire(Timer::Heartbeat);
    let (prev, round) = asked_for(&bench);
    assert_eq!(prev, 2);
    let overtook = Outcome::Rejected { prev: 2, hint: at(1, 1), kept: true };
    bench.hear(C, Message::Appended { term: 1, round, outcome: overtook });
    assert!(bench.sent(C).is_empty(), "a younger append that found a gap may have overtaken the older");
    bench.hear(C, rejected(1, round, 2, at(1, 1)));
    assert!(
        matches!(bench.sent(C)[..], [Message::Append(append)] if append.prev == at(1, 1) && append.entries.len() == 1)
    );
    bench.hear(C, rejected(1, round, 2, at(1, 1)));
    assert!(bench.sent(C).is_empty(), "one repair for one loss");
}

#[test]
fn a_conflict_is_found_by_terms_and_not_by_steps() {
    let mine: Vec<Entry> = [1, 1, 1, 4, 4, 4].map(|term| entry(term, term)).into();
    let disk = [records(&mine), vec![Record::Term { term: 6, voted_for: None }]].concat();
    let mut bench = Bench::leader(Options::default(), disk);
    bench.hear(C, rejected(7, 0, 6, at(3, 5)));
    let [Message::Append(append)] = bench.sent(C)[..] else { panic!() };
    assert_eq!((append.prev, append.entries.len()), (at(1, 3), 4));
}

#[test]
fn a_retry_is_not_a_second_write() {
    let mut bench = Bench::ready();
    bench.ask(1, 1, write(1));
    bench.hear(A, Message::Synced { term: 1, index: 2 });
    bench.hear(B, matched(1, 0, 2));
    bench.ask(1, 1, write(1));
    assert_eq!((bench.answers(), bench.node.log.last().index), (vec![(id(1, 1), Reply::Written)], 2));
    bench.ask(1, 3, write(3));
    bench.ask(1, 3, write(3));
    bench.hear(A, Message::Synced { term: 1, index: 4 });
    bench.hear(B, matched(1, 0, 4));
    assert_eq!(bench.answers().len(), 2, "both attempts are answered");
    let applied = |effect: &&Effect<Raft>| matches!(effect, Effect::Observe(Observation::Applied { .. }));
    assert_eq!(bench.effects.iter().filter(applied).count(), 1, "and one is applied");
    assert!(bench.ask(1, 2, write(2)).is_empty(), "an operation that its client gave up is dropped");
}

#[test]
fn a_snapshot_replaces_the_log_on_disk_and_a_restart_reads_it() {
    let options = Options { snapshot_every: 2, ..Options::default() };
    let mut bench = Bench::new(options.clone(), Vec::new());
    bench.hear(B, append(1, at(0, 0), &[entry(1, 1), entry(1, 2), entry(1, 3)], 2));
    let [.., Effect::Compact { records }] = &bench.effects[..] else { panic!("{:?}", bench.effects) };
    let mut again = Bench::new(options, records.clone());
    assert_eq!((again.node.term, again.node.commit, again.node.log.last()), (1, 2, at(1, 3)));
    assert_eq!(again.node.state().copy.into_iter().collect::<Vec<_>>(), [(K, Value(2))]);
    again.hear(B, append(1, at(1, 3), &[entry(1, 2)], 4));
    assert_eq!(again.node.machine.read(K), Some(Value(3)), "sessions are in it: the retry was not applied");
}

#[test]
fn a_follower_far_behind_gets_a_snapshot_and_then_entries() {
    let disk = vec![Record::Snapshot(snapshot(at(0, 5), 5))];
    let mut bench = Bench::leader(Options::default(), disk);
    bench.hear(C, rejected(1, 0, 5, at(0, 1)));
    assert!(matches!(bench.sent(C)[..], [Message::InstallSnapshot { snapshot, .. }] if snapshot.last == at(0, 5)));
    bench.hear(C, rejected(1, 9, 5, at(0, 1)));
    assert!(bench.sent(C).is_empty(), "one is under way");
    bench.hear(C, matched(1, 0, 5));
    assert!(matches!(bench.sent(C)[..], [Message::Append(append)] if append.prev == at(0, 5)));
}

#[test]
fn a_snapshot_keeps_the_entries_after_it_only_where_the_log_has_its_last() {
    let disk = records(&[entry(1, 1), entry(1, 2), entry(1, 3)]);
    for (last, after) in [(at(1, 2), at(1, 3)), (at(2, 2), at(2, 2)), (at(2, 9), at(2, 9))] {
        let mut bench = Bench::new(Options::default(), disk.clone());
        bench.hear(B, Message::InstallSnapshot { term: 3, round: 1, snapshot: snapshot(last, 9) });
        assert_eq!((bench.node.log.last(), bench.node.commit), (after, last.index));
        assert_eq!(outcome(&bench), Outcome::Matched(last.index));
        assert!(bench.observed(Observation::Applied { key: K, value: Value(9) }));
        assert!(matches!(bench.effects[..], [.., Effect::Compact { .. }, Effect::Send { unsynced: false, .. }]));
        bench.hear(B, Message::InstallSnapshot { term: 3, round: 1, snapshot: snapshot(at(1, 1), 1) });
        assert_eq!(bench.node.machine.read(K), Some(Value(9)), "an older one changes nothing");
    }
}

#[test]
fn a_silent_follower_gets_heartbeats_and_catches_up_when_it_answers() {
    let mut bench = Bench::ready();
    for _ in 0..12 {
        bench.hear(B, matched(1, 0, 1));
        bench.fire(Timer::Heartbeat);
    }
    bench.ask(1, 1, write(1));
    assert_eq!((bench.sent(B).len(), bench.sent(C).len()), (1, 0));
    bench.hear(C, matched(1, 12, 1));
    assert!(matches!(bench.sent(C)[..], [Message::Append(append)] if append.entries.len() == 1));
}

/// Where a disk forgot its vote, a term has two leaders; where one forgot what it had acknowledged, a leader lacks what is
/// committed. Whoever sees it takes part no more.
#[test]
fn a_node_that_sees_that_a_disk_forgot_stops_for_good() {
    let is_silent = |bench: &mut Bench| {
        bench.hear(B, append(7, at(0, 0), &[], 0));
        assert!(bench.effects.is_empty());
        bench.expire();
        assert!(bench.effects.is_empty());
        bench.ask(1, 9, write(9));
        assert!(matches!(bench.effects[..], [Effect::Refuse { refusal: Refusal::Unavailable, .. }]));
        assert_eq!(bench.node.state().standing, Standing::Stranded);
    };
    let mut leader = Bench::ready();
    leader.hear(B, append(1, at(0, 0), &[], 0));
    assert!(leader.observed(Observation::SteppedDown { epoch: 1 }) && leader.sent(B).is_empty());
    is_silent(&mut leader);

    let mut follower = Bench::follower();
    follower.hear(B, append(1, at(0, 0), &[entry(1, 1)], 1));
    assert_eq!(follower.node.commit, 1);
    follower.hear(C, append(2, at(0, 0), &[entry(2, 2)], 0));
    assert!(follower.sent(C).is_empty() && follower.persisted().iter().all(|r| matches!(r, Record::Term { .. })));
    is_silent(&mut follower);
}

#[test]
fn with_disk_first_a_leader_sends_what_its_disk_has() {
    let options = Options { append: AppendOrder::DiskFirst, ..Options::default() };
    let mut bench = Bench::leader(options, records(&[entry(0, 1)]));
    let is_heartbeat = |message: &&Message| matches!(message, Message::Append(append) if append.entries.is_empty());
    assert!(bench.sent(B).iter().all(is_heartbeat) && bench.sent(B).len() == 1, "it tells at once that it leads");
    bench.hear(A, Message::Synced { term: 1, index: 2 });
    let first = |bench: &Bench, whom| match bench.sent(whom)[..] {
        [Message::Append(append)] => (append.prev, append.entries.len()),
        ref other => panic!("{other:?}"),
    };
    assert_eq!([B, C].map(|whom| first(&bench, whom)), [(at(0, 1), 1); 2]);
    for value in 1..=3 {
        bench.ask(1, value, write(value.into()));
        assert!(bench.sent(B).is_empty() && bench.sent(C).is_empty());
    }
    // A follower that asks for what it missed gets what is synced, and no more.
    bench.hear(B, matched(1, 0, 2));
    assert!(bench.sent(B).is_empty());
    bench.hear(A, Message::Synced { term: 1, index: 4 });
    assert_eq!([B, C].map(|whom| first(&bench, whom)), [(at(1, 2), 2); 2], "in one message");
    bench.hear(A, Message::Synced { term: 1, index: 5 });
    assert_eq!(first(&bench, C), (at(1, 4), 1));
}

#[test]
fn a_leader_whose_entries_wait_for_too_long_steps_down() {
    let options = || Options { commit_timeout: Some(Duration::millis(300)), ..Options::default() };
    let stepped_down = |bench: &Bench| bench.observed(Observation::SteppedDown { epoch: 1 });
    let beat = |bench: &mut Bench| {
        bench.fire(Timer::Heartbeat);
        let is_over = stepped_down(bench);
        for from in [B, C] {
            bench.hear(from, matched(1, 0, 1));
        }
        is_over
    };
    let mut bench = Bench::leader(options(), Vec::new());
    bench.hear(A, Message::Synced { term: 1, index: 1 });
    bench.hear(B, matched(1, 0, 1));
    assert!((0..20).all(|_| !beat(&mut bench)), "nothing waits");
    bench.ask(1, 1, write(1));
    assert_eq!([(); 3].map(|()| beat(&mut bench)), [false, false, true], "300 ms are three heartbeats");

    let mut bench = Bench::leader(options(), Vec::new());
    bench.hear(A, Message::Synced { term: 1, index: 1 });
    bench.hear(B, matched(1, 0, 1));
    for index in 2..20 {
        // One is committed now and then, and another waits already.
        bench.ask(1, index, write(index.into()));
        assert!(!beat(&mut bench) && !beat(&mut bench), "{index}");
        bench.hear(A, Message::Synced { term: 1, index: index.into() });
        bench.hear(B, matched(1, 0, u64::from(index)));
    }
    let mut patient = Bench::ready();
    patient.ask(1, 1, write(1));
    assert!((0..100).all(|_| !beat(&mut patient)), "without the option");
}
