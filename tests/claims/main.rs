//! What each design claims, and every invariant, under random faults: worlds of three and five regions, disks that take time, messages lost and
//! out of order, nodes that crash, pause and come back. Others, and more of them: `PROPTEST_RNG_SEED=$RANDOM
//! PROPTEST_CASES=10000 cargo test --test claims`.

mod cases;
mod options;
#[path = "../support/mod.rs"]
mod support;
mod worlds;

use proptest::prelude::*;
use riftzone::check::level::Level;
use riftzone::check::sequential;
use riftzone::check::staleness::staleness;
use riftzone::explore::levels;
use riftzone::model::disk::SyncPolicy;
use riftzone::model::fault::Action;
use riftzone::protocol::caspaxos::{self, CasPaxos, Conflict};
use riftzone::protocol::causal::{self, Causal};
use riftzone::protocol::crdt::Crdt;
use riftzone::protocol::home_region::{self, HomeRegion, Moves};
use riftzone::protocol::hub::{self, Hub};
use riftzone::protocol::last_writer_wins::{self, Granularity, LastWriterWins, Ship};
use riftzone::protocol::lease_store::LeaseStore;
use riftzone::protocol::orchestrated::Orchestrated;
use riftzone::protocol::primary_backup::PrimaryBackup;
use riftzone::protocol::raft::Raft;
use riftzone::protocol::siblings::Siblings;
use riftzone::protocol::{Guarantee, Protocol};
use riftzone::sim::{Placement, Run, Setup, simulate};
use riftzone::time::Duration;
use riftzone::trace::{Rows, Trace};

use options::*;
use worlds::*;

fn assert_claims_hold<P: Protocol>(setup: &Setup, options: &P::Options, seed: u64) -> Result<Run, TestCaseError> {
    let run = simulate::<P>(setup, &Placement::everywhere(&setup.topology), options, seed, Trace::off()).unwrap();
    let broken: Vec<_> = run.broken_claims().collect();
    prop_assert!(broken.is_empty(), "seed {seed}, digest {}: {broken:?}", run.digest);
    prop_assert!(run.breaches.is_empty(), "seed {seed}, digest {}: {:?}", run.digest, run.breaches);
    Ok(run)
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
    fn primary_backup_holds_what_it_claims_of_rows(
        setup in worlds(0, true),
        options in primary_backup_options(),
        seed in any::<u64>(),
    ) {
        assert_claims_hold::<PrimaryBackup>(&of_rows(setup), &options, seed)?;
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
        client_ms in -3_000..8_000_i64,
        seed in any::<u64>(),
    ) {
        let mut setup = setup;
        setup.clocks.wrong.push(clients_off(1, client_ms));
        assert_claims_hold::<LastWriterWins>(&setup, &options, seed)?;
    }

    #[test]
    fn last_writer_wins_holds_what_it_claims_of_rows(
        setup in worlds(0, true),
        options in last_writer_wins_options(),
        (is_row, is_sent_whole) in any::<(bool, bool)>(),
        seed in any::<u64>(),
    ) {
        let granularity = if is_row { Granularity::Row } else { Granularity::Column };
        let ship = if is_row || is_sent_whole { Ship::Together } else { Ship::ItemByItem };
        let options = last_writer_wins::Options { granularity, ship, ..options };
        assert_claims_hold::<LastWriterWins>(&of_rows(setup), &options, seed)?;
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
        setup.workload.retry = Some(support::asks_once());
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
