//! Rules of elections.

use super::*;

fn request_vote(term: u64, last: Position) -> Message {
    Message::RequestVote { term, last }
}

/// Whether the last call gave a vote to a node.
fn voted(bench: &Bench, whom: NodeId) -> bool {
    matches!(bench.sent(whom)[..], [Message::Vote { granted: true, .. }])
}

fn disk_of(bench: &Bench) -> Vec<Record> {
    bench.persisted().into_iter().cloned().collect()
}

#[test]
fn a_node_votes_once_a_term_and_its_disk_remembers() {
    let mut bench = Bench::follower();
    bench.hear(B, request_vote(1, at(0, 0)));
    assert!(voted(&bench, B));
    let synced_first = bench.effects.iter().rposition(|effect| matches!(effect, Effect::Persist { .. }))
        < bench.effects.iter().position(|effect| matches!(effect, Effect::Send { unsynced: false, .. }));
    assert!(synced_first, "the vote is on disk before it is given: {:?}", bench.effects);
    let disk = disk_of(&bench);
    bench.hear(C, request_vote(1, at(0, 0)));
    assert!(!voted(&bench, C));
    bench.hear(B, request_vote(1, at(0, 0)));
    assert!(voted(&bench, B), "the same answer to the same candidate");

    let mut again = Bench::new(Options::default(), disk);
    again.hear(C, request_vote(1, at(0, 0)));
    assert!(!voted(&again, C), "not after a restart either");
    again.hear(C, request_vote(2, at(0, 0)));
    assert!(voted(&again, C));
}

#[test]
fn no_vote_for_a_log_that_is_behind() {
    let disk = vec![Record::Append { first: 1, entries: [entry(1, 1), entry(2, 2)][..].into() }];
    for (last, granted) in [(at(1, 9), false), (at(2, 1), false), (at(2, 2), true), (at(3, 1), true)] {
        let mut bench = Bench::new(Options::default(), disk.clone());
        bench.hear(B, request_vote(3, last));
        assert_eq!(voted(&bench, B), granted, "{last:?}");
        bench.hear(C, Message::RequestPreVote { term: 4, last });
        assert!(matches!(bench.sent(C)[..], [Message::PreVote { granted: g, .. }] if *g == granted), "{last:?}");
    }
}

#[test]
fn a_pre_vote_changes_nothing_and_is_refused_while_a_leader_is_heard() {
    let mut bench = Bench::follower();
    bench.hear(B, append(1, at(0, 0), &[], 0));
    bench.harness.pass(Duration::millis(999));
    let ask = Message::RequestPreVote { term: 2, last: at(0, 0) };
    bench.hear(C, ask.clone());
    assert!(matches!(bench.sent(C)[..], [Message::PreVote { granted: false, term: 1 }]));
    bench.harness.pass(Duration::millis(1));
    bench.hear(C, ask);
    assert!(matches!(bench.sent(C)[..], [Message::PreVote { granted: true, term: 2 }]));
    assert_eq!((bench.node.term, bench.node.leader, bench.persisted().len()), (1, Some(B), 0));
}

#[test]
fn a_pre_candidate_starts_a_term_only_with_a_majority_behind_it() {
    let mut bench = Bench::follower();
    bench.expire();
    assert!(bench.observed(Observation::Suspected));
    assert!(matches!(bench.sent(B)[..], [Message::RequestPreVote { term: 1, .. }]));
    bench.hear(A, Message::PreVote { term: 1, granted: true });
    bench.hear(A, Message::PreVote { term: 1, granted: true });
    bench.hear(B, Message::PreVote { term: 9, granted: true });
    assert_eq!(bench.node.term, 0, "votes count once a node, and for the term asked about");
    bench.hear(B, Message::PreVote { term: 1, granted: true });
    assert_eq!(bench.node.term, 1);
    assert!(matches!(bench.sent(C)[..], [Message::RequestVote { term: 1, .. }]));
    bench.expire();
    assert!(!bench.observed(Observation::Suspected), "suspicion is told once");
}

