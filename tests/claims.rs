//! What each design claims, and every invariant, under random faults: worlds of three and five regions, disks that take time, messages lost and
//! out of order, nodes that crash, pause and come back. Others, and more of them: `PROPTEST_RNG_SEED=$RANDOM
//! PROPTEST_CASES=10000 cargo test --test claims`.

mod support;

use proptest::prelude::*;
use riftzone::check::level::Level;
use riftzone::check::sequential;
use riftzone::check::staleness::staleness;
use riftzone::explore::levels;
use riftzone::id::RegionId;
use riftzone::model::clock::{Whose, WrongClocks};
use riftzone::model::disk::SyncPolicy;
use riftzone::model::fault::{Action, Fault, Shape, Slow, SlowDisk, Target};
use riftzone::model::latency::Delay;
use riftzone::model::retry::Retry;
use riftzone::model::routing::{Policy, Roam, Routing};
use riftzone::model::service::{Capacity, Load, ServiceModel};
use riftzone::model::topology::Topology;
use riftzone::model::transport::{Bandwidth, StreamTransport};
use riftzone::model::workload::{Arrivals, KeyChooser, Mix, Objects};
use riftzone::op::Object;
use riftzone::protocol::caspaxos::{self, CasPaxos, Conflict};
use riftzone::protocol::causal::{self, Causal};
use riftzone::protocol::crdt::{self, Crdt, Transport, Type};
use riftzone::protocol::home_region::{self, HomeRegion, Moves, OwnerUnreachable};
use riftzone::protocol::hub::{self, Hub};
use riftzone::protocol::last_writer_wins::{self, LastWriterWins, StampClock, Stamps, Tie};
use riftzone::protocol::lease_store::{self, LeaseStore, Synchronous};
use riftzone::protocol::orchestrated::{self, Orchestrated};
use riftzone::protocol::primary_backup::{
    self, Acknowledge, Copying, Failback, Failover, Fencing, PrimaryBackup, Probe, Reads, Returning, Size,
};
use riftzone::protocol::raft::{self, AppendOrder, Group, Raft};
use riftzone::protocol::siblings::{self, Quorum, Resolver, Siblings, Vectors};
use riftzone::protocol::{Guarantee, Protocol};
use riftzone::sim::{Placement, Run, Setup, simulate};
use riftzone::time::Duration;
use riftzone::trace::{Rows, Trace};

use support::after;

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// A world that something breaks up to six times.
fn worlds(compare_and_set: u32, do_disks_keep: bool) -> impl Strategy<Value = Setup> {
    let regions = prop_oneof![3 => Just(3_u16), 1 => Just(5_u16)];
    (regions, 0..4_u64, 1..4_u64, 1..30_u32).prop_flat_map(move |(regions, sync_ms, spread, keys)| {
        prop::collection::vec(faults(regions, do_disks_keep), 0..6).prop_map(move |faults| {
            let mut setup = support::setup(topology(regions, spread), 40);
            setup.workload.clients = vec![2; regions.into()];
            setup.workload.arrivals = Arrivals::Poisson(Duration::millis(60));
            setup.workload.keys = KeyChooser::zipf(keys, 0.8);
            setup.workload.mix = Mix { read: 4, write: 4, compare_and_set };
            setup.workload.retry_after = Some(Duration::millis(700));
            setup.disk.sync = Delay::constant(Duration::millis(sync_ms));
            setup.settle = Duration::secs(30);
            // In some worlds work takes time, so that what is slow or asked for too often falls behind.
            let times = Capacity {
                read: Duration::micros(500),
                write: Duration::micros(800),
                message: Duration::micros(50),
                timer: Duration::micros(20),
                is_exponential: true,
                ..Capacity::default()
            };
            setup.service = (keys % 3 == 0).then(|| ServiceModel::everywhere(times, regions.into()));
            // In some, everything goes over connections.
            setup.transport = (keys % 4 == 1).then(StreamTransport::default);
            setup.faults = faults;
            setup
        })
    })
}

fn topology(regions: u16, spread: u64) -> Topology {
    let mut topology = Topology::new(&NAMES[..regions.into()]);
    for from in 0..regions {
        for to in (0..regions).filter(|to| *to != from) {
            let low = Duration::millis(10 + 5 * u64::from(from + to));
            topology.set_delay(RegionId(from), RegionId(to), Delay::uniform(low, low * spread));
        }
    }
    topology
}

