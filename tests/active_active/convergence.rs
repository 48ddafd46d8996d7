//! Whatever broke, copies are equal once everything is whole and quiet.

use super::size::size;
use super::{hunted, picked, story};

/// Long enough for clocks to be right again and for gossip to go around, whatever it meets on the way.
const SETTLE: &str = "30s";
const EQUAL: &str = "convergence = \"pass\"";

/// Looks at so many runs of each form as `RUNS` says, and tells how each did.
#[test]
fn copies_are_equal_after_heal_and_quiet() {
    let runs = size("RUNS", 24);
    let mut diverged = Vec::new();
    println!("| form | runs | events | unlike those before | diverged |\n|---|---:|---:|---:|---:|");
    for form in picked() {
        let text = form.text(SETTLE, EQUAL);
        let (scenario, hunted) = hunted(&text, runs, true);
        let name = &form.name;
        println!("| {name} | {} | {} | {} | {} |", hunted.runs, hunted.steps, hunted.novel, hunted.failing);
        assert_eq!((hunted.runs, hunted.inconclusive), (runs, 0), "{name}");
        if hunted.failing > 0 {
            diverged.push(format!(
                "{name}, in {} runs of {runs}\n{}",
                hunted.failing,
                story(&text, &scenario, &hunted)
            ));
        }
    }
    assert!(diverged.is_empty(), "{}", diverged.join("\n"));
}

/// The same look finds copies that differ: without the quiet at the end there are some of every form.
#[test]
fn copies_differ_where_it_is_not_quiet() {
    for form in picked() {
        let (_, hunted) = hunted(&form.text("0s", EQUAL), 64, false);
        assert!(hunted.failing > 0, "{}: nothing was on its way in 64 runs", form.name);
    }
}
