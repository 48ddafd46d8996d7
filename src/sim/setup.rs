//! What a run is made of: the world's part, which every design shares, and the design's part.

use crate::id::RegionId;
use crate::model::chaos::Chaos;
use crate::model::clock::ClockModel;
use crate::model::disk::DiskModel;
use crate::model::fault::Fault;
use crate::model::routing::Routing;
use crate::model::service::ServiceModel;
use crate::model::stonith::Stonith;
use crate::model::topology::Topology;
use crate::model::transport::StreamTransport;
use crate::model::workload::{Objects, Workload};
use crate::protocol::{Claim, Guarantee};
use crate::time::Duration;
use crate::trace::{FaultKind, Promise};

/// The world that every design of a comparison meets.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Regions and links.
    pub topology: Topology,
    /// Clients.
    pub workload: Workload,
    /// What breaks, in any order.
    pub faults: Vec<Fault>,
    /// What each seed breaks beside that.
    pub chaos: Option<Chaos>,
    /// How long clients ask. At the end every fault is healed.
    pub duration: Duration,
    /// How long the run goes on after that, without new operations, before replicas are compared.
    pub settle: Duration,
    /// The nodes' disks.
    pub disk: DiskModel,
    /// The nodes' clocks, and the clients'.
    pub clocks: ClockModel,
    /// Connections between nodes, and of clients with nodes; `None`: datagrams.
    pub transport: Option<StreamTransport>,
    /// How clients find a region; `None`: each asks the nearest replica, or whom its region believes to lead.
    pub routing: Option<Routing>,
    /// Managers that have machines switched off; `None`: nobody shoots.
    pub stonith: Option<Stonith>,
    /// What nodes can do in a second; `None`: whatever they are asked, at once.
    pub service: Option<ServiceModel>,
}

impl Setup {
    /// The kinds of fault that a run may have.
    pub fn fault_kinds(&self) -> impl Iterator<Item = FaultKind> + '_ {
        let drawn = self.chaos.iter().flat_map(|chaos| chaos.kinds.iter().map(|kind| kind.kind));
        self.faults.iter().map(|fault| fault.action.kind()).chain(drawn)
    }

    /// The world as this seed has it: what is drawn is planned, and nothing is drawn any more. The same runs.
    pub fn settled(&self, seed: u64) -> Setup {
        Setup { faults: self.faults_of(seed), chaos: None, ..self.clone() }
    }

    /// What breaks under this seed: what is planned, then what is drawn.
    pub fn faults_of(&self, seed: u64) -> Vec<Fault> {
        let drawn = self.chaos.as_ref().map(|chaos| chaos.draw(&self.topology, seed));
        self.faults.iter().cloned().chain(drawn.into_iter().flatten()).collect()
    }

    /// Whether a claim is made in this world, before anything breaks. A disk that is not synced before anybody is answered is to a
    /// crash what a [`FaultKind::LyingDisk`] is. Where work takes time or a line, or there are streams, requests come late, as by
    /// [`FaultKind::Delay`]; a hedged one comes twice, as by [`FaultKind::Duplicate`], and so,
    /// to a counter, does one that is asked of a second node; and where each attempt is a request of
    /// its own, a write may take effect again long after its client was told, which no design can help.
    pub fn admits(&self, claim: &Claim) -> bool {
        let is_hedged = self.workload.retry.is_some_and(|retry| retry.hedge_after.is_some());
        // A node that answers from its own copy cannot know what another added for the same request.
        let is_counted_twice = matches!(self.workload.objects, Objects::Counters { .. })
            && (self.workload.retry.is_some() || self.workload.retry_after.is_some());
        let is_about_effects = matches!(claim.guarantee, Guarantee::Linearizable | Guarantee::NoAcknowledgedWriteLost);
        (!self.is_late() || claim.covers(FaultKind::Delay))
            && (!(is_hedged || is_counted_twice && is_about_effects) || claim.covers(FaultKind::Duplicate))
            && (self.workload.idempotency || !is_about_effects)
            && (self.disk.is_synced_first() || claim.covers(FaultKind::LyingDisk))
    }

    /// Whether what is sent may come late where nothing is wrong, since it waits for a node, a line or a connection.
    fn is_late(&self) -> bool {
        self.service.is_some() || self.transport.is_some() || self.topology.has_bandwidth()
    }

    /// Whether a design is held to such a promise. An overloaded node or line answers late or never, and a client that asks only so
    /// often may not hear: neither is the design's to promise. Nor is it that what looks new is a write it had; nor what is on disks that it does not
    /// wait for.
    pub(super) fn holds_to(&self, promise: Promise) -> bool {
        match promise {
            Promise::WritesWithin(_) => !self.is_late() && self.workload.retry.is_none(),
            Promise::Once => self.workload.idempotency,
            Promise::Copies(_) => self.disk.is_synced_first(),
            Promise::AtLeast(_) | Promise::FreshWithin(_) => true,
            Promise::WholePuts | Promise::OneOrder => self.workload.objects.object() == crate::op::Object::Row,
        }
    }
}

/// Where a design puts its nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The regions that the design uses, in its order; [`Protocol::seats`](crate::protocol::Protocol::seats) gets these.
    pub regions: Vec<RegionId>,
    /// How many replication groups, each with a full set of seats; key `k` belongs to group `k mod groups`.
    pub groups: u16,
}

impl Placement {
    /// One group over every region of the topology.
    pub fn everywhere(topology: &Topology) -> Placement {
        Placement { regions: (0..topology.regions().len()).map(|place| RegionId(place as u16)).collect(), groups: 1 }
    }
}
