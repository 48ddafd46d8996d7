//! Semi-synchronous replication, and waits that are cancelled: how long a write waits, what it promises when it has not, and what a
//! failover then loses.

mod support;

use riftzone::id::RegionId;
use riftzone::model::fault::{Action, Fault, Target};
use riftzone::model::workload::{Arrivals, Mix};
use riftzone::op::OpKind;
use riftzone::protocol::Guarantee;
use riftzone::protocol::primary_backup::{self, PrimaryBackup};
use riftzone::sim::{Placement, Run, Setup, simulate};
use riftzone::time::Duration;
use riftzone::trace::Trace;

use support::{after, constant_world};

/// One client beside the primary `p` that writes one thing at a time; `b` is its backup, 70 ms away, and `m` watches.
fn world() -> Setup {
    let mut world = constant_world(&["p", "b", "m"], 70, 60);
    world.workload.clients = vec![1, 0, 0];
    world.workload.arrivals = Arrivals::Closed(Duration::millis(100));
    world.workload.mix = Mix { read: 0, write: 1, compare_and_set: 0 };
    world.workload.timeout = Duration::secs(30);
    world
}

fn region(place: u16) -> Target {
    Target::Region(RegionId(place))
}

/// The backup cannot be reached from 10 s on.
fn backup_cut(for_s: u64) -> Fault {
    let links = vec![(region(0), region(1)), (region(1), region(0))];
    let action = Action::Cut { links, one_way: false };
    Fault { at: after(10_000), lasts: Some(Duration::secs(for_s)), action, may_touch_nothing: false }
}

fn run(world: &Setup, options: &str) -> Run {
    let text = format!("primary = 'p'\nbackups = ['b']\nacknowledge = 'one'\n{options}");
    let options: primary_backup::Options = toml::from_str(&text).unwrap();
    simulate::<PrimaryBackup>(world, &Placement::everywhere(&world.topology), &options, 1, Trace::off()).unwrap()
}

#[test]
fn one_write_waits_for_its_time_and_the_others_for_nothing() {
    let mut world = world();
    world.faults = vec![backup_cut(30)];
    let run = run(&world, "degrade-after = '10s'");
    let writes = run.measures.latency(RegionId(0), OpKind::Write);
    let ms = |of: Duration| of.as_millis_f64();
    assert!((ms(writes.max()) - 10_000.0).abs() < 1.0, "the one that waited: {}", writes.max());
    // 170 ms each before the cut and after it, 100 ms each in the twenty seconds between: a third at once, the rest in 70 ms.
    assert!((ms(writes.quantile(0.25)) - 0.0).abs() < 0.1, "{}", writes.quantile(0.25));
    assert!((ms(writes.quantile(0.75)) - 70.0).abs() < 0.1, "{}", writes.quantile(0.75));
    let at_once = 20.0 / 0.1;
    let waited = (60.0 - 1.0 - 30.0) / 0.17;
    assert!((writes.count() as f64 - at_once - waited).abs() < 6.0, "{} writes", writes.count());
    assert!(run.breaches.is_empty() && run.durability.lost.is_empty(), "{:?}", run.breaches);
}

/// F6: what was acknowledged while nobody waited is lost, where a strict primary would have made clients wait.
#[test]
fn a_silent_degrade_loses_at_the_next_failover_what_it_acknowledged() {
    let mut world = world();
    let gone = |action| Fault { at: after(30_000), lasts: None, action, may_touch_nothing: false };
    world.faults = vec![backup_cut(25), gone(Action::Crash(vec![region(0)])), gone(Action::Isolate(vec![region(0)]))];
    world.settle = Duration::secs(40);
    let failover = "failover = { detect = '5s', heartbeat = '1s', promote = '0s', monitors = ['m'] }";
    let degraded = run(&world, &format!("degrade-after = '10s'\n{failover}"));
    assert!(degraded.durability.lost.len() >= 90, "{} lost", degraded.durability.lost.len());
    assert!(degraded.claims.iter().all(|claim| claim.guarantee != Guarantee::NoAcknowledgedWriteLost));
    assert!(degraded.breaches.is_empty(), "it keeps what it promises: {:?}", degraded.breaches);
    let strict = run(&world, failover);
    assert!(strict.durability.lost.is_empty() && strict.breaches.is_empty(), "{:?}", strict.durability.lost);
    assert!(strict.claims.iter().any(|claim| claim.guarantee == Guarantee::NoAcknowledgedWriteLost));
}

/// L11: a session that cancels its wait is told that its write is done; each of them waits for its own time.
#[test]
fn each_wait_that_is_cancelled_is_acknowledged_after_its_time() {
    let mut world = world();
    world.faults = vec![backup_cut(30)];
    let run = run(&world, "cancel-wait-after = '2s'");
    let writes = run.measures.latency(RegionId(0), OpKind::Write);
    assert!((writes.max().as_millis_f64() - 2_000.0).abs() < 1.0, "{}", writes.max());
    // 2.1 s each while the backup is away, 170 ms each before and after.
    let expected = 30.0 / 2.1 + (60.0 - 1.0 - 30.0) / 0.17;
    assert!((writes.count() as f64 - expected).abs() < 6.0, "{} writes", writes.count());
    assert!(run.breaches.is_empty() && run.durability.lost.is_empty(), "{:?}", run.breaches);
}

#[test]
fn what_was_acknowledged_by_a_cancelled_wait_is_lost_at_the_next_failover_and_nothing_else_is() {
    let mut world = world();
    let gone = |action| Fault { at: after(30_000), lasts: None, action, may_touch_nothing: false };
    world.faults = vec![backup_cut(25), gone(Action::Crash(vec![region(0)])), gone(Action::Isolate(vec![region(0)]))];
    world.settle = Duration::secs(40);
    let failover = "failover = { detect = '5s', heartbeat = '1s', promote = '0s', monitors = ['m'] }";
    let cancelled = run(&world, &format!("cancel-wait-after = '2s'\n{failover}"));
    let lost = cancelled.durability.lost.len();
    assert!((9..=10).contains(&lost), "one each 2.1 s for the twenty seconds from the cut to the crash: {lost}");
    assert!(cancelled.claims.iter().all(|claim| claim.guarantee != Guarantee::NoAcknowledgedWriteLost));
    assert!(cancelled.breaches.is_empty(), "it keeps what it promises: {:?}", cancelled.breaches);
}
