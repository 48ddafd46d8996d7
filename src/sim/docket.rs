//! The way to the judges: what happened is told as it happens, and heard at once or on another thread meanwhile.
//!
//! Nobody who tells waits for an answer. Whoever does want to know something [asks](Docket::ask), and then everything told is heard first.
//! Next: `judges.rs`; `aside.rs`, the other thread.

use crate::check::monitor::Seen;
use crate::id::{ClientId, GroupId, Key, NodeId, RegionId, Value};
use crate::op::{Op, Reply};
use crate::time::Time;
use crate::trace::Observation;

use super::aside::{Aside, FULL, Helper};
use super::judges::Judges;

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub(super) enum Told {
    /// A client asks for an operation.
    Asked { client: ClientId, op: Op, at: Time },
    /// It asks again, and what it asked before may take effect, too.
    AskedAgain { client: ClientId },
    /// The write that a client hears of next was decided by a leader, then.
    Decided { client: ClientId, at: Time, epoch: u64, decided: Time, server: NodeId, group: GroupId, is_abroad: bool },
    /// A client hears that its operation took effect. It is repeated where more than one node was asked: one may carry it out
    /// later than another.
    Heard { client: ClientId, at: Time, reply: Reply, server: NodeId, region: RegionId, is_repeated: bool },
    /// A client's operation had no answer in time. How it ended is told next.
    Unanswered { client: ClientId, at: Time },
    /// A client takes a write without an answer for done.
    Presumed { client: ClientId, at: Time, server: NodeId, region: RegionId, is_repeated: bool },
    /// An operation did not and will not take effect.
    Failed { client: ClientId, at: Time, region: RegionId },
    /// A client waits no longer for its operation.
    GaveUp { client: ClientId, at: Time, region: RegionId },
    /// The run is over, and a client's operation has not ended.
    Left { client: ClientId, at: Time, region: RegionId },
    /// A node says that a write is done.
    Acknowledged { seen: Seen, key: Key, value: Value },
    /// A copy took a write, in the order that its node gave it or in another's.
    Applied { seen: Seen, key: Key, value: Value, is_ordered: bool },
    /// A node observed something else.
    Observed { seen: Seen, observation: Observation },
}

/// Who hears, and when. What comes out is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Judging {
    /// The thread that runs, at once: for many runs, each on a core of its own.
    #[default]
    AtOnce,
    /// Another thread, meanwhile, if one can be started: for a single long run, where a second core has nothing to do.
    Meanwhile,
}

impl Judging {
    /// For so many runs on so many threads.
    pub fn of(runs: usize, threads: usize) -> Judging {
        if runs < threads { Judging::Meanwhile } else { Judging::AtOnce }
    }
}

/// The judges, and what they are yet to hear.
#[derive(Debug, Default)]
pub(super) struct Docket {
    /// Where they are not with the other thread.
    judges: Option<Box<Judges>>,
    /// What goes to the other thread next.
    told: Vec<Told>,
    aside: Option<Aside>,
}

impl Docket {
    /// For a new run, in the memory of an earlier one's.
    pub(super) fn begun_anew(mut self, judging: Judging, begin: impl FnOnce(&mut Judges)) -> Docket {
        begin(self.judges.get_or_insert_default());
        self.told.clear();
        match judging {
            Judging::AtOnce => self.aside = None,
            Judging::Meanwhile => {
                self.told.reserve_exact(FULL);
                self.aside = self.aside.or_else(Aside::new);
            }
        }
        self
    }

    /// The way to the second thread, where there is one.
    pub(super) fn helper(&self) -> Option<Helper> {
        self.aside.as_ref().map(Aside::helper)
    }

    /// Something happened.
    #[inline(always)]
    pub(super) fn tell(&mut self, told: Told) {
        match (&mut self.aside, &mut self.judges) {
            (None, Some(judges)) => judges.hear(&told),
            _ => {
                self.told.push(told);
                if self.told.len() >= FULL {
                    self.pass_on();
                }
            }
        }
    }

    #[inline(never)]
    fn pass_on(&mut self) {
        if let Some(aside) = &mut self.aside {
            aside.pass_on(self.judges.take(), &mut self.told);
        }
    }

    /// The judges, who have heard everything.
    pub(super) fn ask(&mut self) -> &mut Judges {
        let Docket { judges, told, aside } = self;
        let judges = judges.get_or_insert_with(|| aside.as_mut().expect("they are here or there").call_back());
        judges.hear_all(told);
        judges
    }

    /// The same, where nothing was told since they were asked last.
    pub(super) fn judges(&self) -> &Judges {
        debug_assert!(self.told.is_empty(), "the judges have not heard everything");
        self.judges.as_ref().expect("they were asked last")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_small() {
        assert!(size_of::<Told>() <= 64, "{} bytes", size_of::<Told>());
    }
}
