//! Latency matrices: what is bundled, round trips as a table, and one's own as links of a scenario.
//!
//! Next: `zoo.rs`.

use serde_json::{Map, Value, json};

use crate::model::latency::{Matrix, MatrixInfo, RoundTrip, Spread};
use crate::time::Duration;

use super::number::{counted, millis};
use super::paint::{Paint, Style};
use super::table::{Align, Cell, Table, width, wrap};

/// The widest that a table of round trips gets before its columns go on below.
const COLUMNS: usize = 120;

/// The bundled matrices, one after the other.
pub fn list(matrices: &[MatrixInfo], paint: Paint) -> String {
    let mut table = Table::new(0, [Align::Left, Align::Right, Align::Left, Align::Left, Align::Left]);
    table.row(["matrix", "regions", "date", "statistics", ""].map(|head| Cell::new(Style::Faint, head)));
    for info in matrices {
        table.row([
            Cell::new(Style::Strong, info.id),
            info.regions().len().to_string().into(),
            info.date.into(),
            info.statistics().to_string().into(),
            info.title.into(),
        ]);
    }
    let mut text = table.render(paint) + "\nsources\n";
    let widest = matrices.iter().map(|info| width(info.id)).max().unwrap_or(0);
    for info in matrices {
        let lines = wrap(info.source, &" ".repeat(widest + 5), COLUMNS);
        text.push_str(&format!("  {:<widest$}   {}", info.id, lines.trim_start()));
    }
    text
}

/// The bundled matrices, as JSON.
pub fn list_json(matrices: &[MatrixInfo]) -> Value {
    matrices.iter().map(about).collect()
}

fn about(info: &MatrixInfo) -> Value {
    json!({
        "id": info.id, "title": info.title, "date": info.date, "statistics": info.statistics().to_string(),
        "source": info.source, "method": info.method, "regions": info.regions(),
    })
}

/// The round trips between these regions of a matrix, from row to column, in milliseconds.
pub fn matrix(matrix: &Matrix, regions: &[&str], paint: Paint) -> String {
    let mut text = String::new();
    if let Some(info) = matrix.info() {
        text.push_str(&format!("{}   {}\n", paint.paint(Style::Strong, info.id), info.title));
        for (name, value) in [("measured", info.date), ("method", info.method), ("source", info.source)] {
            let lines = wrap(value, &" ".repeat(13), COLUMNS);
            text.push_str(&format!(
                "  {}   {}",
                paint.paint(Style::Faint, format_args!("{name:<8}")),
                lines.trim_start()
            ));
        }
        text.push('\n');
    }
    let what = matrix.info().map_or("as written".into(), |info| info.statistics().to_string());
    let central = if what.starts_with("p50") { "p50" } else { "average" };
    text.push_str(&format!("round trips in ms from row to column, {central}\n"));
    let names = regions.iter().map(|region| width(region)).max().unwrap_or(0);
    let columns = regions.iter().map(|region| width(region).max(6) + 3);
    let mut blocks: Vec<Vec<&str>> = vec![Vec::new()];
    let mut used = names;
    for (region, wide) in regions.iter().zip(columns) {
        if used + wide > COLUMNS && !blocks.last().is_some_and(Vec::is_empty) {
            blocks.push(Vec::new());
            used = names;
        }
        used += wide;
        blocks.last_mut().expect("there is one").push(region);
    }
    for block in blocks {
        text.push_str(&format!("\n{}", square(matrix, regions, &block, paint)));
    }
    text
}

fn square(matrix: &Matrix, rows: &[&str], columns: &[&str], paint: Paint) -> String {
    let mut aligns = vec![Align::Left];
    aligns.extend(columns.iter().map(|_| Align::Right));
    let mut table = Table::new(0, aligns);
    let heads = columns.iter().map(|name| Cell::new(Style::Faint, *name));
    table.row([Cell::default()].into_iter().chain(heads));
    for from in rows {
        let times = columns.iter().map(|to| match matrix.round_trip(from, to) {
            Some(time) => millis(time).into(),
            None => Cell::new(Style::Faint, "-"),
        });
        table.row([Cell::new(Style::Faint, *from)].into_iter().chain(times));
    }
    table.render(paint)
}

/// The links between these regions of a matrix, as JSON.
pub fn matrix_json(matrix: &Matrix, regions: &[&str]) -> Value {
    let mut links = Vec::new();
    for from in regions {
        links.extend(regions.iter().filter_map(|to| Some(link(from, to, matrix.link(from, to)?))));
    }
    let mut document = matrix.info().map_or(json!({}), about);
    document["regions"] = json!(regions);
    document["links"] = links.into();
    document
}

