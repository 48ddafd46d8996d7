//! The zoo of faults: every kind in a line, and a page for each.
//!
//! Next: `paint.rs`.

use serde_json::{Value, json};

use crate::model::fault_page::FaultPage;

use super::paint::{Paint, Style};
use super::table::{width, wrap};

const COLUMNS: usize = 110;

/// Every kind of fault: its name and what it does.
pub fn list(pages: &[FaultPage], paint: Paint) -> String {
    let widest = pages.iter().map(|page| width(page.kind.name())).max().unwrap_or(0);
    let mut text = String::new();
    for page in pages {
        let idea = wrap(page.idea, &" ".repeat(widest + 3), COLUMNS);
        let name = paint.paint(Style::Strong, format_args!("{:<widest$}", page.kind.name()));
        text.push_str(&format!("{name}   {}", idea.trim_start()));
    }
    text
}

/// A page.
pub fn page(page: &FaultPage, paint: Paint) -> String {
    let mut text = format!("{}\n{}", paint.paint(Style::Strong, page.kind.name()), wrap(page.idea, "  ", COLUMNS));
    let sections = [
        ("touches", wrap(page.touches, "  ", COLUMNS)),
        ("leaves alone", wrap(page.leaves, "  ", COLUMNS)),
        ("stands for", wrap(page.stands_for, "  ", COLUMNS)),
        ("source", wrap(page.source, "  ", COLUMNS)),
        ("in a scenario", format!("  [[fault]]\n  at = \"30s\"\n  {}\n", page.example)),
    ];
    for (name, body) in sections {
        text.push_str(&format!("\n{}\n{body}", paint.paint(Style::Strong, name)));
    }
    text
}

/// Every page, as JSON.
pub fn list_json(pages: &[FaultPage]) -> Value {
    pages.iter().map(page_json).collect()
}

/// A page, as JSON.
pub fn page_json(page: &FaultPage) -> Value {
    json!({
        "name": page.kind.name(), "idea": page.idea, "touches": page.touches, "leaves_alone": page.leaves,
        "stands_for": page.stands_for, "source": page.source, "example": page.example,
    })
}
