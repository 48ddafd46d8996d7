//! The names of things: regions, nodes, clients, requests, keys and values, as small dense integers.
//!
//! Dense ids index arrays, so that no run depends on the order of a hash table. Names for people are kept where the
//! topology is. Next: `rng.rs`, where chance comes from.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A small dense integer that names something.
pub trait Id: Copy {
    /// This id as an array index.
    fn index(self) -> usize;

    /// The id of this index.
    ///
    /// # Panics
    /// Where there is none so great.
    fn from_index(index: usize) -> Self;
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty), $letter:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl $name {
            /// This id as an array index.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl Id for $name {
            #[inline]
            fn index(self) -> usize {
                self.0 as usize
            }

            fn from_index(index: usize) -> $name {
                $name(<$inner>::try_from(index).expect("an index of an id is an id"))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($letter, "{}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

id!(
    /// A region of a topology, by its place in the scenario's list.
    RegionId(u16), "region"
);
id!(
    /// A node (one process of a protocol, in one region), by its place in the deployment.
    NodeId(u16), "n"
);
id!(
    /// A replication group: the nodes that together hold one part of the keys.
    GroupId(u16), "g"
);
id!(
    /// A client: one sequential session, with at most one operation under way.
    ClientId(u32), "c"
);
id!(
    /// A key of the data.
    Key(u32), "k"
);
id!(
    /// A written value. The workload never writes the same value twice, so a value names the write that made it.
    Value(u64), "v"
);

/// What a node is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Role {
    /// Holds a copy of the data.
    #[default]
    Replica,
    /// Votes, and holds no data.
    Witness,
    /// Watches others and decides; holds no data and serves no client.
    Monitor,
}

impl Role {
    /// The name in node names and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Replica => "replica",
            Role::Witness => "witness",
            Role::Monitor => "monitor",
        }
    }
}

/// One request of one client. A retry carries the same `client` and `sequence`: that pair is what a protocol
/// remembers to recognise it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId {
    /// Who asks.
    pub client: ClientId,
    /// The client's running number for this operation, from 1.
    pub sequence: u32,
    /// The node that took the request from the client, and by way of which the answer goes back.
    pub entry: NodeId,
}
