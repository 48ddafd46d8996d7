//! Fencing by power: from what is written to a [`Stonith`].

use serde::Deserialize;

use super::error::Problem;
use super::place;
use super::units::{At, Keys, Table};
use crate::model::stonith::Stonith;
use crate::model::topology::Topology;
use crate::time::Duration;

const HEARTBEAT: Duration = Duration::secs(1);
const DETECT: Duration = Duration::secs(10);
const TAKES: Duration = Duration::secs(2);

/// Managers beside every replica, which have the machine of a peer that they miss switched off.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "cli", schemars(rename = "Stonith"))]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    /// How often a manager says that it is there, and shoots again what is not off. Default: 1s.
    pub heartbeat: Option<At<Duration>>,
    /// How long a manager misses a peer before it shoots. Default: 10s.
    pub detect: Option<At<Duration>>,
    /// From the arrival of a shot to the end of the machine's power. Default: 2s.
    pub takes: Option<At<Duration>>,
    /// The region of somebody who lets only one of two shoot. Default: nobody.
    pub arbiter: Option<At<String>>,
    /// How long after that a person switches the machine on again. Default: not before the end.
    pub power_on: Option<At<Duration>>,
}

impl Keys for Written {
    const EXPECTED: &'static str = "a table such as { detect = \"10s\", arbiter = \"us-west-2\" }";
}

/// Reads the managers of a design.
pub(super) fn read(table: &Table<Written>, topology: &Topology) -> Result<Stonith, Problem> {
    let written = &table.value;
    let heartbeat = written.heartbeat.as_ref().map_or(HEARTBEAT, |at| at.value);
    if let Some(at) = written.heartbeat.as_ref().filter(|at| at.value < Duration::SHORTEST_PERIOD) {
        let why = format!("`heartbeat` is {} or longer", Duration::SHORTEST_PERIOD);
        return Err(Problem::new(&at.span, why));
    }
    let detect = written.detect.as_ref().map_or(DETECT.max(heartbeat * 3), |at| at.value);
    if let Some(at) = written.detect.as_ref().filter(|at| at.value <= heartbeat * 2) {
        let message = format!("{detect} is not longer than two heartbeats of {heartbeat}: one lost message would kill");
        return Err(Problem::new(&at.span, message));
    }
    Ok(Stonith {
        heartbeat,
        detect,
        takes: written.takes.as_ref().map_or(TAKES, |at| at.value),
        arbiter: written.arbiter.as_ref().map(|name| place::find(topology, &name.value, &name.span)).transpose()?,
        power_on: written.power_on.as_ref().map(|at| at.value),
    })
}
