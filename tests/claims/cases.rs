//! Worlds of their own: why a claim is no stronger, and what random faults found once.

use riftzone::check::sequential;
use riftzone::id::RegionId;
use riftzone::model::disk::SyncPolicy;
use riftzone::model::fault::{Action, Fault, Shape, Target};
use riftzone::model::transport::StreamTransport;
use riftzone::model::workload::{Arrivals, KeyChooser, Mix};
use riftzone::protocol::Guarantee;
use riftzone::protocol::caspaxos::{self, CasPaxos, Conflict};
use riftzone::protocol::hub::{self, Hub};
use riftzone::protocol::last_writer_wins::{self, LastWriterWins, Stamps};
use riftzone::protocol::lease_store::{self, LeaseStore, Synchronous};
use riftzone::protocol::primary_backup::{self, Acknowledge, Failover, PrimaryBackup, Returning};
use riftzone::protocol::raft::{self, Raft};
use riftzone::sim::{Placement, Setup, simulate};
use riftzone::time::Duration;
use riftzone::trace::{Rows, Trace};

use crate::assert_claims_hold;
use crate::support::{self, after};
use crate::worlds::*;

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
    let mut setup = crowd(5, 3, KeyChooser::uniform(1));
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
    let mut setup = crowd(3, 1, KeyChooser::uniform(1));
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

/// Why a node that may refuse a client's stamp promises no write in time: clients that are ahead by more than `max-offset`, and than they
/// have patience, write nothing, though nothing is broken. Who reads is served.
#[test]
fn clients_too_far_ahead_are_promised_nothing() {
    let mut setup = support::setup(topology(3, 1), 20);
    setup.clocks.wrong.extend((0..3).map(|region| clients_off(region, 5_000)));
    let options = last_writer_wins::Options { stamps: Stamps::Client, ..Default::default() };
    let run = assert_claims_hold::<LastWriterWins>(&setup, &options, 1).unwrap();
    let outcomes = run.measures.outcomes(None);
    assert!(outcomes.ok > 200 && run.measures.latency_overall(true).count() == 0, "{outcomes:?}");
}

/// In a network that repeats nearly everything, two nodes send clients to each other. Who followed every answer, and the answers to that,
/// had millions of requests under way.
#[test]
fn clients_that_are_sent_to_and_fro_do_not_ask_more_and_more() {
    let mut setup = crowd(3, 2, KeyChooser::zipf(2, 0.8));
    setup.disk.policy = SyncPolicy::Never;
    let fault = |at, lasts, action| Fault {
        at: after(at),
        lasts: Some(Duration::millis(lasts)),
        action,
        may_touch_nothing: false,
    };
    setup.faults = vec![
        wipe(0, 5_832, 286),
        fault(10_355, 100, Action::Crash(vec![Target::Region(RegionId(1))])),
        fault(6_696, 5_376, Action::Duplicate { links: Vec::new(), parts: 87, whole: 100 }),
    ];
    let options = lease_store::Options {
        acknowledge: Acknowledge::Local,
        returning: Returning::Refuse,
        synchronous: Synchronous::Strict,
        ttl: Duration::millis(4_495),
        loop_wait: Duration::millis(600),
        retry_timeout: Duration::millis(600),
        safety_margin: Duration::millis(202),
        poll: Duration::millis(300),
        promote: Duration::millis(1_193),
        watchdog: false,
        ..Default::default()
    };
    let run = assert_claims_hold::<LeaseStore>(&setup, &options, 5269851146483523224).unwrap();
    assert!(run.events < 500_000, "{} events", run.events);
}

/// Three regions that are asked for more than a register can do, and refuse what meets another: where each went on with the next at once,
/// each had promised its own and no write was done for as long as there were others to do.
#[test]
fn who_refuses_what_meets_another_lets_the_other_finish() {
    let mut setup = crowd(3, 3, KeyChooser::zipf(2, 0.8));
    // It cuts nothing off, but writes are watched again from its end on.
    let itself = Target::Region(RegionId(2));
    let action = Action::Cut { links: vec![(itself, itself)], one_way: false };
    let lasts = Some(Duration::millis(3_844));
    setup.faults = vec![Fault { at: after(11_390), lasts, action, may_touch_nothing: true }];
    for piggyback in [true, false] {
        let options = caspaxos::Options { conflict: Conflict::Reject, piggyback, ..Default::default() };
        let run = assert_claims_hold::<CasPaxos>(&setup, &options, 5269851146483523224).unwrap();
        let outcomes = run.measures.outcomes(None);
        assert!(outcomes.ok * 2 > outcomes.total(), "{outcomes:?}");
    }
}

/// So many regions that all change the same few keys.
fn crowd(regions: u16, spread: u64, keys: KeyChooser) -> Setup {
    let mut setup = support::setup(topology(regions, spread), 40);
    setup.workload.clients = vec![2; regions.into()];
    setup.workload.arrivals = Arrivals::Poisson(Duration::millis(60));
    setup.workload.keys = keys;
    setup.workload.mix = Mix { read: 4, write: 4, compare_and_set: 2 };
    setup.workload.retry_after = Some(Duration::millis(700));
    setup.settle = Duration::secs(30);
    setup
}
