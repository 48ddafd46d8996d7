//! A small network that loses, delays, repeats and reorders messages and restarts nodes, compared with brute force.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// What happens next in the small network.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A client, with its token, asks a node; it writes this key, or reads it.
    Ask {
        client: usize,
        node: usize,
        key: u32,
        writes: bool,
    },
    /// The message that has waited at this place of the wire arrives, and perhaps waits there again.
    Deliver {
        place: usize,
        again: bool,
    },
    Lose(usize),
    Pass {
        node: usize,
        ms: u64,
    },
    Fire {
        node: usize,
        timer: Timer,
    },
    Restart {
        node: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let node = 0..REGIONS.len();
    let timer = prop_oneof![Just(Timer::Gossip), Just(Timer::Ask), Just(Timer::Patience)];
    prop_oneof![
        6 => (0..3_usize, node.clone(), 0..3_u32, any::<bool>())
            .prop_map(|(client, node, key, writes)| Step::Ask { client, node, key, writes }),
        6 => (any::<usize>(), prop::bool::weighted(0.2)).prop_map(|(place, again)| Step::Deliver { place, again }),
        2 => any::<usize>().prop_map(Step::Lose),
        2 => (node.clone(), 0..600_u64).prop_map(|(node, ms)| Step::Pass { node, ms }),
        2 => (node.clone(), timer).prop_map(|(node, timer)| Step::Fire { node, timer }),
        1 => node.prop_map(|node| Step::Restart { node }),
    ]
}

/// A write as an onlooker sees it who is everywhere at once.
struct Truth {
    write: Arc<Write>,
    /// What its client had read or written before.
    client_past: BTreeSet<Value>,
}

/// A client as an onlooker sees it.
#[derive(Default)]
struct Story {
    client: Client,
    sequence: u32,
    waits_at: Option<(usize, Op)>,
    past: BTreeSet<Value>,
    last: BTreeMap<Key, Value>,
}

struct Network {
    nodes: Vec<Node>,
    wire: Vec<(NodeId, usize, Message)>,
    stories: Vec<Story>,
    writes: BTreeMap<Value, Truth>,
    values: u64,
}

impl Network {
    fn run(steps: &[Step]) -> Network {
        let nodes = (0..REGIONS.len() as u16).map(Node::new).collect();
        let story = |id| Story { client: Client { id: ClientId(id), token: Clock::default() }, ..Story::default() };
        let stories = (0..3).map(story).collect();
        let mut network = Network { nodes, wire: Vec::new(), stories, writes: BTreeMap::new(), values: 0 };
        for step in steps {
            network.step(*step);
        }
        network
    }

    fn step(&mut self, step: Step) {
        let waiting = self.wire.len();
        match step {
            Step::Ask { client, node, key, writes } => self.ask(client, node, Key(key), writes),
            Step::Deliver { place, again } if waiting > 0 => {
                let (from, to, message) = self.wire.swap_remove(place % waiting);
                if again {
                    self.wire.push((from, to, message.clone()));
                }
                self.nodes[to].hear(from.0, message);
            }
            Step::Lose(place) if waiting > 0 => drop(self.wire.swap_remove(place % waiting)),
            Step::Deliver { .. } | Step::Lose(_) => {}
            Step::Pass { node, ms } => self.nodes[node].harness.pass(Duration::millis(ms)),
            Step::Fire { node, timer } => self.nodes[node].fire(timer),
            Step::Restart { node } => {
                self.nodes[node].restart();
                for story in &mut self.stories {
                    story.waits_at.take_if(|(at, _)| *at == node);
                }
            }
        }
        self.collect();
    }

    fn ask(&mut self, client: usize, node: usize, key: Key, writes: bool) {
        let story = &mut self.stories[client];
        if story.waits_at.is_some() {
            return; // one request at a time
        }
        story.sequence += 1;
        self.values += 1;
        let op = if writes { Op::Write(key, Value(self.values)) } else { Op::Read(key) };
        story.waits_at = Some((node, op));
        let token = story.client.token.clone();
        self.nodes[node].request(story.client.id, story.sequence, op, &token);
    }

    /// What the nodes want is put on the wire, and what they say is told to the clients.
    fn collect(&mut self) {
        for from in 0..self.nodes.len() {
            for (to, message) in std::mem::take(&mut self.nodes[from].sent) {
                if let (None, Message::Write(write)) = (to, &message) {
                    let client_past = self.stories[write.client.index()].past.clone();
                    let truth = Truth { write: write.clone(), client_past };
                    assert!(self.writes.insert(write.value, truth).is_none(), "{} is made once", write.value);
                }
                let others = (0..self.nodes.len()).filter(|other| *other != from);
                let to = others.filter(|other| to.is_none_or(|to| to.index() == *other));
                self.wire.extend(to.map(|to| (NodeId(from as u16), to, message.clone())));
            }
        }
        for from in 0..self.nodes.len() {
            for (client, says, token) in std::mem::take(&mut self.nodes[from].answers) {
                self.told(client, says, token);
            }
        }
    }

