//! What a node makes of the knobs, and what it promises. Next: `log.rs`.

use crate::id::NodeId;
use crate::protocol::mutant::Mutant;
use crate::protocol::{Context, Flaw, Role};
use crate::time::Duration;
use crate::trace::{Observation, Promise};

use super::PrimaryBackup;
use super::acknowledge::Acknowledge;
use super::copying::Copying;
use super::failback::Failback;
use super::lag::MaxLag;
use super::operator::Operator;
use super::options::{Fencing, Options, Probe, Reads, Returning};

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
    pub max_lag: Option<MaxLag>,
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
    /// Whether monitors are answered whatever the disk still has to sync.
    pub shallow: bool,
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
            max_lag: options.max_lag,
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
            shallow: failover.probe == Probe::Shallow,
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
        // What is merged is merged column by column.
        if self.returning != Returning::Merge {
            cx.observe(Observation::Promised(Promise::WholePuts));
        }
        // Where another may lead, what was shown may be gone, and something else be in its place.
        if self.monitors.is_empty() {
            cx.observe(Observation::Promised(Promise::OneOrder));
            if let Some(MaxLag { time, .. }) = self.max_lag {
                cx.observe(Observation::Promised(Promise::FreshWithin(time)));
            }
        }
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
