//! The handlers one by one: a message in, its effects out. The first region is the hub.
//!
//! Next: `tests/properties.rs`, what holds in every history.

mod properties;

use std::collections::BTreeMap;

use super::super::{Effect, Harness, OptionsError};
use super::*;
use crate::id::{ClientId, RequestId};

const REGIONS: [&str; 3] = ["hub", "europe", "asia"];
const HUB: usize = 0;
const K: Key = Key(1);
const L: Key = Key(2);

/// A node, with its disk, and what it has wanted so far.
struct Node {
    harness: Harness<Hub>,
    node: Hub,
    disk: Vec<Record>,
    compactions: usize,
    sent: Vec<(NodeId, Message)>,
    lost: Vec<(Value, Value)>,
    answers: Vec<(RequestId, Result<Reply, Refusal>, Token)>,
}

impl Node {
    fn begin(me: u16, options: &Options, disk: Vec<Record>) -> Node {
        let mut harness = Harness::new(&REGIONS, me);
        let node = Hub::start(options, disk.clone(), &mut harness.context());
        let (sent, lost, answers) = Default::default();
        let mut begun = Node { harness, node, disk, compactions: 0, sent, lost, answers };
        begun.settle();
        begun
    }

    /// Carries out what the handlers wanted; every record is synced at once.
    fn settle(&mut self) {
        for effect in self.harness.effects() {
            match effect {
                Effect::Send { to, message, unsynced: false } => self.sent.push((to, message)),
                Effect::Reply { request, reply, session, unsynced: false } => {
                    let token = session.expect("every answer brings a token");
                    self.answers.push((request, Ok(reply), token));
                }
                Effect::Refuse { request, refusal } => {
                    self.answers.push((request, Err(refusal), Token::default()));
                }
                Effect::Persist { record } => self.disk.push(record),
                Effect::Compact { records } => {
                    self.disk = records;
                    self.compactions += 1;
                }
                Effect::Observe(Observation::Conflict { lost, kept, .. }) => self.lost.push((lost, kept)),
                Effect::Observe(Observation::Applied { .. }) | Effect::SetTimer { .. } | Effect::CancelTimer { .. } => {
                }
                other => panic!("a node never wants {other:?}"),
            }
        }
    }

    fn request(&mut self, client: u32, sequence: u32, op: Op, session: Token) {
        let id = RequestId { client: ClientId(client), sequence, entry: self.harness.context().me() };
        self.node.on_request(Request { id, op, session }, &mut self.harness.context());
        self.settle();
    }

    fn hear(&mut self, from: NodeId, message: Message) {
        self.node.on_message(from, message, &mut self.harness.context());
        self.settle();
    }

    fn fire(&mut self, timer: Timer) {
        self.node.on_timer(timer, &mut self.harness.context());
        self.settle();
    }

    fn shown(&self, key: Key) -> Option<u64> {
        self.node.shown(key).map(|value| value.0)
    }
}

/// Three regions and what is between them.
struct Network {
    options: Options,
    nodes: Vec<Node>,
    wire: Vec<(NodeId, usize, Message)>,
    /// Of each client: how often it asked, and what it carries.
    clients: BTreeMap<u32, (u32, Token)>,
}

impl Network {
    fn new(options: Options) -> Network {
        let nodes = (0..REGIONS.len() as u16).map(|me| Node::begin(me, &options, Vec::new())).collect();
        let mut network = Network { options, nodes, wire: Vec::new(), clients: BTreeMap::new() };
        network.deliver();
        network
    }

    fn tentative() -> Network {
        Network::new(Options::default())
    }

    fn confirmed() -> Network {
        Network::new(Options { acknowledge: Acknowledge::Confirmed, ..Options::default() })
    }

    /// Puts what the nodes have sent on the wire.
    fn collect(&mut self) {
        for (from, node) in self.nodes.iter_mut().enumerate() {
            let sent = std::mem::take(&mut node.sent);
            self.wire.extend(sent.into_iter().map(|(to, message)| (NodeId(from as u16), to.index(), message)));
        }
    }

