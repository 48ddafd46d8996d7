//! A linearizable history of one register: each client asks so many times, half of the operations write a value of their
//! own, and each takes effect at some time between its call and its return.

use std::mem;

use riftzone::history::{History, OpId};
use riftzone::id::{ClientId, Key, NodeId, Value};
use riftzone::op::{Op, Reply};
use riftzone::rng::Stream;
use riftzone::time::Time;

/// The register.
const KEY: Key = Key(0);

/// What a client does, in the order in which things happen.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// It begins to write this, or to read.
    Call(u32, Option<u64>),
    /// It has written.
    Written(u32),
    /// It read this.
    Read(u32, Option<u64>),
}

#[derive(Clone, Copy)]
enum Client {
    Idle,
    /// It writes this, or reads.
    Calling(Option<u64>),
    Done(Step),
}

/// The steps of `clients` clients with so many `operations` each, one after another, whose turn it is being drawn.
pub fn steps(clients: u32, operations: u32) -> Vec<Step> {
    let mut stream = Stream::new(1, "register");
    let mut states = vec![Client::Idle; clients as usize];
    let mut left = vec![operations; clients as usize];
    let (mut steps, mut held, mut written) = (Vec::new(), None, 0);
    let total = (clients * operations * 2) as usize;
    while steps.len() < total {
        let client = stream.below(u64::from(clients)) as u32;
        let state = &mut states[client as usize];
        *state = match mem::replace(state, Client::Idle) {
            Client::Idle if left[client as usize] == 0 => Client::Idle,
            Client::Idle => {
                left[client as usize] -= 1;
                let value = (stream.below(2) == 0).then(|| {
                    written += 1;
                    written
                });
                steps.push(Step::Call(client, value));
                Client::Calling(value)
            }
            Client::Calling(None) => Client::Done(Step::Read(client, held)),
            Client::Calling(value) => {
                held = value;
                Client::Done(Step::Written(client))
            }
            Client::Done(step) => {
                steps.push(step);
                Client::Idle
            }
        };
    }
    steps
}

/// The steps as a history, a nanosecond apart.
pub fn history(steps: &[Step]) -> History {
    let mut history = History::new();
    let mut open: Vec<Option<OpId>> = Vec::new();
    for (at, step) in (0..).map(Time::from_nanos).zip(steps) {
        let (client, reply) = match *step {
            Step::Call(client, value) => {
                let op = value.map_or(Op::Read(KEY), |value| Op::Write(KEY, Value(value)));
                let id = history.invoke(ClientId(client), op, at);
                open.resize(open.len().max(client as usize + 1), None);
                open[client as usize] = Some(id);
                continue;
            }
            Step::Written(client) => (client, Reply::Written),
            Step::Read(client, value) => (client, Reply::Read(value.map(Value))),
        };
        let id = open[client as usize].take().expect("who returns has called");
        history.complete(id, reply, NodeId(0), at);
    }
    history
}
