//! The knobs of the design, what is wrong with them, and the plan that each node makes of them.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};

use crate::id::{NodeId, RegionId};
use crate::protocol::mutant::Mutant;
use crate::protocol::{Context, Flaw, OptionsError, Role, Seat};
use crate::time::Duration;
use crate::trace::{Observation, Promise};

use super::PrimaryBackup;
use super::copying::Copying;
use super::failback::Failback;
use super::operator::Operator;

/// The knobs of primary-backup replication.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Options {
    /// The region of the first primary. Default: the design's first region.
    pub primary: Option<String>,
    /// The regions of the backups. Default: every other region of the design.
    pub backups: Option<Vec<String>>,
    /// How many backups must hold a write, synced, before the client is answered: `"local"` (none: asynchronous
    /// replication), `"one"`, `"majority"` (so many that with the primary they are a majority of the copies), `"all"`,
    /// or a number of backups, or `"first"` (the first in the order of `backups` that does not owe an answer for
    /// `sender-timeout`). It is strict: with too few backups in reach, writes wait. Default: `"local"`.
    pub acknowledge: Acknowledge,
    /// How long a backup may owe an answer before the next one in the order of `backups` takes its place, until it has the whole
    /// log again. Only with `acknowledge = "first"`. Default: 60s.
    pub sender_timeout: Option<Duration>,
    /// How long a write waits for backups before the primary goes on without them, and tells nobody: semi-synchronous
    /// replication. It waits for them again once as many as it is to wait for have its whole log. Needs `acknowledge`.
    /// Default: never.
    pub degrade_after: Option<Duration>,
    /// How long a write waits for backups before whoever waits cancels that, as a session of PostgreSQL does or its operator: it is
    /// acknowledged, with a warning at most, and shown, though only the primary is known to have it. Each write waits for as long; so
    /// `degrade-after` is another matter, and not set with it. Needs `acknowledge`. Default: nobody cancels.
    pub cancel_wait_after: Option<Duration>,
    /// Who answers reads: `"primary"`, or `"nearest"` (any replica, from its own copy, however stale). Default:
    /// `"primary"`.
    pub reads: Reads,
    /// Automatic failover, watched over by monitors. Default: none; the first primary stays the primary, come what may.
    pub failover: Option<Failover>,
    /// What keeps a primary that lost its office from serving: `"none"`, or `"epoch"` (it serves only while a lease
    /// lasts that a quorum of monitors granted). Needs `failover`. Default: `"none"`.
    pub fencing: Fencing,
    /// How long a lease lasts, counted from the primary's own request for it. Longer than two heartbeats, and at most
    /// `failover.detect`. Only with `fencing = "epoch"`. Default: 4s.
    pub lease: Duration,
    /// What becomes of a replica that comes back with writes which the new primary does not have: `"discard"` (it
    /// throws them away and is a backup), `"rewind"` (the same, once it has the blocks anew that they changed), `"rebuild"` (once
    /// it has the whole copy anew), `"merge"` (it is a backup, and offers them to the primary, which takes those whose key nobody
    /// wrote since; the others are conflicts) or `"refuse"` (it stays out with its copy, until an operator comes). Default:
    /// `"discard"`.
    pub returning: Returning,
    /// What it takes to copy anew: `{ size = "10GB", per-second = "100MB", block = "8KB" }`. Only with `returning = "rewind"` or
    /// `"rebuild"`.
    pub copying: Option<Copying>,
    /// How long a backup may owe its answer to an entry before the primary offers its log again: what bounds how long a
    /// lost message stays lost. An offer is made one to two such spans after the entry. Default: 1s.
    pub repair: Duration,
    /// How often the primary sends what is new in its log, at whole multiples by its own clock: batches, as of log shipping.
    /// Default: each entry as soon as its disk has it.
    pub ship_every: Option<Duration>,
    /// Whether a lease is looked at by a timer alone, and not at each answer: nothing stops a primary whose agent stands still. No
    /// knob of its own: designs that are made of this one set it.
    #[serde(skip)]
    pub unwatched: bool,
    /// A flaw on purpose. There is none without the feature `mutants`.
    #[cfg_attr(not(feature = "mutants"), serde(skip))]
    pub mutant: Flaw,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            primary: None,
            backups: None,
            acknowledge: Acknowledge::Local,
            sender_timeout: None,
            degrade_after: None,
            cancel_wait_after: None,
            reads: Reads::Primary,
            failover: None,
            fencing: Fencing::None,
            lease: Duration::secs(4),
            returning: Returning::Discard,
            copying: None,
            repair: Duration::secs(1),
            ship_every: None,
            unwatched: false,
            mutant: Flaw::default(),
        }
    }
}

/// How many backups must hold a write before it is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Acknowledge {
    /// None: the primary's own disk is enough.
    #[default]
    Local,
    /// One.
    One,
    /// So many that with the primary they are a majority of the copies.
    Majority,
    /// Every one.
    All,
    /// The first of them that can be reached.
    First,
    /// So many.
    Backups(u32),
}

