//! The door. madsim is a simulator only where everything is compiled with `--cfg madsim`, which `.cargo/config.toml` says;
//! but cargo reads that file only when it is called in this folder. Called from elsewhere, this program is built without
//! it, is empty, and calls cargo again from here. Next: `lib.rs`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

#[cfg(madsim)]
fn main() -> ExitCode {
    riftzone_peers::main()
}

#[cfg(not(madsim))]
fn main() -> ExitCode {
    use std::process::Command;

    const AGAIN: &str = "RIFTZONE_PEERS_AGAIN";
    if std::env::var_os(AGAIN).is_some() {
        eprintln!("`--cfg madsim` did not reach the compiler: is there a cargo configuration that takes precedence?");
        return ExitCode::from(2);
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["run", "--locked", "--release", "--"])
        .args(std::env::args_os().skip(1))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env(AGAIN, "1")
        // Either takes precedence over the file.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status();
    match status {
        Ok(status) => status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from),
        Err(error) => {
            eprintln!("cargo cannot be called: {error}");
            ExitCode::FAILURE
        }
    }
}
