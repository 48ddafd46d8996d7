//! Failovers: how long each took, split into phases.

use crate::id::{GroupId, NodeId};
use crate::time::{Duration, Time};
use crate::trace::Observation;

/// One change of leader, from the fault to the first write that the new one acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failover {
    /// Whose leader changed.
    pub group: GroupId,
    /// The fault before it; where there was none, the moment of suspicion.
    pub at: Time,
    /// From the fault until somebody believed that the leader is gone.
    pub detect: Duration,
    /// From there until a new leader was settled on.
    pub decide: Duration,
    /// From there until the old one could no longer acknowledge, or nobody would wait for that any more.
    pub fence: Duration,
    /// From there until the new one could answer.
    pub promote: Duration,
    /// From there until it acknowledged its first write; `None` if it never did.
    pub serve: Option<Duration>,
    /// The new leader's epoch.
    pub epoch: u64,
    /// The new leader.
    pub leader: NodeId,
}

impl Failover {
    /// The recovery time: all phases together; `None` if the new leader never acknowledged a write.
    pub fn total(&self) -> Option<Duration> {
        self.serve.map(|serve| self.detect + self.decide + self.fence + self.promote + serve)
    }
}

/// Puts failovers together from observations, faults and acknowledged writes.
#[derive(Clone, Debug)]
pub struct Failovers {
    groups: Vec<Watch>,
    done: Vec<Failover>,
}

#[derive(Clone, Debug, Default)]
struct Watch {
    /// The latest fault, and the first suspicion after it.
    latest: Cause,
    /// The fault before that was followed by a suspicion, and that suspicion.
    earlier: Cause,
    decided: Option<Time>,
    fenced: Option<Time>,
    office: Option<(u64, NodeId)>,
    /// Who was ready last.
    led: Option<(u64, NodeId)>,
    /// A leader that is ready, and has not acknowledged a write yet: its place in `done`, and since when.
    unproven: Option<(usize, u64, NodeId, Time)>,
}

/// What may have made a leader change.
#[derive(Clone, Copy, Debug, Default)]
struct Cause {
    fault: Option<Time>,
    suspected: Option<Time>,
}

impl Watch {
    /// The likeliest cause of a change of leader, and when it was suspected. A suspicion may be a false alarm that came to
    /// nothing, so one that follows the latest fault goes before those that precede it.
    fn cause(&self) -> Option<(Time, Time)> {
        let pair = |cause: Cause| cause.suspected.map(|suspected| (cause.fault.unwrap_or(suspected), suspected));
        pair(self.latest).or(pair(self.earlier))
    }
}

impl Failovers {
    /// For a run with this many groups.
    pub fn new(groups: usize) -> Failovers {
        Failovers { groups: vec![Watch::default(); groups], done: Vec::new() }
    }

    /// A fault began.
    pub fn fault(&mut self, at: Time) {
        for watch in &mut self.groups {
            if watch.latest.suspected.is_some() {
                watch.earlier = watch.latest;
            }
            watch.latest = Cause { fault: Some(at), suspected: None };
        }
    }

    /// A node observed something.
    pub fn observed(&mut self, group: GroupId, node: NodeId, observation: Observation, at: Time) {
        let watch = &mut self.groups[group.index()];
        match observation {
            Observation::Suspected if watch.latest.fault.is_none() => watch.latest.suspected = Some(at),
            Observation::Suspected => {
                watch.latest.suspected.get_or_insert(at);
            }
            Observation::Decided { .. } => (watch.decided, watch.fenced) = (Some(at), None),
            Observation::Fenced { .. } => watch.fenced = Some(at),
            Observation::Leader { epoch } => watch.office = Some((epoch, node)),
            Observation::Ready { epoch } if watch.office == Some((epoch, node)) => self.ready(group, epoch, node, at),
            _ => {}
        }
    }

    fn ready(&mut self, group: GroupId, epoch: u64, leader: NodeId, at: Time) {
        let watch = &mut self.groups[group.index()];
        if watch.led == Some((epoch, leader)) {
            return; // it was only away for a while: what made it so may yet be the cause of a change
        }
        let led = watch.led.replace((epoch, leader));
        let (cause, decided, fenced) = (watch.cause(), watch.decided, watch.fenced);
        *watch = Watch { led: watch.led, ..Watch::default() };
        // The first leader of a run is no failover.
        let (Some(_), Some((began, suspected))) = (led, cause) else { return };
        let decided = decided.unwrap_or(at).max(suspected);
        let fenced = fenced.unwrap_or(decided).max(decided);
        watch.unproven = Some((self.done.len(), epoch, leader, at));
        self.done.push(Failover {
            group,
            at: began,
            detect: suspected.since(began),
            decide: decided.since(suspected),
            fence: fenced.since(decided),
            promote: at.since(fenced),
            serve: None,
            epoch,
            leader,
        });
    }

    /// The leader `node` of `epoch` acknowledged a write.
    pub fn acknowledged(&mut self, group: GroupId, epoch: u64, node: NodeId, at: Time) {
        let watch = &mut self.groups[group.index()];
        if let Some((place, new_epoch, leader, ready)) = watch.unproven
            && (new_epoch, leader) == (epoch, node)
        {
            self.done[place].serve = Some(at.since(ready));
            watch.unproven = None;
        }
    }

