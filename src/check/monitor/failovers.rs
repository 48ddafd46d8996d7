//! Failovers: how long each took, split into phases.
//!
//! A failover begins with its cause, and the hard question is which of many faults that was. Only what changes the
//! leader's standing can be: it stops, or one of its links to the other members becomes worse or *better*, for a member
//! that comes back with a higher term deposes a leader that served well. Of those, the cause is the first after which the
//! leader served nobody outside its own region any more. (Its own region says little: a primary that is cut off may go on
//! acknowledging what is lost.)

use crate::id::{GroupId, NodeId};
use crate::time::{Duration, Time};
use crate::trace::Observation;

/// One change of leader, from the fault to the first write that the new one acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failover {
    /// Whose leader changed.
    pub group: GroupId,
    /// The first change in the old leader's standing, a fault or the end of one, since it last served another region;
    /// where there was none, when it stepped down or was first suspected.
    pub at: Time,
    /// From there until somebody believed that the leader is gone.
    pub detect: Duration,
    /// From there until a new leader was settled on.
    pub decide: Duration,
    /// From there until the old one could no longer acknowledge, or nobody would wait for that any more.
    pub fence: Duration,
    /// From there until there was what the new one runs on; zero where all of that stood by.
    pub provision: Duration,
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
        self.serve.map(|serve| self.detect + self.decide + self.fence + self.provision + self.promote + serve)
    }
}

/// Puts failovers together from observations, changes in leaders' standing, and acknowledged writes.
#[derive(Clone, Debug, Default)]
pub struct Failovers {
    groups: Vec<Watch>,
    done: Vec<Failover>,
    /// Whether the clients' time is over.
    is_over: bool,
}

#[derive(Clone, Debug, Default)]
struct Watch {
    /// Who was ready last.
    led: Option<(u64, NodeId)>,
    /// What may yet turn out to have ended that leader's service, in order.
    causes: Vec<Cause>,
    /// When it was suspected first, and when it stepped down, since it last served another region.
    suspected: Option<Time>,
    stepped_down: Option<Time>,
    decided: Option<Time>,
    fenced: Option<Time>,
    provisioned: Option<Time>,
    office: Option<(u64, NodeId)>,
    /// A leader that is ready, and has not acknowledged a write yet: its place in `done`, and since when.
    unproven: Option<(usize, u64, NodeId, Time)>,
}

/// A change in the leader's standing, and the first suspicion since.
#[derive(Clone, Copy, Debug)]
struct Cause {
    at: Time,
    suspected: Option<Time>,
}

impl Watch {
    /// When the failover that ends now began, and when the leader was suspected.
    fn beginning(&self, now: Time) -> (Time, Time) {
        if let Some(cause) = self.causes.first() {
            return (cause.at, cause.suspected.unwrap_or(cause.at));
        }
        let began = [self.stepped_down, self.suspected].into_iter().flatten().min().unwrap_or(now);
        (began, self.suspected.unwrap_or(began))
    }

    /// The leader served another region with a write that was begun at `begun`: what came before did not stop it.
    fn is_well_at(&mut self, begun: Time) {
        self.causes.retain(|cause| cause.at >= begun);
        self.suspected = self.suspected.filter(|at| *at >= begun);
        self.stepped_down = self.stepped_down.filter(|at| *at >= begun);
    }
}

impl Failovers {
    /// For a run with this many groups.
    pub fn new(groups: usize) -> Failovers {
        Failovers { groups: vec![Watch::default(); groups], done: Vec::new(), is_over: false }
    }

    /// The leader that was ready last.
    pub fn leader(&self, group: GroupId) -> Option<NodeId> {
        self.groups[group.index()].led.map(|(_, node)| node)
    }

    /// A fault began or ended, and with it the standing of the group's [leader](Failovers::leader) changed.
    pub fn touched(&mut self, group: GroupId, at: Time) {
        self.groups[group.index()].causes.push(Cause { at, suspected: None });
    }

    /// The clients' time is over: a leader that is ready from now on is none for them.
    pub fn close(&mut self) {
        self.is_over = true;
    }

