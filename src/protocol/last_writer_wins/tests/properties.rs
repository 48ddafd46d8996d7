//! A small network that loses, delays and reorders messages and restarts nodes, compared with brute force.

use proptest::prelude::*;

use super::*;

/// What happens next in the small network.
#[derive(Clone, Copy, Debug)]
enum Step {
    Write {
        node: usize,
        key: u32,
    },
    /// The message that has waited at this place of the wire arrives; the next in line may overtake it.
    Deliver(usize),
    Lose(usize),
    Pass {
        node: usize,
        ms: u64,
    },
    Gossip {
        node: usize,
    },
    Restart {
        node: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let node = 0..REGIONS.len();
    prop_oneof![
        4 => (node.clone(), 0..3_u32).prop_map(|(node, key)| Step::Write { node, key }),
        4 => any::<usize>().prop_map(Step::Deliver),
        2 => any::<usize>().prop_map(Step::Lose),
        2 => (node.clone(), 0..50_u64).prop_map(|(node, ms)| Step::Pass { node, ms }),
        1 => node.clone().prop_map(|node| Step::Gossip { node }),
        1 => node.prop_map(|node| Step::Restart { node }),
    ]
}

/// A write as an onlooker sees it who is everywhere at once.
struct Truth {
    key: Key,
    stamp: Stamp,
    parent: Option<Value>,
}

struct Network {
    nodes: Vec<Node>,
    wire: Vec<(NodeId, usize, Message)>,
    writes: BTreeMap<Value, Truth>,
}

impl Network {
    fn run(steps: &[Step]) -> Network {
        let nodes = (0..REGIONS.len() as u16).map(Node::new).collect();
        let mut network = Network { nodes, wire: Vec::new(), writes: BTreeMap::new() };
        for step in steps {
            network.step(*step);
        }
        network
    }

    fn step(&mut self, step: Step) {
        let waiting = self.wire.len();
        match step {
            Step::Write { node, key } => {
                let (key, value) = (Key(key), Value(self.writes.len() as u64));
                let node = &mut self.nodes[node];
                let parent = node.read(key).map(Value);
                let version = node.write(key, value.0);
                node.sent.push((None, Message::Update { key, version: version.clone() }));
                self.writes.insert(value, Truth { key, stamp: version.stamp, parent });
            }
            Step::Deliver(place) if waiting > 0 => {
                let (from, to, message) = self.wire.swap_remove(place % waiting);
                self.nodes[to].hear(from.0, message);
            }
            Step::Lose(place) if waiting > 0 => drop(self.wire.swap_remove(place % waiting)),
            Step::Deliver(_) | Step::Lose(_) => {}
            Step::Pass { node, ms } => self.nodes[node].harness.pass(Duration::millis(ms)),
            Step::Gossip { node } => {
                let node = &mut self.nodes[node];
                node.node.on_timer(Timer::Gossip, &mut node.harness.context());
                node.settle();
            }
            Step::Restart { node } => self.nodes[node].restart(),
        }
        for from in 0..self.nodes.len() {
            for (to, message) in std::mem::take(&mut self.nodes[from].sent) {
                let others = (0..self.nodes.len()).filter(|other| *other != from);
                let to = others.filter(|other| to.is_none_or(|to| to.index() == *other));
                self.wire.extend(to.map(|to| (NodeId(from as u16), to, message.clone())));
            }
        }
    }

    /// Whatever was on the wire is gone, and gossip goes around twice.
    fn heal(&mut self) {
        for _ in 0..2 {
            for first in 0..self.nodes.len() - 1 {
                let (a, b) = self.nodes.split_at_mut(first + 1);
                gossip(&mut a[first], &mut b[0]);
            }
        }
    }

    /// The writes told to be lost: a set, because more than one node may tell.
    fn told(&self) -> BTreeSet<Value> {
        self.nodes.iter().flat_map(|node| &node.lost).map(|(lost, _)| *lost).collect()
    }

