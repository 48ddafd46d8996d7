//! Numbers of sequences: each is given once, and a later one to whoever asks later. From what clients are told alone.
//!
//! A sequence is as if one node gave its numbers, each at one moment between call and return, where no number is given twice and nobody who asks
//! after another has his gets a lower one. It may leave numbers out, as those of databases do: what was given to who never heard of it is nobody's.
//! (Herlihy, Wing, TOPLAS 12(3), 1990, of a counter that tells and adds one.) Next: `rows.rs`.

use std::collections::BTreeMap;

use crate::id::Key;
use crate::time::Time;

/// Every sequence of a run: a bit for each number, and 16 bytes for each that was the highest when it was given.
#[derive(Clone, Debug, Default)]
pub struct Numbers {
    sequences: BTreeMap<Key, Sequence>,
    twice: u64,
    first: Option<String>,
}

#[derive(Clone, Debug, Default)]
struct Sequence {
    given: Vec<u64>,
    /// The highest number so far, and since when somebody knows that he has it; in the order of both.
    highest: Vec<(Time, u64)>,
}

impl Numbers {
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.sequences.clear();
        (self.twice, self.first) = (0, None);
    }

    /// A client that asked at `invoked` was given this number at `at`, and times never go back. Tells whether another had it. `O(log n)`,
    /// amortised. Numbers below zero are none.
    pub fn given(&mut self, key: Key, number: i64, invoked: Time, at: Time) -> bool {
        let Ok(number) = u64::try_from(number) else { return false };
        let sequence = self.sequences.entry(key).or_default();
        let (word, bit) = ((number / 64) as usize, 1 << (number % 64));
        if word >= sequence.given.len() {
            sequence.given.resize(word + 1, 0);
        }
        let is_another = sequence.given[word] & bit != 0;
        sequence.given[word] |= bit;
        self.twice += u64::from(is_another);
        let before = sequence.highest.partition_point(|(since, _)| *since < invoked).checked_sub(1);
        let before = before.map(|place| sequence.highest[place].1).filter(|before| *before > number);
        if sequence.highest.last().is_none_or(|(_, highest)| *highest < number) {
            sequence.highest.push((at, number));
        }
        if is_another {
            self.first
                .get_or_insert_with(|| format!("{number} of {key} was given to two clients, the second time at {at}"));
        } else if let Some(before) = before {
            let late = || {
                format!("{number} of {key}, asked for at {invoked}, was given when {before} had been given before that")
            };
            self.first.get_or_insert_with(late);
        }
        is_another
    }

    /// How often a number was given to a client that another had.
    pub fn given_twice(&self) -> u64 {
        self.twice
    }

    /// The first thing that no single node would have done, if there is one.
    pub fn violation(&self) -> Option<&str> {
        self.first.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_nanos(ms)
    }

    #[test]
    fn a_number_given_again_is_counted_of_each_sequence_by_itself() {
        let mut numbers = Numbers::default();
        let given = [1, 2, 200, 2, 63, 64, 200].map(|number| numbers.given(Key(0), number, at(0), at(1)));
        assert_eq!(given, [false, false, false, true, false, false, true]);
        assert!(numbers.violation().is_some_and(|why| why.starts_with("2 of k0")));
        assert!(!numbers.given(Key(1), 2, at(0), at(1)) && !numbers.given(Key(0), -1, at(0), at(1)));
        assert_eq!(numbers.given_twice(), 2);
        numbers.clear();
        assert!(!numbers.given(Key(0), 1, at(0), at(1)));
        assert_eq!(numbers.violation(), None);
    }

    #[test]
    fn who_asks_after_another_has_his_gets_a_higher_one() {
        let mut numbers = Numbers::default();
        for (number, invoked, end) in [(3, 0, 10), (1, 5, 12), (2, 10, 13), (9, 13, 20), (5, 19, 30), (7, 20, 31)] {
            numbers.given(Key(0), number, at(invoked), at(end));
            assert_eq!(numbers.violation(), None, "{number}: they overlap");
        }
        numbers.given(Key(1), 4, at(40), at(41));
        assert_eq!(numbers.violation(), None, "another sequence");
        numbers.given(Key(0), 8, at(21), at(50));
        assert!(numbers.violation().is_some_and(|why| why.contains("8 of k0") && why.contains("when 9")));
        assert_eq!(numbers.given_twice(), 0);
    }
}
