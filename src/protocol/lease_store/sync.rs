//! Synchronous mode: the store has the name of the one backup that writes wait for, and nobody but that one and the primary may take
//! the key.
//!
//! Which of the two is changed first is all there is to it. A backup is waited for before it is named, and is no longer named before it
//! is not waited for; and who has taken the key names itself alone before it serves. So whoever may be promoted has every write that
//! was acknowledged.

use crate::id::{NodeId, Value};
use crate::op::Op;
use crate::protocol::Context;
use crate::protocol::primary_backup::Wait;
use crate::time::Time;

use super::LeaseStore;
use super::agent::{Agent, Step};
use super::keys::{LEADER, LeaderKey, SYNC, SyncKey};

/// What is done once the key is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Then {
    /// Nobody has the leader key, and this node may be one that takes it.
    Race(LeaderKey),
    /// This node has the leader key, and does not know whom its writes must wait for.
    Renew(LeaderKey),
}

impl Agent {
    pub(super) fn read_sync(&mut self, then: Then, cx: &mut Context<LeaseStore>) {
        self.step = Step::ReadingSync(then);
        self.session.ask(Op::Read(SYNC), cx);
    }

    pub(super) fn learn_sync(&mut self, found: Option<Value>, then: Then, cx: &mut Context<LeaseStore>) {
        let sync = SyncKey::read(found, self.plan.first_primary);
        self.sync = Some(sync);
        match then {
            Then::Race(_) if !sync.names(cx.me()) => self.rest(cx),
            Then::Race(vacant) => self.poll(vacant, cx),
            Then::Renew(key) if sync.primary != cx.me() => self.clear(key, None, cx),
            Then::Renew(key) => {
                self.wait_as_named(cx);
                self.renew(key, cx);
            }
        }
    }

    /// This node has taken the leader key, and has every write that was acknowledged; from now on, alone.
    pub(super) fn clear(&mut self, key: LeaderKey, since: Option<Time>, cx: &mut Context<LeaseStore>) {
        let Some(sync) = self.sync.take() else { return self.read_sync(Then::Renew(key), cx) };
        let new = sync.led_by(cx.me());
        self.step = Step::Clearing { key, since, new };
        self.write_sync(sync, new, cx);
    }

    pub(super) fn cleared(&mut self, key: LeaderKey, since: Option<Time>, new: SyncKey, cx: &mut Context<LeaseStore>) {
        self.sync = Some(new);
        self.wait_as_named(cx);
        match since {
            Some(since) => self.hold(key, since, cx),
            None => self.renew(key, cx),
        }
    }

    /// Who was named has changed since it was read, or that is not known: this node may not be among them any more.
    pub(super) fn release(&mut self, key: LeaderKey, cx: &mut Context<LeaseStore>) {
        self.sync = None;
        self.step = Step::Releasing;
        let expected = key.stored(self.plan.first_primary);
        self.session.ask(Op::CompareAndSet { key: LEADER, expected, new: key.vacated().value() }, cx);
    }

    /// The primary's look at its backups, each time that it has renewed its key: names one that has all, or takes the name of one
    /// away that has owed an answer for too long.
    pub(super) fn review_sync(&mut self, cx: &mut Context<LeaseStore>) {
        let Some(sync) = self.sync else { return self.rest(cx) };
        let new = match sync.backup {
            Some(backup) if self.database().is_silent(backup, self.plan.retry_timeout, cx.now()) => sync.with(None),
            Some(_) => return self.rest(cx),
            None => match self.database().caught_up() {
                Some(backup) => {
                    self.wait_for(Wait::For(backup), cx);
                    sync.with(Some(backup))
                }
                None => return self.rest(cx),
            },
        };
        self.sync = None;
        self.step = Step::Naming(new);
        self.write_sync(sync, new, cx);
    }

    pub(super) fn named(&mut self, new: SyncKey, cx: &mut Context<LeaseStore>) {
        self.sync = Some(new);
        self.wait_as_named(cx);
        self.rest(cx);
    }

    fn write_sync(&mut self, sync: SyncKey, new: SyncKey, cx: &mut Context<LeaseStore>) {
        let expected = sync.stored(self.plan.first_primary);
        self.session.ask(Op::CompareAndSet { key: SYNC, expected, new: new.value() }, cx);
    }

    /// Writes wait for the one that is named; where none is, for nobody, or in strict mode until one is.
    fn wait_as_named(&mut self, cx: &mut Context<LeaseStore>) {
        let Some(sync) = self.sync else { return };
        let alone = if self.plan.strict { Wait::Forever } else { Wait::Nobody };
        self.wait_for(sync.backup.map_or(alone, Wait::For), cx);
    }

    /// Whether that one's position counts in a race.
    pub(super) fn may_lead(&self, replica: NodeId) -> bool {
        !self.plan.synchronous || self.sync.is_some_and(|sync| sync.names(replica))
    }
}
