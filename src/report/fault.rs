//! Faults in words.
//!
//! Next: `label.rs`.

use crate::id::RegionId;
use crate::model::fault::{Action, Fault, Shape, Slow, SlowDisk, Target};
use crate::model::topology::{Topology, zone_letter};
use crate::time::{Duration, Time};

/// What a fault does, without when: `isolate us-east-1 for 45s`.
pub fn describe(fault: &Fault, topology: &Topology) -> String {
    let kind = fault.action.kind().name();
    let what = match &fault.action {
        Action::Crash(targets)
        | Action::Pause(targets)
        | Action::TornCrash(targets)
        | Action::Wipe(targets)
        | Action::LyingDisk(targets)
        | Action::Isolate(targets)
        | Action::GatewayDown(targets) => list(targets, topology),
        Action::RollingRestart { places, down, gap } => {
            let places: Vec<String> = places.iter().map(|place| name(place, topology)).collect();
            format!("{}, {down} each, {gap} apart", places.join(" then "))
        }
        Action::Cut { links, .. } => sides(links, topology),
        Action::Shape { shape: Shape::Ring, places } => list(places, topology),
        Action::Shape { shape: Shape::Bridge, places } => {
            let middle = places.len() / 2;
            let [before, over, after] = [&places[..middle], &places[middle..=middle], &places[middle + 1..]];
            let [before, over, after] = [before, over, after].map(|side| list(side, topology));
            format!("{before} from {after} over {over}")
        }
        Action::Shape { shape: Shape::MajorityMinority, places } => {
            let (majority, minority) = places.split_at(places.len() / 2 + 1);
            format!("{} from {}", list(majority, topology), list(minority, topology))
        }
        Action::Flap { links, up, down, jitter } => {
            let jitter = jitter.map_or(String::new(), |(parts, whole)| format!(" ± {}", percent(parts, whole)));
            format!("{}, {down} down, {up} up{jitter},", sides(links, topology))
        }
        Action::Loss { links, parts, whole } => format!("of {} {}", percent(*parts, *whole), place(links, topology)),
        Action::LossBut(these) => match these.len() {
            0 => "of everything".to_string(),
            1 => "of all but one message".to_string(),
            count => format!("of all but {count} messages"),
        },
        Action::Corrupt { links, parts, whole } | Action::Duplicate { links, parts, whole } => {
            format!("{} {}", percent(*parts, *whole), place(links, topology))
        }
        Action::Reorder { links, parts, whole, extra } => {
            format!("{} by up to {extra} {}", percent(*parts, *whole), place(links, topology))
        }
        Action::Delay { links, slow, ramp } => {
            let much = match slow {
                Slow::Add(more) => format!("by {more}"),
                Slow::Times { parts, whole } => times(*parts, *whole),
            };
            format!("{} {much}{}", place(links, topology), over(*ramp))
        }
        Action::Throttle { links, bandwidth, .. } => format!("{} to {bandwidth}", place(links, topology)),
        Action::SlowDisk { nodes, slow: SlowDisk { slow, ramp } } => {
            let how = match slow {
                Slow::Add(more) => format!("by {more}"),
                Slow::Times { parts, whole } => times(*parts, *whole),
            };
            format!("{} {how}{}", list(nodes, topology), over(*ramp))
        }
        Action::Slow { nodes, slow: Slow::Add(more) } => format!("{} by {more}", list(nodes, topology)),
        Action::Slow { nodes, slow: Slow::Times { parts, whole } } => {
            format!("{} {}", list(nodes, topology), times(*parts, *whole))
        }
        Action::ClockStep { nodes, by_ns } => format!("{} by {}", list(nodes, topology), signed(*by_ns)),
        Action::ClockDrift { nodes, ns_per_s } => {
            let ppm = super::number::trimmed(*ns_per_s as f64 / 1e3, 9);
            format!("{} by {ppm} ppm", list(nodes, topology))
        }
        Action::ClockStrobe { nodes, by_ns, every } => {
            format!("{} by {} each {every}", list(nodes, topology), signed(*by_ns))
        }
        Action::ClockLeap { nodes, smear: None } => format!("{} at once", list(nodes, topology)),
        Action::ClockLeap { nodes, smear: Some(smear) } => format!("{} over {smear}", list(nodes, topology)),
        Action::Gray(nodes) => list(nodes, topology),
        Action::Load { regions, load } => {
            let place = regions_or_all(regions, topology);
            format!("{} {place}{}", times(load.parts, load.whole), over(load.ramp))
        }
        Action::Quiesce(regions) => regions_or_all(regions, topology),
        Action::Heal => "everything".into(),
    };
    let lasts = fault.lasts.map_or(String::new(), |lasts| format!(" for {lasts}"));
    format!("{kind} {what}{lasts}")
}

