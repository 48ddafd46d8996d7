//! Runs the golden scenarios in wasm32 and hands their digests out.

#[path = "../../golden/mod.rs"]
mod golden;

use golden::{digest_here, golden};

/// How many golden runs there are.
#[unsafe(no_mangle)]
pub extern "C" fn golden_count() -> u32 {
    golden().len() as u32
}

/// The digest that is recorded for the golden run at this place.
#[unsafe(no_mangle)]
pub extern "C" fn golden_recorded(place: u32) -> u64 {
    golden()[place as usize].digest
}

/// The digest that the golden run at this place has here.
#[unsafe(no_mangle)]
pub extern "C" fn golden_here(place: u32) -> u64 {
    digest_here(&golden()[place as usize])
}
