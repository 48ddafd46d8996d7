//! What one node may do as epochs go by: term and vote monotone, and fencing.
//!
//! All three are told once the disk has what they say, so a crash that loses a vote nobody heard of breaks nothing, and
//! a restart that forgets one that was heard does.

use crate::id::{NodeId, Renaming};

use super::breaches::Breaches;
use super::{Invariant, Seen};

/// What one node is bound to.
#[derive(Clone, Copy, Debug, Default, Hash)]
pub(super) struct Epochs {
    entered: u64,
    /// The last epoch whose leader it took an entry from.
    followed: u64,
    vote: Option<(u64, NodeId)>,
}

impl Epochs {
    /// Calls the nodes otherwise.
    pub fn rename(&mut self, renaming: &Renaming) {
        self.vote.iter_mut().for_each(|(_, candidate)| renaming.rename(candidate));
    }

    #[inline]
    pub fn entered(&mut self, seen: Seen, epoch: u64, into: &mut Breaches) {
        if epoch < self.entered {
            let had = self.entered;
            into.note(Invariant::VoteMonotone, seen.at, &[seen.node()], |names| {
                format!("{} is in epoch {epoch}, after epoch {had}", names.name(seen.node()))
            });
        }
        self.entered = self.entered.max(epoch);
    }

    pub fn voted(&mut self, seen: Seen, epoch: u64, candidate: NodeId, into: &mut Breaches) {
        self.entered(seen, epoch, into);
        match self.vote {
            Some((of, other)) if of == epoch && other != candidate => {
                into.note(Invariant::VoteMonotone, seen.at, &[seen.node(), other, candidate], |names| {
                    let [node, other, candidate] = [seen.node(), other, candidate].map(|node| names.name(node));
                    format!("{node} voted for {other} and for {candidate}, both in epoch {epoch}")
                });
            }
            _ => self.vote = Some((epoch, candidate)),
        }
    }

    /// The epoch whose order of writes it goes by; 0 where nobody told of one.
    #[inline]
    pub const fn followed(&self) -> u64 {
        self.followed
    }

    /// It took an entry from the leader of the epoch `by`.
    #[inline]
    pub fn took(&mut self, seen: Seen, by: u64, index: u64, into: &mut Breaches) {
        self.followed = self.followed.max(by);
        if by < self.entered {
            let entered = self.entered;
            into.note(Invariant::Fencing, seen.at, &[seen.node()], |names| {
                let node = names.name(seen.node());
                format!("{node} takes entry {index} from the leader of epoch {by}, after it entered epoch {entered}")
            });
        }
    }
}