fn over(ramp: Duration) -> String {
    if ramp.is_zero() { String::new() } else { format!(" over {ramp}") }
}

/// Regions, of which none means all.
fn regions_or_all(regions: &[RegionId], topology: &Topology) -> String {
    let regions: Vec<Target> = regions.iter().map(|region| Target::Region(*region)).collect();
    if regions.is_empty() { "everywhere".into() } else { list(&regions, topology) }
}

/// A span that may be negative.
fn signed(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    format!("{sign}{}", Duration::nanos(nanos.unsigned_abs()))
}

fn times(parts: u32, whole: u32) -> String {
    format!("x{}", super::number::trimmed(f64::from(parts) / f64::from(whole), 9))
}

fn percent(parts: u32, whole: u32) -> String {
    format!("{} %", super::number::trimmed(f64::from(parts) * 100.0 / f64::from(whole), 4))
}

/// Links, of which none means all.
fn place(links: &[(Target, Target)], topology: &Topology) -> String {
    if links.is_empty() { "everywhere".into() } else { sides(links, topology) }
}

/// When a fault ends: by itself, by the first heal after it, or with the run.
pub fn end(fault: &Fault, faults: &[Fault], duration: Duration) -> Time {
    let run = Time::ZERO + duration;
    let own = fault.lasts.into_iter().chain(fault.action.takes()).min().map_or(run, |lasts| fault.at + lasts);
    let heals = faults.iter().filter(|other| other.action == Action::Heal && other.at > fault.at).map(|heal| heal.at);
    heals.chain([own, run]).min().expect("there are two at least")
}

fn list(targets: &[Target], topology: &Topology) -> String {
    targets.iter().map(|target| name(target, topology)).collect::<Vec<_>>().join(", ")
}

/// The ends of links: each side named once, where every link between the two sides is among them; else link by link.
fn sides(links: &[(Target, Target)], topology: &Topology) -> String {
    // A two-way cut lists both directions: one of them tells it.
    let both_ways = links.iter().all(|(a, b)| links.contains(&(*b, *a)));
    let is_told = |place: usize| both_ways && links[..place].contains(&(links[place].1, links[place].0));
    let told: Vec<(Target, Target)> =
        (0..links.len()).filter(|place| !is_told(*place)).map(|place| links[place]).collect();
    let first = told[0].0;
    let far: Vec<Target> = told.iter().filter(|link| link.0 == first).map(|link| link.1).collect();
    let mut near: Vec<Target> = Vec::new();
    for (end, _) in &told {
        if !near.contains(end) {
            near.push(*end);
        }
    }
    let crosses = |(a, b): &(Target, Target)| near.contains(a) && far.contains(b) && !near.contains(b);
    if told.len() == near.len() * far.len() && told.iter().all(crosses) {
        let [near, far] = [near, far].map(|side| list(&side, topology));
        return if both_ways { format!("{near} from {far}") } else { format!("from {near} to {far}") };
    }
    let arrow = if both_ways { "↔" } else { "→" };
    let link = |(a, b): &(Target, Target)| format!("{} {arrow} {}", name(a, topology), name(b, topology));
    told.iter().map(link).collect::<Vec<_>>().join(", ")
}

