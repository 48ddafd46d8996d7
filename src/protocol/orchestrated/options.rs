//! The knobs of the design, what is wrong with them, and the plan that each node makes of them.

use crate::id::NodeId;
use crate::protocol::primary_backup::{self, Acknowledge, Failover, PrimaryBackup, Reads, Returning};
use crate::protocol::raft::{Group, Names};
use crate::protocol::{Claim, Context, Flaw, Guarantee, OptionsError, Protocol, Role, Seat};
use crate::time::Duration;
use crate::trace::FaultKind;

use super::Orchestrated;

/// The knobs of primary-backup replication under orchestrators.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Options {
    /// The region of the first primary. Default: the design's first region.
    pub primary: Option<String>,
    /// The regions of the backups. Default: every other region of the design.
    pub backups: Option<Vec<String>>,
    /// How many backups must hold a write, synced, before the client is answered: `"local"`, `"one"`, `"majority"`, `"all"`, or a
    /// number. Default: `"local"`.
    pub acknowledge: Acknowledge,
    /// How long a write waits for backups before the primary goes on without them. Needs `acknowledge`. Default: never.
    pub degrade_after: Option<Duration>,
    /// Who answers reads: `"primary"`, or `"nearest"` (any replica, however stale). Default: `"primary"`.
    pub reads: Reads,
    /// What becomes of a replica that comes back with writes which the new primary does not have: `"discard"` or `"refuse"`.
    /// Default: `"discard"`.
    pub returning: Returning,
    /// How long a primary must be silent: to the orchestrators, and to every replica that they can ask. Longer than two
    /// heartbeats. Default: 5s.
    pub detect: Duration,
    /// How often each orchestrator asks every replica how it is, and a primary gives its backups a sign. Default: 1s.
    pub heartbeat: Duration,
    /// How long the chosen replica takes to become primary. Default: 5s.
    pub promote: Duration,
    /// The regions whose replica may be promoted. To forbid promotion across regions, name the primary's alone. Default: all.
    pub candidates: Option<Vec<String>>,
    /// The orchestrators.
    pub orchestrators: Group,
    /// How long a backup may owe its answer to an entry before the primary offers its log again. Default: 1s.
    pub repair: Duration,
    /// How often the primary sends what is new in its log. Default: each entry at once.
    pub ship_every: Option<Duration>,
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
            degrade_after: None,
            reads: Reads::Primary,
            returning: Returning::Discard,
            detect: Duration::secs(5),
            heartbeat: Duration::secs(1),
            promote: Duration::secs(5),
            candidates: None,
            orchestrators: Group::default(),
            repair: Duration::secs(1),
            ship_every: None,
            mutant: Flaw::default(),
        }
    }
}

impl Options {
    /// Those of the replicas, to whom orchestrators are monitors.
    fn database(&self) -> primary_backup::Options {
        primary_backup::Options {
            primary: self.primary.clone(),
            backups: self.backups.clone(),
            acknowledge: self.acknowledge,
            degrade_after: self.degrade_after,
            reads: self.reads,
            returning: self.returning,
            repair: self.repair,
            ship_every: self.ship_every,
            failover: Some(Failover {
                detect: self.detect,
                heartbeat: self.heartbeat,
                promote: self.promote,
                candidates: self.candidates.clone(),
                monitors: self.orchestrators.regions.clone(),
                ..Failover::default()
            }),
            mutant: self.mutant,
            ..primary_backup::Options::default()
        }
    }
}

/// The seats of a design: the primary's first, then the backups', then the orchestrators'.
pub(super) fn seats(options: &Options, regions: &[&str]) -> Result<Vec<Seat>, OptionsError> {
    if options.acknowledge == Acknowledge::First {
        let why = "`\"first\"` is an order of backups, which orchestrators do not keep".into();
        return Err(OptionsError { option: "acknowledge", why });
    }
    let names = Names {
        regions: "orchestrators.regions",
        heartbeat: "orchestrators.heartbeat",
        leader: "orchestrators.leader",
    };
    let orchestrators = options.orchestrators.seats(&names, regions)?;
    let replicas = PrimaryBackup::seats(&options.database(), regions).map_err(|OptionsError { option, why }| {
        let option = option.strip_prefix("failover.").unwrap_or(option);
        OptionsError { option, why }
    })?;
    let replicas = replicas.into_iter().filter(|seat| seat.role == Role::Replica);
    Ok(replicas.chain(orchestrators).collect())
}

/// What these options promise: not much, for nothing keeps an old primary from going on, unless it needs all others for that.
pub(super) fn claims(options: &Options) -> Vec<Claim> {
    let always = |guarantee| Claim { guarantee, under: Claim::DISKS_KEEP };
    let under = Claim::DISKS_KEEP.without(&FaultKind::OF_CLOCKS);
    let mut claims = vec![always(Guarantee::OneLeaderPerEpoch), Claim { guarantee: Guarantee::Convergence, under }];
    // Whoever is promoted has it all, and serves once every replica has its first entry: the old primary serves no more then.
    if options.acknowledge == Acknowledge::All && options.degrade_after.is_none() {
        claims.extend([Guarantee::NoAcknowledgedWriteLost, Guarantee::SingleWriter].map(always));
        claims.extend((options.reads == Reads::Primary).then(|| always(Guarantee::Linearizable)));
    }
    claims
}

/// What a node makes of the options: names are ids.
#[derive(Clone, Debug, Hash)]
pub(super) struct Plan {
    pub database: primary_backup::Options,
    pub group: Group,
    /// The nodes with a copy; the first is the first primary.
    pub replicas: Vec<NodeId>,
    /// Those that may be promoted.
    pub candidates: Vec<NodeId>,
    pub detect: Duration,
    pub heartbeat: Duration,
    pub promote: Duration,
    pub flaw: Flaw,
}

impl Plan {
    pub fn new(options: &Options, cx: &Context<Orchestrated>) -> Plan {
        let replicas = cx.members().iter().filter(|member| member.role == Role::Replica).map(|member| member.node);
        let replicas: Vec<NodeId> = replicas.collect();
        let candidates = match &options.candidates {
            Some(names) => names.iter().filter_map(|name| cx.member_in(name, Role::Replica)).collect(),
            None => replicas.clone(),
        };
        Plan {
            database: options.database(),
            group: options.orchestrators.clone(),
            candidates,
            detect: options.detect,
            heartbeat: options.heartbeat,
            promote: options.promote,
            flaw: options.mutant,
            replicas,
        }
    }
}
