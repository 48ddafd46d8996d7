//! Where a design's nodes are, and what is wrong with its knobs. Next: `plan.rs`.

use crate::id::RegionId;
use crate::protocol::{OptionsError, Role, Seat};
use crate::time::Duration;

use super::acknowledge::Acknowledge;
use super::failback::Failback;
use super::operator::Operator;
use super::options::{Failover, Fencing, Options, Probe, Returning};

/// The regions of the replicas, the primary's first.
fn replica_regions(options: &Options, regions: &[&str]) -> Result<Vec<RegionId>, OptionsError> {
    let primary = match &options.primary {
        Some(name) => OptionsError::find_region("primary", name, regions)?,
        None => RegionId(0),
    };
    let mut replicas = vec![primary];
    match &options.backups {
        None => replicas.extend((0..regions.len()).map(|r| RegionId(r as u16)).filter(|region| *region != primary)),
        Some(names) => replicas.extend(OptionsError::find_regions("backups", names, regions)?),
    }
    if replicas[1..].contains(&primary) {
        let why = format!("`{}` is the primary's region, and cannot be a backup's as well", regions[primary.index()]);
        return Err(OptionsError { option: "backups", why });
    }
    Ok(replicas)
}

/// The seats of a design: the primary's first, then the backups', then the monitors'.
pub(super) fn seats(options: &Options, regions: &[&str]) -> Result<Vec<Seat>, OptionsError> {
    let replicas = replica_regions(options, regions)?;
    let backups = replicas.len() - 1;
    let wanted = options.acknowledge.count(backups);
    if wanted > backups {
        let why = format!("a write cannot wait for {wanted} backups where there are {backups}");
        return Err(OptionsError { option: "acknowledge", why });
    }
    if options.repair < Duration::SHORTEST_PERIOD {
        return Err(OptionsError {
            option: "repair",
            why: format!("it must be {} or longer", Duration::SHORTEST_PERIOD),
        });
    }
    if options.ship_every.is_some_and(|every| every < Duration::SHORTEST_PERIOD) {
        return Err(OptionsError {
            option: "ship-every",
            why: format!("it must be {} or longer; without it each entry is sent at once", Duration::SHORTEST_PERIOD),
        });
    }
    if let Some(max_lag) = options.max_lag {
        max_lag.fits(options.reads)?;
    }
    if options.sender_timeout.is_some() && options.acknowledge != Acknowledge::First {
        let why =
            "it is for backups that take each other's place: set `acknowledge = \"first\"`, or leave it out".into();
        return Err(OptionsError { option: "sender-timeout", why });
    }
    if options.copying.is_some() && !matches!(options.returning, Returning::Rewind | Returning::Rebuild) {
        let why = "nothing is copied anew: set `returning = \"rewind\"` or `\"rebuild\"`, or leave it out".into();
        return Err(OptionsError { option: "copying", why });
    }
    if options.degrade_after.is_some() && wanted == 0 {
        let why =
            "a write that waits for no backup cannot wait too long for one: set `acknowledge`, or leave it out".into();
        return Err(OptionsError { option: "degrade-after", why });
    }
    if options.cancel_wait_after.is_some() && wanted == 0 {
        let why = "a write that waits for no backup has no wait to cancel: set `acknowledge`, or leave it out".into();
        return Err(OptionsError { option: "cancel-wait-after", why });
    }
    if options.cancel_wait_after.is_some() && options.degrade_after.is_some() {
        let why = "with `degrade-after` the primary ends the wait by itself: leave one of them out".into();
        return Err(OptionsError { option: "cancel-wait-after", why });
    }
    let mut seats: Vec<Seat> = replicas.iter().map(|region| Seat::replica(*region)).collect();
    match &options.failover {
        Some(failover) => {
            check_spans(options, failover)?;
            check_candidates(failover, &replicas, regions)?;
            let monitors = monitor_regions(failover, regions)?;
            seats.extend(monitors.into_iter().map(|region| Seat { region, role: Role::Monitor }));
        }
        None if options.fencing == Fencing::Epoch => {
            let why = "an epoch needs monitors who grant it: set `failover`, or leave fencing out".into();
            return Err(OptionsError { option: "fencing", why });
        }
        None => {}
    }
    Ok(seats)
}

