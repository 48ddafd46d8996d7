//! `riftzone zoo`: the protocols, and the faults.
//!
//! Next: `latency.rs`.

use crate::cli::args::Zoo;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Output;
use crate::model::fault_page::{FaultPage, pages};
use crate::registry::PROTOCOLS;
use crate::report::{fault_zoo, zoo as page};

/// Shows the list, or one page.
pub fn zoo(asked: &Zoo, output: &Output) -> Result<Exit, Failure> {
    if asked.faults {
        return faults(asked, output);
    }
    match &asked.name {
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

fn faults(asked: &Zoo, output: &Output) -> Result<Exit, Failure> {
    let all: Vec<FaultPage> = pages().collect();
    match &asked.name {
        None => output.report(asked.format, |paint| fault_zoo::list(&all, paint), || fault_zoo::list_json(&all))?,
        Some(name) => {
            let found = all.iter().find(|page| page.kind.name() == name).ok_or_else(|| {
                let names: Vec<&str> = all.iter().map(|page| page.kind.name()).collect();
                Failure::unknown("fault", name, &names)
            })?;
            output.report(asked.format, |paint| fault_zoo::page(found, paint), || fault_zoo::page_json(found))?;
        }
    }
    Ok(Exit::Held)
}
