//! Linearizable reads without a log entry: the read index (dissertation, 6.4), asked for by the leader for each read, or by any
//! node for all the reads that wait there.

use crate::id::{Key, NodeId, Renaming, RequestId};
use crate::op::{Refusal, Reply};
use crate::time::Duration;

use super::super::Context;
use super::super::mutant::Mutant;
use super::{Message, Office, Raft, Timer};

/// How long a node waits for a read index before it asks again (etcd, `readIndexRetryTime`).
const RETRY: Duration = Duration::millis(500);

/// A read index that waits until this node is known to have led when it was asked for it.
#[derive(Clone, Debug, Hash)]
pub(super) struct PendingIndex {
    asker: Asker,
    /// The heartbeat round that began after the question came. A majority has to answer it.
    round: u64,
    /// The state that is read must hold every entry up to this one.
    index: u64,
}

/// Who asks a leader for a read index.
#[derive(Clone, Copy, Debug, Hash)]
enum Asker {
    /// A client, whose read the leader answers.
    Client { request: RequestId, key: Key },
    /// A node, perhaps this one, which answers the reads that wait there.
    Node { node: NodeId, question: u64 },
}

/// The reads that a node answers itself (`reads = "follower-read-index"`), and its question for an index: one at a time.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct OwnReads {
    /// Those that came since the question was asked, and wait for the next: what it is answered may be older than they are.
    waiting: Vec<(RequestId, Key)>,
    /// Those for which the question is under way.
    asked: Vec<(RequestId, Key)>,
    /// The number of the latest question.
    question: u64,
    /// Its answer, until the state holds every entry up to it.
    index: Option<u64>,
}

impl PendingIndex {
    /// Calls the nodes otherwise.
    pub(super) fn rename(&mut self, renaming: &Renaming) {
        match &mut self.asker {
            Asker::Client { request, .. } => renaming.rename(&mut request.entry),
            Asker::Node { node, .. } => renaming.rename(node),
        }
    }

    /// Tells the client, if it is one who asks, that it gets no answer here.
    pub(super) fn refuse(&self, cx: &mut Context<Raft>) {
        if let Asker::Client { request, .. } = self.asker {
            cx.refuse(request, Refusal::Unavailable);
        }
    }
}

impl OwnReads {
    /// Numbers its questions from here on. Who starts anew must not take the answer to a question of its life before for
    /// one to its own, so numbers begin anywhere.
    pub(super) fn number_from(first: u64) -> OwnReads {
        OwnReads { question: first, ..OwnReads::default() }
    }

    /// Calls the nodes otherwise.
    pub(super) fn rename(&mut self, renaming: &Renaming) {
        self.asked.iter_mut().chain(&mut self.waiting).for_each(|(request, _)| renaming.rename(&mut request.entry));
    }
}

/// At the leader.
impl Raft {
    /// A client's read, which this leader answers.
    pub(super) fn read(&mut self, request: RequestId, key: Key, cx: &mut Context<Self>) {
        self.note_index(Asker::Client { request, key }, cx);
    }

    /// A node asks for a read index. Who does not lead does not answer; the node asks again, or hears of another leader.
    pub(super) fn on_ask_index(&mut self, node: NodeId, question: u64, cx: &mut Context<Self>) {
        self.note_index(Asker::Node { node, question }, cx);
    }

    /// Notes the read index and begins a round.
    ///
    /// The index is the commit index, once an entry of this term is committed. Before that, all that earlier leaders
    /// may have committed is before this leader's first entry, so that entry's index is safe.
    fn note_index(&mut self, asker: Asker, cx: &mut Context<Self>) {
        self.start_round(cx);
        let (commit, early) = (self.commit, self.mutated(Mutant::R11));
        let Office::Leader(leadership) = &mut self.office else { return };
        let (round, index) = (leadership.round, if early { commit } else { commit.max(leadership.first) });
        leadership.reads.push_back(PendingIndex { asker, round, index });
        self.serve_reads(cx);
    }

