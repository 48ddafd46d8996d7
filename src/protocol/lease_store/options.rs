//! The knobs of the design, what is wrong with them, and the plan that each node makes of them.

use crate::id::NodeId;
use crate::protocol::primary_backup::{
    self, Acknowledge, Failover, Fencing, PrimaryBackup, Reads, Returning, find_regions,
};
use crate::protocol::raft;
use crate::protocol::{Claim, Context, Flaw, Guarantee, OptionsError, Protocol, Role, Seat};
use crate::time::Duration;
use crate::trace::FaultKind;

use super::LeaseStore;

/// The knobs of primary-backup replication whose primary holds a key of a store.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Options {
    /// The region of the first primary. Default: the design's first region.
    pub primary: Option<String>,
    /// The regions of the backups. Default: every other region of the design.
    pub backups: Option<Vec<String>>,
    /// How many backups must hold a write, synced, before the client is answered: `"local"`, `"one"`, `"majority"`, `"all"`, or a
    /// number. Who takes over has heard from so many replicas that one of them has every such write. Default: `"local"`.
    pub acknowledge: Acknowledge,
    /// Who answers reads: `"primary"`, or `"nearest"` (any replica, however stale). Default: `"primary"`.
    pub reads: Reads,
    /// What becomes of a replica that comes back with writes which the new primary does not have: `"discard"` or `"refuse"`.
    /// Default: `"discard"`.
    pub returning: Returning,
    /// How long the leader key lasts without being renewed, by the clock of the store's leader. At least `loop-wait` and twice
    /// `retry-timeout`. Default: 30s.
    pub ttl: Duration,
    /// How often an agent looks: the primary's renews the key, the others read it. Default: 10s.
    pub loop_wait: Duration,
    /// How long an agent asks the store before it takes it to be out of reach; a primary's then demotes it. Default: 10s.
    pub retry_timeout: Duration,
    /// How long before the key can run out the primary stops at the latest, whatever its agent does. Default: 5s.
    pub safety_margin: Duration,
    /// How long an agent that finds no holder waits for the others to tell how far they are. Default: 1s.
    pub poll: Duration,
    /// How long the winner takes to become primary: replay, repoint, warm up. Default: 0s.
    pub promote: Duration,
    /// The store.
    pub store: StoreOptions,
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
            reads: Reads::Primary,
            returning: Returning::Discard,
            ttl: Duration::secs(30),
            loop_wait: Duration::secs(10),
            retry_timeout: Duration::secs(10),
            safety_margin: Duration::secs(5),
            poll: Duration::secs(1),
            promote: Duration::ZERO,
            store: StoreOptions::default(),
            repair: Duration::secs(1),
            ship_every: None,
            mutant: Flaw::default(),
        }
    }
}

/// The store: a Raft group.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct StoreOptions {
    /// The regions of its nodes, one in each. Default: every region of the design.
    pub regions: Option<Vec<String>>,
    /// How often its leader tells the others that it is there. Default: 100ms.
    pub heartbeat: Duration,
    /// The shortest time without word from its leader after which a node wants to become one. Default: 1s.
    pub election_timeout: Duration,
    /// The region whose node campaigns at once when it first starts. Default: timeouts decide.
    pub leader: Option<String>,
}

impl Default for StoreOptions {
    fn default() -> StoreOptions {
        let raft::Options { heartbeat, election_timeout, .. } = raft::Options::default();
        StoreOptions { regions: None, heartbeat, election_timeout, leader: None }
    }
}

impl Options {
    /// Those of the replicas, who are told who is primary by their agents: each its replica's only monitor.
    fn database(&self) -> primary_backup::Options {
        primary_backup::Options {
            acknowledge: self.acknowledge,
            reads: self.reads,
            returning: self.returning,
            repair: self.repair,
            ship_every: self.ship_every,
            failover: Some(Failover {
                detect: self.ttl,
                heartbeat: self.loop_wait,
                promote: self.promote,
                ..Failover::default()
            }),
            fencing: Fencing::Epoch,
            lease: self.lease(),
            mutant: self.mutant,
            ..primary_backup::Options::default()
        }
    }

    /// Those of the store's nodes.
    fn raft(&self) -> raft::Options {
        let StoreOptions { heartbeat, election_timeout, leader, .. } = self.store.clone();
        raft::Options { heartbeat, election_timeout, leader, ..raft::Options::default() }
    }

    /// How long a primary serves after it asked for a renewal that it got.
    fn lease(&self) -> Duration {
        self.ttl - self.safety_margin
    }
}

