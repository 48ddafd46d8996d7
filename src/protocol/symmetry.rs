//! What a protocol says of nodes that nothing but their ids tells apart, so that an exhaustive exploration takes worlds that
//! differ only in who is called what for one.
//!
//! After Ip, Dill, *Better Verification Through Symmetry*, Formal Methods in System Design 9, 1996.

use std::fmt;

use crate::id::Renaming;

use super::{Member, Protocol};

/// How the nodes of a protocol are called by each other's names.
///
/// It is sound where a node that is called otherwise, and whose peers are, does the same under the other names, but for the order
/// in which it sends. So ids must not be compared for which is greater, nor places in a list count; and timers, sessions, and
/// what clients are told name no node.
pub struct Symmetry<P: Protocol> {
    /// The kind of each member: those of one kind are told apart by their ids alone.
    pub kinds: fn(&P::Options, &[Member]) -> Vec<usize>,
    /// Calls the nodes that a node's state names otherwise.
    pub state: fn(&mut P, &Renaming),
    /// Those that a message names, beside sender and receiver.
    pub message: fn(&mut P::Message, &Renaming),
    /// Those that a record names.
    pub record: fn(&mut P::Record, &Renaming),
}

impl<P: Protocol> fmt::Debug for Symmetry<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Symmetry")
    }
}
