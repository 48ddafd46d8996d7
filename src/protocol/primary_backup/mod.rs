//! # Primary-backup
//!
//! **Idea.** One replica, the primary, puts all writes in order and streams its log to the backups, which apply it as
//! it comes. When monitors miss the primary for long enough, they agree on a successor, and promote the most advanced
//! backup.
//!
//! ```text
//! client      us-east-1 (primary)        eu-west-1 (backup)        a monitor
//!    │──write──────►│ log, persist              │                      │
//!    │◄─────ok──────│──────── Append ──────────►│ log, persist, apply  │
//!    │  (local)     │                           │                      │
//!    │◄─────ok──────│◄───────── Ack ────────────│                      │
//!    │  (one)       │◄──────────────────────────┼──Ping, with a lease──│  every `heartbeat`
//!    │              │───────────────────────────┼────────Pong─────────►│
//!    │              ✗ crash                     │                      │  `detect` after the last Pong: Suspected
//!    │                                          │  Candidacy ⇄ Vote with the other monitors: Decided
//!    │                                          │  every lease granted has run out: Fenced
//!    │                                          │◄───────Collect───────│
//!    │                                          │────────Report───────►│  the most advanced candidate is chosen
//!    │                                          │◄───────Ping──────────│  "you are the primary of epoch 2"
//!    │                                          │  `promote` later: Leader, and Ready as soon as it may answer
//! ```
//!
//! **Claims.** Without `failover`: linearizability (with `reads = "primary"`), no acknowledged write lost, convergence
//! and a single writer, under any fault: there is one copy that decides, and its disk survives. With `failover`: one
//! leader in each epoch under any fault; convergence of the replicas that do not stay out (`returning = "refuse"`). With
//! `fencing = "epoch"`, or where writes wait for all backups: a single writer, under any fault. Where writes wait for at least one
//! backup: no acknowledged write lost, under any fault; with fencing, or for all backups, and `reads = "primary"` besides:
//! linearizability. Fencing relies on clocks that stay within the
//! uncertainty that the deployment declares (leases are stretched by it); beyond that nothing is claimed of it.
//!
//! A pause does not break the fence here: each answer leaves in the instant in which the lease was found to be valid,
//! and a paused node sends nothing. A real machine may stop between the two.
//!
//! A row that is put in several columns is one entry of the log, and no replica shows a part of it, but where what is kept aside is merged, column by
//! column. A sequence goes on from the last number in the log of who leads: where no acknowledged write is lost, or merged in vain, none is given twice.
//!
//! **Does not claim.** With `acknowledge = "local"`, that an acknowledged write survives a failover: what had not
//! reached the new primary is rolled back, kept aside with a replica that is refused, or merged where nobody wrote the key since (fenced and cut off, what it
//! acknowledges until its lease is out, at most `lease` later). Without fencing, that there is one primary at a time: a
//! primary that is cut off goes on serving those who reach it, for as long as the cut lasts. Writes that wait for
//! backups stop when too few are in reach, also after a failover (it degrades to asynchronous only with `degrade-after`,
//! and then promises no more than that; with `cancel-wait-after` what was acknowledged is on a backup unless its wait was cancelled,
//! and a failover loses it then), and a
//! failover stops when too few replicas are in reach to know that nothing acknowledged is missing: with `acknowledge =
//! "all"`, a new primary is ready only when the lost replica is back. With `reads = "nearest"` a backup answers from
//! the prefix it has, at any age; with `max-lag` no older than that as long as nobody is promoted: a backup that may lag further sends who
//! reads to the primary.
//!
//! **Assumes.** Disks keep what they synced: a monitor that forgot its vote, or a replica that forgot what it had acknowledged,
//! breaks every claim (a lying disk, a wiped one). Monitors lie on the same links as everybody else.
//!
//! With `acknowledge = "first"` writes wait for one backup, the first in the order of `backups` that has not owed an answer for
//! `sender-timeout`: a cut stalls them for that long. With `demote-after` a primary that has a successor goes on for that long once
//! it could be told, also one that restarts: what it acknowledges then is lost.
//!
//! **Cost.** Of B backups, k waited for. Read: no one-way delay between nodes, no message. Write: none where k is 0,
//! else the round trip to the k-th nearest backup; 2B messages (Append and Ack), and an entry is on the wire only once
//! the primary's own disk has it. A backup's copy lags by the one-way delay, and with `ship-every`
//! by up to that much more. With `max-lag` two small messages a backup each `ask-every`. With failover, M monitors and R replicas
//! exchange 2MR messages a heartbeat. Without it a quiet design sends nothing. Detection: with one-way delay d to the
//! monitor and heartbeats each h, a crash is suspected d + `detect` - U(0, h) later, because a monitor's patience
//! starts anew when a Pong *arrives*. Then one round trip between monitors to decide, one to the replicas to choose (at
//! most one heartbeat is spent on silent ones), one way to the chosen, `promote`, and where k > 0 a round trip to k
//! backups.
//!
//! **Source.** Alsberg and Day, ICSE 1976 (the scheme, and that a client is answered when enough copies hold the
//! write); Budhiraja, Marzullo, Schneider and Toueg, in *Distributed Systems* (2nd ed.), 1993 (failover time); Gray and
//! Cheriton, SOSP 1989 (leases). The knobs are those that Patroni, Orchestrator and Redis Sentinel made known.
//!
//! **Departures.** Backups are not a chain that answers in the primary's stead (Alsberg and Day): the primary answers.
//! The papers assume reliable channels or a known bound on delay: here entries carry an (epoch, index), a backup takes
//! only what fits its log, and offers repair what is lost. A new primary opens its epoch with an entry of its own, and
//! counts older entries as held only with it, as Raft does: otherwise an acknowledged write could be taken back by a
//! third primary. A replica that reports to an election takes nothing from older epochs from then on, so a write is
//! acknowledged before the election or not at all. Logs are kept whole: there are no snapshots.
//!
//! **Phases of a failover.** `Suspected`: a monitor's patience ran out. `Decided`: a quorum of monitors that all
//! suspect voted for a new epoch; with an `operator`, the time that this person takes is before it. `Fenced`: each lease that a voter granted has run out by its own clock, stretched by
//! four times the declared uncertainty; without fencing it follows at once, and means only that nobody waits. `Provisioned`: the chosen replica's
//! `provision` has passed, where there is any. `Leader`:
//! the chosen replica's `promote` has passed. `Ready`: it holds a lease (if fenced), and its first entry is held as
//! widely as `acknowledge` asks. A primary that loses its lease observes `SteppedDown`, and `Leader` and `Ready` of the
//! same epoch if it gets it back; so does one that restarts and is still the primary.
//!
//! **Probes.** A replica's answer to a monitor leaves when its disk has what the replica took before, so that a disk that stalls makes its
//! replica silent, and no candidate. With `probe = "shallow"` the answer comes from memory: a replica that can take no write is
//! chosen like any other, and as long as it answers nobody suspects it.
//!
//! **Failback.** With `failback` the office goes back to the first primary when that is well again: the primary takes no more
//! requests, and is done once its successor has the whole log; then monitors that suspect nobody vote, and it is promoted like any
//! other. Nothing is lost by that, and nobody is served meanwhile: a second outage, of `promote` and four one-way delays or so,
//! and of a lease, where there is fencing.
//!
//! **At its worst.** `scenarios/github-2018-10-21.toml`: 43 seconds of cut, two writable primaries.
//!
//! Files: `options.rs`, `acknowledge.rs`, `seats.rs`, `plan.rs` (knobs, and what comes of them), `messages.rs`, `log.rs`, `replica.rs` (a node with a copy: requests and offices), `primary.rs` and `backup.rs`
//! (its two duties), `lag.rs` (reads of a copy that lags no further than it may), `monitor.rs` (heartbeats, suspicion, leases), `operator.rs` (a person who decides), `degrade.rs` (semi-synchronous
//! replication, and waits that are cancelled), `priority.rs` (backups with an order), `copying.rs` and `aside.rs` (what a replica gives up when it returns), `election.rs` (votes, and
//! who is chosen), `failback.rs` (back to the first primary).

