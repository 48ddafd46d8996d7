//! Contests: several programs do the same work in turns, round after round, so that whatever else the machine does meets
//! all of them alike.
//!
//! Round `r` begins with contestant `r` modulo their number, so that no one always follows the same neighbour. A ratio is
//! taken within each round, and its median over rounds is printed: absolute figures move by a third from run to run on a
//! shared machine, ratios by a few percent. All do the same number of units. A contestant that does not do exactly the
//! same work in every round ends the program, and so does one that does more or fewer units than the others, or that
//! comes to another result than those who must do [equal work](Contest::equal_work).

use std::time::Instant;

use serde::Serialize;

/// Work that several contestants do.
pub struct Contest {
    /// What it is called on the command line.
    pub name: String,
    /// What is done, in a line.
    pub what: String,
    /// What is counted.
    pub unit: &'static str,
    /// The contestant that the others are compared with.
    pub subject: &'static str,
    /// Those who must come to the same [`Sample::check`].
    pub equal_work: Vec<&'static str>,
    /// Who takes part, in the order in which they are printed.
    pub contestants: Vec<Contestant>,
    /// The rivals that the table for readers shows.
    pub shown: Vec<&'static str>,
    /// Whether it also shows the fastest of all rivals.
    pub shows_best: bool,
    /// Lines made of the medians, printed below the table.
    pub notes: Vec<Note>,
}

/// A line made of the medians.
pub type Note = Box<dyn Fn(&Outcome) -> String>;

/// One program.
pub struct Contestant {
    /// What it is called.
    pub name: &'static str,
    run: Box<dyn FnMut() -> Sample>,
}

impl Contestant {
    /// The program `run`, which is called once a round.
    pub fn new(name: &'static str, run: impl FnMut() -> Sample + 'static) -> Contestant {
        Contestant { name, run: Box::new(run) }
    }
}

/// What one round of one contestant gave.
pub struct Sample {
    /// How much of the contest's unit was done.
    pub units: u64,
    /// How long that took.
    pub seconds: f64,
    /// A digest of what was done: the same in every round.
    pub check: u64,
    /// What to say of it; the same in every round.
    pub note: String,
}

impl Sample {
    /// So many units, done from `begun` until now.
    pub fn of(units: u64, begun: Instant, check: u64) -> Sample {
        Sample { units, seconds: begun.elapsed().as_secs_f64(), check, note: String::new() }
    }
}

/// A contest, decided.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// The contest.
    pub contest: String,
    /// What was done.
    pub what: String,
    /// What was counted.
    pub unit: &'static str,
    /// The contestant that the others are compared with.
    pub subject: &'static str,
    /// How many rounds there were.
    pub rounds: usize,
    /// Each contestant's figures.
    pub contestants: Vec<Figures>,
    /// The rivals that the table for readers shows.
    pub shown: Vec<&'static str>,
    /// What follows from them.
    pub notes: Vec<String>,
}

/// A contestant's figures.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// Who.
    pub name: &'static str,
    /// How much was done in a round.
    pub units: u64,
    /// Units in a second of wall time.
    pub per_second: Spread,
    /// How many times as fast the subject was, within a round.
    pub subject_is: Spread,
    /// What the contestant says of its work.
    pub note: String,
}

/// The middle and the ends of some figures.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Spread {
    /// The middle one; of two middle ones the lower.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    fn of(mut figures: Vec<f64>) -> Spread {
        figures.sort_by(f64::total_cmp);
        Spread { median: figures[(figures.len() - 1) / 2], min: figures[0], max: figures[figures.len() - 1] }
    }
}

impl Outcome {
    /// The figures of one contestant.
    ///
    /// # Panics
    /// Where nobody has this name.
    pub fn of(&self, name: &str) -> &Figures {
        self.contestants.iter().find(|figures| figures.name == name).expect("a contestant of this contest")
    }

    /// The fastest rival of the subject.
    ///
    /// # Panics
    /// Where there is none.
    pub fn best(&self) -> &Figures {
        let others = self.contestants.iter().filter(|figures| figures.name != self.subject);
        others.min_by(|a, b| a.subject_is.median.total_cmp(&b.subject_is.median)).expect("there are others")
    }
}

impl Contest {
    /// Lets everybody do the work `rounds` times.
    ///
    /// # Panics
    /// Where a contestant's work differs from round to round, or from that of others where it must not.
    pub fn hold(mut self, rounds: usize) -> Outcome {
        let count = self.contestants.len();
        let mut samples: Vec<Vec<Sample>> = (0..count).map(|_| Vec::with_capacity(rounds)).collect();
        for round in 0..rounds {
            for turn in 0..count {
                let place = (round + turn) % count;
                samples[place].push((self.contestants[place].run)());
            }
        }
        let names: Vec<&'static str> = self.contestants.iter().map(|contestant| contestant.name).collect();
        for (name, samples) in names.iter().zip(&samples) {
            let same =
                |s: &Sample| (s.units, s.check, &s.note) == (samples[0].units, samples[0].check, &samples[0].note);
            assert!(samples.iter().all(same), "{}: {name} did other work in another round", self.name);
        }
        let units = samples[0][0].units;
        for (name, samples) in names.iter().zip(&samples) {
            let (own, unit) = (samples[0].units, self.unit);
            assert_eq!(own, units, "{}: {name} and {} did different numbers of {unit}s", self.name, names[0]);
        }
        let equal: Vec<&Sample> =
            names.iter().zip(&samples).filter(|(n, _)| self.equal_work.contains(n)).map(|(_, s)| &s[0]).collect();
        assert_eq!(equal.len(), self.equal_work.len(), "{}: all of them take part", self.name);
        let is_equal = equal.iter().all(|s| (s.units, s.check) == (equal[0].units, equal[0].check));
        assert!(is_equal, "{}: {:?} did not do the same work", self.name, self.equal_work);
        let rate = |sample: &Sample| sample.units as f64 / sample.seconds;
        let rates: Vec<Vec<f64>> = samples.iter().map(|samples| samples.iter().map(rate).collect()).collect();
        let subject = names.iter().position(|name| *name == self.subject).expect("the subject takes part");
        let figures = names.iter().enumerate().map(|(place, name)| Figures {
            name,
            units: samples[place][0].units,
            per_second: Spread::of(rates[place].clone()),
            subject_is: Spread::of(rates[subject].iter().zip(&rates[place]).map(|(ours, its)| ours / its).collect()),
            note: samples[place][0].note.clone(),
        });
        let mut outcome = Outcome {
            contest: self.name,
            what: self.what,
            unit: self.unit,
            subject: self.subject,
            rounds,
            contestants: figures.collect(),
            shown: self.shown,
            notes: Vec::new(),
        };
        let best = outcome.best().name;
        if self.shows_best && !outcome.shown.contains(&best) {
            outcome.shown.push(best);
        }
        outcome.notes = self.notes.iter().map(|note| note(&outcome)).collect();
        outcome
    }
}