#[test]
fn a_candidate_counts_its_own_vote_when_its_disk_has_it() {
    let mut bench = Bench::new(Options { pre_vote: false, ..Options::default() }, Vec::new());
    bench.expire();
    assert!(voted(&bench, A), "by a message that waits for the disk");
    bench.hear(B, Message::Vote { term: 1, granted: true });
    assert!(!bench.observed(Observation::Leader { epoch: 1 }));
    bench.hear(A, Message::Vote { term: 1, granted: true });
    for what in [Observation::Decided { epoch: 1 }, Observation::Fenced { epoch: 1 }, Observation::Leader { epoch: 1 }]
    {
        assert!(bench.observed(what), "{what:?}");
    }
    assert!(!bench.observed(Observation::Ready { epoch: 1 }));
    bench.hear(A, Message::Synced { term: 1, index: 1 });
    bench.hear(C, matched(1, 0, 1));
    assert!(bench.observed(Observation::Ready { epoch: 1 }));
}

#[test]
fn old_votes_do_not_elect() {
    let mut bench = Bench::new(Options { pre_vote: false, ..Options::default() }, Vec::new());
    bench.expire();
    bench.expire();
    assert_eq!(bench.node.term, 2);
    bench.hear(A, Message::Vote { term: 2, granted: true });
    bench.hear(B, Message::Vote { term: 1, granted: true });
    assert!(!bench.observed(Observation::Leader { epoch: 2 }));
}

#[test]
fn with_check_quorum_a_node_that_hears_a_leader_ignores_candidates() {
    for check_quorum in [true, false] {
        let mut bench = Bench::new(Options { check_quorum, ..Options::default() }, Vec::new());
        bench.hear(B, append(1, at(0, 0), &[], 0));
        bench.hear(C, request_vote(5, at(9, 9)));
        assert_eq!(bench.node.term, if check_quorum { 1 } else { 5 });
        assert_eq!(bench.effects.is_empty(), check_quorum);
    }
}

#[test]
fn a_leader_that_no_majority_answers_steps_down() {
    for (check_quorum, steps_down) in [(true, true), (false, false)] {
        let mut bench = Bench::leader(Options { check_quorum, ..Options::default() }, Vec::new());
        for _ in 0..5 {
            bench.fire(Timer::Heartbeat);
        }
        bench.hear(C, matched(1, 1, 0));
        for beat in 0..9 {
            bench.fire(Timer::Heartbeat);
            assert!(!bench.observed(Observation::SteppedDown { epoch: 1 }), "beat {beat}: one of two was heard");
        }
        bench.fire(Timer::Heartbeat);
        assert_eq!(bench.observed(Observation::SteppedDown { epoch: 1 }), steps_down);
        let waits = bench.effects.iter().any(|e| matches!(e, Effect::SetTimer { timer: Timer::Election, .. }));
        assert_eq!(waits, steps_down, "a former leader waits for the next one");
    }
}

#[test]
fn a_heartbeat_puts_the_election_off_without_a_timer_each() {
    let mut bench = Bench::follower();
    let timeout = bench.node.timeout;
    bench.harness.pass(timeout - Duration::millis(1));
    bench.hear(B, append(1, at(0, 0), &[], 0));
    assert!(!bench.effects.iter().any(|effect| matches!(effect, Effect::SetTimer { .. })));
    bench.harness.pass(Duration::millis(1));
    bench.fire(Timer::Election);
    let rest = timeout - Duration::millis(1);
    let [Effect::SetTimer { timer: Timer::Election, after }] = bench.effects[..] else { panic!("{:?}", bench.effects) };
    assert_eq!(after, rest);
    bench.harness.pass(rest);
    bench.fire(Timer::Election);
    assert!(bench.observed(Observation::Suspected));
}

#[test]
fn an_old_leader_learns_that_its_term_is_over() {
    let mut bench = Bench::follower();
    bench.hear(C, request_vote(5, at(0, 0)));
    bench.hear(B, append(4, at(0, 0), &[entry(4, 1)], 1));
    assert!(matches!(bench.sent(B)[..], [Message::Appended { term: 5, .. }]));
    assert_eq!(bench.node.log.last(), at(0, 0));
}

#[test]
fn the_named_region_campaigns_at_the_very_first_start_only() {
    let options = Options { leader: Some("a".into()), ..Options::default() };
    let first = Bench::new(options.clone(), Vec::new());
    assert!(matches!(first.sent(B)[..], [Message::RequestVote { term: 1, .. }]));
    let again = Bench::new(options, disk_of(&first));
    assert!(again.sent(B).is_empty());
    let other = Bench::new(Options { leader: Some("b".into()), ..Options::default() }, Vec::new());
    assert!(other.sent(B).is_empty());
}