    /// Delivers everything, in order, until nothing is under way.
    fn deliver(&mut self) {
        self.collect();
        while !self.wire.is_empty() {
            for (from, to, message) in std::mem::take(&mut self.wire) {
                self.nodes[to].hear(from, message);
            }
            self.collect();
        }
    }

    /// Loses all that is under way.
    fn lose(&mut self) {
        self.collect();
        self.wire.clear();
    }

    /// So much time passes, at whose end every region reports.
    fn report(&mut self) {
        for place in 1..self.nodes.len() {
            self.nodes[place].fire(Timer::Report);
        }
        self.deliver();
    }

    /// A client asks, and takes the token that comes back; `None` where there is no answer yet.
    fn ask(&mut self, client: u32, node: usize, op: Op) -> Option<Result<Reply, Refusal>> {
        let (sequence, token) = self.clients.entry(client).or_default();
        *sequence += 1;
        let (sequence, token) = (*sequence, *token);
        self.nodes[node].request(client, sequence, op, token);
        self.answer(client, node)
    }

    /// What a client is told at last.
    fn answer(&mut self, client: u32, node: usize) -> Option<Result<Reply, Refusal>> {
        let answers = &mut self.nodes[node].answers;
        let place = answers.iter().position(|(id, ..)| id.client == ClientId(client))?;
        let (_, says, token) = answers.remove(place);
        if says.is_ok() {
            self.clients.entry(client).or_default().1 = token;
        }
        Some(says)
    }

    fn write(&mut self, client: u32, node: usize, key: Key, value: u64) -> Option<Result<Reply, Refusal>> {
        self.ask(client, node, Op::Write(key, Value(value)))
    }

    fn shown(&self, key: Key) -> [Option<u64>; 3] {
        [0, 1, 2].map(|place| self.nodes[place].shown(key))
    }

    fn restart(&mut self, place: usize) {
        self.lose();
        let disk = self.nodes[place].disk.clone();
        self.nodes[place] = Node::begin(place as u16, &self.options, disk);
    }

    fn wipe(&mut self, place: usize) {
        self.lose();
        let mut node = Node::begin(place as u16, &self.options, Vec::new());
        // Chance would give it the same number outside of a world.
        node.disk = vec![Record::Life(node.node.tentative.life ^ 1)];
        self.nodes[place] = Node::begin(place as u16, &self.options, node.disk);
    }
}

const WRITTEN: Option<Result<Reply, Refusal>> = Some(Ok(Reply::Written));

#[test]
fn a_region_answers_at_once_and_everybody_gets_the_hubs_order() {
    let mut network = Network::tentative();
    assert_eq!(network.write(1, 1, K, 10), WRITTEN);
    assert_eq!(network.shown(K), [None, Some(10), None]);
    assert_eq!(network.write(2, HUB, L, 20), WRITTEN);
    network.deliver();
    assert_eq!((network.shown(K), network.shown(L)), ([Some(10); 3], [Some(20); 3]));
    let order = |place: usize| {
        let records = network.nodes[place].disk.iter();
        records.filter_map(
            |record| if let Record::Confirmed(index, w) = record { Some((*index, w.value.0)) } else { None },
        )
    };
    assert!((0..3).all(|place| order(place).eq([(1, 20), (2, 10)])));
    assert_eq!(network.nodes[1].node.tentative.len(), 0, "what is confirmed is not tentative");
    assert!(network.nodes.iter().all(|node| node.lost.is_empty()), "nobody wrote what another did");
}

#[test]
fn of_two_concurrent_writes_the_higher_stamp_stays_whichever_comes_first() {
    for late in [1, 2] {
        let mut network = Network::tentative();
        network.nodes[2].harness.pass(Duration::secs(1));
        assert_eq!((network.write(1, 1, K, 10), network.write(2, 2, K, 20)), (WRITTEN, WRITTEN));
        network.collect();
        network.wire.sort_by_key(|(from, ..)| from.index() == late);
        network.deliver();
        assert_eq!(network.shown(K), [Some(20); 3], "europe's clock was behind");
        assert!(network.nodes.iter().all(|node| node.lost == [(Value(10), Value(20))]));
    }
}

