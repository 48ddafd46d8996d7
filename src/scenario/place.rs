//! Regions, links and clocks: from what is written to a [`Topology`].

use std::collections::BTreeMap;
use std::ops::Range;

use super::clock;
use super::error::{Problem, Problems};
use super::units::{At, BitRate, Span, Table};
use super::written::{self, Jitter, Names, Scatter};
use crate::id::RegionId;
use crate::model::clock::ClockModel;
use crate::model::latency::{Delay, Matrix, bundled};
use crate::model::topology::{Topology, ZONES_MAX};
use crate::model::transport::Bandwidth;
use crate::time::Duration;

/// A run keeps one delay for each pair of regions: far beyond this the mistake is in the file.
const REGIONS_MAX: usize = 256;

/// An assumption: no matrix measures well what passes inside a region.
const LOCAL_ROUND_TRIP: Duration = Duration::micros(500);

/// The faults' word for whoever leads; no region may be called so.
pub(super) const LEADER: &str = "leader";

/// Where things are.
#[derive(Debug)]
pub(super) struct Place {
    pub topology: Topology,
    pub clocks: ClockModel,
}

/// Reads `[topology]`. With `None`, the reason is among the problems; with a topology, there may be problems, too.
pub(super) fn read(written: &written::Topology, problems: &mut Problems) -> Option<Place> {
    let names = problems.keep(regions(&written.regions))?;
    let mut topology = Topology::new(&names);
    let matrix = match &written.matrix {
        Some(id) => Some(problems.keep(load(id, written.symmetric.as_ref().is_none_or(|at| at.value)))?),
        None => {
            problems.keep(needs_matrix("jitter", written.jitter.as_ref().map(|at| &at.span)));
            problems.keep(needs_matrix("symmetric", written.symmetric.as_ref().map(|at| &at.span)));
            None
        }
    };
    let local = Delay::constant(written.local_rtt.unwrap_or(LOCAL_ROUND_TRIP) / 2);
    all(&topology).for_each(|region| topology.set_delay(region, region, local));
    problems.keep(zones(written, local, &mut topology));
    let before = problems.count();
    let own = links(&written.link, &topology, problems);
    if let Some(BitRate(usual)) = written.bandwidth {
        pairs(&topology).for_each(|(from, to)| topology.set_bandwidth(from, to, Some(usual)));
    }
    for ((from, to), Own { delay, bandwidth }) in &own {
        delay.iter().for_each(|delay| topology.set_delay(*from, *to, *delay));
        bandwidth.iter().for_each(|bandwidth| topology.set_bandwidth(*from, *to, Some(*bandwidth)));
    }
    let jitter = written.jitter.as_ref().is_none_or(|at| at.value == Jitter::Measured);
    let filled = fill(&mut topology, matrix.as_ref(), jitter, &own, &written.regions);
    // A link that could not be read leaves its pair without a delay: that is no second mistake.
    if problems.count() == before {
        filled.into_iter().for_each(|problem| problems.add(problem));
    }
    let clocks = clock::read(written, &topology, problems);
    Some(Place { topology, clocks })
}

fn all(topology: &Topology) -> impl Iterator<Item = RegionId> + use<> {
    (0..topology.regions().len()).map(|place| RegionId(place as u16))
}

/// Every region and every region.
fn pairs(topology: &Topology) -> impl Iterator<Item = (RegionId, RegionId)> + use<> {
    let regions = all(topology).collect::<Vec<_>>();
    regions.clone().into_iter().flat_map(move |from| regions.clone().into_iter().map(move |to| (from, to)))
}