    /// Answers those whose round a majority has answered and whose entries are applied. Rounds and indices only
    /// grow, so the oldest come first. What they are shown is committed, and need not wait for this node's disk.
    pub(super) fn serve_reads(&mut self, cx: &mut Context<Self>) {
        let unasked = self.mutated(Mutant::R10);
        let majority = Self::majority(cx);
        while let Office::Leader(leadership) = &mut self.office
            && let Some(read) = leadership.reads.front()
            && read.index <= self.applied
            && (unasked || leadership.is_confirmed(read.round, majority))
        {
            let PendingIndex { asker, index, .. } = leadership.reads.pop_front().expect("it was looked at");
            match asker {
                Asker::Client { request, key } => cx.reply_unsynced(request, Reply::Read(self.machine.read(key))),
                Asker::Node { node, question } if node == cx.me() => self.learn_index(question, index, cx),
                Asker::Node { node, question } => cx.send_unsynced(node, Message::ReadIndex { question, index }),
            }
        }
    }
}

/// At the node that the client asked, be it the leader or not.
impl Raft {
    /// A client's read, which this node answers once it has an index that was asked for after the read came.
    pub(super) fn read_here(&mut self, request: RequestId, key: Key, cx: &mut Context<Self>) {
        if self.leader.is_none() {
            return cx.refuse(request, Refusal::Unavailable);
        }
        let joins = self.mutated(Mutant::R32) && !self.own_reads.asked.is_empty();
        let reads = if joins { &mut self.own_reads.asked } else { &mut self.own_reads.waiting };
        reads.push((request, key));
        if self.own_reads.asked.is_empty() {
            self.ask_index(cx);
        }
    }

    /// Asks for all reads that wait.
    fn ask_index(&mut self, cx: &mut Context<Self>) {
        let own = &mut self.own_reads;
        std::mem::swap(&mut own.waiting, &mut own.asked);
        own.question = own.question.wrapping_add(1);
        self.put_question(cx);
    }

    /// Puts the question under way to the leader, which this node may be itself: its heartbeats then repeat it.
    fn put_question(&mut self, cx: &mut Context<Self>) {
        let question = self.own_reads.question;
        match self.leader {
            Some(leader) if leader == cx.me() => self.note_index(Asker::Node { node: leader, question }, cx),
            Some(leader) => {
                cx.send_unsynced(leader, Message::AskIndex { question });
                cx.set_timer(Timer::AskIndex, RETRY);
            }
            None => {}
        }
    }

    pub(super) fn on_ask_index_timer(&mut self, cx: &mut Context<Self>) {
        if !self.own_reads.asked.is_empty() && self.own_reads.index.is_none() {
            self.put_question(cx);
        }
    }

    pub(super) fn on_read_index(&mut self, question: u64, index: u64, cx: &mut Context<Self>) {
        if question == self.own_reads.question {
            cx.cancel_timer(Timer::AskIndex);
            self.learn_index(question, index, cx);
        }
    }

    /// The answer to the question under way, unless that is another by now.
    fn learn_index(&mut self, question: u64, index: u64, cx: &mut Context<Self>) {
        let own = &mut self.own_reads;
        if question == own.question && !own.asked.is_empty() {
            own.index = Some(index);
            self.serve_own_reads(cx);
        }
    }

    /// Answers the reads of the question, if its answer is there and applied, and asks for those that came meanwhile.
    pub(super) fn serve_own_reads(&mut self, cx: &mut Context<Self>) {
        let own = &mut self.own_reads;
        if own.index.take_if(|index| *index <= self.applied).is_none() {
            return;
        }
        for (request, key) in own.asked.drain(..) {
            cx.reply_unsynced(request, Reply::Read(self.machine.read(key)));
        }
        if !own.waiting.is_empty() {
            self.ask_index(cx);
        }
    }

    /// This node's leader leads no more, or is to be replaced: nobody may be left who answers (etcd, `ErrLeaderChanged`).
    pub(super) fn refuse_own_reads(&mut self, cx: &mut Context<Self>) {
        let own = &mut self.own_reads;
        if own.asked.is_empty() {
            return;
        }
        cx.cancel_timer(Timer::AskIndex);
        own.index = None;
        for (request, _) in own.asked.drain(..).chain(own.waiting.drain(..)) {
            cx.refuse(request, Refusal::Unavailable);
        }
    }
}
