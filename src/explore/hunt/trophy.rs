//! What a hunt brings home: failures made small, each kind of them once. Next: `../shrink/mod.rs`.

use crate::explore::shrink::{Case, Shrunk, as_written, shrink};
use crate::scenario::{Document, Scenario};
use crate::trace::FaultKinds;

use super::{Failure, Hunted, Watcher};

/// A failure, made small.
#[derive(Clone, Debug)]
pub struct Trophy {
    /// The run in which it was found.
    pub failure: Failure,
    /// What is left of it; `None` where it does not fail again with every fault planned.
    pub shrunk: Option<Shrunk>,
    /// How many of the failures that were made small came to the same: they break the same property by the same kinds of
    /// fault.
    pub alike: usize,
}

impl Trophy {
    /// The kinds of fault that it takes.
    pub fn kinds(&self) -> FaultKinds {
        let planned = self.shrunk.as_ref().and_then(|shrunk| Scenario::parse(&shrunk.case.document.text(), "").ok());
        planned.map_or(self.failure.kinds, |scenario| {
            FaultKinds::of(&scenario.setup.faults.iter().map(|fault| fault.action.kind()).collect::<Vec<_>>())
        })
    }
}

/// How much is done about what a hunt found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Care {
    /// So many failures of each property are made small: others like them hardly tell more.
    pub of_a_property: usize,
    /// How many runs may be spent on each.
    pub runs: u64,
}

/// Makes the failures of a design small, and keeps the smallest of those that come to the same. `document` and `scenario` are what was hunted in, with that design alone.
pub fn trophies(
    hunted: &Hunted,
    document: &Document,
    scenario: &Scenario,
    care: Care,
    watcher: &Watcher,
) -> Vec<Trophy> {
    let mut trophies: Vec<Trophy> = Vec::new();
    for (place, failure) in hunted.failures.iter().enumerate() {
        let property = &failure.broken.property;
        let before = hunted.failures[..place].iter().filter(|other| other.broken.property == *property).count();
        if before >= care.of_a_property || (before > 0 && watcher.is_stopped()) {
            continue;
        }
        let shrunk = shrink(&Case::of(failure, document, scenario), &as_written, care.runs, watcher);
        let trophy = Trophy { failure: failure.clone(), shrunk, alike: 1 };
        let kinds = trophy.kinds();
        let same =
            trophies.iter_mut().find(|other| other.failure.broken.property == *property && other.kinds() == kinds);
        match same {
            Some(other) => {
                let size = |trophy: &Trophy| trophy.shrunk.as_ref().map(|shrunk| shrunk.after);
                let is_smaller = size(&trophy).is_some_and(|size_| size(other).is_none_or(|other| size_ < other));
                let alike = other.alike + 1;
                if is_smaller {
                    *other = trophy;
                }
                other.alike = alike;
            }
            None => trophies.push(trophy),
        }
    }
    trophies
}
