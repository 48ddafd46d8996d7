//! The election that a monitor runs: votes, the wait for old leases, and the choice of the most advanced replica.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::NodeId;
use crate::protocol::Context;
use crate::protocol::mutant::Mutant;
use crate::time::{Duration, Time};
use crate::trace::Observation;

use super::failback::Return;
use super::log::Position;
use super::monitor::Monitor;
use super::{Message, Office, PrimaryBackup, Record, Timer};

/// How far the election has come that this monitor runs. Its epoch is the monitor's last vote: its own, for itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Election {
    /// It runs none.
    None,
    /// It asks for votes.
    Asking {
        /// Who said yes.
        votes: BTreeSet<NodeId>,
        /// When every lease that they granted has run out.
        leases_end: Time,
    },
    /// It has the votes, and waits for leases to run out.
    Fencing,
    /// It asks how far each replica's log goes.
    Collecting {
        /// The answers.
        reports: BTreeMap<NodeId, Position>,
        /// Whether silent replicas are waited for no longer.
        waited: bool,
    },
}

impl Monitor {
    /// Asks the other monitors for their votes, if somebody is there to be promoted.
    pub(super) fn campaign(&mut self, cx: &mut Context<PrimaryBackup>) {
        if !self.may_campaign(cx) || !self.is_approved(cx) {
            return;
        }
        let epoch = self.next_epoch();
        self.vote(epoch, cx.me(), cx);
        let leases_end = cx.now() + self.lease_left(cx);
        self.election = Election::Asking { votes: BTreeSet::from([cx.me()]), leases_end };
        self.tell_monitors(&Message::Candidacy { epoch }, cx);
        self.try_again_in(self.plan.detect / 4, cx);
        self.tally(cx);
    }

    /// An epoch in which nobody has voted, as far as it knows.
    pub(super) fn next_epoch(&self) -> u64 {
        self.voted.max(self.highest) + 1
    }

    /// Votes in an epoch: never again in it or an earlier one, and no lease to earlier primaries any more.
    pub(super) fn vote(&mut self, epoch: u64, candidate: NodeId, cx: &mut Context<PrimaryBackup>) {
        self.voted = epoch;
        cx.persist(Record::Promise(epoch));
        cx.observe(Observation::Voted { epoch, candidate });
        self.election = Election::None;
        cx.cancel_timer(Timer::Fence);
        cx.cancel_timer(Timer::Choose);
    }

    /// No new primary has been announced so far.
    pub(super) fn campaign_again(&mut self, cx: &mut Context<PrimaryBackup>) {
        if !self.suspects {
            return;
        }
        self.try_again_in(self.plan.detect / 4, cx);
        if self.suspecting(cx) >= self.plan.quorum {
            self.campaign(cx);
        }
    }

    /// Another monitor wants to run the election. One that hears the primary says no.
    pub(super) fn on_candidacy(&mut self, from: NodeId, epoch: u64, cx: &mut Context<PrimaryBackup>) {
        if epoch <= self.office.epoch {
            return cx.send(from, Message::Ping { office: self.office, grant: None });
        }
        self.count_suspicion(from, cx);
        let granted = self.suspects && epoch > self.voted;
        if granted {
            self.vote(epoch, from, cx);
            self.try_again_in(self.plan.detect, cx);
        }
        self.tell_vote(from, epoch, granted, cx);
    }

    /// Another monitor wants to run the election after which the office is back where it was: nobody is suspected.
    pub(super) fn on_succession(&mut self, from: NodeId, epoch: u64, cx: &mut Context<PrimaryBackup>) {
        let granted = epoch > self.office.epoch && epoch > self.voted;
        if granted {
            self.vote(epoch, from, cx);
        }
        self.tell_vote(from, epoch, granted, cx);
    }

    fn tell_vote(&self, from: NodeId, epoch: u64, granted: bool, cx: &mut Context<PrimaryBackup>) {
        let highest = self.voted.max(self.highest);
        cx.send(from, Message::Vote { epoch, granted, highest, lease_left: self.lease_left(cx) });
    }

    pub(super) fn on_vote(
        &mut self,
        from: NodeId,
        epoch: u64,
        granted: bool,
        highest: u64,
        lease_left: Duration,
        cx: &mut Context<PrimaryBackup>,
    ) {
        self.highest = self.highest.max(highest);
        if let Election::Asking { votes, leases_end } = &mut self.election
            && granted
            && epoch == self.voted
        {
            votes.insert(from);
            // It was that long when the vote was sent: here it is over later, which is safe.
            *leases_end = (cx.now() + lease_left).max(*leases_end);
            self.tally(cx);
        }
    }