mod acknowledge;
mod aside;
mod backup;
mod copying;
mod degrade;
mod election;
mod failback;
mod lag;
mod log;
mod messages;
mod monitor;
mod operator;
mod options;
mod plan;
mod primary;
mod priority;
mod replica;
mod seats;
#[cfg(test)]
mod testbed;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod trials;

pub use acknowledge::Acknowledge;
pub use aside::Kept;
pub use copying::{Copying, Size};
pub use failback::Failback;
pub use lag::MaxLag;
pub use log::{Change, Entry, Position, Stretch};
pub use messages::{Message, Sign};
pub use operator::{Operator, Rule};
pub use options::{Failover, Fencing, Options, Probe, Reads, Returning};
pub(in crate::protocol) use primary::Wait;

use crate::id::NodeId;
use crate::op::{Object, OpKind};
use crate::time::{Duration, Time};
use crate::trace::FaultKind;

use super::{About, Claim, Context, Guarantee, OptionsError, Protocol, Request, Role, Seat, Serves, State};
use monitor::Monitor;
use plan::Plan;
use primary::Primary;
use replica::{Duty, Replica};

/// This protocol's page in the zoo.
pub const ABOUT: About = About {
    name: "primary-backup",
    idea: "One replica orders all writes and streams its log to the backups; monitors that miss it promote the most \
           advanced backup.",
    does_not_claim: "Asynchronous, it loses at a failover what had not left the primary; without fencing a primary \
                     that is cut off goes on serving. Synchronous, writes wait while too few backups are in reach.",
    cost: "Read: nothing. Write: nothing, or the round trip to the k-th nearest backup; 2 messages a backup.",
    source: "Alsberg and Day, ICSE 1976; Budhiraja et al., Distributed Systems (2nd ed.), 1993; leases: Gray and \
             Cheriton, SOSP 1989.",
    worst: "scenarios/github-2018-10-21.toml",
};

