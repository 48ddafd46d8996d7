//! One rule a test: a handler in, its effects out. Whole clusters are in `schedules.rs`.

mod cluster;
mod judge;
mod schedules;
