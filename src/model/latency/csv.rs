//! A square matrix of times as CSV text: the form of the bundled files, and of a user's own.
//!
//! ```text
//! from\to,us,eu
//! us,,81.25
//! eu,80.9,
//! ```
//!
//! Decimal milliseconds become nanoseconds by integer arithmetic, so that the same text is the same run everywhere. A
//! field that cannot be read is reported by line and column; no text makes the reader panic. Next: `catalogue.rs`, what
//! is bundled.

use std::collections::BTreeMap;
use std::fmt;

use crate::time::Duration;

/// The longest time that a matrix may hold: beyond it, a figure is surely in another unit.
const LONGEST: Duration = Duration::secs(3_600);

/// A square of times, one row and one column a region.
pub(super) struct Table {
    pub(super) regions: Vec<String>,
    /// Row by row; `None` where the field is empty.
    pub(super) values: Vec<Option<Duration>>,
}

/// Why a text is not a matrix, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvError {
    /// The line, from 1.
    pub line: usize,
    /// The character in that line at which the field begins, from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: CsvProblem,
}

/// What is wrong in a text that should be a matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CsvProblem {
    /// The text has no line that is not blank.
    Empty,
    /// The header names no region.
    NoRegions,
    /// A region has an empty name.
    Unnamed,
    /// A region is named a second time, in the header or as a row.
    Repeated(String),
    /// A row is for a region that the header does not name.
    UnknownRow(String),
    /// A region of the header has no row.
    MissingRow(String),
    /// A row has not as many fields as the header.
    FieldCount {
        /// Fields of this row.
        found: usize,
        /// Fields of the header.
        expected: usize,
    },
    /// A field is not a decimal number of milliseconds.
    NotMilliseconds(String),
    /// A number is finer than a nanosecond, which is six decimals.
    TooFine(String),
    /// A number is longer than an hour.
    TooLong(String),
}

impl fmt::Display for CsvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.problem)
    }
}

impl fmt::Display for CsvProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CsvProblem::Empty => f.write_str(r"there is nothing here: begin with a header such as `from\to,us,eu`"),
            CsvProblem::NoRegions => f.write_str(r"the header names no region: write for example `from\to,us,eu`"),
            CsvProblem::Unnamed => f.write_str("a region needs a name"),
            CsvProblem::Repeated(name) => write!(f, "region `{name}` is named twice"),
            CsvProblem::UnknownRow(name) => write!(f, "the header does not name region `{name}`"),
            CsvProblem::MissingRow(name) => write!(f, "region `{name}` has no row"),
            CsvProblem::FieldCount { found, expected } => {
                write!(f, "this row has {found} fields and the header {expected}")
            }
            CsvProblem::NotMilliseconds(text) => write!(
                f,
                "`{text}` is not a number of milliseconds: write for example 81.25, or nothing if not measured"
            ),
            CsvProblem::TooFine(text) => write!(f, "`{text}` ms is finer than a nanosecond"),
            CsvProblem::TooLong(text) => write!(f, "`{text}` ms is longer than an hour: figures are in milliseconds"),
        }
    }
}

impl std::error::Error for CsvError {}

/// One field and where it begins. A pair of quotes around it is taken off; a comma inside still separates.
#[derive(Clone, Copy)]
struct Field<'a> {
    text: &'a str,
    line: usize,
    column: usize,
}

impl Field<'_> {
    fn error(self, problem: CsvProblem) -> CsvError {
        CsvError { line: self.line, column: self.column, problem }
    }
}

fn fields(line: usize, text: &str) -> Vec<Field<'_>> {
    let mut fields = Vec::new();
    let mut column = 1;
    for raw in text.split(',') {
        let indent = raw.chars().take_while(|c| c.is_whitespace()).count();
        fields.push(Field { text: unquoted(raw.trim()), line, column: column + indent });
        column += raw.chars().count() + 1;
    }
    fields
}

fn unquoted(text: &str) -> &str {
    text.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).map_or(text, str::trim)
}

/// Reads a matrix. Blank lines are passed over, rows may come in any order, and the first field of the header is free.
pub(super) fn parse(text: &str) -> Result<Table, CsvError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let Some((first, header)) = lines.next() else {
        return Err(CsvError { line: 1, column: 1, problem: CsvProblem::Empty });
    };
    let header = fields(first + 1, header);
    let columns = column_by_name(&header)?;
    let mut rows = vec![None; columns.len()];
    for (index, line) in lines {
        let row = fields(index + 1, line);
        let name = row[0];
        if row.len() != header.len() {
            return Err(name.error(CsvProblem::FieldCount { found: row.len(), expected: header.len() }));
        }
        let Some(&place) = columns.get(name.text) else {
            return Err(name.error(CsvProblem::UnknownRow(name.text.to_owned())));
        };
        if rows[place].is_some() {
            return Err(name.error(CsvProblem::Repeated(name.text.to_owned())));
        }
        let values = row[1..].iter().map(|field| milliseconds(field.text).map_err(|problem| field.error(problem)));
        rows[place] = Some(values.collect::<Result<Vec<_>, _>>()?);
    }
    let mut values = Vec::new();
    for (field, row) in header[1..].iter().zip(rows) {
        match row {
            Some(row) => values.extend(row),
            None => return Err(field.error(CsvProblem::MissingRow(field.text.to_owned()))),
        }
    }
    Ok(Table { regions: header[1..].iter().map(|field| field.text.to_owned()).collect(), values })
}

