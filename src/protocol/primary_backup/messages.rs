//! What nodes send each other, and how long it is on the wire. Next: `log.rs`.

use crate::id::NodeId;
use crate::protocol::Payload;
use crate::time::{Duration, Time};

use super::{Change, Entry, Kept, Office, Position, Stretch};

/// What nodes send each other.
#[derive(Clone, Debug, Hash)]
pub enum Message {
    /// Primary to backup: append this, or where it has no entries: is this the end of your log, too?
    Append {
        /// The primary's epoch.
        epoch: u64,
        /// What to append.
        stretch: Stretch,
    },
    /// Backup to primary: my log equals yours up to here, synced.
    Ack {
        /// The primary's epoch.
        epoch: u64,
        /// How far.
        index: u64,
    },
    /// Backup to primary: I know of a later epoch than yours.
    Stale {
        /// That epoch.
        epoch: u64,
    },
    /// Backup to primary: how far does your log go?
    AskEnd {
        /// The primary's epoch.
        epoch: u64,
        /// What the backup's clock shows.
        at: Time,
    },
    /// Primary to backup: the answer to that.
    End {
        /// The primary's epoch.
        epoch: u64,
        /// What the backup's clock showed when it asked.
        at: Time,
        /// The end of the primary's log.
        index: u64,
    },
    /// A replica to one whose log it is to have: my log ends here; send what follows.
    Fetch {
        /// The epoch in which it was told to.
        epoch: u64,
        /// The end of its log.
        last: Position,
    },
    /// A replica to a candidate that is behind it: append this before you are promoted.
    Loan {
        /// The epoch of the election.
        epoch: u64,
        /// What to append.
        stretch: Stretch,
    },
    /// A primary to itself: the disk has my log up to here.
    Synced {
        /// Its epoch.
        epoch: u64,
        /// How far.
        index: u64,
    },
    /// Monitor to anybody: this is who is primary; give a sign of life. To one who learns by it that it is the primary,
    /// it is the order to take office.
    Ping {
        /// Who is primary.
        office: Office,
        /// A lease for the primary, counted from this reading of its own clock.
        grant: Option<Time>,
    },
    /// Replica to monitor: a sign of life.
    Pong(Sign),
    /// Monitor to monitor: I suspect the primary of this epoch.
    Suspicion {
        /// The epoch.
        epoch: u64,
    },
    /// Monitor to monitor: vote that I run the election for this epoch.
    Candidacy {
        /// The epoch.
        epoch: u64,
    },
    /// Monitor to monitor: the answer to that.
    Vote {
        /// The epoch asked for.
        epoch: u64,
        /// Yes or no.
        granted: bool,
        /// The highest epoch that the voter knows of.
        highest: u64,
        /// How long the leases that the voter granted may still last.
        lease_left: Duration,
    },
    /// Replica to primary: a part of your copy, in place of mine.
    AskPart {
        /// How much is still to come.
        left: u64,
        /// How much of that is asked for, in bytes.
        bytes: u32,
    },
    /// Primary to replica: here it is.
    Part {
        /// How much was still to come.
        left: u64,
        /// How much of that this is, in bytes.
        bytes: u32,
    },
    /// A replica that was primary to the primary: writes that you do not have.
    Offer {
        /// The epoch of the primary.
        epoch: u64,
        /// In their order.
        writes: Vec<Kept>,
    },
    /// Primary to that replica: each is in the log, or a conflict.
    Settle {
        /// The primary's epoch.
        epoch: u64,
        /// How many there were.
        writes: u32,
    },
    /// Monitor to primary: take no more requests, and let this replica have all that you took.
    HandOver {
        /// The primary's epoch.
        epoch: u64,
        /// The replica.
        to: NodeId,
    },
    /// Primary to monitor: that is done.
    HandedOver {
        /// Its epoch.
        epoch: u64,
    },
    /// Monitor to monitor: vote that I run the election for this epoch, though nobody is suspected.
    Succession {
        /// The epoch.
        epoch: u64,
    },
    /// Monitor to replica: take nothing of earlier epochs from now on, and tell where your log ends.
    Collect {
        /// The epoch of the election.
        epoch: u64,
        /// First get what this replica has.
        source: Option<NodeId>,
    },
    /// Replica to monitor: the answer to that.
    Report {
        /// The epoch of the election.
        epoch: u64,
        /// The end of its log.
        last: Position,
    },
}

/// A replica's sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sign {
    /// Who is primary, as far as it knows.
    pub office: Office,
    /// The end of its log.
    pub last: Position,
    /// Whether it is that primary, or about to be, and has not been without a lease for too long.
    pub leads: bool,
    /// Whether it holds a valid lease.
    pub leased: bool,
    /// Whether it stays out with a copy that nobody wants.
    pub stranded: bool,
    /// Its clock, from which a lease counts.
    pub clock: Time,
}

const HEADER_BYTES: usize = 16; // kind, group and epoch
const POSITION_BYTES: usize = 16; // epoch and index
const ENTRY_BYTES: usize = 8 + 8 + 1 + 4 + 8; // epoch, request, kind, key, value
const SIGN_BYTES: usize = 8 + POSITION_BYTES + 2 + 8; // office, position, flags, clock

/// An entry of the log on the wire: of a put, eight bytes more for each column beyond the first.
fn entry_bytes(entry: &Entry) -> usize {
    match entry.change {
        Change::Put(_, columns, _) => ENTRY_BYTES + 8 * columns.count().saturating_sub(1) as usize,
        Change::Next(..) => ENTRY_BYTES + 4,
        Change::Open | Change::Set(..) | Change::Found(_) => ENTRY_BYTES,
    }
}

impl Payload for Message {
    /// A 16-byte header; 16 bytes a position; 29 bytes an entry (epoch 8, request 8, kind 1, key 4, value 8), which is
    /// the log's overhead and no more: values of a real size would add theirs.
    fn bytes(&self) -> u32 {
        let body = match self {
            Message::Append { stretch, .. } | Message::Loan { stretch, .. } => {
                POSITION_BYTES + 8 + stretch.entries.iter().map(entry_bytes).sum::<usize>()
            }
            Message::Fetch { .. } | Message::Report { .. } => POSITION_BYTES,
            Message::Ack { .. } | Message::Synced { .. } | Message::AskEnd { .. } => 8,
            Message::End { .. } => 16,
            Message::Ping { .. } => 10,
            Message::Pong(_) => SIGN_BYTES,
            Message::Vote { .. } => 17,
            Message::AskPart { .. } | Message::Settle { .. } => 12,
            Message::Part { bytes, .. } => 12 + *bytes as usize,
            Message::Offer { writes, .. } => {
                let numbers = writes.iter().filter(|write| write.number.is_some()).count();
                4 + writes.len() * (ENTRY_BYTES + 8) + numbers * 4
            }
            Message::Collect { .. } | Message::HandOver { .. } => 2,
            Message::Stale { .. }
            | Message::Suspicion { .. }
            | Message::Candidacy { .. }
            | Message::HandedOver { .. }
            | Message::Succession { .. } => 0,
        };
        (HEADER_BYTES + body) as u32
    }
}