/// One node: a replica (the primary is one), or a monitor.
#[derive(Clone, Debug, Hash)]
pub struct PrimaryBackup(Node);

/// Boxed, because a replica is large and there are many monitors.
#[derive(Clone, Debug, Hash)]
enum Node {
    Replica(Box<Replica>),
    Monitor(Box<Monitor>),
}

/// Who is primary, and of which epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Office {
    /// The epoch, from 1.
    pub epoch: u64,
    /// Who holds it.
    pub primary: NodeId,
}

/// What a node waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timer {
    /// Replica: there are machines to serve from.
    Provision,
    /// Replica: the promotion is done.
    Promote,
    /// Primary: the lease runs out.
    Lease,
    /// Primary: backups still owe an answer.
    Repair,
    /// Primary: what is new in the log is sent.
    Ship,
    /// Primary: a write has waited for backups for long enough.
    Degrade,
    /// Primary: a backup may have owed its answer for too long.
    Sender,
    /// Monitor: time to ask for a sign of life.
    Heartbeat,
    /// Monitor: the primary has been silent for too long.
    Suspect,
    /// Monitor: an election is due, or has not come to an end.
    Campaign,
    /// Monitor: every lease that was granted has run out.
    Fence,
    /// Monitor: enough waited for the reports of silent replicas.
    Choose,
    /// Monitor: the operator who was paged has come to a decision.
    Operator,
    /// Replica: it is time to ask how far the primary's log goes.
    AskEnd,
    /// Replica: a part of a copy is due.
    Copy,
    /// Replica: what is kept aside is offered.
    Offer,
    /// Primary: nobody has taken over the office that it was to hand over.
    HandOver,
    /// Monitor: it is time for the office to go back, or too late.
    Failback,
}

/// One durable log entry of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Record {
    /// The node began. Where a disk has it, this is a restart.
    Boot,
    /// Replica: the next entry of the log.
    Entry(Entry),
    /// Replica: the log has only so many entries.
    Cut(u64),
    /// Replica: nothing of earlier epochs is taken. Monitor: the vote in this epoch is given.
    Promise(u64),
    /// Who is primary.
    Office(Office),
    /// Replica: it stays out.
    Stranded,
    /// Replica: so many bytes are copied anew, and none of its log counts until they are.
    Copying(u64),
    /// Replica: that is done.
    Copied,
    /// Replica: a write that was taken out of the copy, to be offered to the primary.
    Aside(Kept),
    /// Replica: all of those were settled.
    Settled,
}

impl Protocol for PrimaryBackup {
    type Message = Message;
    type Timer = Timer;
    type Record = Record;
    type Session = ();
    type Options = Options;

    fn seats(options: &Options, regions: &[&str]) -> Result<Vec<Seat>, OptionsError> {
        seats::seats(options, regions)
    }

    fn objects(_: &Options) -> &'static [Object] {
        &[Object::Register, Object::Row, Object::Sequence]
    }

    fn serves(options: &Options, kind: OpKind) -> Serves {
        match kind {
            OpKind::Read if options.reads == Reads::Nearest => Serves::AnyReplica,
            _ => Serves::Leader(options.primary.clone()),
        }
    }

    fn claims(options: &Options) -> Vec<Claim> {
        claims(options)
    }

    fn start(options: &Options, recovered: Vec<Record>, cx: &mut Context<Self>) -> Self {
        let plan = Plan::new(options, cx);
        PrimaryBackup(match cx.role() {
            Role::Monitor => Node::Monitor(Box::new(Monitor::start(plan, &recovered, cx))),
            _ => Node::Replica(Box::new(Replica::start(plan, &recovered, cx))),
        })
    }

    fn on_request(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        match &mut self.0 {
            Node::Replica(replica) => replica.on_request(request, cx),
            Node::Monitor(_) => panic!("clients ask replicas, never monitors"),
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, cx: &mut Context<Self>) {
        match &mut self.0 {
            Node::Replica(replica) => replica.on_message(from, message, cx),
            Node::Monitor(monitor) => monitor.on_message(from, message, cx),
        }
    }

    fn on_timer(&mut self, timer: Timer, cx: &mut Context<Self>) {
        match &mut self.0 {
            Node::Replica(replica) => replica.on_timer(timer, cx),
            Node::Monitor(monitor) => monitor.on_timer(timer, cx),
        }
    }

    fn state(&self) -> State {
        match &self.0 {
            Node::Replica(replica) => replica.state(),
            Node::Monitor(_) => State::no_data(),
        }
    }
}

