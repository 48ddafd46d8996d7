//! Near-linear methods for objects whose values are unique, each certified; what they do not take goes to the search.
//!
//! | object | takes | method |
//! |---|---|---|
//! | [`queue`] | each value enqueued once | three patterns of two values, and a cover of each empty answer |
//! | [`list`] | each element appended once | reads are prefixes of one another: one scan of forced places |
//! | [`set`] | no reads of the whole set, or no removals and each element added once | element by element; or reads include one another: one scan |
//! | [`counter`] | additions of one number | reads by their numbers: earliest deadline first |
//! | [`lock`] | acquisitions with unique fencing tokens | tokens order the holders: one scan |
//!
//! Polynomial and log-linear methods for these objects with distinct values are in Lee & Mathur, *Efficient
//! Decrease-and-Conquer Linearizability Monitoring*, OOPSLA 2025, and Abdulla et al., *Efficient Linearizability
//! Monitoring*, PLDI 2025; each file gives the argument for its own.
//!
//! # Certificates
//!
//! A method only proposes. An order is replayed against the sequential model. A violation is proposed as a *core*: a
//! few operations with what they saw of a few values, cut out so that a linearizable history would leave a linearizable
//! core; the search then refutes the core by itself and makes it small. (A counter has no small core: see there.) Where a
//! proposal does not hold, which would be an error of the method, the search decides the whole history.
//!
//! Next: `queue.rs`.

pub mod counter;
pub mod list;
pub mod lock;
pub mod queue;
mod scan;
pub mod set;
#[cfg(test)]
mod tests;

use super::wgl::{self, CallOf, Effort, Judgement, Model, Ruling, replay};
use crate::history::OpId;

/// What a method found.
pub(super) enum Proposal<M: Model> {
    /// An order of the operations.
    Order(Vec<OpId>),
    /// Operations that cannot be in order, from a history that only loosens.
    Core(Vec<CallOf<M>>),
    /// The method does not take this history.
    Outside,
}

/// The ruling that a proposal gives, once it is verified. What the method did counts as a step an operation.
pub(super) fn certified<M: Model>(
    model: &M,
    calls: &[CallOf<M>],
    proposal: Proposal<M>,
    effort: Effort,
) -> Judgement<M> {
    let steps = calls.len() as u64;
    match proposal {
        Proposal::Order(order) if replay(model, calls, &order).is_ok() => {
            Judgement { ruling: Ruling::Linearizable(order), steps }
        }
        Proposal::Core(core) => {
            let judged = wgl::judge(model, &core, effort);
            let steps = steps + judged.steps;
            match judged.ruling {
                ruling @ Ruling::Violation(_) => Judgement { ruling, steps },
                _ => wgl::judge(model, calls, effort),
            }
        }
        Proposal::Order(_) | Proposal::Outside => wgl::judge(model, calls, effort),
    }
}
