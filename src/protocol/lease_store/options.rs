//! The knobs of the design, what is wrong with them, and the plan that each node makes of them.

use crate::id::NodeId;
use crate::protocol::primary_backup::{self, Acknowledge, Failover, Fencing, PrimaryBackup, Reads, Returning};
use crate::protocol::raft::{Group, Names};
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
    /// Whether a watchdog sees to it that a primary stops at `safety-margin`. Without one its agent does, which may stand still: after
    /// a pause it comes too late. Default: true.
    pub watchdog: bool,
    /// Whether a primary that cannot reach the store goes on if *all* other replicas agree. Default: false.
    pub failsafe: bool,
    /// By how many entries a replica may be behind what the primary last told the store of its log, and still take the key.
    /// Default: any number.
    pub maximum_lag: Option<u64>,
    /// Synchronous mode: `"off"`, `"on"` (writes wait for one backup, which the store names: nobody but it and the primary may be
    /// promoted; where none can be named, for nobody) or `"strict"` (where none can be named, writes wait). Needs
    /// `acknowledge = "local"`. Default: `"off"`.
    pub synchronous: Synchronous,
    /// How long before the key can run out the primary stops at the latest, whatever its agent does. Default: 5s.
    pub safety_margin: Duration,
    /// How long an agent that finds no holder waits for the others to tell how far they are. Default: 1s.
    pub poll: Duration,
    /// How long the winner takes to become primary: replay, repoint, warm up. Default: 0s.
    pub promote: Duration,
    /// The store.
    pub store: Group,
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
            watchdog: true,
            failsafe: false,
            maximum_lag: None,
            synchronous: Synchronous::Off,
            safety_margin: Duration::secs(5),
            poll: Duration::secs(1),
            promote: Duration::ZERO,
            store: Group::default(),
            repair: Duration::secs(1),
            ship_every: None,
            mutant: Flaw::default(),
        }
    }
}

/// What the store is told of whom writes wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub enum Synchronous {
    /// Nothing: any replica may be promoted.
    #[default]
    Off,
    /// The one backup that they wait for, if there is one.
    On,
    /// The same, and without one they wait.
    Strict,
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
            unwatched: !self.watchdog,
            mutant: self.mutant,
            ..primary_backup::Options::default()
        }
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
    if options.synchronous != Synchronous::Off && options.acknowledge.count(1) > 0 {
        let why = "in synchronous mode writes wait for the backup that the store names: leave one of them out".into();
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
    let names = Names { regions: "store.regions", heartbeat: "store.heartbeat", leader: "store.leader" };
    seats.extend(options.store.seats(&names, regions)?);
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
    // Without a watchdog: the agent that is to stop the primary stands still with it, or is slow to.
    let late = [FaultKind::Pause, FaultKind::Slow, FaultKind::Load, FaultKind::Gray];
    // The holder and the store count by two clocks.
    let timed = |guarantee| Claim { guarantee, under: Claim::DISKS_KEEP.without(&FaultKind::OF_CLOCKS) };
    let watched = |guarantee| match timed(guarantee) {
        claim if options.watchdog => claim,
        Claim { guarantee, under } => Claim { guarantee, under: under.without(&late) },
    };
    let synchronous = options.synchronous != Synchronous::Off;
    let waits = !matches!(options.acknowledge, Acknowledge::Local | Acknowledge::Backups(0));
    let mut claims = vec![always(Guarantee::OneLeaderPerEpoch), timed(Guarantee::Convergence)];
    claims.push(watched(Guarantee::SingleWriter));
    if waits || synchronous {
        // Who may be promoted is no matter of time.
        let kept = Guarantee::NoAcknowledgedWriteLost;
        claims.push(if synchronous { always(kept) } else { watched(kept) });
        if options.reads == Reads::Primary {
            claims.push(watched(Guarantee::Linearizable));
        }
    }
    claims
}

/// What a node makes of the options: names are ids, words are numbers.
#[derive(Clone, Debug, Hash)]
pub(super) struct Plan {
    pub database: primary_backup::Options,
    /// The store's.
    pub group: Group,
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
    pub failsafe: bool,
    pub maximum_lag: Option<u64>,
    pub synchronous: bool,
    pub strict: bool,
    pub flaw: Flaw,
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
            group: options.store.clone(),
            first_primary: replicas[0],
            store: having(Role::Monitor).collect(),
            ttl: options.ttl,
            loop_wait: options.loop_wait,
            retry_timeout: options.retry_timeout,
            poll: options.poll,
            failsafe: options.failsafe,
            maximum_lag: options.maximum_lag,
            synchronous: options.synchronous != Synchronous::Off,
            strict: options.synchronous == Synchronous::Strict,
            flaw: options.mutant,
            reports_needed: if copies == 0 { 1 } else { replicas.len() - copies },
            replicas,
        }
    }
}
