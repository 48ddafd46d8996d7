//! # Orchestrated
//!
//! **Idea.** Primary-backup replication under orchestrators at several sites, which are a Raft group: the one that leads watches the
//! primary, asks the replicas whether they miss it, too, and promotes the most advanced. Nothing keeps the old primary from going on.
//!
//! ```text
//! us-east-1 (primary)      us-west-2 (backup)       an orchestrator that leads      another
//!      │◄──────── how are you? ───────┼────────────────────────│                       │    each `heartbeat`
//!      │────────── well ──────────────┼───────────────────────►│                       │
//!      ✗ cut off: serves on           │───── well, and I hear my primary ─────────────►│
//!                                     │                        │    silent for `detect`: Suspected
//!                                     │──── I do not hear it ─►│
//!                                     │◄──── how far? ─────────│
//!                                     │────────────────────────►│──── it is to be us-west-2 ────►│  in the log
//!                                     │◄── you are the primary ─│◄────────── appended ───────────│  Decided, Fenced
//!                                     │ `promote` later: Leader, Ready
//! ```
//!
//! **Claims.** One leader in each epoch, under any fault: who is primary is an entry of a log. Convergence of the replicas that do
//! not stay out. Where writes wait for all backups: no acknowledged write lost, a single writer, and with `reads = "primary"`
//! linearizability, under any fault.
//!
//! **Does not claim.** Else a single writer: a primary that is cut off goes on for those who reach it, until an orchestrator reaches
//! it. That an acknowledged write survives a failover, also where it waited for some backups: what a backup takes from its old primary
//! while another is chosen counts for nothing. That there is a failover where a replica hears the primary and no orchestrator does.
//!
//! **Assumes.** Disks keep what they synced.
//!
//! **Cost.** What primary-backup costs; and M orchestrators and R replicas exchange 2MR messages a `heartbeat`, the primary sends R-1
//! and the orchestrators' leader 2(M-1) of Raft's. A failover: `detect` and up to a heartbeat, a round trip to the backups, one
//! between orchestrators, one way to the chosen, `promote`.
//!
//! **Source.** GitHub, *October 21 post-incident analysis*, 2018 (Orchestrators at three sites that agree by Raft, the most advanced replica
//! promoted across the country, no fence).
//!
//! **Departures.** Whatever a real orchestrator does to keep a cluster from being failed over twice in a row, and its hooks, are left
//! out. A replica tells whether it hears its primary where a real one shows the state of its replication.
//!
//! **At its worst.** `scenarios/github-2018-10-21.toml`: 43 seconds of cut, two writable primaries.
//!
//! Made of two protocols: [`PrimaryBackup`](primary_backup::PrimaryBackup) in the replicas, [`Raft`](raft::Raft) among the
//! orchestrators, both as they are. Files: `options.rs`, `instance.rs` (a replica), `orchestrator.rs` (who watches and decides).

mod instance;
mod options;
mod orchestrator;
#[cfg(test)]
mod tests;

pub use options::Options;

use crate::id::NodeId;
use crate::op::OpKind;

use super::primary_backup::{self, Sign};
use super::raft;
use super::{About, Claim, Context, OptionsError, Payload, Protocol, Request, Role, Seat, Serves, State};
use instance::Instance;
use options::Plan;
use orchestrator::Orchestrator;

/// This protocol's page in the zoo.
pub const ABOUT: About = About {
    name: "orchestrated",
    idea: "Primary-backup under orchestrators that are a Raft group: the one that leads asks primary and replicas how they are, and \
           promotes the most advanced replica.",
    does_not_claim: "A single writer, or that an acknowledged write survives a failover: nothing keeps an old primary from going \
                     on for those who reach it.",
    cost: "As primary-backup, and 2MR messages a heartbeat of M orchestrators and R replicas, besides Raft's own.",
    source: "GitHub, October 21 post-incident analysis, 2018.",
    worst: "scenarios/github-2018-10-21.toml",
};

