//! Semi-synchronous replication, and waits that are cancelled: writes wait for backups, but not for ever.
//!
//! What is acknowledged after that is the primary's alone, and nobody is told: a failover loses it. Semi-synchronous, one wait is
//! enough, and later writes have none; where a session cancels its wait, the next waits as long. Next: `monitor.rs`.

use std::collections::VecDeque;

use crate::protocol::Context;
use crate::time::{Duration, Time};

use super::plan::Plan;
use super::replica::{Duty, Replica};
use super::{PrimaryBackup, Timer};

/// How long a primary's writes have waited.
#[derive(Clone, Debug, Hash)]
pub(super) struct Patience {
    /// How long one waits at most; `None` for as long as it takes.
    lasts: Option<Duration>,
    /// Whether it is a session that has enough of its own wait then, and not the primary that has of all.
    cancels: bool,
    /// The entries that are not known to be held by enough, and when each came, by the primary's clock.
    waiting: VecDeque<(u64, Time)>,
    /// Whether one has waited for too long, and enough backups have not been back since.
    is_out: bool,
    /// The last entry of which the wait was cancelled. Those before it came before it, and waited longer.
    cancelled: u64,
}

impl Patience {
    pub fn new(plan: &Plan) -> Patience {
        let lasts = plan.degrade_after.or(plan.cancel_wait_after).filter(|_| plan.copies > 0);
        let cancels = plan.cancel_wait_after.is_some();
        Patience { lasts, cancels, waiting: VecDeque::new(), is_out: false, cancelled: 0 }
    }

    /// So much is held by enough, and waits no longer.
    fn forget(&mut self, held: u64) {
        while self.waiting.front().is_some_and(|(index, _)| *index <= held) {
            self.waiting.pop_front();
        }
    }

    /// Whether writes wait for nobody.
    pub fn is_out(&self) -> bool {
        self.is_out
    }

    /// How far waits were cancelled.
    pub fn cancelled(&self) -> u64 {
        self.cancelled
    }

    /// How many backups a write waits for now.
    pub fn copies(&self, plan: &Plan) -> usize {
        if self.is_out { 0 } else { plan.copies }
    }
}

impl Replica {
    /// An entry is new in the log: from now on it waits.
    pub(super) fn wait_for_backups(&mut self, index: u64, cx: &mut Context<PrimaryBackup>) {
        let Duty::Leading(primary) = &mut self.duty else { return };
        let patience = &mut primary.patience;
        let Some(lasts) = patience.lasts.filter(|_| !patience.is_out) else { return };
        if patience.cancels && self.log.get(index).is_none_or(|entry| entry.sequence == 0) {
            return; // nobody asked for it
        }
        patience.forget(primary.held_by_enough);
        if patience.waiting.is_empty() {
            cx.set_timer(Timer::Degrade, lasts);
        }
        patience.waiting.push_back((index, cx.now()));
    }

    /// The oldest entry that waited when this was set has waited long enough, unless it is held by now.
    pub(super) fn degrade(&mut self, cx: &mut Context<PrimaryBackup>) {
        let Duty::Leading(primary) = &mut self.duty else { return };
        let patience = &mut primary.patience;
        let Some(lasts) = patience.lasts.filter(|_| !patience.is_out) else { return };
        patience.forget(primary.held_by_enough);
        let Some((_, since)) = patience.waiting.front() else { return };
        let waited = cx.now().since(*since);
        if waited < lasts {
            return cx.set_timer(Timer::Degrade, lasts - waited);
        }
        if patience.cancels {
            self.cancel_waits(lasts, cx);
        } else {
            patience.is_out = true;
            patience.waiting.clear();
        }
        self.advance(cx);
    }

    /// Whoever has waited for long enough cancels that, and looks again when the next will have.
    fn cancel_waits(&mut self, lasts: Duration, cx: &mut Context<PrimaryBackup>) {
        let Duty::Leading(primary) = &mut self.duty else { return };
        let patience = &mut primary.patience;
        while let Some((index, since)) = patience.waiting.front().copied() {
            let waited = cx.now().since(since);
            if waited < lasts {
                return cx.set_timer(Timer::Degrade, lasts - waited);
            }
            patience.cancelled = index;
            patience.waiting.pop_front();
        }
    }

    /// A backup acknowledged something: if enough have the whole log, writes wait for them again.
    pub(super) fn look_who_is_back(&mut self) {
        let (length, copies) = (self.log.len(), self.plan.copies);
        let Duty::Leading(primary) = &mut self.duty else { return };
        if primary.patience.is_out && primary.acked.values().filter(|acked| acked.now >= length).count() >= copies {
            primary.patience.is_out = false;
        }
    }
}
