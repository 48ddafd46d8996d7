//! Reads: a majority is asked for what it holds, and where it does not agree the highest of that is offered to all, which chooses it.
//! Next: `copies.rs`.
//!
//! Offering what was accepted by somebody is what its proposer would do if it sent its message again, and takes no ballot: so reads stand
//! in nobody's way. Where a change under way stands in theirs, they are put on the proposer's desk.

use std::collections::VecDeque;

use crate::id::{Key, NodeId, RequestId, Value};
use crate::op::{Refusal, Reply};
use crate::time::Time;

use super::super::Context;
use super::super::mutant::Mutant;
use super::proposer::Task;
use super::register::Seats;
use super::{Ballot, CasPaxos, Message, Register};

/// The reads under way, by ticket.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Readings {
    /// The ticket of the first.
    first: u64,
    open: VecDeque<Reading>,
}

#[derive(Clone, Debug, Hash)]
struct Reading {
    /// Who reads; `None` where a replica wants to know what became of a change.
    request: Option<RequestId>,
    key: Key,
    until: Time,
    /// When its messages were sent last.
    since: Time,
    /// What is offered to all, where a majority did not agree.
    offer: Option<(Ballot, Register)>,
    heard: Seats,
    /// The highest ballot that was heard of, what was accepted there, and by how many.
    best: Ballot,
    register: Register,
    agree: usize,
    is_over: bool,
}

impl Readings {
    /// Those of a node that has started so often: an answer to a question before a crash is none to any after it.
    pub fn of_life(life: u32) -> Readings {
        Readings { first: u64::from(life) << 32, open: VecDeque::new() }
    }

    fn get(&mut self, ticket: u64) -> Option<&mut Reading> {
        let place = usize::try_from(ticket.checked_sub(self.first)?).ok()?;
        self.open.get_mut(place).filter(|reading| !reading.is_over)
    }

    fn push(&mut self, reading: Reading) -> u64 {
        self.open.push_back(reading);
        self.first + self.open.len() as u64 - 1
    }

    fn close(&mut self, ticket: u64) {
        if let Some(reading) = self.get(ticket) {
            (reading.is_over, reading.offer, reading.register) = (true, None, Register::default());
        }
        while self.open.front().is_some_and(|reading| reading.is_over) {
            self.open.pop_front();
            self.first += 1;
        }
    }

    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// The tickets of the oldest and of the one after the latest.
    fn tickets(&self) -> (u64, u64) {
        (self.first, self.first + self.open.len() as u64)
    }
}

impl CasPaxos {
    /// Reads a key, for a client or for oneself.
    pub(super) fn read(&mut self, request: Option<RequestId>, key: Key, cx: &mut Context<Self>) {
        let until = cx.now() + self.options.patience;
        self.ask(request, key, until, None, cx);
        self.keep_watch(cx);
    }

    fn ask(
        &mut self,
        request: Option<RequestId>,
        key: Key,
        until: Time,
        offer: Option<(Ballot, Register)>,
        cx: &mut Context<Self>,
    ) {
        let (heard, best, register) = Default::default();
        let since = cx.now();
        let reading = Reading {
            request,
            key,
            until,
            since,
            offer: offer.clone(),
            heard,
            best,
            register,
            agree: 0,
            is_over: false,
        };
        let ticket = self.readings.push(reading);
        self.tell_peers(&Message::Ask { key, ticket, offer: offer.clone() }, cx);
        self.asked(cx.me(), (key, ticket), offer, cx);
    }

    /// An acceptor tells what it holds.
    pub(super) fn told(
        &mut self,
        from: NodeId,
        ticket: u64,
        (accepted, register): (Ballot, Register),
        cx: &mut Context<Self>,
    ) {
        let (seat, members, majority) = (CasPaxos::seat(from, cx), cx.members().len(), CasPaxos::majority(cx));
        let Some(reading) = self.readings.get(ticket) else { return };
        if !reading.heard.insert(seat) {
            return;
        }
        if accepted > reading.best {
            (reading.best, reading.register, reading.agree) = (accepted, register, 0);
        }
        reading.agree += usize::from(accepted == reading.best);
        let (key, best, heard, agree) = (reading.key, reading.best, reading.heard.len(), reading.agree);
        let is_second = reading.offer.is_some();
        if heard < majority {
            return;
        }
        if agree >= majority || self.copies.is_chosen(key, best) {
            let register = std::mem::take(&mut reading.register);
            self.learn(key, best, &register, cx);
            self.answer(ticket, register.value, cx);
        } else if best <= self.copies.ballot(key) {
            let value = self.copies.value(key); // chosen meanwhile
            self.answer(ticket, value, cx);
        } else if self.options.mutant.is(Mutant::P5) {
            let value = reading.register.value;
            self.answer(ticket, value, cx);
        } else if !is_second {
            self.offer(ticket, cx);
        } else if agree + (members - heard) < majority {
            self.confirm(ticket, cx);
        }
    }

    fn answer(&mut self, ticket: u64, value: Option<Value>, cx: &mut Context<Self>) {
        let request = self.readings.get(ticket).and_then(|reading| reading.request);
        request.into_iter().for_each(|id| cx.reply_unsynced(id, Reply::Read(value)));
        self.readings.close(ticket);
    }

    /// A majority does not agree: all are to take the highest that was heard of.
    fn offer(&mut self, ticket: u64, cx: &mut Context<Self>) {
        let Some(reading) = self.readings.get(ticket) else { return };
        let (request, key, until) = (reading.request, reading.key, reading.until);
        let offer = (reading.best, std::mem::take(&mut reading.register));
        self.readings.close(ticket);
        self.ask(request, key, until, Some(offer), cx);
    }

    /// They do not all take it: a change is under way, or a later one was made.
    fn confirm(&mut self, ticket: u64, cx: &mut Context<Self>) {
        let Some(&mut Reading { request, key, until, .. }) = self.readings.get(ticket) else { return };
        self.readings.close(ticket);
        self.put_on_desk(key, Task::Confirm(request), until, cx);
    }

    /// What has waited too long is given up, what may be lost is asked again, and what is not agreed on put on the desk.
    pub(super) fn look_after_readings(&mut self, cx: &mut Context<Self>) {
        let (now, resend_after) = (cx.now(), self.options.resend_after);
        let (first, end) = self.readings.tickets();
        for ticket in first..end {
            let Some(reading) = self.readings.get(ticket) else { continue };
            let (request, key, is_second) = (reading.request, reading.key, reading.offer.is_some());
            if reading.until <= now {
                match request {
                    Some(id) => cx.refuse(id, Refusal::Unavailable),
                    None => self.doubt_again(key, cx),
                }
                self.readings.close(ticket);
            } else if now.since(reading.since) < resend_after {
            } else if is_second {
                self.confirm(ticket, cx);
            } else {
                reading.since = now;
                let heard = reading.heard;
                let silent = cx.members().iter().enumerate().filter(|(seat, _)| !heard.contains(*seat));
                for (_, member) in silent {
                    cx.send_unsynced(member.node, Message::Ask { key, ticket, offer: None });
                }
            }
        }
    }
}
