//! What breaks: from what is written to a [`Fault`].

use std::ops::Range;

use super::error::Problem;
use super::place::{self, LEADER};
use super::units::{At, Percent, Table};
use super::written::{self, Lists, Names};
use super::{clock, disk, service};
use crate::id::{RegionId, Role};
use crate::model::fault::{Action, Fault, Shape, Slow, Target};
use crate::model::topology::{Topology, zone_letter};
use crate::time::{Duration, ParseDurationError, Time};
use crate::trace::Passage;

const KINDS: &str = "`crash`, `pause`, `torn_crash`, `rolling_restart`, `wipe`, `lying_disk`, `slow_disk`, `isolate`, \
                     `gateway_down`, `partition`, `cut`, `cut_one_way`, `bridge`, `ring`, `majority_minority`, `flap`, \
                     `loss`, `loss_but`, `corrupt`, `duplicate`, `reorder`, `delay`, `throttle`, `slow`, `gray`, \
                     `clock_step`, `clock_drift`, `clock_strobe`, `clock_leap`, `load`, `quiesce` or `heal`";

/// A shorter turn of a flap would be more events than messages.
const TURN_MIN: Duration = Duration::millis(1);

/// An assumption: the queue of whatever limits a line is as long as traffic of this time.
const THROTTLED_QUEUE: Duration = Duration::secs(1);

/// More faults than this are not read one by one in any report.
const TIMES_MAX: usize = 1_000;

/// Reads one `[[fault]]`, for a run in which clients ask until `end`: a fault for each time that it begins.
pub(super) fn read(
    table: &Table<written::Fault>,
    topology: &Topology,
    end: Option<Duration>,
) -> Result<Vec<Fault>, Problem> {
    let Table { value: written, span: header } = table;
    if let Some(end) = end.filter(|end| written.at.value >= *end) {
        let help = format!("`duration` is {end}");
        return Err(Problem::new(&written.at.span, "the fault would begin after the end").help(help));
    }
    if let Some(lasts) = written.lasts.as_ref().filter(|lasts| lasts.value.is_zero()) {
        return Err(Problem::new(&lasts.span, "a fault lasts longer than no time at all"));
    }
    let mut actions = actions(written, topology);
    actions.sort_by_key(|(_, span, _)| span.start);
    if let [(first, ..), (second, span, _), ..] = &actions[..] {
        let message = format!("a fault does one thing, and this one has `{first}` and `{second}`");
        return Err(Problem::new(span, message).help("write two faults with the same `at`"));
    }
    let Some((.., action)) = actions.pop() else {
        return Err(Problem::new(header, "the fault does not say what it does").help(format!("give one of {KINDS}")));
    };
    let action = action?;
    if let (Action::LossBut(these), Some(list)) = (&action, &written.loss_but)
        && let Some(place) = these.iter().position(|passage| passage.at < Time::ZERO + written.at.value)
    {
        let help = format!("instants are those of the run, and the fault begins at {}", written.at.value);
        return Err(Problem::new(&list.value[place].span, "this was sent before the fault begins").help(help));
    }
    if let (Action::Heal, Some(lasts)) = (&action, &written.lasts) {
        return Err(Problem::new(&lasts.span, "a heal is over at once: it has no `for`"));
    }
    let lasts = written.lasts.as_ref().map(|lasts| lasts.value);
    let begins = begins(written, action == Action::Heal, end)?;
    let fault = |at| Fault { at, lasts, action: action.clone(), may_touch_nothing: written.may_touch_nothing };
    Ok(begins.into_iter().map(fault).collect())
}

/// When a fault begins: once, or every so often.
fn begins(written: &written::Fault, is_heal: bool, end: Option<Duration>) -> Result<Vec<Time>, Problem> {
    let first = Time::ZERO + written.at.value;
    let Some(At { value: every, span }) = &written.every else { return Ok(vec![first]) };
    let is_over = written.lasts.as_ref().is_some_and(|lasts| lasts.value < *every);
    if every.is_zero() || !(is_over || is_heal) {
        let help = "give `for`, and less of it than `every`";
        return Err(Problem::new(span, "a fault begins again only after it has ended").help(help));
    }
    let end = Time::ZERO + end.unwrap_or(written.at.value);
    let begins: Vec<Time> = std::iter::successors(Some(first), |at| Some(*at + *every).filter(|at| *at < end))
        .take(TIMES_MAX + 1)
        .collect();
    if begins.len() > TIMES_MAX {
        return Err(Problem::new(span, format!("the fault would begin more than {TIMES_MAX} times")));
    }
    Ok(begins)
}

