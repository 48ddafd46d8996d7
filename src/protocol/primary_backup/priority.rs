//! Backups with an order: writes wait for the first that can be reached, and while it cannot, for the next.
//!
//! A backup counts as reached until it has owed an answer for `sender-timeout`, and again once it has the whole log; so a
//! cut stalls writes for that long, and not for a round trip. As of PostgreSQL's `FIRST 1 (...)`. Next: `degrade.rs`.

use crate::id::NodeId;
use crate::protocol::Context;
use crate::time::{Duration, Time};

use super::primary::{Acked, Primary};
use super::replica::{Duty, Replica};
use super::{PrimaryBackup, Timer};

impl Acked {
    /// It answered just now; the log has that many entries.
    pub(super) fn heard(&mut self, length: u64, now: Time) {
        let has_all = self.now >= length;
        self.owes_since = (!has_all).then_some(now);
        self.is_passed_over &= !has_all;
    }
}

impl Primary {
    /// How far the log is synced here and by the first backup in this order that is not passed over.
    pub(super) fn held_by_first(&self, order: &[NodeId]) -> u64 {
        let mut backups = order.iter().filter_map(|node| self.acked.get(node));
        let first = backups.find(|acked| !acked.is_passed_over);
        first.map_or(self.held_by_enough, |first| first.now.min(self.synced))
    }

    /// Looks again when the backup that has owed an answer for the longest will have owed it for so long.
    pub(super) fn watch_backups(&mut self, lasts: Duration, cx: &mut Context<PrimaryBackup>) {
        let reached = self.acked.values().filter(|acked| !acked.is_passed_over);
        let longest = reached.filter_map(|acked| acked.owes_since).min();
        if let Some(since) = longest.filter(|_| !self.is_watching) {
            self.is_watching = true;
            cx.set_timer(Timer::Sender, (since + lasts).since(cx.now()));
        }
    }
}

impl Replica {
    /// Whoever has owed an answer for too long is passed over.
    pub(super) fn pass_over(&mut self, cx: &mut Context<PrimaryBackup>) {
        let (Some(lasts), now) = (self.plan.sender_timeout, cx.now()) else { return };
        let Duty::Leading(primary) = &mut self.duty else { return };
        primary.is_watching = false;
        for acked in primary.acked.values_mut() {
            acked.is_passed_over |= acked.owes_since.is_some_and(|since| now.since(since) >= lasts);
        }
        primary.watch_backups(lasts, cx);
        self.advance(cx);
    }
}
