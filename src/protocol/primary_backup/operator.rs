//! The operator: a person who is paged when enough monitors suspect the primary, and who decides after a while whether
//! there is an election at all.

use crate::protocol::Context;
use crate::time::Duration;

use super::monitor::Monitor;
use super::{PrimaryBackup, Timer};

/// A person between suspicion and election.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Operator {
    /// How long from the page to the decision: at least and at most; each time in between is as likely.
    pub reaction: [Duration; 2],
    /// What is decided: `"by-hand"` (a failover, unless the primary is back by then) or `"never-across-regions"` (none: each
    /// region has one replica, so every promotion would be one). Default: `"by-hand"`.
    #[serde(default)]
    pub rule: Rule,
}

/// What an operator decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub enum Rule {
    /// A failover, unless the primary is back by then.
    #[default]
    ByHand,
    /// No failover to another region.
    NeverAcrossRegions,
}

/// How far the operator is with the suspicion at hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Approval {
    /// Nobody was paged.
    #[default]
    None,
    /// It is being looked at.
    Paged,
    /// The failover is wanted.
    Given,
}

impl Monitor {
    /// Whether the operator, if there is one, wants an election. The first of the monitors that suspect pages.
    pub(super) fn is_approved(&mut self, cx: &mut Context<PrimaryBackup>) -> bool {
        let Some(Operator { reaction: [least, most], rule }) = self.plan.operator else { return true };
        if rule == Rule::NeverAcrossRegions {
            return false;
        }
        if self.approval == Approval::None && self.is_first_suspecter(cx) {
            self.approval = Approval::Paged;
            let reaction = cx.random_between(least, most);
            cx.set_timer(Timer::Operator, reaction);
        }
        self.approval == Approval::Given
    }

    /// The operator has looked at it.
    pub(super) fn decide_by_hand(&mut self, cx: &mut Context<PrimaryBackup>) {
        if self.approval == Approval::Paged && self.suspects {
            self.approval = Approval::Given;
            self.campaign_again(cx);
        }
    }

    /// The suspicion is over: the next is another matter.
    pub(super) fn dismiss(&mut self, cx: &mut Context<PrimaryBackup>) {
        if self.approval != Approval::None {
            self.approval = Approval::None;
            cx.cancel_timer(Timer::Operator);
        }
    }
}
