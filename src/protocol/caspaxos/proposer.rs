//! The proposer: changes of a key, one after the other, each of which a majority promises and then accepts. Next: `reader.rs`.
//!
//! What a round may say of a client's operation, and when:
//!
//! - Before the operation's effect is sent to any acceptor, its own among them, it can be refused, and nothing of it ever takes
//!   effect: a state has it only if it was sent.
//! - From then on somebody may hold it, and whoever proposes next may have to go on from there. So it is seen through, under higher
//!   ballots, until it is in a state that a majority has; or its time is over and nobody answers.

use std::collections::VecDeque;

use crate::id::{Key, NodeId, RequestId};
use crate::op::{Op, Refusal, Reply};
use crate::time::{Duration, Time};

use super::super::Context;
use super::super::mutant::Mutant;
use super::register::{Known, Seats};
use super::{Ballot, CasPaxos, Conflict, Message, Register, Timer};

/// What a proposer does with a key.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Desk {
    /// What is to be done, in order. The round is about the first.
    pub(super) jobs: VecDeque<Job>,
    round: Option<Round>,
    /// A ballot that a majority has promised together with what it accepted last.
    reserved: Option<Ballot>,
    /// The highest counter that was heard of.
    seen: u64,
}

/// Something to be done.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Job {
    what: Task,
    /// Nobody waits for longer.
    until: Time,
    /// Whether some acceptor may have a state with the operation in it.
    is_out: bool,
    /// How often it met another.
    conflicts: u32,
    /// How often its ballot was too low.
    too_low: u32,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Task {
    /// Carry a client's operation out.
    Change(RequestId, Op),
    /// See to it that what the key is is chosen, and tell whoever reads it.
    Confirm(Option<RequestId>),
}

/// One attempt.
#[derive(Clone, Debug, Hash)]
struct Round {
    ballot: Ballot,
    stage: Stage,
    /// When its messages were sent last.
    since: Time,
    /// Who said yes, who promised the next ballot as well, and who said no.
    heard: Seats,
    reserved: Seats,
    refused: Seats,
    /// While it asks for promises: the highest ballot that was accepted by those who gave one, and by how many.
    best: Ballot,
    agree: usize,
    /// What was accepted there; and then what is proposed.
    register: Register,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    /// It asks for promises: the paper's first phase.
    Prepare,
    /// It asks for acceptance: the second.
    Accept,
    /// It has met another and will be tried again.
    Wait,
}

/// Waits are doubled so often at most.
const DOUBLINGS_MAX: u32 = 5;

impl CasPaxos {
    /// A client asks for a change.
    pub(super) fn change(&mut self, id: RequestId, op: Op, cx: &mut Context<Self>) {
        let key = op.key();
        match self.copies.recall(key, id) {
            Known::Done(reply) => return cx.reply_unsynced(id, reply),
            Known::Superseded => return,
            Known::New => {}
        }
        // Whoever asks again while it is being done waits for the same answer.
        let is_same =
            |job: &Job| matches!(job.what, Task::Change(of, _) if (of.client, of.sequence) == (id.client, id.sequence));
        if !self.desks.get(key).is_some_and(|desk| desk.jobs.iter().any(is_same)) {
            let until = cx.now() + self.options.patience;
            self.put_on_desk(key, Task::Change(id, op), until, cx);
        }
    }

    pub(super) fn put_on_desk(&mut self, key: Key, what: Task, until: Time, cx: &mut Context<Self>) {
        if self.desks.get(key).is_none() {
            self.desks.insert(key, Desk::default());
        }
        let desk = self.desk(key);
        desk.jobs.push_back(Job { what, until, is_out: false, conflicts: 0, too_low: 0 });
        if desk.jobs.len() == 1 {
            self.busy.push(key);
            self.begin(key, cx);
        }
        self.keep_watch(cx);
    }

    fn desk(&mut self, key: Key) -> &mut Desk {
        self.desks.get_mut(key).expect("a key that something was done with has a desk")
    }

    fn round(&mut self, key: Key, ballot: Ballot, stage: Stage) -> Option<&mut Round> {
        let round = self.desks.get_mut(key)?.round.as_mut()?;
        (round.ballot == ballot && round.stage == stage).then_some(round)
    }

    /// Begins a round for the first job that is left, if any is.
    pub(super) fn begin(&mut self, key: Key, cx: &mut Context<Self>) {
        self.finish(key, false, cx);
        let reserved = self.desk(key).reserved.take();
        self.desk(key).round = None;
        if self.desk(key).jobs.is_empty() || !self.is_awake {
            self.desk(key).reserved = reserved;
            return;
        }
        let promised = self.slots.get(key).map_or(Ballot::NONE, |slot| slot.promised);
        let known = self.copies.ballot(key);
        match reserved.filter(|ballot| *ballot == promised && *ballot == known.next()) {
            Some(ballot) => self.propose(key, ballot, self.known(key), cx),
            None => {
                let desk = self.desk(key);
                // Further ahead each time, or a region that writes all the time is never caught up with.
                let leap = desk.jobs.front().map_or(1, |job| 1 << job.too_low.min(DOUBLINGS_MAX));
                let counter = leap + promised.counter.max(known.counter).max(desk.seen);
                self.prepare(key, Ballot { counter, node: cx.me(), life: self.life }, cx);
            }
        }
    }

