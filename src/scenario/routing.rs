//! How clients find a server: from what is written to a [`Routing`].

use std::ops::Range;

use serde::Deserialize;

use super::error::Problem;
use super::place;
use super::units::{At, Keys, Percent, Table};
use super::written::{Lists, Names};
use crate::id::RegionId;
use crate::model::routing::{Check, Depth, Dns, IgnoreTtl, Keep, Outlier, Policy, Roam, Routing};
use crate::model::topology::Topology;
use crate::time::{Duration, Time};

const TIMEOUT: Duration = Duration::secs(1);
const THRESHOLD: u32 = 3;
const FAILURES: u32 = 5;
const BASE: Duration = Duration::secs(30);
const LONGEST: Duration = Duration::secs(300);

/// How clients find a region that serves them.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "cli", schemars(rename = "Routing"))]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    /// Who decides where a client begins. Default: "nearest", which is how it is without this table.
    pub policy: Option<At<Word>>,
    /// With "dns": how long an answer is kept.
    pub ttl: Option<At<Duration>>,
    /// With "dns": from a verdict of the checkers to another answer. Default: at once.
    pub publish: Option<At<Duration>>,
    /// With "dns": clients that keep answers for longer.
    pub ignore_ttl: Option<Table<Ignore>>,
    /// With "balancer": the region in which it is. Default: one in every region, for its own clients.
    pub at: Option<At<String>>,
    /// With "anycast": from a verdict of the checkers to the routes of every network.
    pub convergence: Option<At<Duration>>,
    /// Whether a client stays connected to the region that it found. Default: "per-request".
    pub connections: Option<At<Connections>>,
    /// Who looks whether regions are healthy. Default: nobody.
    pub check: Option<Table<Checked>>,
    /// With "nearest-healthy": when failed requests eject a region. Default: never.
    pub outlier: Option<Table<Ejected>>,
    /// With `outlier`: where a region's clients go before they go to the nearest other, as [from, to].
    #[cfg_attr(feature = "cli", schemars(with = "Option<Vec<(String, String)>>"))]
    pub failover: Option<Lists>,
    /// Clients that move to another region.
    pub roam: Option<Table<Roaming>>,
}

/// Who decides where a client begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub(super) enum Word {
    /// Its own region, whatever happens.
    Home,
    /// The nearest replica, or whom its region believes to lead.
    Nearest,
    /// The client: the first region that its own region's checker and requests find healthy.
    NearestHealthy,
    /// A name, kept by each client for `ttl`.
    Dns,
    /// A load balancer that requests pass.
    Balancer,
    /// The network.
    Anycast,
}

/// Whether a client stays connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub(super) enum Connections {
    /// It asks anew where to go for each request.
    PerRequest,
    /// It stays until a request goes without an answer.
    LongLived,
}

/// Clients that keep a name's answer for longer than they may.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Ignore {
    /// How many of the clients.
    pub ratio: At<Percent>,
    /// For how long they keep it. Default: for ever.
    #[serde(rename = "for")]
    pub lasts: Option<At<Duration>>,
    /// Or: until a request goes without an answer.
    pub until: Option<At<Until>>,
}

/// What ends a kept answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub(super) enum Until {
    /// A request that goes without an answer.
    Broken,
}

/// Health checkers.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Checked {
    /// The region of the one checker. Default: one in every region.
    pub from: Option<At<String>>,
    /// How often a checker asks each replica.
    pub interval: At<Duration>,
    /// How long it waits for the answer; at most `interval`. Default: 1s, or `interval` if that is less.
    pub timeout: Option<At<Duration>>,
    /// How many answers in a row make a node healthy again. Default: 3.
    pub rise: Option<At<u32>>,
    /// How many probes in a row without an answer make a node unhealthy. Default: 3.
    pub fall: Option<At<u32>>,
    /// Whether only the machine is asked, or the service. Default: "deep".
    pub depth: Option<At<Asked>>,
    /// How many checkers must find a node unhealthy. Default: more than half.
    pub agree: Option<At<u32>>,
}