impl Acknowledge {
    /// The number of backups that must hold a write, where there are `backups`.
    pub fn count(self, backups: usize) -> usize {
        match self {
            Acknowledge::Local => 0,
            Acknowledge::One | Acknowledge::First => 1,
            Acknowledge::Majority => backups.div_ceil(2),
            Acknowledge::All => backups,
            Acknowledge::Backups(count) => count as usize,
        }
    }
}

impl<'de> Deserialize<'de> for Acknowledge {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Acknowledge, D::Error> {
        struct NameOrCount;

        impl Visitor<'_> for NameOrCount {
            type Value = Acknowledge;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(r#""local", "one", "majority", "all", "first" or a number of backups"#)
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Acknowledge, E> {
                match name {
                    "local" => Ok(Acknowledge::Local),
                    "one" => Ok(Acknowledge::One),
                    "majority" => Ok(Acknowledge::Majority),
                    "all" => Ok(Acknowledge::All),
                    "first" => Ok(Acknowledge::First),
                    other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
                }
            }

            fn visit_u64<E: de::Error>(self, count: u64) -> Result<Acknowledge, E> {
                let count = u32::try_from(count);
                count.map(Acknowledge::Backups).map_err(|_| E::custom("a count of backups has at most 32 bits"))
            }

            fn visit_i64<E: de::Error>(self, count: i64) -> Result<Acknowledge, E> {
                match u64::try_from(count) {
                    Ok(count) => self.visit_u64(count),
                    Err(_) => Err(E::invalid_value(de::Unexpected::Signed(count), &self)),
                }
            }
        }

        deserializer.deserialize_any(NameOrCount)
    }
}

#[cfg(feature = "cli")]
impl schemars::JsonSchema for Acknowledge {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Acknowledge".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "How many backups must hold a write before it is acknowledged.",
            "anyOf": [
                { "enum": ["local", "one", "majority", "all", "first"] },
                { "type": "integer", "minimum": 0, "maximum": u32::MAX }
            ]
        })
    }
}

/// Who answers reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub enum Reads {
    /// The primary alone.
    #[default]
    Primary,
    /// Any replica, from its own copy.
    Nearest,
}

/// Automatic failover.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Failover {
    /// How long after the primary's last answer a monitor suspects it. Longer than two heartbeats. Default: 5s.
    pub detect: Duration,
    /// How often each monitor asks every replica for a sign of life. Default: 1s.
    pub heartbeat: Duration,
    /// How long the chosen replica takes to become primary: replay, repoint, warm up. May be zero. Default: 10s.
    pub promote: Duration,
    /// How long it takes before that until the chosen replica has the machines to serve from, which were not kept running: a
    /// pilot light. It holds its copy meanwhile, and answers nobody. Default: nothing; they stand by.
    pub provision: Duration,
    /// The regions of the monitors, one in each. Default: every region of the design.
    pub monitors: Option<Vec<String>>,
    /// How many monitors must agree; more than half of them, so that no two groups can. Default: the least majority.
    pub quorum: Option<u32>,
    /// The regions whose replica may be promoted; the first primary's must be among them. To forbid promotion across
    /// regions, name only those on the primary's side. Default: all.
    pub candidates: Option<Vec<String>>,
    /// A person who is paged by the first monitor that suspects with a quorum, and decides after a while whether there is an
    /// election: `{ reaction = ["10min", "40min"] }`. Default: nobody; monitors decide by themselves.
    pub operator: Option<Operator>,
    /// Whether the office goes back to the first primary once that is well again: `"never"`, `"automatic"` (when it has kept up for
    /// three heartbeats), or when a person has decided so: `{ reaction = ["10min", "40min"] }`. It is handed over: nothing is
    /// lost, and nobody served meanwhile. The first of the `monitors` that is alive sees to it. Default: `"never"`.
    pub failback: Failback,
    /// How long a primary that has a successor goes on as if it had none, from when it could first be told: monitors that
    /// reconfigure it look at it a few times before. A primary that restarts serves at once, too, until it is told. Not with
    /// `fencing`. Default: it is told at once, and asks before it serves again.
    pub demote_after: Option<Duration>,
}

impl Default for Failover {
    fn default() -> Failover {
        Failover {
            detect: Duration::secs(5),
            heartbeat: Duration::secs(1),
            promote: Duration::secs(10),
            provision: Duration::ZERO,
            monitors: None,
            quorum: None,
            candidates: None,
            operator: None,
            failback: Failback::Never,
            demote_after: None,
        }
    }
}

/// What keeps an old primary from serving.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub enum Fencing {
    /// Nothing: until it hears of its successor, it goes on.
    #[default]
    None,
    /// It serves its epoch only while a lease lasts that a quorum of monitors granted.
    Epoch,
}

/// What becomes of a replica whose log has writes that the new primary's has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub enum Returning {
    /// It throws them away, and is a backup.
    #[default]
    Discard,
    /// It throws them away, copies the blocks anew that they changed, and is a backup.
    Rewind,
    /// It throws everything away, copies all of it anew, and is a backup.
    Rebuild,
    /// It is a backup, and offers them to the primary.
    Merge,
    /// It stays out, and keeps them aside.
    Refuse,
}

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