    /// A node observed something.
    pub fn observed(&mut self, group: GroupId, node: NodeId, observation: Observation, at: Time) {
        let watch = &mut self.groups[group.index()];
        match observation {
            Observation::Suspected => {
                watch.suspected.get_or_insert(at);
                watch.causes.iter_mut().filter(|cause| cause.suspected.is_none()).for_each(|c| c.suspected = Some(at));
            }
            Observation::SteppedDown { epoch } if watch.led == Some((epoch, node)) => watch.stepped_down = Some(at),
            Observation::Decided { .. } => (watch.decided, watch.fenced, watch.provisioned) = (Some(at), None, None),
            Observation::Fenced { .. } => watch.fenced = Some(at),
            Observation::Provisioned { .. } => watch.provisioned = Some(at),
            Observation::Leader { epoch } => watch.office = Some((epoch, node)),
            Observation::Ready { epoch } if watch.office == Some((epoch, node)) => self.ready(group, epoch, node, at),
            _ => {}
        }
    }

    fn ready(&mut self, group: GroupId, epoch: u64, leader: NodeId, at: Time) {
        let watch = &mut self.groups[group.index()];
        if self.is_over || watch.led == Some((epoch, leader)) {
            return; // it was only away for a while: what made it so may yet be the cause of a change
        }
        let watch = std::mem::replace(watch, Watch { led: Some((epoch, leader)), ..Watch::default() });
        if watch.led.is_none() {
            return; // the first leader of a run is no failover
        }
        let (began, suspected) = watch.beginning(at);
        let decided = watch.decided.unwrap_or(at).max(suspected);
        let fenced = watch.fenced.unwrap_or(decided).max(decided);
        let provisioned = watch.provisioned.unwrap_or(fenced).max(fenced);
        self.groups[group.index()].unproven = Some((self.done.len(), epoch, leader, at));
        self.done.push(Failover {
            group,
            at: began,
            detect: suspected.since(began),
            decide: decided.since(suspected),
            fence: fenced.since(decided),
            provision: provisioned.since(fenced),
            promote: at.since(provisioned),
            serve: None,
            epoch,
            leader,
        });
    }

