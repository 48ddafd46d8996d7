//! How a leader comes and goes: timeouts, the pre-vote, the vote, and stepping down.

use std::collections::BTreeSet;

use crate::id::NodeId;
use crate::trace::Observation;

use super::super::Context;
use super::super::mutant::Mutant;
use super::leader::Leadership;
use super::log::Position;
use super::{AppendOrder, Command, Message, Office, Raft, Timer};

impl Raft {
    /// Draws a new timeout and counts it from now.
    pub(super) fn reset_election_timer(&mut self, cx: &mut Context<Self>) {
        let shortest = self.options.election_timeout;
        self.since = cx.now();
        let longest = if self.mutated(Mutant::R21) { shortest } else { shortest * 2 };
        self.timeout = cx.random_between(shortest, longest);
        cx.set_timer(Timer::Election, self.timeout);
    }

    /// The timer is not set anew at each heartbeat; when it fires, it looks when the last one came.
    pub(super) fn on_election_timer(&mut self, cx: &mut Context<Self>) {
        if matches!(self.office, Office::Leader(_)) {
            return;
        }
        // A clock that was set back must not make the wait longer than one timeout.
        self.since = self.since.min(cx.now());
        let due = self.since + self.timeout;
        if cx.now() < due {
            cx.set_timer(Timer::Election, due.since(cx.now()));
            return;
        }
        if matches!(self.office, Office::Follower) {
            cx.observe(Observation::Suspected);
        }
        if self.options.pre_vote { self.pre_campaign(cx) } else { self.campaign(cx) }
    }

    /// Asks who would vote for this node. Its term stays, so that a node that cannot win disturbs nobody.
    fn pre_campaign(&mut self, cx: &mut Context<Self>) {
        self.leader = None;
        self.refuse_own_reads(cx);
        self.office = Office::PreCandidate { votes: BTreeSet::new() };
        self.reset_election_timer(cx);
        let term = self.term + 1;
        self.ask(Message::RequestPreVote { term, last: self.log.last() }, cx);
        cx.send(cx.me(), Message::PreVote { term, granted: true });
    }

    /// Starts a term and asks for votes. Its own comes as a message, too: when the disk has it.
    pub(super) fn campaign(&mut self, cx: &mut Context<Self>) {
        self.enter_term(self.term + 1);
        self.refuse_own_reads(cx);
        self.voted_for = Some(cx.me());
        self.persist_term(cx);
        self.office = Office::Candidate { votes: BTreeSet::new() };
        self.reset_election_timer(cx);
        let term = self.term;
        self.ask(Message::RequestVote { term, last: self.log.last() }, cx);
        cx.send(cx.me(), Message::Vote { term, granted: true });
    }

    fn ask(&self, question: Message, cx: &mut Context<Self>) {
        for peer in cx.peers() {
            cx.send(peer.node, question.clone());
        }
    }

    /// Yes where the candidate could win this vote and no leader is to be heard.
    pub(super) fn on_request_pre_vote(&mut self, from: NodeId, term: u64, last: Position, cx: &mut Context<Self>) {
        let granted = term > self.term && last >= self.log.last() && !self.hears_a_leader(cx);
        cx.send(from, Message::PreVote { term: if granted { term } else { self.term }, granted });
    }

    pub(super) fn on_pre_vote(&mut self, from: NodeId, term: u64, granted: bool, cx: &mut Context<Self>) {
        if !granted {
            self.see_term(term, cx);
            return;
        }
        let Office::PreCandidate { votes } = &mut self.office else { return };
        if term == self.term + 1 {
            votes.insert(from);
            if votes.len() >= Self::majority(cx) {
                self.campaign(cx);
            }
        }
    }

    /// One vote a term, for a log that is not behind this one, and on disk before it is given.
    pub(super) fn on_request_vote(&mut self, from: NodeId, term: u64, last: Position, cx: &mut Context<Self>) {
        if self.options.check_quorum && term > self.term && self.hears_a_leader(cx) {
            return;
        }
        self.see_term(term, cx);
        let free = self.voted_for.is_none_or(|candidate| candidate == from);
        let granted = term == self.term && free && last >= self.log.last();
        if granted {
            self.since = cx.now();
            if self.voted_for.is_none() {
                self.voted_for = Some(from);
                if self.mutated(Mutant::R2) { self.observe_term(cx) } else { self.persist_term(cx) }
            }
        }
        cx.send(from, Message::Vote { term: self.term, granted });
    }

    pub(super) fn on_vote(&mut self, from: NodeId, term: u64, granted: bool, cx: &mut Context<Self>) {
        self.see_term(term, cx);
        let Office::Candidate { votes } = &mut self.office else { return };
        if granted && term == self.term {
            votes.insert(from);
            if votes.len() >= Self::majority(cx) {
                self.take_office(cx);
            }
        }
    }

    /// The candidate has won. Its first entry is empty, and commits what earlier terms left behind.
    fn take_office(&mut self, cx: &mut Context<Self>) {
        let epoch = self.term;
        cx.observe(Observation::Decided { epoch });
        cx.observe(Observation::Fenced { epoch });
        let Position { term: last, index } = self.log.last();
        cx.observe(Observation::Elected { epoch, index, last });
        cx.observe(Observation::Leader { epoch });
        self.leader = Some(cx.me());
        self.office = Office::Leader(Leadership::new(self.log.last(), cx.peers().map(|peer| peer.node)));
        cx.set_timer(Timer::Heartbeat, self.options.heartbeat);
        self.propose(Command::NoOp, cx);
        if self.options.append == AppendOrder::DiskFirst {
            self.start_round(cx); // nothing else tells the others so soon
        }
    }

    /// Whether a leader of this term, perhaps this node, was heard within the shortest election timeout.
    fn hears_a_leader(&self, cx: &Context<Self>) -> bool {
        let now = cx.now();
        match self.leader {
            None => false,
            Some(leader) if leader == cx.me() => true,
            Some(_) => self.since <= now && now.since(self.since) < self.options.election_timeout,
        }
    }

    /// Every message tells its term, and a node that is behind catches up and follows. Where it led, it steps down.
    pub(super) fn see_term(&mut self, term: u64, cx: &mut Context<Self>) {
        if term > self.term {
            self.step_down(cx);
            self.enter_term(term);
            self.persist_term(cx);
        }
    }

    /// Becomes a follower in the same term. The election timer of a candidate runs on.
    pub(super) fn step_down(&mut self, cx: &mut Context<Self>) {
        self.leader = None;
        if let Office::Leader(leadership) = std::mem::replace(&mut self.office, Office::Follower) {
            cx.observe(Observation::SteppedDown { epoch: self.term });
            cx.cancel_timer(Timer::Heartbeat);
            self.reset_election_timer(cx);
            // A read never takes effect and may be refused; a write may yet be committed, and stays without an answer.
            leadership.reads.iter().for_each(|read| read.refuse(cx));
        }
        self.refuse_own_reads(cx);
    }

    /// What was learnt of a leader's log ends with its term.
    fn enter_term(&mut self, term: u64) {
        (self.term, self.voted_for, self.leader) = (term, None, None);
        self.verified = 0;
        self.early.clear();
    }
}