    /// The failovers so far, in the order in which their leaders were ready.
    pub fn all(&self) -> &[Failover] {
        &self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> Time {
        Time::ZERO + Duration::secs(s)
    }

    #[test]
    fn the_phases_add_up_and_the_first_election_is_none() {
        let mut watch = Failovers::new(1);
        let (group, old, new) = (GroupId(0), NodeId(0), NodeId(1));
        let lead = |watch: &mut Failovers, node, epoch, times: [u64; 5]| {
            watch.observed(group, node, Observation::Suspected, at(times[0]));
            watch.observed(group, node, Observation::Decided { epoch }, at(times[1]));
            watch.observed(group, node, Observation::Fenced { epoch }, at(times[2]));
            watch.observed(group, node, Observation::Leader { epoch }, at(times[3]));
            watch.observed(group, node, Observation::Ready { epoch }, at(times[4]));
        };
        lead(&mut watch, old, 1, [0, 1, 1, 1, 1]);
        watch.acknowledged(group, 1, old, at(2));
        assert!(watch.all().is_empty());

        watch.fault(at(30));
        lead(&mut watch, new, 2, [35, 36, 38, 38, 48]);
        assert_eq!(watch.all()[0].total(), None);
        watch.acknowledged(group, 1, old, at(49));
        assert_eq!(watch.all()[0].total(), None, "the old leader's word is not the new one's");
        watch.acknowledged(group, 2, new, at(50));
        let failover = watch.all()[0];
        let seconds = [failover.detect, failover.decide, failover.fence, failover.promote, failover.serve.unwrap()]
            .map(|span| span.as_nanos() / 1_000_000_000);
        assert_eq!((failover.at, seconds), (at(30), [5, 1, 2, 10, 2]));
        assert_eq!(failover.total(), Some(Duration::secs(20)));
    }

    #[test]
    fn a_lease_lost_and_regained_does_not_hide_the_fault_before_it() {
        let mut watch = Failovers::new(1);
        let (group, old, new) = (GroupId(0), NodeId(0), NodeId(1));
        for ready in [1, 33] {
            if ready == 33 {
                watch.fault(at(30));
                watch.observed(group, new, Observation::Suspected, at(32));
            }
            watch.observed(group, old, Observation::Leader { epoch: 1 }, at(ready));
            watch.observed(group, old, Observation::Ready { epoch: 1 }, at(ready));
        }
        watch.observed(group, new, Observation::Leader { epoch: 2 }, at(40));
        watch.observed(group, new, Observation::Ready { epoch: 2 }, at(40));
        let [failover] = watch.all() else { panic!("one leader changed: {:?}", watch.all()) };
        assert_eq!((failover.at, failover.detect), (at(30), Duration::secs(2)));
    }

    #[test]
    fn a_false_alarm_is_not_the_beginning_of_a_later_failover() {
        let mut watch = Failovers::new(1);
        let (group, old, new) = (GroupId(0), NodeId(0), NodeId(1));
        watch.observed(group, old, Observation::Suspected, at(0));
        watch.observed(group, old, Observation::Leader { epoch: 1 }, at(1));
        watch.observed(group, old, Observation::Ready { epoch: 1 }, at(1));
        watch.fault(at(10));
        watch.observed(group, new, Observation::Suspected, at(11));
        watch.fault(at(60));
        watch.observed(group, new, Observation::Suspected, at(62));
        watch.observed(group, new, Observation::Suspected, at(64));
        watch.observed(group, new, Observation::Decided { epoch: 2 }, at(65));
        watch.observed(group, new, Observation::Leader { epoch: 2 }, at(65));
        watch.observed(group, new, Observation::Ready { epoch: 2 }, at(66));
        let failover = watch.all()[0];
        assert_eq!((failover.at, failover.detect, failover.decide), (at(60), Duration::secs(2), Duration::secs(3)));
    }

    #[test]
    fn a_second_fault_does_not_hide_what_began_before_it() {
        let mut watch = Failovers::new(1);
        let (group, old, new) = (GroupId(0), NodeId(0), NodeId(1));
        watch.observed(group, old, Observation::Leader { epoch: 1 }, at(1));
        watch.observed(group, old, Observation::Ready { epoch: 1 }, at(1));
        watch.fault(at(30));
        watch.observed(group, new, Observation::Suspected, at(32));
        watch.fault(at(33));
        watch.observed(group, new, Observation::Leader { epoch: 2 }, at(34));
        watch.observed(group, new, Observation::Ready { epoch: 2 }, at(34));
        assert_eq!(watch.all()[0].at, at(30));
        watch.observed(group, new, Observation::Suspected, at(40));
        watch.observed(group, new, Observation::Leader { epoch: 2 }, at(41));
        watch.observed(group, new, Observation::Ready { epoch: 2 }, at(41));
        assert_eq!(watch.all().len(), 1, "the same leader in the same epoch was only away");
    }
}
