//! The rows of numbers of a comparison: each a metric, or a region's part of one, with every design's mean and interval.
//!
//! Next: `text/compare.rs`.

use crate::explore::compare::DesignSummary;
use crate::explore::metric::{Better, METRICS, OCCASIONAL, TELLING_APART};
use crate::metrics::statistics::Estimate;

use super::label::{label, regional_label};
use super::number::estimate;

/// Which part of the table a row is in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    Metric,
    Region(&'static str),
}

/// One row of numbers, a design each.
pub(super) struct Numbers {
    pub group: Group,
    pub label: String,
    pub name: String,
    better: Option<Better>,
    scale: f64,
    /// `None` where there was nothing to measure.
    pub estimates: Vec<Option<Estimate>>,
}

impl Numbers {
    fn means(&self) -> impl Iterator<Item = f64> + '_ {
        self.estimates.iter().flatten().map(|estimate| estimate.mean)
    }

    /// The mean of one design, and half of its interval: empty where there is none.
    pub fn parts(&self, place: usize) -> (String, String) {
        self.estimates[place].as_ref().map_or_else(|| ("–".into(), String::new()), |of| estimate(of, self.scale))
    }

    /// Whether no other design's mean is better, and some design's is worse.
    pub fn is_best(&self, place: usize) -> bool {
        let (Some(better), Some(mine)) = (self.better, self.estimates[place].map(|estimate| estimate.mean)) else {
            return false;
        };
        let is_worse = |other: f64| if better == Better::Less { other > mine } else { other < mine };
        self.means().all(|other| other == mine || is_worse(other)) && self.means().any(is_worse)
    }

    /// Whether the row tells anything.
    fn occurs(&self) -> bool {
        let all_the_same = || self.means().all(|mean| Some(mean) == self.means().next());
        (!OCCASIONAL.contains(&&*self.name) || self.means().any(|mean| mean > 0.0))
            && !(TELLING_APART.contains(&&*self.name) && all_the_same())
    }
}

/// The rows of a comparison that tell anything: metrics, then what each region saw.
pub(super) fn numbers(designs: &[DesignSummary]) -> Vec<Numbers> {
    let metrics = METRICS.iter().enumerate().map(|(place, metric)| {
        let of = |design: &DesignSummary| design.is_measured[place].then_some(design.metrics[place]);
        let estimates: Vec<_> = designs.iter().map(of).collect();
        let largest = estimates.iter().flatten().map(|estimate: &Estimate| estimate.mean).fold(0.0, f64::max);
        let label = label(metric, largest);
        let name = metric.name.into();
        Numbers { group: Group::Metric, label: label.words, name, better: metric.better, scale: label.scale, estimates }
    });
    let regions = designs[0].regional.iter().enumerate().map(|(place, of)| {
        let label = regional_label(of.metric, &of.region);
        let estimates = designs.iter().map(|design| Some(design.regional[place].estimate)).collect();
        Numbers {
            group: Group::Region(of.metric.name),
            label: label.words,
            name: of.name(),
            better: of.metric.better,
            scale: label.scale,
            estimates,
        }
    });
    metrics.filter(Numbers::occurs).chain(regions).collect()
}