/// What a probe asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub(super) enum Asked {
    /// Whether the machine takes connections; a process that hangs does not matter to that.
    Shallow,
    /// Whether the node answers a read, or says who does.
    Deep,
}

/// Regions that are ejected for failed requests.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Ejected {
    /// How many in a row. Default: 5.
    pub failures: Option<At<u32>>,
    /// For how long the first time; the second time twice as long, and so on. Default: 30s.
    pub base: Option<At<Duration>>,
    /// The longest. Default: 5min.
    pub longest: Option<At<Duration>>,
}

/// Clients that move.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Roaming {
    /// How many of the clients of other regions.
    pub ratio: At<Percent>,
    /// Where they go.
    pub to: At<String>,
    /// When.
    pub at: At<Duration>,
    /// Whether their session tokens come with them. Default: "kept".
    pub token: Option<At<Token>>,
}

/// What becomes of a session token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub(super) enum Token {
    /// It comes along.
    Kept,
    /// It is lost: the session begins anew.
    Lost,
}

macro_rules! expected {
    ($($table:ty: $expected:literal;)*) => {$(
        impl Keys for $table {
            const EXPECTED: &'static str = $expected;
        }
    )*};
}

expected! {
    Written: "a table such as { policy = \"dns\", ttl = \"60s\" }";
    Ignore: "a table such as { ratio = \"5%\", for = \"10min\" }";
    Checked: "a table such as { interval = \"10s\" }";
    Ejected: "a table such as { failures = 5, base = \"30s\" }";
    Roaming: "a table such as { ratio = \"10%\", to = \"us-east-1\", at = \"30s\" }";
}

/// Reads a routing, for a run in which clients ask until `end`.
pub(super) fn read(
    table: &Table<Written>,
    topology: &Topology,
    end: Option<Duration>,
) -> Result<Option<Routing>, Problem> {
    let Table { value: written, span } = table;
    let word = written.policy.as_ref().map_or(Word::Nearest, |policy| policy.value);
    fits(written, word)?;
    let check = written.check.as_ref().map(|check| checked(check, topology)).transpose()?;
    let outlier = written.outlier.as_ref().map(|outlier| ejected(&outlier.value)).transpose()?;
    let policy = policy(written, word, topology, span)?;
    match word {
        Word::NearestHealthy if check.is_none() && outlier.is_none() => {
            let problem = Problem::new(span, "nobody would know what is healthy");
            return Err(problem.help("give `check`, `outlier` or both"));
        }
        Word::Balancer | Word::Anycast if check.is_none() => {
            return Err(Problem::new(span, "nobody would know what is healthy").help("give `check`"));
        }
        _ => {}
    }
    let routing = Routing {
        policy,
        check,
        outlier,
        failover: failover(written, topology)?,
        long_lived: written.connections.as_ref().is_some_and(|at| at.value == Connections::LongLived),
        roam: written.roam.as_ref().map(|roam| roaming(&roam.value, topology, end)).transpose()?,
    };
    Ok((routing != Routing::new(Policy::Nearest)).then_some(routing))
}

/// A key, where it stands if it does, and the policies that it belongs to.
type Belongs<'a> = (&'static str, Option<&'a Range<usize>>, &'static [Word]);

/// Whether each key is one of the policy's.
fn fits(written: &Written, word: Word) -> Result<(), Problem> {
    use Word::{Anycast, Balancer, Dns, Home, NearestHealthy};
    let keys: [Belongs<'_>; 8] = [
        ("ttl", written.ttl.as_ref().map(|at| &at.span), &[Dns]),
        ("publish", written.publish.as_ref().map(|at| &at.span), &[Dns]),
        ("ignore_ttl", written.ignore_ttl.as_ref().map(|at| &at.span), &[Dns]),
        ("at", written.at.as_ref().map(|at| &at.span), &[Balancer]),
        ("convergence", written.convergence.as_ref().map(|at| &at.span), &[Anycast]),
        ("check", written.check.as_ref().map(|at| &at.span), &[NearestHealthy, Dns, Balancer, Anycast]),
        ("outlier", written.outlier.as_ref().map(|at| &at.span), &[NearestHealthy]),
        (
            "connections",
            written.connections.as_ref().map(|at| &at.span),
            &[Home, NearestHealthy, Dns, Balancer, Anycast],
        ),
    ];
    for (key, span, of) in keys {
        if let Some(span) = span.filter(|_| !of.contains(&word)) {
            let words: Vec<String> = of.iter().map(|word| format!("\"{}\"", name(*word))).collect();
            let (last, others) = words.split_last().expect("each key has a policy");
            let words = if others.is_empty() { last.clone() } else { format!("{} or {last}", others.join(", ")) };
            let message = format!("`{key}` does nothing with the policy \"{}\"", name(word));
            return Err(Problem::new(span, message).help(format!("it belongs to {words}")));
        }
    }
    Ok(())
}

