//! Lines between regions that carry so many bits a second: what is sent leaves one after another, in the order of sending.
//!
//! There is one line for each direction between two regions, and all places of a region share it. What has left is under way
//! for its own delay, and another message leaves meanwhile: a line is no pipe for one message. A message waits as long as the
//! queue in front of it takes; a line by itself queues whatever is sent, and one that is throttled only so much.
//! Next: `impairment.rs`.

use crate::id::RegionId;
use crate::model::topology::Topology;
use crate::model::transport::Bandwidth;
use crate::time::{Duration, Time};

/// Every line of a world, by the region that sends and the region that receives.
#[derive(Debug)]
pub(super) struct Lines {
    regions: usize,
    bandwidths: Vec<Option<Bandwidth>>,
    /// When what was sent before has left.
    free_at: Vec<Time>,
}

impl Lines {
    pub(super) fn new(topology: &Topology) -> Lines {
        let regions = topology.regions().len();
        let all =
            (0..regions * regions).map(|line| (RegionId((line / regions) as u16), RegionId((line % regions) as u16)));
        let bandwidths = all.map(|(from, to)| topology.bandwidth(from, to)).collect();
        Lines { regions, bandwidths, free_at: vec![Time::ZERO; regions * regions] }
    }

    /// What the line from one region to another carries by itself.
    pub(super) fn bandwidth(&self, from: RegionId, to: RegionId) -> Option<Bandwidth> {
        self.bandwidths[self.line(from, to)]
    }

    /// How long after `now` the last byte of a message has left, on a line that carries so much now; `None` where it would have
    /// to wait longer than `patience`: the queue is full, and the message is lost.
    pub(super) fn leaves_after(
        &mut self,
        (from, to): (RegionId, RegionId),
        (bandwidth, patience): (Bandwidth, Duration),
        bytes: u32,
        now: Time,
    ) -> Option<Duration> {
        let line = self.line(from, to);
        let begins = self.free_at[line].max(now);
        if begins.since(now) > patience {
            return None;
        }
        self.free_at[line] = begins + bandwidth.time_of(bytes.into());
        Some(self.free_at[line].since(now))
    }

    fn line(&self, from: RegionId, to: RegionId) -> usize {
        from.index() * self.regions + to.index()
    }
}