    /// A client heard that the leader `node` of `epoch` acknowledged its write, begun at `begun`; the client is `abroad`
    /// where it is in another region than the leader.
    pub fn acknowledged(&mut self, group: GroupId, epoch: u64, node: NodeId, begun: Time, abroad: bool, at: Time) {
        let watch = &mut self.groups[group.index()];
        if let Some((place, new_epoch, leader, ready)) = watch.unproven
            && (new_epoch, leader) == (epoch, node)
        {
            self.done[place].serve = Some(at.since(ready));
            watch.unproven = None;
        }
        if abroad && watch.led == Some((epoch, node)) {
            watch.is_well_at(begun);
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

    const GROUP: GroupId = GroupId(0);
    const OLD: NodeId = NodeId(0);
    const NEW: NodeId = NodeId(1);

    fn at(s: u64) -> Time {
        Time::ZERO + Duration::secs(s)
    }

    /// A run whose old leader is ready at second 1.
    fn led() -> Failovers {
        let mut watch = Failovers::new(1);
        watch.observed(GROUP, NEW, Observation::Suspected, at(0));
        lead(&mut watch, OLD, 1, 1);
        assert!(watch.all().is_empty(), "the first election is no failover");
        watch
    }

    fn lead(watch: &mut Failovers, node: NodeId, epoch: u64, ready: u64) {
        watch.observed(GROUP, node, Observation::Leader { epoch }, at(ready));
        watch.observed(GROUP, node, Observation::Ready { epoch }, at(ready));
    }

    fn suspected(watch: &mut Failovers, second: u64) {
        watch.observed(GROUP, NEW, Observation::Suspected, at(second));
    }

    /// The old leader serves a write of another region that takes a second.
    fn serves_abroad(watch: &mut Failovers, second: u64) {
        watch.acknowledged(GROUP, 1, OLD, at(second), true, at(second + 1));
    }

    fn seconds(span: Duration) -> u64 {
        span.as_nanos() / 1_000_000_000
    }

    /// Since when there was one failover, and how long its detection took.
    fn only(watch: &Failovers) -> (Time, u64) {
        let [failover] = watch.all() else { panic!("one leader changed: {:?}", watch.all()) };
        (failover.at, seconds(failover.detect))
    }

    #[test]
    fn the_phases_add_up() {
        let mut watch = led();
        watch.touched(GROUP, at(30));
        suspected(&mut watch, 35);
        watch.observed(GROUP, NEW, Observation::Decided { epoch: 2 }, at(36));
        watch.observed(GROUP, NEW, Observation::Fenced { epoch: 2 }, at(38));
        watch.observed(GROUP, NEW, Observation::Provisioned { epoch: 2 }, at(41));
        lead(&mut watch, NEW, 2, 48);
        assert_eq!(watch.all()[0].total(), None);
        watch.acknowledged(GROUP, 1, OLD, at(31), true, at(49));
        assert_eq!(watch.all()[0].total(), None, "the old leader's word is not the new one's");
        watch.acknowledged(GROUP, 2, NEW, at(48), false, at(50));
        let failover = watch.all()[0];
        let Failover { detect, decide, fence, provision, promote, serve, .. } = failover;
        let phases = [detect, decide, fence, provision, promote, serve.unwrap()];
        assert_eq!((failover.at, phases.map(seconds)), (at(30), [5, 1, 2, 3, 7, 2]));
        assert_eq!(failover.total(), Some(Duration::secs(20)));
    }

    #[test]
    fn a_lease_lost_and_regained_does_not_hide_the_fault_before_it() {
        let mut watch = led();
        watch.touched(GROUP, at(30));
        suspected(&mut watch, 32);
        lead(&mut watch, OLD, 1, 33);
        lead(&mut watch, NEW, 2, 40);
        assert_eq!(only(&watch), (at(30), 2));
    }

    #[test]
    fn what_the_leader_outlived_is_not_the_cause() {
        let mut watch = led();
        watch.touched(GROUP, at(10));
        suspected(&mut watch, 11);
        serves_abroad(&mut watch, 20);
        watch.touched(GROUP, at(60));
        suspected(&mut watch, 62);
        suspected(&mut watch, 64);
        watch.observed(GROUP, NEW, Observation::Decided { epoch: 2 }, at(65));
        lead(&mut watch, NEW, 2, 66);
        assert_eq!(only(&watch), (at(60), 2));
        assert_eq!(seconds(watch.all()[0].decide), 3);
    }

    #[test]
    fn a_heal_that_brings_back_a_higher_term_is_a_cause() {
        let mut watch = led();
        watch.touched(GROUP, at(30));
        suspected(&mut watch, 33);
        serves_abroad(&mut watch, 58);
        watch.touched(GROUP, at(60));
        watch.observed(GROUP, OLD, Observation::SteppedDown { epoch: 1 }, at(60));
        suspected(&mut watch, 63);
        lead(&mut watch, NEW, 2, 64);
        assert_eq!(only(&watch), (at(60), 3));
    }

    #[test]
    fn a_heal_that_comes_too_late_is_none() {
        let mut watch = led();
        watch.touched(GROUP, at(10));
        watch.acknowledged(GROUP, 1, OLD, at(9), true, at(11));
        watch.acknowledged(GROUP, 1, OLD, at(12), false, at(12));
        watch.touched(GROUP, at(12));
        suspected(&mut watch, 13);
        lead(&mut watch, NEW, 2, 14);
        assert_eq!(only(&watch), (at(10), 3), "its own region, and what was on its way, are no sign of health");
    }

    #[test]
    fn without_a_fault_it_begins_where_the_leader_stepped_down_or_was_suspected() {
        for (suspicion, step, began, detect) in
            [(Some(20), None, 20, 0), (Some(20), Some(18), 18, 2), (None, Some(18), 18, 0)]
        {
            let mut watch = led();
            if let Some(step) = step {
                watch.observed(GROUP, NEW, Observation::SteppedDown { epoch: 1 }, at(step - 1));
                watch.observed(GROUP, OLD, Observation::SteppedDown { epoch: 1 }, at(step));
            }
            if let Some(suspicion) = suspicion {
                suspected(&mut watch, suspicion);
            }
            lead(&mut watch, NEW, 2, 21);
            assert_eq!(only(&watch), (at(began), detect));
        }
    }

    #[test]
    fn a_leader_that_is_ready_after_the_clients_time_is_not_counted() {
        let mut watch = led();
        watch.touched(GROUP, at(30));
        watch.close();
        lead(&mut watch, NEW, 2, 34);
        assert!(watch.all().is_empty());
    }
}
