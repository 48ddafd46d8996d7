//! The zoo: every protocol, by the name that scenario files use. One line each, in [`PROTOCOLS`]; and what people run, as
//! [`PRESETS`] of them.
//!
//! Inside, everything is generic over [`Protocol`]; here, once a run, the choice is made.

mod presets;

pub use presets::{PRESETS, Preset, lay, preset};

use std::fmt;

use serde::de::DeserializeOwned;

use crate::explore::exhaustive::{self, Explorable, Explored, Sight, Tiny};
use crate::op::{Object, OpKind};
use crate::protocol::{About, Claim, OptionsError, Protocol, Seat, Serves};
use crate::protocol::{
    caspaxos, causal, crdt, home_region, hub, last_writer_wins, lease_store, orchestrated, primary_backup, raft,
    siblings,
};
use crate::sim::{Judging, Placement, Run, Setup, Simulator};
use crate::trace::Trace;

/// Every protocol.
pub static PROTOCOLS: [Entry; 11] = [
    entry::<primary_backup::PrimaryBackup>(&primary_backup::ABOUT),
    entry::<lease_store::LeaseStore>(&lease_store::ABOUT),
    entry::<orchestrated::Orchestrated>(&orchestrated::ABOUT),
    entry::<last_writer_wins::LastWriterWins>(&last_writer_wins::ABOUT),
    entry::<causal::Causal>(&causal::ABOUT),
    entry::<crdt::Crdt>(&crdt::ABOUT),
    entry::<home_region::HomeRegion>(&home_region::ABOUT),
    entry::<hub::Hub>(&hub::ABOUT),
    entry::<raft::Raft>(&raft::ABOUT),
    entry::<caspaxos::CasPaxos>(&caspaxos::ABOUT),
    entry::<siblings::Siblings>(&siblings::ABOUT),
];

/// A protocol of the zoo.
pub struct Entry {
    /// Its page.
    pub about: &'static About,
    /// Reads its options.
    read: fn(toml::de::ValueDeserializer) -> Result<Box<dyn Configured>, toml::de::Error>,
    /// The same protocol with every option at its default.
    defaults: fn() -> Box<dyn Configured>,
    /// The JSON Schema of its options.
    #[cfg(feature = "cli")]
    pub schema: fn(&mut schemars::SchemaGenerator) -> schemars::Schema,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.about.name)
    }
}

impl Entry {
    /// The protocol with these options.
    ///
    /// # Errors
    /// Where an option is unknown or malformed; the error has its place in the text.
    pub fn read(&self, options: toml::de::ValueDeserializer) -> Result<Box<dyn Configured>, toml::de::Error> {
        (self.read)(options)
    }

    /// The protocol with every option at its default.
    pub fn defaults(&self) -> Box<dyn Configured> {
        (self.defaults)()
    }
}

/// A protocol with its options, ready to run.
pub trait Configured: Send + Sync + fmt::Debug {
    /// See [`Protocol::seats`].
    ///
    /// # Errors
    /// Where the options do not fit the regions.
    fn seats(&self, regions: &[&str]) -> Result<Vec<Seat>, OptionsError>;

    /// See [`Protocol::serves`].
    fn serves(&self, kind: OpKind) -> Serves;

    /// See [`Protocol::objects`].
    fn objects(&self) -> &'static [Object];

    /// See [`Protocol::claims`].
    fn claims(&self) -> Vec<Claim>;

    /// What runs it, as often as wanted; who judges it, and when, changes no result.
    fn runner(&self, judging: Judging) -> Box<dyn Runner + '_>;

    /// See [`explore`](exhaustive::explore); `None` where the protocol is not [`Explorable`].
    ///
    /// # Errors
    /// Where the options do not fit the regions.
    fn explore(&self, tiny: &Tiny, regions: &[&str], sight: &mut dyn FnMut(Sight)) -> Option<Explorations> {
        let _ = (tiny, regions, sight);
        None
    }
}

/// What an exploration came to, if the options fit.
pub type Explorations = Result<Explored, OptionsError>;

/// Runs a protocol with its options, each time in the memory of the run before. See [`Simulator`].
pub trait Runner {
    /// See [`Simulator::run`].
    ///
    /// # Errors
    /// Where the options do not fit the regions.
    fn run(&mut self, setup: &Setup, placement: &Placement, seed: u64, trace: Trace) -> Result<Run, OptionsError>;
}

/// The protocol of this name.
///
/// # Errors
/// Where there is none: the name most like it.
pub fn find(name: &str) -> Result<&'static Entry, &'static str> {
    PROTOCOLS.iter().find(|entry| entry.about.name == name).ok_or_else(|| {
        let names = PROTOCOLS.iter().map(|entry| entry.about.name);
        names
            .max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)))
            .expect("the zoo is not empty")
    })
}

#[cfg(feature = "cli")]
const fn entry<P>(about: &'static About) -> Entry
where
    P: Explorable + 'static,
    P::Options: DeserializeOwned + Send + Sync + schemars::JsonSchema,
{
    Entry {
        about,
        read: read::<P>,
        defaults: defaults::<P>,
        schema: schemars::SchemaGenerator::subschema_for::<P::Options>,
    }
}

#[cfg(not(feature = "cli"))]
const fn entry<P>(about: &'static About) -> Entry
where
    P: Explorable + 'static,
    P::Options: DeserializeOwned + Send + Sync,
{
    Entry { about, read: read::<P>, defaults: defaults::<P> }
}

fn read<P>(options: toml::de::ValueDeserializer) -> Result<Box<dyn Configured>, toml::de::Error>
where
    P: Explorable + 'static,
    P::Options: DeserializeOwned + Send + Sync,
{
    Ok(Box::new(With::<P> { options: serde::Deserialize::deserialize(options)? }))
}

fn defaults<P>() -> Box<dyn Configured>
where
    P: Explorable + 'static,
    P::Options: Send + Sync,
{
    Box::new(With::<P> { options: P::Options::default() })
}

struct With<P: Protocol> {
    options: P::Options,
}

impl<P: Protocol> fmt::Debug for With<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.options.fmt(f)
    }
}

impl<P: Explorable> Configured for With<P>
where
    P::Options: Send + Sync,
{
    fn explore(&self, tiny: &Tiny, regions: &[&str], sight: &mut dyn FnMut(Sight)) -> Option<Explorations> {
        Some(exhaustive::explore::<P>(tiny, &self.options, regions, sight))
    }

    fn seats(&self, regions: &[&str]) -> Result<Vec<Seat>, OptionsError> {
        P::seats(&self.options, regions)
    }

    fn serves(&self, kind: OpKind) -> Serves {
        P::serves(&self.options, kind)
    }

    fn objects(&self) -> &'static [Object] {
        P::objects(&self.options)
    }

    fn claims(&self) -> Vec<Claim> {
        P::claims(&self.options)
    }

    fn runner(&self, judging: Judging) -> Box<dyn Runner + '_> {
        Box::new(Again { options: &self.options, simulator: Simulator::<P>::new(judging) })
    }
}

struct Again<'o, P: Protocol> {
    options: &'o P::Options,
    simulator: Simulator<P>,
}

impl<P: Protocol> Runner for Again<'_, P> {
    fn run(&mut self, setup: &Setup, placement: &Placement, seed: u64, trace: Trace) -> Result<Run, OptionsError> {
        self.simulator.run(setup, placement, self.options, seed, trace)
    }
}