/// The names of regions, each once.
fn regions(written: &Names) -> Result<Vec<&str>, Problem> {
    if written.value.is_empty() || written.value.len() > REGIONS_MAX {
        return Err(Problem::new(&written.span, format!("a topology has 1 to {REGIONS_MAX} regions")));
    }
    let mut names: Vec<&str> = Vec::new();
    for At { value: name, span } in &written.value {
        if names.contains(&name.as_str()) {
            return Err(Problem::new(span, format!("`{name}` is named twice")));
        }
        if name.is_empty() || name == LEADER || name.contains('/') || name.contains(char::is_control) {
            let help = format!("a name is not empty, is not `{LEADER}`, and has no `/`");
            return Err(Problem::new(span, format!("`{}` cannot be a region's name", name.escape_debug())).help(help));
        }
        names.push(name);
    }
    Ok(names)
}

/// Divides regions into zones.
fn zones(written: &written::Topology, local: Delay, topology: &mut Topology) -> Result<(), Problem> {
    let zones = match (&written.zones, &written.zone_rtt) {
        (None, None) => return Ok(()),
        (None, Some(at)) => return Err(Problem::new(&at.span, "`zone_rtt` is between `zones`, and there are none")),
        (Some(at), _) if (1..=ZONES_MAX).contains(&at.value) => at.value,
        (Some(at), _) => return Err(Problem::new(&at.span, format!("a region has 1 to {ZONES_MAX} zones"))),
    };
    let delay = written.zone_rtt.as_ref().map_or(local, |at| Delay::constant(at.value / 2));
    topology.set_zones(zones, delay);
    Ok(())
}

/// The region that is written here.
pub(super) fn find(topology: &Topology, name: &str, span: &Range<usize>) -> Result<RegionId, Problem> {
    let names = topology.regions().iter().map(|name| &**name);
    topology
        .find(name)
        .ok_or_else(|| Problem::unknown(span, format!("no region is called `{name}`"), name, "regions", names))
}

fn load(id: &At<String>, symmetric: bool) -> Result<Matrix, Problem> {
    let unknown = |_| {
        let message = format!("there is no latency matrix `{}`", id.value);
        Problem::unknown(&id.span, message, &id.value, "matrices", bundled().iter().map(|info| info.id))
    };
    let matrix = Matrix::load(&id.value).map_err(unknown)?;
    Ok(if symmetric { matrix.symmetrised() } else { matrix })
}

fn needs_matrix(key: &str, span: Option<&Range<usize>>) -> Result<(), Problem> {
    match span {
        None => Ok(()),
        Some(span) => Err(Problem::new(span, format!("`{key}` says how a matrix is used, and there is no `matrix`"))),
    }
}

type Links = BTreeMap<(RegionId, RegionId), Own>;

/// What a link has of its own.
#[derive(Clone, Copy, Debug, Default)]
struct Own {
    delay: Option<Delay>,
    bandwidth: Option<Bandwidth>,
}

/// Links with a delay or a bandwidth of their own.
fn links(written: &[Table<written::Link>], topology: &Topology, problems: &mut Problems) -> Links {
    let mut links = Links::new();
    for Table { value: link, span } in written {
        let Some((from, to, own)) = problems.keep(link_of(link, span, topology)) else { continue };
        let mut ways = vec![(from, to)];
        if link.both.unwrap_or(true) && from != to {
            ways.push((to, from));
        }
        for way in ways {
            let before = links.entry(way).or_default();
            let twice = match (*before, own) {
                (Own { delay: Some(_), .. }, Own { delay: Some(_), .. }) => Some("delay"),
                (Own { bandwidth: Some(_), .. }, Own { bandwidth: Some(_), .. }) => Some("bandwidth"),
                _ => None,
            };
            *before = Own { delay: own.delay.or(before.delay), bandwidth: own.bandwidth.or(before.bandwidth) };
            if let Some(twice) = twice {
                let (from, to) = (topology.regions()[way.0.index()].clone(), topology.regions()[way.1.index()].clone());
                let help = "`both = false` makes a link one direction";
                let message = format!("the link from `{from}` to `{to}` has a {twice} already");
                problems.add(Problem::new(span, message).help(help));
            }
        }
    }
    links
}