type Named<'a> = (&'static str, &'a Range<usize>, Result<Action, Problem>);

/// Everything that the table says happens.
fn actions<'a>(written: &'a written::Fault, topology: &Topology) -> Vec<Named<'a>> {
    let mut found: Vec<Named<'a>> = Vec::new();
    if let Some(at) = &written.crash {
        found.push(("crash", &at.span, targets(topology, at).map(Action::Crash)));
    }
    if let Some(at) = &written.pause {
        found.push(("pause", &at.span, targets(topology, at).map(Action::Pause)));
    }
    found.extend(of_stops_and_disks(written, topology));
    if let Some(at) = &written.isolate {
        found.push(("isolate", &at.span, targets(topology, at).map(Action::Isolate)));
    }
    if let Some(at) = &written.gateway_down {
        found.push(("gateway_down", &at.span, gateways(topology, at).map(Action::GatewayDown)));
    }
    if let Some(at) = &written.partition {
        found.push(("partition", &at.span, partition(topology, at)));
    }
    if let Some(at) = &written.cut {
        let cut = links(topology, at).map(|links| Action::Cut { links: both_ways(links), one_way: false });
        found.push(("cut", &at.span, cut));
    }
    if let Some(at) = &written.cut_one_way {
        let cut = links(topology, at).map(|links| Action::Cut { links, one_way: true });
        found.push(("cut_one_way", &at.span, cut));
    }
    if let Some(at) = &written.loss {
        found.push(("loss", &at.span, loss(topology, at)));
    }
    if let Some(at) = &written.loss_but {
        found.push(("loss_but", &at.span, passages(topology, at).map(Action::LossBut)));
    }
    found.extend(impairments(written, topology));
    found.extend(burdens(written, topology));
    if let Some(at) = &written.heal {
        let heal = if at.value { Ok(Action::Heal) } else { Err(Problem::new(&at.span, "a heal is `heal = true`")) };
        found.push(("heal", &at.span, heal));
    }
    found
}

/// What is said of targets and nothing more.
type OfTargets = fn(Vec<Target>) -> Action;

/// Stops of other kinds than a crash, and what befalls disks.
fn of_stops_and_disks<'a>(written: &'a written::Fault, topology: &Topology) -> Vec<Named<'a>> {
    let mut found: Vec<Named<'a>> = Vec::new();
    let plain: [(_, _, OfTargets); 3] = [
        ("torn_crash", &written.torn_crash, Action::TornCrash),
        ("wipe", &written.wipe, Action::Wipe),
        ("lying_disk", &written.lying_disk, Action::LyingDisk),
    ];
    for (name, at, action) in plain {
        found.extend(at.as_ref().map(|at| (name, &at.span, targets(topology, at).map(action))));
    }
    if let Some(at) = &written.rolling_restart {
        found.push(("rolling_restart", &at.span, disk::rolling_restart(topology, &at.value)));
    }
    if let Some(at) = &written.slow_disk {
        found.push(("slow_disk", &at.span, disk::slow(topology, at)));
    }
    found
}

/// What burdens nodes without stopping them, and what disturbs their clocks.
fn burdens<'a>(written: &'a written::Fault, topology: &Topology) -> Vec<Named<'a>> {
    let mut found: Vec<Named<'a>> = Vec::new();
    if let Some(at) = &written.slow {
        found.push(("slow", &at.span, service::slow(topology, &at.value)));
    }
    if let Some(at) = &written.gray {
        found.push(("gray", &at.span, targets(topology, at).map(Action::Gray)));
    }
    if let Some(at) = &written.clock_step {
        found.push(("clock_step", &at.span, clock::step(topology, &at.value)));
    }
    if let Some(at) = &written.clock_drift {
        found.push(("clock_drift", &at.span, clock::drifting(topology, &at.value)));
    }
    if let Some(at) = &written.clock_strobe {
        found.push(("clock_strobe", &at.span, clock::strobe(topology, &at.value)));
    }
    if let Some(at) = &written.clock_leap {
        found.push(("clock_leap", &at.span, clock::leap(topology, &at.value)));
    }
    if let Some(at) = &written.load {
        found.push(("load", &at.span, service::load(topology, &at.value)));
    }
    if let Some(at) = &written.quiesce {
        let all = at.value.is_empty();
        let regions = if all { Ok(Vec::new()) } else { region_targets(topology, at) };
        found.push(("quiesce", &at.span, regions.map(Action::Quiesce)));
    }
    found
}

