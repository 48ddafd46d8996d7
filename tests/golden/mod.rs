//! The golden runs: digests recorded once, the same on every platform. Shared by the native test and the wasm32 one.

use riftzone::scenario::Scenario;
use riftzone::trace::Trace;

/// One recorded run.
#[derive(Debug)]
pub struct Golden {
    /// The scenario file's name, without its ending.
    pub file: &'static str,
    /// The design.
    pub design: &'static str,
    /// The seed.
    pub seed: u64,
    /// The digest that the run must have.
    pub digest: u64,
}

/// `file design seed digest`, a line each.
pub const RECORDED: &str = include_str!("digests.txt");

/// Every recorded run.
pub fn golden() -> Vec<Golden> {
    let lines = RECORDED.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let read = |line: &'static str| {
        let mut words = line.split_whitespace();
        let mut next = || words.next().expect("a golden line has four words");
        Golden {
            file: next(),
            design: next(),
            seed: next().parse().expect("a seed is a number"),
            digest: u64::from_str_radix(next(), 16).expect("a digest is hexadecimal"),
        }
    };
    lines.map(read).collect()
}

/// The digest that this run has here.
pub fn digest_here(golden: &Golden) -> u64 {
    let scenario = Scenario::parse(text(golden.file), golden.file).expect("a golden scenario is right");
    let design =
        scenario.designs.iter().find(|design| design.name == golden.design).expect("the design is in the file");
    design.run(&scenario.setup, golden.seed, Trace::off()).digest.0
}

fn text(file: &str) -> &'static str {
    match file {
        "hello" => include_str!("../../scenarios/hello.toml"),
        "region-loss" => include_str!("../../scenarios/region-loss.toml"),
        "github-2018-10-21" => include_str!("../../scenarios/github-2018-10-21.toml"),
        "etcd-lab" => include_str!("../../scenarios/etcd-lab.toml"),
        "raft-partial-partition" => include_str!("../../scenarios/raft-partial-partition.toml"),
        _ => panic!("no golden scenario is called {file}"),
    }
}
