//! How a leader replicates: entries at once, heartbeats that find gaps, and the commit by a majority of its own term.

use std::collections::VecDeque;

use crate::id::{NodeId, Renaming, RequestId};
use crate::op::Op;
use crate::time::Duration;
use crate::trace::Observation;

use super::super::Context;
use super::super::mutant::Mutant;
use super::log::Position;
use super::machine::Known;
use super::reads::PendingIndex;
use super::{Append, AppendOrder, Command, Entries, Entry, Message, Office, Outcome, Raft, Record, Timer};

/// What a leader knows while it leads.
#[derive(Clone, Debug, Hash)]
pub(super) struct Leadership {
    peers: Vec<(NodeId, Progress)>,
    /// The index of its first entry.
    pub(super) first: u64,
    /// Up to where its own disk has its log.
    synced: u64,
    /// The latest heartbeat round. Each tick, each read and each repair begins one.
    pub(super) round: u64,
    /// Heartbeat intervals since it took office.
    ticks: u64,
    /// What was committed at the last tick at which that had changed, or nothing waited; and that tick.
    moved: (u64, u64),
    /// Whether its first entry is committed.
    ready: bool,
    /// Clients that wait for an entry, with its index, oldest first.
    pub(super) waiting: VecDeque<(u64, RequestId)>,
    /// Those that wait for a read index, oldest first.
    pub(super) reads: VecDeque<PendingIndex>,
}

/// What a leader knows of a follower.
#[derive(Clone, Debug, Default, Hash)]
struct Progress {
    /// The next index to send: everything before was sent, or is known to be there.
    next: u64,
    /// The highest index known to be on its disk and equal.
    matched: u64,
    /// What was sent by the last tick, and by the one before. What is settled and not there by now is lost.
    ticked: u64,
    settled: u64,
    /// The latest round it answered.
    round: u64,
    /// The round of the last repair: rejections of earlier messages are old news.
    repaired: u64,
    /// The tick at which it was last heard.
    heard: u64,
    /// The index of a snapshot under way, and the tick at which it was sent.
    snapshot: Option<(u64, u64)>,
}

impl Leadership {
    pub(super) fn new(last: Position, peers: impl Iterator<Item = NodeId>) -> Leadership {
        let progress = |peer| {
            let (next, sent) = (last.index + 1, last.index);
            let progress = Progress { next, ticked: sent, settled: sent, ..Progress::default() };
            (peer, progress)
        };
        Leadership {
            peers: peers.map(progress).collect(),
            first: last.index + 1,
            synced: 0,
            round: 0,
            ticks: 0,
            moved: (0, 0),
            ready: false,
            waiting: VecDeque::new(),
            reads: VecDeque::new(),
        }
    }

    /// Calls the nodes otherwise.
    pub(super) fn rename(&mut self, renaming: &Renaming) {
        self.peers.iter_mut().for_each(|(peer, _)| renaming.rename(peer));
        self.peers.sort_by_key(|(peer, _)| *peer);
        self.waiting.iter_mut().for_each(|(_, request)| renaming.rename(&mut request.entry));
        self.reads.iter_mut().for_each(|read| read.rename(renaming));
    }

    /// Whether a majority has answered this round or a later one, this node among it.
    pub(super) fn is_confirmed(&self, round: u64, majority: usize) -> bool {
        let answered = self.peers.iter().filter(|(_, peer)| peer.round >= round).count();
        answered + usize::from(self.round >= round) >= majority
    }
}

impl Leadership {
    fn progress(&mut self, peer: NodeId) -> &mut Progress {
        let known = self.peers.iter_mut().find(|(node, _)| *node == peer);
        &mut known.expect("answers come from members").1
    }
}

impl Leadership {
    /// At a tick: whether entries wait, and none was committed for so many ticks.
    fn is_stuck(&mut self, commit: u64, last: u64, patience: Option<u64>) -> bool {
        if commit == last || commit != self.moved.0 {
            self.moved = (commit, self.ticks);
        }
        patience.is_some_and(|patience| self.ticks - self.moved.1 >= patience)
    }
}

impl Progress {
    /// Whether entries are sent to it: not while it is silent, and not while a snapshot is under way.
    fn takes_entries(&self, ticks: u64, patience: u64) -> bool {
        self.snapshot.is_none() && ticks - self.heard < patience
    }
}

/// The `k`-th highest of the others and one's own: the highest that `k` of them reach. Groups are small, and this is
/// asked at every answer: comparing each with each needs no memory.
fn kth_highest(others: impl Iterator<Item = u64> + Clone, own: u64, k: usize) -> u64 {
    let all = others.chain([own]);
    let is_reached = |mark: &u64| all.clone().filter(|other| other >= mark).count() >= k;
    all.clone().filter(is_reached).max().expect("as many as k reach the lowest")
}

