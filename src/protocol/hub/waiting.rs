//! Requests of clients who have seen more than this region shows: they wait a while, and are then sent to a region that shows it.

use std::collections::VecDeque;

use super::super::patient::Patient;
use super::store::Standing;
use super::{Context, Hub, Request, Timer, Token};
use crate::id::NodeId;
use crate::op::{Op, Refusal, Reply};
use crate::time::{Duration, Time};

impl Hub {
    /// What whoever sees this region's copy now has seen.
    pub(super) fn token(&self, cx: &Context<Self>) -> Token {
        let tentative = if self.options.waits() { None } else { self.tentative.seen(cx.me()) };
        Token { confirmed: self.store.index(), tentative }
    }
}

impl Patient for Hub {
    const OUT_OF_PATIENCE: Timer = Timer::Patience;

    fn patience(&self) -> Duration {
        self.options.patience
    }

    fn waiting(&mut self) -> &mut VecDeque<(Time, Request<Self>)> {
        &mut self.waiting
    }

    /// A region that shows what a client has seen and this one does not.
    fn lacked(&self, token: &Token, cx: &Context<Self>) -> Option<NodeId> {
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

    fn serve(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        match request.op {
            Op::Read(key) => cx.reply_with(request.id, Reply::Read(self.shown(key)), self.token(cx)),
            Op::Write(key, value) => self.write(key, value, request, cx),
            _ => cx.refuse(request.id, Refusal::Unsupported),
        }
    }
}
