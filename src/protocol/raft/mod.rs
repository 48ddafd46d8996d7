//! # Raft
//!
//! **Idea.** One elected leader a term orders every write in a log; an entry that a majority has on disk is committed,
//! and every node applies committed entries in order. Two majorities share a node, so a new leader has all of them.
//!
//! ```text
//! client          eu (follower)          us (leader)              ap (follower)
//!    │─────write──────►│─────forward───────►│ append, persist           │
//!    │                 │◄──────Append───────│─────────Append───────────►│ append, persist
//!    │                 │──────Appended─────►│ a majority: commit, apply │
//!    │◄───────ok───────│◄────────ok─────────│◄────────Appended──────────│
//! ```
//!
//! **Claims.** Under any faults after which a disk has what it said it had: linearizable reads and writes (`reads = "read-index"` or
//! `"follower-read-index"`), no acknowledged write lost, at most one leader a term, and equal copies after heal and quiet.
//! **Does not claim.** To answer without a majority, or while the leader is being replaced. Local reads
//! (`reads = "local"`) show old states. A single writer is not claimed either: a leader that was cut off or paused may
//! acknowledge, late, a write that a majority had before it was deposed, while its successor acknowledges others.
//! **Assumes.** That what a disk has synced stays there: a node that forgot its vote or an entry it had acknowledged makes a
//! majority of which one does not know what it did, so a lying disk or a wiped one breaks every claim. No clock matters to safety; timeouts matter to availability.
//! **Cost.** Write at the leader: one round trip to the nearest majority, 2(n-1) messages. Read: the same, without
//! entries. At another node: one round trip to the leader more. Reads that share a question: those, once for all that wait, and
//! the wait until the question before is answered. Idle: 2(n-1) messages a heartbeat.
//! **Source.** Ongaro, Ousterhout, *In Search of an Understandable Consensus Algorithm*, USENIX ATC 2014; Ongaro,
//! *Consensus: Bridging Theory and Practice*, 2014: pre-vote 9.6, check-quorum 6.2, read-index 6.4, sessions 6.3, the
//! leader's own disk in parallel 10.2.1.
//!
//! **Departures.**
//! - The network reorders datagrams, where the paper's links are mostly in order. A follower keeps early appends aside;
//!   a heartbeat asks for what was sent one heartbeat earlier, so that an append still under way is not taken for lost.
//! - A timeout is drawn from [t, 2t] when a node starts, campaigns or stops leading, and not at each heartbeat.
//! - A read at the leader starts its own heartbeat round at once instead of joining the next one: it costs what a write costs
//!   (`reads = "read-index"`). With `reads = "follower-read-index"` the reads that wait at a node share a question, as in etcd.
//! - A new leader takes the index of its first entry for a read index that is not known yet, instead of waiting first.
//! - A client's number and answer are remembered for good: sessions need no registration and never expire.
//! - A node that sees that some disk forgot (another leader in its own term, or entries in place of those that it knows the
//!   leader to have) stops for good: better out of service than wrong.
//! - Membership changes and leadership transfer are left out; a group keeps its members.
//!
//! **At its worst.** `scenarios/raft-partial-partition.toml`: without pre-vote and check-quorum, a node that reaches
//! only some of the others deposes one leader after the other. `scenarios/roblox-2021.toml`: with `append = "disk-first"`, a leader
//! whose disk is slow commits nothing, and its heartbeats keep it in office; `commit-timeout` is the remedy.
//!
//! Here: state, messages and the handlers. Next: `options.rs`, `election.rs`, `leader.rs`, `follower.rs`, `reads.rs`; `group.rs`, a
//! group inside another design.

mod apply;
mod election;
mod follower;
mod group;
mod leader;
mod log;
mod machine;
mod options;
mod reads;
mod renaming;

#[cfg(test)]
mod tests;

pub use self::group::Group;
pub(in crate::protocol) use self::group::Names;
pub use self::log::{Command, Entries, Entry, Position, Snapshot};
pub use self::machine::Machine;
pub use self::options::{AppendOrder, Options, Reads};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::id::{NodeId, RegionId};
use crate::op::{Op, Refusal, Reply};
use crate::time::{Duration, Time};
use crate::trace::{Observation, Promise};

use super::mutant::Mutant;
use super::{About, Claim, Context, Guarantee, OptionsError, Payload, Protocol, Request, Role, Seat, State, Symmetry};
use follower::Early;
use leader::Leadership;
use log::Log;
use reads::OwnReads;

