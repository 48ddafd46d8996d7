//! Raft's nodes are alike, but for one that campaigns first: nothing compares their ids.

use crate::id::Renaming;

use super::super::{Member, Symmetry};
use super::{Office, Options, Raft, Record};

/// See [`Symmetry`]. No message names a node: an answer goes to the sender.
pub(super) const SYMMETRY: Symmetry<Raft> = Symmetry { kinds, state, message: |_, _| (), record };

fn kinds(options: &Options, members: &[Member]) -> Vec<usize> {
    let is_first = |member: &Member| options.leader.as_deref() == Some(&*member.region_name);
    members.iter().map(|member| usize::from(is_first(member))).collect()
}

fn state(node: &mut Raft, renaming: &Renaming) {
    node.voted_for.iter_mut().chain(&mut node.leader).for_each(|node| renaming.rename(node));
    match &mut node.office {
        Office::PreCandidate { votes } | Office::Candidate { votes } => {
            *votes = votes.iter().map(|node| renaming.of(*node)).collect();
        }
        Office::Leader(leadership) => leadership.rename(renaming),
        Office::Follower | Office::Halted => {}
    }
    node.own_reads.rename(renaming);
}

fn record(record: &mut Record, renaming: &Renaming) {
    if let Record::Term { voted_for: Some(candidate), .. } = record {
        renaming.rename(candidate);
    }
}
