//! Rows: what was put together is seen together.

use proptest::prelude::*;

use super::*;
use crate::op::{Columns, Row};
use crate::rng::Stream;

const BOTH: Columns = Columns::first(2);

impl Node {
    /// Puts these columns, and gives what was sent.
    fn put(&mut self, columns: Columns, name: u64) -> Vec<Message> {
        assert_eq!(self.ask(Op::Put { key: K, columns, name: Value(name) }), Ok(Reply::Written));
        self.sent.drain(..).map(|(_, message)| message).collect()
    }

    fn row(&mut self) -> Row {
        match self.ask(Op::ReadRow { key: K, columns: BOTH }) {
            Ok(Reply::Row(row)) => row,
            other => panic!("a row is answered, not {other:?}"),
        }
    }

    /// The names of the puts that its columns show; 0 where there is none.
    fn names(&mut self) -> [u64; 2] {
        let row = self.row();
        [0, 1].map(|column| row.get(column).map_or(0, |value| value.0 - u64::from(column)))
    }
}

#[test]
fn a_put_goes_in_one_message_and_one_record_and_is_read_back() {
    let (mut a, mut b) = (Node::new(0), Node::new(1));
    assert_eq!(a.names(), [0, 0]);
    let sent = a.put(BOTH, 10);
    let [message] = &sent[..] else { panic!("one message, not {sent:?}") };
    assert_eq!(a.disk.len(), 1);
    b.hear(0, message.clone());
    assert_eq!((a.names(), b.names()), ([10, 10], [10, 10]));
    let again = b.put(BOTH, 10);
    assert!(again.is_empty(), "who has it already writes nothing: {again:?}");
    a.restart();
    assert_eq!(a.names(), [10, 10]);
    assert_eq!(message.bytes(), 16 + 2 * (4 + 8 + 14));
}

#[test]
fn each_column_has_its_own_winner_and_loser() {
    let (mut a, mut b) = (Node::new(0), Node::new(1));
    let one = a.put(Columns::only(0), 10);
    let other = b.put(Columns::only(1), 20);
    other.into_iter().for_each(|message| a.hear(1, message));
    one.into_iter().for_each(|message| b.hear(0, message));
    assert_eq!((a.names(), b.names()), ([10, 20], [10, 20]));
    assert!(a.lost.is_empty() && b.lost.is_empty());
}

#[test]
fn a_row_with_one_stamp_has_one_winner() {
    let whole = Options { granularity: Granularity::Row, ..Options::default() };
    let (mut a, mut b) = (Node::with(0, whole.clone()), Node::with(1, whole));
    let first = a.put(BOTH, 10);
    first.into_iter().for_each(|message| b.hear(0, message));
    let (one, other) = (a.put(Columns::only(0), 20), b.put(Columns::only(1), 30));
    other.into_iter().for_each(|message| a.hear(1, message));
    one.into_iter().for_each(|message| b.hear(0, message));
    assert_eq!((a.names(), b.names()), ([10, 30], [10, 30]), "what b knew of the first column is there again");
    let loses = |node: &Node, value| node.lost.iter().any(|(lost, _)| *lost == Value(value));
    assert!(loses(&a, 20) && loses(&b, 20), "and that is told");
    assert_eq!(a.node.state(), b.node.state());
}

#[test]
fn what_a_column_is_put_back_to_may_be_nothing() {
    let whole = Options { granularity: Granularity::Row, ..Options::default() };
    let (mut a, mut b) = (Node::with(0, whole.clone()), Node::with(1, whole));
    let one = a.put(Columns::only(0), 10);
    let other = b.put(Columns::only(1), 20);
    other.into_iter().for_each(|message| a.hear(1, message));
    one.into_iter().for_each(|message| b.hear(0, message));
    assert_eq!((a.names(), b.names()), ([0, 20], [0, 20]));
    assert!(a.lost.iter().any(|(lost, _)| *lost == Value(10)));
    assert_eq!(a.node.state().copy.len(), 1, "a column without a value is not in the copy");
}

