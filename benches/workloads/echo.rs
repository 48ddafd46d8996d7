//! Requests that are sent back: what a client and a server do, and nothing else.
//!
//! Every node has a number of clients. The n-th client of a node has one peer, asks it, and asks it again as soon as the
//! echo has come, a number of times. Both ways are messages between nodes, so that
//! [`Traffic::messages`](riftzone::sim::Traffic) counts every one-way message sent.

use riftzone::id::NodeId;
use riftzone::protocol::{Context, Payload, Protocol, Request, State};
use riftzone::sim::{Placement, Run, simulate};
use riftzone::time::Duration;
use riftzone::trace::Trace;

use super::{NODES, jittered_world};

/// One node, with its clients and their server.
#[derive(Debug)]
pub struct Echo {
    me: NodeId,
    /// How often a client asks.
    rounds: u32,
    echoes: u64,
    sum: u64,
}

/// What goes there and back.
#[derive(Clone, Copy, Debug)]
pub enum Message {
    /// A client asks.
    Request {
        /// Which client of the sender.
        client: u32,
        /// How often it asked before.
        round: u32,
    },
    /// The server sends it back.
    Echo {
        /// Which client of the receiver.
        client: u32,
        /// How often it asked before.
        round: u32,
    },
}

impl Payload for Message {
    fn bytes(&self) -> u32 {
        8
    }
}

/// The knobs of an echo.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// How many clients a node has.
    pub clients: u32,
    /// How often a client asks: at least once.
    pub rounds: u32,
}

/// The node that the `client`-th client of `node` asks: clients are spread evenly over the others.
pub fn peer(node: u16, client: u32) -> u16 {
    (node + 1 + (client % u32::from(NODES - 1)) as u16) % NODES
}

impl Protocol for Echo {
    type Message = Message;
    type Timer = ();
    type Record = ();
    type Session = ();
    type Options = Options;

    fn start(options: &Options, _: Vec<()>, cx: &mut Context<Self>) -> Self {
        let me = cx.me();
        for client in 0..options.clients {
            cx.send(NodeId(peer(me.0, client)), Message::Request { client, round: 0 });
        }
        Echo { me, rounds: options.rounds, echoes: 0, sum: 0 }
    }

    fn on_request(&mut self, _: Request<Self>, _: &mut Context<Self>) {}

    fn on_message(&mut self, from: NodeId, message: Message, cx: &mut Context<Self>) {
        match message {
            Message::Request { client, round } => cx.send(from, Message::Echo { client, round }),
            Message::Echo { client, round } => {
                self.echoes += 1;
                self.sum = self.sum.rotate_left(3) ^ u64::from(client) ^ cx.now().as_nanos();
                let round = round + 1;
                if round < self.rounds {
                    cx.send(NodeId(peer(self.me.0, client)), Message::Request { client, round });
                }
            }
        }
    }

    fn on_timer(&mut self, (): (), _: &mut Context<Self>) {}

    fn state(&self) -> State {
        State::no_data()
    }
}

/// `clients` clients a node ask `rounds` times each, or as often as there is time for in what is `simulated`.
pub fn run(clients: u32, rounds: u32, simulated: Duration) -> Run {
    let setup = jittered_world(simulated);
    let everywhere = Placement::everywhere(&setup.topology);
    simulate::<Echo>(&setup, &everywhere, &Options { clients, rounds }, 1, Trace::off()).expect("it refuses no options")
}