/// Partial cuts by name, and what links do short of losing everything.
fn impairments<'a>(written: &'a written::Fault, topology: &Topology) -> Vec<Named<'a>> {
    let mut found: Vec<Named<'a>> = Vec::new();
    let shapes = [
        ("bridge", &written.bridge, Shape::Bridge),
        ("ring", &written.ring, Shape::Ring),
        ("majority_minority", &written.majority_minority, Shape::MajorityMinority),
    ];
    for (name, at, of) in shapes {
        found.extend(at.as_ref().map(|at| (name, &at.span, shape(topology, of, at))));
    }
    if let Some(at) = &written.flap {
        found.push(("flap", &at.span, flap(topology, at)));
    }
    if let Some(at) = &written.corrupt {
        let corrupt = share(topology, &at.value.ratio, &at.value.links, "damaged");
        let corrupt = corrupt.map(|(links, Percent { parts, whole })| Action::Corrupt { links, parts, whole });
        found.push(("corrupt", &at.span, corrupt));
    }
    if let Some(at) = &written.duplicate {
        let duplicate = share(topology, &at.value.ratio, &at.value.links, "repeated");
        let duplicate = duplicate.map(|(links, Percent { parts, whole })| Action::Duplicate { links, parts, whole });
        found.push(("duplicate", &at.span, duplicate));
    }
    if let Some(at) = &written.reorder {
        found.push(("reorder", &at.span, reorder(topology, &at.value)));
    }
    if let Some(at) = &written.delay {
        found.push(("delay", &at.span, delay(topology, at)));
    }
    if let Some(at) = &written.throttle {
        found.push(("throttle", &at.span, throttle(topology, &at.value)));
    }
    found
}

/// The zone that is called by this letter; `None` where it is no letter.
fn zone(topology: &Topology, name: &str, span: &Range<usize>) -> Result<Option<u8>, Problem> {
    let [letter @ b'a'..=b'z'] = name.as_bytes() else { return Ok(None) };
    let (zone, zones) = (letter - b'a', topology.zones());
    if zone < zones {
        return Ok(Some(zone));
    }
    let message =
        format!("there is no zone `{name}`: a region has {zones}, and the last is `{}`", zone_letter(zones - 1));
    Err(Problem::new(span, message).help("`zones` of the topology says how many there are"))
}

/// Regions, or the leader's.
fn gateways(topology: &Topology, names: &Names) -> Result<Vec<Target>, Problem> {
    let targets = targets(topology, names)?;
    let is_region = |target: &Target| matches!(target, Target::Region(_) | Target::Leader);
    match targets.iter().position(|target| !is_region(target)) {
        None => Ok(targets),
        Some(place) => Err(Problem::new(&names.value[place].span, "a gateway is that of a whole region")),
    }
}

/// Every role that a node can have.
pub(super) const ROLES: [Role; 3] = [Role::Replica, Role::Witness, Role::Monitor];

/// What a name is aimed at: a region, a role or a zone in a region, or the leader.
pub(super) fn target(topology: &Topology, written: &At<String>) -> Result<Target, Problem> {
    let At { value: name, span } = written;
    if name == LEADER {
        return Ok(Target::Leader);
    }
    let Some((region, role)) = name.split_once('/') else {
        let words = topology.regions().iter().map(|name| &**name).chain([LEADER]);
        let unknown = || Problem::unknown(span, format!("no region is called `{name}`"), name, "targets", words);
        return topology.find(name).map(Target::Region).ok_or_else(unknown);
    };
    let region = place::find(topology, region, span)?;
    if let Some(zone) = zone(topology, role, span)? {
        return Ok(Target::Zone(region, zone));
    }
    match ROLES.iter().find(|candidate| candidate.name() == role) {
        Some(role) => Ok(Target::Role(region, *role)),
        None => {
            let names = ROLES.map(Role::name);
            Err(Problem::unknown(span, format!("no role is called `{role}`"), role, "roles", names))
        }
    }
}

