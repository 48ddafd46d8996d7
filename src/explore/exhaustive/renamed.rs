//! Nodes and messages, where nodes are called by each other's names. Next: `level.rs`.

use crate::id::{NodeId, Renaming};
use crate::protocol::{Request, Symmetry};
use crate::trace::Observation;

use super::Explorable;
use super::world::{Held, Letter, Node, Post, Write};

fn symmetry<P: Explorable>() -> Symmetry<P> {
    P::SYMMETRY.expect("only where there is one are nodes renamed")
}

/// A node, where nodes are called otherwise.
pub(super) fn renamed_node<P: Explorable>(node: &Node<P>, renaming: &Renaming) -> Node<P> {
    let Symmetry { state, record, .. } = symmetry::<P>();
    let mut node = node.clone();
    node.seat = renaming.of(NodeId(node.seat as u16)).index();
    node.protocol.iter_mut().for_each(|protocol| state(protocol, renaming));
    let unsynced = node.unsynced.iter_mut().flat_map(|write| match write {
        Write::Append(record) => std::slice::from_mut(record),
        Write::Replace(records) => records.as_mut_slice(),
    });
    node.disk.iter_mut().chain(unsynced).for_each(|it| record(it, renaming));
    for (_, held) in &mut node.held {
        match held {
            Held::Post(to, post) => {
                renaming.rename(to);
                *post = renamed_post(post.clone(), renaming);
            }
            Held::Answer(..) => {}
            Held::Observe(observation) => rename_observation(observation, renaming),
        }
    }
    node
}

/// The same of what a node says of itself.
pub(super) fn rename_observation(observation: &mut Observation, renaming: &Renaming) {
    match observation {
        Observation::Voted { candidate: node, .. }
        | Observation::Delivered { origin: node, .. }
        | Observation::Recovered { origin: node, .. } => renaming.rename(node),
        _ => {}
    }
}

fn renamed_post<P: Explorable>(post: Post<P>, renaming: &Renaming) -> Post<P> {
    match post {
        Post::Message(mut message) => {
            (symmetry::<P>().message)(&mut message, renaming);
            Post::Message(message)
        }
        Post::Request(Request { mut id, op, session }) => {
            renaming.rename(&mut id.entry);
            Post::Request(Request { id, op, session })
        }
    }
}

/// The same of a message.
pub(super) fn renamed_letter<P: Explorable>(letter: &Letter<P>, renaming: &Renaming) -> Letter<P> {
    let [from, to] = [letter.from, letter.to].map(|node| renaming.of(node));
    Letter { from, to, post: renamed_post(letter.post.clone(), renaming) }
}

#[cfg(test)]
mod tests {
    use super::super::deed::{Doing, News, deed};
    use super::super::known::Known;
    use super::super::search::Search;
    use super::super::step::Event;
    use super::super::world::{Rules, VIEWS};
    use super::super::{Bounds, Tiny};
    use super::*;

    use crate::id::{Key, Value};
    use crate::op::Op;
    use crate::protocol::raft::{Options, Raft};

    /// Everything that a node may do in some state, or could.
    fn events<P: Explorable>(known: &Known<P>, node: &Node<P>) -> Vec<(Event, Option<u32>)> {
        if node.protocol.is_none() {
            return vec![(Event::Start(node.seat), None)];
        }
        let is_to = |letter: &u32| known.letters[*letter as usize].to.index() == node.seat;
        let letters =
            (0..known.letters.len() as u32).filter(is_to).map(|letter| (Event::Deliver(letter), Some(letter)));
        let asks = (0..known.rules.tiny.operations.len()).map(|operation| (Event::Ask(operation, node.seat), None));
        let fires = node.earliest().map(|_| (Event::Fire(node.seat), None));
        let syncs = (!node.unsynced.is_empty()).then_some((Event::Sync(node.seat), None));
        letters.chain(asks).chain(fires).chain(syncs).collect()
    }

    fn renamed_event(event: Event, renaming: &Renaming) -> Event {
        let of = |at: usize| renaming.of(NodeId(at as u16)).index();
        match event {
            Event::Fire(at) => Event::Fire(of(at)),
            Event::Sync(at) => Event::Sync(of(at)),
            Event::Start(at) => Event::Start(of(at)),
            Event::Ask(operation, at) => Event::Ask(operation, of(at)),
            other => other,
        }
    }

    fn prints<P: Explorable>(doing: &Doing<P>) -> (u64, Vec<u64>) {
        let mut sent: Vec<u64> = doing.sent.iter().map(Letter::print).collect();
        sent.sort_unstable();
        (doing.node.prints()[VIEWS - 1], sent)
    }

    /// What symmetry rests on, of every node and message and ledger that a world has.
    #[test]
    fn who_is_called_otherwise_does_the_same_and_it_is_heard_so() {
        let options = Options { pre_vote: false, check_quorum: false, ..Options::default() };
        let bounds = Bounds { timeouts: 2, crashes: 1, states: 4_000, ..Bounds::default() };
        let tiny = Tiny { operations: vec![Op::Write(Key(0), Value(0))], slow_disks: true, bounds, ..Tiny::default() };
        let rules = Rules::<Raft>::new(&tiny, &options, &["a", "b", "c"]).unwrap();
        let mut search = Search::new(&rules);
        search.run(&mut |_| ());
        let known = &search.known;
        assert_eq!(known.renamings.len(), 6);
        let mut compared = 0;
        for (nth, node) in known.nodes.iter().enumerate().step_by(3) {
            let renaming = &known.renamings[1 + nth % 5];
            let other = renamed_node(node, renaming);
            for (event, letter) in events(known, node).into_iter().step_by(2) {
                let letter = letter.map(|letter| &known.letters[letter as usize]);
                let turned = letter.map(|letter| renamed_letter(letter, renaming));
                let mut done = deed(&rules, node, event, letter);
                let same = deed(&rules, &other, renamed_event(event, renaming), turned.as_ref());
                done.node = renamed_node(&done.node, renaming);
                done.sent = done.sent.iter().map(|letter| renamed_letter(letter, renaming)).collect();
                assert_eq!(prints(&done), prints(&same), "{event:?}, {renaming:?}");
                compared += 1;
            }
        }
        assert!(compared > 1_000, "{compared}");
        for (nth, ledger) in known.ledgers.iter().enumerate().step_by(5) {
            let renaming = &known.renamings[1 + nth % 5];
            for (at, news) in known.news.iter().step_by(5) {
                let (mut heard, mut same) = (ledger.clone(), ledger.clone());
                heard.hear(&rules, *at, news, &mut None);
                heard.rename(renaming);
                let mut turned = news.clone();
                turned.iter_mut().for_each(|news| {
                    if let News::Observed(observation) = news {
                        rename_observation(observation, renaming);
                    }
                });
                same.rename(renaming);
                same.hear(&rules, renaming.of(NodeId(*at as u16)).index(), &turned, &mut None);
                assert_eq!(heard.print(), same.print(), "{news:?}, {renaming:?}");
            }
        }
    }
}
