//! # Lease store
//!
//! **Idea.** Primary-backup replication whose primary is whoever holds a key in a store, itself a Raft group: an agent beside
//! each replica keeps the key alive, or races for it when it has run out. As of Patroni with etcd.
//!
//! ```text
//! primary's agent      the store (Raft)      a backup's agent     another's
//!      │──── renew the key ──►│                     │                  │     each `loop-wait`
//!      │◄───────── ok ────────│                     │                  │     the replica may serve for `ttl - safety-margin`
//!      ✗ crash                │ nobody renewed for  │                  │     from when it asked
//!                             │ `ttl`: Suspected;   │                  │
//!                             │ the key is vacated  │                  │
//!                             │────── changed ─────►│                  │
//!                             │◄─── who has it? ────│                  │
//!                             │───── nobody ───────►│──── how far? ───►│
//!                             │                     │◄──── so far ─────│
//!                             │◄── take it, if it ──│                  │     the most advanced, or the first of equals
//!                             │    is as it was     │                  │
//!                             │───────── ok ───────►│                  │     Decided, Fenced; `promote` later: Leader
//! ```
//!
//! **Claims.** One leader in each epoch, under any fault: to take the key is a compare-and-set, and an epoch is how often it was
//! taken. A single writer, and convergence of the replicas that do not stay out, as long as clocks run evenly: a holder stops
//! `safety-margin` before the store can let anybody else have the key. Where writes wait for backups, no acknowledged write is
//! lost, and with `reads = "primary"` each key is linearizable. In synchronous mode the first holds whatever clocks do. Without a
//! `watchdog` the fence is not claimed under pauses, and where work takes long. `failsafe` weakens nothing.
//!
//! **Does not claim.** With `acknowledge = "local"`, that an acknowledged write survives a failover. That the primary serves while
//! its agent cannot reach a majority of the store: it is demoted, unless with `failsafe` every other replica agrees that it goes on. Without a fault nothing
//! but a store that answers slower than `retry-timeout` makes a failover.
//!
//! **Assumes.** Disks keep what they synced: a store that forgot who had the key breaks every claim, as does a replica that forgot
//! what it had acknowledged. With a `watchdog` a pause does not break the fence here: each answer leaves in the instant in which the lease was
//! found to be valid.
//!
//! **Cost.** What primary-backup costs; and each `loop-wait` a request of each agent to the store, which is a round trip to the
//! store's leader and, for a renewal, one more from there to its nearest majority. A failover: what is left of `ttl` since the last renewal,
//! then two round trips to the store, and `poll` where a replica is silent.
//!
//! **Source.** Patroni documentation, Dynamic Configuration Settings, Replication modes, Watchdog support (`ttl`, `loop_wait`,
//! `retry_timeout`, the rule for the three, 5 s of margin); Gray and Cheriton, SOSP 1989 (leases); Burrows, OSDI 2006
//! (a lock service that elects primaries).
//!
//! **Departures.** Members are fixed, and tell each other how far they are, as Patroni's do by REST; their own keys are left out.
//! The store's watches are messages that may be lost: an agent looks each `loop-wait` anyway. The store remembers its clients,
//! so that a request that is repeated is carried out once. An agent and its replica are one node, and fail together.
//!
//! **At its worst.** `scenarios/patroni-lab.toml`: half a minute until a crash is noticed.
//!
//! Made of two protocols: [`PrimaryBackup`](primary_backup::PrimaryBackup) in the replicas, [`Raft`](raft::Raft) in the store, both as they are. Files:
//! `options.rs`, `keys.rs` (what is in the store), `store.rs` (a node of it), `session.rs` (how agents ask it), `agent.rs` (what
//! they do with the answers), `race.rs` (when nobody has the key), `failsafe.rs` (when there is no store), `sync.rs` (synchronous mode).

mod agent;
mod failsafe;
mod keys;
mod options;
mod race;
mod session;
mod store;
mod sync;
#[cfg(test)]
mod tests;

pub use options::{Options, Synchronous};

use crate::id::{NodeId, RequestId};
use crate::op::{Op, OpKind, Refusal, Reply};

use super::primary_backup::{self, Position};
use super::raft;
use super::{About, Claim, Context, OptionsError, Payload, Protocol, Request, Role, Seat, Serves, State};
use agent::Agent;
use options::Plan;
use store::Store;

/// This protocol's page in the zoo.
pub const ABOUT: About = About {
    name: "lease-store",
    idea: "Primary-backup whose primary holds a key in a store, itself a Raft group: agents beside the replicas keep it alive, or \
           race for it when it has run out.",
    does_not_claim: "The primary is demoted where its agent cannot reach a majority of the store. Asynchronous, a failover loses \
                     what had not left the primary.",
    cost: "As primary-backup, and a request of each agent to the store each `loop-wait`. A failover takes what is left of `ttl`.",
    source: "Patroni documentation (ttl, loop_wait, retry_timeout, watchdog); Gray and Cheriton, SOSP 1989; Burrows, OSDI 2006.",
    worst: "scenarios/patroni-lab.toml",
};

/// One node: a replica with its agent, or a node of the store.
#[derive(Clone, Debug, Hash)]
pub struct LeaseStore(Node);

#[derive(Clone, Debug, Hash)]
enum Node {
    Agent(Box<Agent>),
    Store(Box<Store>),
}