pub(super) fn targets(topology: &Topology, names: &Names) -> Result<Vec<Target>, Problem> {
    if names.value.is_empty() {
        return Err(Problem::new(&names.span, "the fault is aimed at nothing"));
    }
    let mut targets = Vec::new();
    for name in &names.value {
        let target = target(topology, name)?;
        if targets.contains(&target) {
            return Err(Problem::new(&name.span, format!("`{}` is named twice", name.value)));
        }
        targets.push(target);
    }
    Ok(targets)
}

/// Names that can be regions alone.
pub(super) fn region_targets(topology: &Topology, names: &Names) -> Result<Vec<RegionId>, Problem> {
    targets(topology, names)?;
    names.value.iter().map(|name| place::find(topology, &name.value, &name.span)).collect()
}

/// Links as written, in one direction.
fn links(topology: &Topology, pairs: &Lists) -> Result<Vec<(Target, Target)>, Problem> {
    if pairs.value.is_empty() {
        return Err(Problem::new(&pairs.span, "the fault is aimed at no link"));
    }
    let link = |pair: &Names| match &pair.value[..] {
        [from, to] => {
            let (a, b) = (target(topology, from)?, target(topology, to)?);
            if a == b {
                return Err(Problem::new(&to.span, "a link has two ends"));
            }
            Ok((a, b))
        }
        _ => Err(Problem::new(&pair.span, "a link is two names, such as [\"us-east-1\", \"eu-west-1\"]")),
    };
    pairs.value.iter().map(link).collect()
}

fn both_ways(links: Vec<(Target, Target)>) -> Vec<(Target, Target)> {
    links.into_iter().flat_map(|(a, b)| [(a, b), (b, a)]).collect()
}

/// Every link between different sides.
fn partition(topology: &Topology, sides: &Lists) -> Result<Action, Problem> {
    if sides.value.len() < 2 {
        let help = "for example [[\"us-east-1\"], [\"eu-west-1\", \"ap-northeast-1\"]]";
        return Err(Problem::new(&sides.span, "a partition has at least two sides").help(help));
    }
    let mut before: Vec<Target> = Vec::new();
    let mut links = Vec::new();
    for side in &sides.value {
        let members = targets(topology, side)?;
        if let Some(place) = members.iter().position(|member| before.contains(member)) {
            let name = &side.value[place];
            return Err(Problem::new(&name.span, format!("`{}` is on two sides", name.value)));
        }
        links.extend(before.iter().flat_map(|a| members.iter().map(move |b| (*a, *b))));
        before.extend(members);
    }
    Ok(Action::Cut { links: both_ways(links), one_way: false })
}

fn loss(topology: &Topology, written: &Table<written::Loss>) -> Result<Action, Problem> {
    let written::Loss { ratio, links } = &written.value;
    let (links, Percent { parts, whole }) = share(topology, ratio, links, "lost")?;
    Ok(Action::Loss { links, parts, whole })
}

/// Which of the messages of an instant, counted from 1; how many come before it.
fn which(written: &At<String>) -> Result<u16, Problem> {
    let message =
        || format!("`{}` is not which of the messages sent then it is: write for example \"2\"", written.value);
    let number = written.value.parse::<u16>().ok().and_then(|number| number.checked_sub(1));
    number.ok_or_else(|| Problem::new(&written.span, message()))
}

