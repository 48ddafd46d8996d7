//! Commands per second of the protocols of the zoo: five regions, measured latency and jitter, a closed loop, nothing
//! breaks. All that a run does is in the figure: clients, links, disks, the judges on line, the verdicts at the end.
//!
//! Each design meets the same clients; those whose answers come sooner ask more often, so that the commands of a run, of
//! which there are so many a second, are counted by design.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use riftzone::scenario::Scenario;
use riftzone::sim::Judging;
use riftzone::trace::Trace;

const WORLD: &str = r#"
name = "five regions"
duration = "20s"

[topology]
matrix = "aws-2025-07"
regions = ["us-east-1", "eu-west-1", "ap-northeast-1", "us-west-2", "ap-southeast-2"]
jitter = "measured"

[workload]
clients_per_region = 32
think = "10ms"
keys = 1000
mix = { read = 1, write = 1 }

[design.raft]
protocol = "raft"
leader = "us-east-1"

[design.primary-backup]
protocol = "primary-backup"
primary = "us-east-1"

[design.last-writer-wins]
protocol = "last-writer-wins"
"#;

fn bench(criterion: &mut Criterion) {
    let world = Scenario::parse(WORLD, "protocols.toml").expect("it is a scenario");
    let mut group = criterion.benchmark_group("protocols");
    group.sample_size(10);
    group.warm_up_time(std::time::Duration::from_millis(500)).measurement_time(std::time::Duration::from_secs(2));
    for design in &world.designs {
        let mut runner = design.configured.runner(Judging::AtOnce);
        let mut run = || design.run_with(&mut *runner, &world.setup, 1, Trace::off());
        let outcomes = run().measures.outcomes(None);
        assert!(outcomes.ok > 0 && outcomes.ok == outcomes.total(), "{}: every command is answered", design.name);
        group.throughput(Throughput::Elements(outcomes.total()));
        group.bench_function(&design.name, |bencher| bencher.iter(|| black_box(run())));
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
