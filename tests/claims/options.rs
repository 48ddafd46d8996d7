//! The forms of each design. Next: `cases.rs`.

use proptest::prelude::*;
use riftzone::protocol::caspaxos::{self, Conflict};
use riftzone::protocol::crdt::{self, Transport, Type};
use riftzone::protocol::home_region::{self, Moves, OwnerUnreachable};
use riftzone::protocol::hub;
use riftzone::protocol::last_writer_wins::{self, StampClock, Stamps, Tie};
use riftzone::protocol::lease_store::{self, Synchronous};
use riftzone::protocol::orchestrated;
use riftzone::protocol::primary_backup::{
    self, Acknowledge, Copying, Failback, Failover, Fencing, MaxLag, Probe, Reads, Returning, Size,
};
use riftzone::protocol::raft::{self, AppendOrder, Group};
use riftzone::protocol::siblings::{self, Quorum, Resolver, Vectors};
use riftzone::time::Duration;

use crate::worlds::NAMES;

pub fn raft_options() -> impl Strategy<Value = raft::Options> {
    let append = prop_oneof![2 => Just(AppendOrder::Overlapped), 1 => Just(AppendOrder::DiskFirst)];
    let timeout = prop::option::weighted(0.3, (500..3_000_u64).prop_map(Duration::millis));
    let reads = prop_oneof![Just(raft::Reads::ReadIndex), Just(raft::Reads::FollowerReadIndex)];
    (any::<bool>(), any::<bool>(), prop_oneof![Just(20_u64), Just(10_000)], append, timeout, reads).prop_map(
        |(pre_vote, check_quorum, snapshot_every, append, commit_timeout, reads)| raft::Options {
            pre_vote,
            check_quorum,
            snapshot_every,
            append,
            commit_timeout,
            reads,
            ..raft::Options::default()
        },
    )
}

pub fn home_region_options() -> impl Strategy<Value = home_region::Options> {
    let reads = prop_oneof![3 => Just(home_region::Reads::Owner), 1 => Just(home_region::Reads::Nearest)];
    let moves = prop_oneof![1 => Just(Moves::Never), 3 => Just(Moves::OnUse)];
    let bound = prop::option::weighted(0.5, bounds());
    (reads, moves, 1..4_u32, bound, any::<bool>()).prop_map(|(reads, moves, threshold, bound, takes_over)| {
        let bound = bound.filter(|_| reads == home_region::Reads::Nearest);
        let can_take_over = takes_over && moves == Moves::Never && bound.is_none();
        home_region::Options {
            reads,
            moves,
            threshold,
            bound,
            owner_unreachable: if can_take_over { OwnerUnreachable::TakeOver } else { OwnerUnreachable::Refuse },
            take_over_after: Duration::millis(3_500),
            ..home_region::Options::default()
        }
    })
}

pub fn hub_options() -> impl Strategy<Value = hub::Options> {
    let acknowledge = prop_oneof![Just(hub::Acknowledge::Tentative), Just(hub::Acknowledge::Confirmed)];
    let region = prop::option::of(prop::sample::select(&NAMES[..3])).prop_map(|name| name.map(str::to_string));
    (region, acknowledge, 300..1_500_u64).prop_map(|(hub, acknowledge, report)| hub::Options {
        hub,
        acknowledge,
        report_every: Duration::millis(report),
        silent_after: Duration::millis(3 * report),
        ..hub::Options::default()
    })
}

/// How stale copies may be: in so many writes, and for so long.
pub fn bounds() -> impl Strategy<Value = home_region::Bound> {
    (4..40_u64, 600..4_000_u64).prop_map(|(operations, time)| home_region::Bound {
        operations,
        time: Duration::millis(time),
        ..home_region::Bound::default()
    })
}