/// Messages as written, by when they were sent, from where and to where, and which of several that is.
fn passages(topology: &Topology, messages: &Lists) -> Result<Vec<Passage>, Problem> {
    let passage = |message: &Names| match &message.value[..] {
        [sent, from, to, rest @ ..] if rest.len() < 2 => {
            let wrong = |error: ParseDurationError| Problem::new(&sent.span, error.to_string());
            let region = |name: &At<String>| place::find(topology, &name.value, &name.span);
            let at = Time::ZERO + sent.value.parse::<Duration>().map_err(wrong)?;
            let after = rest.iter().map(which).next().unwrap_or(Ok(0))?;
            Ok(Passage { at, from: region(from)?, to: region(to)?, after })
        }
        _ => {
            let example = "a message is when it was sent, from where and to where, such as [\"1.5s\", \"us-east-1\", \"eu-west-1\"]";
            Err(Problem::new(&message.span, example))
        }
    };
    messages.value.iter().map(passage).collect()
}

type Links = Vec<(Target, Target)>;

/// A part of the messages on some links, to which something happens.
fn share(
    topology: &Topology,
    ratio: &At<Percent>,
    pairs: &Option<Lists>,
    what: &str,
) -> Result<(Links, Percent), Problem> {
    if ratio.value.parts == 0 {
        return Err(Problem::new(&ratio.span, format!("nothing would be {what}")));
    }
    Ok((links_or_all(topology, pairs)?, ratio.value))
}

/// Links both ways; with none written, none, which means all.
fn links_or_all(topology: &Topology, pairs: &Option<Lists>) -> Result<Links, Problem> {
    pairs.as_ref().map_or(Ok(Vec::new()), |pairs| links(topology, pairs).map(both_ways))
}

fn shape(topology: &Topology, shape: Shape, names: &Names) -> Result<Action, Problem> {
    let places = targets(topology, names)?;
    if let Some(place) = places.iter().position(|place| *place == Target::Leader) {
        let help = "name regions: where the leader is would not be known before";
        return Err(Problem::new(&names.value[place].span, "a shape has no place for `leader`").help(help));
    }
    let least = shape.places_min();
    if places.len() < least {
        return Err(Problem::new(&names.span, format!("the shape has {least} regions or more, or it cuts nothing")));
    }
    Ok(Action::Shape { shape, places })
}

fn flap(topology: &Topology, written: &Table<written::Flap>) -> Result<Action, Problem> {
    let written::Flap { links: pairs, up, down, jitter } = &written.value;
    let links = both_ways(links(topology, pairs)?);
    if let Some(short) = [up, down].into_iter().find(|turn| turn.value < TURN_MIN) {
        return Err(Problem::new(&short.span, format!("a turn of a flap takes {TURN_MIN} or longer")));
    }
    let jitter = jitter.map(|Percent { parts, whole }| (parts, whole));
    Ok(Action::Flap { links, up: up.value, down: down.value, jitter })
}

fn reorder(topology: &Topology, written: &written::Reorder) -> Result<Action, Problem> {
    let written::Reorder { ratio, extra, links: pairs } = written;
    let (links, Percent { parts, whole }) = share(topology, ratio, pairs, "held up")?;
    if extra.value.is_zero() {
        return Err(Problem::new(&extra.span, "nothing would be held up"));
    }
    Ok(Action::Reorder { links, parts, whole, extra: extra.value })
}

fn throttle(topology: &Topology, written: &written::Throttle) -> Result<Action, Problem> {
    let links = links_or_all(topology, &written.links)?;
    let (bandwidth, patience) = (written.bandwidth.0, written.queue.unwrap_or(THROTTLED_QUEUE));
    Ok(Action::Throttle { links, bandwidth, patience })
}

fn delay(topology: &Topology, written: &Table<written::Delay>) -> Result<Action, Problem> {
    let Table { value: written::Delay { slow, add, ramp, links: pairs }, span } = written;
    let slow = match (slow, add) {
        (Some(slow), None) => Slow::Times { parts: slow.value.parts, whole: slow.value.whole },
        (None, Some(add)) if add.value.is_zero() => return Err(Problem::new(&add.span, "nothing would take longer")),
        (None, Some(add)) => Slow::Add(add.value),
        (Some(_), Some(add)) => return Err(Problem::new(&add.span, "a delay has `slow` or `add`, not both")),
        (None, None) => return Err(Problem::new(span, "a delay needs `slow` or `add`")),
    };
    Ok(Action::Delay { links: links_or_all(topology, pairs)?, slow, ramp: ramp.unwrap_or(Duration::ZERO) })
}
