//! From a [`Fault`] to what a file says of it: the inverse of `faults.rs`. Next: `error.rs`.

use toml::{Table, Value};

use crate::id::RegionId;
use crate::model::fault::{Action, Fault, Shape, Slow, SlowDisk, Target};
use crate::model::topology::{Topology, zone_letter};
use crate::time::{Duration, Time};
use crate::trace::Passage;

use super::place::LEADER;

/// What a `[[fault]]` says that is this fault.
pub fn fault(fault: &Fault, topology: &Topology) -> Table {
    let mut table = Table::new();
    table.insert("at".into(), span(fault.at.since(Time::ZERO)));
    if let Some(lasts) = fault.lasts {
        table.insert("for".into(), span(lasts));
    }
    let (key, value) = action(&fault.action, topology);
    table.insert(key.into(), value);
    if fault.may_touch_nothing {
        table.insert("may_touch_nothing".into(), true.into());
    }
    table
}

type Links = [(Target, Target)];

fn action(action: &Action, topology: &Topology) -> (&'static str, Value) {
    let list = |targets: &[Target]| names(targets, topology);
    let share = |parts, whole, links: &Links| {
        let ratio = ("ratio", percent(parts, whole).into());
        table([Some(ratio), links_of(links, topology)])
    };
    match action {
        Action::Crash(targets) => ("crash", list(targets)),
        Action::Pause(targets) => ("pause", list(targets)),
        Action::TornCrash(targets) => ("torn_crash", list(targets)),
        Action::RollingRestart { places, down, gap } => {
            let (down, gap) = (Some(("down", span(*down))), Some(("gap", span(*gap))));
            ("rolling_restart", table([Some(("nodes", list(places))), down, gap]))
        }
        Action::Wipe(targets) => ("wipe", list(targets)),
        Action::LyingDisk(targets) => ("lying_disk", list(targets)),
        Action::SlowDisk { nodes, slow: SlowDisk { slow, ramp } } => {
            let ramp = (!ramp.is_zero()).then(|| ("ramp", span(*ramp)));
            ("slow_disk", table([Some(("nodes", list(nodes))), Some(slower(*slow, "factor")), ramp]))
        }
        Action::Isolate(targets) => ("isolate", list(targets)),
        Action::GatewayDown(targets) => ("gateway_down", list(targets)),
        Action::Cut { links, one_way: true } => ("cut_one_way", pairs(links.iter().copied(), topology)),
        Action::Cut { links, one_way: false } => match sides(links) {
            Some([near, far]) => ("partition", Value::Array(vec![list(&near), list(&far)])),
            None => ("cut", pairs(each_once(links).into_iter(), topology)),
        },
        Action::Shape { shape, places } => {
            let key = match shape {
                Shape::Bridge => "bridge",
                Shape::Ring => "ring",
                Shape::MajorityMinority => "majority_minority",
            };
            (key, list(places))
        }
        Action::Flap { links, up, down, jitter } => {
            let jitter = jitter.map(|(parts, whole)| ("jitter", percent(parts, whole).into()));
            let (up, down) = (Some(("up", span(*up))), Some(("down", span(*down))));
            ("flap", table([links_of(links, topology), up, down, jitter]))
        }
        Action::Loss { links, parts, whole } => ("loss", share(*parts, *whole, links)),
        Action::LossBut(these) => {
            let region = |region: RegionId| Value::String(topology.regions()[region.index()].to_string());
            let one = |it: &Passage| {
                let which = (it.after > 0).then(|| Value::String((it.after + 1).to_string()));
                let message = [span(it.at.since(Time::ZERO)), region(it.from), region(it.to)];
                Value::Array(message.into_iter().chain(which).collect())
            };
            ("loss_but", Value::Array(these.iter().map(one).collect()))
        }
        Action::Corrupt { links, parts, whole } => ("corrupt", share(*parts, *whole, links)),
        Action::Duplicate { links, parts, whole } => ("duplicate", share(*parts, *whole, links)),
        Action::Reorder { links, parts, whole, extra } => {
            let ratio = ("ratio", percent(*parts, *whole).into());
            ("reorder", table([Some(ratio), Some(("extra", span(*extra))), links_of(links, topology)]))
        }
        Action::Delay { links, slow, ramp } => {
            let ramp = (!ramp.is_zero()).then(|| ("ramp", span(*ramp)));
            ("delay", table([Some(slower(*slow, "slow")), ramp, links_of(links, topology)]))
        }
        Action::Throttle { links, bandwidth, patience } => {
            let (bandwidth, queue) = (("bandwidth", bandwidth.to_string().into()), ("queue", span(*patience)));
            ("throttle", table([Some(bandwidth), Some(queue), links_of(links, topology)]))
        }
        Action::Slow { nodes, slow } => ("slow", table([Some(slower(*slow, "factor")), Some(("nodes", list(nodes)))])),
        Action::ClockStep { nodes, by_ns } => {
            ("clock_step", table([Some(("nodes", list(nodes))), Some(("by", offset(*by_ns)))]))
        }
        Action::ClockDrift { nodes, ns_per_s } => {
            let ppm = Value::Float(*ns_per_s as f64 / 1e3);
            ("clock_drift", table([Some(("nodes", list(nodes))), Some(("ppm", ppm))]))
        }
        Action::ClockStrobe { nodes, by_ns, every } => {
            let (by, every) = (Some(("by", offset(*by_ns))), Some(("every", span(*every))));
            ("clock_strobe", table([Some(("nodes", list(nodes))), by, every]))
        }
        Action::ClockLeap { nodes, smear } => {
            let smear = smear.map(|smear| ("smear", span(smear)));
            ("clock_leap", table([Some(("nodes", list(nodes))), smear]))
        }
        Action::Gray(nodes) => ("gray", list(nodes)),
        Action::Load { regions, load } => {
            let regions: Vec<Target> = regions.iter().map(|region| Target::Region(*region)).collect();
            let factor = Some(("factor", factor(load.parts, load.whole).into()));
            let ramp = (!load.ramp.is_zero()).then(|| ("ramp", span(load.ramp)));
            let regions = (!regions.is_empty()).then(|| ("regions", list(&regions)));
            ("load", table([factor, ramp, regions]))
        }
        Action::Quiesce(regions) => {
            ("quiesce", list(&regions.iter().map(|region| Target::Region(*region)).collect::<Vec<_>>()))
        }
        Action::Heal => ("heal", true.into()),
    }
}

