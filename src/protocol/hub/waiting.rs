//! Requests of clients who have seen more than this region shows: they wait a while, and are then sent to a region that shows it.

use super::store::Standing;
use super::{Context, Hub, Request, Timer, Token};
use crate::id::NodeId;
use crate::op::Refusal;

impl Hub {
    /// What whoever sees this region's copy now has seen.
    pub(super) fn token(&self, cx: &Context<Self>) -> Token {
        let tentative = if self.options.waits() { None } else { self.tentative.seen(cx.me()) };
        Token { confirmed: self.store.index(), tentative }
    }

    /// A region that shows what a client has seen and this one does not.
    pub(super) fn lacked(&self, token: &Token, cx: &Context<Self>) -> Option<NodeId> {
        if token.confirmed > self.store.index() {
            return Some(token.tentative.map_or(self.hub, |made| made.node));
        }
        let made = token.tentative?;
        let is_here = match self.store.standing(made.node, made.life) {
            // Nobody will see what a lost disk had.
            Standing::Ended => true,
            _ if made.node == cx.me() => made.life != self.tentative.life || made.number <= self.tentative.made,
            Standing::After(number) => made.number <= number,
        };
        (!is_here).then_some(made.node)
    }

    pub(super) fn wait(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        if self.waiting.is_empty() {
            cx.set_timer(Timer::Patience, self.options.patience);
        }
        self.waiting.push_back((cx.now() + self.options.patience, request));
    }

    /// Serves those whose clients have seen no more than is here by now, in the order in which they came.
    pub(super) fn serve_waiting(&mut self, cx: &mut Context<Self>) {
        if self.waiting.is_empty() {
            return;
        }
        for (until, request) in std::mem::take(&mut self.waiting) {
            if self.lacked(&request.session, cx).is_some() {
                self.waiting.push_back((until, request));
            } else {
                self.serve(request, cx);
            }
        }
        if self.waiting.is_empty() {
            cx.cancel_timer(Timer::Patience);
        }
    }

    /// Sends the clients who have waited for long enough to a region that shows what they have seen.
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