/// Every region of the header with its place among the columns.
fn column_by_name<'a>(header: &[Field<'a>]) -> Result<BTreeMap<&'a str, usize>, CsvError> {
    if header.len() < 2 {
        return Err(header[0].error(CsvProblem::NoRegions));
    }
    let mut columns = BTreeMap::new();
    for (place, field) in header[1..].iter().enumerate() {
        if field.text.is_empty() {
            return Err(field.error(CsvProblem::Unnamed));
        }
        if columns.insert(field.text, place).is_some() {
            return Err(field.error(CsvProblem::Repeated(field.text.to_owned())));
        }
    }
    Ok(columns)
}

/// A decimal number of milliseconds, exactly; `None` for an empty field.
fn milliseconds(text: &str) -> Result<Option<Duration>, CsvProblem> {
    if text.is_empty() {
        return Ok(None);
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || text.ends_with('.') || !digits(whole) || !digits(fraction) {
        return Err(CsvProblem::NotMilliseconds(text.to_owned()));
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > 6 {
        return Err(CsvProblem::TooFine(text.to_owned()));
    }
    // Digits alone stand here, so that a number that does not parse is one that is too large.
    let whole = whole.parse::<u64>().unwrap_or(u64::MAX);
    let mut below = 0;
    let mut unit = 100_000;
    for digit in fraction.bytes() {
        below += u64::from(digit - b'0') * unit;
        unit /= 10;
    }
    let span = Duration::nanos(1_000_000) * whole + Duration::nanos(below);
    if span > LONGEST { Err(CsvProblem::TooLong(text.to_owned())) } else { Ok(Some(span)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_read_exactly() {
        for (text, nanos) in [
            ("0", 0),
            ("64.225", 64_225_000),
            ("0.000001", 1),
            ("00081.10", 81_100_000),
            ("1.0000000000", 1_000_000),
            ("3600000", 3_600_000_000_000),
        ] {
            assert_eq!(milliseconds(text), Ok(Some(Duration::nanos(nanos))), "{text}");
        }
        assert_eq!(milliseconds(""), Ok(None));
    }

    #[test]
    fn what_a_spreadsheet_writes_is_read() {
        let table = parse("\u{feff}\"from\\to\", \"us\",eu \r\n\r\neu,80.9,\r\n us ,\"\",81.25\r\n").ok().unwrap();
        assert_eq!(table.regions, ["us", "eu"]);
        let nanos: Vec<_> = table.values.iter().map(|value| value.map(Duration::as_nanos)).collect();
        assert_eq!(nanos, [None, Some(81_250_000), Some(80_900_000), None]);
    }

    #[test]
    fn what_is_no_matrix_says_why_and_where() {
        for (text, expected) in [
            ("", "line 1, column 1: there is nothing here"),
            ("\n \n", "line 1, column 1: there is nothing here"),
            ("\nfrom", "line 2, column 1: the header names no region"),
            ("x,a,,b", "line 1, column 5: a region needs a name"),
            ("x,a, b,a", "line 1, column 8: region `a` is named twice"),
            ("x,a,b\na,,1\na,,1", "line 3, column 1: region `a` is named twice"),
            ("x,a,b\nc,,1", "line 2, column 1: the header does not name region `c`"),
            ("x,a,b\na,,1", "line 1, column 5: region `b` has no row"),
            ("x,a,b\na,1", "line 2, column 1: this row has 2 fields and the header 3"),
            ("x,é,b\né,, -3", "line 2, column 5: `-3` is not a number of milliseconds"),
            ("x,a,b\na,,1e3", "line 2, column 4: `1e3` is not a number"),
            ("x,a,b\na,,1.", "line 2, column 4: `1.` is not a number"),
            ("x,a,b\na,,NaN", "line 2, column 4: `NaN` is not a number"),
            ("x,a,b\na,,0.1234567", "line 2, column 4: `0.1234567` ms is finer than a nanosecond"),
            ("x,a,b\na,,3600000.1", "line 2, column 4: `3600000.1` ms is longer than an hour"),
            ("x,a,b\na,,99999999999999999999999", "ms is longer than an hour"),
        ] {
            let error = parse(text).err().unwrap().to_string();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }
}