    fn told(&mut self, client: ClientId, says: Result<Reply, Refusal>, token: Clock) {
        let story = &mut self.stories[client.index()];
        let Some((_, op)) = story.waits_at.take() else { panic!("{client} did not ask") };
        let Ok(reply) = says else { return };
        let value = match reply {
            Reply::Read(value) => value,
            _ => op.written(),
        };
        assert!(token.covers(&story.client.token), "a token only grows");
        story.client.token = token;
        // What it knew of the key must be known to what it is told now.
        if let Some(last) = story.last.get(&op.key()) {
            let [Some(before), Some(now)] =
                [Some(*last), value].map(|value| value.map(|value| &self.writes[&value].write))
            else {
                panic!("{client} was told of {last} before, and now of nothing");
            };
            assert!(now.stamp >= before.stamp, "{client} went back from {before:?} to {now:?}");
        }
        if let Some(value) = value {
            story.past.insert(value);
            story.past.extend(&self.writes[&value].client_past);
            story.last.insert(op.key(), value);
        }
    }

    /// Whatever was on the wire is gone, and gossip goes around: twice, and twice again for what was asked before and is carried
    /// out only now.
    fn heal(&mut self) {
        for _ in 0..4 {
            for first in 0..self.nodes.len() - 1 {
                let (a, b) = self.nodes.split_at_mut(first + 1);
                gossip(&mut a[first], &mut b[0]);
                self.collect();
            }
        }
        self.wire.clear();
    }

    /// The writes told to be lost: a set, because more than one node may tell.
    fn told_lost(&self) -> BTreeSet<Value> {
        self.nodes.iter().flat_map(|node| &node.lost).map(|(lost, _)| *lost).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Each copy is causally closed at every step: what it shows has its whole past beside it, as clients know the past.
    #[test]
    fn no_copy_shows_an_effect_without_its_cause(steps in prop::collection::vec(step(), 1..120)) {
        let mut network = Network::run(&[]);
        for step in steps {
            network.step(step);
            for node in &network.nodes {
                for held in node.node.store.iter() {
                    for cause in &network.writes[&held.value].client_past {
                        let cause = &network.writes[cause].write;
                        let shown = node.node.store.get(cause.key);
                        prop_assert!(shown.is_some_and(|shown| shown.stamp >= cause.stamp), "{held:?} without {cause:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn gossip_alone_makes_diverged_nodes_equal(steps in prop::collection::vec(step(), 1..120)) {
        let mut network = Network::run(&steps);
        network.heal();
        for node in &network.nodes[1..] {
            prop_assert_eq!(node.node.store.snapshot(), network.nodes[0].node.store.snapshot());
        }
        for node in &network.nodes {
            prop_assert!(node.node.early.is_empty() && node.node.waiting.is_empty(), "everybody is answered");
        }
        let (a, b) = network.nodes.split_at_mut(1);
        prop_assert_eq!(gossip(&mut a[0], &mut b[0]), 1, "then it is silent");
    }

    /// Every write that no write after it knew, and that is not the one kept in the end, is told to be lost; and whatever is told
    /// met a higher write of its key that did not know it.
    #[test]
    fn the_lost_writes_told_are_the_lost_writes(steps in prop::collection::vec(step(), 1..120)) {
        let mut network = Network::run(&steps);
        network.heal();
        let told = network.told_lost();
        let kept = network.nodes[0].node.state().copy;
        for (value, Truth { write, .. }) in &network.writes {
            let mut others = network.writes.values().map(|truth| &truth.write);
            let is_replaced = others.any(|other| {
                other.key == write.key && other.value != *value && other.clock.of(write.origin()) >= write.number()
            });
            if !is_replaced && kept[&write.key] != *value {
                prop_assert!(told.contains(value), "{value} was lost and nobody told");
            }
        }
        for (lost, winner) in network.nodes.iter().flat_map(|node| &node.lost) {
            let (low, high) = (&network.writes[lost].write, &network.writes[winner].write);
            prop_assert!(low.key == high.key && low.stamp < high.stamp);
            prop_assert!(high.clock.of(low.origin()) < low.number(), "{winner} was made in the knowledge of {lost}");
        }
    }

    #[test]
    fn a_number_is_never_used_twice_and_a_restart_forgets_nothing(steps in prop::collection::vec(step(), 1..120)) {
        let mut network = Network::run(&steps);
        let names: BTreeSet<_> = network.writes.values().map(|truth| (truth.write.origin(), truth.write.number())).collect();
        prop_assert_eq!(names.len(), network.writes.len());
        for node in &mut network.nodes {
            let before = node.node.store.snapshot();
            node.restart();
            prop_assert_eq!(node.node.store.snapshot(), before);
        }
    }
}