pub fn primary_backup_options() -> impl Strategy<Value = primary_backup::Options> {
    let acknowledge = prop_oneof![
        Just(Acknowledge::Local),
        Just(Acknowledge::One),
        Just(Acknowledge::First),
        Just(Acknowledge::Majority),
        Just(Acknowledge::All)
    ];
    let failover = prop::option::weighted(
        0.8,
        (1_500..4_000_u64, 0..2_000_u64, prop::option::weighted(0.2, 0..8_000_u64), any::<bool>()).prop_map(
            |(detect, promote, demote, goes_home)| Failover {
                detect: Duration::millis(detect),
                heartbeat: Duration::millis(400),
                promote: Duration::millis(promote),
                demote_after: demote.map(Duration::millis),
                failback: if goes_home && demote.is_none() { Failback::Automatic } else { Failback::Never },
                ..Failover::default()
            },
        ),
    );
    let returning = prop_oneof![
        3 => Just(Returning::Discard),
        1 => Just(Returning::Refuse),
        1 => Just(Returning::Rewind),
        1 => Just(Returning::Rebuild),
        1 => Just(Returning::Merge),
    ];
    let reads = prop_oneof![3 => Just(Reads::Primary), 1 => Just(Reads::Nearest)];
    let failover = (failover, any::<bool>()).prop_map(|(failover, shallow)| {
        let probe = if shallow { Probe::Shallow } else { Probe::Deep };
        failover.map(|failover: Failover| Failover { probe, ..failover })
    });
    let ship_every = prop::option::weighted(0.3, (1..2_000_u64).prop_map(Duration::millis));
    let waits = |acknowledge| acknowledge != Acknowledge::Local;
    let patience = prop::option::weighted(0.4, ((100..3_000_u64).prop_map(Duration::millis), any::<bool>()));
    (acknowledge, patience, failover, any::<bool>(), returning, reads, ship_every).prop_map(
        move |(acknowledge, patience, failover, fenced, returning, reads, ship_every)| primary_backup::Options {
            degrade_after: patience.filter(|(_, each)| waits(acknowledge) && !each).map(|(lasts, _)| lasts),
            cancel_wait_after: patience.filter(|(_, each)| waits(acknowledge) && *each).map(|(lasts, _)| lasts),
            acknowledge,
            fencing: match &failover {
                Some(failover) if fenced && failover.demote_after.is_none() => Fencing::Epoch,
                _ => Fencing::None,
            },
            sender_timeout: (acknowledge == Acknowledge::First).then_some(Duration::millis(2_500)),
            lease: Duration::millis(1_200),
            failover: failover.map(|failover| Failover {
                probe: if waits(acknowledge) { Probe::Deep } else { failover.probe },
                ..failover
            }),
            copying: matches!(returning, Returning::Rewind | Returning::Rebuild).then_some(Copying {
                size: Size(100_000_000),
                per_second: Size(80_000_000),
                block: Size(2_000_000),
            }),
            returning,
            reads,
            // No draw of its own: who ships in batches of an odd length bounds how far copies lag that are read.
            max_lag: ship_every
                .filter(|every| reads == Reads::Nearest && every.as_nanos() / 1_000_000 % 2 == 1)
                .map(|every| MaxLag { time: Duration::millis(700) + every, ask_every: Duration::millis(200) }),
            ship_every,
            ..primary_backup::Options::default()
        },
    )
}

pub fn orchestrated_options() -> impl Strategy<Value = orchestrated::Options> {
    let acknowledge =
        prop_oneof![2 => Just(Acknowledge::Local), 1 => Just(Acknowledge::One), 1 => Just(Acknowledge::All)];
    let returning = prop_oneof![3 => Just(Returning::Discard), 1 => Just(Returning::Refuse)];
    (acknowledge, returning, 1_500..4_000_u64, 0..2_000_u64).prop_map(|(acknowledge, returning, detect, promote)| {
        orchestrated::Options {
            acknowledge,
            returning,
            detect: Duration::millis(detect),
            heartbeat: Duration::millis(400),
            promote: Duration::millis(promote),
            orchestrators: Group { election_timeout: Duration::millis(500), ..Group::default() },
            ..orchestrated::Options::default()
        }
    })
}

