//! A small network that loses, repeats and reorders messages and restarts nodes, and what holds in it whatever happens.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// What happens next in the small network.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A client, with its token, asks a node; it writes this key, or reads it.
    Ask { client: u32, node: usize, key: u32, writes: bool },
    /// A client that has no answer asks another node the same.
    AskAgain { client: u32, node: usize },
    /// The message that has waited at this place of the wire arrives, and perhaps waits there again.
    Deliver { place: usize, again: bool },
    /// It is lost.
    Lose(usize),
    /// A node's clock goes on.
    Pass { node: usize, ms: u64 },
    /// A timer fires.
    Fire { node: usize, timer: Timer },
    /// A node crashes, and begins again on its disk.
    Restart { node: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let node = 0..REGIONS.len();
    let timer = prop_oneof![3 => Just(Timer::Report), 1 => Just(Timer::Patience)];
    prop_oneof![
        6 => (0..3_u32, node.clone(), 0..2_u32, any::<bool>())
            .prop_map(|(client, node, key, writes)| Step::Ask { client, node, key, writes }),
        1 => (0..3_u32, node.clone()).prop_map(|(client, node)| Step::AskAgain { client, node }),
        8 => (any::<usize>(), prop::bool::weighted(0.2)).prop_map(|(place, again)| Step::Deliver { place, again }),
        2 => any::<usize>().prop_map(Step::Lose),
        2 => (node.clone(), 0..600_u64).prop_map(|(node, ms)| Step::Pass { node, ms }),
        3 => (1..REGIONS.len(), timer).prop_map(|(node, timer)| Step::Fire { node, timer }),
        1 => node.prop_map(|node| Step::Restart { node }),
    ]
}

/// What an onlooker sees who is everywhere at once.
#[derive(Default)]
struct Story {
    /// What each client waits for, and where it asked.
    open: BTreeMap<u32, (BTreeSet<usize>, Op)>,
    /// Writes that were acknowledged.
    done: BTreeSet<Value>,
    /// What each client that gave up asked for, or asked of two nodes.
    doubtful: BTreeSet<Value>,
    /// What each client knows to be written of each key: the values that it wrote or read, in order.
    known: BTreeMap<(u32, Key), Vec<Value>>,
    values: u64,
}

struct World {
    network: Network,
    story: Story,
}

impl World {
    fn run(options: Options, steps: &[Step]) -> World {
        let mut world = World { network: Network::new(options), story: Story::default() };
        steps.iter().for_each(|step| world.step(*step));
        world
    }

    fn step(&mut self, step: Step) {
        let waiting = self.network.wire.len();
        match step {
            Step::Ask { client, node, key, writes } => self.ask(client, node, Key(key), writes),
            Step::AskAgain { client, node } => self.ask_again(client, node),
            Step::Deliver { place, again } if waiting > 0 => {
                let (from, to, message) = self.network.wire.swap_remove(place % waiting);
                if again {
                    self.network.wire.push((from, to, message.clone()));
                }
                self.network.nodes[to].hear(from, message);
            }
            Step::Lose(place) if waiting > 0 => drop(self.network.wire.swap_remove(place % waiting)),
            Step::Deliver { .. } | Step::Lose(_) => {}
            Step::Pass { node, ms } => self.network.nodes[node].harness.pass(Duration::millis(ms)),
            Step::Fire { node, timer } => self.network.nodes[node].fire(timer),
            Step::Restart { node } => self.restart(node),
        }
        self.network.collect();
        self.listen();
    }

    /// What is under way stays under way.
    fn restart(&mut self, place: usize) {
        let disk = self.network.nodes[place].disk.clone();
        let lost = std::mem::take(&mut self.network.nodes[place].lost);
        self.network.nodes[place] = Node::begin(place as u16, &self.network.options, disk);
        self.network.nodes[place].lost = lost;
        // Its clients give up.
        for (at, op) in self.story.open.values_mut() {
            at.remove(&place);
            self.story.doubtful.extend(op.written());
        }
        self.story.open.retain(|_, (at, _)| !at.is_empty());
    }

    fn ask(&mut self, client: u32, node: usize, key: Key, writes: bool) {
        if self.story.open.contains_key(&client) {
            return; // one request at a time
        }
        self.story.values += 1;
        let op = if writes { Op::Write(key, Value(self.story.values)) } else { Op::Read(key) };
        self.story.open.insert(client, ([node].into(), op));
        let (sequence, token) = self.network.clients.entry(client).or_default();
        *sequence += 1;
        let (sequence, token) = (*sequence, *token);
        self.network.nodes[node].request(client, sequence, op, token);
    }

    fn ask_again(&mut self, client: u32, node: usize) {
        let Some((at, op)) = self.story.open.get_mut(&client) else { return };
        at.insert(node);
        self.story.doubtful.extend(op.written());
        let (sequence, token) = self.network.clients[&client];
        self.network.nodes[node].request(client, sequence, *op, token);
    }

    fn listen(&mut self) {
        for place in 0..self.network.nodes.len() {
            for (id, says, token) in std::mem::take(&mut self.network.nodes[place].answers) {
                let Some((_, op)) = self.story.open.get(&id.client.0).cloned() else { continue };
                let (sequence, carries) = self.network.clients.entry(id.client.0).or_default();
                if id.sequence != *sequence {
                    continue; // it has given that up
                }
                if says.is_ok() {
                    *carries = token;
                }
                self.told(id.client.0, op, says);
            }
        }
    }

