//! What replicas send each other. Next: `register.rs`.

use std::sync::Arc;

use crate::id::Key;
use crate::protocol::{Buckets, Digests, Payload};

use super::{Ballot, Register};

/// What replicas send each other.
#[derive(Clone, Debug, Hash)]
pub enum Message {
    /// The sender wants to change the key. The paper's prepare.
    Prepare {
        /// The key.
        key: Key,
        /// With this ballot.
        ballot: Ballot,
    },
    /// Nothing of a lower ballot will be accepted, and this is what was.
    Promised {
        /// The key.
        key: Key,
        /// The ballot that is promised.
        ballot: Ballot,
        /// That of what the sender accepted last; [`Ballot::NONE`] where it has accepted nothing.
        accepted: Ballot,
        /// What that was.
        register: Register,
    },
    /// This is what the key is to be.
    Accept {
        /// The key.
        key: Key,
        /// With this ballot.
        ballot: Ballot,
        /// The state that is proposed.
        register: Register,
        /// Whether the next ballot is to be promised as well.
        reserve: bool,
    },
    /// It is on the sender's disk.
    Accepted {
        /// The key.
        key: Key,
        /// The ballot that was accepted.
        ballot: Ballot,
        /// Whether the next one is promised.
        reserved: bool,
    },
    /// The ballot is too low, or another change is under way.
    Refused {
        /// The key.
        key: Key,
        /// The ballot that is refused.
        ballot: Ballot,
        /// What the sender has promised.
        promised: Ballot,
        /// Whether no change is under way, as far as the sender knows.
        is_idle: bool,
    },
    /// The change that this was promised for is not made.
    Release {
        /// The key.
        key: Key,
        /// The ballot.
        ballot: Ballot,
    },
    /// A majority has accepted it.
    Chosen {
        /// The key.
        key: Key,
        /// The ballot.
        ballot: Ballot,
    },
    /// What does the receiver hold? And may it accept this?
    Ask {
        /// The key.
        key: Key,
        /// What comes back with the answer.
        ticket: u64,
        /// What another acceptor holds, where a majority did not agree.
        offer: Option<(Ballot, Register)>,
    },
    /// The answer.
    Held {
        /// The key.
        key: Key,
        /// The question's ticket.
        ticket: u64,
        /// The ballot of what the sender accepted last.
        accepted: Ballot,
        /// What that was.
        register: Register,
    },
    /// From a replica to itself, held back by its disk: it knows how often it has started.
    Awake,
    /// Gossip begins: a digest of each bucket of keys.
    Summary(Arc<Digests>),
    /// The answer to a summary that differs.
    Places {
        /// The buckets that differ.
        buckets: Buckets,
        /// Every key of theirs that the sender has a copy of, and its ballot, in the order of keys.
        known: Vec<(Key, Ballot)>,
    },
    /// The answer to places, and then to what was wanted.
    Repair {
        /// What the receiver's copy lacks.
        newer: Vec<(Key, Ballot, Register)>,
        /// Keys of which the receiver knows more.
        wanted: Vec<Key>,
    },
}

const HEADER_BYTES: usize = 16;
const KEY_BYTES: usize = 4;
const TICKET_BYTES: usize = 8;

impl Payload for Message {
    fn bytes(&self) -> u32 {
        const PLACE: usize = KEY_BYTES + Ballot::BYTES;
        let body = match self {
            Message::Prepare { .. } | Message::Release { .. } | Message::Chosen { .. } => PLACE,
            Message::Accepted { .. } => PLACE + 1,
            Message::Promised { register, .. } => PLACE + Ballot::BYTES + register.bytes(),
            Message::Accept { register, .. } => PLACE + 1 + register.bytes(),
            Message::Refused { .. } => PLACE + Ballot::BYTES + 1,
            Message::Ask { offer, .. } => {
                let offered = offer.as_ref().map_or(0, |(_, register)| Ballot::BYTES + register.bytes());
                KEY_BYTES + TICKET_BYTES + offered
            }
            Message::Held { register, .. } => PLACE + TICKET_BYTES + register.bytes(),
            Message::Awake => 0,
            Message::Summary(digests) => size_of_val(&**digests),
            Message::Places { buckets, known } => size_of_val(buckets) + known.len() * PLACE,
            Message::Repair { newer, wanted } => {
                newer.iter().map(|(.., register)| PLACE + register.bytes()).sum::<usize>() + wanted.len() * KEY_BYTES
            }
        };
        u32::try_from(HEADER_BYTES + body).unwrap_or(u32::MAX)
    }
}
