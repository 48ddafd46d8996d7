//! The objects that come with the search.
//!
//! One a file: `register.rs`, `text.rs` (a string with append), `counter.rs`, `set.rs`, `queue.rs`, `list.rs`,
//! `mutex.rs`. Values are numbers, given by whoever reads the history. Next: `register.rs`.

mod counter;
mod list;
mod mutex;
mod queue;
mod register;
mod set;
mod text;

pub use counter::{Counter, CounterInput, CounterOutput};
pub use list::{List, ListInput, ListOutput};
pub use mutex::{Mutex, MutexInput, MutexOutput, MutexState};
pub use queue::{Queue, QueueInput, QueueOutput};
pub use register::{Register, RegisterInput, RegisterOutput};
pub use set::{Set, SetInput, SetOutput};
pub use text::{Text, TextInput, TextOutput};