    fn descends(&self, mut young: Value, old: Value) -> bool {
        while let Some(parent) = self.writes[&young].parent {
            if parent == old {
                return true;
            }
            young = parent;
        }
        false
    }
}

/// Versions as a history makes them, in which no two writes have one stamp.
fn versions() -> impl Strategy<Value = Vec<(Key, Version)>> {
    prop::collection::vec(step(), 1..60).prop_map(|steps| {
        let network = Network::run(&steps);
        network.nodes.iter().flat_map(|node| node.disk.iter().flat_map(|entries| entries.iter().cloned())).collect()
    })
}

fn merged(versions: &[(Key, Version)]) -> Store {
    let mut store = Store::default();
    for (key, version) in versions {
        store.merge(*key, version.clone());
    }
    store
}

fn contents(store: &Store) -> (Vec<(Key, Version)>, Digests) {
    (store.iter().map(|(key, version)| (key, version.clone())).collect(), store.digests())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_same_updates_in_any_order_and_number_make_the_same_copy(
        (updates, shuffled) in versions().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        split in any::<usize>(),
    ) {
        let whole = contents(&merged(&updates));
        prop_assert_eq!(&whole, &contents(&merged(&shuffled)), "in another order");
        prop_assert_eq!(&whole, &contents(&merged(&[updates.clone(), shuffled].concat())), "and once more");
        let (left, right) = updates.split_at(split % (updates.len() + 1));
        let halves = [contents(&merged(right)).0, contents(&merged(left)).0].concat();
        prop_assert_eq!(&whole, &contents(&merged(&halves)), "by way of two copies");
    }

    #[test]
    fn gossip_alone_makes_diverged_nodes_equal(steps in prop::collection::vec(step(), 1..120)) {
        let mut network = Network::run(&steps);
        network.heal();
        for node in &network.nodes[1..] {
            prop_assert_eq!(contents(&node.node.copy), contents(&network.nodes[0].node.copy));
        }
        let (a, b) = network.nodes.split_at_mut(1);
        prop_assert_eq!(gossip(&mut a[0], &mut b[0]).len(), 1, "then it is silent");
    }

    #[test]
    fn a_stamp_is_never_used_twice_and_grows_at_its_node(steps in prop::collection::vec(step(), 1..120)) {
        let network = Network::run(&steps);
        for node in 0..REGIONS.len() as u16 {
            let stamps = network.writes.values().map(|write| write.stamp).filter(|stamp| stamp.node == NodeId(node));
            prop_assert!(stamps.is_sorted_by(|a, b| a < b));
        }
    }

    /// Every write that nobody replaced knowingly and that was not kept is told, once for a set; and whatever is told
    /// has met a higher write that did not descend from it.
    #[test]
    fn the_lost_writes_told_are_the_lost_writes(steps in prop::collection::vec(step(), 1..120)) {
        let mut network = Network::run(&steps);
        network.heal();
        let told = network.told();
        let kept = network.nodes[0].node.state().copy;
        for (value, write) in &network.writes {
            let replaced = network.writes.values().any(|other| other.parent == Some(*value));
            if !replaced && kept[&write.key] != *value {
                prop_assert!(told.contains(value), "{value} was lost and nobody told");
            }
        }
        for (lost, winner) in network.nodes.iter().flat_map(|node| &node.lost) {
            let (low, high) = (&network.writes[lost], &network.writes[winner]);
            prop_assert!(low.key == high.key && low.stamp < high.stamp && !network.descends(*winner, *lost));
        }
    }

    /// Where no node writes a key twice or writes what it has heard of, all writes but one for each key are lost.
    #[test]
    fn of_purely_concurrent_writes_all_but_one_are_told_once(
        clocks in prop::array::uniform3(0..5_u64),
        keys in prop::array::uniform3(prop::collection::btree_set(0..100_u32, 0..20)),
    ) {
        let mut network = Network::run(&[]);
        for (node, (ms, keys)) in clocks.into_iter().zip(&keys).enumerate() {
            network.step(Step::Pass { node, ms });
            for key in keys {
                network.step(Step::Write { node, key: *key });
            }
        }
        network.heal();
        let told = network.told();
        let kept: BTreeSet<Value> = network.nodes[0].node.state().copy.into_values().collect();
        let expected: BTreeSet<Value> = network.writes.keys().copied().filter(|value| !kept.contains(value)).collect();
        prop_assert_eq!(told, expected);
    }
}
