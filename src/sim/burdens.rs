//! Faults that burden nodes without stopping them, or unburden them: slow ones, gray ones, slow disks, and more load than the
//! workload says, or none.

use crate::id::{ClientId, NodeId, RegionId};
use crate::model::fault::{Action, Slow, SlowDisk};
use crate::model::service::Load;
use crate::protocol::Protocol;
use crate::time::{Duration, Time};

use super::future::{Event, Plain};
use super::world::World;

/// Those under way.
#[derive(Debug, Default)]
pub(super) struct Burdens {
    under_way: Vec<Burden>,
}

#[derive(Debug)]
struct Burden {
    fault: usize,
    weight: Weight,
    nodes: Vec<NodeId>,
    since: Time,
    touched: u64,
}

#[derive(Debug)]
enum Weight {
    Slow(Slow),
    Gray,
    Disk(SlowDisk),
    Load(Load, Vec<RegionId>),
    /// And the clients of closed loops that have thought enough meanwhile.
    Quiet(Vec<RegionId>, Vec<ClientId>),
}

impl Burdens {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    /// How many there are that a node's standing depends on.
    pub(super) fn on(&self, node: NodeId) -> usize {
        let weighs = |b: &&Burden| matches!(b.weight, Weight::Load(..) | Weight::Quiet(..)) || b.nodes.contains(&node);
        self.under_way.iter().filter(weighs).count()
    }

    /// How long a piece of work takes that this node begins now.
    pub(super) fn slowed(&mut self, node: NodeId, mut lasts: Duration) -> Duration {
        for burden in self.under_way.iter_mut().filter(|burden| burden.nodes.contains(&node)) {
            if let Weight::Slow(slow) = burden.weight {
                burden.touched += 1;
                lasts = slow.of(lasts);
            }
        }
        lasts
    }

    /// Whether syncs of this node take longer.
    #[cold]
    pub(super) fn slow_the_disk_of(&self, node: NodeId) -> bool {
        let is_slow = |b: &Burden| matches!(b.weight, Weight::Disk(_)) && b.nodes.contains(&node);
        self.under_way.iter().any(is_slow)
    }

    /// How long a sync takes that this node begins now.
    #[cold]
    pub(super) fn slowed_sync(&mut self, node: NodeId, mut lasts: Duration, now: Time) -> Duration {
        for burden in self.under_way.iter_mut().filter(|burden| burden.nodes.contains(&node)) {
            if let Weight::Disk(slow) = burden.weight {
                burden.touched += 1;
                lasts = slow.of(lasts, now.since(burden.since));
            }
        }
        lasts
    }

    /// Whether this node takes no request.
    fn is_gray(&mut self, node: NodeId) -> bool {
        let mut is_gray = false;
        for burden in self.under_way.iter_mut().filter(|burden| burden.nodes.contains(&node)) {
            if let Weight::Gray = burden.weight {
                burden.touched += 1;
                is_gray = true;
            }
        }
        is_gray
    }

    /// An operation begins in a region: how long until the next does.
    #[cold]
    pub(super) fn loaded(&mut self, region: RegionId, mut gap: Duration, now: Time) -> Duration {
        for burden in &mut self.under_way {
            if let Weight::Load(load, regions) = &burden.weight
                && (regions.is_empty() || regions.contains(&region))
            {
                burden.touched += 1;
                gap = load.of(gap, now.since(burden.since));
            }
        }
        gap
    }

    /// Whether no operation begins in this region now. A client of a closed loop that would begin one is kept until the first
    /// of the faults that hold it ends.
    #[cold]
    pub(super) fn is_quiet(&mut self, region: RegionId, of_closed_loop: Option<ClientId>) -> bool {
        let mut keeps = of_closed_loop;
        let mut is_quiet = false;
        for burden in &mut self.under_way {
            if let Weight::Quiet(regions, waiting) = &mut burden.weight
                && (regions.is_empty() || regions.contains(&region))
            {
                burden.touched += 1;
                is_quiet = true;
                waiting.extend(keeps.take());
            }
        }
        is_quiet
    }

    /// This fault ends; returns what it touched, and the clients that it kept from asking.
    fn lift(&mut self, fault: usize) -> (u64, Vec<ClientId>) {
        let Some(place) = self.under_way.iter().position(|burden| burden.fault == fault) else {
            return (0, Vec::new());
        };
        let burden = self.under_way.remove(place);
        match burden.weight {
            Weight::Quiet(_, waiting) => (burden.touched, waiting),
            _ => (burden.touched, Vec::new()),
        }
    }
}

impl<P: Protocol> World<'_, P> {
    /// A fault that burdens nodes begins.
    pub(super) fn burden(&mut self, fault: usize, action: &Action) {
        let (weight, targets) = match action {
            Action::Slow { nodes, slow } => (Weight::Slow(*slow), &nodes[..]),
            Action::Gray(nodes) => (Weight::Gray, &nodes[..]),
            Action::SlowDisk { nodes, slow } => (Weight::Disk(*slow), &nodes[..]),
            Action::Load { regions, load } => (Weight::Load(*load, regions.clone()), &[][..]),
            Action::Quiesce(regions) => (Weight::Quiet(regions.clone(), Vec::new()), &[][..]),
            _ => return,
        };
        let mut nodes: Vec<NodeId> = targets.iter().flat_map(|target| self.nodes_of(*target)).collect();
        nodes.sort_unstable();
        nodes.dedup();
        self.burdens.under_way.push(Burden { fault, weight, nodes, since: self.now, touched: 0 });
    }

    /// A fault that burdens nodes ends, where this is one; returns what it touched.
    pub(super) fn unburden(&mut self, fault: usize) -> u64 {
        let (touched, waiting) = self.burdens.lift(fault);
        waiting.into_iter().for_each(|client| self.later(self.now, Plain::Ask { client }));
        touched
    }

    /// A client's request reaches a node that is gray, perhaps, or takes time, perhaps.
    #[inline(never)]
    pub(super) fn take_request(&mut self, from: u32, to: NodeId, slot: u32) {
        if self.burdens.is_gray(to) {
            drop(self.in_flight.requests.remove(slot));
        } else if self.service.is_some() {
            self.enqueue(to, Event::Plain(Plain::Request { from, to, slot }));
        } else {
            self.request(to, slot);
        }
    }
}
