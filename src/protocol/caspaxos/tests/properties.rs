//! A small network that loses, repeats and reorders messages, restarts replicas and lets timers fire at any moment, watched by somebody who
//! sees every message and every disk.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

#[derive(Clone, Copy, Debug)]
enum Step {
    Ask {
        node: usize,
        key: u32,
        what: What,
    },
    /// A client asks again, at another node or the same.
    AskAgain {
        node: usize,
        nth: usize,
    },
    /// The message that has waited at this place of the wire arrives.
    Deliver(usize),
    /// It arrives, and will arrive again.
    Repeat(usize),
    Lose(usize),
    Fire {
        node: usize,
        nth: usize,
    },
    Pass {
        node: usize,
        ms: u64,
    },
    Restart(usize),
}

#[derive(Clone, Copy, Debug)]
enum What {
    Read,
    Write,
    Swap,
}

fn step() -> impl Strategy<Value = Step> {
    let (node, any) = (0..REGIONS.len(), any::<usize>());
    let what = prop_oneof![2 => Just(What::Read), 3 => Just(What::Write), 1 => Just(What::Swap)];
    prop_oneof![
        5 => (node.clone(), 0..2_u32, what).prop_map(|(node, key, what)| Step::Ask { node, key, what }),
        1 => (node.clone(), any).prop_map(|(node, nth)| Step::AskAgain { node, nth }),
        30 => any.prop_map(Step::Deliver),
        1 => any.prop_map(Step::Repeat),
        2 => any.prop_map(Step::Lose),
        3 => (node.clone(), any).prop_map(|(node, nth)| Step::Fire { node, nth }),
        2 => (node.clone(), 0..800_u64).prop_map(|(node, ms)| Step::Pass { node, ms }),
        1 => node.prop_map(Step::Restart),
    ]
}

/// What a client asked, and what it was told.
struct Asked {
    op: Op,
    /// What was chosen of the key, and known to some client to be, when it was asked first.
    floor: Ballot,
    requests: u32,
    refusals: u32,
    told: Option<Reply>,
}

struct Network {
    nodes: [Node; 3],
    wire: Vec<(u16, NodeId, Message)>,
    asked: Vec<Asked>,
    proposed: BTreeMap<(Key, Ballot), Register>,
    accepted: BTreeMap<(Key, Ballot), BTreeSet<usize>>,
    chosen: BTreeMap<(Key, Ballot), Register>,
    /// The highest state of each key that some client was told of.
    known: BTreeMap<Key, Ballot>,
}

impl Network {
    fn new(options: &Options) -> Network {
        let nodes = [0, 1, 2].map(|me| Node::with(me, options.clone()));
        let (wire, asked, proposed, accepted, chosen, known) = Default::default();
        Network { nodes, wire, asked, proposed, accepted, chosen, known }
    }

    fn step(&mut self, step: Step) {
        let waiting = self.wire.len();
        match step {
            Step::Ask { node, key, what } => {
                let (key, new) = (Key(key), Value(self.asked.len() as u64));
                let expected = self.nodes[node].node.copies.value(key);
                let op = match what {
                    What::Read => Op::Read(key),
                    What::Write => Op::Write(key, new),
                    What::Swap => Op::CompareAndSet { key, expected, new },
                };
                let floor = self.known.get(&key).copied().unwrap_or_default();
                self.asked.push(Asked { op, floor, requests: 0, refusals: 0, told: None });
                self.ask(node, self.asked.len() - 1);
            }
            Step::AskAgain { node, nth } if !self.asked.is_empty() => {
                let nth = nth % self.asked.len();
                if self.asked[nth].told.is_none() {
                    self.ask(node, nth);
                }
            }
            Step::Deliver(place) if waiting > 0 => {
                let (from, to, message) = self.wire.swap_remove(place % waiting);
                self.nodes[to.index()].hear(from, message);
            }
            Step::Repeat(place) if waiting > 0 => {
                let (from, to, message) = self.wire[place % waiting].clone();
                self.nodes[to.index()].hear(from, message);
            }
            Step::Lose(place) if waiting > 0 => drop(self.wire.swap_remove(place % waiting)),
            Step::Fire { node, nth } if !self.nodes[node].timers.is_empty() => {
                let timer = self.nodes[node].timers[nth % self.nodes[node].timers.len()];
                self.nodes[node].fire(timer);
            }
            Step::Pass { node, ms } => self.nodes[node].harness.pass(Duration::millis(ms)),
            Step::Restart(node) => self.nodes[node].restart(),
            _ => {}
        }
        self.look();
    }

