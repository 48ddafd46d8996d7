//! A small protocol to be wrong about: every node asks the others for their vote in the only epoch there is, gives its own to the first who
//! asks, and leads once it has enough of them. Where half of all are enough, two may lead.

use std::collections::BTreeSet;

use riftzone::id::NodeId;
use riftzone::protocol::{Context, Payload, Protocol, Request, State};
use riftzone::trace::Observation;

/// A node.
#[derive(Clone, Debug, Hash)]
pub struct Ballot {
    enough: usize,
    voted_for: Option<NodeId>,
    votes: BTreeSet<NodeId>,
}

/// What makes a leader.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// So many votes.
    pub enough: usize,
}

/// What nodes send each other.
#[derive(Clone, Debug, Hash)]
pub enum Message {
    /// Vote for me.
    Ask,
    /// You have my vote.
    Vote,
}

impl Payload for Message {
    fn bytes(&self) -> u32 {
        8
    }
}

impl Protocol for Ballot {
    type Message = Message;
    type Timer = ();
    type Record = ();
    type Session = ();
    type Options = Options;

    fn start(options: &Options, _: Vec<()>, cx: &mut Context<Self>) -> Ballot {
        cx.peers().for_each(|peer| cx.send(peer.node, Message::Ask));
        Ballot { enough: options.enough, voted_for: None, votes: BTreeSet::new() }
    }

    fn on_request(&mut self, _: Request<Self>, _: &mut Context<Self>) {}

    fn on_message(&mut self, from: NodeId, message: Message, cx: &mut Context<Self>) {
        match message {
            Message::Ask if self.voted_for.is_none() => {
                self.voted_for = Some(from);
                cx.send(from, Message::Vote);
            }
            Message::Ask => {}
            Message::Vote => {
                if self.votes.insert(from) && self.votes.len() == self.enough {
                    cx.observe(Observation::Leader { epoch: 1 });
                }
            }
        }
    }

    fn on_timer(&mut self, (): (), _: &mut Context<Self>) {}

    fn state(&self) -> State {
        State::no_data()
    }
}