#[test]
fn what_a_region_has_seen_it_overwrites_and_nothing_is_lost_by_that() {
    let mut network = Network::tentative();
    network.nodes[1].harness.pass(Duration::secs(9));
    network.write(1, 1, K, 10);
    network.deliver();
    network.write(2, 2, K, 20); // asia's clock is behind, and it has seen the first
    network.write(2, 2, K, 21); // and its own, that nobody else has
    network.deliver();
    assert_eq!(network.shown(K), [Some(21); 3]);
    assert!(network.nodes.iter().all(|node| node.lost.is_empty()));
}

#[test]
fn a_tentative_write_that_will_lose_is_not_shown_once_its_winner_is_here() {
    let mut network = Network::tentative();
    network.nodes[2].harness.pass(Duration::secs(1));
    network.write(1, 1, K, 10);
    network.lose();
    network.write(2, 2, K, 20);
    network.deliver();
    assert_eq!((network.nodes[1].node.tentative.len(), network.shown(K)), (1, [Some(20); 3]));
}

#[test]
fn a_confirmed_write_is_answered_and_shown_when_the_order_has_it() {
    let mut network = Network::confirmed();
    assert_eq!((network.write(1, 1, K, 10), network.shown(K)), (None, [None; 3]));
    network.deliver();
    assert_eq!((network.answer(1, 1), network.shown(K)), (WRITTEN, [Some(10); 3]));
    assert_eq!(network.write(2, HUB, K, 20), WRITTEN, "the hub confirms by itself");
    // One that loses is answered too: it was in the order, and overwritten.
    network.deliver();
    network.nodes[2].harness.pass(Duration::secs(1));
    assert_eq!((network.write(1, 1, K, 30), network.write(2, 2, K, 40)), (None, None));
    network.collect();
    network.wire.reverse();
    network.deliver();
    assert_eq!((network.answer(1, 1), network.answer(2, 2)), (WRITTEN, WRITTEN));
    assert_eq!((network.shown(K), &network.nodes[HUB].lost[..]), ([Some(40); 3], &[(Value(30), Value(40))][..]));
}

#[test]
fn whoever_asks_again_waits_too_and_is_told_once_each() {
    let mut network = Network::confirmed();
    network.write(1, 1, K, 10);
    network.nodes[1].request(1, 1, Op::Write(K, Value(10)), Token::default());
    network.deliver();
    let answers: Vec<_> = network.nodes[1].answers.iter().map(|(_, says, _)| *says).collect();
    assert_eq!(answers, [Ok(Reply::Written); 2]);
    assert_eq!(network.nodes[HUB].node.store.index(), 1, "it was made once");
    // And later at once.
    network.nodes[1].request(1, 1, Op::Write(K, Value(10)), Token::default());
    assert_eq!((network.nodes[1].answers.len(), network.nodes[1].node.tentative.len()), (3, 0));
}

#[test]
fn a_write_that_two_regions_made_for_one_client_counts_once() {
    for options in [Options::default(), Network::confirmed().options] {
        let waits = options.waits();
        let mut network = Network::new(options);
        network.write(1, 1, K, 10);
        network.nodes[2].request(1, 1, Op::Write(K, Value(10)), Token::default());
        network.deliver();
        assert_eq!(network.nodes[HUB].node.store.index(), 2, "both have a place");
        network.write(2, HUB, K, 20);
        network.deliver();
        assert_eq!((network.shown(K), network.nodes[HUB].lost.len()), ([Some(20); 3], 0));
        assert!([1, 2].iter().all(|place| network.nodes[*place].node.tentative.len() == 0), "waits: {waits}");
    }
}

#[test]
fn what_comes_between_two_makings_of_a_write_is_told_to_be_lost() {
    let mut network = Network::tentative();
    network.nodes[HUB].harness.pass(Duration::secs(1));
    network.nodes[2].harness.pass(Duration::secs(2));
    network.write(1, 1, K, 10); // made before the hub's,
    network.nodes[2].request(1, 1, Op::Write(K, Value(10)), Token::default()); // and after it, without having seen it
    network.collect();
    let twice = std::mem::take(&mut network.wire);
    network.write(2, HUB, K, 20);
    network.deliver();
    assert_eq!(network.shown(K), [Some(20), Some(20), Some(10)]);
    network.write(3, 2, K, 30); // over what asia shows
    network.collect();
    network.wire.splice(0..0, twice);
    network.deliver();
    assert_eq!(network.shown(K), [Some(30); 3]);
    assert_eq!(
        network.nodes[HUB].lost,
        [(Value(10), Value(20)), (Value(20), Value(10))],
        "nobody wrote over 20 knowingly"
    );
}

