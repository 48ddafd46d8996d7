//! A baseline reads back as it was written, and a diff says what changed and how deep it goes.

use super::*;
use crate::explore::compare::compare;
use crate::explore::seeds::Progress;
use crate::scenario::Scenario;

const SCENARIO: &str = r#"
name = "two"
duration = "20s"
settle = "5s"

[topology]
regions = ["a", "b"]
link = [{ from = "a", to = "b", rtt = ["30ms", "40ms"] }]

[workload]
rate = "20/s"
keys = 20
mix = { read = 1, write = 1 }
warm_up = "1s"

[[fault]]
at = "5s"
for = "4s"
isolate = ["a"]

[design.both]
protocol = "last-writer-wins"

[design.one]
protocol = "primary-backup"

[expect.both]
linearizable = "fail"
availability = "= 100%"
monotonic-reads = { some = "pass" }
"#;

fn scenario(text: &str) -> Scenario {
    Scenario::parse(text, "two.toml").unwrap_or_else(|error| panic!("{error}"))
}

fn baseline(scenario: &Scenario) -> Baseline {
    let designs: Vec<_> = scenario.designs.iter().collect();
    Baseline::of(scenario, &compare(scenario, &designs, &[1, 2, 3, 4, 5, 6], &Progress::default()), "1.0.0")
}

fn diff(text: &str, change: impl FnOnce(&mut Baseline)) -> Diff {
    let scenario = scenario(text);
    let now = baseline(&scenario);
    let mut before = now.clone();
    change(&mut before);
    Diff::new(&scenario, &before, &now)
}

/// The values that a metric of the first design had in the baseline.
fn values<'a>(baseline: &'a mut Baseline, name: &str) -> &'a mut Vec<f64> {
    &mut baseline.designs[0].metrics.iter_mut().find(|(of, _)| of == name).unwrap().1
}

#[test]
fn a_file_reads_back_to_the_same_bits() {
    let made = baseline(&scenario(SCENARIO));
    let text = made.to_json();
    assert_eq!(Baseline::from_json(&text).unwrap(), made);
    assert_eq!(Baseline::from_json(&text).unwrap().to_json(), text);
    let longest = text.lines().map(str::len).max().unwrap();
    assert!(longest < 200 && text.lines().count() > 60, "a thing a line: {longest}\n{text}");
    assert!(text.contains("\"linearizable\": {\"fail\":[1,2,3,4,5,6],\"inconclusive\":[]}"), "{text}");
}

#[test]
fn what_is_wrong_with_a_file_is_told_at_its_place() {
    let text = baseline(&scenario(SCENARIO)).to_json();
    let digests = text.lines().position(|line| line.contains("\"digests\"")).unwrap() + 1;
    let conflicts = text.lines().position(|line| line.contains("\"conflicts\"")).unwrap() + 1;
    for (written, instead, place, why) in [
        ("\"schema\": 1", "\"schema\": 2", "2:2", "this baseline has the form 2, and this riftzone reads form 1"),
        ("\"schema\": 1", "\"scheme\": 1", "", "missing field `schema`"),
        ("\"scenario\"", "\"scenari\"", "4:10", "unknown field `scenari`, expected one of"),
        ("[1,2,3,4,5,6],\n", "[1,2,3,4,5,5],\n", "5:2", "seeds are in order, each once"),
        ("[1,2,3,4,5,6],\n", "[1,2,3,4,5,6,7],\n", &format!("{digests}:4"), "there are 7 seeds, and 6 digests"),
        ("\"fail\":[1,2,3,4,5,6]", "\"fail\":[9]", "", "seed 9 is not among the seeds"),
        ("\"conflicts\": [", "\"conflicts\": [0.5,", &format!("{conflicts}:5"), "there are 6 seeds, and 7 values"),
        ("\"conflicts\": [", "\"availability\": [", "", "`availability` is there twice"),
        ("\"digests\": [\"", "\"digests\": [\"x", "", "is not a digest: 16 hexadecimal digits"),
        ("}", "", "", ""),
    ] {
        assert!(text.contains(written), "{written}");
        let error = Baseline::from_json(&text.replacen(written, instead, 1)).expect_err(instead).to_string();
        assert!(error.starts_with(place) && error.contains(why), "{instead}: {error}");
    }
    for text in ["", "7", "[]", "{}", "{\"schema\":1}", "{\"schema\": \"x\"}"] {
        assert!(Baseline::from_json(text).unwrap_err().line > 0, "{text}");
    }
}

#[test]
fn the_same_runs_are_unchanged() {
    let diff = diff(SCENARIO, |_| {});
    assert!(diff.designs.iter().all(|design| design.change == Change::Unchanged && design.moved == 0));
    assert_eq!((diff.standing(), diff.seeds.len(), diff.designs.len()), (Standing::Good, 6, 2));
}

#[test]
fn another_digest_alone_is_no_other_result() {
    let diff = diff(SCENARIO, |before| before.designs[0].digests[2] = Digest(7));
    let design = &diff.designs[0];
    assert_eq!((design.change, design.standing, design.moved), (Change::DigestOnly, Standing::Good, 1));
    assert_eq!(design.first_moved.map(|(seed, before, _)| (seed, before)), Some((3, Digest(7))));
    assert_eq!(diff.designs[1].change, Change::Unchanged);
}

