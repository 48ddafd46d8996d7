//! Tokens that go round a ring: the least that a node can do with a message.
//!
//! A node counts a token, mixes its name and the time into a sum, and sends it to the next node, until the token has made
//! its hops. One hop is one message, so that [`Traffic::messages`](riftzone::sim::Traffic) counts them.

use riftzone::id::NodeId;
use riftzone::protocol::{Context, Payload, Protocol, Request, State};
use riftzone::sim::{Placement, Run, simulate};
use riftzone::time::Duration;
use riftzone::trace::Trace;

use super::{NODES, jittered_world};

/// One node of the ring.
#[derive(Debug)]
pub struct Ring {
    next: NodeId,
    /// How many hops a token makes.
    hops: u32,
    seen: u64,
    sum: u64,
}

/// What goes round.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// Which one.
    pub name: u32,
    /// How many hops it made before this one.
    pub hops: u32,
}

impl Payload for Token {
    fn bytes(&self) -> u32 {
        8
    }
}

/// The knobs of a ring.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// How many tokens go round. The node that a token starts from is its name modulo the number of nodes.
    pub tokens: u32,
    /// How many hops a token makes: at least one.
    pub hops: u32,
}

impl Protocol for Ring {
    type Message = Token;
    type Timer = ();
    type Record = ();
    type Session = ();
    type Options = Options;

    fn start(options: &Options, _: Vec<()>, cx: &mut Context<Self>) -> Self {
        let next = NodeId((cx.me().0 + 1) % NODES);
        for name in (u32::from(cx.me().0)..options.tokens).step_by(usize::from(NODES)) {
            cx.send(next, Token { name, hops: 0 });
        }
        Ring { next, hops: options.hops, seen: 0, sum: 0 }
    }

    fn on_request(&mut self, _: Request<Self>, _: &mut Context<Self>) {}

    fn on_message(&mut self, _: NodeId, token: Token, cx: &mut Context<Self>) {
        self.seen += 1;
        self.sum = self.sum.rotate_left(3) ^ u64::from(token.name) ^ cx.now().as_nanos();
        let hops = token.hops + 1;
        if hops < self.hops {
            cx.send(self.next, Token { hops, ..token });
        }
    }

    fn on_timer(&mut self, (): (), _: &mut Context<Self>) {}

    fn state(&self) -> State {
        State::no_data()
    }
}

/// `tokens` tokens make so many `hops` each, or as many as there is time for in what is `simulated`.
pub fn run(tokens: u32, hops: u32, simulated: Duration) -> Run {
    let setup = jittered_world(simulated);
    let everywhere = Placement::everywhere(&setup.topology);
    simulate::<Ring>(&setup, &everywhere, &Options { tokens, hops }, 1, Trace::off()).expect("it refuses no options")
}
