//! What changed since a baseline: for a person, for a program, and for a comment on a pull request.
//!
//! [`sentence`] says it of one design. In order: `text.rs`, `json.rs`, `markdown.rs`. Next: `text.rs`.

mod json;
mod markdown;
mod text;

pub use json::json;
pub use markdown::markdown;
pub use text::text;

use crate::explore::baseline::{BehaviourChange, Change, DesignDiff, Diff, Kind, NumberChange, Standing};
use crate::scenario::{Allowance, Scenario};

use super::label::{Label, label, regional_label};
use super::number::{counted, trimmed};
use super::subject::{Conclusion, replay};

/// A sentence names so many changes of a kind; how many more there are, it says.
const NAMED: usize = 3;

/// A diff, to be reported.
#[derive(Debug)]
pub struct DiffReport<'a> {
    /// The scenario's file, as the user named it.
    pub file: &'a str,
    /// The baseline's file.
    pub baseline: &'a str,
    /// The scenario.
    pub scenario: &'a Scenario,
    /// What changed.
    pub diff: &'a Diff,
    /// How many seeds the baseline has; fewer are compared where somebody interrupted.
    pub asked: usize,
}

impl DiffReport<'_> {
    /// What it comes to.
    pub fn conclusion(&self) -> Conclusion {
        conclusion(self.diff.standing())
    }

    /// What else is to be known before the designs: another version, designs that only one of the two has, an interrupt.
    fn notes(&self) -> Vec<String> {
        let diff = self.diff;
        let mut notes = Vec::new();
        if diff.version_before != diff.version_now {
            notes.push(format!(
                "the baseline is of riftzone {}, this is {}: digests move with versions, numbers and verdicts tell",
                diff.version_before, diff.version_now
            ));
        }
        if diff.seeds.len() < self.asked {
            notes.push(format!("interrupted: {} of {} seeds were finished", diff.seeds.len(), self.asked));
        }
        for name in &diff.new {
            notes.push(format!("{name} is not in the baseline: {} puts it there", self.bless()));
        }
        for name in &diff.gone {
            notes.push(format!("{name} is in the baseline alone: {} takes it out", self.bless()));
        }
        for design in diff.designs.iter().filter(|design| design.is_rewritten) {
            notes.push(format!("{} has other options than it had in the baseline", design.name));
        }
        notes
    }

    /// The command that makes what is now the baseline.
    fn bless(&self) -> String {
        format!("`riftzone bless {}`", super::subject::quoted(self.file))
    }

    /// The command that shows the first run that is another.
    fn replay(&self, design: &DesignDiff) -> Option<String> {
        design.first_moved.map(|(seed, _, now)| replay(self.file, &design.name, seed, now))
    }
}

/// What a standing comes to.
pub const fn conclusion(standing: Standing) -> Conclusion {
    match standing {
        Standing::Good => Conclusion::Held,
        Standing::Undecided => Conclusion::Inconclusive,
        Standing::Worse => Conclusion::Broken,
    }
}

/// What changed in a design, in a sentence without its name: whether behaviour did, numbers did, or only the digest.
pub fn sentence(design: &DesignDiff, seeds: usize) -> String {
    match design.change {
        Change::Unchanged => format!("unchanged: the same digest on {}", all(seeds)),
        Change::DigestOnly => {
            let on = of(design.moved, seeds);
            format!("only the digest changed, on {on}; every number and verdict is as it was")
        }
        Change::Numbers => format!("numbers changed, behaviour did not: {}", numbers_in_words(design)),
        Change::Behaviour => {
            let behaviour = listed(design.behaviour.iter().map(|change| behaviour_in_words(change, seeds)));
            let numbers = if design.numbers.is_empty() {
                String::new()
            } else {
                format!("; numbers: {}", numbers_in_words(design))
            };
            format!("behaviour changed: {behaviour}{numbers}")
        }
    }
}

fn all(seeds: usize) -> String {
    if seeds == 1 { "the one seed".into() } else { format!("all {} seeds", super::number::grouped(seeds as u64)) }
}

fn of(some: usize, seeds: usize) -> String {
    if some == seeds { all(seeds) } else { format!("{some} of {}", counted(seeds, "seed")) }
}

