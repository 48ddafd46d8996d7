//! # CASPaxos
//!
//! **Idea.** Each key is a register of its own, and any replica changes it: it asks a majority to promise a ballot, learns from them what
//! the key is, and asks a majority to accept what its operation makes of that. There is no leader and no log.
//!
//! ```text
//! client          eu (proposes)             us                    ap
//!    │─────write──────►│───────Prepare──────►│                     │    and to itself, and to ap
//!    │                 │◄──────Promised──────│ on disk, and what it has accepted
//!    │                 │───────Accept───────►│                     │
//!    │                 │◄──────Accepted──────│ on disk, and the next ballot promised to eu
//!    │◄──────ok────────│───────Chosen───────►│ a copy              │
//!    │─────write──────►│───────Accept───────►│                     │    one round trip, until another region writes the key
//! ```
//!
//! **Claims.** Under any faults after which a disk has what it said it had: linearizable reads and writes, compare-and-sets among them, each
//! request carried out once (`reads = "strong"`); no acknowledged write lost; equal copies after heal and quiet. A write that is refused
//! never takes effect. Whoever reaches a majority is served, whoever else is away, and nobody has to be elected first.
//!
//! **Does not claim.** To answer without a majority. That a write which meets another is fast, or is carried out: with
//! `conflict = "reject"` it is refused; with `"retry"` two that always meet go on for as long as their clients wait. Local reads
//! (`reads = "local"`) show old states, but none that was not chosen.
//!
//! **Assumes.** That what a disk has synced stays there. No clock matters to safety; `hold`, waits and timeouts matter to who goes first.
//!
//! **Cost.** Write: one round trip to the nearest majority where the same replica wrote the key last, 3(n-1) messages; else two, and 5(n-1).
//! Strong read: one round trip, 2(n-1) messages, and another where a majority does not agree. Each message has the key's whole state, which
//! has the last operation of each client that wrote it.
//!
//! **Source.** Rystsov, *CASPaxos: Replicated State Machines without logs*, arXiv 1802.07000, 2018 (2.2 the protocol; one-round trip
//! optimization: the next prepare travels with the accept); Lamport, *Paxos Made Simple*, 2001.
//!
//! **Departures.**
//! - A state that may be chosen or not is chosen first, by itself, and one's own change follows with the next ballot, as Cassandra's
//!   lightweight transactions finish what they find. So each change is made to a state that is known to be chosen.
//! - An acceptor that has promised refuses others for `hold`: who came first is finished first. The paper lets the higher ballot overtake,
//!   and two proposers hold each other up.
//! - After a change that met another a proposer waits at random before the next of that key, also where it refuses what met: replicas that
//!   always have a next one would each hold their own promise, and no change be done.
//! - A read asks for no promise (the paper's is a change that changes nothing): it asks what is held, and offers all of them the highest
//!   where a majority does not agree.
//! - The state has what each client was told last, so that a request which comes again is not carried out again.
//! - A ballot has the number of the proposer's starts in it, so that its own disk is not waited for before it asks others.
//! - A copy is told what is chosen, and gossips: the paper has no learners. Deletes and changes of membership are left out.
//!
//! **At its worst.** `scenarios/dynamodb-strong.toml`: regions that write the same items.
//!
//! Here: state, messages and the handlers. Next: `options.rs`, `message.rs`, `register.rs`, `acceptor.rs`, `proposer.rs`, `reader.rs`, `copies.rs`.

mod acceptor;
mod copies;
mod message;
mod options;
mod proposer;
mod reader;
mod register;

#[cfg(test)]
mod tests;

pub use self::acceptor::Slot;
pub use self::message::Message;
pub use self::options::{Conflict, Options, Reads};
pub use self::register::{Ballot, Done, Register};

use crate::id::{Key, NodeId, RegionId};
use crate::op::{Op, Refusal, Reply};
use crate::time::Duration;
use crate::trace::{Observation, Promise};

use super::{About, Claim, Context, Guarantee, OptionsError, Protocol, Request, Seat, State, Table};
use copies::{Copies, Doubts};
use proposer::Desk;
use reader::Readings;

