//! A scenario: a world, the designs that meet it, and what is expected of each.
//!
//! [`Scenario::parse`] reads one from TOML, strictly: a key, a word or a region that does not exist is an error at its
//! place, with the word that was probably meant. In order: `written.rs` (what a file may say), `units.rs` (values with
//! units), `read.rs` (the file's tables one by one), `place.rs`, `network.rs`, `clock.rs`, `disk.rs`, `clients.rs`, `faults.rs`,
//! `routing.rs`, `stonith.rs`, `design.rs`, `expect.rs`, `budget.rs` and `bounds.rs` (each table's meaning), `fingerprint.rs`, `document.rs`
//! and `write.rs` (a file that is changed), `error.rs`. Next: `written.rs`.

mod bounds;
mod budget;
mod chaos;
mod clients;
mod clock;
mod design;
mod disk;
mod document;
mod error;
mod expect;
mod faults;
mod fingerprint;
mod network;
mod place;
mod read;
mod retry;
mod routing;
#[cfg(feature = "cli")]
mod schema;
mod service;
mod starter;
mod stonith;
#[cfg(test)]
mod tests;
mod units;
mod write;
mod written;

pub use document::Document;
pub use error::ScenarioError;
pub use fingerprint::Fingerprint;
#[cfg(feature = "cli")]
pub use schema::schema;
pub use starter::starter;
pub use write::exact;
pub(crate) use write::fault as written_fault;

use std::borrow::Cow;

use crate::model::disk::OwnDisk;
use crate::model::retry::Retry;
use crate::model::routing::Routing;
use crate::model::service::ServiceModel;
use crate::model::stonith::Stonith;
use crate::model::transport::StreamTransport;
use crate::registry::{Configured, Runner};
use crate::sim::{Judging, Placement, Run, Setup};
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
    /// What the file says, by which a baseline of it is known.
    pub fingerprint: Fingerprint,
}

impl Scenario {
    /// Reads a scenario file. `file_name` is what its errors call it; nothing is opened.
    ///
    /// ```
    /// use riftzone::scenario::Scenario;
    ///
    /// let text = r#"
    /// name = "two regions"
    /// duration = "1min"
    ///
    /// [topology]
    /// regions = ["here", "there"]
    /// link = [{ from = "here", to = "there", rtt = "60ms" }]
    ///
    /// [workload]
    /// rate = "10/s"
    ///
    /// [design.both]
    /// protocol = "last-writer-wins"
    ///
    /// [expect]
    /// convergence = "pass"
    /// "#;
    /// let scenario = Scenario::parse(text, "two.toml").expect("a scenario");
    /// assert_eq!(scenario.designs[0].protocol, "last-writer-wins");
    ///
    /// let error = Scenario::parse(&text.replace("rate", "rat"), "two.toml").unwrap_err();
    /// assert!(error.to_string().starts_with("two.toml:10:1: unknown key `rat`\n  help: did you mean `rate`?"));
    /// ```
    ///
    /// # Errors
    /// What is wrong with the file: the first thing, and in [`ScenarioError::also`] what else.
    pub fn parse(text: &str, file_name: &str) -> Result<Scenario, ScenarioError> {
        read::read(text, file_name)
    }
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
    /// How clients find its regions, where that is another way than the scenario's; `Some(None)`: as without a routing.
    pub routing: Option<Option<Routing>>,
    /// Managers beside its replicas that have machines switched off.
    pub stonith: Option<Stonith>,
    /// What is other about its nodes' disks than the scenario says.
    pub disk: Option<OwnDisk>,
    /// What its nodes can do in a second, in place of what the scenario says.
    pub service: Option<ServiceModel>,
    /// How its clients ask again, in place of what the scenario says.
    pub retry: Option<Retry>,
    /// How its messages travel, where that is another way than the scenario's; `Some(None)`: by datagrams.
    pub transport: Option<Option<StreamTransport>>,
    /// What is expected of it: those for every design first, then its own.
    pub expectations: Vec<Expectation>,
    /// How much worse than its baseline it may become.
    pub budgets: Budgets,
}

impl Design {
    /// Runs the design once. That its options fit was checked when the scenario was read.
    pub fn run(&self, setup: &Setup, seed: u64, trace: Trace) -> Run {
        self.run_with(&mut *self.configured.runner(Judging::AtOnce), setup, seed, trace)
    }

    /// The same where nothing else is to be done: with a second core, judges hear there what happens.
    pub fn run_alone(&self, setup: &Setup, seed: u64, trace: Trace) -> Run {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        self.run_with(&mut *self.configured.runner(Judging::of(1, cores)), setup, seed, trace)
    }

    /// The scenario's world as this design meets it: with its own nodes' disks and capacity, its clients' own retries and
    /// routing, its own transport and its own managers.
    pub fn setup<'s>(&self, world: &'s Setup) -> Cow<'s, Setup> {
        let is_its_own = self.service.is_some()
            || self.retry.is_some()
            || self.routing.is_some()
            || self.stonith.is_some()
            || self.transport.is_some()
            || self.disk.is_some();
        if !is_its_own {
            return Cow::Borrowed(world);
        }
        let mut own = world.clone();
        own.disk = self.disk.map_or(own.disk, |disk| disk.over(own.disk));
        own.service = self.service.clone().or(own.service);
        own.routing = self.routing.clone().unwrap_or(own.routing);
        own.stonith = self.stonith;
        own.transport = self.transport.unwrap_or(own.transport);
        if self.retry.is_some() {
            (own.workload.retry, own.workload.retry_after) = (self.retry, None);
        }
        Cow::Owned(own)
    }

    /// The same, by a runner of this design that may have run before.
    pub fn run_with(&self, runner: &mut dyn Runner, setup: &Setup, seed: u64, trace: Trace) -> Run {
        runner
            .run(&self.setup(setup), &self.placement, seed, trace)
            .expect("a design's options were checked when it was read")
    }
}

/// Something that a scenario expects.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// The metric (`availability`, `rto_s`, `write_latency_ms_p50/eu-west-1`) or the guarantee (`linearizable`),
    /// or the level of consistency (`read-your-writes`, `bounded-staleness:5s`).
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
    /// At least one seed's.
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
    /// The verdict that a guarantee or a level must get: `pass` or `fail`.
    Verdict(&'static str),
}

/// How much worse than its baseline a design may become; see [`Design::budget`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Budgets {
    /// What is said of every design.
    pub common: Vec<Budget>,
    /// What is said of this one.
    pub own: Vec<Budget>,
}

/// How much worse than its baseline a metric may become.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    /// The metric, as in [`Expectation::name`]; `None`: every one of which nothing else is said.
    pub metric: Option<String>,
    /// How much.
    pub allowance: Allowance,
}

/// An amount by which a metric's mean may be worse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Allowance {
    /// This part of the baseline's mean: 0.02 for 2 %.
    Share(f64),
    /// So much, in the metric's unit.
    Amount(f64),
}
