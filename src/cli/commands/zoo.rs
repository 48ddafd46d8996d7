//! `riftzone zoo`: the protocols, and the faults.
//!
//! Next: `latency.rs`.

use crate::cli::args::Zoo;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Output;
use crate::model::fault_page::{FaultPage, pages};
use crate::registry::{self, PRESETS, PROTOCOLS};
use crate::report::{fault_zoo, zoo as page};

/// Shows the list, or one page.
pub fn zoo(asked: &Zoo, output: &Output) -> Result<Exit, Failure> {
    if asked.faults {
        return faults(asked, output);
    }
    match &asked.name {
        None => output.report(
            asked.format,
            |paint| page::list(&PROTOCOLS, paint) + &page::presets(&PRESETS, paint),
            || page::list_json(&PROTOCOLS, &PRESETS),
        )?,
        Some(name) if let Some(preset) = registry::preset(name) => {
            output.report(asked.format, |paint| page::preset_page(preset, paint), || page::preset_json(preset))?;
        }
        Some(name) => {
            let entry = PROTOCOLS.iter().find(|entry| entry.about.name == name).ok_or_else(|| {
                let protocols = PROTOCOLS.iter().map(|entry| entry.about.name);
                let names: Vec<&str> = protocols.chain(PRESETS.iter().map(|preset| preset.name)).collect();
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
