//! What breaks: from what is written to a [`Fault`].

use std::ops::Range;

use super::error::Problem;
use super::place::{self, LEADER};
use super::units::{At, Table};
use super::written::{self, Lists, Names};
use crate::id::Role;
use crate::model::fault::{Action, Fault, Target};
use crate::model::topology::Topology;
use crate::time::{Duration, Time};

const KINDS: &str = "`crash`, `pause`, `isolate`, `partition`, `cut`, `cut_one_way`, `loss` or `heal`";

/// Reads one `[[fault]]`, for a run in which clients ask until `end`.
pub(super) fn read(
    table: &Table<written::Fault>,
    topology: &Topology,
    end: Option<Duration>,
) -> Result<Fault, Problem> {
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
    if let (Action::Heal, Some(lasts)) = (&action, &written.lasts) {
        return Err(Problem::new(&lasts.span, "a heal is over at once: it has no `for`"));
    }
    Ok(Fault {
        at: Time::ZERO + written.at.value,
        lasts: written.lasts.as_ref().map(|lasts| lasts.value),
        action,
        may_touch_nothing: written.may_touch_nothing,
    })
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
    if let Some(at) = &written.isolate {
        found.push(("isolate", &at.span, targets(topology, at).map(Action::Isolate)));
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
    if let Some(at) = &written.heal {
        let heal = if at.value { Ok(Action::Heal) } else { Err(Problem::new(&at.span, "a heal is `heal = true`")) };
        found.push(("heal", &at.span, heal));
    }
    found
}

/// What a name is aimed at: a region, a role in a region, or the leader.
fn target(topology: &Topology, written: &At<String>) -> Result<Target, Problem> {
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
    let roles = [Role::Replica, Role::Witness, Role::Monitor];
    match roles.iter().find(|candidate| candidate.name() == role) {
        Some(role) => Ok(Target::Role(region, *role)),
        None => {
            let names = roles.map(Role::name);
            Err(Problem::unknown(span, format!("no role is called `{role}`"), role, "roles", names))
        }
    }
}

fn targets(topology: &Topology, names: &Names) -> Result<Vec<Target>, Problem> {
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
    let written::Loss { ratio, links: pairs } = &written.value;
    if ratio.value.parts == 0 {
        return Err(Problem::new(&ratio.span, "nothing would be lost"));
    }
    let links = pairs.as_ref().map_or(Ok(Vec::new()), |pairs| links(topology, pairs).map(both_ways))?;
    Ok(Action::Loss { links, parts: ratio.value.parts, whole: ratio.value.whole })
}
