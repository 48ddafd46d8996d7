//! [`Matrix`]: measured round trips between named regions, and how they scatter.
//!
//! A matrix keeps each direction as its source published it; [`Matrix::symmetrised`] gives the mean of both. Next:
//! `csv.rs`, how one is read.

use crate::time::Duration;

use super::catalogue::{self, Files, MatrixInfo, UnknownMatrix};
use super::csv::{self, CsvError, Table};
use super::{Delay, RoundTrip, Spread};

/// Round trips between regions.
///
/// The diagonal is no link: what sources measure within a region (the same machine's neighbour, or mostly the overhead
/// of the method) is not the time between two nodes there, which callers state themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matrix {
    info: Option<&'static MatrixInfo>,
    regions: Vec<String>,
    /// Row by row: from the region of the row to that of the column.
    links: Vec<Option<RoundTrip>>,
}

impl Matrix {
    /// The bundled matrix called `id`; [`super::bundled`] lists them.
    ///
    /// # Errors
    /// Where no bundled matrix has that id.
    pub fn load(id: &str) -> Result<Matrix, UnknownMatrix> {
        let info = catalogue::find(id)?;
        // The texts are part of the program, and a test reads them all.
        let read = |text| match Matrix::parse_csv(text) {
            Ok(matrix) => matrix,
            Err(error) => panic!("the bundled matrix {id} is broken: {error}"),
        };
        let matrix = match info.files {
            Files::Average { average } => read(average),
            Files::P50P90 { p50, p90 } => read(p50).with_p90(&read(p90)),
            Files::P50P95 { p50, p95 } => read(p50).with_p95(&read(p95)),
            Files::Ping { min, average, max, mdev } => {
                let (min, max, mdev) = (read(min), read(max), read(mdev));
                read(average).with_spread(|from, to| {
                    Some(Spread::Ping {
                        min: min.round_trip(from, to)?,
                        max: max.round_trip(from, to)?,
                        deviation: mdev.round_trip(from, to)?,
                    })
                })
            }
        };
        Ok(Matrix { info: Some(info), ..matrix })
    }

    /// Reads round trips in milliseconds from CSV: a header `from\to,us,eu`, then a row for every region of the header,
    /// in any order, with an empty field where nothing was measured. Figures on the diagonal are read and not used.
    ///
    /// The matrix has no dispersion; [`Matrix::with_p90`] and [`Matrix::with_p95`] add one.
    ///
    /// # Errors
    /// Where the text is not a square of decimal numbers from zero to an hour, with at most six decimals, or where its
    /// regions are not named once each. The error carries line and column.
    pub fn parse_csv(text: &str) -> Result<Matrix, CsvError> {
        csv::parse(text).map(Matrix::from_table)
    }

    /// This matrix with the round trips of `p90` as its 90th percentiles, where both have the link.
    #[must_use]
    pub fn with_p90(self, p90: &Matrix) -> Matrix {
        self.with_spread(|from, to| p90.round_trip(from, to).map(Spread::P90))
    }

    /// This matrix with the round trips of `p95` as its 95th percentiles, where both have the link.
    #[must_use]
    pub fn with_p95(self, p95: &Matrix) -> Matrix {
        self.with_spread(|from, to| p95.round_trip(from, to).map(Spread::P95))
    }

    fn with_spread(mut self, spread: impl Fn(&str, &str) -> Option<Spread>) -> Matrix {
        let pairs = self.regions.iter().flat_map(|from| self.regions.iter().map(move |to| (from, to)));
        for (link, (from, to)) in self.links.iter_mut().zip(pairs) {
            if let Some(link) = link {
                link.spread = spread(from, to);
            }
        }
        self
    }

    /// The mean of both directions of every link, statistic by statistic: `(m[a][b] + m[b][a]) / 2`, to the nanosecond
    /// below. Where one direction alone was measured, both take it.
    #[must_use]
    pub fn symmetrised(&self) -> Matrix {
        let n = self.regions.len();
        let both = |index: usize| {
            let (there, back) = (self.links[index], self.links[index % n * n + index / n]);
            match (there, back) {
                (Some(there), Some(back)) => Some(there.symmetrised(back)),
                (one, other) => one.or(other),
            }
        };
        Matrix { info: self.info, regions: self.regions.clone(), links: (0..n * n).map(both).collect() }
    }