    fn told(&mut self, client: u32, op: Op, says: Result<Reply, Refusal>) {
        self.story.open.remove(&client);
        let known = self.story.known.entry((client, op.key())).or_default();
        match (op, says) {
            (Op::Write(_, value), Ok(Reply::Written)) => {
                known.push(value);
                assert!(self.story.done.insert(value), "{value} is done once");
            }
            (Op::Read(_), Ok(Reply::Read(value))) => {
                assert!(value.is_some() || known.is_empty(), "c{client} knew {known:?}, and is told of nothing");
                known.extend(value);
            }
            (Op::Write(_, value), Err(_)) => drop(self.story.doubtful.insert(value)),
            (_, Err(_)) => {}
            (op, says) => panic!("{op:?} is not answered {says:?}"),
        }
    }

    /// Everything arrives, and everybody reports.
    fn heal(&mut self) {
        self.network.deliver();
        for _ in 0..3 {
            self.network.report();
        }
        self.listen();
    }

    /// The order, as each node's disk has it.
    fn orders(&self) -> Vec<BTreeMap<u64, Write>> {
        let order = |node: &Node| {
            let records = node.disk.iter().filter_map(|record| match record {
                Record::Confirmed(index, write) => Some((*index, *write)),
                _ => None,
            });
            records.collect()
        };
        self.network.nodes.iter().map(order).collect()
    }
}

fn options(waits: bool) -> Options {
    let acknowledge = if waits { Acknowledge::Confirmed } else { Acknowledge::Tentative };
    Options { acknowledge, ..Options::default() }
}

proptest! {
    /// One order, in which everything is that was acknowledged, and every node has a beginning of it, without a gap.
    #[test]
    fn every_node_has_a_prefix_of_one_order(steps in prop::collection::vec(step(), 0..150), waits in any::<bool>()) {
        let mut world = World::run(options(waits), &steps);
        let before = world.orders();
        world.heal();
        let orders = world.orders();
        for (short, long) in before.iter().zip(&orders) {
            prop_assert!(short.iter().all(|(index, write)| long.get(index) == Some(write)), "what is confirmed stays so");
        }
        let length = orders[HUB].len() as u64;
        prop_assert!(orders[HUB].keys().copied().eq(1..=length));
        prop_assert!(orders.iter().all(|order| *order == orders[HUB]));
        let in_order: BTreeSet<Value> = orders[HUB].values().map(|write| write.value).collect();
        prop_assert!(world.story.done.is_subset(&in_order), "{:?} in {in_order:?}", world.story.done);
        prop_assert!(world.network.nodes.iter().all(|node| node.node.tentative.len() == 0));
    }

    /// Copies are equal in the end, and hold the write of the highest stamp, of those that counted.
    #[test]
    fn the_highest_stamp_stays_everywhere(steps in prop::collection::vec(step(), 0..150), waits in any::<bool>()) {
        let mut world = World::run(options(waits), &steps);
        world.heal();
        let copies: Vec<State> = world.network.nodes.iter().map(|node| node.node.state()).collect();
        prop_assert!(copies.iter().all(|copy| *copy == copies[HUB]), "{copies:?}");
        let order = &world.orders()[HUB];
        for (key, value) in &copies[HUB].copy {
            let of_key = order.values().filter(|write| write.key == *key);
            let highest = of_key.filter(|write| !world.story.doubtful.contains(&write.value)).max_by_key(|write| write.stamp);
            let held = order.values().find(|write| write.value == *value).expect("it was confirmed");
            prop_assert!(highest.is_none_or(|highest| highest.stamp <= held.stamp || world.story.doubtful.contains(value)));
        }
    }

    /// Every acknowledged write that is not there in the end was overwritten by one that knew it, or told to be lost to one that did not.
    #[test]
    fn no_acknowledged_write_is_lost_in_silence(steps in prop::collection::vec(step(), 0..150), waits in any::<bool>()) {
        let mut world = World::run(options(waits), &steps);
        world.heal();
        let order = &world.orders()[HUB];
        let told: BTreeSet<Value> =
            world.network.nodes.iter().flat_map(|node| node.lost.iter().map(|(lost, _)| *lost)).collect();
        let held: BTreeSet<Value> = world.network.nodes[HUB].node.state().copy.into_values().collect();
        for value in world.story.done.iter().filter(|value| !held.contains(value) && !told.contains(value)) {
            // It may have been made twice.
            let mut made = order.iter().filter(|(_, write)| write.value == *value);
            let is_over = |over: &Write, (index, write): (&u64, &Write)| {
                over.key == write.key && over.stamp > write.stamp && over.knows(write, *index)
            };
            let is_known = made.any(|made| order.values().any(|over| is_over(over, made)));
            prop_assert!(is_known, "{value} in {order:?}");
        }
    }

    /// Where clients wait, each client sees the order and nothing else: what it writes and reads of a key goes forward in it, but for
    /// what loses, which is in the order just before its winner.
    #[test]
    fn clients_who_wait_go_forward_in_the_order(steps in prop::collection::vec(step(), 0..150)) {
        let mut world = World::run(options(true), &steps);
        world.heal();
        let order = &world.orders()[HUB];
        let told: BTreeSet<Value> = world.network.nodes[HUB].lost.iter().map(|(lost, _)| *lost).collect();
        let place = |value: &Value| order.iter().find(|(_, write)| write.value == *value).map(|(index, _)| *index);
        for ((client, key), known) in &world.story.known {
            let places: Vec<_> = known.iter().filter(|value| !told.contains(value)).map(place).collect();
            prop_assert!(places.iter().all(|place| place.is_some()), "c{client} saw of {key} what nobody confirmed: {known:?}");
            prop_assert!(places.is_sorted(), "c{client} went back in {key}: {known:?} at {places:?}");
        }
    }
}