/// The page in the zoo.
pub const ABOUT: About = About {
    name: "raft",
    idea: "One elected leader a term orders every write in a log; what a majority has on disk is committed, and every \
           node applies it in order.",
    does_not_claim: "To answer without a majority, or while the leader is being replaced. Local reads show old states. A \
                     deposed leader may still acknowledge, late, what was committed before.",
    cost: "Write or read at the leader: one round trip to the nearest majority, 2(n-1) messages; elsewhere one round \
           trip to the leader more. Reads at followers: one to two times that, with one question to the leader for all \
           that wait. Local reads: nothing. Idle: 2(n-1) messages a heartbeat.",
    source: "Ongaro, Ousterhout, In Search of an Understandable Consensus Algorithm, USENIX ATC 2014; Ongaro, \
             Consensus: Bridging Theory and Practice (dissertation), 2014.",
    worst: "scenarios/raft-partial-partition.toml",
};

/// One node of a Raft group.
#[derive(Clone, Debug, Hash)]
pub struct Raft {
    options: Options,
    /// The latest term this node has seen. Durable.
    term: u64,
    /// Whom it voted for in that term. Durable.
    voted_for: Option<NodeId>,
    /// Durable, from the snapshot on.
    log: Log,
    /// Durable.
    snapshot: Option<Arc<Snapshot>>,
    /// The highest index known to be committed.
    commit: u64,
    /// The highest index that is in `machine`.
    applied: u64,
    machine: Machine,
    office: Office,
    /// The leader of this term, once it was heard of.
    leader: Option<NodeId>,
    /// The last sign that the group is led or about to be: what the election timeout counts from.
    since: Time,
    timeout: Duration,
    /// The highest index up to which this log is known to equal that of this term's leader.
    verified: u64,
    /// Appends of this term that overtook the ones before them.
    early: BTreeMap<u64, Early>,
    own_reads: OwnReads,
}

/// What a node is in its term.
#[derive(Clone, Debug, Hash)]
enum Office {
    Follower,
    /// Asks who would vote for it, before it disturbs the term.
    PreCandidate {
        votes: BTreeSet<NodeId>,
    },
    Candidate {
        votes: BTreeSet<NodeId>,
    },
    Leader(Leadership),
    /// Some disk forgot what it had said it had: this node takes part no more.
    Halted,
}

/// What nodes send each other.
#[derive(Clone, Debug, Hash)]
pub enum Message {
    /// Would you vote for me in `term`? It changes nothing at the one asked.
    RequestPreVote {
        /// The term that the sender would start.
        term: u64,
        /// Where the sender's log ends.
        last: Position,
    },
    /// The answer.
    PreVote {
        /// The term asked about if granted, else the responder's own.
        term: u64,
        /// Yes or no.
        granted: bool,
    },
    /// Vote for me in `term`.
    RequestVote {
        /// The candidate's term.
        term: u64,
        /// Where the candidate's log ends.
        last: Position,
    },
    /// The answer.
    Vote {
        /// The responder's term.
        term: u64,
        /// Yes or no.
        granted: bool,
    },
    /// Entries to append, or none: a heartbeat. The paper's AppendEntries.
    Append(Append),
    /// State instead of entries that the leader no longer has.
    InstallSnapshot {
        /// The leader's term.
        term: u64,
        /// The leader's latest heartbeat round.
        round: u64,
        /// The state.
        snapshot: Arc<Snapshot>,
    },
    /// The answer to an append or a snapshot.
    Appended {
        /// The responder's term.
        term: u64,
        /// The round of the message answered.
        round: u64,
        /// Whether the logs agree.
        outcome: Outcome,
    },
    /// Up to where has a state to go that shows no old value? From a node that answers reads itself.
    AskIndex {
        /// Which question of that node it is.
        question: u64,
    },
    /// The answer, once the leader is known to have led when it was asked.
    ReadIndex {
        /// The question.
        question: u64,
        /// The read index.
        index: u64,
    },
    /// From a leader to itself, held back by its disk: what it appended up to `index` is synced.
    Synced {
        /// The leader's term when it appended.
        term: u64,
        /// The index.
        index: u64,
    },
}

/// The leader's entries from one place on.
#[derive(Clone, Debug, Hash)]
pub struct Append {
    /// The leader's term.
    pub term: u64,
    /// The leader's latest heartbeat round: an answer says that the leader still led when that round began.
    pub round: u64,
    /// The place just before the entries; the follower must have it.
    pub prev: Position,
    /// What follows there.
    pub entries: Entries,
    /// The leader's commit index.
    pub commit: u64,
}