    /// Where this matrix comes from; `None` where it is not bundled.
    pub fn info(&self) -> Option<&'static MatrixInfo> {
        self.info
    }

    /// Names of the regions, in the order of the source.
    pub fn regions(&self) -> &[String] {
        &self.regions
    }

    /// Whether `region` is one of the regions.
    pub fn has_region(&self, region: &str) -> bool {
        self.index(region).is_some()
    }

    /// The region whose name looks most like `name`, for a message about a typing error; `None` where none does.
    pub fn nearest_region(&self, name: &str) -> Option<&str> {
        catalogue::nearest(name, self.regions.iter().map(String::as_str))
    }

    /// All that was measured of the round trips that `from` makes to `to`. `None` where the link was not measured,
    /// where a name is unknown, and within one region.
    pub fn link(&self, from: &str, to: &str) -> Option<RoundTrip> {
        self.links[self.index(from)? * self.regions.len() + self.index(to)?]
    }

    /// The central statistic of [`Matrix::link`]: the median round trip, or the average.
    pub fn round_trip(&self, from: &str, to: &str) -> Option<Duration> {
        self.link(from, to).map(|link| link.central)
    }

    /// The dispersion of [`Matrix::link`]; `None` also where the source gives a single figure.
    pub fn spread(&self, from: &str, to: &str) -> Option<Spread> {
        self.link(from, to).and_then(|link| link.spread)
    }

    /// The delay of a message from `from` to `to`, fitted to [`Matrix::link`] by [`Delay::fitted`]: half of the round
    /// trip that `from` measures. `None` where the link is.
    pub fn delay(&self, from: &str, to: &str) -> Option<Delay> {
        self.link(from, to).map(Delay::fitted)
    }

    /// Whether any link has a dispersion. Where none has, every fitted delay is constant.
    pub fn has_dispersion(&self) -> bool {
        self.links.iter().flatten().any(|link| link.spread.is_some())
    }

    fn from_table(table: Table) -> Matrix {
        let n = table.regions.len();
        let link = |(index, value): (usize, Option<Duration>)| {
            if index / n == index % n { None } else { value.map(RoundTrip::constant) }
        };
        let links = table.values.into_iter().enumerate().map(link).collect();
        Matrix { info: None, regions: table.regions, links }
    }

    fn index(&self, region: &str) -> Option<usize> {
        self.regions.iter().position(|name| name == region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::latency::{Statistics, bundled};
    use proptest::prelude::*;

    #[test]
    fn every_bundled_matrix_is_whole() {
        for info in bundled() {
            let matrix = Matrix::load(info.id).unwrap();
            let regions = matrix.regions();
            assert_eq!(matrix.info().map(|info| info.id), Some(info.id));
            assert_eq!(info.regions(), regions, "{}", info.id);
            assert_eq!(matrix.links.len(), regions.len() * regions.len(), "{}", info.id);
            assert_eq!(matrix.has_dispersion(), info.statistics().has_dispersion(), "{}", info.id);
            let mut scattered = 0;
            for (from, to) in regions.iter().flat_map(|from| regions.iter().map(move |to| (from, to))) {
                let Some(link) = matrix.link(from, to) else {
                    assert_eq!(from, to, "{}", info.id);
                    continue;
                };
                assert!(!link.central.is_zero(), "{} {from} {to}", info.id);
                scattered += usize::from(link.spread.is_some());
                match link.spread {
                    Some(Spread::P90(high) | Spread::P95(high)) => assert!(high >= link.central, "{from} {to}"),
                    Some(Spread::Ping { min, max, .. }) => assert!(min <= link.central && link.central <= max),
                    None => {}
                }
                let delay = matrix.delay(from, to).unwrap();
                assert!(!delay.floor().is_zero() && delay.floor() <= link.central / 2, "{} {from} {to}", info.id);
            }
            let spread_links = match info.statistics() {
                Statistics::Average => 0,
                Statistics::P50P95 => 18 * 17,
                _ => regions.len() * (regions.len() - 1),
            };
            assert_eq!(scattered, spread_links, "{}", info.id);
        }
    }

    #[test]
    fn round_trips_are_those_of_the_sources() {
        for (id, from, to, as_measured, symmetrised) in [
            ("aws-2025-07", "us-east-1", "us-west-2", "64.419ms", "64.225ms"),
            ("aws-2025-07", "eu-west-1", "us-east-1", "69.736ms", "69.679ms"),
            ("aws-2020-06", "af-south-1", "ap-east-1", "382.868ms", "382.87ms"),
            ("aws-2021-02", "ca-central-1", "eu-west-1", "72.243ms", "72.242ms"),
            ("gcp-2020-06", "europe-west1", "us-east1", "93.044ms", "93.043ms"),
            ("azure-2026-07", "australiaeast", "brazilsouth", "295ms", "295ms"),
            ("gryff-nsdi20", "california", "ireland", "151ms", "151ms"),
            ("tempo-aws", "EU", "CA", "73ms", "73ms"),
            ("walter-sosp11", "VA", "SG", "261ms", "261ms"),
            ("eiger-nsdi13", "UW", "Stanford", "20ms", "20ms"),
        ] {
            let matrix = Matrix::load(id).unwrap();
            let both = matrix.symmetrised();
            assert_eq!(matrix.round_trip(from, to).unwrap().to_string(), as_measured, "{id}");
            assert_eq!(both.round_trip(from, to).unwrap().to_string(), symmetrised, "{id}");
            assert_eq!(both.link(from, to), both.link(to, from), "{id}");
        }
        // 93.044 and 93.043 ms have an odd sum of microseconds: the half is kept.
        let gcp = Matrix::load("gcp-2020-06").unwrap().symmetrised();
        assert_eq!(gcp.round_trip("europe-west1", "us-east1"), Some(Duration::nanos(93_043_500)));
    }

    #[test]
    fn a_single_figure_is_a_constant_delay() {
        let matrix = Matrix::load("eiger-nsdi13").unwrap();
        assert_eq!(matrix.delay("UW", "Stanford"), Some(Delay::constant(Duration::millis(10))));
        assert_eq!(matrix.spread("UW", "Stanford"), None);
    }

    #[test]
    fn own_figures_may_be_partial_and_one_way() {
        let matrix = Matrix::parse_csv("from\\to,a,b,c\na,1,10.000001,\nb,,2,\nc,,,3\n").unwrap();
        assert_eq!(matrix.round_trip("a", "b"), Some(Duration::nanos(10_000_001)));
        assert_eq!(matrix.round_trip("b", "a"), None);
        assert_eq!(matrix.round_trip("a", "a"), None, "the diagonal is no link");
        assert_eq!(matrix.round_trip("a", "nowhere"), None);
        assert!(!matrix.has_dispersion() && matrix.info().is_none());
        let both = matrix.symmetrised();
        assert_eq!(both.round_trip("b", "a"), both.round_trip("a", "b"));
        assert_eq!(both.round_trip("a", "c"), None);
        let p90 = Matrix::parse_csv("x,b,a\na,12.5,\nb,,").unwrap();
        let with_tail = matrix.with_p90(&p90);
        assert_eq!(with_tail.spread("a", "b"), Some(Spread::P90(Duration::micros(12_500))));
        assert!(with_tail.has_dispersion() && with_tail.delay("a", "b").unwrap().has_dispersion());
    }

    #[test]
    fn a_typing_error_finds_its_region() {
        let matrix = Matrix::load("aws-2025-07").unwrap();
        assert_eq!(matrix.nearest_region("us-eats-1"), Some("us-east-1"));
        assert_eq!(matrix.nearest_region("zzz"), None);
        assert!(matrix.has_region("eu-west-1") && !matrix.has_region("us-eats-1"));
    }

    fn read(text: &str) {
        if let Ok(matrix) = Matrix::parse_csv(text) {
            let matrix = matrix.clone().with_p95(&matrix.symmetrised());
            for (from, to) in matrix.regions().iter().zip(matrix.regions().iter().rev()) {
                let delay = matrix.delay(from, to);
                assert_eq!(delay.is_some(), matrix.link(from, to).is_some());
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in any::<String>(), near in "[ab,0-9.\"\\\\ \r\n-]{0,60}") {
            read(&text);
            read(&near);
        }

        #[test]
        fn no_field_makes_the_reader_panic(there in "\\PC{0,12}", back in "[0-9]{0,22}\\.?[0-9]{0,9}") {
            read(&format!("from\\to,a,b\na,,{there}\nb,{back},\n"));
        }
    }
}
