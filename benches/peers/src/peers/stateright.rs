//! [stateright](https://crates.io/crates/stateright) 0.31.0: whether a register's history is linearizable.
//!
//! **Measured.** The verdict of its `LinearizabilityTester`, of which stateright's models carry one in every state, on a
//! history that it was told before its time began. riftzone judges the same history, in the same order of calls and
//! returns. One unit is one operation.
//!
//! **Not comparable.** stateright's own work is to visit every state of a model, which riftzone does not: there the
//! histories are short, and the tester is copied and hashed with every state. The tester knows any sequential object;
//! riftzone knows that values are written once, from which it has an order to look in.

use std::time::Instant;

use stateright::semantics::register::{Register, RegisterOp, RegisterRet};
use stateright::semantics::{ConsistencyTester, LinearizabilityTester};

use crate::contest::Sample;
use crate::workloads::register::Step;

/// The verdict on these steps.
pub fn judge(steps: &[Step]) -> Sample {
    let mut tester = LinearizabilityTester::new(Register(None));
    for step in steps {
        let told = match *step {
            Step::Call(client, Some(value)) => tester.on_invoke(client, RegisterOp::Write(Some(value))),
            Step::Call(client, None) => tester.on_invoke(client, RegisterOp::Read),
            Step::Written(client) => tester.on_return(client, RegisterRet::WriteOk),
            Step::Read(client, value) => tester.on_return(client, RegisterRet::ReadOk(value)),
        };
        told.expect("clients call and return in turn");
    }
    let begun = Instant::now();
    let is_consistent = tester.is_consistent();
    Sample::of(steps.len() as u64 / 2, begun, is_consistent.into())
}