fn link_of(
    link: &written::Link,
    span: &Range<usize>,
    topology: &Topology,
) -> Result<(RegionId, RegionId, Own), Problem> {
    let from = find(topology, &link.from.value, &link.from.span)?;
    let to = find(topology, &link.to.value, &link.to.span)?;
    if let Some(bandwidth) = link.bandwidth.as_ref().filter(|_| from == to) {
        return Err(Problem::new(&bandwidth.span, "a bandwidth is that of a link between two regions"));
    }
    let bandwidth = link.bandwidth.as_ref().map(|at| at.value.0);
    let (delay, at) = match (&link.one_way, &link.rtt) {
        (Some(one_way), None) => (one_way.value, &one_way.span),
        (None, Some(rtt)) => (Span { low: rtt.value.low / 2, high: rtt.value.high / 2 }, &rtt.span),
        (None, None) if bandwidth.is_some() && link.distribution.is_none() => {
            return Ok((from, to, Own { delay: None, bandwidth }));
        }
        (None, None) => return Err(Problem::new(span, "a link needs `one_way` or `rtt`")),
        (Some(_), Some(rtt)) => return Err(Problem::new(&rtt.span, "a link has `one_way` or `rtt`, not both")),
    };
    Ok((from, to, Own { delay: Some(scattered(delay, at, link.distribution)?), bandwidth }))
}

/// A delay that is written as one duration or two.
fn scattered(Span { low, high }: Span, at: &Range<usize>, distribution: Option<Scatter>) -> Result<Delay, Problem> {
    match distribution {
        Some(Scatter::Exponential) if low == high => Ok(Delay::exponential(low)),
        Some(Scatter::Exponential) => {
            Err(Problem::new(at, "an exponential distribution has one duration, which is its mean"))
        }
        Some(Scatter::Uniform) | None if low == high => Ok(Delay::constant(low)),
        Some(Scatter::Uniform) | None => Ok(Delay::uniform(low, high)),
    }
}

/// Gives every link that has no delay of its own the matrix's; tells which have none there, either.
fn fill(topology: &mut Topology, matrix: Option<&Matrix>, jitter: bool, own: &Links, written: &Names) -> Vec<Problem> {
    let names = topology.regions().to_vec();
    let mut strangers = Vec::new();
    let mut first_missing = None;
    let has_own = |pair: &(RegionId, RegionId)| own.get(pair).is_some_and(|own| own.delay.is_some());
    for (from, to) in pairs(topology).filter(|pair| pair.0 != pair.1 && !has_own(pair)) {
        let (a, b) = (&*names[from.index()], &*names[to.index()]);
        let delay = matrix.and_then(|matrix| {
            if jitter { matrix.delay(a, b) } else { matrix.round_trip(a, b).map(|rtt| Delay::constant(rtt / 2)) }
        });
        if let Some(delay) = delay {
            topology.set_delay(from, to, delay);
            continue;
        }
        let stranger = matrix.and_then(|matrix| [from, to].into_iter().find(|r| !matrix.has_region(&names[r.index()])));
        match stranger {
            Some(region) if !strangers.contains(&region) => strangers.push(region),
            Some(_) => {}
            None => first_missing = first_missing.or(Some((from, to))),
        }
    }
    let unknown = |region: &RegionId| {
        let At { value: name, span } = &written.value[region.index()];
        let known: Vec<&str> = matrix.map_or(&[][..], Matrix::regions).iter().map(String::as_str).collect();
        Problem::unknown(span, format!("the matrix has no region `{name}`"), name, "matrix's regions", known)
    };
    let mut problems: Vec<Problem> = strangers.iter().map(unknown).collect();
    if let Some((from, to)) = first_missing {
        let (from, to) = (&names[from.index()], &names[to.index()]);
        let help = format!("add `[[topology.link]]` with `from = \"{from}\"` and `to = \"{to}\"`, or name a `matrix`");
        problems.push(Problem::new(&written.span, format!("no delay is given from `{from}` to `{to}`")).help(help));
    }
    problems
}
