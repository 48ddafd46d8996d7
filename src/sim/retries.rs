//! Clients that ask again by a policy: after a refusal or a time of each attempt's own, with growing waits, within a budget,
//! and of two nodes at once. Without a policy nothing of this file is called: see `clients.rs`.

use crate::id::{ClientId, NodeId, RegionId};
use crate::model::retry::Retry;
use crate::protocol::Protocol;
use crate::rng::Stream;

use super::clients::Active;
use super::future::Plain;
use super::setup::Setup;
use super::world::World;

/// What a run's clients know of their retries, by region.
#[derive(Debug)]
pub(super) struct Retries {
    pub(super) policy: Retry,
    sites: Vec<Site>,
    /// How many retries and hedges were sent.
    pub(super) sent: u64,
}

#[derive(Debug)]
struct Site {
    stream: Stream,
    /// What is in the budget's bucket, in parts of a token.
    tokens: u64,
}

impl Retries {
    /// `None` where the workload has no policy.
    pub(super) fn new(setup: &Setup, seed: u64) -> Option<Retries> {
        let policy = setup.workload.retry?;
        let site = |name: &std::sync::Arc<str>| Site {
            stream: Stream::new(seed, &format!("retry {name}")),
            tokens: policy.budget.map_or(0, |budget| budget.full()),
        };
        Some(Retries { policy, sites: setup.topology.regions().iter().map(site).collect(), sent: 0 })
    }

    /// An operation begins.
    pub(super) fn deposit(&mut self, region: RegionId) {
        if let Some(budget) = self.policy.budget {
            let tokens = &mut self.sites[region.index()].tokens;
            *tokens = (*tokens + u64::from(budget.parts)).min(budget.full());
        }
    }

    /// Takes a token, if there is one.
    fn withdraw(&mut self, region: RegionId) -> bool {
        let Some(budget) = self.policy.budget else { return true };
        let tokens = &mut self.sites[region.index()].tokens;
        let left = tokens.checked_sub(u64::from(budget.whole));
        *tokens = left.unwrap_or(*tokens);
        left.is_some()
    }
}

impl<P: Protocol> World<'_, P> {
    fn policy(&self) -> Retry {
        self.retries.as_ref().expect("a policy is asked for where there is one").policy
    }

    /// An attempt was just made: its own time begins.
    pub(super) fn watch_attempt(&mut self, client: ClientId, sequence: u32, attempt: u32) {
        let policy = self.policy();
        if let Some(patience) = policy.attempt_timeout {
            self.later(self.now + patience, Plain::Alarm { client, sequence, attempt });
        }
        if let Some(after) = policy.hedge_after {
            self.later(self.now + after, Plain::Hedge { client, sequence, attempt });
        }
    }

    /// An attempt was refused, or took too long: the next one is made after a wait, unless there may be none.
    pub(super) fn try_again(&mut self, client: ClientId, mut active: Active) {
        if self.streams.is_some() && !active.refused {
            self.client_hangs_up(client, active.target);
        }
        let (region, policy) = (self.clients.region(client), self.policy());
        let has_more = policy.attempts.is_none_or(|most| active.tries + 1 < most);
        let retries = self.retries.as_mut().expect("a policy is asked for where there is one");
        if !has_more || !retries.withdraw(region) {
            return self.give_up(client, active);
        }
        active.tries += 1;
        active.attempt += 1; // what the last attempt was to be woken for is past
        (active.backs_off, active.hedged) = (true, None);
        let wait = policy.wait(active.tries, &mut retries.sites[region.index()].stream);
        let sequence = self.clients.put_back(client, active);
        self.later(self.now + wait, Plain::Alarm { client, sequence, attempt: active.attempt });
    }

    /// A client has waited long enough: for an answer, or before it asks again.
    pub(super) fn retry_alarm(&mut self, client: ClientId, active: Active) {
        if !active.backs_off {
            return self.try_again(client, active);
        }
        self.retries.as_mut().expect("a policy is asked for where there is one").sent += 1;
        self.ask_next(client, &active);
    }

    /// An attempt has no answer yet: another node is asked beside the one that is waited for.
    pub(super) fn hedge(&mut self, client: ClientId, sequence: u32, attempt: u32) {
        let Some(mut active) = self.clients.under_way(client, sequence, attempt) else { return };
        let (region, group) = (self.clients.region(client), self.group_of(&active.op).index());
        let other = self.clients.next_nearest(region, group, active.target);
        if active.backs_off || active.hedged.is_some() || other == active.target {
            return;
        }
        let retries = self.retries.as_mut().expect("a policy is asked for where there is one");
        if !retries.withdraw(region) {
            return;
        }
        retries.sent += 1;
        active.hedged = Some(other);
        self.clients.put_back(client, active);
        self.ask(client, other);
    }

    /// One of two nodes that were asked at once refused: the other is waited for.
    pub(super) fn one_of_two_refused(&mut self, client: ClientId, mut active: Active, from: NodeId) {
        active.unresolved = active.unresolved.saturating_sub(1);
        if let Some(other) = active.hedged.take()
            && from == active.target
        {
            active.target = other;
        }
        self.clients.put_back(client, active);
    }
}