/// Whether the logs agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The follower has on disk what the leader has, up to this index.
    Matched(u64),
    /// The follower does not have what the message builds on.
    Rejected {
        /// The index it builds on.
        prev: u64,
        /// The last place where the logs may agree.
        hint: Position,
        /// Whether its entries were put aside: it may only have overtaken what it builds on.
        kept: bool,
    },
}

impl Payload for Message {
    /// A header of 40 bytes (addresses, kind, term, round, commit index, place), 32 an entry (term, client, sequence,
    /// operation), 16 a key and 24 a session in a snapshot.
    fn bytes(&self) -> u32 {
        const HEADER: usize = 40;
        let body = match self {
            Message::Append(append) => 32 * append.entries.len(),
            Message::InstallSnapshot { snapshot, .. } => {
                16 * snapshot.machine.copy().len() + 24 * snapshot.machine.clients()
            }
            _ => 0,
        };
        u32::try_from(HEADER + body).unwrap_or(u32::MAX)
    }
}

/// A timer's tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timer {
    /// No word from a leader for too long, if nothing has come since it was set.
    Election,
    /// The leader's next heartbeat is due.
    Heartbeat,
    /// The leader has not answered the question for a read index.
    AskIndex,
}

/// One durable record.
#[derive(Clone, Debug, Hash)]
pub enum Record {
    /// The term, and the vote in it.
    Term {
        /// The latest term seen.
        term: u64,
        /// Whom this node voted for in it.
        voted_for: Option<NodeId>,
    },
    /// Entries that begin at `first` and replace whatever was there and after.
    Append {
        /// The index of the first.
        first: u64,
        /// The entries.
        entries: Entries,
    },
    /// State that replaces every entry up to its last.
    Snapshot(Arc<Snapshot>),
}

impl Protocol for Raft {
    type Message = Message;
    type Timer = Timer;
    type Record = Record;
    type Session = ();
    type Options = Options;

    const SYMMETRY: Option<Symmetry<Raft>> = Some(renaming::SYMMETRY);

    fn seats(options: &Options, regions: &[&str]) -> Result<Vec<Seat>, OptionsError> {
        let fail = |option, why: &str| Err(OptionsError { option, why: why.into() });
        if options.heartbeat < Duration::SHORTEST_PERIOD || options.heartbeat >= options.election_timeout {
            return fail("heartbeat", "it must be 1ms or longer and shorter than `election-timeout`");
        }
        if options.commit_timeout.is_some_and(|timeout| timeout < options.heartbeat) {
            return fail("commit-timeout", "it must be no shorter than `heartbeat`: heartbeats count it");
        }
        if options.snapshot_every == 0 {
            return fail("snapshot-every", "it must be at least 1 entry");
        }
        if options.batch == 0 {
            return fail("batch", "it must be at least 1 entry");
        }
        if let Some(name) = &options.leader {
            OptionsError::find_region("leader", name, regions)?;
        }
        Ok((0..regions.len()).map(|region| Seat::replica(RegionId(region as u16))).collect())
    }

    fn claims(options: &Options) -> Vec<Claim> {
        let mut holds = vec![Guarantee::Convergence, Guarantee::NoAcknowledgedWriteLost, Guarantee::OneLeaderPerEpoch];
        if options.reads != Reads::Local {
            holds.insert(0, Guarantee::Linearizable);
        }
        holds.into_iter().map(|guarantee| Claim { guarantee, under: Claim::DISKS_KEEP }).collect()
    }

    fn start(options: &Options, recovered: Vec<Record>, cx: &mut Context<Self>) -> Raft {
        let first_start = recovered.is_empty();
        promise(options, cx);
        let mut node = Raft::recover(options, recovered, cx);
        let named = options.leader.as_deref().and_then(|region| cx.member_in(region, Role::Replica));
        if first_start && named == Some(cx.me()) {
            node.campaign(cx);
        } else {
            node.reset_election_timer(cx);
        }
        node
    }

