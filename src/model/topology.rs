//! Where things are: regions, and the delay from each to each.

use std::sync::Arc;

use crate::id::RegionId;
use crate::time::Duration;

use super::latency::{Delay, Matrix};
use super::transport::Bandwidth;

/// A zone's name is a letter.
pub const ZONES_MAX: u8 = 26;

/// The letter that a zone of a region is called by: `a` is the first.
pub fn zone_letter(zone: u8) -> char {
    char::from(b'a' + zone.min(ZONES_MAX - 1))
}

/// Regions and the links between them.
#[derive(Clone, Debug)]
pub struct Topology {
    regions: Vec<Arc<str>>,
    /// One-way delays, from row to column; the diagonal is inside a region.
    links: Vec<Delay>,
    /// What each link carries, by the same order; `None`: as much as is sent.
    bandwidths: Vec<Option<Bandwidth>>,
    /// How many zones each region has, and the one-way delay from one to another.
    zones: u8,
    zone_delay: Delay,
}

impl Topology {
    /// Regions of these names, with no delay anywhere yet.
    pub fn new<S: AsRef<str>>(regions: &[S]) -> Topology {
        let regions: Vec<Arc<str>> = regions.iter().map(|name| Arc::from(name.as_ref())).collect();
        let pairs = regions.len() * regions.len();
        let none = Delay::constant(Duration::ZERO);
        Topology { regions, links: vec![none; pairs], bandwidths: vec![None; pairs], zones: 1, zone_delay: none }
    }

    /// The regions' names, in order; a [`RegionId`] is an index here.
    pub fn regions(&self) -> &[Arc<str>] {
        &self.regions
    }

    /// The region of this name.
    pub fn find(&self, name: &str) -> Option<RegionId> {
        self.regions.iter().position(|region| &**region == name).map(|place| RegionId(place as u16))
    }

    /// Sets the one-way delay from one region to another (or inside one).
    ///
    /// # Panics
    /// Where a region is not of this topology.
    pub fn set_delay(&mut self, from: RegionId, to: RegionId, delay: Delay) {
        let place = self.link(from, to);
        self.links[place] = delay;
    }

    /// The one-way delay from one region to another (or inside one).
    ///
    /// # Panics
    /// Where a region is not of this topology.
    pub fn delay(&self, from: RegionId, to: RegionId) -> &Delay {
        &self.links[self.link(from, to)]
    }

    /// Divides every region into so many zones, with this one-way delay from a node in one zone to a node in another of the same
    /// region. A region's nodes are put into its zones in turn; its clients are in none.
    ///
    /// # Panics
    /// Where there is no zone, or more than there are letters from `a` to `z`.
    pub fn set_zones(&mut self, zones: u8, delay: Delay) {
        assert!((1..=ZONES_MAX).contains(&zones), "a region has 1 to {ZONES_MAX} zones");
        (self.zones, self.zone_delay) = (zones, delay);
    }

    /// How many zones each region has.
    pub fn zones(&self) -> u8 {
        self.zones
    }

    /// The one-way delay from a node in one zone to a node in another of the same region.
    pub fn zone_delay(&self) -> &Delay {
        &self.zone_delay
    }

    /// Sets what the link from one region to another carries in a second: what is sent waits until what was sent before has
    /// left. Nothing inside a region waits: there it has no effect.
    ///
    /// # Panics
    /// Where a region is not of this topology.
    pub fn set_bandwidth(&mut self, from: RegionId, to: RegionId, bandwidth: Option<Bandwidth>) {
        let place = self.link(from, to);
        self.bandwidths[place] = bandwidth.filter(|_| from != to);
    }

    /// What the link from one region to another carries in a second; `None`: as much as is sent.
    ///
    /// # Panics
    /// Where a region is not of this topology.
    pub fn bandwidth(&self, from: RegionId, to: RegionId) -> Option<Bandwidth> {
        self.bandwidths[self.link(from, to)]
    }

    /// Whether some link carries only so much.
    pub fn has_bandwidth(&self) -> bool {
        self.bandwidths.iter().any(Option::is_some)
    }

    fn link(&self, from: RegionId, to: RegionId) -> usize {
        assert!(from.index() < self.regions.len() && to.index() < self.regions.len(), "no link {from} to {to}");
        from.index() * self.regions.len() + to.index()
    }
}

/// How a measured matrix becomes links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatrixUse {
    /// Average the two directions of a pair; otherwise each direction as measured from its end.
    pub symmetric: bool,
    /// Draw each message's delay from a distribution with the matrix's own percentiles; otherwise its middle, always.
    pub jitter: bool,
    /// The round trip inside a region, which no matrix measures well.
    pub local_round_trip: Duration,
}

impl Topology {
    /// These regions, with the delays that `matrix` measured.
    ///
    /// # Errors
    /// The pair of regions that the matrix has no figure for.
    pub fn from_matrix<S: AsRef<str>>(
        regions: &[S],
        matrix: &Matrix,
        how: MatrixUse,
    ) -> Result<Topology, (String, String)> {
        let mut topology = Topology::new(regions);
        let symmetrised = how.symmetric.then(|| matrix.symmetrised());
        let matrix = symmetrised.as_ref().unwrap_or(matrix);
        for from in 0..regions.len() {
            for to in 0..regions.len() {
                let delay = if from == to {
                    Delay::constant(how.local_round_trip / 2)
                } else {
                    let (a, b) = (regions[from].as_ref(), regions[to].as_ref());
                    let delay = if how.jitter {
                        matrix.delay(a, b)
                    } else {
                        matrix.round_trip(a, b).map(|round_trip| Delay::constant(round_trip / 2))
                    };
                    delay.ok_or_else(|| (a.to_string(), b.to_string()))?
                };
                topology.set_delay(RegionId(from as u16), RegionId(to as u16), delay);
            }
        }
        Ok(topology)
    }
}
