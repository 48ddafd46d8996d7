//! The matrices that come with the program: what each holds, who measured it, when and how.
//!
//! The data are in `data/latency/`, whose README says more. Nothing here is measured by this project.

use std::fmt;

/// Below this likeness (Jaro and Winkler, from 0 to 1) a name is no typing error of another.
const LIKENESS_MIN: f64 = 0.7;

/// What is known of a bundled matrix.
#[derive(Debug, PartialEq, Eq)]
pub struct MatrixInfo {
    /// The name to load it by.
    pub id: &'static str,
    /// One line for a list.
    pub title: &'static str,
    /// Who published the figures, and where.
    pub source: &'static str,
    /// When they were measured or published, as exactly as is known: a year, a month or a day (ISO 8601).
    pub date: &'static str,
    /// How they were measured.
    pub method: &'static str,
    pub(super) files: Files,
}

/// The embedded texts of a matrix, by statistic.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Files {
    Average { average: &'static str },
    P50P90 { p50: &'static str, p90: &'static str },
    P50P95 { p50: &'static str, p95: &'static str },
    Ping { min: &'static str, average: &'static str, max: &'static str, mdev: &'static str },
}

/// Which statistics of its round trips a matrix has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistics {
    /// One figure, an average or a stated value: no dispersion.
    Average,
    /// Median and 90th percentile.
    P50P90,
    /// Median, and 95th percentile for some of the regions.
    P50P95,
    /// Minimum, average, maximum and mdev, as ping prints them.
    Ping,
}

impl Statistics {
    /// Whether the round trips are known to scatter. Where not, fitted delays are constant.
    pub const fn has_dispersion(self) -> bool {
        !matches!(self, Statistics::Average)
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Statistics::Average => "average",
            Statistics::P50P90 => "p50, p90",
            Statistics::P50P95 => "p50, p95 for some regions",
            Statistics::Ping => "min, average, max, mdev",
        })
    }
}

impl MatrixInfo {
    /// Which statistics the matrix has.
    pub const fn statistics(&self) -> Statistics {
        match self.files {
            Files::Average { .. } => Statistics::Average,
            Files::P50P90 { .. } => Statistics::P50P90,
            Files::P50P95 { .. } => Statistics::P50P95,
            Files::Ping { .. } => Statistics::Ping,
        }
    }

    /// Names of its regions, in the order of the source.
    pub fn regions(&self) -> Vec<&'static str> {
        let (Files::Average { average: text }
        | Files::P50P90 { p50: text, .. }
        | Files::P50P95 { p50: text, .. }
        | Files::Ping { average: text, .. }) = self.files;
        text.lines().next().unwrap_or_default().split(',').skip(1).collect()
    }
}

/// No bundled matrix has this id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownMatrix {
    /// The id asked for.
    pub id: String,
    /// The id that looks most like it, where one does.
    pub nearest: Option<&'static str>,
}

impl fmt::Display for UnknownMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no latency matrix `{}`", self.id)?;
        match self.nearest {
            Some(nearest) => write!(f, ": did you mean `{nearest}`?"),
            None => {
                let ids: Vec<&str> = BUNDLED.iter().map(|info| info.id).collect();
                write!(f, ": there are {}", ids.join(", "))
            }
        }
    }
}

impl std::error::Error for UnknownMatrix {}

/// Every bundled matrix: measurements of clouds first, newest first within a cloud, then figures of papers.
pub fn bundled() -> &'static [MatrixInfo] {
    BUNDLED
}

pub(super) fn find(id: &str) -> Result<&'static MatrixInfo, UnknownMatrix> {
    let found = BUNDLED.iter().find(|info| info.id == id);
    found.ok_or_else(|| UnknownMatrix { id: id.to_owned(), nearest: nearest(id, BUNDLED.iter().map(|info| info.id)) })
}

/// The first of the names most like `name`; `None` where none is like it at all.
pub(super) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut best = (LIKENESS_MIN, None);
    for candidate in names {
        let likeness = strsim::jaro_winkler(name, candidate);
        if likeness > best.0 {
            best = (likeness, Some(candidate));
        }
    }
    best.1
}

macro_rules! data {
    ($file:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/latency/", $file, ".csv"))
    };
}