    fn ask(&mut self, node: usize, nth: usize) {
        self.asked[nth].requests += 1;
        self.nodes[node].get(nth as u32, 1, self.asked[nth].op);
    }

    /// Takes what was sent, and holds everything against what was seen before.
    fn look(&mut self) {
        for at in 0..self.nodes.len() {
            for (to, message) in std::mem::take(&mut self.nodes[at].sent) {
                if let Message::Accept { key, ballot, ref register, .. } = message {
                    self.saw_proposal(key, ballot, register);
                }
                self.wire.push((at as u16, to, message));
            }
            for (key, slot) in
                self.nodes[at].node.slots.iter().map(|(key, slot)| (key, slot.clone())).collect::<Vec<_>>()
            {
                assert!(slot.accepted <= slot.promised);
                if slot.accepted > Ballot::NONE {
                    self.saw_accepted(at, key, &slot);
                }
            }
        }
        for at in 0..self.nodes.len() {
            for key in [Key(0), Key(1)] {
                let copies = &self.nodes[at].node.copies;
                let ballot = copies.ballot(key);
                if ballot > Ballot::NONE {
                    assert_eq!(self.chosen.get(&(key, ballot)), copies.register(key), "a copy has what was not chosen");
                }
            }
            self.saw_copy(at);
            for (id, says) in std::mem::take(&mut self.nodes[at].answers) {
                self.heard(id.client.index(), says);
            }
        }
    }

    /// A ballot has one state, which has all that was chosen at any lower one.
    fn saw_proposal(&mut self, key: Key, ballot: Ballot, register: &Register) {
        let before = self.proposed.entry((key, ballot)).or_insert_with(|| register.clone());
        assert_eq!(before, register, "two states for one ballot");
        let lower = self.chosen.range((key, Ballot::NONE)..(key, ballot)).next_back();
        if let Some((_, chosen)) = lower {
            assert!(
                chosen.done.iter().all(|done| register.done.contains(done)),
                "{ballot:?} has not all that was chosen"
            );
        }
    }

    fn saw_accepted(&mut self, at: usize, key: Key, slot: &Slot) {
        assert_eq!(self.proposed.get(&(key, slot.accepted)), Some(&slot.register), "nobody proposed it");
        let by = self.accepted.entry((key, slot.accepted)).or_default();
        by.insert(at);
        if by.len() < 2 || self.chosen.contains_key(&(key, slot.accepted)) {
            return;
        }
        self.chosen.insert((key, slot.accepted), slot.register.clone());
        for ((_, ballot), later) in self.proposed.range((key, slot.accepted)..(Key(key.0 + 1), Ballot::NONE)) {
            let done = &slot.register.done;
            assert!(done.iter().all(|done| later.done.contains(done)), "{ballot:?} does not know what is chosen");
        }
        let of_value =
            self.chosen.iter().filter(|((of, _), register)| *of == key && register.value == slot.register.value);
        let overs: BTreeSet<_> = of_value.map(|(_, register)| register.over).collect();
        assert_eq!(overs.len(), 1, "a value is written once");
    }

