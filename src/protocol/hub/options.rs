//! The knobs. Next: `write.rs`.

use serde::Deserialize;

use super::super::{Claim, Flaw, Guarantee, OptionsError, Seat};
use crate::id::RegionId;
use crate::time::Duration;

/// The knobs of hub.
#[derive(Clone, Debug, Hash, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Options {
    /// The region that confirms. Default: the first of the design's.
    pub hub: Option<String>,
    /// When a write is acknowledged: `"tentative"` (its region has it on disk) or `"confirmed"` (the hub has confirmed it, and its
    /// region shows nothing before that). Default: `"tentative"`.
    pub acknowledge: Acknowledge,
    /// How often each region tells the hub what it has, 1ms or longer; what should have come by then is sent again. Longer than a round
    /// trip, or much is sent twice. Default: `"1s"`.
    pub report_every: Duration,
    /// With `acknowledge = "confirmed"`: for how long the hub may be silent before its writes are refused elsewhere, longer than
    /// two reports. Default: `"3s"`.
    pub silent_after: Duration,
    /// How long a request waits, in a region that lacks what its client has seen, before the client is sent to a region that has it.
    /// `"0s"` sends it there at once. Default: `"500ms"`.
    pub patience: Duration,
    /// A flaw on purpose, by its id in the bank. Only in builds with the feature `mutants`. Default: none.
    #[cfg_attr(not(feature = "mutants"), serde(skip))]
    pub mutant: Flaw,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            hub: None,
            acknowledge: Acknowledge::default(),
            report_every: Duration::secs(1),
            silent_after: Duration::secs(3),
            patience: Duration::millis(500),
            mutant: Flaw::default(),
        }
    }
}

/// When a write is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub enum Acknowledge {
    /// When its region has it on disk.
    #[default]
    Tentative,
    /// When the hub has confirmed it.
    Confirmed,
}

impl Options {
    /// Whether clients wait until the hub has confirmed what they write.
    pub(super) fn waits(&self) -> bool {
        self.acknowledge == Acknowledge::Confirmed
    }

    /// One replica a region, if the options fit.
    pub(super) fn seats(&self, regions: &[&str]) -> Result<Vec<Seat>, OptionsError> {
        if let Some(hub) = &self.hub {
            OptionsError::find_region("hub", hub, regions)?;
        }
        if self.report_every < Duration::SHORTEST_PERIOD {
            let why = "nodes cannot report all the time; write 1ms or longer, for example \"1s\"".into();
            return Err(OptionsError { option: "report-every", why });
        }
        if self.silent_after <= self.report_every * 2 {
            let why = format!("one lost report is no silence; write more than two of {}", self.report_every);
            return Err(OptionsError { option: "silent-after", why });
        }
        Ok((0..regions.len()).map(|region| Seat::replica(RegionId(region as u16))).collect())
    }

    /// Both choices keep what they acknowledged, whatever breaks but disks; where clients do not wait for confirmation, as long as no request
    /// comes late.
    pub(super) fn claims(&self) -> Vec<Claim> {
        let kept = if self.waits() { Claim::DISKS_KEEP } else { Claim::NO_REQUEST_COMES_LATE };
        vec![
            Claim { guarantee: Guarantee::Convergence, under: Claim::DISKS_KEEP },
            Claim { guarantee: Guarantee::NoAcknowledgedWriteLost, under: kept },
        ]
    }
}