static BUNDLED: &[MatrixInfo] = &[
    MatrixInfo {
        id: "aws-2025-07",
        title: "AWS, 33 regions, one year to July 2025",
        source: "cloudping.co, as recorded in commonwarexyz/monorepo, examples/estimator/src, at dc41a895",
        date: "2025-07-17",
        method: "TCP between functions, P50 and P90 over a window of one year",
        files: Files::P50P90 { p50: data!("aws-2025-07_p50"), p90: data!("aws-2025-07_p90") },
    },
    MatrixInfo {
        id: "aws-2021-02",
        title: "AWS, the 5 sites of Tempo, February 2021",
        source: "vitorenesduarte/fantoch, latency_aws/2021_02_13, at aea6e324",
        date: "2021-02-13",
        method: "ICMP ping between m5.large machines, about one hour a pair",
        files: Files::Ping {
            min: data!("aws-2021-02_min"),
            average: data!("aws-2021-02_avg"),
            max: data!("aws-2021-02_max"),
            mdev: data!("aws-2021-02_mdev"),
        },
    },
    MatrixInfo {
        id: "aws-2020-06",
        title: "AWS, 19 regions, June 2020",
        source: "vitorenesduarte/fantoch, latency_aws/2020_06_05, at aea6e324",
        date: "2020-06-05",
        method: "ICMP ping between m5.large machines, about one hour a pair",
        files: Files::Ping {
            min: data!("aws-2020-06_min"),
            average: data!("aws-2020-06_avg"),
            max: data!("aws-2020-06_max"),
            mdev: data!("aws-2020-06_mdev"),
        },
    },
    MatrixInfo {
        id: "gcp-2020-06",
        title: "Google Cloud, 20 regions, June 2020",
        source: "vitorenesduarte/fantoch, latency_gcp",
        date: "2020-06-02",
        method: "ICMP ping between machines, about one hour a pair",
        files: Files::Ping {
            min: data!("gcp-2020-06_min"),
            average: data!("gcp-2020-06_avg"),
            max: data!("gcp-2020-06_max"),
            mdev: data!("gcp-2020-06_mdev"),
        },
    },
    MatrixInfo {
        id: "azure-2026-07",
        title: "Azure, 31 regions, July 2026",
        source: "Microsoft, Azure network round-trip latency statistics; the P95 from mbender-ms/azure-docs at \
                 5b3e2055, which may be a draft",
        date: "2026-07-30",
        method: "Microsoft's own, P50 over 30 days in whole milliseconds; P95 among 18 of the regions",
        files: Files::P50P95 { p50: data!("azure-2026-07_p50"), p95: data!("azure-2026-07_p95") },
    },
    MatrixInfo {
        id: "gryff-nsdi20",
        title: "the 5 emulated sites of Gryff, NSDI 2020",
        source: "Burke, Cheng, Lloyd, Gryff, NSDI 2020; matthelb/gryff, experiments/nsdi20/lat.json, at faea8bf4",
        date: "2020-04",
        method: "the wide-area matrix that the paper's experiments emulate",
        files: Files::Average { average: data!("gryff-nsdi20_avg") },
    },
    MatrixInfo {
        id: "tempo-aws",
        title: "AWS, the 5 sites of Tempo, averages over many runs",
        source: "vitorenesduarte/fantoch, fantoch_ps/src/bin/simulation.rs, aws_runs_planet",
        date: "2021",
        method: "average round trip seen over many runs",
        files: Files::Average { average: data!("tempo-aws_avg") },
    },
    MatrixInfo {
        id: "walter-sosp11",
        title: "EC2, the 4 sites of Walter, SOSP 2011",
        source: "Sovran, Power, Aguilera, Li, Walter, SOSP 2011, section 8.1",
        date: "2011",
        method: "average round trip",
        files: Files::Average { average: data!("walter-sosp11_avg") },
    },
    MatrixInfo {
        id: "eiger-nsdi13",
        title: "VICCI, the 3 sites of Eiger, NSDI 2013",
        source: "Lloyd, Freedman, Kaminsky, Andersen, Eiger, NSDI 2013, section 7.3",
        date: "2013",
        method: "round trips as the paper states them",
        files: Files::Average { average: data!("eiger-nsdi13_avg") },
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_matrix_says_where_it_comes_from() {
        for (index, info) in BUNDLED.iter().enumerate() {
            assert!(BUNDLED[..index].iter().all(|other| other.id != info.id), "{}", info.id);
            for text in [info.title, info.source, info.date, info.method] {
                assert!(!text.is_empty() && !text.contains("  "), "{}: {text}", info.id);
            }
        }
        assert_eq!(BUNDLED.len(), 9);
    }

    #[test]
    fn an_unknown_matrix_suggests_the_nearest() {
        let error = find("aws-2025").unwrap_err();
        assert_eq!(error.nearest, Some("aws-2025-07"));
        assert_eq!(error.to_string(), "there is no latency matrix `aws-2025`: did you mean `aws-2025-07`?");
        assert_eq!(find("eiger").unwrap_err().nearest, Some("eiger-nsdi13"));
        let error = find("").unwrap_err();
        assert_eq!(error.nearest, None);
        assert!(error.to_string().contains("walter-sosp11"), "{error}");
    }
}
