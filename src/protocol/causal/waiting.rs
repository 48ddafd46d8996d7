//! Requests of clients who have seen more than this copy has: they wait a while, and are then sent to a node that has it.

use crate::id::NodeId;
use crate::op::{Op, Refusal};

use super::Clock;
use super::{Causal, Context, Request, Timer};

impl Causal {
    /// A node whose writes a client has seen and this copy lacks.
    pub(super) fn lacked(&self, token: &Clock, cx: &Context<Self>) -> Option<NodeId> {
        let members = cx.members().iter().map(|member| member.node);
        members.into_iter().find(|node| token.of(*node) > self.store.clock().of(*node))
    }

    pub(super) fn wait(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        if self.waiting.is_empty() {
            cx.set_timer(Timer::Patience, self.options.patience);
        }
        self.waiting.push_back((cx.now() + self.options.patience, request));
        self.ask_later(cx);
    }

    /// Serves those whose clients have seen no more than is here by now, in the order in which they came.
    pub(super) fn serve_waiting(&mut self, cx: &mut Context<Self>) {
        for (until, request) in std::mem::take(&mut self.waiting) {
            if self.lacked(&request.session, cx).is_some() {
                self.waiting.push_back((until, request));
                continue;
            }
            match request.op {
                Op::Write(key, value) => self.write(key, value, request, cx),
                op => self.read(op.key(), request, cx),
            }
        }
        if self.waiting.is_empty() {
            cx.cancel_timer(Timer::Patience);
        }
    }

    /// Sends the clients who have waited for long enough to a node that has what they have seen: for it is its own.
    pub(super) fn send_on(&mut self, cx: &mut Context<Self>) {
        while let Some((until, request)) = self.waiting.pop_front() {
            if until > cx.now() {
                cx.set_timer(Timer::Patience, until.since(cx.now()).min(self.options.patience));
                self.waiting.push_front((until, request));
                return;
            }
            let has = self.lacked(&request.session, cx).filter(|node| *node != cx.me());
            cx.refuse(request.id, has.map_or(Refusal::Unavailable, Refusal::Redirect));
        }
    }
}
