//! For every type: joins are a lattice's, all transports lead to the same, and that is what the type is by definition.

use proptest::prelude::*;

use super::*;

const NODES: usize = 3;

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A client asks a node for something.
    Ask { node: usize, item: u8, inserts: bool },
    /// One node gets all that another has.
    Sync { from: usize, to: usize },
    /// A node starts again with what its disk has.
    Restart(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0..NODES, 0..3_u8, any::<bool>()).prop_map(|(node, item, inserts)| Step::Ask { node, item, inserts }),
        4 => (0..NODES, 0..NODES).prop_map(|(from, to)| Step::Sync { from, to }),
        1 => (0..NODES).prop_map(Step::Restart),
    ]
}

fn op(what: Type, item: u8, inserts: bool, name: u64) -> Op {
    let (item, name) = (Item(item), Value(name));
    match what {
        Type::GCounter => Op::Add { key: K, amount: 1 + i64::from(item.0), name },
        Type::PnCounter | Type::BoundedCounter => Op::Add { key: K, amount: if inserts { 3 } else { -1 }, name },
        Type::OrSet | Type::Rga if inserts => Op::Insert { key: K, item, name },
        Type::OrSet | Type::Rga => Op::Remove { key: K, item, name },
        Type::LwwRegister | Type::MvRegister => Op::Write(K, name),
    }
}

/// An operation as an onlooker saw it: what was asked, and the operations that its node knew.
struct Known {
    op: Op,
    took_effect: bool,
    past: Vec<usize>,
}

/// What a type is, by the operations that a copy knows. Nothing is said of a list but what is in it.
fn by_definition(what: Type, known: &[usize], all: &[Known]) -> Option<Content> {
    let known: Vec<usize> = known.iter().copied().filter(|op| all[*op].took_effect).collect();
    let name = |op: usize| all[op].op.name().unwrap();
    let values = |mut values: Vec<Value>| {
        values.sort_unstable();
        Some(Content::Values(values))
    };
    match what {
        Type::GCounter | Type::PnCounter | Type::BoundedCounter => {
            let amount = |op: &usize| if let Op::Add { amount, .. } = all[*op].op { amount } else { 0 };
            Some(Content::Amount(known.iter().map(amount).sum()))
        }
        Type::MvRegister => {
            let is_over = |op: &usize| known.iter().any(|other| all[*other].past.contains(op));
            values(known.iter().filter(|op| !is_over(op)).map(|op| name(*op)).collect())
        }
        Type::OrSet => {
            // A later insertion of an item stands for the one that it knew.
            let is_over = |op: &usize| {
                let same = |other: &&usize| match (all[*op].op, all[**other].op) {
                    (Op::Insert { item, .. }, Op::Insert { item: of, .. } | Op::Remove { item: of, .. }) => item == of,
                    _ => false,
                };
                known.iter().filter(same).any(|other| all[*other].past.contains(op))
            };
            let insertions = known.iter().filter(|op| matches!(all[**op].op, Op::Insert { .. }));
            values(insertions.filter(|op| !is_over(op)).map(|op| name(*op)).collect())
        }
        Type::LwwRegister | Type::Rga => None,
    }
}