fn faults(regions: u16, do_disks_keep: bool) -> impl Strategy<Value = Fault> {
    let region = move || (0..regions).prop_map(|r| Target::Region(RegionId(r)));
    let target = move || prop_oneof![2 => region(), 1 => Just(Target::Leader)];
    let link = move || (region(), region()).prop_map(|(a, b)| vec![(a, b), (b, a)]);
    let action = prop_oneof![
        2 => target().prop_map(|t| Action::Crash(vec![t])),
        2 => target().prop_map(|t| Action::Pause(vec![t])),
        2 => target().prop_map(|t| Action::TornCrash(vec![t])),
        1 => (target(), error_ns()).prop_map(|(t, by_ns)| Action::ClockStep { nodes: vec![t], by_ns }),
        1 => (target(), error_ns(), 1..3_000_u64).prop_map(|(t, by_ns, every)| Action::ClockStrobe {
            nodes: vec![t],
            by_ns,
            every: Duration::millis(every),
        }),
        1 => (target(), -900_000_000..2_000_000_000_i64)
            .prop_map(|(t, ns_per_s)| Action::ClockDrift { nodes: vec![t], ns_per_s }),
        1 => (target(), prop::option::of(1_001..5_000_u64)).prop_map(|(t, smear)| Action::ClockLeap {
            nodes: vec![t],
            smear: smear.map(Duration::millis),
        }),
        1 => (order(regions), 1..2_000_u64, 0..2_000_u64).prop_map(|(places, down, gap)| Action::RollingRestart {
            places,
            down: Duration::millis(down),
            gap: Duration::millis(gap),
        }),
        2 => (target(), slow(), 0..4_u64).prop_map(|(node, slow, ramp)| Action::SlowDisk {
            nodes: vec![node],
            slow: SlowDisk { slow, ramp: Duration::secs(ramp) },
        }),
        3 => target().prop_map(|t| Action::Isolate(vec![t])),
        3 => (region(), region()).prop_map(|(a, b)| Action::Cut { links: vec![(a, b), (b, a)], one_way: false }),
        2 => (region(), region()).prop_map(|(a, b)| Action::Cut { links: vec![(a, b)], one_way: true }),
        1 => (1..30_u32).prop_map(|parts| Action::Loss { links: Vec::new(), parts, whole: 100 }),
        1 => (1..30_u32).prop_map(|parts| Action::Corrupt { links: Vec::new(), parts, whole: 100 }),
        3 => (1..=100_u32).prop_map(|parts| Action::Duplicate { links: Vec::new(), parts, whole: 100 }),
        3 => (1..=100_u32, 1..3_000_u64).prop_map(|(parts, extra)| Action::Reorder {
            links: Vec::new(),
            parts,
            whole: 100,
            extra: Duration::millis(extra),
        }),
        2 => (link(), slow(), 0..5_u64).prop_map(|(links, slow, ramp)| Action::Delay {
            links,
            slow,
            ramp: Duration::secs(ramp),
        }),
        2 => target().prop_map(|t| Action::GatewayDown(vec![t])),
        2 => (link(), 5..2_000_u64).prop_map(|(links, kilobits)| Action::Throttle {
            links,
            bandwidth: Bandwidth::bits_per_second(1_000 * kilobits),
            patience: Duration::secs(1),
        }),
        2 => (link(), 50..3_000_u64, 50..3_000_u64, any::<bool>()).prop_map(|(links, up, down, jitter)| Action::Flap {
            links,
            up: Duration::millis(up),
            down: Duration::millis(down),
            jitter: jitter.then_some((1, 2)),
        }),
        2 => target().prop_map(|t| Action::Gray(vec![t])),
        2 => target().prop_map(|t| Action::Slow { nodes: vec![t], slow: Slow::Times { parts: 20, whole: 1 } }),
        1 => (2..6_u32, 0..4_u64).prop_map(|(parts, ramp)| Action::Load {
            regions: Vec::new(),
            load: Load { parts, whole: 1, ramp: Duration::secs(ramp) },
        }),
        2 => (shape(), order(regions)).prop_map(|(shape, places)| Action::Shape { shape, places }),
    ];
    let forgetful = prop_oneof![
        target().prop_map(|t| Action::LyingDisk(vec![t])),
        target().prop_map(|t| Action::Wipe(vec![t])),
        target().prop_map(|t| Action::Crash(vec![t])),
    ];
    let action = if do_disks_keep { action.boxed() } else { prop_oneof![action, forgetful].boxed() };
    (1_500..38_000_u64, 100..12_000_u64, action).prop_map(|(at, lasts, action)| Fault {
        at: after(at),
        lasts: Some(Duration::millis(lasts)),
        action,
        may_touch_nothing: true,
    })
}