/// What a design that is made of this one asks of a replica besides its messages. No monitor is ever asked.
impl PrimaryBackup {
    /// Whom it takes for the primary.
    pub(in crate::protocol) fn primary(&self) -> Option<NodeId> {
        match &self.0 {
            Node::Replica(replica) => Some(replica.office.primary),
            Node::Monitor(_) => None,
        }
    }

    /// Whether it is the primary, with or without a lease.
    pub(in crate::protocol) fn leads(&self) -> bool {
        self.leading().is_some()
    }

    /// What its writes wait for from now on, in place of what the options say.
    pub(in crate::protocol) fn wait_for(&mut self, wait: Wait, cx: &mut Context<Self>) {
        if let Node::Replica(replica) = &mut self.0 {
            replica.wait = Some(wait);
            replica.advance(cx);
        }
    }

    /// The first backup that has every write that this primary has acknowledged.
    pub(in crate::protocol) fn caught_up(&self) -> Option<NodeId> {
        let (replica, primary) = self.leading()?;
        let has_all = |node: &&NodeId| primary.acked.get(node).is_some_and(|acked| acked.now >= primary.held_by_enough);
        replica.plan.replicas.iter().find(has_all).copied()
    }

    /// Whether a backup of this primary has owed an answer for so long.
    pub(in crate::protocol) fn is_silent(&self, backup: NodeId, lasts: Duration, now: Time) -> bool {
        let acked = self.leading().and_then(|(_, primary)| primary.acked.get(&backup));
        acked.and_then(|acked| acked.owes_since).is_some_and(|since| now.since(since) >= lasts)
    }

    fn leading(&self) -> Option<(&Replica, &Primary)> {
        match &self.0 {
            Node::Replica(replica) => match &replica.duty {
                Duty::Leading(primary) => Some((replica, primary)),
                _ => None,
            },
            Node::Monitor(_) => None,
        }
    }

    /// Takes back whatever lease the replica has, as who granted it may: it stops serving until there is another.
    pub(in crate::protocol) fn revoke(&mut self, cx: &mut Context<Self>) {
        if let Node::Replica(replica) = &mut self.0 {
            replica.revoke(cx);
        }
    }
}

/// What these options promise. A fault-free run is no fault, but a `detect` shorter than a slow round trip makes
/// failovers without one: with failover, nothing is claimed for fault-free runs alone.
fn claims(options: &Options) -> Vec<Claim> {
    let always = |guarantee| Claim { guarantee, under: Claim::DISKS_KEEP };
    let fixed = options.failover.is_none();
    // Leases are counted by clocks; and what a monitor noted by a clock that was ahead it does that much later, perhaps after
    // the run.
    let of_clocks = |guarantee| Claim { guarantee, under: Claim::DISKS_KEEP.without(&FaultKind::OF_CLOCKS) };
    let timed = |guarantee| if fixed { always(guarantee) } else { of_clocks(guarantee) };
    let fenced = options.fencing == Fencing::Epoch;
    let waits = !matches!(options.acknowledge, Acknowledge::Local | Acknowledge::Backups(0));
    let waits = waits && options.degrade_after.is_none() && options.cancel_wait_after.is_none();
    // A successor serves once every replica has its first entry, and who had the office before serves no more when it has that.
    let everybody = options.acknowledge == Acknowledge::All && waits;
    let guarded = |guarantee| if everybody { always(guarantee) } else { timed(guarantee) };
    let mut claims = vec![always(Guarantee::OneLeaderPerEpoch), timed(Guarantee::Convergence)];
    if options.reads == Reads::Primary && (fixed || everybody || (fenced && waits)) {
        claims.push(guarded(Guarantee::Linearizable));
    }
    if fixed || waits {
        claims.push(always(Guarantee::NoAcknowledgedWriteLost));
    }
    if fixed || everybody || fenced {
        claims.push(guarded(Guarantee::SingleWriter));
    }
    claims
}