fn name(word: Word) -> &'static str {
    match word {
        Word::Home => "home",
        Word::Nearest => "nearest",
        Word::NearestHealthy => "nearest-healthy",
        Word::Dns => "dns",
        Word::Balancer => "balancer",
        Word::Anycast => "anycast",
    }
}

fn policy(written: &Written, word: Word, topology: &Topology, header: &Range<usize>) -> Result<Policy, Problem> {
    Ok(match word {
        Word::Home => Policy::Home,
        Word::Nearest => Policy::Nearest,
        Word::NearestHealthy => Policy::NearestHealthy,
        Word::Dns => {
            let missing =
                || Problem::new(header, "a name needs `ttl`").help("how long answers are kept, such as \"60s\"");
            Policy::Dns(Dns {
                ttl: positive("ttl", written.ttl.as_ref().ok_or_else(missing)?)?,
                publish: written.publish.as_ref().map_or(Duration::ZERO, |at| at.value),
                ignore: written.ignore_ttl.as_ref().map(ignoring).transpose()?,
            })
        }
        Word::Balancer => Policy::Balancer { at: region(written.at.as_ref(), topology)? },
        Word::Anycast => {
            let missing = || {
                let help = "how long until networks have another route, such as \"30s\"";
                Problem::new(header, "anycast needs `convergence`").help(help)
            };
            Policy::Anycast { convergence: written.convergence.as_ref().ok_or_else(missing)?.value }
        }
    })
}

fn region(written: Option<&At<String>>, topology: &Topology) -> Result<Option<RegionId>, Problem> {
    written.map(|name| place::find(topology, &name.value, &name.span)).transpose()
}

fn positive(key: &str, at: &At<Duration>) -> Result<Duration, Problem> {
    if at.value.is_zero() {
        return Err(Problem::new(&at.span, format!("`{key}` is longer than no time at all")));
    }
    Ok(at.value)
}

/// A number that is at least one.
fn some(key: &str, at: Option<&At<u32>>, default: u32) -> Result<u32, Problem> {
    match at {
        None => Ok(default),
        Some(at) if at.value == 0 => Err(Problem::new(&at.span, format!("`{key}` is at least one"))),
        Some(at) => Ok(at.value),
    }
}

fn ignoring(table: &Table<Ignore>) -> Result<IgnoreTtl, Problem> {
    let Ignore { ratio, lasts, until } = &table.value;
    let Percent { parts, whole } = share(ratio, "no client would ignore it")?;
    let keep = match (lasts, until) {
        (Some(_), Some(until)) => {
            return Err(Problem::new(&until.span, "an answer is kept `for` or `until`, not both"));
        }
        (Some(lasts), None) => Keep::For(positive("for", lasts)?),
        (None, Some(At { value: Until::Broken, .. })) => Keep::UntilBroken,
        (None, None) => Keep::Forever,
    };
    Ok(IgnoreTtl { parts, whole, keep })
}

fn share(ratio: &At<Percent>, none: &str) -> Result<Percent, Problem> {
    if ratio.value.parts == 0 { Err(Problem::new(&ratio.span, none)) } else { Ok(ratio.value) }
}

