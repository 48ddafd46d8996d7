//! The knobs of the design. What is wrong with them: `seats.rs`. What a node makes of them: `plan.rs`.

use crate::protocol::Flaw;
use crate::time::Duration;

use super::acknowledge::Acknowledge;
use super::copying::Copying;
use super::failback::Failback;
use super::lag::MaxLag;
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
    /// Who answers reads: `"primary"`, or `"nearest"` (any replica, from its own copy, however stale but for `max-lag`). Default:
    /// `"primary"`.
    pub reads: Reads,
    /// How far a copy may lag that is read: `{ time = "5s", ask-every = "500ms" }`. A replica that cannot know that it lags no further sends who reads
    /// to the primary. Needs `reads = "nearest"`. Default: however far.
    pub max_lag: Option<MaxLag>,
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
            max_lag: None,
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
    /// What a replica's answer to a monitor tells: `"deep"` (that its disk completes syncs: an answer waits for those under way) or
    /// `"shallow"` (that it is up, and how far its log goes in memory: one whose disk has stalled is a candidate like any
    /// other). Shallow only with `acknowledge = "local"`: what memory tells a crash may take back. Default: `"deep"`.
    pub probe: Probe,
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
            probe: Probe::Deep,
        }
    }
}

/// What a replica's answer to a monitor tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub enum Probe {
    /// That its disk completes syncs.
    #[default]
    Deep,
    /// That it is up.
    Shallow,
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
