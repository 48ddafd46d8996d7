//! The catalogue: what each scenario expects holds over many seeds, and is about the fault that is in it.

use std::fs;
use std::path::Path;

use riftzone::check::Verdict;
use riftzone::explore::compare::compare;
use riftzone::explore::seeds::Progress;
use riftzone::protocol::Guarantee;
use riftzone::scenario::{Design, Scenario};
use riftzone::sim::explained;
use riftzone::trace::Trace;

/// Designs that are in their file because the fault does nothing to them.
const UNTOUCHED: &[(&str, &str)] = &[
    ("aws-2020-11-25.toml", "five"),
    ("cart-items.toml", "delta"),
    ("cart-items.toml", "operation"),
    ("cart-items.toml", "state"),
    ("lww-skew-region.toml", "hybrid"),
    ("order-in-pieces.toml", "one-document"),
    ("order-in-pieces.toml", "together"),
    ("patroni-dcs-lost.toml", "failsafe"),
    ("postgres-lab.toml", "local"),
    ("postgres-lab-first.toml", "any"),
    ("raft-partial-partition.toml", "pre-vote"),
    // There is none in it: its clients are enough.
    ("riak-lww.toml", "lww-all"),
    ("riak-lww.toml", "lww-one"),
    ("riak-lww.toml", "server-vectors"),
    ("riak-lww.toml", "siblings"),
    ("raft-partial-partition.toml", "both"),
    ("roblox-2021.toml", "overlapped"),
    ("shared-read-index.toml", "shared"),
];

fn catalogue() -> Vec<(String, Scenario)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
    files.sort();
    let read = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_string();
        let scenario = Scenario::parse(&fs::read_to_string(path).unwrap(), &name).unwrap();
        (name, scenario)
    };
    files.iter().map(read).collect()
}

#[test]
fn the_index_lists_every_scenario_and_each_expects_something_of_each_design() {
    let index = include_str!("../scenarios/README.md");
    for (name, scenario) in catalogue() {
        assert!(index.contains(&format!("({name})")), "{name} is not in the index");
        for design in &scenario.designs {
            assert!(!design.expectations.is_empty(), "{name}: nothing is expected of {}", design.name);
        }
    }
}

#[test]
fn what_is_expected_holds_and_without_the_fault_it_does_not() {
    let seeds: Vec<u64> = (1..=40).collect();
    for (name, mut scenario) in catalogue() {
        let judged = |scenario: &Scenario, seeds: &[u64]| {
            let designs: Vec<&Design> = scenario.designs.iter().collect();
            compare(scenario, &designs, seeds, &Progress::default()).designs
        };
        for design in judged(&scenario, &seeds) {
            let broken: Vec<_> = design.judgements.iter().filter(|judgement| !judgement.held).collect();
            assert!(broken.is_empty(), "{name}, {}: {broken:?}", design.name);
            assert!(design.broken_claims.is_empty(), "{name}, {}: {:?}", design.name, design.broken_claims);
            assert!(design.void_seeds.is_empty(), "{name}, {}: a fault touched nothing", design.name);
        }
        scenario.setup.faults.clear();
        scenario.setup.chaos = None;
        let own = scenario.designs.iter_mut().filter_map(|design| design.routing.as_mut()?.as_mut());
        own.chain(scenario.setup.routing.as_mut()).for_each(|routing| routing.roam = None); // and nobody moves
        for design in judged(&scenario, &seeds[..4]) {
            let holds = design.judgements.iter().all(|judgement| judgement.held);
            let is_untouched = UNTOUCHED.contains(&(&*name, &*design.name));
            assert_eq!(holds, is_untouched, "{name}, {}: {:?}", design.name, design.judgements);
        }
    }
}

#[test]
fn a_few_operations_prove_that_active_active_is_not_linearizable() {
    let (_, scenario) = catalogue().into_iter().find(|(name, _)| name == "region-loss.toml").unwrap();
    let design = scenario.designs.iter().find(|design| design.name == "active-active").unwrap();
    for seed in 1..=20 {
        let run = explained(Trace::off(), |trace| design.run(&scenario.setup, seed, trace));
        let Verdict::Fail(witness) = &run.verdict(Guarantee::Linearizable).verdict else { panic!("seed {seed}") };
        assert!((1..=6).contains(&witness.operations.len()), "seed {seed}: {witness:?}");
    }
}

#[test]
fn the_scenario_in_the_readme_does_what_it_expects() {
    let readme = include_str!("../README.md");
    let text = readme.split_once("```toml\n").and_then(|(_, rest)| rest.split_once("```")).unwrap().0;
    let scenario = Scenario::parse(text, "README.md").unwrap();
    let designs: Vec<&Design> = scenario.designs.iter().collect();
    let compared = compare(&scenario, &designs, &[1, 2, 3, 4, 5], &Progress::default());
    assert_eq!(compared.designs.len(), 2);
    assert!(compared.designs.iter().flat_map(|design| &design.judgements).all(|judgement| judgement.held));
}