pub fn lease_store_options() -> impl Strategy<Value = lease_store::Options> {
    let acknowledge = prop_oneof![
        3 => Just(Acknowledge::Local),
        1 => Just(Acknowledge::One),
        1 => Just(Acknowledge::Majority),
        1 => Just(Acknowledge::All)
    ];
    let synchronous = prop_oneof![Just(Synchronous::Off), Just(Synchronous::On), Just(Synchronous::Strict)];
    let returning = prop_oneof![3 => Just(Returning::Discard), 1 => Just(Returning::Refuse)];
    let reads = prop_oneof![3 => Just(Reads::Primary), 1 => Just(Reads::Nearest)];
    let spans = (1_800..5_000_u64, 100..700_u64, 0..1_500_u64);
    let guards = (prop::bool::weighted(0.8), any::<bool>(), prop::option::weighted(0.2, 0..40_u64));
    (acknowledge, synchronous, returning, reads, spans, guards).prop_map(
        |(acknowledge, synchronous, returning, reads, (ttl, margin, promote), (watchdog, failsafe, maximum_lag))| {
            lease_store::Options {
                acknowledge,
                synchronous: if acknowledge == Acknowledge::Local { synchronous } else { Synchronous::Off },
                returning,
                reads,
                watchdog,
                failsafe,
                maximum_lag,
                ttl: Duration::millis(ttl),
                loop_wait: Duration::millis(600),
                retry_timeout: Duration::millis(600),
                safety_margin: Duration::millis(margin),
                poll: Duration::millis(300),
                promote: Duration::millis(promote),
                store: Group { election_timeout: Duration::millis(500), ..Group::default() },
                ..lease_store::Options::default()
            }
        },
    )
}

pub fn caspaxos_options() -> impl Strategy<Value = caspaxos::Options> {
    let conflict = prop_oneof![Just(Conflict::Retry), Just(Conflict::Reject)];
    let reads = prop_oneof![4 => Just(caspaxos::Reads::Strong), 1 => Just(caspaxos::Reads::Local)];
    let hold = prop_oneof![1 => Just(Duration::ZERO), 3 => (1..1_000_u64).prop_map(Duration::millis)];
    (conflict, reads, prop::bool::weighted(0.8), hold).prop_map(|(conflict, reads, piggyback, hold)| {
        caspaxos::Options { conflict, reads, piggyback, hold, ..caspaxos::Options::default() }
    })
}

pub fn last_writer_wins_options() -> impl Strategy<Value = last_writer_wins::Options> {
    let clock = prop_oneof![Just(StampClock::Hybrid), Just(StampClock::Wall)];
    let stamps = prop_oneof![Just(Stamps::Coordinator), Just(Stamps::Client)];
    let tie = prop_oneof![Just(Tie::Node), Just(Tie::Value)];
    (clock, stamps, tie).prop_map(|(clock, stamps, tie)| last_writer_wins::Options {
        clock,
        stamps,
        tie,
        ..last_writer_wins::Options::default()
    })
}

pub fn siblings_options() -> impl Strategy<Value = siblings::Options> {
    let vectors = prop_oneof![3 => Just(Vectors::Dotted), 1 => Just(Vectors::Server)];
    let resolver = prop_oneof![2 => Just(Resolver::Client), 1 => Just(Resolver::LastWriter)];
    let quorum = || prop_oneof![2 => Just(Quorum::One), 1 => Just(Quorum::Majority), 1 => Just(Quorum::All)];
    (vectors, resolver, quorum(), quorum()).prop_map(|(vectors, resolver, acknowledge, reads)| siblings::Options {
        vectors,
        resolver,
        acknowledge,
        reads,
        ..siblings::Options::default()
    })
}

pub fn crdt_options() -> impl Strategy<Value = crdt::Options> {
    let transports = [Transport::State, Transport::Delta, Transport::Operation];
    (prop::sample::select(Type::ALL.to_vec()), prop::sample::select(transports.to_vec()))
        .prop_map(|(what, transport)| crdt::Options { what, transport, ..crdt::Options::default() })
}