/// How far a clock is set: anything up to an hour.
fn error_ns() -> impl Strategy<Value = i64> {
    prop_oneof![-1_000_000_000..1_000_000_000_i64, -3_600_000_000_000..3_600_000_000_000_i64]
}

fn slow() -> impl Strategy<Value = Slow> {
    prop_oneof![
        (11..100_u32).prop_map(|parts| Slow::Times { parts, whole: 10 }),
        (1..3_000_u64).prop_map(|more| Slow::Add(Duration::millis(more))),
    ]
}

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![Just(Shape::Bridge), Just(Shape::Ring), Just(Shape::MajorityMinority)]
}

/// All regions, in any order.
fn order(regions: u16) -> impl Strategy<Value = Vec<Target>> {
    Just((0..regions).map(|region| Target::Region(RegionId(region))).collect::<Vec<_>>()).prop_shuffle()
}

fn assert_claims_hold<P: Protocol>(setup: &Setup, options: &P::Options, seed: u64) -> Result<Run, TestCaseError> {
    let run = simulate::<P>(setup, &Placement::everywhere(&setup.topology), options, seed, Trace::off()).unwrap();
    let broken: Vec<_> = run.broken_claims().collect();
    prop_assert!(broken.is_empty(), "seed {seed}, digest {}: {broken:?}", run.digest);
    prop_assert!(run.breaches.is_empty(), "seed {seed}, digest {}: {:?}", run.digest, run.breaches);
    Ok(run)
}

fn raft_options() -> impl Strategy<Value = raft::Options> {
    let append = prop_oneof![2 => Just(AppendOrder::Overlapped), 1 => Just(AppendOrder::DiskFirst)];
    let timeout = prop::option::weighted(0.3, (500..3_000_u64).prop_map(Duration::millis));
    (any::<bool>(), any::<bool>(), prop_oneof![Just(20_u64), Just(10_000)], append, timeout).prop_map(
        |(pre_vote, check_quorum, snapshot_every, append, commit_timeout)| raft::Options {
            pre_vote,
            check_quorum,
            snapshot_every,
            append,
            commit_timeout,
            ..raft::Options::default()
        },
    )
}

fn home_region_options() -> impl Strategy<Value = home_region::Options> {
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

fn hub_options() -> impl Strategy<Value = hub::Options> {
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
fn bounds() -> impl Strategy<Value = home_region::Bound> {
    (4..40_u64, 600..4_000_u64).prop_map(|(operations, time)| home_region::Bound {
        operations,
        time: Duration::millis(time),
        ..home_region::Bound::default()
    })
}

fn primary_backup_options() -> impl Strategy<Value = primary_backup::Options> {
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
            // Every other one that may be shallow is.
            failover: failover.map(|failover: Failover| Failover {
                probe: match failover.detect.as_nanos() / 1_000_000 % 2 {
                    0 if !waits(acknowledge) => Probe::Shallow,
                    _ => Probe::Deep,
                },
                ..failover
            }),
            copying: matches!(returning, Returning::Rewind | Returning::Rebuild).then_some(Copying {
                size: Size(100_000_000),
                per_second: Size(80_000_000),
                block: Size(2_000_000),
            }),
            returning,
            reads,
            ship_every,
            ..primary_backup::Options::default()
        },
    )
}

