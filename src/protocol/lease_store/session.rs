//! An agent's way to the store: one request at a time, asked again at the next node of the store until somebody answers or
//! `retry-timeout` has passed.
//!
//! All tries carry the same number, so that the store carries out one of them (Raft's sessions). A request that was given up
//! may still be carried out: whoever asks next says what he expects. Next: `agent.rs`.

use crate::id::{ClientId, NodeId, RequestId};
use crate::op::{Op, Refusal, Reply};
use crate::protocol::Context;
use crate::time::{Duration, Time};

use super::options::Plan;
use super::{LeaseStore, Message, Record, Timer};

/// A try that is refused is repeated after this part of the time that a silent one gets.
const REFUSED: u64 = 8;

/// What numbers a node's requests: how many times it has begun, and how many it has made since. A node that restarts is
/// another client, for it does not know what it had asked.
#[derive(Clone, Debug, Hash)]
pub(super) struct Number {
    begun: u32,
    last: u32,
}

impl Number {
    /// The node begins, once more if the disk says so.
    pub fn start(recovered: &[Record], cx: &mut Context<LeaseStore>) -> Number {
        let before = recovered.iter().rev().find_map(|record| match record {
            Record::Begun(times) => Some(*times),
            _ => None,
        });
        let number = Number { begun: before.unwrap_or(0) + 1, last: 0 };
        cx.persist(number.record());
        number
    }

    /// What the disk must have of it.
    pub const fn record(&self) -> Record {
        Record::Begun(self.begun)
    }

    /// The next request's number.
    pub const fn next(&mut self) -> u32 {
        self.last += 1;
        self.last
    }
}

/// Which client of the store this node is.
pub(super) fn client_of(number: &Number, cx: &Context<LeaseStore>) -> ClientId {
    ClientId(number.begun * cx.members().len() as u32 + u32::from(place_of(cx.me(), cx)))
}

/// Which node is this client of the store.
pub(super) fn node_of(client: ClientId, cx: &Context<LeaseStore>) -> NodeId {
    cx.members()[client.index() % cx.members().len()].node
}

fn place_of(node: NodeId, cx: &Context<LeaseStore>) -> u16 {
    let place = cx.members().iter().position(|member| member.node == node);
    place.expect("a node is a member of its group") as u16
}

/// An agent's session.
#[derive(Clone, Debug, Hash)]
pub(super) struct Session {
    /// The nodes of the store, the one in this region first.
    nodes: Vec<NodeId>,
    /// The one that it asks: it stays with who answers.
    at: usize,
    number: Number,
    /// What waits for an answer, and since when it was asked.
    asked: Option<(RequestId, Op, Time)>,
    retry_timeout: Duration,
}

impl Session {
    pub fn start(plan: &Plan, recovered: &[Record], cx: &mut Context<LeaseStore>) -> Session {
        let mut nodes = plan.store.clone();
        let region_of = |node: &NodeId| cx.members()[usize::from(place_of(*node, cx))].region;
        nodes.sort_by_key(|node| region_of(node) != cx.region());
        let number = Number::start(recovered, cx);
        Session { nodes, at: 0, number, asked: None, retry_timeout: plan.retry_timeout }
    }

    /// Asks. What was asked before is given up.
    pub fn ask(&mut self, op: Op, cx: &mut Context<LeaseStore>) {
        let id = RequestId { client: client_of(&self.number, cx), sequence: self.number.next(), entry: NodeId(0) };
        self.asked = Some((id, op, cx.now()));
        self.send(cx);
    }

    fn send(&mut self, cx: &mut Context<LeaseStore>) {
        let Some((id, op, _)) = &mut self.asked else { return };
        id.entry = self.nodes[self.at];
        cx.send(id.entry, Message::Request { id: *id, op: *op });
        cx.set_timer(Timer::Retry, self.patience());
    }

    /// How long one node of the store may take: every one gets its turn.
    fn patience(&self) -> Duration {
        self.retry_timeout / self.nodes.len() as u64
    }

    /// An answer came. Tells what it says, if it is to what was asked last.
    pub fn answered(
        &mut self,
        id: RequestId,
        says: Result<Reply, Refusal>,
        cx: &mut Context<LeaseStore>,
    ) -> Option<Reply> {
        self.asked.filter(|(asked, ..)| (asked.client, asked.sequence) == (id.client, id.sequence))?;
        match says {
            Ok(reply) => {
                self.asked = None;
                cx.cancel_timer(Timer::Retry);
                Some(reply)
            }
            Err(_) => {
                cx.set_timer(Timer::Retry, self.patience() / REFUSED);
                None
            }
        }
    }

    /// The node that was asked is silent, or knows no leader. Tells whether the request is given up.
    pub fn is_given_up(&mut self, cx: &mut Context<LeaseStore>) -> bool {
        let Some((.., since)) = self.asked else { return false };
        self.at = (self.at + 1) % self.nodes.len();
        if cx.now().since(since) >= self.retry_timeout {
            self.asked = None;
            return true;
        }
        self.send(cx);
        false
    }
}