/// The page in the zoo.
pub const ABOUT: About = About {
    name: "caspaxos",
    idea: "Each key is a register that any replica changes: a majority promises it a ballot and tells what the key is, and a majority \
           accepts what it makes of that. No leader, no log.",
    does_not_claim: "To answer without a majority. That a write which meets another of the same key is fast: it is tried again, or \
                     refused. Local reads show old states.",
    cost: "Write: one round trip to the nearest majority where the same replica wrote the key last, 3(n-1) messages; else two, 5(n-1). \
           Strong read: one round trip, 2(n-1) messages. Local reads: nothing.",
    source: "Rystsov, CASPaxos: Replicated State Machines without logs, arXiv 1802.07000, 2018; Lamport, Paxos Made Simple, 2001.",
    worst: "scenarios/dynamodb-strong.toml",
};

/// One replica: an acceptor, a proposer and a copy.
#[derive(Clone, Debug, Hash)]
pub struct CasPaxos {
    options: Options,
    /// How often it has started. Durable before it makes a ballot.
    life: u32,
    is_awake: bool,
    /// What it promised and accepted. Durable.
    slots: Table<Key, Slot>,
    /// Records in the log on disk.
    logged: usize,
    desks: Table<Key, Desk>,
    /// Keys that something is being done with.
    busy: Vec<Key>,
    readings: Readings,
    /// Whether somebody looks after what is under way.
    is_watched: bool,
    copies: Copies,
    doubts: Doubts,
}

/// What a replica waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timer {
    /// A change of this key that met another is to be tried again.
    Again(Key),
    /// It is time to look after what is under way.
    Watch,
    /// It is time to ask what became of changes.
    Settle,
    /// The next summary is due.
    Gossip,
}

/// What is on disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Record {
    /// How often the replica has started.
    Life(u32),
    /// What it promised.
    Promised {
        /// Of which key.
        key: Key,
        /// The ballot.
        ballot: Ballot,
    },
    /// All that it knows as an acceptor of a key.
    Slot {
        /// The key.
        key: Key,
        /// What it knows.
        slot: Slot,
    },
}

/// Of two that meet, one is done within so many times the patience of a client, but for a chance that is very small.
const VAIN_WAITS: u64 = 8;

impl Protocol for CasPaxos {
    type Message = Message;
    type Timer = Timer;
    type Record = Record;
    type Session = ();
    type Options = Options;

    fn seats(options: &Options, regions: &[&str]) -> Result<Vec<Seat>, OptionsError> {
        options.check(regions.len())?;
        Ok((0..regions.len()).map(|region| Seat::replica(RegionId(region as u16))).collect())
    }

    fn claims(options: &Options) -> Vec<Claim> {
        let strong = (options.reads == Reads::Strong).then_some(Guarantee::Linearizable);
        let all = strong.into_iter().chain([Guarantee::Convergence, Guarantee::NoAcknowledgedWriteLost]);
        all.map(|guarantee| Claim { guarantee, under: Claim::DISKS_KEEP }).collect()
    }

    fn start(options: &Options, recovered: Vec<Record>, cx: &mut Context<Self>) -> CasPaxos {
        let mut node = CasPaxos::new(options, recovered.len());
        node.recover(recovered);
        node.life += 1;
        node.readings = Readings::of_life(node.life);
        cx.observe(Observation::Promised(Promise::Copies(CasPaxos::majority(cx) as u16)));
        cx.observe(Observation::Promised(Promise::Once));
        cx.observe(Observation::Promised(Promise::WritesWithin(options.patience * VAIN_WAITS)));
        node.put_down(Record::Life(node.life), cx);
        cx.send(cx.me(), Message::Awake);
        node.doubt_everything(cx);
        // The first gossip comes at a random moment, so that nodes that start together do not gossip together.
        let first = cx.random_between(Duration::ZERO, options.gossip_every);
        cx.set_timer(Timer::Gossip, first);
        node
    }

