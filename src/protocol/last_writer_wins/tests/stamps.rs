//! Stamps of clients, and equal stamps.

use proptest::prelude::*;

use super::*;

/// A node whose clients stamp, and whatever they say is believed.
fn believing(me: u16, tie: Tie) -> Node {
    Node::with(me, Options { stamps: Stamps::Client, clock: StampClock::Wall, tie, ..Options::default() })
}

fn at(ms: u64) -> Time {
    Time::ZERO + Duration::millis(ms)
}

impl Node {
    /// A client writes, and its clock shows this; gives what was broadcast, if anything was.
    fn write_at(&mut self, ms: u64, value: u64) -> Option<Version> {
        self.node.options.stamps = Stamps::Client;
        assert_eq!(self.ask_at(at(ms), Op::Write(K, Value(value))), Ok(Reply::Written));
        self.sent.pop().map(|(_, message)| match message {
            Message::Update { version, .. } => version,
            other => panic!("a write is broadcast, not {other:?}"),
        })
    }
}

#[test]
fn a_client_carries_what_its_clock_showed_and_only_where_clients_stamp() {
    for (stamps, carried) in [(Stamps::Client, at(7)), (Stamps::Coordinator, Time::ZERO)] {
        let mut session = Time::ZERO;
        LastWriterWins::begins(&Options { stamps, ..Options::default() }, &mut session, at(7));
        assert_eq!(session, carried);
    }
    let mut node = believing(1, Tie::Node);
    node.harness.pass(Duration::secs(9));
    let written = node.write_at(7, 1).unwrap();
    assert_eq!(written.stamp, Stamp { physical: at(7), logical: 0, node: NodeId(1) });
}

/// What a node stamps anew and above, a client has stamped once: whatever came in between stays.
#[test]
fn a_request_that_comes_late_or_again_elsewhere_brings_nothing_back() {
    for tie in [Tie::Node, Tie::Value] {
        let (mut a, mut b) = (believing(0, tie), believing(1, tie));
        let old = a.write_at(10, 1).unwrap();
        let new = a.write_at(20, 2).unwrap();
        assert_eq!(a.write_at(10, 1).map(|again| again.stamp), Some(old.stamp), "the same write");
        b.update(K, &new);
        let elsewhere = b.write_at(10, 1).unwrap();
        a.update(K, &elsewhere);
        assert_eq!((a.read(K), b.read(K)), (Some(2), Some(2)), "{tie:?}");
        assert!(a.lost.is_empty() && b.lost.is_empty(), "it was replaced, not lost");
    }
    let (mut a, mut b) = (Node::new(0), Node::new(1));
    let new = (a.write(K, 1), a.write(K, 2)).1;
    b.update(K, &new);
    let anew = b.write(K, 1);
    a.update(K, &anew);
    assert_eq!(a.read(K), Some(1), "a coordinator stamps it anew");
}

#[test]
fn a_client_that_is_behind_is_thanked_and_its_write_is_gone() {
    let mut node = believing(0, Tie::Node);
    node.write_at(5_000, 1);
    assert_eq!(node.read(K), Some(1));
    let disk = node.disk.len();
    node.write_at(4_000, 2);
    assert_eq!((node.read(K), node.disk.len()), (Some(1), disk), "it does not even read what it wrote");
    assert!(node.lost.is_empty(), "its node knew what beats it: nobody is told");
    assert_eq!(node.ask_at(at(3_000), swap(Some(1), 3)), Ok(Reply::Written), "it found what it expected");
    assert_eq!(node.read(K), Some(1), "and changed nothing");
}