fn name(target: &Target, topology: &Topology) -> String {
    match target {
        Target::Region(region) => topology.regions()[region.index()].to_string(),
        Target::Role(region, role) => format!("the {} in {}", role.name(), topology.regions()[region.index()]),
        Target::Zone(region, zone) => format!("{}/{}", topology.regions()[region.index()], zone_letter(*zone)),
        Target::Leader => "the leader".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::RegionId;
    use crate::model::transport::Bandwidth;
    use crate::trace::Passage;

    fn fault(action: Action, lasts: Option<Duration>) -> Fault {
        Fault { at: Time::ZERO + Duration::secs(30), lasts, action, may_touch_nothing: false }
    }

    #[test]
    fn faults_read_as_they_are_meant() {
        let topology = Topology::new(&["us", "eu", "ap"]);
        let [us, eu, ap] = [0, 1, 2].map(|place| Target::Region(RegionId(place)));
        let words = |action, lasts| describe(&fault(action, lasts), &topology);
        assert_eq!(words(Action::Isolate(vec![us, eu]), Some(Duration::secs(45))), "isolate us, eu for 45s");
        let links = vec![(us, eu), (eu, us), (us, ap), (ap, us)];
        assert_eq!(words(Action::Cut { links, one_way: false }, None), "partition us from eu, ap");
        let links = vec![(us, eu), (us, ap)];
        assert_eq!(words(Action::Cut { links, one_way: true }, None), "one-way-partition from us to eu, ap");
        let links = vec![(us, eu), (eu, us), (eu, ap), (ap, eu), (us, ap), (ap, us)];
        assert_eq!(words(Action::Cut { links, one_way: false }, None), "partition us ↔ eu, eu ↔ ap, us ↔ ap");
        let links = vec![(us, eu), (ap, us)];
        assert_eq!(words(Action::Cut { links, one_way: true }, None), "one-way-partition us → eu, ap → us");
        assert_eq!(words(Action::Loss { links: vec![], parts: 1, whole: 200 }, None), "loss of 0.5 % everywhere");
        let passage = Passage { at: Time::ZERO, from: RegionId(0), to: RegionId(1), after: 0 };
        let but = |count| words(Action::LossBut(vec![passage; count]), None);
        assert_eq!(
            [0, 1, 2].map(but),
            ["loss of everything", "loss of all but one message", "loss of all but 2 messages"]
        );
        assert_eq!(words(Action::Crash(vec![Target::Leader]), None), "crash the leader");
        let shape = |shape| Action::Shape { shape, places: vec![us, eu, ap] };
        assert_eq!(words(shape(Shape::Bridge), None), "bridge us from ap over eu");
        assert_eq!(words(shape(Shape::Ring), None), "ring us, eu, ap");
        assert_eq!(words(shape(Shape::MajorityMinority), None), "majority-minority us, eu from ap");
        let (links, half) = (vec![(us, eu), (eu, us)], Some(Duration::secs(30)));
        let [up, down] = [20, 5].map(Duration::secs);
        let flap = Action::Flap { links: links.clone(), up, down, jitter: Some((1, 5)) };
        assert_eq!(words(flap, half), "flap us from eu, 5s down, 20s up ± 20 %, for 30s");
        let corrupt = Action::Corrupt { links: links.clone(), parts: 1, whole: 100 };
        assert_eq!(words(corrupt, None), "corrupt 1 % us from eu");
        let duplicate = Action::Duplicate { links: vec![], parts: 1, whole: 20 };
        assert_eq!(words(duplicate, None), "duplicate 5 % everywhere");
        let extra = Duration::millis(80);
        let reorder = Action::Reorder { links: vec![], parts: 1, whole: 10, extra };
        assert_eq!(words(reorder, None), "reorder 10 % by up to 80ms everywhere");
        let bandwidth = Bandwidth::bits_per_second(1_500_000);
        let throttle = Action::Throttle { links: links.clone(), bandwidth, patience: extra };
        assert_eq!(words(throttle, half), "throttle us from eu to 1500kbit/s for 30s");
        let delay = |slow| Action::Delay { links: links.clone(), slow, ramp: Duration::ZERO };
        let ramp = Action::Delay { links: vec![], slow: Slow::Add(extra), ramp: Duration::secs(5) };
        assert_eq!(words(ramp, None), "delay everywhere by 80ms over 5s");
        let zone = Target::Zone(RegionId(1), 2);
        assert_eq!(words(Action::Isolate(vec![zone]), None), "isolate eu/c");
        assert_eq!(words(Action::GatewayDown(vec![us]), half), "gateway-down us for 30s");
        assert_eq!(words(delay(Slow::Add(extra)), None), "delay us from eu by 80ms");
        let times = Slow::Times { parts: 15, whole: 10 };
        assert_eq!(words(delay(times), half), "delay us from eu x1.5 for 30s");
    }

    #[test]
    fn a_fault_ends_with_the_first_heal() {
        let crash = fault(Action::Crash(vec![Target::Leader]), None);
        let heal = Fault { at: Time::ZERO + Duration::secs(40), ..fault(Action::Heal, None) };
        let minute = Duration::secs(60);
        assert_eq!(end(&crash, &[crash.clone(), heal.clone()], minute), heal.at);
        assert_eq!(end(&crash, std::slice::from_ref(&crash), minute), Time::ZERO + minute);
    }
}