/// `linearizable fails on all 20 seeds, where it passed`.
fn behaviour_in_words(change: &BehaviourChange, seeds: usize) -> String {
    let BehaviourChange { kind, what, before, after, undecided, .. } = change;
    let on = |count: usize| if count == 0 { "no seed".to_string() } else { of(count, seeds) };
    match kind {
        Kind::Expectation if *after > 0 => format!("`{what}` does not hold any more"),
        Kind::Expectation => format!("`{what}` holds now"),
        Kind::Fault => format!("a planned fault touches nothing on {}, before on {}", on(*after), on(*before)),
        Kind::Claim => format!("the claim {what} is broken on {}, before on {}", on(*after), on(*before)),
        Kind::Invariant => format!("{what} is broken on {}, before on {}", on(*after), on(*before)),
        Kind::Verdict if *undecided > 0 => {
            format!("{what} does not pass on {} ({undecided} undecided), before on {}", on(*after), on(*before))
        }
        Kind::Verdict if *before == *after => {
            format!("{what} fails on {} as before, but on others", of(*after, seeds))
        }
        Kind::Verdict if *after == 0 => {
            format!("{what} passes now on {}, where it failed on {}", all(seeds), on(*before))
        }
        Kind::Verdict if *before == 0 => format!("{what} fails on {}, where it passed on {}", on(*after), all(seeds)),
        Kind::Verdict => format!("{what} fails on {}, before on {}", on(*after), on(*before)),
    }
}

/// The numbers beyond their budgets by name, and how many others are worse or better.
fn numbers_in_words(design: &DesignDiff) -> String {
    let (regressed, rest): (Vec<_>, Vec<_>) = design.numbers.iter().partition(|number| number.is_regressed);
    let (worse, better): (Vec<_>, Vec<_>) = rest.into_iter().partition(|number| number.worse_by > 0.0);
    let mut parts: Vec<String> = Vec::new();
    if !regressed.is_empty() {
        parts.push(listed(regressed.iter().map(|number| number_in_words(number))));
    }
    if !worse.is_empty() {
        let has_budgets = worse.iter().all(|number| number.allowance.is_some());
        let within = if has_budgets { " within budget" } else { ", which may be chance" };
        parts.push(if regressed.is_empty() {
            format!("{}{within}", listed(worse.iter().map(|number| number_in_words(number))))
        } else {
            format!("{} more {} worse{within}", worse.len(), if worse.len() == 1 { "is" } else { "are" })
        });
    }
    if !better.is_empty() {
        let named = if regressed.is_empty() && worse.is_empty() {
            listed(better.iter().map(|number| number_in_words(number)))
        } else {
            format!("{} better", better.len())
        };
        parts.push(named);
    }
    parts.join("; ")
}

/// `write_latency_ms_p99 is 83.2 ms worse (+20.1 %), beyond its budget of 2 %`.
fn number_in_words(number: &NumberChange) -> String {
    let way = if number.worse_by > 0.0 { "worse" } else { "better" };
    let share = share(number).map_or(String::new(), |share| format!(" ({share})"));
    let beyond = match (number.is_regressed, number.allowance) {
        (true, Some(allowance)) => format!(", beyond its budget of {}", allowance_in_words(number, allowance)),
        _ => String::new(),
    };
    format!("{} {} {way}{share}{beyond}", number.name, amount(number, number.worse_by.abs()))
}

/// An amount of a metric with its unit: `83.2 ms`, `12`, `0.5 points`.
fn amount(number: &NumberChange, amount: f64) -> String {
    let Label { words, scale } = label_of(number, amount);
    let unit = match words.rsplit_once(", ") {
        Some((_, "%")) => " points",
        Some((_, unit)) => &format!(" {unit}"),
        None => "",
    };
    format!("{}{unit}", shown(amount / scale))
}

/// The label of a number's metric, for numbers as large as `largest`.
fn label_of(number: &NumberChange, largest: f64) -> Label {
    let label = match number.name.split_once('/') {
        Some((_, region)) => regional_label(number.metric, region),
        None => label(number.metric, largest),
    };
    match label.words.strip_prefix("  ") {
        // It stands under what it is a part of elsewhere, and alone here.
        Some(part) => Label { words: format!("unanswered writes {part}"), ..label },
        None => label,
    }
}

/// A number to three significant digits or more: enough to see what changed.
fn shown(number: f64) -> String {
    let size = number.abs();
    let decimals = if size >= 100.0 {
        1
    } else if size >= 1.0 {
        2
    } else if size >= 0.01 {
        4
    } else {
        6
    };
    trimmed(number, decimals)
}

/// The change in parts of the baseline's mean, with its sign: `+20.1 %`.
fn share(number: &NumberChange) -> Option<String> {
    number.share().map(|share| format!("{}{} %", if share > 0.0 { "+" } else { "−" }, shown(share.abs() * 100.0)))
}

fn allowance_in_words(number: &NumberChange, allowance: Allowance) -> String {
    match allowance {
        Allowance::Share(share) => format!("{} %", shown(share * 100.0)),
        Allowance::Amount(most) => amount(number, most),
    }
}

/// The first few, and how many more.
fn listed(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    let mut text = items[..items.len().min(NAMED)].join(", ");
    if items.len() > NAMED {
        text.push_str(&format!(" and {} more", items.len() - NAMED));
    }
    text
}

#[cfg(test)]
mod tests;