/// The seats of a design: the primary's first, then the backups', then the store's.
pub(super) fn seats(options: &Options, regions: &[&str]) -> Result<Vec<Seat>, OptionsError> {
    check_spans(options)?;
    if options.acknowledge == Acknowledge::First {
        let why =
            "`\"first\"` is an order of backups, which a store that lets any of them take over does not keep".into();
        return Err(OptionsError { option: "acknowledge", why });
    }
    let replicas = primary_backup::Options {
        primary: options.primary.clone(),
        backups: options.backups.clone(),
        failover: None,
        fencing: Fencing::None,
        ..options.database()
    };
    let mut seats = PrimaryBackup::seats(&replicas, regions)?;
    let everywhere = || regions.iter().map(|region| (*region).to_string()).collect();
    let named = options.store.regions.clone().unwrap_or_else(everywhere);
    let store = find_regions("store.regions", &named, regions)?;
    if store.is_empty() {
        return Err(OptionsError { option: "store.regions", why: "a store needs at least one node".into() });
    }
    let names: Vec<&str> = store.iter().map(|region| regions[region.index()]).collect();
    raft::Raft::seats(&options.raft(), &names).map_err(|OptionsError { option, why }| {
        let option = match option {
            "heartbeat" => "store.heartbeat",
            "leader" => "store.leader",
            other => other,
        };
        OptionsError { option, why }
    })?;
    seats.extend(store.into_iter().map(|region| Seat { region, role: Role::Monitor }));
    Ok(seats)
}

fn check_spans(options: &Options) -> Result<(), OptionsError> {
    let Options { ttl, loop_wait, retry_timeout, safety_margin, .. } = options;
    let fail = |option, why| Err(OptionsError { option, why });
    let shortest = Duration::SHORTEST_PERIOD;
    if *loop_wait < shortest {
        return fail("loop-wait", format!("it must be {shortest} or longer"));
    }
    if *retry_timeout < shortest * 100 {
        return fail("retry-timeout", format!("it must be {} or longer", shortest * 100));
    }
    let least = *loop_wait + *retry_timeout * 2;
    if *ttl < least {
        let why = format!("{ttl} is shorter than `loop-wait` and twice `retry-timeout` together, {least}");
        return fail("ttl", why);
    }
    if *safety_margin + *loop_wait >= *ttl {
        let why =
            format!("{safety_margin} before a ttl of {ttl} is less than a `loop-wait` of {loop_wait} after a renewal");
        return fail("safety-margin", why);
    }
    Ok(())
}

/// What these options promise.
pub(super) fn claims(options: &Options) -> Vec<Claim> {
    let always = |guarantee| Claim { guarantee, under: Claim::DISKS_KEEP };
    // The holder and the store count by two clocks.
    let timed = |guarantee| Claim { guarantee, under: Claim::DISKS_KEEP.without(&FaultKind::OF_CLOCKS) };
    let waits = !matches!(options.acknowledge, Acknowledge::Local | Acknowledge::Backups(0));
    let mut claims = vec![always(Guarantee::OneLeaderPerEpoch), timed(Guarantee::SingleWriter)];
    if options.returning == Returning::Discard {
        claims.push(timed(Guarantee::Convergence));
    }
    if waits {
        claims.push(timed(Guarantee::NoAcknowledgedWriteLost));
        if options.reads == Reads::Primary {
            claims.push(timed(Guarantee::Linearizable));
        }
    }
    claims
}

/// What a node makes of the options: names are ids, words are numbers.
#[derive(Clone, Debug, Hash)]
pub(super) struct Plan {
    pub database: primary_backup::Options,
    pub raft: raft::Options,
    /// Who has the key at first.
    pub first_primary: NodeId,
    /// The nodes with a copy.
    pub replicas: Vec<NodeId>,
    /// The nodes of the store.
    pub store: Vec<NodeId>,
    pub ttl: Duration,
    pub loop_wait: Duration,
    pub retry_timeout: Duration,
    pub poll: Duration,
    /// How many replicas, with itself, must have told how far they are before one takes the key: so many that whichever copies
    /// hold an acknowledged write, one of them is heard.
    pub reports_needed: usize,
}

impl Plan {
    pub fn new(options: &Options, cx: &Context<LeaseStore>) -> Plan {
        let having = |role| cx.members().iter().filter(move |member| member.role == role).map(|member| member.node);
        let replicas: Vec<NodeId> = having(Role::Replica).collect();
        let copies = options.acknowledge.count(replicas.len() - 1);
        Plan {
            database: options.database(),
            raft: options.raft(),
            first_primary: replicas[0],
            store: having(Role::Monitor).collect(),
            ttl: options.ttl,
            loop_wait: options.loop_wait,
            retry_timeout: options.retry_timeout,
            poll: options.poll,
            reports_needed: if copies == 0 { 1 } else { replicas.len() - copies },
            replicas,
        }
    }
}