/// One node: a replica, or an orchestrator.
#[derive(Clone, Debug, Hash)]
pub struct Orchestrated(Node);

#[derive(Clone, Debug, Hash)]
enum Node {
    Instance(Box<Instance>),
    Orchestrator(Box<Orchestrator>),
}

/// What nodes send each other.
#[derive(Clone, Debug, Hash)]
pub enum Message {
    /// Replica to replica; orchestrator to replica: who is primary, and how are you?
    Database(primary_backup::Message),
    /// Replica to orchestrator: the answer.
    Sign {
        /// A sign of life.
        sign: Sign,
        /// Whether it hears its primary.
        hears: bool,
    },
    /// Primary to backup: I am here.
    Beat,
    /// Orchestrator to orchestrator.
    Raft(raft::Message),
}

impl From<primary_backup::Message> for Message {
    fn from(message: primary_backup::Message) -> Message {
        Message::Database(message)
    }
}

impl From<raft::Message> for Message {
    fn from(message: raft::Message) -> Message {
        Message::Raft(message)
    }
}

impl Payload for Message {
    /// Those of the protocols that it is made of as they are; a sign is a byte more than theirs, and a beat a header of 16 bytes.
    fn bytes(&self) -> u32 {
        match self {
            Message::Database(message) => message.bytes(),
            Message::Raft(message) => message.bytes(),
            Message::Sign { sign, .. } => primary_backup::Message::Pong(*sign).bytes() + 1,
            Message::Beat => 16,
        }
    }
}

/// What a node waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timer {
    /// A replica's own.
    Database(primary_backup::Timer),
    /// Orchestrator: Raft's own.
    Raft(raft::Timer),
    /// Replica: a sign to the backups is due, if it is the primary.
    Beat,
    /// Orchestrator: time to ask.
    Poll,
    /// Orchestrator: enough waited for replicas to tell how far they are.
    Choose,
}

impl From<primary_backup::Timer> for Timer {
    fn from(timer: primary_backup::Timer) -> Timer {
        Timer::Database(timer)
    }
}

impl From<raft::Timer> for Timer {
    fn from(timer: raft::Timer) -> Timer {
        Timer::Raft(timer)
    }
}

/// One durable record of a node.
#[derive(Clone, Debug, Hash)]
pub enum Record {
    /// A replica's own.
    Database(primary_backup::Record),
    /// An orchestrator's: Raft's own.
    Raft(raft::Record),
}

impl From<primary_backup::Record> for Record {
    fn from(record: primary_backup::Record) -> Record {
        Record::Database(record)
    }
}

impl From<raft::Record> for Record {
    fn from(record: raft::Record) -> Record {
        Record::Raft(record)
    }
}

impl Protocol for Orchestrated {
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
        Orchestrated(match cx.role() {
            Role::Monitor => Node::Orchestrator(Box::new(Orchestrator::start(plan, recovered, cx))),
            _ => Node::Instance(Box::new(Instance::start(plan, recovered, cx))),
        })
    }

    fn on_request(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        match &mut self.0 {
            Node::Instance(instance) => instance.on_request(request, cx),
            Node::Orchestrator(_) => panic!("clients ask replicas, never orchestrators"),
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, cx: &mut Context<Self>) {
        match &mut self.0 {
            Node::Instance(instance) => instance.on_message(from, message, cx),
            Node::Orchestrator(orchestrator) => orchestrator.on_message(from, message, cx),
        }
    }

    fn on_timer(&mut self, timer: Timer, cx: &mut Context<Self>) {
        match &mut self.0 {
            Node::Instance(instance) => instance.on_timer(timer, cx),
            Node::Orchestrator(orchestrator) => orchestrator.on_timer(timer, cx),
        }
    }

    fn state(&self) -> State {
        match &self.0 {
            Node::Instance(instance) => instance.database().state(),
            Node::Orchestrator(_) => State::no_data(),
        }
    }
}
