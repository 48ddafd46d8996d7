//! Which levels a history of operations on single keys can be judged at, which the copies of a run, and what a person
//! means by a name.
//!
//! Next: `judge.rs`.

use super::Level;

/// The levels that operations on single keys show, by their names: what [`judge`](super::judge) takes. The last two have
/// a bound.
pub const SINGLE: [&str; 12] = [
    "linearizable",
    "sequential",
    "causal-convergence",
    "causal-memory",
    "causal",
    "pram",
    "read-your-writes",
    "monotonic-reads",
    "monotonic-writes",
    "writes-follow-reads",
    "bounded-staleness",
    "k-atomic",
];

/// The levels that the copies of a store show, by their names: a run is judged at these too, a history is not.
pub const COPIES: [&str; 2] = ["strong-eventual", "eventual"];

/// The level of single operations that a person means by this name, with `_` for `-` too; `None` where it is no level's.
///
/// # Errors
/// In words, where the name is a level's and its bound is wrong, or operations on single keys do not show it.
pub fn named(name: &str) -> Option<Result<Level, String>> {
    let of_history = |level: Level| match level.is_of_copies() {
        true => Err(format!("`{level}` is shown by the copies of a store, not by operations on single keys")),
        false => Ok(level),
    };
    Some(named_of_run(name)?.and_then(of_history))
}

/// As [`named`], the levels of [`COPIES`] included.
///
/// # Errors
/// As [`named`].
pub fn named_of_run(name: &str) -> Option<Result<Level, String>> {
    let shown = |level: Level| SINGLE.contains(&level.name()) || level.is_of_copies();
    let (word, bound) = name.split_once(':').map_or((name, None), |(word, bound)| (word, Some(bound)));
    let word = word.replace('_', "-");
    let known = Level::from_name(&word)?;
    let whole = bound.map_or_else(|| word.clone(), |bound| format!("{word}:{bound}"));
    let wrong = match known {
        _ if !shown(known) => "is not shown by operations on single keys",
        Level::BoundedStaleness(_) => "has a duration as its bound: `bounded-staleness:500ms`",
        Level::KAtomic(_) => "has a whole number from 1 as its bound: `k-atomic:2`",
        _ => "has no bound",
    };
    let level = Level::from_name(&whole).filter(|level| shown(*level));
    Some(level.ok_or_else(|| format!("`{word}` {wrong}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::check::level::judge;
    use crate::history::History;
    use crate::time::Duration;

    #[test]
    fn the_levels_are_those_that_single_operations_show() {
        let history = History::new();
        for level in Level::ALL {
            let is_judged = judge(&history, level, None).is_some();
            assert_eq!(is_judged, SINGLE.contains(&level.name()), "{level}");
            assert_eq!(level.is_of_copies(), COPIES.contains(&level.name()), "{level}");
        }
    }

    #[test]
    fn a_name_is_a_level_or_tells_why_not() {
        let level = |name| named(name).unwrap();
        assert_eq!(level("read_your_writes"), Ok(Level::ReadYourWrites));
        assert_eq!(level("bounded_staleness:5000ms"), Ok(Level::BoundedStaleness(Duration::secs(5))));
        assert_eq!(level("k-atomic:2"), Ok(Level::KAtomic(2)));
        assert_eq!(named("availability"), None);
        for (name, why) in [
            ("k-atomic:0", "whole number from 1"),
            ("bounded-staleness:5", "duration"),
            ("causal:2", "has no bound"),
            ("serializable", "single keys"),
            ("eventual", "copies of a store"),
            ("strong_eventual", "copies of a store"),
            ("eventual:2", "has no bound"),
        ] {
            assert!(level(name).unwrap_err().contains(why), "{name}: {:?}", named(name));
        }
        assert_eq!(named_of_run("strong_eventual"), Some(Ok(Level::StrongEventual)));
        assert_eq!(named_of_run("pram"), Some(Ok(Level::Pram)));
        assert!(named_of_run("serializable").is_some_and(|level| level.is_err()));
    }
}
