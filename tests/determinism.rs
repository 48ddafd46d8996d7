//! Same scenario, same seed, same bits: twice in one process, in two processes, on any number of threads, and as recorded.

mod golden;
mod support;

use std::process::Command;

use riftzone::explore::seeds::{Progress, sweep};
use riftzone::id::RegionId;
use riftzone::scenario::Scenario;
use riftzone::sim::Judging;
use riftzone::time::Duration;
use riftzone::trace::{Rows, Trace};

use golden::{RECORDED, digest_here, golden, run_here};

fn scenario(file: &str) -> Scenario {
    let path = format!("{}/scenarios/{file}.toml", env!("CARGO_MANIFEST_DIR"));
    Scenario::parse(&std::fs::read_to_string(&path).unwrap(), &path).unwrap()
}

#[test]
fn golden_digests_are_as_recorded() {
    let runs = golden();
    let here: Vec<u64> = runs.iter().map(digest_here).collect();
    if std::env::var_os("RIFTZONE_BLESS").is_some() {
        let comments = RECORDED.lines().filter(|line| line.starts_with('#')).map(str::to_string);
        let lines =
            runs.iter().zip(&here).map(|(g, digest)| format!("{} {} {} {digest:016x}", g.file, g.design, g.seed));
        let text: String = comments.chain(lines).map(|line| line + "\n").collect();
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/digests.txt"), text).unwrap();
        return;
    }
    for (golden, here) in runs.iter().zip(&here) {
        assert_eq!(golden.digest, *here, "{golden:?} is {here:016x} here: name what changed it in the CHANGELOG");
    }
    assert!(!runs.is_empty());
}

/// A digest of a run whose fault hit nothing would say nothing of the fault.
#[test]
fn every_golden_fault_touches_something() {
    for golden in golden() {
        let run = run_here(&golden);
        assert!(run.ledger.iter().all(|entry| !entry.is_void()), "{golden:?}: {:?}", run.ledger);
    }
}

#[test]
fn twice_in_one_process() {
    for file in ["hello", "region-loss"] {
        let scenario = scenario(file);
        for design in &scenario.designs {
            let run = || design.run(&scenario.setup, 11, Trace::off().keeping(Rows::All));
            let (first, second) = (run(), run());
            assert_eq!(first.digest, second.digest, "{file} {}", design.name);
            assert_eq!(first.events, second.events);
            assert!(first.history.iter().eq(second.history.iter()));
        }
    }
}

#[test]
fn in_two_processes() {
    let once = || {
        let run = Command::new(env!("CARGO_BIN_EXE_riftzone"))
            .args(["run", "scenarios/hello.toml", "--seed", "4", "--format", "json"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        run.stdout
    };
    assert_eq!(once(), once());
}

#[test]
fn threads_do_not_matter() {
    let scenario = scenario("hello");
    let designs: Vec<_> = scenario.designs.iter().collect();
    let seeds: Vec<u64> = (1..=12).collect();
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let results = pool.install(|| sweep(&scenario, &designs, &seeds, &Progress::default()));
        format!("{results:?}")
    };
    let alone = with(1);
    assert_eq!(alone, with(2));
    assert_eq!(alone, with(7));
}

/// What one run leaves to the next is memory and nothing else, also where it ended amid messages, and whoever judged it.
#[test]
fn a_run_in_the_memory_of_another_is_the_same_run() {
    for (file, name) in [
        ("region-loss", "primary-backup"),
        ("region-loss", "last-writer-wins"),
        ("region-loss", "raft"),
        ("patroni-dcs-lost", "lease-store"),
        ("github-2018-10-21", "orchestrated"),
    ] {
        let stormy = scenario(file);
        let design = stormy.designs.iter().find(|design| design.protocol == name).unwrap();
        let mut runners = [Judging::AtOnce, Judging::Meanwhile].map(|judging| design.configured.runner(judging));
        let mut cut_short = stormy.setup.clone();
        (cut_short.duration, cut_short.settle) = (Duration::secs(40), Duration::ZERO);
        for (setup, seed) in [(&stormy.setup, 1), (&cut_short, 2), (&stormy.setup, 3), (&stormy.setup, 1)] {
            let fresh = design.run(setup, seed, Trace::off());
            for runner in &mut runners {
                let again = design.run_with(&mut **runner, setup, seed, Trace::off());
                assert_eq!(format!("{again:?}"), format!("{fresh:?}"), "{name}, seed {seed}");
            }
        }
    }
}

#[test]
fn seeds_differ() {
    let scenario = scenario("hello");
    let digest = |seed| scenario.designs[0].run(&scenario.setup, seed, Trace::off()).digest;
    assert_ne!(digest(1), digest(2));
}

/// X11: a region with no replica and no client moves nobody's dice and no digest.
#[test]
fn an_idle_region_changes_nothing() {
    use riftzone::model::latency::Matrix;
    use riftzone::model::topology::{MatrixUse, Topology};
    use riftzone::protocol::raft::{Options, Raft};
    use riftzone::sim::{Placement, simulate};

    let how = MatrixUse { symmetric: true, jitter: true, local_round_trip: Duration::micros(500) };
    let world = |regions: &[&str], clients: Vec<u32>| {
        let topology = Topology::from_matrix(regions, &Matrix::load("aws-2025-07").unwrap(), how).unwrap();
        let mut setup = support::setup(topology, 20);
        setup.workload.clients = clients;
        setup
    };
    let three = Placement { regions: (0..3).map(RegionId).collect(), groups: 1 };
    let names = ["us-east-1", "eu-west-1", "ap-northeast-1", "sa-east-1"];
    let alone = world(&names[..3], vec![1, 1, 1]);
    let beside = world(&names, vec![1, 1, 1, 0]);
    for seed in 1..=5 {
        let run = |setup| {
            simulate::<Raft>(setup, &three, &Options::default(), seed, Trace::off().keeping(Rows::All)).unwrap()
        };
        let (alone, beside) = (run(&alone), run(&beside));
        assert_eq!(alone.digest, beside.digest);
        assert!(alone.history.iter().eq(beside.history.iter()));
    }
}
