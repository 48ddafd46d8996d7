//! The levels of consistency of a run, judged in two ways: by what clients saw (the black box), and by the order in
//! which the store had the versions of each key (the white box), where that is known.
//!
//! What the black box rejects is rejected. Where every key's versions are in one order, the white box decides the rest:
//! what it rejects could be right for another order, but not for the one that the store had, and a note says that this
//! is why ([`BY_ORDER`]). Where the versions of some key branch, the white box can only reject; what passes has passed
//! by what clients saw, and a note says that ([`BRANCHED`]).
//!
//! The levels of copies are judged by these alone: at the end, and as they merged. Next: `expect.rs`.

use crate::check::level::{self, Judged, Level};
use crate::check::monitor::{Invariant, Versions};
use crate::check::{Counterexample, Verdict};
use crate::history::History;
use crate::protocol::Guarantee;
use crate::scenario::Design;
use crate::sim::Run;
use crate::trace::Rows;

/// Of a verdict that the order of the store's versions gives, and what clients saw alone does not.
pub const BY_ORDER: &str = "by the store's order of versions";

/// Of a pass that what clients saw gives, where the store's versions of some key are in no one order.
pub const BRANCHED: &str = "by what clients saw alone";

/// The levels that are expected of a design, in its order, each once. A name that is a guarantee's is not among them:
/// that is judged as it happens.
pub fn expected(design: &Design) -> Vec<Level> {
    let mut levels = Vec::new();
    for expectation in &design.expectations {
        let name = &expectation.name;
        let level = Level::from_name(name).filter(|_| Guarantee::from_name(name).is_none());
        levels.extend(level.filter(|level| !levels.contains(level)));
    }
    levels
}

/// The rows of the history that the design's expectations need: every one where a level of operations is among them,
/// else none.
pub fn rows(design: &Design) -> Rows {
    if expected(design).into_iter().all(Level::is_of_copies) { Rows::None } else { Rows::All }
}

/// Judges a run, which kept all rows, at the levels that are expected of its design.
pub fn judge_expected(design: &Design, run: &Run) -> Vec<Judged> {
    expected(design).into_iter().map(|level| judge(run, level)).collect()
}

/// Judges one level. Inconclusive where rows are missing that it needs.
///
/// # Panics
/// Where neither operations on single keys nor copies show the level.
pub fn judge(run: &Run, level: Level) -> Judged {
    if level.is_of_copies() {
        return of_copies(run, level);
    }
    let alone = |order| level::judge(&run.history, level, order).expect("it is a level of single operations");
    let Some(versions) = &run.versions else { return missing(level) };
    if versions.order.is_empty() || matches!(level, Level::BoundedStaleness(_)) {
        return by_clients(alone(None), versions);
    }
    if versions.branched.is_empty() {
        let within = alone(Some(&versions.order));
        return if within.verdict.is_pass() { within } else { decided(alone(None), within) };
    }
    let outside = alone(None);
    if outside.verdict.is_fail() {
        return outside;
    }
    either(outside, alone(Some(&versions.order)), versions)
}

/// Judges every level of single operations and of copies; none where rows are missing.
pub fn judge_all(run: &Run) -> Vec<Judged> {
    let Some(versions) = &run.versions else { return Vec::new() };
    let mut all = judge_operations(&run.history, versions);
    all.extend([Level::StrongEventual, Level::Eventual].map(|level| of_copies(run, level)));
    all
}

fn judge_operations(history: &History, versions: &Versions) -> Vec<Judged> {
    let outside = level::judge_all(history, None);
    if versions.order.is_empty() {
        return outside.into_iter().map(|judged| by_clients(judged, versions)).collect();
    }
    let within = level::judge_all(history, Some(&versions.order));
    let pairs = outside.into_iter().zip(within);
    if versions.branched.is_empty() {
        pairs.map(|(outside, within)| decided(outside, within)).collect()
    } else {
        pairs.map(|(outside, within)| either(outside, within, versions)).collect()
    }
}

/// Judges a level of copies: eventual convergence is that of the serving copies when writes have stopped and faults are
/// healed; strong eventual is that, and that no two copies which had merged the same writes differed on the way. Where
/// no copy told what it merged, because all take their writes in one order, the way is not known.
fn of_copies(run: &Run, level: Level) -> Judged {
    let end = run.verdict(Guarantee::Convergence);
    let asked = Invariant::StrongConvergence;
    let apart = run.breaches.iter().find(|breach| breach.invariant == asked);
    let verdict = match (&end.verdict, apart) {
        (_, Some(breach)) if level == Level::StrongEventual => {
            let why = format!("at {}, {}", breach.at, breach.why);
            Verdict::Fail(Counterexample { why, operations: Vec::new() })
        }
        (Verdict::Pass, None) if level == Level::StrongEventual && !run.invariants.contains(&asked) => {
            Verdict::Inconclusive { why: "no copy told which writes it had merged when".to_string() }
        }
        (end, _) => end.clone(),
    };
    Judged { level, verdict, note: None, steps: end.steps }
}