/// What nodes send each other.
#[derive(Clone, Debug, Hash)]
pub enum Message {
    /// Replica to replica.
    Database(primary_backup::Message),
    /// Node of the store to node of the store.
    Store(raft::Message),
    /// Agent to a node of the store, which sends it on to the one that leads.
    Request {
        /// Which request; its client names the agent.
        id: RequestId,
        /// What is asked.
        op: Op,
    },
    /// The store to an agent, the way that the request came.
    Answer {
        /// Which request.
        id: RequestId,
        /// The answer.
        says: Result<Reply, Refusal>,
    },
    /// The store to an agent: the key changed hands.
    Changed,
    /// Agent to agent: nobody has the key; how far are you?
    Ask {
        /// Which of its questions this is.
        poll: u32,
    },
    /// The answer.
    Tell {
        /// To which question.
        poll: u32,
        /// The end of the replica's log.
        last: Position,
        /// Whether it is the primary and may serve.
        serves: bool,
    },
    /// Primary's agent to agent: I cannot reach the store; may I go on?
    Appeal {
        /// Which of its questions this is.
        appeal: u32,
        /// The primary's epoch.
        epoch: u64,
    },
    /// The answer, if it is yes.
    Agree {
        /// To which question.
        appeal: u32,
    },
}

impl From<primary_backup::Message> for Message {
    fn from(message: primary_backup::Message) -> Message {
        Message::Database(message)
    }
}

impl From<raft::Message> for Message {
    fn from(message: raft::Message) -> Message {
        Message::Store(message)
    }
}

impl Payload for Message {
    /// Those of the protocols that it is made of as they are; else a header of 16 bytes, 12 a request's id, 21 an operation (kind, key, two
    /// values), 9 an answer, 16 a position.
    fn bytes(&self) -> u32 {
        match self {
            Message::Database(message) => message.bytes(),
            Message::Store(message) => message.bytes(),
            Message::Request { .. } => 16 + 12 + 21,
            Message::Answer { .. } => 16 + 12 + 9,
            Message::Changed => 16,
            Message::Appeal { .. } => 16 + 4 + 8,
            Message::Ask { .. } | Message::Agree { .. } => 16 + 4,
            Message::Tell { .. } => 16 + 4 + 16 + 1,
        }
    }
}

/// What a node waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timer {
    /// A replica's own.
    Database(primary_backup::Timer),
    /// A node of the store: Raft's own.
    Store(raft::Timer),
    /// The store's leader: nobody has renewed the key for long enough.
    Expiry,
    /// Agent: time to look.
    Loop,
    /// Agent: the node of the store that was asked is silent.
    Retry,
    /// Agent: enough waited for others to tell how far they are, or whether it may go on.
    Poll,
}

impl From<primary_backup::Timer> for Timer {
    fn from(timer: primary_backup::Timer) -> Timer {
        Timer::Database(timer)
    }
}

impl From<raft::Timer> for Timer {
    fn from(timer: raft::Timer) -> Timer {
        Timer::Store(timer)
    }
}

/// One durable record of a node.
#[derive(Clone, Debug, Hash)]
pub enum Record {
    /// A replica's own.
    Database(primary_backup::Record),
    /// A node of the store: Raft's own.
    Store(raft::Record),
    /// The node began, for the so-manieth time: what it asks from now on it asks as another client of the store.
    Begun(u32),
}

impl From<primary_backup::Record> for Record {
    fn from(record: primary_backup::Record) -> Record {
        Record::Database(record)
    }
}

impl From<raft::Record> for Record {
    fn from(record: raft::Record) -> Record {
        Record::Store(record)
    }
}

impl Protocol for LeaseStore {
    type Message = Message;
    type Timer = Timer;
    type Record = Record;
    type Session = ();
    type Options = Options;

    fn seats(options: &Options, regions: &[&str]) -> Result<Vec<Seat>, OptionsError> {
        options::seats(options, regions)
    }

    fn serves(options: &Options, kind: OpKind) -> Serves {
        match kind {
            OpKind::Read if options.reads == primary_backup::Reads::Nearest => Serves::AnyReplica,
            _ => Serves::Leader(options.primary.clone()),
        }
    }

    fn claims(options: &Options) -> Vec<Claim> {
        options::claims(options)
    }

    fn start(options: &Options, recovered: Vec<Record>, cx: &mut Context<Self>) -> Self {
        let plan = Plan::new(options, cx);
        LeaseStore(match cx.role() {
            Role::Monitor => Node::Store(Box::new(Store::start(plan, recovered, cx))),
            _ => Node::Agent(Box::new(Agent::start(plan, recovered, cx))),
        })
    }

    fn on_request(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        match &mut self.0 {
            Node::Agent(agent) => agent.on_request(request, cx),
            Node::Store(_) => panic!("clients ask replicas, never the store"),
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, cx: &mut Context<Self>) {
        match &mut self.0 {
            Node::Agent(agent) => agent.on_message(from, message, cx),
            Node::Store(store) => store.on_message(from, message, cx),
        }
    }

    fn on_timer(&mut self, timer: Timer, cx: &mut Context<Self>) {
        match &mut self.0 {
            Node::Agent(agent) => agent.on_timer(timer, cx),
            Node::Store(store) => store.on_timer(timer, cx),
        }
    }

    fn state(&self) -> State {
        match &self.0 {
            Node::Agent(agent) => agent.database().state(),
            Node::Store(_) => State::no_data(),
        }
    }
}