/// What a node makes of the options: names are ids, words are numbers.
#[derive(Clone, Debug, Hash)]
pub(super) struct Plan {
    /// The nodes with a copy; the first is the first primary.
    pub replicas: Vec<NodeId>,
    /// The nodes that watch; none without failover.
    pub monitors: Vec<NodeId>,
    /// The replicas that may be promoted.
    pub candidates: Vec<NodeId>,
    /// How many backups must hold a write.
    pub copies: usize,
    /// How many monitors must agree.
    pub quorum: usize,
    /// Whether anybody may be promoted at all.
    pub failover: bool,
    pub fenced: bool,
    pub reads_nearest: bool,
    pub returning: Returning,
    pub copying: Copying,
    pub lease: Duration,
    pub repair: Duration,
    pub ship_every: Option<Duration>,
    pub degrade_after: Option<Duration>,
    pub cancel_wait_after: Option<Duration>,
    /// Set where backups have an order, and the first that can be reached is waited for.
    pub sender_timeout: Option<Duration>,
    pub detect: Duration,
    pub heartbeat: Duration,
    pub promote: Duration,
    pub provision: Duration,
    pub operator: Option<Operator>,
    pub failback: Failback,
    pub demote_after: Option<Duration>,
    pub unwatched: bool,
    flaw: Flaw,
}

impl Plan {
    pub fn new(options: &Options, cx: &Context<PrimaryBackup>) -> Plan {
        let having = |role| cx.members().iter().filter(move |member| member.role == role).map(|member| member.node);
        let replicas: Vec<NodeId> = having(Role::Replica).collect();
        let monitors: Vec<NodeId> = having(Role::Monitor).collect();
        let failover = options.failover.clone().unwrap_or_default();
        let named = failover.candidates.as_ref();
        let candidates = match named {
            Some(names) => names.iter().filter_map(|name| cx.member_in(name, Role::Replica)).collect(),
            None => replicas.clone(),
        };
        Plan {
            copies: options.acknowledge.count(replicas.len() - 1),
            quorum: match failover.quorum {
                _ if options.mutant.is(Mutant::F16) => 1,
                Some(quorum) => quorum as usize,
                None => monitors.len() / 2 + 1,
            },
            failover: options.failover.is_some(),
            fenced: options.fencing == Fencing::Epoch,
            reads_nearest: options.reads == Reads::Nearest,
            returning: options.returning,
            copying: options.copying.unwrap_or_default(),
            lease: options.lease,
            repair: options.repair,
            ship_every: options.ship_every,
            degrade_after: options.degrade_after,
            cancel_wait_after: options.cancel_wait_after,
            sender_timeout: (options.acknowledge == Acknowledge::First)
                .then(|| options.sender_timeout.unwrap_or(Duration::secs(60))),
            detect: failover.detect,
            heartbeat: failover.heartbeat,
            promote: failover.promote,
            provision: failover.provision,
            operator: failover.operator,
            failback: failover.failback,
            demote_after: failover.demote_after,
            unwatched: options.unwatched,
            flaw: options.mutant,
            replicas,
            monitors,
            candidates,
        }
    }

    /// Whether nodes have this flaw: never, without the feature `mutants`.
    #[inline(always)]
    pub fn mutated(&self, mutant: Mutant) -> bool {
        self.flaw.is(mutant)
    }

    /// What the invariants hold the group to.
    pub fn promise(&self, cx: &mut Context<PrimaryBackup>) {
        // Semi-synchronous, or with a wait that was cancelled, it may be the primary's alone.
        let is_strict = self.degrade_after.is_none() && self.cancel_wait_after.is_none();
        let copies = if is_strict { self.copies } else { 0 };
        cx.observe(Observation::Promised(Promise::Copies(1 + copies as u16)));
        cx.observe(Observation::Promised(Promise::Once));
        // A replica that stays out may be one that writes wait for.
        if self.copies == 0 || matches!(self.returning, Returning::Discard | Returning::Merge) {
            // To suspect, to let leases run out, to choose, to promote, to be held: for two elections in a row.
            let person = self.operator.as_ref().map_or(Duration::ZERO, |operator| operator.reaction[1]);
            let failover = self.detect * 3
                + self.lease
                + self.provision
                + self.promote
                + person
                + self.demote_after.unwrap_or_default();
            let failover = if self.failover { failover } else { Duration::ZERO };
            let shipped = self.ship_every.unwrap_or_default();
            let passed_over = self.sender_timeout.unwrap_or_default();
            let within = (failover + self.repair * 3 + shipped * 2 + passed_over) * 2 + Duration::secs(5);
            cx.observe(Observation::Promised(Promise::WritesWithin(within)));
        }
    }

    /// How many replicas must tell their position before one is chosen: so many that whichever copies held an
    /// acknowledged write, one of them is heard. Where nothing but the primary's disk was waited for, one must do.
    pub fn reports_needed(&self) -> usize {
        if self.copies == 0 { 1 } else { self.replicas.len() - self.copies }
    }
}