fn table<const N: usize>(entries: [Option<(&str, Value)>; N]) -> Value {
    Value::Table(entries.into_iter().flatten().map(|(key, value)| (key.to_string(), value)).collect())
}

fn span(span: Duration) -> Value {
    exact(span).into()
}

/// A span that may be negative.
fn offset(nanos: i64) -> Value {
    let sign = if nanos < 0 { "-" } else { "" };
    format!("{sign}{}", exact(Duration::nanos(nanos.unsigned_abs()))).into()
}

/// A span in the words of a file, to the nanosecond.
pub fn exact(span: Duration) -> String {
    let text = span.to_string();
    if text.parse() == Ok(span) { text } else { format!("{}ns", span.as_nanos()) }
}

fn name(target: Target, topology: &Topology) -> String {
    match target {
        Target::Region(region) => topology.regions()[region.index()].to_string(),
        Target::Role(region, role) => format!("{}/{}", topology.regions()[region.index()], role.name()),
        Target::Zone(region, zone) => format!("{}/{}", topology.regions()[region.index()], zone_letter(zone)),
        Target::Leader => LEADER.into(),
    }
}

fn names(targets: &[Target], topology: &Topology) -> Value {
    targets.iter().map(|target| Value::from(name(*target, topology))).collect::<Vec<_>>().into()
}

fn pairs(links: impl Iterator<Item = (Target, Target)>, topology: &Topology) -> Value {
    links.map(|(a, b)| names(&[a, b], topology)).collect::<Vec<_>>().into()
}

/// The links that something happens to; none where it happens to all.
fn links_of(links: &Links, topology: &Topology) -> Option<(&'static str, Value)> {
    (!links.is_empty()).then(|| ("links", pairs(each_once(links).into_iter(), topology)))
}

/// Links that go both ways, in one direction each.
fn each_once(links: &Links) -> Vec<(Target, Target)> {
    let mut once: Vec<(Target, Target)> = Vec::new();
    for (a, b) in links {
        if !once.contains(&(*b, *a)) {
            once.push((*a, *b));
        }
    }
    once
}

/// Two sides of which every pair is cut, where there are more links than one.
fn sides(links: &Links) -> Option<[Vec<Target>; 2]> {
    let told = each_once(links);
    let mut sides: [Vec<Target>; 2] = Default::default();
    for (a, b) in &told {
        for (side, end) in sides.iter_mut().zip([a, b]) {
            if !side.contains(end) {
                side.push(*end);
            }
        }
    }
    let crosses = |(a, b): &(Target, Target)| !sides[1].contains(a) && !sides[0].contains(b);
    let is_whole = told.len() == sides[0].len() * sides[1].len() && told.iter().all(crosses);
    (told.len() > 1 && is_whole).then_some(sides)
}

