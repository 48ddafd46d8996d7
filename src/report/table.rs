//! Aligned columns, without boxes.
//!
//! Next: `number.rs`.

use super::paint::{Paint, Style};

/// Between two columns.
const GAP: &str = "   ";

/// One field of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// A field in a style of its own.
    pub fn new(style: Style, text: impl Into<String>) -> Cell {
        Cell { text: text.into(), style }
    }

    /// How many columns of a terminal it takes.
    pub fn width(&self) -> usize {
        width(&self.text)
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Cell {
        Cell::new(Style::Plain, text)
    }
}

/// Where a column's text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Names.
    Left,
    /// Numbers.
    Right,
}

/// Rows of fields. A row with fewer fields than there are columns ends early.
#[derive(Clone, Debug)]
pub struct Table {
    indent: usize,
    columns: Vec<Align>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table, moved in by so many blanks, with these columns.
    pub fn new(indent: usize, columns: impl Into<Vec<Align>>) -> Table {
        Table { indent, columns: columns.into(), rows: Vec::new() }
    }

    /// Adds a row.
    ///
    /// # Panics
    /// Where it has more fields than there are columns.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        let cells: Vec<Cell> = cells.into_iter().collect();
        assert!(cells.len() <= self.columns.len(), "a row fits its table");
        self.rows.push(cells);
    }

    /// Adds an empty line.
    pub fn gap(&mut self) {
        self.rows.push(Vec::new());
    }

    /// How many characters its widest possible row has.
    pub fn width(&self) -> usize {
        self.indent + self.widths().iter().sum::<usize>() + GAP.len() * self.columns.len().saturating_sub(1)
    }

    /// The table as lines, each with its newline and without blanks at its end.
    pub fn render(&self, paint: Paint) -> String {
        let widths = self.widths();
        let mut text = String::new();
        for row in &self.rows {
            let last = row.iter().rposition(|cell| !cell.text.is_empty());
            for (place, cell) in row.iter().enumerate().take(last.map_or(0, |last| last + 1)) {
                text.push_str(if place == 0 { "" } else { GAP });
                if place == 0 {
                    text.extend(std::iter::repeat_n(' ', self.indent));
                }
                let blanks = std::iter::repeat_n(' ', widths[place] - width(&cell.text));
                let painted = paint.paint(cell.style, &cell.text);
                match self.columns[place] {
                    Align::Right => {
                        text.extend(blanks);
                        text.push_str(&painted);
                    }
                    Align::Left if Some(place) == last => text.push_str(&painted),
                    Align::Left => {
                        text.push_str(&painted);
                        text.extend(blanks);
                    }
                }
            }
            text.push('\n');
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let cells = |column: usize| self.rows.iter().filter_map(move |row| row.get(column));
        (0..self.columns.len()).map(|column| cells(column).map(|cell| width(&cell.text)).max().unwrap_or(0)).collect()
    }
}

/// How many columns a text takes on a terminal: its characters.
pub fn width(text: &str) -> usize {
    text.chars().count()
}

/// Breaks a text into lines of at most `width` characters, each after `indent`; a longer word has its own line.
pub fn wrap(text: &str, indent: &str, columns: usize) -> String {
    let mut lines = String::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && width(indent) + width(&line) + 1 + width(word) > columns {
            lines.push_str(&format!("{indent}{line}\n"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push_str(&format!("{indent}{line}\n"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_end_clean() {
        let mut table = Table::new(2, [Align::Left, Align::Right, Align::Left]);
        table.row(["region".into(), "ms".into(), Cell::default()]);
        table.row(["us".into(), Cell::new(Style::Good, "12.5"), "fast".into()]);
        table.gap();
        assert_eq!(table.render(Paint::Off), "  region     ms\n  us       12.5   fast\n\n");
        assert_eq!(table.width(), 22);
        assert!(table.render(Paint::Ansi).contains("   \x1b[1;32m12.5\x1b[0m   fast\n"));
    }

    #[test]
    fn a_long_text_is_wrapped_at_words() {
        assert_eq!(wrap("one two  three", "> ", 9), "> one two\n> three\n");
        assert_eq!(wrap("", "> ", 9), "");
    }
}