fn checked(table: &Table<Checked>, topology: &Topology) -> Result<Check, Problem> {
    let written = &table.value;
    let interval = written.interval.value;
    if interval < Duration::SHORTEST_PERIOD {
        let why = format!("`interval` is {} or longer", Duration::SHORTEST_PERIOD);
        return Err(Problem::new(&written.interval.span, why));
    }
    let timeout = match &written.timeout {
        None => TIMEOUT.min(interval),
        Some(at) if at.value > interval => {
            let help = format!("`interval` is {interval}: the next probe would be sent before this one is decided");
            return Err(Problem::new(&at.span, "`timeout` is longer than `interval`").help(help));
        }
        Some(at) => positive("timeout", at)?,
    };
    let from = region(written.from.as_ref(), topology)?;
    let checkers = if from.is_some() { 1 } else { topology.regions().len() };
    if let Some(at) = written.agree.as_ref().filter(|at| at.value as usize > checkers) {
        let help = "give `from` for one checker, or leave it out for one in every region";
        return Err(Problem::new(&at.span, format!("there would be {checkers} checkers")).help(help));
    }
    Ok(Check {
        from,
        interval,
        timeout,
        rise: some("rise", written.rise.as_ref(), THRESHOLD)?,
        fall: some("fall", written.fall.as_ref(), THRESHOLD)?,
        depth: match written.depth.as_ref().map(|at| at.value) {
            Some(Asked::Shallow) => Depth::Shallow,
            Some(Asked::Deep) | None => Depth::Deep,
        },
        agree: written.agree.as_ref().map(|at| some("agree", Some(at), 1)).transpose()?,
    })
}

fn ejected(written: &Ejected) -> Result<Outlier, Problem> {
    let base = written.base.as_ref().map_or(Ok(BASE), |at| positive("base", at))?;
    let longest = match &written.longest {
        None => LONGEST.max(base),
        Some(at) if at.value < base => {
            return Err(Problem::new(&at.span, format!("`longest` is shorter than `base`, which is {base}")));
        }
        Some(at) => at.value,
    };
    Ok(Outlier { failures: some("failures", written.failures.as_ref(), FAILURES)?, base, longest })
}

fn failover(written: &Written, topology: &Topology) -> Result<Vec<(RegionId, RegionId)>, Problem> {
    let Some(pairs) = &written.failover else { return Ok(Vec::new()) };
    if written.outlier.is_none() {
        let problem = Problem::new(&pairs.span, "without `outlier` no region is ever left for another");
        return Err(problem.help("give `outlier = {}` for its defaults"));
    }
    let mut found: Vec<(RegionId, RegionId)> = Vec::new();
    for pair in &pairs.value {
        let (from, to) = ends(pair, topology)?;
        if found.iter().any(|(other, _)| *other == from) {
            let name = &pair.value[0];
            return Err(Problem::new(&name.span, format!("`{}` fails over to one region", name.value)));
        }
        found.push((from, to));
    }
    Ok(found)
}

fn ends(pair: &Names, topology: &Topology) -> Result<(RegionId, RegionId), Problem> {
    let [from, to] = &pair.value[..] else {
        return Err(Problem::new(&pair.span, "a failover is two regions, such as [\"us-east-1\", \"eu-west-1\"]"));
    };
    let ends = (place::find(topology, &from.value, &from.span)?, place::find(topology, &to.value, &to.span)?);
    if ends.0 == ends.1 { Err(Problem::new(&to.span, "a region does not fail over to itself")) } else { Ok(ends) }
}

fn roaming(written: &Roaming, topology: &Topology, end: Option<Duration>) -> Result<Roam, Problem> {
    let Percent { parts, whole } = share(&written.ratio, "no client would move")?;
    let to = place::find(topology, &written.to.value, &written.to.span)?;
    if let Some(end) = end.filter(|end| written.at.value >= *end) {
        let help = format!("`duration` is {end}");
        return Err(Problem::new(&written.at.span, "clients would move after the end").help(help));
    }
    let token_kept = written.token.as_ref().is_none_or(|at| at.value == Token::Kept);
    Ok(Roam { parts, whole, to, at: Time::ZERO + written.at.value, token_kept })
}