#[test]
fn a_worse_number_needs_a_budget_or_a_chance() {
    let faster = |before: &mut Baseline| values(before, "write_latency_ms_p99").iter_mut().for_each(|ms| *ms *= 0.9);
    let all = diff(SCENARIO, faster);
    let number = &all.designs[0].numbers[0];
    assert_eq!((all.designs[0].change, all.standing()), (Change::Numbers, Standing::Worse));
    assert_eq!((&*number.name, number.is_regressed, number.paired.rose), ("write_latency_ms_p99", true, 6));
    assert!((number.share().unwrap() - 1.0 / 9.0).abs() < 1e-12 && number.worse_by > 0.0);

    let both_ways = |before: &mut Baseline| {
        let signs = [0.9, 1.1, 0.9, 1.1, 0.9, 1.1];
        values(before, "write_latency_ms_p99").iter_mut().zip(signs).for_each(|(ms, factor)| *ms *= factor);
    };
    assert_eq!(diff(SCENARIO, both_ways).standing(), Standing::Good, "on these seeds, that is chance");

    let budget = |allowed: &str| format!("{SCENARIO}\n[budget]\nworse_than_baseline = \"{allowed}\"\n");
    assert_eq!(diff(&budget("12%"), faster).standing(), Standing::Good);
    assert_eq!(diff(&budget("11%"), faster).standing(), Standing::Worse);
    let own = format!("{}[budget.both]\nwrite_latency_ms_p99 = \"1s\"\n", budget("1%"));
    assert_eq!(diff(&own, faster).standing(), Standing::Good);
    let slower = |before: &mut Baseline| values(before, "write_latency_ms_p99").iter_mut().for_each(|ms| *ms *= 1.1);
    assert_eq!(diff(&budget("0%"), slower).standing(), Standing::Good, "it became better");
    let more = |before: &mut Baseline| values(before, "availability").iter_mut().for_each(|part| *part = 0.5);
    assert_eq!(diff(&budget("0%"), more).standing(), Standing::Good, "more of it is better");
}

#[test]
fn what_holds_on_fewer_seeds_is_worse() {
    let verdict = |before: &mut Baseline, misses: Misses| {
        let verdicts = &mut before.designs[0].verdicts;
        verdicts.iter_mut().find(|(name, _)| name == "linearizable").unwrap().1 = misses;
    };
    let passed = diff(SCENARIO, |before| verdict(before, Misses::default()));
    let change = &passed.designs[0].behaviour[0];
    assert_eq!((passed.designs[0].change, passed.standing()), (Change::Behaviour, Standing::Worse));
    assert_eq!((change.kind, change.before, change.after, change.seed), (Kind::Verdict, 0, 6, Some(1)));

    let some = diff(SCENARIO, |before| verdict(before, Misses { fail: vec![1, 2, 3, 4, 5], ..Misses::default() }));
    assert_eq!(
        (some.designs[0].change, some.standing()),
        (Change::Behaviour, Standing::Good),
        "one more may be chance"
    );

    let held = diff(SCENARIO, |before| before.designs[0].expectations[0].1 = false);
    assert_eq!((held.designs[0].change, held.standing()), (Change::Behaviour, Standing::Good), "it holds now");

    let claimed = diff(SCENARIO, |before| before.designs[1].broken_claims.push(("convergence".into(), vec![2])));
    assert_eq!((claimed.designs[1].change, claimed.standing()), (Change::Behaviour, Standing::Good));

    let scenario = scenario(SCENARIO);
    let (before, mut now) = (baseline(&scenario), baseline(&scenario));
    now.designs[1].broken_claims.push(("convergence".into(), vec![2]));
    assert_eq!(Diff::new(&scenario, &before, &now).standing(), Standing::Worse);
    let mut now = before.clone();
    now.designs[0].verdicts.iter_mut().find(|(name, _)| name == "convergence").unwrap().1.inconclusive = vec![4];
    assert_eq!(Diff::new(&scenario, &before, &now).standing(), Standing::Undecided);
    let mut now = before.clone();
    now.designs[0].void_seeds = vec![1];
    assert_eq!(Diff::new(&scenario, &before, &now).standing(), Standing::Worse);
    let mut now = before.clone();
    now.designs[0].expectations[1].1 = false;
    assert_eq!(Diff::new(&scenario, &before, &now).standing(), Standing::Worse);
}

#[test]
fn another_world_is_known_by_its_tables() {
    let before = baseline(&scenario(SCENARIO));
    let same = scenario(&SCENARIO.replace("[expect.both]", "[budget]\nrto_s = 1\n[expect.both]"));
    assert!(Diff::of_another_world(&before, &same).is_empty());
    let other = scenario(&SCENARIO.replace("keys = 20", "keys = 21").replace("settle = \"5s\"\n", ""));
    assert_eq!(Diff::of_another_world(&before, &other), ["settle", "workload"]);
    let with = scenario(&format!("{SCENARIO}\n[design.two]\nprotocol = \"last-writer-wins\"\n"));
    let now = baseline(&with);
    let diff = Diff::new(&with, &before, &now);
    assert_eq!((diff.new.as_slice(), diff.gone.len(), diff.designs.len()), (&["two".to_string()][..], 0, 2));
    assert_eq!(Diff::new(&with, &now, &before).gone, ["two"]);
    let otherwise = scenario(&SCENARIO.replace("\"last-writer-wins\"", "\"last-writer-wins\"\ngossip-every = \"3s\""));
    let diff = Diff::new(&otherwise, &before, &baseline(&otherwise));
    assert!(diff.designs[0].is_rewritten && !diff.designs[1].is_rewritten && diff.designs[0].moved == 6);
}
