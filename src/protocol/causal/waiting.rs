//! Requests of clients who have seen more than this copy has: they wait a while, and are then sent to a node that has it.

use std::collections::VecDeque;

use super::super::patient::Patient;
use super::Clock;
use super::{Causal, Context, Request, Timer};
use crate::id::NodeId;
use crate::op::Op;
use crate::time::{Duration, Time};

impl Patient for Causal {
    const OUT_OF_PATIENCE: Timer = Timer::Patience;

    fn patience(&self) -> Duration {
        self.options.patience
    }

    fn waiting(&mut self) -> &mut VecDeque<(Time, Request<Self>)> {
        &mut self.waiting
    }

    /// A node whose writes a client has seen and this copy lacks: it has them, for they are its own.
    fn lacked(&self, token: &Clock, cx: &Context<Self>) -> Option<NodeId> {
        let members = cx.members().iter().map(|member| member.node);
        members.into_iter().find(|node| token.of(*node) > self.store.clock().of(*node))
    }

    fn serve(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        match request.op {
            Op::Write(key, value) => self.write(key, value, request, cx),
            op => self.read(op.key(), request, cx),
        }
    }
}
