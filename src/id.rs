//! The names of things: regions, nodes, clients, requests, keys and values, as small dense integers.
//!
//! Dense ids index arrays, so that no run depends on the order of a hash table. Names for people are kept where the
//! topology is. Next: `rng.rs`, where chance comes from.

use crate::op::COLUMNS_MAX;
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

/// How many numbers a row has for its cells.
const COLUMNS: u32 = COLUMNS_MAX as u32;

impl Key {
    /// What stands for a column of this row where keys are told apart: observations, copies, and what is judged of single values.
    ///
    /// # Panics
    /// Where the row's number is `2^30` or more, or it has no such column.
    pub const fn cell(self, column: u8) -> Key {
        assert!(self.0 <= u32::MAX / COLUMNS && column < COLUMNS_MAX, "rows are numbered below 2^30");
        Key(self.0 * COLUMNS + column as u32)
    }

    /// The row, and the column, of which this is the [cell](Key::cell).
    pub const fn of_cell(self) -> (Key, u8) {
        (Key(self.0 / COLUMNS), (self.0 % COLUMNS) as u8)
    }
}

impl Value {
    /// What the put of this name writes into a column.
    pub const fn of_column(self, column: u8) -> Value {
        Value(self.0 + column as u64)
    }
}

/// Nodes under each other's names: what each is called instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renaming(Vec<NodeId>);

impl Renaming {
    /// All that call each node by the name of one of its kind, the one that changes nothing first; none beside that one where
    /// there are more than `most`. `kinds` has the kind of each node.
    pub fn within(kinds: &[usize], most: usize) -> Vec<Renaming> {
        let mut all: Vec<Vec<NodeId>> = vec![Vec::new()];
        for kind in kinds {
            let mut longer = Vec::new();
            for names in &all {
                let of_its_kind = (0..kinds.len()).filter(|place| kinds[*place] == *kind).map(NodeId::from_index);
                longer.extend(
                    of_its_kind.filter(|name| !names.contains(name)).map(|name| [&names[..], &[name]].concat()),
                );
            }
            all = longer;
            if all.len() > most {
                return vec![Renaming((0..kinds.len()).map(NodeId::from_index).collect())];
            }
        }
        all.into_iter().map(Renaming).collect()
    }

    /// What this node is called. Who has no other name keeps its own.
    pub fn of(&self, node: NodeId) -> NodeId {
        self.0.get(node.index()).copied().unwrap_or(node)
    }

    /// Calls a node so.
    pub fn rename(&self, node: &mut NodeId) {
        *node = self.of(*node);
    }

    /// Puts what is kept by node where it belongs then. Nothing, where it is not kept by every node.
    pub fn reorder<T: Clone>(&self, by_node: &mut [T]) {
        if by_node.len() == self.0.len() {
            let before = by_node.to_vec();
            before.into_iter().zip(&self.0).for_each(|(thing, name)| by_node[name.index()] = thing);
        }
    }

    /// The same set of nodes, which has a bit for each.
    pub fn bits(&self, set: u64) -> u64 {
        let moved = (0..self.0.len()).filter(|place| set >> place & 1 == 1).map(|place| 1 << self.0[place].index());
        moved.fold(set >> self.0.len() << self.0.len(), |bits, bit| bits | bit)
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_of_a_kind_are_renamed_in_every_way() {
        let all = Renaming::within(&[0, 1, 0, 0], 24);
        assert_eq!(all.len(), 6);
        assert!(all.iter().all(|renaming| renaming.of(NodeId(1)) == NodeId(1)));
        assert_eq!(all[0], Renaming([0, 1, 2, 3].map(NodeId).to_vec()));
        assert_eq!(Renaming::within(&[0, 0, 0], 5).len(), 1, "six are too many");
        let turned = Renaming([2, 1, 3, 0].map(NodeId).to_vec());
        assert!(all.contains(&turned));
        let mut by_node = ["a", "b", "c", "d"];
        turned.reorder(&mut by_node);
        assert_eq!((by_node, turned.bits(1 << 63 | 0b0011)), (["d", "b", "a", "c"], 1 << 63 | 0b0110));
    }
}