    /// Since it started, a copy takes the values of a key in the order in which they were chosen, and none twice.
    fn saw_copy(&self, at: usize) {
        let first = |(key, value): &(Key, Value)| {
            let mut of_key = self.chosen.range((*key, Ballot::NONE)..(Key(key.0 + 1), Ballot::NONE));
            of_key.find(|(_, register)| register.value == Some(*value)).map(|(place, _)| *place)
        };
        for key in [Key(0), Key(1)] {
            let places: Vec<_> = self.nodes[at].applied.iter().filter(|(of, _)| *of == key).map(first).collect();
            assert!(places.iter().all(Option::is_some) && places.is_sorted_by(|a, b| a < b), "{at} takes {places:?}");
        }
    }

    fn heard(&mut self, nth: usize, says: Answer) {
        let asked = &mut self.asked[nth];
        let Ok(reply) = says else {
            asked.refusals += 1;
            return;
        };
        assert!(asked.told.is_none_or(|told| told == reply || matches!(asked.op, Op::Read(_))));
        let (key, floor) = (asked.op.key(), asked.floor);
        asked.told = Some(reply);
        let mut of_key = self.chosen.range((key, Ballot::NONE)..(Key(key.0 + 1), Ballot::NONE));
        let first = match reply {
            Reply::Read(value) => {
                let at_floor = self.chosen.range((key, Ballot::NONE)..=(key, floor)).next_back();
                let first = of_key.find(|(_, register)| register.value == value).map(|((_, ballot), _)| *ballot);
                let is_same = at_floor.and_then(|(_, register)| register.value) == value;
                assert!(is_same || first.is_some_and(|first| first > floor), "{value:?} was overwritten before");
                first
            }
            reply => {
                let client = ClientId(nth as u32);
                let has_it =
                    |register: &Register| register.done.iter().any(|done| done.client == client && done.reply == reply);
                let first = of_key.find(|(_, register)| has_it(register)).map(|((_, ballot), _)| *ballot);
                assert!(first.is_some(), "an answer to what is not chosen");
                first
            }
        };
        let known = self.known.entry(key).or_default();
        *known = first.into_iter().fold(*known, Ballot::max);
    }

    /// Nothing breaks any more: everything arrives, timers fire, and in the end the copies are the same and have what was acknowledged.
    fn heal(&mut self) {
        for _ in 0..60 {
            for _ in 0..200 {
                if self.wire.is_empty() {
                    break;
                }
                self.step(Step::Deliver(0));
            }
            for node in 0..3 {
                self.step(Step::Pass { node, ms: 600 });
                for timer in self.nodes[node].timers.clone() {
                    self.nodes[node].fire(timer);
                    self.look();
                }
            }
        }
        let copies = [0, 1, 2].map(|at: usize| self.nodes[at].node.state());
        assert!(copies.iter().all(|copy| *copy == copies[0]), "{copies:?}");
        for (nth, asked) in self.asked.iter().enumerate() {
            let client = ClientId(nth as u32);
            let is_in = |register: &Register| register.done.iter().any(|done| done.client == client);
            if asked.told == Some(Reply::Written) {
                let last = self.nodes[0].node.copies.register(asked.op.key());
                assert!(last.is_some_and(is_in), "{:?} was acknowledged", asked.op);
            }
            if asked.refusals == asked.requests {
                assert!(!self.proposed.values().any(is_in), "{:?} was refused for certain", asked.op);
            }
        }
    }
}

fn options() -> impl Strategy<Value = Options> {
    let conflict = prop_oneof![Just(Conflict::Retry), Just(Conflict::Reject)];
    let hold = prop_oneof![Just(Duration::ZERO), Just(Duration::millis(500))];
    (conflict, hold, any::<bool>()).prop_map(|(conflict, hold, piggyback)| Options {
        conflict,
        hold,
        piggyback,
        ..Options::default()
    })
}

proptest! {
    #[test]
    fn whatever_happens_what_is_chosen_stays(options in options(), steps in prop::collection::vec(step(), 0..400)) {
        let mut network = Network::new(&options);
        steps.into_iter().for_each(|step| network.step(step));
        network.heal();
    }
}