fn link(from: &str, to: &str, of: RoundTrip) -> Value {
    let mut link = Map::new();
    let mut tell = |name: &str, value: Duration| link.insert(name.into(), value.as_millis_f64().into());
    tell("round_trip_ms", of.central);
    match of.spread {
        Some(Spread::P90(p90)) => _ = tell("p90_ms", p90),
        Some(Spread::P95(p95)) => _ = tell("p95_ms", p95),
        Some(Spread::Ping { min, max, deviation }) => {
            tell("min_ms", min);
            tell("max_ms", max);
            tell("deviation_ms", deviation);
        }
        None => {}
    }
    let mut whole = Map::from_iter([("from".to_string(), from.into()), ("to".to_string(), to.into())]);
    whole.extend(link);
    whole.into()
}

/// The median of sorted times; of an even number of them, half-way between the two in the middle.
fn midway(times: &[Duration]) -> Duration {
    let [low, high] = [times[(times.len() - 1) / 2], times[times.len() / 2]];
    low + (high - low) / 2
}

/// One's own matrix as the topology of a scenario: TOML, with what it holds in comments.
pub fn import(matrix: &Matrix, file: &str) -> String {
    let regions = matrix.regions();
    let pairs =
        || regions.iter().flat_map(|from| regions.iter().map(move |to| (from, to))).filter(|(from, to)| from != to);
    let mut times: Vec<Duration> = pairs().filter_map(|(from, to)| matrix.round_trip(from, to)).collect();
    times.sort_unstable();
    let mut text = format!("# {file}: {}, {}", counted(regions.len(), "region"), counted(times.len(), "link"));
    if let (Some(min), Some(max)) = (times.first(), times.last()) {
        let [min, median, max] = [*min, midway(&times), *max].map(exact_millis);
        text.push_str(&format!("; round trips of {min} to {max}, the median {median}"));
    }
    let names: Vec<String> = regions.iter().map(|name| quoted(name)).collect();
    text.push_str(&format!("\n\n[topology]\nregions = [{}]\n", names.join(", ")));
    for (place, from) in regions.iter().enumerate() {
        regions[place + 1..].iter().for_each(|to| text.push_str(&links(matrix, from, to)));
    }
    text
}

/// The link between two regions: once where both directions are alike or only one was measured.
fn links(matrix: &Matrix, from: &str, to: &str) -> String {
    let link = |from: &str, to: &str, time: Duration, only: &str| {
        let (from, to, rtt) = (quoted(from), quoted(to), exact_millis(time));
        format!("\n[[topology.link]]\nfrom = {from}\nto = {to}\nrtt = \"{rtt}\"\n{only}")
    };
    match (matrix.round_trip(from, to), matrix.round_trip(to, from)) {
        (Some(there), Some(back)) if there != back => {
            link(from, to, there, "both = false\n") + &link(to, from, back, "both = false\n")
        }
        (Some(time), _) | (None, Some(time)) => link(from, to, time, ""),
        (None, None) => format!("\n# not measured: {from} to {to}\n"),
    }
}

/// A span in milliseconds to the nanosecond, as scenario files write it: `81.25ms`.
fn exact_millis(span: Duration) -> String {
    let (whole, rest) = (span.as_nanos() / 1_000_000, span.as_nanos() % 1_000_000);
    let rest = format!("{rest:06}");
    match rest.trim_end_matches('0') {
        "" => format!("{whole}ms"),
        rest => format!("{whole}.{rest}ms"),
    }
}

fn quoted(name: &str) -> String {
    toml::Value::from(name).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::latency::bundled;

    #[test]
    fn an_imported_matrix_is_toml_with_every_nanosecond() {
        let own = Matrix::parse_csv("from\\to,us,eu,\"a\\b\"\nus,,81.250001,2\neu,80.9,,\na\\b,2,,\n").unwrap();
        let text = import(&own, "own.csv");
        assert!(
            text.starts_with("# own.csv: 3 regions, 4 links; round trips of 2ms to 81.250001ms, the median"),
            "{text}"
        );
        assert!(text.contains("# not measured: eu to a\\b"), "{text}");
        let table: toml::Table = text.parse().unwrap();
        let links = table["topology"]["link"].as_array().unwrap();
        assert_eq!((links.len(), links[0]["rtt"].as_str()), (3, Some("81.250001ms")));
        assert_eq!((links[2]["to"].as_str(), links[2].get("both")), (Some("a\\b"), None), "both ways alike, said once");
    }

    #[test]
    fn a_wide_matrix_goes_on_below() {
        let aws = Matrix::load("aws-2025-07").unwrap();
        let regions: Vec<&str> = aws.regions().iter().map(String::as_str).collect();
        let text = matrix(&aws, &regions, Paint::Off);
        assert!(text.lines().all(|line| width(line) <= COLUMNS), "{text}");
        assert!(text.lines().filter(|line| line.starts_with("us-east-1 ")).count() > 1);
        assert!(list(bundled(), Paint::Off).lines().all(|line| width(line) <= COLUMNS));
    }
}
