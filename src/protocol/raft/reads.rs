//! Linearizable reads without a log entry: the read index (dissertation, 6.4).

use crate::id::{Key, RequestId};
use crate::op::Reply;

use super::super::Context;
use super::super::mutant::Mutant;
use super::{Office, Raft};

/// A read that waits until this node is known to have led when it came.
#[derive(Clone, Debug, Hash)]
pub(super) struct PendingRead {
    pub(super) request: RequestId,
    key: Key,
    /// The heartbeat round that began after the read came. A majority has to answer it.
    round: u64,
    /// The state must hold every entry up to this one.
    index: u64,
}

impl Raft {
    /// Notes the read index and begins a round.
    ///
    /// The index is the commit index, once an entry of this term is committed. Before that, all that earlier leaders
    /// may have committed is before this leader's first entry, so that entry's index is safe.
    pub(super) fn read_index(&mut self, request: RequestId, key: Key, cx: &mut Context<Self>) {
        self.start_round(cx);
        let (commit, early) = (self.commit, self.mutated(Mutant::R11));
        let Office::Leader(leadership) = &mut self.office else { return };
        let (round, index) = (leadership.round, if early { commit } else { commit.max(leadership.first) });
        leadership.reads.push_back(PendingRead { request, key, round, index });
        self.serve_reads(cx);
    }

    /// Answers the reads whose round a majority has answered and whose entries are applied. Rounds and indices only
    /// grow, so the oldest come first. What they show is committed, and need not wait for this node's disk.
    pub(super) fn serve_reads(&mut self, cx: &mut Context<Self>) {
        let unasked = self.mutated(Mutant::R10);
        let Office::Leader(leadership) = &mut self.office else { return };
        let majority = Self::majority(cx);
        while let Some(read) = leadership.reads.front()
            && read.index <= self.applied
            && (unasked || leadership.is_confirmed(read.round, majority))
        {
            let read = leadership.reads.pop_front().expect("it was looked at");
            cx.reply_unsynced(read.request, Reply::Read(self.machine.read(read.key)));
        }
    }
}