#[test]
fn a_client_too_far_ahead_is_refused_until_its_nodes_clock_has_caught_up() {
    let options = Options { stamps: Stamps::Client, ..Options::default() };
    let mut node = Node::with(0, options.clone());
    assert_eq!(node.ask_at(at(501), Op::Write(K, Value(1))), Err(Refusal::Unavailable));
    assert_eq!(node.ask_at(at(501), swap(None, 1)), Err(Refusal::Unavailable));
    assert!(node.sent.is_empty() && node.disk.is_empty(), "it left nothing");
    node.harness.pass(Duration::millis(1));
    assert_eq!(node.ask_at(at(501), Op::Write(K, Value(1))), Ok(Reply::Written));
    assert_eq!(node.ask_at(at(9_999), Op::Write(K, Value(1))), Ok(Reply::Written), "it is in place");
    assert_eq!(node.ask_at(at(9_999), Op::Read(K)), Ok(Reply::Read(Some(Value(1)))), "a read is at no time");
    let mut other = Node::with(1, options);
    let far = node.sent.iter().find_map(|(_, message)| match message {
        Message::Update { version, .. } => Some(version.clone()),
        _ => None,
    });
    other.update(K, &far.unwrap());
    assert_eq!(other.read(K), None, "another node holds it against its own clock");
    let mut trusting = believing(2, Tie::Node);
    trusting.write_at(9_999_999, 1);
    assert_eq!(trusting.read(K), Some(1), "or against none");
}

#[test]
fn equal_times_are_decided_by_the_node_or_by_the_value() {
    for (tie, kept) in [(Tie::Node, 1), (Tie::Value, 2)] {
        let (mut low, mut high) = (believing(0, tie), believing(1, tie));
        let (larger, smaller) = (low.write_at(5, 2).unwrap(), high.write_at(5, 1).unwrap());
        low.update(K, &smaller);
        high.update(K, &larger);
        assert_eq!((low.read(K), high.read(K)), (Some(kept), Some(kept)), "{tie:?}");
        let lost = vec![(Value(3 - kept), Value(kept))];
        assert_eq!((&low.lost, &high.lost), (&lost, &lost), "either way it is a conflict");
    }
    for clock in [StampClock::Hybrid, StampClock::Wall] {
        let options = Options { clock, tie: Tie::Value, ..Options::default() };
        let (mut low, mut high) = (Node::with(0, options.clone()), Node::with(1, options));
        high.write(Key(9), 9); // one write more is no reason
        let (larger, smaller) = (low.write(K, 2), high.write(K, 1));
        low.update(K, &smaller);
        high.update(K, &larger);
        let kept = if clock == StampClock::Wall { 2 } else { 1 };
        assert_eq!(
            (low.read(K), high.read(K)),
            (Some(kept), Some(kept)),
            "a hybrid clock's count is a part of its time"
        );
    }
}

/// Two clients of a region begin at one instant, and ask one node: that is no reason to keep what came first here, and what came last there.
#[test]
fn two_writes_of_one_time_at_one_node_are_ranked_by_value() {
    for tie in [Tie::Node, Tie::Value] {
        let (mut here, mut there) = (believing(0, tie), believing(1, tie));
        let (one, two) = (here.write_at(5, 1).unwrap(), here.write_at(5, 2).unwrap());
        there.update(K, &two);
        there.update(K, &one);
        assert_eq!((here.read(K), there.read(K)), (Some(2), Some(2)), "{tie:?}");
        assert_eq!(gossip(&mut here, &mut there).len(), 1, "nothing differs");
    }
}

#[test]
fn a_write_that_two_nodes_took_is_one_where_values_decide() {
    let (mut a, mut b) = (believing(0, Tie::Value), believing(1, Tie::Value));
    let (here, there) = (a.write_at(5, 1).unwrap(), b.write_at(5, 1).unwrap());
    assert_ne!(here.stamp.node, there.stamp.node);
    assert_eq!(a.node.copy.rank(&here), b.node.copy.rank(&there));
    assert_eq!(gossip(&mut a, &mut b).len(), 1, "nothing differs");
}

