//! Tables as comma-separated values (RFC 4180, with plain line ends): a header, then a row a line; nothing where there is
//! nothing to say.
//!
//! Next: `parquet.rs`.

use std::borrow::Cow;
use std::fmt::Write;

use super::columns::{Cells, Columns};

/// The table.
pub fn text(table: &Columns) -> String {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    let mut text = names.join(",") + "\n";
    for row in 0..table.rows() {
        for (place, column) in table.columns.iter().enumerate() {
            if place > 0 {
                text.push(',');
            }
            cell(&mut text, &column.cells, row);
        }
        text.push('\n');
    }
    text
}

fn cell(text: &mut String, cells: &Cells, row: usize) {
    // Writing to a string does not fail. Floats are written as shortly as they can be read back.
    let _ = match cells {
        Cells::Text(cells) => cells[row].as_ref().map_or(Ok(()), |cell| text.write_str(&quoted(cell))),
        Cells::Whole(cells) => cells[row].map_or(Ok(()), |cell| write!(text, "{cell}")),
        Cells::Real(cells) => cells[row].map_or(Ok(()), |cell| write!(text, "{cell}")),
        Cells::Truth(cells) => cells[row].map_or(Ok(()), |cell| write!(text, "{cell}")),
    };
}

fn quoted(cell: &str) -> Cow<'_, str> {
    if cell.contains(['"', ',', '\n', '\r']) {
        Cow::Owned(format!("\"{}\"", cell.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(cell)
    }
}

#[cfg(test)]
mod tests {
    use super::super::columns::Column;
    use super::*;

    #[test]
    fn what_a_reader_could_mistake_is_quoted() {
        let names = ["a", "b,c", "d\"e\"", "f\ng"].map(|name| Some(name.to_string()));
        let numbers = vec![Some(0.1 + 0.2), None, Some(f64::MAX), Some(1e-9)];
        let column = |name, cells| Column { name, cells };
        let columns = vec![column("name", Cells::Text(names.to_vec())), column("value", Cells::Real(numbers.clone()))];
        let text = text(&Columns { columns });
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        assert_eq!(reader.headers().unwrap(), vec!["name", "value"]);
        let rows: Vec<(String, Option<f64>)> = reader.deserialize().map(Result::unwrap).collect();
        let expected: Vec<_> = names.into_iter().flatten().zip(numbers).collect();
        assert_eq!(rows, expected);
    }
}