impl Raft {
    /// A client's write. A retry of one that was applied gets the first answer; one that its client gave up gets none.
    pub(super) fn write(&mut self, id: RequestId, op: Op, cx: &mut Context<Self>) {
        match self.machine.recall(id.client, id.sequence) {
            _ if self.mutated(Mutant::R25) => self.order(id, op, cx),
            Known::Done(reply) => cx.reply_unsynced(id, reply),
            Known::Superseded => {}
            Known::New => self.order(id, op, cx),
        }
    }

    /// Gives a write its place in the log.
    fn order(&mut self, id: RequestId, op: Op, cx: &mut Context<Self>) {
        let index = self.propose(Command::Client { client: id.client, sequence: id.sequence, op }, cx);
        if let Office::Leader(leadership) = &mut self.office {
            leadership.waiting.push_back((index, id));
        }
    }

    /// Appends an entry and sends it at once, while the own disk writes (dissertation, 10.2.1), unless that is to come first.
    /// This node counts itself when a message to itself says that the disk is done.
    pub(super) fn propose(&mut self, command: Command, cx: &mut Context<Self>) -> u64 {
        let (term, commit, patience) = (self.term, self.commit, self.patience());
        let prev = self.log.last();
        let entry = Entry { term, command };
        let index = self.log.push(entry);
        let entries = Entries::One(entry);
        let Office::Leader(leadership) = &mut self.office else { unreachable!("only a leader proposes") };
        let (round, at_once) = (leadership.round, self.options.append == AppendOrder::Overlapped);
        for (peer, progress) in &mut leadership.peers {
            if at_once && progress.next == index && progress.takes_entries(leadership.ticks, patience) {
                progress.next = index + 1;
                let append = Append { term, round, prev, entries: entries.clone(), commit };
                cx.send_unsynced(*peer, Message::Append(append));
            }
        }
        cx.persist(Record::Append { first: index, entries });
        cx.observe(Observation::Logged { by: term, index, epoch: term, before: prev.term, what: entry.name() });
        let synced = Message::Synced { term, index };
        if self.mutated(Mutant::R5) {
            cx.send_unsynced(cx.me(), synced)
        } else {
            cx.send(cx.me(), synced)
        }
        index
    }

    pub(super) fn on_synced(&mut self, term: u64, index: u64, cx: &mut Context<Self>) {
        if let (true, Office::Leader(leadership)) = (term == self.term, &mut self.office) {
            leadership.synced = leadership.synced.max(index);
            if self.options.append == AppendOrder::DiskFirst {
                cx.peers().for_each(|peer| self.send_rest(peer.node, cx));
            }
            self.advance_commit(cx);
            self.serve_reads(cx);
        }
    }

    /// Tells the others that this node leads, and asks for what should have arrived by now. A leader that has not heard
    /// from a majority for an election timeout steps down instead (check-quorum).
    pub(super) fn on_heartbeat_timer(&mut self, cx: &mut Context<Self>) {
        let patience = self.patience();
        let commit_patience = self.options.commit_timeout.map(|timeout| self.ticks_in(timeout));
        let Office::Leader(leadership) = &mut self.office else { return };
        leadership.ticks += 1;
        let ticks = leadership.ticks;
        let heard = leadership.peers.iter().filter(|(_, peer)| ticks - peer.heard < patience).count();
        if self.options.check_quorum && heard + 1 < Self::majority(cx) {
            self.step_down(cx);
            return;
        }
        if leadership.is_stuck(self.commit, self.log.last().index, commit_patience) {
            self.step_down(cx);
            return;
        }
        for (_, progress) in &mut leadership.peers {
            progress.settled = progress.ticked;
            progress.ticked = progress.next - 1;
            progress.snapshot.take_if(|(_, sent)| ticks - *sent >= patience);
        }
        self.start_round(cx);
        cx.set_timer(Timer::Heartbeat, self.options.heartbeat);
    }

    /// How many heartbeat intervals without a word make a node silent: an election timeout, rounded up.
    fn patience(&self) -> u64 {
        self.ticks_in(self.options.election_timeout)
    }

    fn ticks_in(&self, span: Duration) -> u64 {
        span.as_nanos().div_ceil(self.options.heartbeat.as_nanos())
    }

    /// The index of the last entry that may be sent.
    fn sendable(&self, leadership: &Leadership) -> u64 {
        match self.options.append {
            AppendOrder::Overlapped => self.log.last().index,
            AppendOrder::DiskFirst => leadership.synced.min(self.log.last().index),
        }
    }

    /// Begins a round: a heartbeat to everyone, whose answers say that this node led when the round began.
    pub(super) fn start_round(&mut self, cx: &mut Context<Self>) {
        let (term, commit, base) = (self.term, self.commit, self.log.base());
        let Office::Leader(leadership) = &mut self.office else { return };
        leadership.round += 1;
        for (peer, progress) in &leadership.peers {
            let prev = self.log.position(progress.settled.max(progress.matched)).unwrap_or(base);
            let append = Append { term, round: leadership.round, prev, entries: Entries::None, commit };
            cx.send_unsynced(*peer, Message::Append(append));
        }
    }

