//! `riftzone zoo`: the protocols.
//!
//! Next: `latency.rs`.

use crate::cli::args::Zoo;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Output;
use crate::registry::PROTOCOLS;
use crate::report::zoo as page;

/// Shows the list, or one page.
pub fn zoo(asked: &Zoo, output: &Output) -> Result<Exit, Failure> {
    match &asked.protocol {
        None => output.report(asked.format, |paint| page::list(&PROTOCOLS, paint), || page::list_json(&PROTOCOLS))?,
        Some(name) => {
            let entry = PROTOCOLS.iter().find(|entry| entry.about.name == name).ok_or_else(|| {
                let names: Vec<&str> = PROTOCOLS.iter().map(|entry| entry.about.name).collect();
                Failure::unknown("protocol", name, &names)
            })?;
            output.report(asked.format, |paint| page::page(entry, paint), || page::page_json(entry))?;
        }
    }
    Ok(Exit::Held)
}