#[test]
fn a_repair_of_one_column_brings_all_that_were_put_with_it() {
    let (mut a, mut b) = (Node::new(0), Node::new(1));
    a.put(BOTH, 10);
    a.put(Columns::only(1), 20);
    let newer = a.node.copy.whole([K.cell(0)]);
    assert_eq!(newer.len(), 2);
    b.hear(0, Message::Repair { newer, wanted: Vec::new() });
    assert_eq!(b.names(), [10, 20]);
    // Each alone where nothing holds them together.
    let (mut c, mut d) = (Node::with(0, Options { ship: Ship::ItemByItem, ..Options::default() }), Node::new(1));
    let sent = c.put(BOTH, 30);
    assert_eq!(sent.len(), 2);
    d.hear(0, sent[1].clone());
    assert_eq!((d.names(), c.node.copy.whole([K.cell(0)]).len()), ([0, 30], 1));
}

#[test]
fn of_a_row_all_is_taken_or_nothing() {
    let (mut ahead, mut b) = (Node::with(0, Options::default()), Node::with(1, Options::default()));
    let first = ahead.put(BOTH, 10);
    ahead.harness.pass(Duration::secs(5));
    ahead.put(Columns::only(0), 20);
    let newer = ahead.node.copy.whole([K.cell(0), K.cell(1)]);
    b.hear(0, Message::Repair { newer: newer.clone(), wanted: Vec::new() });
    assert_eq!(b.names(), [0, 0], "its second column without the first would be part of a put");
    first.into_iter().for_each(|message| b.hear(0, message));
    assert_eq!(b.names(), [10, 10]);
    b.harness.pass(Duration::secs(5));
    b.hear(0, Message::Repair { newer, wanted: Vec::new() });
    assert_eq!(b.names(), [20, 10]);
}

#[test]
fn equal_times_that_values_decide_may_mix_two_writers() {
    let by_value = Options { tie: Tie::Value, stamps: Stamps::Client, clock: StampClock::Wall, ..Options::default() };
    let mixed = (1..20).filter(|nth| {
        let mut a = Node::with(0, by_value.clone());
        a.put(BOTH, 100);
        a.put(BOTH, 100 + 4 * nth);
        let names = a.names();
        names[0] != names[1]
    });
    let mixed = mixed.count();
    assert!((4..16).contains(&mixed), "{mixed} of 19, by chance one half");
}

#[test]
fn a_row_that_goes_by_one_stamp_goes_whole() {
    let options = Options { granularity: Granularity::Row, ship: Ship::ItemByItem, ..Options::default() };
    let problem = LastWriterWins::seats(&options, &REGIONS).unwrap_err();
    assert_eq!(problem.option, "ship");
}

proptest! {
    /// Whatever is lost, doubled, late or repaired, and whoever crashes: nobody shows a part of a put.
    #[test]
    fn nobody_ever_shows_a_part_of_a_put(seed in any::<u64>(), is_row in any::<bool>()) {
        let granularity = if is_row { Granularity::Row } else { Granularity::Column };
        let options = Options { granularity, ..Options::default() };
        let mut nodes: Vec<Node> = (0..3).map(|me| Node::with(me, options.clone())).collect();
        let (mut stream, mut on_the_way, mut whole, mut name) = (Stream::new(seed, "rows"), Vec::new(), BTreeSet::from([0]), 0);
        for _ in 0..120 {
            let at = stream.below(3) as usize;
            match stream.below(8) {
                0..3 => {
                    name += 4;
                    let columns = if stream.below(2) == 0 { BOTH } else { Columns::only(stream.below(2) as u8) };
                    if columns == BOTH {
                        whole.insert(name);
                    }
                    let sent = nodes[at].put(columns, name);
                    on_the_way.extend(sent.into_iter().map(|message| (at, message)));
                }
                3..6 if !on_the_way.is_empty() => {
                    let (from, message) = on_the_way[stream.below(on_the_way.len() as u64) as usize].clone();
                    if from != at {
                        nodes[at].hear(from as u16, message);
                    }
                }
                6 => {
                    let [first, second] = [at, (at + 1) % 3];
                    let (low, high) = (first.min(second), first.max(second));
                    let (left, right) = nodes.split_at_mut(high);
                    gossip(&mut left[low], &mut right[0]);
                }
                _ => nodes[at].harness.pass(Duration::millis(stream.below(900))),
            }
            // A put of both is there in both, or what is there in its place came later: a put of that column alone.
            let [one, other] = nodes[at].names();
            prop_assert!(one == other || !(whole.contains(&one) && whole.contains(&other)), "{one} beside {other}");
        }
    }
}