    fn on_request(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        match request.op {
            _ if self.is_halted() => cx.refuse(request.id, Refusal::Unavailable),
            Op::Read(key) if self.options.reads == Reads::Local => {
                cx.reply_unsynced(request.id, Reply::Read(self.machine.read(key)));
            }
            Op::Read(key) if self.options.reads == Reads::FollowerReadIndex => self.read_here(request.id, key, cx),
            _ if !matches!(self.office, Office::Leader(_)) => match self.leader {
                Some(leader) => cx.forward(leader, request),
                None => cx.refuse(request.id, Refusal::Unavailable),
            },
            Op::Read(key) => self.read(request.id, key, cx),
            op if op.written().is_some() => self.write(request.id, op, cx),
            _ => cx.refuse(request.id, Refusal::Unsupported),
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, cx: &mut Context<Self>) {
        match message {
            _ if self.is_halted() => {}
            Message::RequestPreVote { term, last } => self.on_request_pre_vote(from, term, last, cx),
            Message::PreVote { term, granted } => self.on_pre_vote(from, term, granted, cx),
            Message::RequestVote { term, last } => self.on_request_vote(from, term, last, cx),
            Message::Vote { term, granted } => self.on_vote(from, term, granted, cx),
            Message::Append(append) => self.on_append(from, append, cx),
            Message::InstallSnapshot { term, round, snapshot } => {
                self.on_install_snapshot(from, term, round, snapshot, cx);
            }
            Message::Appended { term, round, outcome } => self.on_appended(from, term, round, outcome, cx),
            Message::AskIndex { question } => self.on_ask_index(from, question, cx),
            Message::ReadIndex { question, index } => self.on_read_index(question, index, cx),
            Message::Synced { term, index } => self.on_synced(term, index, cx),
        }
    }

    fn on_timer(&mut self, timer: Timer, cx: &mut Context<Self>) {
        match timer {
            _ if self.is_halted() => {}
            Timer::Election => self.on_election_timer(cx),
            Timer::Heartbeat => self.on_heartbeat_timer(cx),
            Timer::AskIndex => self.on_ask_index_timer(cx),
        }
    }

    fn state(&self) -> State {
        let copy = self.machine.copy().iter().map(|(key, value)| (key, *value));
        if self.is_halted() { State::stranded(copy) } else { State::serving(copy) }
    }
}

impl Raft {
    /// Rebuilds what the disk kept. The commit index is not among it: the next leader tells.
    fn recover(options: &Options, records: Vec<Record>, cx: &mut Context<Self>) -> Raft {
        let mut node = Raft {
            options: options.clone(),
            term: 0,
            voted_for: None,
            log: Log::default(),
            snapshot: None,
            commit: 0,
            applied: 0,
            machine: Machine::default(),
            office: Office::Follower,
            leader: None,
            since: cx.now(),
            timeout: options.election_timeout,
            verified: 0,
            early: BTreeMap::new(),
            own_reads: match options.reads {
                Reads::FollowerReadIndex => OwnReads::number_from(cx.random(1 << 63)),
                _ => OwnReads::default(),
            },
        };
        for record in records {
            match record {
                Record::Term { term, voted_for } => (node.term, node.voted_for) = (term, voted_for),
                Record::Append { first, entries } => node.log.replace_from(first, &entries),
                Record::Snapshot(snapshot) => {
                    node.log = Log::after(snapshot.last);
                    node.adopt_snapshot(snapshot, cx);
                }
            }
        }
        node.observe_term(cx);
        node
    }

    /// Whether it has this flaw: never, without the feature `mutants`.
    #[inline(always)]
    fn mutated(&self, mutant: Mutant) -> bool {
        self.options.mutant.is(mutant)
    }

    fn is_halted(&self) -> bool {
        matches!(self.office, Office::Halted)
    }

    /// Stops for good.
    fn halt(&mut self, cx: &mut Context<Self>) {
        self.step_down(cx);
        self.office = Office::Halted;
    }

    /// How many nodes make a majority.
    fn majority(cx: &Context<Self>) -> usize {
        cx.members().len() / 2 + 1
    }

    fn persist_term(&self, cx: &mut Context<Self>) {
        cx.persist(Record::Term { term: self.term, voted_for: self.voted_for });
        self.observe_term(cx);
    }

    fn observe_term(&self, cx: &mut Context<Self>) {
        cx.observe(match self.voted_for {
            Some(candidate) => Observation::Voted { epoch: self.term, candidate },
            None => Observation::Entered { epoch: self.term },
        });
    }
}

/// Of elections that fail, how many in a row are too many once nothing is broken: each is a shortest timeout and, with
/// five nodes, succeeds more often than not.
const VAIN_ELECTIONS: u64 = 20;

/// What the invariants hold a node to.
fn promise(options: &Options, cx: &mut Context<Raft>) {
    cx.observe(Observation::Promised(Promise::Copies(Raft::majority(cx) as u16)));
    cx.observe(Observation::Promised(Promise::Once));
    cx.observe(Observation::Promised(Promise::WritesWithin(options.election_timeout * VAIN_ELECTIONS)));
}
