//! A fault of the program itself ends in one clear sentence and exit code 4, not in a stack of frames.
//!
//! Next: `output.rs`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use super::exit::Exit;

/// Runs the program; where it panics, on any thread, the first panic is told once.
pub fn caught(program: impl FnOnce() -> Exit) -> ExitCode {
    // `RUST_BACKTRACE` asks for frames, and then the standard report is what is wanted.
    if std::env::var_os("RUST_BACKTRACE").is_none_or(|value| value == "0") {
        let told = std::sync::Once::new();
        std::panic::set_hook(Box::new(move |info| told.call_once(|| tell(info))));
    }
    // Nothing is used after a panic, so nothing can be seen half done.
    catch_unwind(AssertUnwindSafe(program)).unwrap_or(Exit::Internal).into()
}

fn tell(info: &std::panic::PanicHookInfo<'_>) {
    let payload = info.payload();
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let place = info.location().map_or(String::new(), |place| format!(", at {}:{}", place.file(), place.line()));
    let version = env!("CARGO_PKG_VERSION");
    let line = format!(
        "riftzone {version} met a fault of its own: {}{place}\n  \
         please report it with the command line and the scenario file; RUST_BACKTRACE=1 tells more",
        text.unwrap_or("it said nothing"),
    );
    anstream::eprintln!("{line}");
}
