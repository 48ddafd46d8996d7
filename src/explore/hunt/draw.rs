//! Which faults a hunt draws where the scenario does not say, and how one schedule is made from others. Next:
//! `coverage.rs`.

use crate::model::chaos::{Chaos, Kind};
use crate::model::fault::{Action, Fault};
use crate::model::topology::Topology;
use crate::model::workload::Arrivals;
use crate::rng::Stream;
use crate::sim::Setup;
use crate::time::{Duration, Time};
use crate::trace::FaultKind;

/// Most failures need few events, in the right order.
const FAULTS_MAX: u32 = 8;
/// Of a kind that isolates one place: 88 of 100 studied failures did.
const ALONE: u32 = 24;

/// The faults of a hunt over a scenario that draws none itself. They lean towards the 136 failures of Alquraan et al.
/// (OSDI 2018): one place alone first, then partial cuts; few events; and a quiet last quarter, for after the heal lasting
/// damage shows. Each seed leaves out half of the kinds, as a swarm does.
pub fn usual(setup: &Setup) -> Chaos {
    let end = setup.duration;
    let from = setup.workload.warm_up.min(end / 4);
    let until = (end / 4 * 3).max(from + Duration::millis(1));
    let span = until - from;
    let weight = |kind, usual| if kind == FaultKind::Isolate { ALONE } else { usual };
    let is_open = !matches!(setup.workload.arrivals, Arrivals::Closed(_));
    let can_hit = |kind| match kind {
        FaultKind::Slow => setup.service.is_some(),
        FaultKind::Load => is_open,
        _ => true,
    };
    let kinds = Kind::USUAL.into_iter().filter(|(kind, _)| can_hit(*kind));
    Chaos {
        from: Time::ZERO + from,
        until: Time::ZERO + until,
        gap: (span / 6).max(Duration::millis(1)),
        lasts: ((span / 100).max(Duration::millis(1)), (span / 3).max(Duration::millis(2))),
        at_once: 2,
        budget: FAULTS_MAX,
        kinds: kinds.map(|(kind, usual)| Kind { kind, weight: weight(kind, usual), budget: FAULTS_MAX }).collect(),
        swarm: true,
    }
}

/// A schedule like `of`, with one to three things changed: a fault is moved, lasts longer or shorter, goes, comes, or is
/// exchanged for another of the same kind; or the end is that of `other`.
pub fn mutated(of: &[Fault], other: &[Fault], chaos: &Chaos, topology: &Topology, stream: &mut Stream) -> Vec<Fault> {
    let mut faults = of.to_vec();
    for _ in 0..1 + stream.below(3) {
        let place = if faults.is_empty() { 0 } else { stream.below(faults.len() as u64) as usize };
        match stream.below(6) {
            _ if faults.is_empty() => faults.extend(fresh(chaos, topology, stream, None)),
            0 => faults[place].at = moved(faults[place].at, chaos, stream),
            1 => lengthen(&mut faults[place], chaos, stream),
            2 if faults.len() > 1 => drop(faults.remove(place)),
            3 => {
                let (kind, at) = (faults[place].action.kind(), faults[place].at);
                let like = fresh(chaos, topology, stream, Some(kind));
                faults[place] = like.map_or_else(|| faults[place].clone(), |like| Fault { at, ..like });
            }
            4 if !other.is_empty() => {
                let turn = chaos.from + stream.between(Duration::ZERO, chaos.until.since(chaos.from));
                faults.retain(|fault| fault.at < turn);
                faults.extend(other.iter().filter(|fault| fault.at >= turn).cloned());
            }
            _ if faults.len() < chaos.budget as usize => faults.extend(fresh(chaos, topology, stream, None)),
            _ => faults[place].at = moved(faults[place].at, chaos, stream),
        }
    }
    faults.truncate(chaos.budget as usize);
    faults.sort_by_key(|fault| fault.at);
    bearable(faults)
}

/// The same with one load at most: loads multiply, and a few of them are a run that comes to no end.
pub(super) fn bearable(mut faults: Vec<Fault>) -> Vec<Fault> {
    let mut is_loaded = false;
    faults.retain(|fault| fault.action.kind() != FaultKind::Load || !std::mem::replace(&mut is_loaded, true));
    faults
}

/// One fault that the process draws, of this kind if it draws one; none where it draws nothing.
fn fresh(chaos: &Chaos, topology: &Topology, stream: &mut Stream, kind: Option<FaultKind>) -> Option<Fault> {
    let drawn = chaos.draw(topology, stream.bits());
    let same = drawn.iter().position(|fault| kind.is_some_and(|kind| fault.action.kind() == kind));
    let any = || (!drawn.is_empty()).then(|| stream.below(drawn.len() as u64) as usize);
    same.or_else(any).map(|place| drawn[place].clone())
}

/// An instant near another one, or once in four anywhere.
fn moved(at: Time, chaos: &Chaos, stream: &mut Stream) -> Time {
    let whole = chaos.until.since(chaos.from);
    let span = if stream.chance(1, 4) { whole } else { whole / 16 };
    let moved = if stream.chance(1, 2) {
        at + stream.between(Duration::ZERO, span)
    } else {
        Time::ZERO + (at.since(Time::ZERO) - stream.between(Duration::ZERO, span))
    };
    let last = Time::from_nanos(chaos.until.as_nanos() - 1);
    whole_millis(moved).clamp(chaos.from, last)
}

fn whole_millis(at: Time) -> Time {
    Time::from_nanos(at.as_nanos() / 1_000_000 * 1_000_000)
}

/// Half as long, or twice, within the bounds of the process.
fn lengthen(fault: &mut Fault, chaos: &Chaos, stream: &mut Stream) {
    if fault.action == Action::Heal {
        return;
    }
    let Some(lasts) = fault.lasts else { return };
    let (least, most) = chaos.lasts;
    let other = if stream.chance(1, 2) { lasts / 2 } else { lasts * 2 };
    fault.lasts = Some(whole_millis(Time::ZERO + other).since(Time::ZERO).clamp(least, most));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_changed_stays_within_the_process() {
        let topology = Topology::new(&["a", "b", "c"]);
        let setup = crate::explore::hunt::tests::scenario("").setup;
        let chaos = usual(&setup);
        let mut stream = Stream::new(1, "test");
        let (mut faults, mut changed, mut loaded) = (bearable(chaos.draw(&topology, 1)), 0, 0);
        for seed in 0..2_000 {
            let other = chaos.draw(&topology, seed);
            let next = mutated(&faults, &other, &chaos, &topology, &mut stream);
            assert!(next.len() <= FAULTS_MAX as usize && next.is_sorted_by_key(|fault| fault.at));
            let loads = next.iter().filter(|fault| fault.action.kind() == FaultKind::Load).count();
            assert!(loads <= 1, "{next:?}");
            loaded += loads;
            for fault in &next {
                assert!(chaos.from <= fault.at && fault.at < chaos.until, "{fault:?}");
                assert_eq!(fault.lasts.is_none(), fault.action == Action::Heal);
                assert!(fault.lasts.is_none_or(|lasts| chaos.lasts.0 <= lasts && lasts <= chaos.lasts.1), "{fault:?}");
            }
            changed += usize::from(next != faults);
            faults = next;
        }
        assert!(changed > 1_800 && loaded > 20, "{changed} changed, {loaded} loaded");
    }
}