fn orchestrated_options() -> impl Strategy<Value = orchestrated::Options> {
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

fn lease_store_options() -> impl Strategy<Value = lease_store::Options> {
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

proptest! {
    #[test]
    fn raft_holds_what_it_claims(setup in worlds(2, true), options in raft_options(), seed in any::<u64>()) {
        assert_claims_hold::<Raft>(&setup, &options, seed)?;
    }

    #[test]
    fn primary_backup_holds_what_it_claims(
        setup in worlds(2, true),
        options in primary_backup_options(),
        seed in any::<u64>(),
    ) {
        assert_claims_hold::<PrimaryBackup>(&setup, &options, seed)?;
    }

    #[test]
    fn lease_store_holds_what_it_claims(
        setup in worlds(2, true),
        options in lease_store_options(),
        seed in any::<u64>(),
    ) {
        assert_claims_hold::<LeaseStore>(&setup, &options, seed)?;
    }

    #[test]
    fn orchestrated_holds_what_it_claims(
        setup in worlds(2, true),
        options in orchestrated_options(),
        seed in any::<u64>(),
    ) {
        assert_claims_hold::<Orchestrated>(&setup, &options, seed)?;
    }

    #[test]
    fn last_writer_wins_holds_what_it_claims(
        setup in worlds(2, true),
        options in last_writer_wins_options(),
        client_ms in -3_000..1_000_i64,
        seed in any::<u64>(),
    ) {
        let mut setup = setup;
        setup.clocks.wrong.push(clients_off(1, client_ms));
        assert_claims_hold::<LastWriterWins>(&setup, &options, seed)?;
    }

    #[test]
    fn causal_holds_what_it_claims(setup in worlds(0, true), roams in any::<bool>(), seed in any::<u64>()) {
        let mut setup = setup;
        setup.routing = roams.then(half_move);
        assert_claims_hold::<Causal>(&setup, &Default::default(), seed)?;
    }

    /// What clients see is causal, whatever breaks, also for those who move with their tokens, where no request is carried out
    /// by two nodes: clients ask no second node by themselves, and a node that may get a request twice does not send it on.
    #[test]
    fn causal_shows_causes_before_effects(setup in worlds(0, true), roams in any::<bool>(), seed in any::<u64>()) {
        let mut setup = setup;
        setup.routing = roams.then(half_move);
        setup.workload.retry_after = None;
        let repeats = setup.faults.iter().any(|fault| matches!(fault.action, Action::Duplicate { .. }));
        let patience = if repeats { setup.workload.timeout * 2 } else { Duration::millis(500) };
        let options = causal::Options { patience, ..causal::Options::default() };
        let placement = Placement::everywhere(&setup.topology);
        let trace = Trace::off().keeping(Rows::All);
        let run = simulate::<Causal>(&setup, &placement, &options, seed, trace).unwrap();
        prop_assert!(run.breaches.is_empty(), "seed {seed}, digest {}: {:?}", run.digest, run.breaches);
        let judged = levels::judge(&run, Level::CausalConvergence);
        prop_assert!(judged.verdict.is_pass(), "seed {seed}, digest {}: {judged:?}", run.digest);
    }

    #[test]
    fn caspaxos_holds_what_it_claims(setup in worlds(2, true), options in caspaxos_options(), seed in any::<u64>()) {
        assert_claims_hold::<CasPaxos>(&setup, &options, seed)?;
    }

    /// Clients that ask once know of many writes for certain that they failed. Whatever breaks, nobody ever reads one of those.
    #[test]
    fn what_caspaxos_refuses_never_takes_effect(
        setup in worlds(2, true),
        options in caspaxos_options(),
        seed in any::<u64>(),
    ) {
        let mut setup = setup;
        setup.workload.retry_after = None;
        setup.workload.retry = Some(Retry {
            attempts: Some(1),
            attempt_timeout: None,
            backoff: Duration::millis(100),
            backoff_max: Duration::secs(1),
            has_jitter: true,
            budget: None,
            hedge_after: None,
            hides_errors: false,
        });
        let options = caspaxos::Options { conflict: Conflict::Reject, ..options };
        assert_claims_hold::<CasPaxos>(&setup, &options, seed)?;
    }

    #[test]
    fn home_region_holds_what_it_claims(setup in worlds(2, true), options in home_region_options(), seed in any::<u64>()) {
        assert_claims_hold::<HomeRegion>(&setup, &options, seed)?;
    }

    #[test]
    fn hub_holds_what_it_claims(
        setup in worlds(0, true),
        options in hub_options(),
        roams in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let mut setup = setup;
        setup.routing = roams.then(half_move);
        assert_claims_hold::<Hub>(&setup, &options, seed)?;
    }

    /// What clients see is causal, whatever breaks, also for those who move with their tokens: where they do not wait for confirmation,
    /// as long as no request is carried out by two regions, as for `causal` above. Where they wait, it is sequential.
    #[test]
    fn hub_shows_causes_first_or_one_order(
        setup in worlds(0, true),
        options in hub_options(),
        roams in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let (mut setup, mut options) = (setup, options);
        setup.routing = roams.then(half_move);
        let waits = options.acknowledge == hub::Acknowledge::Confirmed;
        if !waits {
            setup.workload.retry_after = None;
            let repeats = setup.faults.iter().any(|fault| matches!(fault.action, Action::Duplicate { .. }));
            options.patience = if repeats { setup.workload.timeout * 2 } else { options.patience };
        }
        let placement = Placement::everywhere(&setup.topology);
        let run = simulate::<Hub>(&setup, &placement, &options, seed, Trace::off().keeping(Rows::All)).unwrap();
        prop_assert!(run.breaches.is_empty(), "seed {seed}, digest {}: {:?}", run.digest, run.breaches);
        let judged = levels::judge(&run, Level::CausalConvergence);
        prop_assert!(judged.verdict.is_pass(), "seed {seed}, digest {}: {judged:?}", run.digest);
        if waits {
            // To tell takes a search, which may find no answer in so many steps.
            let judged = sequential::judge_within(&run.history, None, 1_000_000);
            prop_assert!(!judged.verdict.is_fail(), "seed {seed}, digest {}: {judged:?}", run.digest);
        }
    }

    /// What the hub has confirmed does not go with the disk of the region that was asked; and who lost its disk is told everything again.
    #[test]
    fn what_is_confirmed_outlives_the_disk_of_its_region(
        setup in worlds(0, true),
        wipes in prop::collection::vec((1..3_u16, 1_500..38_000_u64, 0..8_000_u64), 1..3),
        seed in any::<u64>(),
    ) {
        let mut setup = setup;
        setup.faults.extend(wipes.into_iter().map(|(region, at, lasts)| wipe(region, at, lasts)));
        let options = hub::Options { acknowledge: hub::Acknowledge::Confirmed, ..hub::Options::default() };
        let placement = Placement::everywhere(&setup.topology);
        let run = simulate::<Hub>(&setup, &placement, &options, seed, Trace::off()).unwrap();
        for guarantee in [Guarantee::NoAcknowledgedWriteLost, Guarantee::Convergence] {
            let judged = run.verdict(guarantee);
            prop_assert!(judged.verdict.is_pass(), "seed {seed}, digest {}: {judged:?}", run.digest);
        }
    }

    /// Of all writes that were acknowledged when a read began, its copy lacks no more than the bound says, and none for longer.
    #[test]
    fn bounded_copies_lack_no_more_than_they_may(setup in worlds(2, true), bound in bounds(), seed in any::<u64>()) {
        let (reads, moves) = (home_region::Reads::Nearest, Moves::OnUse);
        let options = home_region::Options { reads, moves, bound: Some(bound), ..home_region::Options::default() };
        let placement = Placement::everywhere(&setup.topology);
        let run = simulate::<HomeRegion>(&setup, &placement, &options, seed, Trace::off().keeping(Rows::All)).unwrap();
        prop_assert!(run.breaches.is_empty(), "seed {seed}, digest {}: {:?}", run.digest, run.breaches);
        for read in staleness(&run.history).stale {
            prop_assert!(u64::from(read.versions) <= bound.operations, "seed {seed}, digest {}: {read:?}", run.digest);
        }
    }

    #[test]
    fn crdt_holds_what_it_claims(setup in worlds(0, true), options in crdt_options(), seed in any::<u64>()) {
        assert_claims_hold::<Crdt>(&of_type(setup, options.what), &options, seed)?;
    }

    #[test]
    fn siblings_holds_what_it_claims(setup in worlds(0, true), options in siblings_options(), seed in any::<u64>()) {
        assert_claims_hold::<Siblings>(&read_first(setup), &options, seed)?;
    }

    /// Where disks forget, or are not waited for, nothing is claimed; but nobody panics, and what rests on no disk holds.
    #[test]
    fn a_forgetful_disk_makes_nobody_panic(
        setup in worlds(2, false),
        policy in prop_oneof![
            Just(SyncPolicy::Always),
            Just(SyncPolicy::Never),
            (1..5_000_u64).prop_map(|ms| SyncPolicy::Interval(Duration::millis(ms))),
        ],
        (raft, primary_backup, home_region, crdt) in
            (raft_options(), primary_backup_options(), home_region_options(), crdt_options()),
        (lease_store, orchestrated) in (lease_store_options(), orchestrated_options()),
        (siblings, hub, caspaxos) in (siblings_options(), hub_options(), caspaxos_options()),
        seed in any::<u64>(),
    ) {
        let mut setup = setup;
        setup.disk.policy = policy;
        assert_claims_hold::<Raft>(&setup, &raft, seed)?;
        assert_claims_hold::<CasPaxos>(&setup, &caspaxos, seed)?;
        assert_claims_hold::<PrimaryBackup>(&setup, &primary_backup, seed)?;
        assert_claims_hold::<HomeRegion>(&setup, &home_region, seed)?;
        assert_claims_hold::<LeaseStore>(&setup, &lease_store, seed)?;
        assert_claims_hold::<Orchestrated>(&setup, &orchestrated, seed)?;
        setup.workload.mix.compare_and_set = 0;
        assert_claims_hold::<LastWriterWins>(&setup, &Default::default(), seed)?;
        assert_claims_hold::<Causal>(&setup, &Default::default(), seed)?;
        assert_claims_hold::<Hub>(&setup, &hub, seed)?;
        assert_claims_hold::<Crdt>(&of_type(setup.clone(), crdt.what), &crdt, seed)?;
        assert_claims_hold::<Siblings>(&read_first(setup), &siblings, seed)?;
    }
}

/// The same world, with clients that mostly read before they write.
fn read_first(mut setup: Setup) -> Setup {
    setup.workload.objects = Objects::Registers { read_modify_write: 4 };
    setup.workload.mix = Mix { read: 2, write: 1, compare_and_set: 0 };
    setup
}

fn caspaxos_options() -> impl Strategy<Value = caspaxos::Options> {
    let conflict = prop_oneof![Just(Conflict::Retry), Just(Conflict::Reject)];
    let reads = prop_oneof![4 => Just(caspaxos::Reads::Strong), 1 => Just(caspaxos::Reads::Local)];
    let hold = prop_oneof![1 => Just(Duration::ZERO), 3 => (1..1_000_u64).prop_map(Duration::millis)];
    (conflict, reads, prop::bool::weighted(0.8), hold).prop_map(|(conflict, reads, piggyback, hold)| {
        caspaxos::Options { conflict, reads, piggyback, hold, ..caspaxos::Options::default() }
    })
}

fn last_writer_wins_options() -> impl Strategy<Value = last_writer_wins::Options> {
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

/// A region's clients have a clock that is so far ahead.
fn clients_off(region: u16, by_ms: i64) -> WrongClocks {
    let by_ns = by_ms * 1_000_000;
    WrongClocks { region: RegionId(region), whose: Whose::Clients, offset_ns: (by_ns, by_ns), drift_ns_per_s: (0, 0) }
}

fn siblings_options() -> impl Strategy<Value = siblings::Options> {
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

/// The same world, with clients that ask for what this type has.
fn of_type(mut setup: Setup, what: Type) -> Setup {
    let update = 4;
    setup.workload.objects = match what {
        Type::GCounter => Objects::Counters { add: update, subtract: 0 },
        Type::PnCounter | Type::BoundedCounter => Objects::Counters { add: update, subtract: update },
        Type::OrSet => Objects::Sets { insert: update, remove: update, items: 4 },
        Type::LwwRegister | Type::MvRegister => return setup,
        Type::Rga => Objects::Lists { insert: update, remove: update },
    };
    setup.workload.mix = Mix { read: 4, write: 0, compare_and_set: 0 };
    // Counters add up where nobody asks two nodes for one addition.
    if setup.workload.objects.object() == Object::Counter {
        setup.workload.retry_after = None;
    }
    setup
}

fn crdt_options() -> impl Strategy<Value = crdt::Options> {
    let types = [
        Type::GCounter,
        Type::PnCounter,
        Type::BoundedCounter,
        Type::OrSet,
        Type::LwwRegister,
        Type::MvRegister,
        Type::Rga,
    ];
    let transports = [Transport::State, Transport::Delta, Transport::Operation];
    (prop::sample::select(types.to_vec()), prop::sample::select(transports.to_vec()))
        .prop_map(|(what, transport)| crdt::Options { what, transport, ..crdt::Options::default() })
}

/// Half of the clients move to the first region after twenty seconds, and take their tokens with them.
fn half_move() -> Routing {
    let roam = Roam { parts: 1, whole: 2, to: RegionId(0), at: after(20_000), token_kept: true };
    Routing { roam: Some(roam), ..Routing::new(Policy::Nearest) }
}

/// A region loses its disk.
fn wipe(region: u16, at: u64, lasts: u64) -> Fault {
    let action = Action::Wipe(vec![Target::Region(RegionId(region))]);
    Fault { at: after(at), lasts: Some(Duration::millis(lasts)), action, may_touch_nothing: true }
}

/// Why a tentative write is not claimed to outlive its region's disk: what was acknowledged behind a cut is gone with it.
#[test]
fn what_is_tentative_goes_with_the_disk_of_its_region_and_what_is_confirmed_does_not() {
    let mut lost = [0, 0];
    for seed in 1..=20 {
        for (place, acknowledge) in [hub::Acknowledge::Tentative, hub::Acknowledge::Confirmed].into_iter().enumerate() {
            let mut setup = support::setup(topology(3, 3), 20);
            let cut = Action::Isolate(vec![Target::Region(RegionId(1))]);
            let lasts = Some(Duration::secs(3));
            setup.faults =
                vec![Fault { at: after(5_000), lasts, action: cut, may_touch_nothing: false }, wipe(1, 7_000, 500)];
            let options = hub::Options { acknowledge, ..hub::Options::default() };
            let placement = Placement::everywhere(&setup.topology);
            let run = simulate::<Hub>(&setup, &placement, &options, seed, Trace::off()).unwrap();
            assert!(run.verdict(Guarantee::Convergence).verdict.is_pass(), "seed {seed}: {acknowledge:?}");
            lost[place] += run.durability.lost.len();
        }
    }
    assert!(lost[0] > 100 && lost[1] == 0, "{lost:?} of twenty times two seconds of ten writes");
}

/// Where clients wait for the hub, the search mostly has an answer; and where they do not, the same worlds show that there is no one order.
#[test]
fn there_is_one_order_where_clients_wait_for_the_hub_and_none_where_they_do_not() {
    for (acknowledge, is_sequential) in [(hub::Acknowledge::Confirmed, true), (hub::Acknowledge::Tentative, false)] {
        let (mut passed, mut failed) = (0, 0);
        for seed in 1..=10 {
            let mut setup = support::setup(topology(3, 3), 20);
            setup.workload.clients = vec![2; 3];
            setup.workload.arrivals = Arrivals::Poisson(Duration::millis(60));
            setup.workload.keys = KeyChooser::uniform(4);
            setup.workload.retry_after = Some(Duration::millis(700));
            let cut = Action::Isolate(vec![Target::Region(RegionId(1))]);
            setup.faults =
                vec![Fault { at: after(5_000), lasts: Some(Duration::secs(4)), action: cut, may_touch_nothing: false }];
            let options = hub::Options { acknowledge, ..hub::Options::default() };
            let placement = Placement::everywhere(&setup.topology);
            let run = simulate::<Hub>(&setup, &placement, &options, seed, Trace::off().keeping(Rows::All)).unwrap();
            let judged = sequential::judge_within(&run.history, None, 1_000_000);
            passed += usize::from(judged.verdict.is_pass());
            failed += usize::from(judged.verdict.is_fail());
        }
        let as_claimed = if is_sequential { passed >= 5 && failed == 0 } else { failed >= 1 };
        assert!(as_claimed, "{acknowledge:?}: {passed} of ten are sequential for certain, and {failed} are not");
    }
}

/// Why last-writer-wins does not claim to keep writes where requests come late: a request that was held up until its
/// write, sent again elsewhere, had been overwritten is stamped anew, above what overwrote it.
#[test]
fn a_late_request_brings_an_old_write_back_but_not_under_raft() {
    let late = [
        Action::Reorder { links: Vec::new(), parts: 40, whole: 100, extra: Duration::millis(2_500) },
        Action::Duplicate { links: Vec::new(), parts: 1, whole: 1 },
    ];
    let mut setup = support::setup(topology(3, 3), 20);
    setup.workload.clients = vec![2; 3];
    setup.workload.arrivals = Arrivals::Poisson(Duration::millis(60));
    setup.workload.keys = KeyChooser::uniform(3);
    setup.workload.retry_after = Some(Duration::millis(700));
    // To the end: what comes late then is overwritten by nobody.
    setup.faults = late.map(|action| Fault { at: after(1_500), lasts: None, action, may_touch_nothing: false }).into();
    let mut brought_back = 0;
    for seed in 1..=20 {
        let run = assert_claims_hold::<LastWriterWins>(&setup, &Default::default(), seed).unwrap();
        brought_back += usize::from(!run.verdict(Guarantee::NoAcknowledgedWriteLost).verdict.is_pass());
        assert_claims_hold::<Raft>(&setup, &raft::Options::default(), seed).unwrap();
    }
    assert!(brought_back > 0, "or the claim could be made");
}

/// Why last-writer-wins claims of clients' stamps that copies converge, and no more: nothing breaks, and still a region whose clients
/// are behind writes in vain; a node that stamps does not ask them for the time.
#[test]
fn clients_that_are_behind_write_in_vain_where_they_stamp() {
    let lost = |stamps, by_ms| {
        let mut setup = support::setup(topology(3, 1), 20);
        setup.workload.keys = KeyChooser::uniform(3);
        setup.clocks.wrong.push(clients_off(1, by_ms));
        let options = last_writer_wins::Options { stamps, ..Default::default() };
        (1..=5)
            .map(|seed| {
                let run = assert_claims_hold::<LastWriterWins>(&setup, &options, seed).unwrap();
                assert!(run.verdict(Guarantee::Convergence).verdict.is_pass());
                run.durability.lost.len()
            })
            .sum::<usize>()
    };
    assert_eq!(lost(Stamps::Coordinator, -2_000), 0);
    let (right, behind) = (lost(Stamps::Client, 0), lost(Stamps::Client, -2_000));
    assert!(behind > 300 && right * 10 < behind, "{right} and {behind} of five times twenty seconds of fifteen writes");
}

/// A primary that is cut off with one backup gets no majority; what it began is asked for again and ordered anew, by a
/// successor that applies it later than it is asked. That is the order which counts, and nothing is lost.
#[test]
fn what_a_successor_orders_anew_is_not_lost() {
    let mut setup = support::setup(topology(5, 3), 40);
    setup.workload.clients = vec![2; 5];
    setup.workload.arrivals = Arrivals::Poisson(Duration::millis(60));
    setup.workload.keys = KeyChooser::uniform(1);
    setup.workload.mix = Mix { read: 4, write: 4, compare_and_set: 2 };
    setup.workload.retry_after = Some(Duration::millis(700));
    setup.settle = Duration::secs(30);
    let places = [4, 2, 3, 0, 1].map(|region| Target::Region(RegionId(region))).into();
    let action = Action::Shape { shape: Shape::MajorityMinority, places };
    let lasts = Some(Duration::millis(1_921));
    setup.faults = vec![Fault { at: after(1_500), lasts, action, may_touch_nothing: false }];
    let failover = primary_backup::Failover {
        detect: Duration::millis(1_500),
        heartbeat: Duration::millis(400),
        promote: Duration::ZERO,
        ..primary_backup::Failover::default()
    };
    let options = primary_backup::Options {
        acknowledge: Acknowledge::Majority,
        failover: Some(failover),
        ..primary_backup::Options::default()
    };
    let mut ordered_anew = 0;
    for seed in 0..20 {
        let run = assert_claims_hold::<PrimaryBackup>(&setup, &options, seed).unwrap();
        ordered_anew += run.failovers.len();
    }
    assert!(ordered_anew >= 10, "{ordered_anew}: a successor is what this is about");
}

/// A primary that is cut off goes on alone in the end, and applies what it was asked; the client asks its successor, too, which
/// orders that after others of the same branch. Its backup takes it before it does: by the successor's order, not by that
/// of the branch, in which it had been replaced.
#[test]
fn what_was_replaced_on_a_branch_that_ended_does_not_come_back_by_a_new_order() {
    let mut setup = support::setup(topology(3, 1), 40);
    setup.workload.clients = vec![2; 3];
    setup.workload.arrivals = Arrivals::Poisson(Duration::millis(60));
    setup.workload.keys = KeyChooser::uniform(1);
    setup.workload.mix = Mix { read: 4, write: 4, compare_and_set: 2 };
    setup.workload.retry_after = Some(Duration::millis(700));
    setup.settle = Duration::secs(30);
    setup.transport = Some(StreamTransport::default());
    let action = Action::GatewayDown(vec![Target::Region(RegionId(0))]);
    let lasts = Some(Duration::millis(1_925));
    setup.faults = vec![Fault { at: after(9_435), lasts, action, may_touch_nothing: false }];
    let failover = Failover {
        detect: Duration::millis(1_538),
        heartbeat: Duration::millis(400),
        promote: Duration::millis(94),
        ..Failover::default()
    };
    let options = primary_backup::Options {
        acknowledge: Acknowledge::One,
        degrade_after: Some(Duration::millis(1_671)),
        failover: Some(failover),
        ..primary_backup::Options::default()
    };
    for seed in 0..10 {
        let run = assert_claims_hold::<PrimaryBackup>(&setup, &options, seed).unwrap();
        assert!(!run.durability.diverged.is_empty(), "seed {seed}: a branch is what this is about");
    }
}