    fn prepare(&mut self, key: Key, ballot: Ballot, cx: &mut Context<Self>) {
        let round = Round::new(ballot, Stage::Prepare, Register::default(), cx.now());
        let desk = self.desk(key);
        (desk.seen, desk.round) = (ballot.counter, Some(round));
        self.tell_peers(&Message::Prepare { key, ballot }, cx);
        self.asked_to_promise(cx.me(), key, ballot, cx);
    }

    /// An acceptor promises the ballot.
    pub(super) fn promised(
        &mut self,
        from: NodeId,
        (key, ballot): (Key, Ballot),
        (accepted, register): (Ballot, Register),
        cx: &mut Context<Self>,
    ) {
        let (seat, majority) = (CasPaxos::seat(from, cx), CasPaxos::majority(cx));
        let Some(round) = self.round(key, ballot, Stage::Prepare) else { return };
        if !round.heard.insert(seat) {
            return;
        }
        if accepted > round.best {
            (round.best, round.register, round.agree) = (accepted, register, 0);
        }
        round.agree += usize::from(accepted == round.best);
        if round.heard.len() < majority {
            return;
        }
        let (best, is_agreed) = (round.best, round.agree >= majority);
        let found = std::mem::take(&mut round.register);
        let is_later = best > self.copies.ballot(key);
        let base = if is_agreed || self.copies.is_chosen(key, best) {
            self.learn(key, best, &found, cx);
            if is_later { found } else { self.known(key) }
        } else if is_later && !self.options.mutant.is(Mutant::P2) {
            // Somebody's change may be chosen or not. It is from now on, and one's own comes after it.
            return self.ask_to_accept(key, ballot, found, cx);
        } else {
            self.known(key)
        };
        self.finish(key, true, cx);
        match self.desk(key).jobs.front() {
            Some(Job { what: Task::Change(..), .. }) => self.propose(key, ballot, base, cx),
            _ => {
                self.release(key, ballot, cx);
                self.begin(key, cx);
            }
        }
    }

    /// What the key is known to be.
    fn known(&self, key: Key) -> Register {
        self.copies.register(key).cloned().unwrap_or_default()
    }

    /// Proposes what the first job makes of a state that is known to be chosen.
    fn propose(&mut self, key: Key, ballot: Ballot, known: Register, cx: &mut Context<Self>) {
        let job = self.desk(key).jobs.front_mut().expect("a round is about a job");
        let register = match job.what {
            Task::Change(id, op) => {
                job.is_out = true;
                known.after(id, op)
            }
            Task::Confirm(_) => known,
        };
        self.ask_to_accept(key, ballot, register, cx);
    }

    fn ask_to_accept(&mut self, key: Key, ballot: Ballot, register: Register, cx: &mut Context<Self>) {
        let round = Round::new(ballot, Stage::Accept, register.clone(), cx.now());
        let reserve = self.options.piggyback;
        self.desk(key).round = Some(round);
        self.tell_peers(&Message::Accept { key, ballot, register: register.clone(), reserve }, cx);
        self.asked_to_accept(cx.me(), (key, ballot), register, reserve, cx);
    }

    /// An acceptor has what was proposed, on disk.
    pub(super) fn accepted(
        &mut self,
        from: NodeId,
        (key, ballot): (Key, Ballot),
        reserved: bool,
        cx: &mut Context<Self>,
    ) {
        let (seat, majority) = (CasPaxos::seat(from, cx), CasPaxos::majority(cx));
        let Some(round) = self.round(key, ballot, Stage::Accept) else { return };
        round.heard.insert(seat);
        if reserved {
            round.reserved.insert(seat);
        }
        if round.heard.len() < majority {
            return;
        }
        let (register, has_next) = (std::mem::take(&mut round.register), round.reserved.len() >= majority);
        let desk = self.desk(key);
        desk.round = None;
        desk.reserved = has_next.then_some(ballot.next());
        self.learn(key, ballot, &register, cx);
        self.tell_peers(&Message::Chosen { key, ballot }, cx);
        self.finish(key, true, cx);
        self.begin(key, cx);
    }

    /// Answers what is done by now, from the first job on. `is_fresh` says that the copy is what the key was, or what it became, since the first
    /// was put there.
    fn finish(&mut self, key: Key, mut is_fresh: bool, cx: &mut Context<Self>) {
        while let Some(job) = self.desk(key).jobs.front() {
            match job.what {
                Task::Change(id, _) => match self.copies.recall(key, id) {
                    Known::Done(reply) => cx.reply_unsynced(id, reply),
                    Known::Superseded => {}
                    Known::New => return,
                },
                Task::Confirm(request) if is_fresh => {
                    let value = self.copies.value(key);
                    request.into_iter().for_each(|id| cx.reply_unsynced(id, Reply::Read(value)));
                }
                Task::Confirm(_) => return,
            }
            is_fresh = false;
            self.take_first(key);
        }
    }