fn check_spans(options: &Options, failover: &Failover) -> Result<(), OptionsError> {
    let fail = |option, why| Err(OptionsError { option, why });
    let Failover { detect, heartbeat, .. } = failover;
    if *heartbeat < Duration::SHORTEST_PERIOD {
        return fail("failover.heartbeat", format!("it must be {} or longer", Duration::SHORTEST_PERIOD));
    }
    if *detect <= *heartbeat * 2 {
        let why = format!(
            "{detect} is not longer than two heartbeats of {heartbeat}: one lost message would look like a death"
        );
        return fail("failover.detect", why);
    }
    if let Some(Operator { reaction: [least, most], .. }) = &failover.operator
        && least > most
    {
        return fail("failover.operator", format!("a reaction of {least} to {most}: the longer time comes first"));
    }
    if let Failback::ByHand { reaction: [least, most] } = failover.failback
        && least > most
    {
        return fail("failover.failback", format!("a reaction of {least} to {most}: the longer time comes first"));
    }
    if failover.failback != Failback::Never && failover.demote_after.is_some() {
        let why = "who is handed an office over is told at once: leave `demote-after` or this out".into();
        return fail("failover.failback", why);
    }
    if failover.probe == Probe::Shallow && options.acknowledge != Acknowledge::Local {
        let why = "a crash takes back what a replica tells without its disk, and no copy could be counted on: write \"deep\", or \
                   `acknowledge = \"local\"`";
        return fail("failover.probe", why.into());
    }
    if options.fencing == Fencing::Epoch && failover.demote_after.is_some() {
        let why = "with `fencing` a primary serves while its lease lasts, and no longer: leave one of them out".into();
        return fail("failover.demote-after", why);
    }
    if options.fencing == Fencing::Epoch {
        let lease = options.lease;
        if lease > *detect {
            return fail(
                "lease",
                format!("{lease} is longer than `failover.detect` ({detect}): suspicion must not outrun it"),
            );
        }
        // A grant counts from the answer to one heartbeat, comes with the next, and is renewed by the one after that.
        if lease <= *heartbeat * 2 {
            return fail("lease", format!("{lease} is not longer than two heartbeats of {heartbeat}, which renew it"));
        }
    }
    Ok(())
}

fn check_candidates(failover: &Failover, replicas: &[RegionId], regions: &[&str]) -> Result<(), OptionsError> {
    let Some(names) = &failover.candidates else { return Ok(()) };
    let option = "failover.candidates";
    let candidates = OptionsError::find_regions(option, names, regions)?;
    if let Some(stranger) = candidates.iter().find(|region| !replicas.contains(region)) {
        return Err(OptionsError { option, why: format!("`{}` has no replica to promote", regions[stranger.index()]) });
    }
    if !candidates.contains(&replicas[0]) {
        let why = format!("the primary's region, `{}`, must be among them", regions[replicas[0].index()]);
        return Err(OptionsError { option, why });
    }
    Ok(())
}

fn monitor_regions(failover: &Failover, regions: &[&str]) -> Result<Vec<RegionId>, OptionsError> {
    let monitors = match &failover.monitors {
        Some(names) => OptionsError::find_regions("failover.monitors", names, regions)?,
        None => (0..regions.len()).map(|region| RegionId(region as u16)).collect(),
    };
    if monitors.is_empty() {
        return Err(OptionsError { option: "failover.monitors", why: "failover needs at least one".into() });
    }
    if let Some(quorum) = failover.quorum {
        let (quorum, count) = (quorum as usize, monitors.len());
        if quorum > count || quorum * 2 <= count {
            let why = format!("{quorum} of {count} monitors: it must be more than half of them, and no more than all");
            return Err(OptionsError { option: "failover.quorum", why });
        }
    }
    Ok(monitors)
}