fn missing(level: Level) -> Judged {
    let why = "the rows of the history were not kept".to_string();
    Judged { level, verdict: Verdict::Inconclusive { why }, note: None, steps: 0 }
}

/// Judged by what clients saw alone: said, where the level depends on the order of versions and there are any.
fn by_clients(mut judged: Judged, versions: &Versions) -> Judged {
    let depends = !matches!(judged.level, Level::BoundedStaleness(_)) && !versions.branched.is_empty();
    if judged.verdict.is_pass() && depends {
        judged.note = judged.note.or(Some(BRANCHED));
    }
    judged
}

/// Of a run in which every key's versions are in one order: what the order says; but a failure is told as clients saw
/// it, if they did.
fn decided(outside: Judged, mut within: Judged) -> Judged {
    let steps = outside.steps + within.steps;
    let is_stricter = within.level != outside.level || !within.verdict.is_pass();
    if outside.verdict.is_fail() {
        return Judged { steps, ..outside };
    }
    if is_stricter && (within.verdict.is_fail() || outside.verdict.is_pass()) {
        within.note = Some(BY_ORDER);
    }
    Judged { steps, ..within }
}

/// Of a run in which the versions of some keys are in one order: what the order of those rejects is rejected.
fn either(outside: Judged, within: Judged, versions: &Versions) -> Judged {
    let steps = outside.steps + within.steps;
    if within.verdict.is_fail() && !outside.verdict.is_fail() {
        return Judged { steps, note: Some(BY_ORDER), ..within };
    }
    by_clients(Judged { steps, ..outside }, versions)
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::check::monitor::Breach;
    use crate::check::order::VersionOrder;

    use crate::explore::compare::compare;
    use crate::explore::seeds::Progress;
    use crate::id::{ClientId, Key, NodeId, Value};
    use crate::op::{Op, Reply};
    use crate::scenario::Scenario;
    use crate::time::Time;
    use crate::trace::Trace;

    /// Two regions, cut apart for a while, with a design that never stops and two that do.
    fn scenario(expect: &str) -> Scenario {
        let text = format!(
            r#"
            name = "a cut"
            duration = "10s"
            settle = "5s"
            [topology]
            matrix = "aws-2025-07"
            regions = ["us-east-1", "eu-west-1", "ap-northeast-1"]
            [workload]
            rate = "20/s"
            keys = 5
            mix = {{ read = 1, write = 1 }}
            warm_up = "2s"
            [[fault]]
            at = "4s"
            for = "3s"
            isolate = ["eu-west-1"]
            [design.everyone]
            protocol = "last-writer-wins"
            [design.one]
            protocol = "primary-backup"
            [design.most]
            protocol = "raft"
            {expect}"#
        );
        Scenario::parse(&text, "cut.toml").unwrap()
    }

    #[test]
    fn nothing_is_kept_where_no_level_is_expected_and_the_digest_is_the_same() {
        let plain = scenario("[expect]\nlinearizable = \"pass\"\navailability = \"> 1%\"");
        let asked = scenario("[expect]\nread-your-writes = \"pass\"\n\"k-atomic:2\" = \"pass\"\nk_atomic = \"fail\"");
        assert_eq!(expected(&asked.designs[0]), [Level::ReadYourWrites, Level::KAtomic(2), Level::KAtomic(1)]);
        for (without, with) in plain.designs.iter().zip(&asked.designs) {
            assert_eq!((rows(without), rows(with)), (Rows::None, Rows::All));
            let run = |scenario: &Scenario, design: &Design| {
                design.run(&scenario.setup, 3, Trace::off().keeping(rows(design)))
            };
            let (without, with) = (run(&plain, without), run(&asked, with));
            assert_eq!((without.digest, without.versions, without.history.len()), (with.digest, None, 0));
            assert!(with.versions.is_some() && with.history.len() > 200);
        }
    }

    #[test]
    fn expectations_of_levels_hold_or_not_as_those_of_guarantees() {
        let expect = "[expect.everyone]\nmonotonic-reads = \"pass\"\nlinearizable = \"fail\"\nk-atomic = \"fail\"
            [expect.one]\ncausal = \"fail\"\npram = \"pass\"
            [expect.most]\n\"bounded-staleness:1ms\" = \"pass\"";
        let scenario = scenario(expect);
        let designs: Vec<&Design> = scenario.designs.iter().collect();
        let compared = compare(&scenario, &designs, &[1, 2, 3], &Progress::default());
        let held = |place: usize| -> Vec<(String, bool)> {
            let judgements = compared.designs[place].judgements.iter();
            judgements.map(|judgement| (judgement.expectation.name.clone(), judgement.held)).collect()
        };
        let named = |names: &[(&str, bool)]| -> Vec<(String, bool)> {
            names.iter().map(|(name, held)| ((*name).to_string(), *held)).collect()
        };
        assert_eq!(held(0), named(&[("monotonic-reads", true), ("linearizable", true), ("k-atomic:1", true)]));
        assert_eq!(held(1), named(&[("causal", false), ("pram", true)]));
        assert_eq!(held(2), named(&[("bounded-staleness:1ms", true)]));
        let everyone = &compared.designs[0];
        assert_eq!(everyone.tally("k-atomic:1").map(|tally| (tally.pass, tally.fail)), Some((0, 3)));
        assert!(
            everyone
                .first_of(Level::KAtomic(1), "fail")
                .is_some_and(|(seed, found)| seed == 1 && !found.why.is_empty())
        );
        assert_eq!(everyone.tally("causal"), None, "nobody expects it of this one");
        assert!(compared.designs[1].first_failure.is_some() && !compared.designs[1].is_inconclusive());
    }

    #[test]
    fn where_one_copy_orders_all_writes_the_store_tells_the_order_and_where_many_do_it_branches() {
        let scenario = scenario("");
        let run = |design: &Design| design.run(&scenario.setup, 5, Trace::off().keeping(Rows::All));
        for design in &scenario.designs[1..] {
            let run = run(design);
            let versions = run.versions.as_ref().unwrap();
            assert_eq!((versions.branched.len(), versions.order.iter().count()), (0, 5), "{}", design.name);
            let acknowledged = run.history.iter().filter(|op| op.acknowledged_write().is_some()).count();
            assert!(versions.order.len() >= acknowledged && acknowledged > 100, "{}", design.name);
            assert_eq!(versions.order.validate(&run.history), Ok(Vec::new()));
            let all = judge_all(&run);
            assert_eq!(level::strongest(&all), [Level::Linearizable, Level::Eventual], "{}", design.name);
            assert!(all.iter().all(|judged| judged.note.is_none()));
        }
        let run = run(&scenario.designs[0]);
        assert!(!run.versions.as_ref().unwrap().branched.is_empty());
        let reads = judge(&run, Level::MonotonicReads);
        assert_eq!((reads.verdict, reads.note), (Verdict::Pass, Some(BRANCHED)));
    }

    #[test]
    fn a_part_of_the_order_rejects_nothing_that_the_whole_does_not() {
        let scenario = scenario("");
        for (design, seed) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
            let mut run = scenario.designs[design].run(&scenario.setup, seed, Trace::off().keeping(Rows::All));
            let whole = run.versions.take().unwrap().order;
            for dropped in 1..32_u32 {
                let is_dropped = |key: Key| dropped & (1 << key.0) != 0;
                let mut part = Versions::default();
                for (key, values) in whole.iter() {
                    match is_dropped(key) {
                        true => part.branched.push(key),
                        false => values.iter().for_each(|value| part.order.push(key, *value)),
                    }
                }
                run.versions = Some(part);
                let all: Vec<Judged> = judge_all(&run).into_iter().filter(|of| !of.level.is_of_copies()).collect();
                let passed = all.iter().filter(|judged| judged.verdict.is_pass()).count();
                assert_eq!(passed, all.len(), "design {design}, without keys {dropped:05b}: {all:?}");
            }
        }
    }

    #[test]
    fn what_clients_cannot_see_the_order_of_versions_rejects() {
        let scenario = scenario("");
        let mut run = scenario.designs[1].run(&scenario.setup, 1, Trace::off().keeping(Rows::All));
        // Two writes at once, read in one order, which is not that of the store.
        let (key, at) = (Key(0), Time::from_nanos);
        let mut history = History::new();
        for value in [1, 2] {
            let write = history.invoke(ClientId(value as u32), Op::Write(key, Value(value)), at(0));
            history.complete(write, Reply::Written, NodeId(0), at(10));
        }
        for (value, from) in [(2, 20), (1, 30)] {
            let read = history.invoke(ClientId(0), Op::Read(key), at(from));
            history.complete(read, Reply::Read(Some(Value(value))), NodeId(0), at(from + 5));
        }
        run.history = history;
        let mut order = VersionOrder::new();
        [1, 2].into_iter().for_each(|value| order.push(key, Value(value)));
        let all_known = Versions { order: order.clone(), branched: Vec::new() };
        let some_known = Versions { order, branched: vec![Key(1)] };
        let none_known = Versions { order: VersionOrder::new(), branched: vec![key] };
        for (versions, verdict, note) in
            [(all_known, "fail", BY_ORDER), (some_known, "fail", BY_ORDER), (none_known, "pass", BRANCHED)]
        {
            run.versions = Some(versions);
            for level in [Level::MonotonicReads, Level::CausalConvergence, Level::Sequential] {
                let judged = judge(&run, level);
                assert_eq!((judged.verdict.name(), judged.note), (verdict, Some(note)), "{level}");
                let among_all = judge_all(&run).into_iter().find(|judged| judged.level == level).unwrap();
                assert_eq!((among_all.verdict.name(), among_all.note), (verdict, Some(note)), "{level}");
            }
        }
        run.versions = None;
        assert_eq!(judge(&run, Level::MonotonicReads).verdict.name(), "inconclusive", "rows may be missing");
        assert!(judge_all(&run).is_empty());
    }

    #[test]
    fn copies_converge_in_the_end_and_on_the_way_or_do_not() {
        let levels = [Level::StrongEventual, Level::Eventual];
        let run = |scenario: &Scenario, design: usize, rows: Rows| {
            scenario.designs[design].run(&scenario.setup, 3, Trace::off().keeping(rows))
        };
        let verdicts = |run: &Run| levels.map(|level| judge(run, level).verdict.name());
        let scenario = scenario("[expect]\nstrong_eventual = \"pass\"\neventual = \"pass\"");
        assert_eq!(rows(&scenario.designs[0]), Rows::None, "copies need no rows");
        let mut merging = run(&scenario, 0, Rows::None);
        assert_eq!(verdicts(&merging), ["pass", "pass"]);
        assert_eq!(verdicts(&run(&scenario, 2, Rows::None)), ["inconclusive", "pass"], "a log merges nothing");
        let all = judge_all(&run(&scenario, 0, Rows::All));
        assert!(level::strongest(&all).contains(&Level::StrongEventual), "{all:?}");
        let compared = compare(&scenario, &[&scenario.designs[0], &scenario.designs[2]], &[1, 2], &Progress::default());
        let held = |design: usize| compared.designs[design].judgements.iter().map(|of| of.held).collect::<Vec<_>>();
        assert_eq!((held(0), held(1)), (vec![true, true], vec![false, true]));

        let why = "n1 and n2 differ".to_string();
        let invariant = Invariant::StrongConvergence;
        merging.breaches.push(Breach { invariant, at: Time::from_nanos(5), nodes: Vec::new(), why, count: 1 });
        assert_eq!(verdicts(&merging), ["fail", "pass"], "they differed on the way");

        // Cut off to the end, with no time to settle, copies hold what the others do not.
        let mut hasty = scenario;
        hasty.setup.settle = crate::time::Duration::nanos(1);
        let apart = run(&hasty, 0, Rows::All);
        assert_eq!(verdicts(&apart), ["fail", "fail"]);
        for level in levels {
            let Verdict::Fail(found) = judge(&apart, level).verdict else { panic!("{level}") };
            assert!(!found.operations.is_empty() && found.why.contains("after the heal"), "{found:?}");
        }
    }

    fn judged(verdict: Verdict, steps: u64) -> Judged {
        Judged { level: Level::Causal, verdict, note: None, steps }
    }

    fn fail(why: &str) -> Verdict {
        Verdict::Fail(crate::check::Counterexample { why: why.into(), operations: Vec::new() })
    }

    #[test]
    fn who_rejects_is_said() {
        let open = || Verdict::Inconclusive { why: "spent".into() };
        let of = |outside, within| decided(judged(outside, 1), judged(within, 2));
        assert_eq!(of(Verdict::Pass, Verdict::Pass), judged(Verdict::Pass, 3));
        assert_eq!(of(fail("seen"), fail("order")), judged(fail("seen"), 3), "as clients saw it");
        assert_eq!(of(Verdict::Pass, fail("order")), Judged { note: Some(BY_ORDER), ..judged(fail("order"), 3) });
        assert_eq!(of(open(), Verdict::Pass), judged(Verdict::Pass, 3), "an order that is right is one order");
        assert!(!of(Verdict::Pass, open()).verdict.is_pass(), "inconclusive is never a pass");

        let versions = Versions { order: VersionOrder::new(), branched: vec![crate::id::Key(1)] };
        let of = |outside, within| either(judged(outside, 1), judged(within, 2), &versions);
        assert_eq!(of(fail("seen"), fail("order")), judged(fail("seen"), 3));
        assert_eq!(of(Verdict::Pass, fail("order")), Judged { note: Some(BY_ORDER), ..judged(fail("order"), 3) });
        assert_eq!(of(Verdict::Pass, open()), Judged { note: Some(BRANCHED), ..judged(Verdict::Pass, 3) });
        assert_eq!(of(open(), Verdict::Pass), judged(open(), 3), "a part that is right proves nothing of the rest");
    }
}
