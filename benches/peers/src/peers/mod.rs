//! The other simulators, one a file, each at the work that suits it.

pub mod exploration;
pub mod madsim;
pub mod nexosim;
pub mod stateright;
pub mod turmoil;