    pub(super) fn tally(&mut self, cx: &mut Context<PrimaryBackup>) {
        let Election::Asking { votes, leases_end } = &self.election else { return };
        if votes.len() < self.plan.quorum {
            return;
        }
        let left = leases_end.since(cx.now());
        cx.observe(Observation::Decided { epoch: self.voted });
        self.election = Election::Fencing;
        self.try_again_in(left + self.plan.detect, cx);
        if left.is_zero() {
            self.fenced(cx);
        } else {
            cx.set_timer(Timer::Fence, left);
        }
    }

    /// No lease of an earlier epoch is left; or, without fencing, nobody waits for that.
    pub(super) fn fenced(&mut self, cx: &mut Context<PrimaryBackup>) {
        if self.election != Election::Fencing {
            return;
        }
        let epoch = self.voted;
        cx.observe(Observation::Fenced { epoch });
        self.election = Election::Collecting { reports: BTreeMap::new(), waited: false };
        for replica in &self.plan.replicas {
            cx.send(*replica, Message::Collect { epoch, source: None });
        }
        cx.set_timer(Timer::Choose, self.plan.heartbeat);
    }

    /// Asks those again who have not answered.
    pub(super) fn collect_again(&mut self, cx: &mut Context<PrimaryBackup>) {
        let Election::Collecting { reports, .. } = &self.election else { return };
        for replica in self.plan.replicas.iter().filter(|replica| !reports.contains_key(replica)) {
            cx.send(*replica, Message::Collect { epoch: self.voted, source: None });
        }
        self.choose(cx);
    }

    pub(super) fn on_report(&mut self, from: NodeId, epoch: u64, last: Position, cx: &mut Context<PrimaryBackup>) {
        if let Election::Collecting { reports, .. } = &mut self.election
            && epoch == self.voted
        {
            let known = reports.entry(from).or_insert(last);
            *known = last.max(*known);
            self.choose(cx);
        }
    }

    pub(super) fn stop_waiting_for_silent(&mut self, cx: &mut Context<PrimaryBackup>) {
        if let Election::Collecting { waited, .. } = &mut self.election {
            *waited = true;
            self.choose(cx);
        }
    }

    /// Chooses the most advanced candidate, by the position of its last entry. Where a replica that may not be promoted
    /// is ahead of it, the candidate first borrows what it lacks. The suspect itself is chosen only where no other
    /// answers.
    fn choose(&mut self, cx: &mut Context<PrimaryBackup>) {
        let Election::Collecting { reports, waited } = &self.election else { return };
        let suspect = self.office.primary;
        let awaited = self.plan.replicas.iter().filter(|replica| **replica != suspect);
        let all_reported = awaited.into_iter().all(|replica| reports.contains_key(replica));
        if reports.len() < self.plan.reports_needed() || !(all_reported || *waited) {
            return;
        }
        let Some((ahead, most)) = reports.iter().max_by_key(|(_, last)| **last) else { return };
        let candidates = self.plan.candidates.iter().filter_map(|node| Some((*node, *reports.get(node)?)));
        let blind = self.plan.mutated(Mutant::F5);
        let rank = |last: Position| if blind { Position::default() } else { last };
        // Of those that have the same, the last of the list; or the first primary, where the office is to go back to it.
        let favoured = (self.home == Return::Asked).then(|| self.plan.replicas[0]);
        let chosen = candidates.max_by_key(|(node, last)| (*node != suspect, rank(*last), Some(*node) == favoured));
        let Some((chosen, last)) = chosen else { return };
        if last == *most || blind {
            self.announce(chosen, cx);
        } else {
            cx.send(chosen, Message::Collect { epoch: self.voted, source: Some(*ahead) });
        }
    }

    /// The choice is made, once and for all in this epoch. The announcement is the order to take office.
    fn announce(&mut self, primary: NodeId, cx: &mut Context<PrimaryBackup>) {
        let office = Office { epoch: self.voted, primary };
        self.adopt(office, cx);
        for replica in &self.plan.replicas {
            self.ping(*replica, cx);
        }
        self.tell_monitors(&Message::Ping { office, grant: None }, cx);
    }
}