    fn on_request(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        match request.op {
            // What is chosen is on the disks of a majority: this node's own is not waited for.
            Op::Read(key) if self.options.reads == Reads::Local => {
                cx.reply_unsynced(request.id, Reply::Read(self.copies.value(key)));
            }
            Op::Read(key) => self.read(Some(request.id), key, cx),
            op if op.written().is_some() => self.change(request.id, op, cx),
            _ => cx.refuse(request.id, Refusal::Unsupported),
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, cx: &mut Context<Self>) {
        match message {
            Message::Prepare { key, ballot } => self.asked_to_promise(from, key, ballot, cx),
            Message::Promised { key, ballot, accepted, register } => {
                self.promised(from, (key, ballot), (accepted, register), cx);
            }
            Message::Accept { key, ballot, register, reserve } => {
                self.asked_to_accept(from, (key, ballot), register, reserve, cx);
            }
            Message::Accepted { key, ballot, reserved } => self.accepted(from, (key, ballot), reserved, cx),
            Message::Refused { key, ballot, promised, is_idle } => {
                self.refused(from, (key, ballot), (promised, is_idle), cx);
            }
            Message::Release { key, ballot } => self.released(key, ballot),
            Message::Chosen { key, ballot } => self.told_chosen(key, ballot, cx),
            Message::Ask { key, ticket, offer } => self.asked(from, (key, ticket), offer, cx),
            Message::Held { ticket, accepted, register, .. } => self.told(from, ticket, (accepted, register), cx),
            Message::Awake => self.wake(cx),
            Message::Summary(theirs) => self.summary(from, &theirs, cx),
            Message::Places { buckets, known } => self.repair(from, buckets, &known, cx),
            Message::Repair { newer, wanted } => self.repaired(from, &newer, &wanted, cx),
        }
    }

    fn on_timer(&mut self, timer: Timer, cx: &mut Context<Self>) {
        match timer {
            Timer::Again(key) => self.again(key, cx),
            Timer::Watch => self.watch(cx),
            Timer::Settle => self.settle(cx),
            Timer::Gossip => self.gossip(cx),
        }
    }

    fn state(&self) -> State {
        State::serving(self.copies.iter())
    }
}

impl CasPaxos {
    fn new(options: &Options, logged: usize) -> CasPaxos {
        let (slots, desks, busy, readings, copies, doubts) = Default::default();
        CasPaxos {
            options: options.clone(),
            life: 0,
            is_awake: false,
            slots,
            logged,
            desks,
            busy,
            readings,
            is_watched: false,
            copies,
            doubts,
        }
    }

    /// How many make a majority.
    fn majority(cx: &Context<Self>) -> usize {
        cx.members().len() / 2 + 1
    }

    /// A member's place in the group.
    fn seat(node: NodeId, cx: &Context<Self>) -> usize {
        cx.members().iter().position(|member| member.node == node).expect("messages come from members")
    }

    /// Sends what shows nothing that a disk must have: asking, and what is on the disks of a majority.
    fn tell_peers(&self, message: &Message, cx: &mut Context<Self>) {
        for peer in cx.peers() {
            cx.send_unsynced(peer.node, message.clone());
        }
    }

    /// Its disk knows how often it has started: it may make ballots.
    fn wake(&mut self, cx: &mut Context<Self>) {
        self.is_awake = true;
        for place in (0..self.busy.len()).rev() {
            self.begin(self.busy[place], cx);
        }
    }

    /// Something is under way from now on.
    fn keep_watch(&mut self, cx: &mut Context<Self>) {
        if !std::mem::replace(&mut self.is_watched, true) {
            cx.set_timer(Timer::Watch, self.options.resend_after);
        }
    }

    fn watch(&mut self, cx: &mut Context<Self>) {
        for place in (0..self.busy.len()).rev() {
            self.look_after(self.busy[place], cx);
        }
        self.look_after_readings(cx);
        self.is_watched = false;
        if !self.busy.is_empty() || !self.readings.is_empty() {
            self.keep_watch(cx);
        }
    }
}
