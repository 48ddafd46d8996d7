//! What is written, sent and kept on disk: [`Write`], [`Message`], [`Record`]; and what a client carries: [`Token`].
//!
//! Next: `store.rs`, the confirmed order and who wins in it.

use std::sync::Arc;

use super::super::{Entries, Payload, Stamp};
use super::store::Snapshot;
use crate::id::{ClientId, Key, NodeId, Value};

/// One write, as the region made it that was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Write {
    /// The key written.
    pub key: Key,
    /// The value.
    pub value: Value,
    /// When it was made, and in which region: of two concurrent writes the one with the higher stamp wins.
    pub stamp: Stamp,
    /// Who asked for it.
    pub client: ClientId,
    /// The client's number for the request.
    pub sequence: u32,
    /// Its number among those of its region's life, from 1.
    pub number: u64,
    /// The life of the region's disk, by a number that it drew: who lost its disk begins to count anew in another life.
    pub life: u32,
    /// How much of the confirmed order its region had when it made it: all that the write knows, beside those before it of the same life.
    pub seen: u64,
}

/// A key, a value, a stamp, a client's request, a number, a life and how much was seen.
const WRITE_BYTES: usize = 4 + 8 + 14 + 8 + 8 + 4 + 8;

impl Write {
    /// The region that made it.
    pub fn origin(&self) -> NodeId {
        self.stamp.node
    }

    /// Whether it was made in the knowledge of the write that has this place in the confirmed order.
    pub(super) fn knows(&self, other: &Write, index: u64) -> bool {
        index <= self.seen || (other.origin(), other.life) == (self.origin(), self.life)
    }
}

/// What regions send each other.
#[derive(Clone, Debug, Hash)]
pub enum Message {
    /// A write of the sender's, for the hub to confirm, sent as soon as it is on disk.
    Tentative(Write),
    /// To the hub, each so often: what the sender has.
    Report {
        /// How much of the confirmed order it has on disk.
        confirmed: u64,
        /// Its writes that should have been confirmed by now, in order: they are sent again.
        late: Entries<Write>,
    },
    /// To the hub: what comes next in the confirmed order, after so much of it.
    More(u64),
    /// From the hub: a stretch of the confirmed order, or none, as a sign of life.
    Order {
        /// The place of the first of them.
        first: u64,
        /// The writes, in the order in which the hub confirmed them.
        writes: Entries<Write>,
        /// Whether there are more than fit.
        are_more: bool,
    },
    /// From the hub: what the order came to, for a region that lacks what is not kept any more.
    Snapshot(Arc<Snapshot>),
}

const HEADER_BYTES: usize = 16;

impl Payload for Message {
    fn bytes(&self) -> u32 {
        let body = match self {
            Message::Tentative(_) => WRITE_BYTES,
            Message::Report { late, .. } => 8 + late.len() * WRITE_BYTES,
            Message::More(_) => 8,
            Message::Order { writes, .. } => 9 + writes.len() * WRITE_BYTES,
            Message::Snapshot(snapshot) => snapshot.bytes(WRITE_BYTES),
        };
        (HEADER_BYTES + body) as u32
    }
}

/// What is on disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Record {
    /// The disk was empty, and this life of it began.
    Life(u32),
    /// A write of this region, which the hub has not confirmed as far as is known.
    Made(Write),
    /// The write in this place of the confirmed order.
    Confirmed(u64, Write),
    /// What the confirmed order came to.
    Snapshot(Arc<Snapshot>),
}

/// What a client has seen, so that no region shows it less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Token {
    /// So much of the confirmed order.
    pub(super) confirmed: u64,
    /// And the tentative writes of one region, up to this one.
    pub(super) tentative: Option<Made>,
}

/// A write of a region, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Made {
    pub node: NodeId,
    pub life: u32,
    pub number: u64,
}
