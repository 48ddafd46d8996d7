//! Values of arguments that are more than a number or a word: seeds, a part of them, a stretch of time, the name of a run.
//!
//! Next: `exit.rs`.

use std::str::FromStr;

use crate::time::{Duration, Time};
use crate::trace::Digest;

/// Which seeds were asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seeds {
    /// So many from the first.
    Count(u64),
    /// From the one to the other, which is the last.
    Range(u64, u64),
}

impl Seeds {
    /// The seeds, the first of which is `first` unless they are named one by one.
    pub fn list(self, first: u64) -> Vec<u64> {
        match self {
            Seeds::Count(count) => (first..first.saturating_add(count)).collect(),
            Seeds::Range(first, last) => (first..=last).collect(),
        }
    }
}

impl std::fmt::Display for Seeds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Seeds::Count(count) => count.fmt(f),
            Seeds::Range(first, last) => write!(f, "{first}..={last}"),
        }
    }
}

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Seeds, String> {
        let number = |text: &str| text.parse::<u64>().map_err(|_| format!("`{text}` is not a whole number"));
        let Some((first, last)) = text.split_once("..") else {
            return match number(text)? {
                0 => Err("there is nothing to learn from no seed".into()),
                count => Ok(Seeds::Count(count)),
            };
        };
        if first.is_empty() || last.trim_start_matches('=').is_empty() {
            return Err(format!("`{text}` has two ends, such as `1..21` or `1..=20`"));
        }
        let (first, last) = match last.strip_prefix('=') {
            Some(last) => (number(first)?, number(last)?),
            None => (number(first)?, number(last)?.checked_sub(1).ok_or("no seed is below 0")?),
        };
        if first > last { Err(format!("there is no seed in `{text}`")) } else { Ok(Seeds::Range(first, last)) }
    }
}

/// A part of the seeds: `2/4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which part, from 1.
    pub part: usize,
    /// How many parts there are.
    pub of: usize,
}

impl Shard {
    /// The seeds of this part: every so manyth, so that all parts take equally long.
    pub fn take(self, seeds: Vec<u64>) -> Vec<u64> {
        seeds.into_iter().skip(self.part - 1).step_by(self.of).collect()
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let wrong = || format!("`{text}` is no part: `2/4` is the second of four");
        let (part, of) = text.split_once('/').ok_or_else(wrong)?;
        let number = |text: &str| text.parse::<usize>().map_err(|_| wrong());
        let (part, of) = (number(part)?, number(of)?);
        if part == 0 || part > of { Err(wrong()) } else { Ok(Shard { part, of }) }
    }
}

/// A stretch of time: `29s..36s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Between {
    /// Its first instant.
    pub from: Time,
    /// Its last.
    pub until: Time,
}

impl Default for Between {
    fn default() -> Between {
        Between { from: Time::ZERO, until: Time::NEVER }
    }
}

impl FromStr for Between {
    type Err = String;

    fn from_str(text: &str) -> Result<Between, String> {
        let (from, until) = text.split_once("..").ok_or_else(|| format!("`{text}` has no `..`, as `29s..36s` has"))?;
        let instant = |text: &str, otherwise| match text {
            "" => Ok(otherwise),
            text => text.parse::<Duration>().map(|span| Time::ZERO + span).map_err(|error| error.to_string()),
        };
        let (from, until) = (instant(from, Time::ZERO)?, instant(until, Time::NEVER)?);
        if from > until { Err(format!("`{text}` ends before it begins")) } else { Ok(Between { from, until }) }
    }
}

/// The name of a run: `SEED:DIGEST`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeedDigest {
    /// The seed.
    pub seed: u64,
    /// The digest that it had.
    pub digest: Digest,
}

impl FromStr for SeedDigest {
    type Err = String;

    fn from_str(text: &str) -> Result<SeedDigest, String> {
        let form = || format!("`{text}` is not SEED:DIGEST, such as `1:00c0ffee00c0ffee`; every report prints it");
        let (seed, digest) = text.split_once(':').ok_or_else(form)?;
        let is_whole = digest.len() == 16 && digest.chars().all(|c| c.is_ascii_hexdigit());
        let digest = if is_whole { digest.parse().ok() } else { None };
        Ok(SeedDigest { seed: seed.parse().map_err(|_| form())?, digest: digest.ok_or_else(form)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_a_count_or_a_range() {
        let list = |text: &str| text.parse::<Seeds>().map(|seeds| seeds.list(1));
        assert_eq!(list("3"), Ok(vec![1, 2, 3]));
        assert_eq!(list("5..8"), Ok(vec![5, 6, 7]));
        assert_eq!(list("5..=8"), Ok(vec![5, 6, 7, 8]));
        assert!(["0", "5..5", "8..5", "0..0", "x", "..4", "3..", "-1"].iter().all(|text| list(text).is_err()));
    }

    #[test]
    fn parts_hold_every_seed_once() {
        let shard = |text: &str| text.parse::<Shard>();
        let mut all: Vec<u64> =
            (1..=4).flat_map(|i| shard(&format!("{i}/4")).unwrap().take((1..=10).collect())).collect();
        assert_eq!(all[..3], [1, 5, 9]);
        all.sort_unstable();
        assert_eq!(all, (1..=10).collect::<Vec<_>>());
        assert!(["0/4", "5/4", "1", "1/", "/4", "-1/4", "a/b", "0/0"].iter().all(|text| shard(text).is_err()));
    }

    #[test]
    fn time_lies_between_two_instants() {
        let between = |text: &str| text.parse::<Between>().map(|of| (of.from.as_nanos(), of.until.as_nanos()));
        assert_eq!(between("29s..36.5s"), Ok((29_000_000_000, 36_500_000_000)));
        assert_eq!((between("..1ms"), between("1ms..")), (Ok((0, 1_000_000)), Ok((1_000_000, u64::MAX))));
        assert!(["29s", "2s..1s", "29..36", "a..b", "1s..2x"].iter().all(|text| between(text).is_err()));
    }

    #[test]
    fn a_run_is_named_by_seed_and_digest() {
        let of: SeedDigest = "17:00c0ffee00c0ffee".parse().unwrap();
        assert_eq!((of.seed, of.digest.to_string().as_str()), (17, "00c0ffee00c0ffee"));
        for wrong in ["17", "17:", "x:00c0ffee00c0ffee", "17:c0ffee", "17:+0c0ffee00c0ffee"] {
            assert!(wrong.parse::<SeedDigest>().is_err(), "{wrong}");
        }
    }
}
