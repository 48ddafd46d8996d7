//! The knobs, and what they mean together.

use serde::Deserialize;

use super::super::mutant::Mutant;
use super::copy::Order;
use crate::protocol::Flaw;
use crate::time::Duration;

/// The knobs of last-writer-wins.
#[derive(Clone, Debug, Hash, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Options {
    /// How often a node sends the summary of its copy to one random peer, 1ms or longer: bounds how long a
    /// lost update stays lost. Default: `"1s"`.
    pub gossip_every: Duration,
    /// How far ahead of a node's own clock the stamp of another node's write may be, as a duration. A write further
    /// ahead is refused, and repaired by gossip once the clock has caught up. So is the request of a client that stamps so far
    /// ahead, which may ask again. Default: `"500ms"`.
    pub max_offset: Duration,
    /// By what writes are stamped: `"hybrid"` (a hybrid logical clock: above everything in the copy) or `"wall"` (the node's own
    /// clock, whatever it shows, and whoever is ahead is believed: there is no `max-offset`). Where clients stamp it is their
    /// clocks that count, and this says only whether `max-offset` holds (`"hybrid"`) or not (`"wall"`). Default: `"hybrid"`.
    pub clock: StampClock,
    /// Who stamps a write: the `"coordinator"`, which is the node that takes it, or its `"client"`, by its own clock when the
    /// operation begins, the same in every retry. Default: `"coordinator"`.
    pub stamps: Stamps,
    /// What decides between two writes of equal time: the `"node"` that took them, the higher (before it, at nodes with wall
    /// clocks, who has made more writes; after it, of clients' writes, the value), or the `"value"`, the larger. Default: `"node"`.
    pub tie: Tie,
    /// Of rows, what a stamp is of: a `"column"` (a row may mix what several have written into columns of their own), or the `"row"`, as where a
    /// row is one item or document: who writes one column writes the others again as it knows them, and whoever wrote
    /// those at the same time has written in vain. Default: `"column"`.
    pub granularity: Granularity,
    /// How the columns of one put go to other nodes: `"together"`, or `"item-by-item"`, where each finds its own way and other regions may
    /// see some without the rest, as where they are the items of a transaction. Default: `"together"`.
    pub ship: Ship,
    /// A flaw on purpose, by its id in the bank. Only in builds with the feature `mutants`. Default: none.
    #[cfg_attr(not(feature = "mutants"), serde(skip))]
    pub mutant: Flaw,
}

/// By what writes are stamped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub enum StampClock {
    /// By a hybrid logical clock.
    #[default]
    Hybrid,
    /// By the node's own clock.
    Wall,
}

/// Who stamps a write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub enum Stamps {
    /// The node that takes it.
    #[default]
    Coordinator,
    /// The client that makes it.
    Client,
}

/// What decides between two writes of equal time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub enum Tie {
    /// The node that took them: the higher wins.
    #[default]
    Node,
    /// What they write: the larger wins.
    Value,
}

/// What a stamp is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub enum Granularity {
    /// One column.
    #[default]
    Column,
    /// All columns of a row.
    Row,
}

/// How the columns of one put go to other nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub enum Ship {
    /// All in one message.
    #[default]
    Together,
    /// Each in a message of its own.
    ItemByItem,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            gossip_every: Duration::secs(1),
            max_offset: Duration::millis(500),
            clock: StampClock::Hybrid,
            stamps: Stamps::Coordinator,
            tie: Tie::Node,
            granularity: Granularity::Column,
            ship: Ship::Together,
            mutant: Flaw::default(),
        }
    }
}

impl Options {
    /// Whether `max-offset` holds.
    pub(super) fn bounds_stamps(&self) -> bool {
        self.clock == StampClock::Hybrid
    }

    /// Whether a node stamps its writes above everything that it holds: only then is none written in vain.
    pub(super) fn stamps_above_its_copy(&self) -> bool {
        self.clock == StampClock::Hybrid && self.stamps == Stamps::Coordinator
    }

    /// Whether no write is refused: a client whose clock is too far ahead asks in vain.
    pub(super) fn takes_every_write(&self) -> bool {
        self.stamps == Stamps::Coordinator || !self.bounds_stamps()
    }

    /// Whether no node ever shows a part of a put without the rest. Where values decide between equal times they do so column by column.
    pub(super) fn shows_whole_puts(&self) -> bool {
        self.ship == Ship::Together && self.tie == Tie::Node
    }

    /// Whether what was put together is sent together.
    pub(super) fn ships_together(&self) -> bool {
        self.ship == Ship::Together && !self.mutant.is(Mutant::L5)
    }

    /// By what writes are ranked.
    pub(super) fn order(&self) -> Order {
        match (self.tie, self.stamps) {
            (Tie::Value, _) => Order::Value,
            (Tie::Node, Stamps::Coordinator) => Order::Node,
            (Tie::Node, Stamps::Client) => Order::NodeThenValue,
        }
    }
}
