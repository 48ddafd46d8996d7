//! stub
use super::Verdict;
use crate::history::History;
pub struct Checked {
    pub verdict: Verdict,
    pub steps: u64,
}
pub fn check(_: &History) -> Checked {
    Checked { verdict: Verdict::Pass, steps: 0 }
}