proptest! {
    #[test]
    fn all_transports_lead_to_what_the_type_is(
        what in prop::sample::select(&Type::ALL),
        steps in prop::collection::vec(step(), 0..50),
    ) {
        let transports = [Transport::State, Transport::Delta, Transport::Operation];
        let mut worlds = transports.map(|transport| [0, 1, 2].map(|me| Node::of(me, what, transport)));
        let mut all: Vec<Known> = Vec::new();
        let mut known: [Vec<usize>; NODES] = Default::default();
        for (at, step) in steps.into_iter().enumerate() {
            match step {
                Step::Ask { node, item, inserts } => {
                    let op = op(what, item, inserts, at as u64);
                    let said: Vec<_> = worlds.iter_mut().map(|world| {
                        let says = world[node].ask(op);
                        world[node].node.waiting.clear(); // nobody gives rights here
                        says
                    }).collect();
                    prop_assert!(said.iter().all(|says| *says == said[0]), "{:?}", said);
                    let took_effect = said[0] == Some(Ok(Reply::Written));
                    all.push(Known { op, took_effect, past: known[node].clone() });
                    known[node].push(all.len() - 1);
                }
                Step::Sync { from, to } if from != to => {
                    for world in &mut worlds {
                        let source = &world[from].node;
                        let message = match source.options.transport {
                            Transport::State => world[from].whole(),
                            Transport::Delta => {
                                Message::Fragment(Arc::new(source.store.since(world[to].node.store.seen())))
                            }
                            Transport::Operation => Message::Updates(source.carry.updates().cloned().rev().collect()),
                        };
                        world[to].hear(from as u16, message);
                    }
                    let more: Vec<usize> = known[from].iter().copied().filter(|op| !known[to].contains(op)).collect();
                    known[to].extend(more);
                }
                Step::Sync { .. } => {}
                Step::Restart(node) => worlds.iter_mut().for_each(|world| world[node].restart()),
            }
            for node in 0..NODES {
                let contents = worlds.iter().map(|world| world[node].node.store.content_of(K));
                let contents: Vec<_> = contents.map(|content| content.filter(|of| *of != Content::Values(Vec::new()))).collect();
                prop_assert!(contents.iter().all(|content| *content == contents[0]), "{:?}", contents);
                let expected = by_definition(what, &known[node], &all);
                if let Some(expected) = expected {
                    let is_there = known[node].iter().any(|op| all[*op].took_effect) && expected != Content::Values(Vec::new());
                    prop_assert_eq!(contents[0].clone(), is_there.then_some(expected));
                }
            }
        }
    }

    #[test]
    fn joins_are_those_of_a_lattice(
        what in prop::sample::select(&Type::ALL),
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let mut nodes = [0, 1, 2].map(|me| Node::of(me, what, Transport::State));
        for (at, step) in steps.into_iter().enumerate() {
            match step {
                Step::Ask { node, item, inserts } => {
                    nodes[node].ask(op(what, item, inserts, at as u64));
                    nodes[node].node.waiting.clear();
                }
                Step::Sync { from, to } => {
                    let message = nodes[from].whole();
                    nodes[to].hear(from as u16, message);
                }
                Step::Restart(node) => nodes[node].restart(),
            }
        }
        let [a, b, c] = nodes.map(|node| node.node.store);
        let joined = |one: &Store, other: &Store| {
            let mut joined = one.clone();
            joined.join(&other.whole());
            joined
        };
        let same = |one: &Store, other: &Store| one.whole().objects == other.whole().objects && one.seen() == other.seen();
        prop_assert!(same(&joined(&a, &b), &joined(&b, &a)), "it commutes");
        prop_assert!(same(&joined(&joined(&a, &b), &c), &joined(&a, &joined(&b, &c))), "it associates");
        prop_assert!(same(&joined(&a, &a), &a), "again is as once");
        prop_assert!(same(&joined(&joined(&a, &b), &b), &joined(&a, &b)), "what is known changes nothing");
    }

    /// Whatever is lost, late or repeated, and whoever starts again: rights are never more than there is.
    #[test]
    fn a_bounded_counter_is_never_below_zero(steps in prop::collection::vec((step(), any::<usize>()), 0..80)) {
        let mut nodes = [0, 1, 2].map(|me| Node::of(me, Type::BoundedCounter, Transport::Delta));
        let mut wire: Vec<(usize, usize, Message)> = Vec::new();
        for (at, (step, draw)) in steps.into_iter().enumerate() {
            match step {
                Step::Ask { node, inserts, .. } => drop(nodes[node].ask(op(Type::BoundedCounter, 0, inserts, at as u64))),
                Step::Sync { from, .. } => nodes[from].fire(Timer::Ship),
                Step::Restart(node) => nodes[node].restart(),
            }
            for (from, node) in nodes.iter_mut().enumerate() {
                wire.extend(node.sent.drain(..).filter_map(|(to, message)| Some((from, to?.index(), message))));
            }
            if !wire.is_empty() {
                // Some are lost, some come again, and none in order.
                let place = draw % wire.len();
                let (from, to, message) = if draw % 5 == 0 { wire[place].clone() } else { wire.swap_remove(place) };
                if draw % 7 > 0 {
                    nodes[to].hear(from as u16, message);
                }
            }
            for node in &nodes {
                let counter = node.node.store.counter(K).cloned().unwrap_or_default();
                prop_assert!(counter.amount() >= 0, "{counter:?}");
                let rights = [0, 1, 2].map(|of| counter.rights(NodeId(of)));
                prop_assert_eq!(rights.iter().sum::<i64>(), counter.amount());
                prop_assert!(rights.iter().all(|of| *of >= 0), "{:?}", counter);
            }
        }
    }
}