#[test]
fn the_hub_forgets_what_a_client_has_given_up_if_clients_wait() {
    let mut network = Network::confirmed();
    network.nodes[1].harness.pass(Duration::secs(9));
    network.report();
    network.write(1, 1, K, 10);
    network.lose();
    network.write(1, 2, K, 11);
    network.deliver();
    assert_eq!(network.answer(1, 2), WRITTEN);
    network.report();
    network.report();
    assert_eq!(network.nodes[HUB].node.store.index(), 2, "the first has a place");
    assert_eq!((network.shown(K), network.answer(1, 1)), ([Some(11); 3], None), "and no effect, and no answer");
}

#[test]
fn what_is_lost_on_the_way_is_sent_again() {
    let mut network = Network::tentative();
    network.write(1, 1, K, 10);
    network.lose();
    network.report();
    assert_eq!(network.shown(K), [None, Some(10), None], "it may be on its way still");
    network.report();
    assert_eq!(network.shown(K), [Some(10); 3], "it was late");
    // The other way.
    network.write(2, HUB, L, 20);
    network.lose();
    network.write(2, HUB, L, 21);
    network.deliver();
    assert_eq!(network.shown(L), [Some(21), None, None], "nothing is taken after a gap");
    network.report();
    network.report();
    assert_eq!(network.shown(L), [Some(21); 3]);
}

#[test]
fn after_a_long_cut_it_takes_as_many_messages_as_there_are_stretches() {
    let mut network = Network::tentative();
    let cut = 3 * WRITES_MAX as u64 + 7;
    for value in 1..=cut {
        network.write(1, 1, Key(value as u32 % 9), value);
        network.write(2, HUB, Key(10 + value as u32 % 9), cut + value);
        network.lose();
    }
    network.report();
    network.report();
    for key in (0..9).chain(10..19) {
        let shown = network.shown(Key(key));
        assert!(shown[0].is_some() && shown.iter().all(|value| *value == shown[0]), "{key}: {shown:?}");
    }
    assert!(network.nodes.iter().all(|node| node.node.store.index() == 2 * cut && node.node.tentative.len() == 0));
}

#[test]
fn disks_keep_what_is_tentative_and_what_is_confirmed() {
    let mut network = Network::tentative();
    network.write(1, 1, K, 10);
    network.deliver();
    network.write(1, 1, K, 11);
    for place in [0, 1, 2] {
        network.restart(place);
    }
    assert_eq!(network.shown(K), [Some(10), Some(11), Some(10)]);
    network.deliver();
    network.report();
    assert_eq!(network.shown(K), [Some(11); 3]);
    network.write(1, 1, K, 12);
    network.deliver();
    assert_eq!((network.shown(K), network.nodes[HUB].node.store.index()), ([Some(12); 3], 3));
}

#[test]
fn logs_are_cut_and_begin_again_as_they_were() {
    let mut network = Network::tentative();
    network.nodes.iter_mut().for_each(|node| node.node.logged = LOG_MIN - 200); // as if it had written much
    for value in 0..300 {
        network.write(1, 1 + value as usize % 2, Key(value as u32 % 5), value);
        network.deliver();
        if value % 100 == 0 {
            network.report();
        }
    }
    network.write(1, 1, K, 1_000_000);
    for node in &network.nodes {
        assert!(node.compactions == 1 && node.disk.len() < 400, "{} records", node.disk.len());
    }
    assert!(network.nodes[HUB].node.confirming.len() < 200, "what everybody has is not kept");
    let before: Vec<_> = network.nodes.iter().map(|node| (node.node.store.snapshot(), node.node.state())).collect();
    (0..3).for_each(|place| network.restart(place));
    let after: Vec<_> = network.nodes.iter().map(|node| (node.node.store.snapshot(), node.node.state())).collect();
    assert_eq!(before, after);
    network.deliver();
    network.report();
    assert_eq!(network.shown(K), [Some(1_000_000); 3]);
}