#[test]
fn a_rank_with_a_value_is_as_much_longer_on_the_wire() {
    for (tie, entry) in [(Tie::Node, 18), (Tie::Value, 26)] {
        let options = Options { tie, ..Options::default() };
        let (mut a, mut b) = (Node::with(0, options.clone()), Node::with(1, options));
        a.write(K, 1);
        let exchanged = gossip(&mut b, &mut a);
        assert_eq!(exchanged[1].bytes(), 16 + 8 + entry);
        assert_eq!(b.read(K), Some(1));
    }
}

#[test]
fn who_stamps_and_what_decides_are_read_as_documented() {
    let read = |text| toml::from_str::<Options>(text);
    assert_eq!(
        (Options::default().stamps, Options::default().tie),
        (Stamps::Coordinator, Tie::Node),
        "what it was before there was a choice"
    );
    let options = read("stamps = \"client\"\ntie = \"value\"").unwrap();
    assert_eq!((options.stamps, options.tie), (Stamps::Client, Tie::Value));
    assert!(read("stamps = \"server\"").unwrap_err().to_string().contains("expected `coordinator` or `client`"));
    assert!(read("tie = \"region\"").unwrap_err().to_string().contains("expected `node` or `value`"));
}

#[test]
fn what_clients_stamp_is_claimed_to_converge_and_no_more() {
    let claimed = |clock, stamps, tie| {
        let claims = LastWriterWins::claims(&Options { clock, stamps, tie, ..Options::default() });
        claims.iter().map(|claim| (claim.guarantee, claim.covers(FaultKind::ClockStep))).collect::<Vec<_>>()
    };
    for tie in [Tie::Node, Tie::Value] {
        let bounded = claimed(StampClock::Hybrid, Stamps::Client, tie);
        assert_eq!(bounded, [(Guarantee::Convergence, false)], "a node's clock may refuse what another's took");
        assert_eq!(claimed(StampClock::Wall, Stamps::Client, tie), [(Guarantee::Convergence, true)]);
        let default = claimed(StampClock::Hybrid, Stamps::Coordinator, Tie::Node);
        assert_eq!(claimed(StampClock::Hybrid, Stamps::Coordinator, tie), default);
    }
}

/// A client's request reaches a node: the same operation may reach several, and any of them twice.
#[derive(Clone, Copy, Debug)]
struct Asked {
    node: usize,
    operation: usize,
    heard_by: usize,
}

fn asked() -> impl Strategy<Value = Asked> {
    (0..3_usize, 0..6_usize, 0..8_usize).prop_map(|(node, operation, heard_by)| Asked { node, operation, heard_by })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever came where, how often and in which order: once gossip has gone around, every copy holds the one that ranks highest of
    /// all that were taken, and by what clients carried alone where values decide.
    #[test]
    fn copies_hold_the_highest_of_what_was_asked(
        times in prop::array::uniform6(0..3_u64),
        asked in prop::collection::vec(asked(), 1..30),
        by_value in any::<bool>(),
    ) {
        let tie = if by_value { Tie::Value } else { Tie::Node };
        let mut nodes = [0, 1, 2].map(|me| believing(me, tie));
        let mut taken = Vec::new();
        for Asked { node, operation, heard_by } in &asked {
            // What is in place is not taken again.
            let Some(version) = nodes[*node].write_at(times[*operation], *operation as u64) else { continue };
            taken.push((times[*operation], if by_value { 0 } else { *node }, *operation));
            for (place, other) in nodes.iter_mut().enumerate().filter(|(place, _)| place != node) {
                if heard_by >> place & 1 == 1 {
                    other.update(K, &version);
                }
            }
        }
        for (first, second) in [(0, 1), (1, 2), (0, 1), (1, 2)] {
            let (left, right) = nodes.split_at_mut(second);
            gossip(&mut left[first], &mut right[0]);
        }
        let highest = taken.into_iter().max().map(|(.., operation)| operation as u64);
        for node in &mut nodes {
            prop_assert_eq!(node.read(K), highest);
        }
    }
}
