//! A scenario file as a tree, to be changed and written again: what shrinking works on. What is written is read by
//! [`Scenario::parse`](super::Scenario::parse) like any file. Next: `write.rs`.

use std::fmt::Write;

use toml::{Table, Value};

use super::ScenarioError;
use super::error::{Problem, Problems};
use super::read::TOP;
use super::write;
use crate::model::fault::Fault;
use crate::model::topology::Topology;

/// Lines no longer than this hold a list of tables.
const COLUMNS: usize = 110;

/// The keys that stand first in their table, in this order; the others follow by name.
const FIRST: [&str; 14] = [
    "at",
    "for",
    "every",
    "protocol",
    "matrix",
    "regions",
    "from",
    "to",
    "one_way",
    "rtt",
    "clients_per_region",
    "clients",
    "rate",
    "think",
];

/// A scenario file as a tree of tables.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// The file's keys.
    pub root: Table,
}

impl Document {
    /// Reads the text of a file; whether it makes a scenario is not asked. `file` is what an error calls it.
    ///
    /// # Errors
    /// Where the text is no TOML.
    pub fn parse(text: &str, file: &str) -> Result<Document, ScenarioError> {
        let mut problems = Problems::default();
        let root = match text.parse::<Table>() {
            Ok(root) => root,
            Err(error) => {
                problems.add(Problem::from_toml(&error, &(text.len()..text.len())));
                Table::new()
            }
        };
        problems.into_error(text, file).map_or(Ok(Document { root }), Err)
    }

    /// Leaves this design alone, and what is expected of it.
    pub fn keep_design(&mut self, design: &str) {
        let mut gone = Vec::new();
        self.table("design").retain(|name, _| {
            let stays = name == design;
            gone.extend((!stays).then(|| name.to_string()));
            stays
        });
        for table in ["expect", "budget"] {
            if let Some(own) = self.root.get_mut(table).and_then(Value::as_table_mut) {
                gone.iter().for_each(|name| drop(own.remove(name)));
            }
        }
    }

    /// Expects something of this design, in place of what was expected of it by this name.
    pub fn expect(&mut self, design: &str, name: &str, bound: &str) {
        let own = self.table("expect").entry(design).or_insert_with(|| Value::Table(Table::new()));
        if let Some(own) = own.as_table_mut() {
            own.insert(name.into(), bound.into());
        }
    }

    /// Plans these faults, and draws none.
    pub fn plan(&mut self, faults: &[Fault], topology: &Topology) {
        let tables: Vec<Value> = faults.iter().map(|fault| write::fault(fault, topology).into()).collect();
        self.root.remove("chaos");
        self.root.insert("fault".into(), tables.into());
    }

    /// The table of this name; empty where there is none yet.
    ///
    /// # Panics
    /// Where it is something else than a table.
    pub fn table(&mut self, name: &str) -> &mut Table {
        let value = self.root.entry(name).or_insert_with(|| Value::Table(Table::new()));
        value.as_table_mut().unwrap_or_else(|| panic!("`{name}` is no table"))
    }

    /// The text of the file: tables in the order in which files have them, values in lines.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (key, value) in self.top().into_iter().filter(|(_, value)| !is_section(value)) {
            line(&mut text, key, value);
        }
        for (key, value) in self.top().into_iter().filter(|(_, value)| is_section(value)) {
            section(&mut text, key, value);
        }
        text
    }

    /// The keys in the order of files.
    fn top(&self) -> Vec<(&String, &Value)> {
        let rank = |key: &str| TOP.iter().position(|other| *other == key).unwrap_or(TOP.len());
        let mut top: Vec<_> = self.root.iter().collect();
        top.sort_by_key(|(key, _)| rank(key));
        top
    }
}

/// Whether a value of the file itself stands under a header.
fn is_section(value: &Value) -> bool {
    match value {
        Value::Table(_) => true,
        Value::Array(items) => !items.is_empty() && items.iter().all(Value::is_table),
        _ => false,
    }
}

fn section(text: &mut String, key: &str, value: &Value) {
    match value {
        Value::Array(tables) => {
            for table in tables.iter().filter_map(Value::as_table) {
                let _ = writeln!(text, "\n[[{}]]", name(key));
                lines(text, table);
            }
        }
        Value::Table(table) if matches!(key, "design" | "expect" | "budget") => {
            let (own, tables): (Vec<_>, Vec<_>) =
                table.iter().partition(|(_, value)| key == "design" || is_every(value));
            if key != "design" && !own.is_empty() {
                let _ = writeln!(text, "\n[{key}]");
                own.iter().for_each(|(key, value)| line(text, key, value));
            }
            let tables = if key == "design" { own } else { tables };
            for (design, value) in tables {
                let _ = writeln!(text, "\n[{key}.{}]", name(design));
                value.as_table().into_iter().for_each(|table| lines(text, table));
            }
        }
        Value::Table(table) => {
            let _ = writeln!(text, "\n[{}]", name(key));
            lines(text, table);
        }
        _ => line(text, key, value),
    }
}

/// Whether an entry of `[expect]` is of every design: a value, or a table of values that are no tables, under a word that
/// says of which seeds.
fn is_every(value: &Value) -> bool {
    const OVER: [&str; 6] = ["every", "mean", "median", "min", "max", "some"];
    value.as_table().is_none_or(|table| !table.is_empty() && table.keys().all(|key| OVER.contains(&key.as_str())))
}

fn lines(text: &mut String, table: &Table) {
    in_order(table).into_iter().for_each(|(key, value)| line(text, key, value));
}

fn in_order(table: &Table) -> Vec<(&String, &Value)> {
    let rank = |key: &str| FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len());
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| rank(key));
    entries
}

fn line(text: &mut String, key: &str, value: &Value) {
    let whole = format!("{} = {}", name(key), inline(value));
    match value {
        Value::Array(items) if whole.chars().count() > COLUMNS => {
            let _ = writeln!(text, "{} = [", name(key));
            for item in items {
                let _ = writeln!(text, "    {},", inline(item));
            }
            text.push_str("]\n");
        }
        _ => {
            text.push_str(&whole);
            text.push('\n');
        }
    }
}

/// A value in one line.
fn inline(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Table(table) if table.is_empty() => "{}".into(),
        Value::Table(table) => {
            let entries = in_order(table).into_iter().map(|(key, value)| format!("{} = {}", name(key), inline(value)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        scalar => scalar.to_string(),
    }
}

/// A key as it is written.
fn name(key: &str) -> String {
    let is_bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if is_bare { key.into() } else { Value::from(key).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    #[test]
    fn what_is_written_is_what_was_read() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
        let mut files = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let document = Document::parse(&text, "a.toml").unwrap();
            let written = document.text();
            assert_eq!(Document::parse(&written, "b.toml").unwrap(), document, "{written}");
            assert_eq!(Document::parse(&written, "b.toml").unwrap().text(), written);
            let (before, after) = (Scenario::parse(&text, "a.toml"), Scenario::parse(&written, "b.toml"));
            // Designs may stand in another order.
            let (before, after) = (before.unwrap(), after.unwrap_or_else(|error| panic!("{error}\n{written}")));
            assert_eq!(before.setup.faults, after.setup.faults);
            assert_eq!(before.designs.len(), after.designs.len());
            files += 1;
        }
        assert!(files > 10);
    }

    #[test]
    fn what_is_no_toml_is_told_with_its_place() {
        let error = Document::parse("name = \"a\"\nduration = \n", "x.toml").unwrap_err();
        assert!(error.to_string().starts_with("x.toml:2:"), "{error}");
    }
}