#[test]
fn a_region_that_lost_its_disk_gets_what_was_confirmed_and_begins_to_count_anew() {
    let mut network = Network::tentative();
    for value in 1..200 {
        network.write(1, 1, Key(value as u32 % 3), value);
        network.deliver();
    }
    network.report();
    assert!(network.nodes[HUB].node.confirming.dropped() > 0);
    network.write(1, 1, L, 777);
    network.wipe(1);
    network.deliver();
    assert_eq!(network.shown(K), [Some(199); 3], "by a snapshot");
    assert_eq!(network.shown(L), [Some(197); 3], "what was tentative is gone");
    assert_eq!(network.ask(1, 2, Op::Read(L)), None, "its client has seen more than anybody shows");
    network.write(9, 1, L, 1_000);
    network.deliver();
    assert_eq!(network.shown(L), [Some(1_000); 3], "the first of another life");
    assert_eq!(network.answer(1, 2), Some(Ok(Reply::Read(Some(Value(1_000))))), "nobody waits for a disk that is lost");
}

#[test]
fn a_client_that_moves_waits_for_what_it_has_seen_or_is_sent_there() {
    let mut network = Network::tentative();
    network.write(1, 1, K, 10);
    network.lose();
    assert_eq!(network.ask(1, 2, Op::Read(K)), None);
    network.report();
    network.report();
    assert_eq!(network.answer(1, 2), Some(Ok(Reply::Read(Some(Value(10))))));
    network.write(1, 1, K, 11);
    network.lose();
    assert_eq!(network.ask(1, 2, Op::Read(K)), None);
    network.nodes[2].harness.pass(Duration::secs(1));
    network.nodes[2].fire(Timer::Patience);
    assert_eq!(network.answer(1, 2), Some(Err(Refusal::Redirect(NodeId(1)))));
    // What the hub has confirmed the hub shows.
    network.write(2, HUB, L, 20);
    network.lose();
    network.ask(2, 1, Op::Read(L));
    network.nodes[1].harness.pass(Duration::secs(1));
    network.nodes[1].fire(Timer::Patience);
    assert_eq!(network.answer(2, 1), Some(Err(Refusal::Redirect(NodeId(0)))));
}

#[test]
fn confirmed_writes_are_refused_where_the_hub_is_silent_and_tentative_ones_are_not() {
    for (mut network, says) in
        [(Network::confirmed(), Some(Err(Refusal::Unavailable))), (Network::tentative(), WRITTEN)]
    {
        network.nodes[1].harness.pass(Duration::secs(3));
        assert_eq!(network.write(1, 1, K, 10), says);
        network.report();
        let expected = if network.options.waits() { None } else { WRITTEN };
        assert_eq!(network.write(1, 1, K, 11), expected, "the hub was heard");
        network.nodes[HUB].harness.pass(Duration::secs(9));
        assert_eq!(network.write(2, HUB, K, 20), WRITTEN, "the hub hears itself");
    }
}

#[test]
fn what_is_not_a_register_is_refused() {
    let mut network = Network::tentative();
    let swap = Op::CompareAndSet { key: K, expected: None, new: Value(1) };
    assert_eq!(network.ask(1, 1, swap), Some(Err(Refusal::Unsupported)));
}

#[test]
fn options_that_cannot_be_are_refused() {
    let refused = |options: Options| Hub::seats(&options, &REGIONS).unwrap_err();
    let OptionsError { option, why } = refused(Options { hub: Some("eurpe".into()), ..Options::default() });
    assert!(option == "hub" && why.contains("did you mean `europe`"), "{why}");
    let often = refused(Options { report_every: Duration::micros(10), ..Options::default() });
    assert_eq!(often.option, "report-every");
    let silent = refused(Options { silent_after: Duration::secs(2), ..Options::default() });
    assert_eq!(silent.option, "silent-after");
    let named = Options { hub: Some("asia".into()), ..Options::default() };
    assert_eq!(Hub::seats(&named, &REGIONS).unwrap().len(), 3);
    assert_eq!(Node::begin(0, &named, Vec::new()).node.hub, NodeId(2));
}