    pub(super) fn on_appended(
        &mut self,
        from: NodeId,
        term: u64,
        round: u64,
        outcome: Outcome,
        cx: &mut Context<Self>,
    ) {
        self.see_term(term, cx);
        let all = self.mutated(Mutant::R23).then_some(self.log.last().index);
        let Office::Leader(leadership) = &mut self.office else { return };
        if term < self.term {
            return;
        }
        let ticks = leadership.ticks;
        let progress = leadership.progress(from);
        progress.heard = ticks;
        progress.round = progress.round.max(round);
        match outcome {
            Outcome::Matched(index) => {
                let index = all.unwrap_or(index);
                progress.matched = progress.matched.max(index);
                progress.next = progress.next.max(index + 1);
                progress.snapshot.take_if(|(last, _)| *last <= index);
            }
            Outcome::Rejected { prev, hint, kept } => self.repair(from, round, prev, hint, kept),
        }
        self.send_rest(from, cx);
        if matches!(outcome, Outcome::Matched(index) if all.unwrap_or(index) > self.commit) {
            self.advance_commit(cx);
        }
        self.serve_reads(cx);
    }

    /// Goes back to where the logs may agree, if the follower misses what it should have had by now.
    ///
    /// Heartbeats ask for that. An append that was put aside only has overtaken others, unless it was the first that
    /// this leader sent; and answers to what was sent before the last repair are old.
    fn repair(&mut self, from: NodeId, round: u64, prev: u64, hint: Position, kept: bool) {
        let base = self.log.base().index;
        let Office::Leader(leadership) = &mut self.office else { return };
        let progress = leadership.progress(from);
        let first_contact = progress.matched == 0 && progress.repaired == 0;
        let under_way = prev > progress.settled.max(base) || progress.snapshot.is_some() || kept && !first_contact;
        if under_way || prev <= progress.matched || round < progress.repaired {
            return;
        }
        leadership.round += 1;
        let round = leadership.round;
        let progress = leadership.progress(from);
        progress.repaired = round;
        // At the base the term is known, but not before it: if even the base may differ, a snapshot has to be sent.
        let agreed = self.log.latest_not_above(hint);
        let agreed = if agreed.term > hint.term { base.saturating_sub(1) } else { agreed.index };
        progress.next = agreed.max(progress.matched) + 1;
        (progress.ticked, progress.settled) = (progress.next - 1, progress.next - 1);
    }

    /// Sends a follower all that it was not sent yet, without waiting for answers.
    fn send_rest(&mut self, to: NodeId, cx: &mut Context<Self>) {
        let (term, commit, patience) = (self.term, self.commit, self.patience());
        let Office::Leader(leadership) = &self.office else { return };
        let last = self.sendable(leadership);
        let batch = self.options.batch as usize;
        let Office::Leader(leadership) = &mut self.office else { return };
        let (round, ticks) = (leadership.round, leadership.ticks);
        let progress = leadership.progress(to);
        while progress.next <= last && progress.takes_entries(ticks, patience) {
            let Some(prev) = self.log.position(progress.next - 1) else {
                let snapshot = self.snapshot.clone().expect("what is compacted is in a snapshot");
                progress.next = snapshot.last.index + 1;
                progress.snapshot = Some((snapshot.last.index, ticks));
                cx.send_unsynced(to, Message::InstallSnapshot { term, round, snapshot });
                return;
            };
            let most = usize::try_from(last - progress.next + 1).unwrap_or(batch).min(batch);
            let entries = self.log.entries_from(progress.next, most);
            progress.next += entries.len() as u64;
            cx.send_unsynced(to, Message::Append(Append { term, round, prev, entries, commit }));
        }
    }

    /// Commits what a majority has on disk, if the last of it is of this term: an entry of an earlier term that a
    /// majority has may still be replaced, until one of this term follows it (figure 8 of the paper).
    fn advance_commit(&mut self, cx: &mut Context<Self>) {
        let any_term = self.mutated(Mutant::R1);
        let Office::Leader(leadership) = &mut self.office else { return };
        let matched = leadership.peers.iter().map(|(_, peer)| peer.matched);
        let index = kth_highest(matched, leadership.synced, Self::majority(cx));
        let is_own = self.log.term_at(index) == Some(self.term) || any_term;
        if index <= self.commit || !is_own {
            return;
        }
        self.commit = index;
        if !leadership.ready {
            leadership.ready = true;
            cx.observe(Observation::Ready { epoch: self.term });
        }
        self.apply_committed(cx);
    }
}
