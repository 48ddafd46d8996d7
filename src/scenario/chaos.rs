//! Random faults: from what is written to a [`Chaos`].

use super::error::Problem;
use super::units::{At, Table};
use super::written;
use crate::model::chaos::{Chaos, Kind};
use crate::time::{Duration, Time};
use crate::trace::FaultKind;

const EVERY: Duration = Duration::secs(10);
const LASTS: (Duration, Duration) = (Duration::secs(1), Duration::secs(10));
const AT_ONCE: u32 = 2;
/// Three events are enough for almost all studied failures; more than this are not read one by one in any report.
const MOST: u32 = 1_000;

/// What decides which faults can touch anything.
pub(super) struct World {
    pub regions: usize,
    /// Whether work takes a node's time in some design.
    pub takes_time: bool,
    /// Whether clients ask at a rate.
    pub is_open: bool,
}

impl World {
    /// Whether faults of this kind make no sense here, and why.
    fn refuses(&self, kind: FaultKind) -> Option<String> {
        match kind {
            FaultKind::Slow if !self.takes_time => Some("without `[service]` nothing takes a node's time".into()),
            FaultKind::Load if !self.is_open => {
                Some("clients that `think` wait for their answers: `load` is for a `rate`".into())
            }
            _ if !Kind::fits(kind, self.regions) => {
                Some(format!("{} regions are too few for `{}`", self.regions, kind.name()))
            }
            _ => None,
        }
    }
}

/// Reads `[chaos]`, for a world in which clients ask until `end`.
pub(super) fn read(table: &Table<written::Chaos>, world: &World, end: Duration) -> Result<Chaos, Problem> {
    let written = &table.value;
    let from = written.from.as_ref().map_or(Duration::ZERO, |at| at.value);
    if let Some(at) = written.from.as_ref().filter(|at| at.value >= end) {
        return Err(Problem::new(&at.span, "no fault would begin before the end").help(format!("`duration` is {end}")));
    }
    let until = written.until.as_ref().map_or(end, |at| at.value);
    if let Some(at) = written.until.as_ref().filter(|at| at.value <= from || at.value > end) {
        let message = format!("`until` is after `from`, which is {from}, and not after the end, which is {end}");
        return Err(Problem::new(&at.span, message));
    }
    let gap = written.every.as_ref().map_or(EVERY, |at| at.value);
    if let Some(at) = written.every.as_ref().filter(|at| at.value < Duration::millis(1)) {
        return Err(Problem::new(&at.span, "faults begin 1ms apart or more, on average"));
    }
    let lasts = written.lasts.as_ref().map_or(LASTS, |at| (at.value.low, at.value.high));
    if let Some(at) = written.lasts.as_ref().filter(|at| at.value.low < Duration::millis(1)) {
        return Err(Problem::new(&at.span, "a random fault lasts 1ms or longer"));
    }
    let most = |at: &Option<At<u32>>, usual| match at {
        Some(at) if at.value == 0 || at.value > MOST => Err(Problem::new(&at.span, format!("give 1 to {MOST} faults"))),
        Some(at) => Ok(at.value),
        None => Ok(usual),
    };
    Ok(Chaos {
        from: Time::ZERO + from,
        until: Time::ZERO + until,
        gap,
        lasts,
        at_once: most(&written.at_once, AT_ONCE)?,
        budget: most(&written.most, MOST)?,
        kinds: kinds(written, world)?,
        swarm: written.swarm,
    })
}

/// The kinds that are named, or all that this world has.
fn kinds(written: &written::Chaos, world: &World) -> Result<Vec<Kind>, Problem> {
    let Some(At { value: named, span }) = &written.kinds else {
        let all = Kind::USUAL.into_iter().filter(|(kind, _)| world.refuses(*kind).is_none());
        return Ok(all.map(|(kind, weight)| Kind { kind, weight, budget: MOST }).collect());
    };
    let mut kinds = Vec::new();
    for (name, of) in named {
        let word = name.get_ref();
        let Some((kind, usual)) = Kind::all().find(|(kind, _)| kind.name() == word) else {
            let names = Kind::all().map(|(kind, _)| kind.name());
            return Err(Problem::unknown(&name.span(), format!("`{word}` is no random fault"), word, "faults", names));
        };
        if let Some(why) = world.refuses(kind) {
            return Err(Problem::new(&name.span(), why));
        }
        let written::Drawn { weight, most } = of;
        kinds.push(Kind { kind, weight: weight.unwrap_or(usual), budget: most.unwrap_or(MOST) });
    }
    if kinds.iter().all(|kind| kind.kind == FaultKind::Heal || kind.weight == 0 || kind.budget == 0) {
        return Err(Problem::new(span, "nothing would ever break"));
    }
    Ok(kinds)
}
