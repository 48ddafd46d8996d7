//! The knobs of caspaxos.

use serde::Deserialize;

use crate::protocol::{Flaw, OptionsError};
use crate::time::Duration;

/// The knobs.
#[derive(Clone, Debug, Hash, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Options {
    /// What becomes of a write that meets another region's change of the same item: `"retry"` (it is tried again after a random
    /// wait) or `"reject"` (it is refused, and nothing of it ever takes effect; but where somebody may have its value already, it is
    /// tried again all the same). Default: `"retry"`.
    pub conflict: Conflict,
    /// Where reads are answered: `"strong"` (by a majority: never stale) or `"local"` (by the replica that is asked, at once, and perhaps
    /// old). Default: `"strong"`.
    pub reads: Reads,
    /// Whether who accepts a change promises its proposer the next ballot at once: the next write of the same region then takes one
    /// round trip and not two. Default: true.
    pub piggyback: bool,
    /// For how long an acceptor keeps its promise from being overtaken, so that the change that it was given for is finished; zero:
    /// whoever has the higher ballot goes first, as in the paper. Default: `"500ms"`.
    pub hold: Duration,
    /// The longest wait before a change is tried again that met another, or where it was refused, before the next of its key; each
    /// further one may be twice as long, up to 32 times. More than zero. Default: `"50ms"`.
    pub backoff: Duration,
    /// How long a request waits for other regions, longer than `resend-after`. Default: `"1s"`.
    pub patience: Duration,
    /// After how long without an answer a message is sent again, 1ms or longer. Default: `"500ms"`.
    pub resend_after: Duration,
    /// After how long a replica asks what became of a change that it accepted, if nobody told it, 1ms or longer. Default: `"1s"`.
    pub settle_after: Duration,
    /// How often a replica sends the summary of its copy to one random peer, 1ms or longer: bounds how long a copy lacks what
    /// it was not told. Default: `"1s"`.
    pub gossip_every: Duration,
    /// A flaw on purpose, by its id in the bank. Only in builds with the feature `mutants`. Default: none.
    #[cfg_attr(not(feature = "mutants"), serde(skip))]
    pub mutant: Flaw,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            conflict: Conflict::default(),
            reads: Reads::default(),
            piggyback: true,
            hold: Duration::millis(500),
            backoff: Duration::millis(50),
            patience: Duration::secs(1),
            resend_after: Duration::millis(500),
            settle_after: Duration::secs(1),
            gossip_every: Duration::secs(1),
            mutant: Flaw::default(),
        }
    }
}

/// What becomes of a write that meets another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub enum Conflict {
    /// It is tried again.
    #[default]
    Retry,
    /// It is refused, for as long as nobody can have its value.
    Reject,
}

/// Where reads are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub enum Reads {
    /// By a majority.
    #[default]
    Strong,
    /// By the replica that is asked.
    Local,
}

/// So many replicas can be counted in one word.
const REPLICAS_MAX: usize = 64;

impl Options {
    /// # Errors
    /// Where an option is out of bounds, or there are more regions than can be counted.
    pub(super) fn check(&self, regions: usize) -> Result<(), OptionsError> {
        let fail = |option, why: &str| Err(OptionsError { option, why: why.into() });
        let periods = [
            ("resend-after", self.resend_after),
            ("settle-after", self.settle_after),
            ("gossip-every", self.gossip_every),
        ];
        if let Some((option, _)) = periods.into_iter().find(|(_, period)| *period < Duration::SHORTEST_PERIOD) {
            return fail(option, "nodes cannot do that all the time; write 1ms or longer, for example \"1s\"");
        }
        if self.backoff.is_zero() {
            return fail(
                "backoff",
                "two that try again at once meet again; write more than zero, for example \"50ms\"",
            );
        }
        if self.patience <= self.resend_after {
            return fail("patience", "a lost message is sent again within it; write more than `resend-after`");
        }
        if regions > REPLICAS_MAX {
            return fail("protocol", "it has one replica in each region, and 64 at most");
        }
        Ok(())
    }
}
