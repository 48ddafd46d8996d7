//! A table that has more columns than fit: as many at a time as do, under each other, each with the names of its rows.
//!
//! Next: `check.rs`.

use super::super::paint::Style;
use super::super::table::{Align, Cell, Table, width};

/// Between two columns of a table.
const GAP: usize = 3;

/// The narrowest that a column's heading is broken to.
const HEADING: usize = 12;

/// Columns that stand side by side.
#[derive(Default)]
pub(super) struct Panel {
    columns: Vec<(Vec<String>, Vec<Cell>)>,
    width: usize,
}

impl Panel {
    /// Tables no wider than `most`, if a column is not so by itself: these names in the first column, and of `columns`, each
    /// a heading and a cell for each name, as many as fit.
    pub(super) fn fill(names: &[Cell], columns: impl Iterator<Item = (String, Vec<Cell>)>, most: usize) -> Vec<Table> {
        let first = names.iter().map(Cell::width).max().unwrap_or(0);
        let (mut tables, mut panel) = (Vec::new(), Panel::default());
        for (heading, cells) in columns {
            let body = cells.iter().map(Cell::width).max().unwrap_or(0);
            let heading = broken(heading.trim(), body.max(HEADING));
            let wide = heading.iter().map(|line| width(line)).max().unwrap_or(0).max(body) + GAP;
            if first + panel.width + wide > most && !panel.columns.is_empty() {
                tables.push(std::mem::take(&mut panel).table(names));
            }
            panel.width += wide;
            panel.columns.push((heading, cells));
        }
        if !panel.columns.is_empty() {
            tables.push(panel.table(names));
        }
        tables
    }

    fn table(self, names: &[Cell]) -> Table {
        let mut table = Table::new(0, vec![Align::Left; self.columns.len() + 1]);
        let lines = self.columns.iter().map(|(heading, _)| heading.len()).max().unwrap_or(0);
        for line in 0..lines {
            // The last lines of headings stand above the numbers.
            let part = |(heading, _): &(Vec<String>, _)| {
                let place = (line + heading.len()).checked_sub(lines);
                Cell::new(Style::Faint, place.map_or("", |place| &*heading[place]))
            };
            table.row([Cell::default()].into_iter().chain(self.columns.iter().map(part)));
        }
        for (place, name) in names.iter().enumerate() {
            let cells = self.columns.iter().map(|(_, cells)| cells[place].clone());
            table.row([name.clone()].into_iter().chain(cells));
        }
        table
    }
}

/// A heading in lines of so many characters, where its words allow.
fn broken(heading: &str, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in heading.split(' ') {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) <= most => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::super::paint::Paint;
    use super::*;

    #[test]
    fn what_does_not_fit_goes_on_below() {
        let names = ["a".into(), "bb".into()];
        let column = |heading: &str| (heading.to_string(), vec![Cell::from("1"), Cell::from("22")]);
        let columns = [column("a long heading, ms"), column("short"), column("linearizable")];
        let tables = Panel::fill(&names, columns.into_iter(), 26);
        let text: Vec<String> = tables.iter().map(|table| table.render(Paint::Off)).collect();
        assert_eq!(
            text,
            [
                "     a long\n     heading, ms   short\na    1             1\nbb   22            22\n",
                "     linearizable\na    1\nbb   22\n",
            ]
        );
        assert_eq!(Panel::fill(&names, [column("too wide a heading")].into_iter(), 3).len(), 1);
    }
}
