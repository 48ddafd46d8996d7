//! A scenario: a world, the designs that meet it, and what is expected of each. Read from TOML by `file.rs`.

use crate::registry::Configured;
use crate::sim::{Placement, Run, Setup};
use crate::trace::Trace;

/// What a scenario file says, checked and ready to run.
#[derive(Debug)]
pub struct Scenario {
    /// Its title.
    pub name: String,
    /// What it teaches, in a sentence or two.
    pub lesson: Option<String>,
    /// The event or paper that it re-enacts.
    pub source: Option<String>,
    /// What it had to assume.
    pub assumed: Vec<String>,
    /// The world.
    pub setup: Setup,
    /// The designs, in the file's order; at least one.
    pub designs: Vec<Design>,
}

/// A protocol with options and a placement, under a name.
#[derive(Debug)]
pub struct Design {
    /// Its name in the scenario.
    pub name: String,
    /// The protocol's name.
    pub protocol: &'static str,
    /// The protocol and its options.
    pub configured: Box<dyn Configured>,
    /// Where its nodes are.
    pub placement: Placement,
    /// What is expected of it: those for every design first, then its own.
    pub expectations: Vec<Expectation>,
}

impl Design {
    /// Runs the design once. That its options fit was checked when the scenario was read.
    pub fn run(&self, setup: &Setup, seed: u64, trace: Trace) -> Run {
        self.configured
            .run(setup, &self.placement, seed, trace)
            .expect("a design's options were checked when it was read")
    }
}

/// Something that a scenario expects.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// The metric (`availability`, `rto_s`, `write_latency_ms_p50/eu-west-1`) or the guarantee (`linearizable`).
    pub name: String,
    /// What it must be.
    pub bound: Bound,
    /// Of which value.
    pub over: Over,
}

/// Which of several seeds' values an expectation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Each seed's own.
    Every,
    /// Their mean.
    Mean,
    /// Their median.
    Median,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// For a guarantee: at least one seed's.
    Some,
}

/// What a value must be.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// Within these, inclusive or not.
    Range {
        /// The lower end and whether it is allowed itself.
        low: Option<(f64, bool)>,
        /// The upper end and whether it is allowed itself.
        high: Option<(f64, bool)>,
    },
    /// The verdict that a guarantee must get: `pass` or `fail`.
    Verdict(&'static str),
}