fn slower(slow: Slow, times: &'static str) -> (&'static str, Value) {
    match slow {
        Slow::Times { parts, whole } => (times, factor(parts, whole).into()),
        Slow::Add(more) => ("add", span(more)),
    }
}

fn factor(parts: u32, whole: u32) -> String {
    format!("x{}", decimal(u64::from(parts), u64::from(whole), 9))
}

fn percent(parts: u32, whole: u32) -> String {
    format!("{}%", decimal(u64::from(parts) * 100, u64::from(whole), 7))
}

/// A fraction in decimals, cut off after so many.
fn decimal(parts: u64, whole: u64, digits: u32) -> String {
    let scale = 10_u64.pow(digits);
    let scaled = u128::from(parts) * u128::from(scale) / u128::from(whole.max(1));
    let (before, after) = (scaled / u128::from(scale), scaled % u128::from(scale));
    let after = format!("{after:0width$}", width = digits as usize);
    match after.trim_end_matches('0') {
        "" => before.to_string(),
        after => format!("{before}.{after}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::hunt::usual;
    use crate::model::chaos::Kind;
    use crate::scenario::{Document, Scenario};

    const FIVE: &str = r#"
        name = "five"
        duration = "2min"
        [topology]
        matrix = "aws-2025-07"
        regions = ["us-east-1", "eu-west-1", "ap-northeast-1", "us-west-2", "sa-east-1"]
        [workload]
        rate = "10/s"
        [design.raft]
        protocol = "raft"
    "#;

    #[test]
    fn faults_read_back_as_they_were_drawn() {
        let five = Scenario::parse(FIVE, "five.toml").unwrap();
        let topology = &five.setup.topology;
        let mut kinds = std::collections::BTreeSet::new();
        for seed in 0..400 {
            let mut chaos = usual(&five.setup);
            chaos.kinds.extend(Kind::BY_NAME.map(|(kind, weight)| Kind { kind, weight, budget: 8 }));
            let drawn = chaos.draw(topology, seed);
            let mut document = Document::parse(FIVE, "five.toml").unwrap();
            let tables: Vec<Value> = drawn.iter().map(|one| fault(one, topology).into()).collect();
            document.root.insert("fault".into(), tables.into());
            let read = Scenario::parse(&document.text(), "five.toml").unwrap_or_else(|error| panic!("{error}"));
            for (drawn, read) in drawn.iter().zip(&read.setup.faults) {
                // Equal ratios are equal dice, whatever they are a part of; links are both ways in any order.
                let words = |fault| crate::report::fault::describe(fault, topology);
                let parts = |text: String| {
                    text.split([' ', ',']).map(str::to_string).collect::<std::collections::BTreeSet<_>>()
                };
                assert_eq!(parts(words(drawn)), parts(words(read)));
                assert_eq!(
                    (drawn.at, drawn.lasts, drawn.may_touch_nothing),
                    (read.at, read.lasts, read.may_touch_nothing)
                );
                kinds.insert(drawn.action.kind());
            }
            assert_eq!(drawn.len(), read.setup.faults.len());
        }
        assert_eq!(kinds.len(), 19 + Kind::BY_NAME.len(), "{kinds:?}");
    }

    /// What nobody draws.
    #[test]
    fn zones_ramps_and_lists_of_messages_read_back() {
        let text = FIVE.replace("[workload]", "zones = 3\n[workload]");
        let topology = Scenario::parse(&text, "five.toml").unwrap().setup.topology;
        let (region, ms) = (crate::id::RegionId(1), Duration::millis);
        let actions = [
            Action::Crash(vec![Target::Zone(region, 2)]),
            Action::Delay { links: Vec::new(), slow: Slow::Add(ms(40)), ramp: ms(1_500) },
            Action::GatewayDown(vec![Target::Leader, Target::Region(region)]),
            Action::LossBut(vec![Passage {
                at: Time::ZERO + Duration::nanos(1_234_567_891),
                from: region,
                to: region,
                after: 1,
            }]),
            Action::LossBut(Vec::new()),
        ];
        for action in actions {
            let one = Fault { at: Time::ZERO + ms(7), lasts: None, action, may_touch_nothing: false };
            let mut document = Document::parse(&text, "five.toml").unwrap();
            document.root.insert("fault".into(), vec![Value::from(fault(&one, &topology))].into());
            assert_eq!(Scenario::parse(&document.text(), "five.toml").unwrap().setup.faults, [one]);
        }
    }

    #[test]
    fn numbers_are_cut_off_and_never_rounded_up() {
        assert_eq!((percent(1, 5), percent(1, 3), factor(25, 10)), ("20%".into(), "33.3333333%".into(), "x2.5".into()));
    }
}
