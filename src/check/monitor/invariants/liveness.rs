//! Liveness after heal: once nothing is broken, a write is acknowledged within the span that the design promises.
//!
//! What is judged is a write that was begun when that span had passed: if it ends without an answer before any other
//! since the heal had one, the promise is broken.

use crate::time::{Duration, Time};

use super::Invariant;
use super::breaches::Breaches;

/// Since when nothing is broken, where no write was answered since.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Liveness {
    promised: Option<Duration>,
    healed: Option<Time>,
}

impl Liveness {
    /// The longest of several promises counts.
    pub fn promise(&mut self, within: Duration) {
        self.promised = Some(self.promised.unwrap_or_default().max(within));
    }

    /// Something breaks.
    pub fn broke(&mut self) {
        self.healed = None;
    }

    /// The last thing that was broken is whole again.
    pub fn healed(&mut self, at: Time) {
        self.healed = Some(at);
    }

    /// A write that was begun then was answered.
    #[inline]
    pub fn answered(&mut self, begun: Time) {
        if self.healed.is_some_and(|healed| begun >= healed) {
            self.healed = None;
        }
    }

    /// A write that was begun then had no answer.
    pub fn unanswered(&mut self, begun: Time, at: Time, into: &mut Breaches) {
        let (Some(promised), Some(healed)) = (self.promised, self.healed) else { return };
        if begun >= healed + promised {
            into.note(Invariant::LivenessAfterHeal, at, &[], |_| {
                format!(
                    "nothing is broken from {healed} on, and {promised} are promised; no write is answered, that of \
                     {begun} neither"
                )
            });
        }
    }
}
