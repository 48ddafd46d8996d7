//! Clients who have seen more than a copy has: their requests wait a while, and are then sent to a node that has it.

use std::collections::VecDeque;

use super::{Context, Protocol, Request};
use crate::id::NodeId;
use crate::op::Refusal;
use crate::time::{Duration, Time};

/// A design whose clients carry what they have seen.
pub(in crate::protocol) trait Patient: Protocol {
    /// Some request may have waited for long enough.
    const OUT_OF_PATIENCE: Self::Timer;

    /// How long a request waits.
    fn patience(&self) -> Duration;

    /// The requests that wait, each until when, in the order in which they came.
    fn waiting(&mut self) -> &mut VecDeque<(Time, Request<Self>)>;

    /// A node that has what a client has seen and this one has not.
    fn lacked(&self, seen: &Self::Session, cx: &Context<Self>) -> Option<NodeId>;

    /// Carries out a request of a client who has seen no more than is here.
    fn serve(&mut self, request: Request<Self>, cx: &mut Context<Self>);

    /// Lets a request wait.
    fn wait(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        let patience = self.patience();
        if self.waiting().is_empty() {
            cx.set_timer(Self::OUT_OF_PATIENCE, patience);
        }
        self.waiting().push_back((cx.now() + patience, request));
    }

    /// Serves those whose clients have seen no more than is here by now, in the order in which they came.
    fn serve_waiting(&mut self, cx: &mut Context<Self>) {
        if self.waiting().is_empty() {
            return;
        }
        for (until, request) in std::mem::take(self.waiting()) {
            if self.lacked(&request.session, cx).is_some() {
                self.waiting().push_back((until, request));
            } else {
                self.serve(request, cx);
            }
        }
        if self.waiting().is_empty() {
            cx.cancel_timer(Self::OUT_OF_PATIENCE);
        }
    }

    /// Sends the clients who have waited for long enough to a node that has what they have seen.
    fn send_on(&mut self, cx: &mut Context<Self>) {
        while let Some((until, request)) = self.waiting().pop_front() {
            if until > cx.now() {
                cx.set_timer(Self::OUT_OF_PATIENCE, until.since(cx.now()).min(self.patience()));
                return self.waiting().push_front((until, request));
            }
            let has = self.lacked(&request.session, cx).filter(|node| *node != cx.me());
            cx.refuse(request.id, has.map_or(Refusal::Unavailable, Refusal::Redirect));
        }
    }
}