    fn take_first(&mut self, key: Key) {
        let desk = self.desk(key);
        desk.jobs.pop_front();
        if desk.jobs.is_empty() {
            self.busy.retain(|busy| *busy != key);
        }
    }

    /// An acceptor says no.
    pub(super) fn refused(
        &mut self,
        from: NodeId,
        (key, ballot): (Key, Ballot),
        (promised, is_idle): (Ballot, bool),
        cx: &mut Context<Self>,
    ) {
        let (seat, members, majority) = (CasPaxos::seat(from, cx), cx.members().len(), CasPaxos::majority(cx));
        let Some(desk) = self.desks.get_mut(key) else { return };
        desk.seen = desk.seen.max(promised.counter);
        let Some(round) = desk.round.as_mut().filter(|round| round.ballot == ballot) else { return };
        round.refused.insert(seat);
        match round.stage {
            Stage::Wait => {}
            Stage::Prepare if is_idle => {
                // It was too low, and nobody is in the way.
                desk.jobs.front_mut().into_iter().for_each(|job| job.too_low += 1);
                self.begin(key, cx);
            }
            _ if members - round.refused.len() < majority => self.met_another(key, cx),
            _ => {}
        }
    }

    /// The round cannot succeed: another change is, or was, under way.
    fn met_another(&mut self, key: Key, cx: &mut Context<Self>) {
        let (rejects, lies) = (self.options.conflict == Conflict::Reject, self.options.mutant.is(Mutant::P6));
        let desk = self.desk(key);
        let Some(round) = desk.round.as_mut() else { return };
        let (ballot, was) = (round.ballot, std::mem::replace(&mut round.stage, Stage::Wait));
        let job = desk.jobs.front_mut().expect("a round is about a job");
        job.conflicts += 1;
        let Job { what, is_out, conflicts, .. } = *job;
        if was == Stage::Prepare {
            self.release(key, ballot, cx);
        }
        match what {
            Task::Change(id, _) if rejects && (!is_out || lies) => {
                cx.refuse(id, Refusal::Conflict);
                self.take_first(key);
                // Replicas that all have more to do would meet again at once, for ever: each holds its own promise. So the next waits
                // as if it had met the other itself.
                match self.desk(key).jobs.front_mut() {
                    Some(next) => next.conflicts = conflicts,
                    None => return self.begin(key, cx),
                }
            }
            _ => {}
        }
        let longest = self.options.backoff * (1 << (conflicts - 1).min(DOUBLINGS_MAX));
        let wait = cx.random_between(Duration::ZERO, longest);
        cx.set_timer(Timer::Again(key), wait);
    }

    /// It has waited long enough.
    pub(super) fn again(&mut self, key: Key, cx: &mut Context<Self>) {
        if self.desks.get(key).is_some_and(|desk| matches!(&desk.round, Some(round) if round.stage == Stage::Wait)) {
            self.begin(key, cx);
        }
    }

    /// Whoever has promised this ballot need not keep others waiting for it.
    fn release(&mut self, key: Key, ballot: Ballot, cx: &mut Context<Self>) {
        self.tell_peers(&Message::Release { key, ballot }, cx);
        self.released(key, ballot);
    }

    /// Looks after a key that something is being done with: what has waited too long is given up, and what may be lost sent again.
    pub(super) fn look_after(&mut self, key: Key, cx: &mut Context<Self>) {
        let (now, resend_after) = (cx.now(), self.options.resend_after);
        let before = self.desk(key).jobs.len();
        while let Some(job) = self.desk(key).jobs.front().filter(|job| job.until <= now).copied() {
            match job.what {
                Task::Change(..) if job.is_out => {} // nobody knows
                Task::Change(id, _) | Task::Confirm(Some(id)) => cx.refuse(id, Refusal::Unavailable),
                Task::Confirm(None) => self.doubt_again(key, cx),
            }
            self.take_first(key);
        }
        let is_late = self.desk(key).jobs.len() < before;
        let Some(round) = &mut self.desk(key).round else { return };
        let (ballot, stage, refused, heard) = (round.ballot, round.stage, round.refused, round.heard);
        if is_late {
            if stage == Stage::Prepare {
                self.release(key, ballot, cx);
            }
            return self.begin(key, cx);
        }
        if stage == Stage::Wait || now.since(round.since) < resend_after {
            return;
        }
        if refused.len() > 0 {
            return self.met_another(key, cx);
        }
        round.since = now;
        let message = match stage {
            Stage::Prepare => Message::Prepare { key, ballot },
            _ => Message::Accept { key, ballot, register: round.register.clone(), reserve: self.options.piggyback },
        };
        let silent = cx.members().iter().enumerate().filter(|(seat, _)| !heard.contains(*seat));
        for (_, member) in silent {
            cx.send_unsynced(member.node, message.clone());
        }
    }
}

impl Round {
    fn new(ballot: Ballot, stage: Stage, register: Register, since: Time) -> Round {
        let (heard, reserved, refused) = Default::default();
        Round { ballot, stage, since, heard, reserved, refused, best: Ballot::NONE, agree: 0, register }
    }
}
