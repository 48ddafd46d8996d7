//! The levels of consistency against their definitions, against each other, and on histories made by hand.

mod brute_force;
mod by_hand;
mod definitions;
mod lattice;
mod random;
mod staleness;

use random::on_many;

/// Every property of random histories, each against a definition, on ten million histories each: for a night.
/// `cargo test --release --test levels -- --ignored --nocapture`, with a part of a name in `RIFTZONE_PROPERTY` for some.
#[test]
#[ignore = "takes an hour or two, in release"]
fn ten_million_histories_each() {
    const HISTORIES: u64 = 10_000_000;
    let wanted = std::env::var("RIFTZONE_PROPERTY").unwrap_or_default();
    let all = brute_force::ALL.iter().chain(staleness::ALL);
    for (name, property) in all.filter(|(name, _)| name.contains(&wanted)) {
        let failed = on_many(HISTORIES, property);
        println!("{name}: {HISTORIES} histories, no mismatch; {failed} verdicts were failures");
    }
}
