//! The Pareto front: the designs that no other is at least as good as in every objective and better than in one.
//!
//! Designs are held against each other by their means over the same seeds. Where one of the two has no value (nobody's write
//! was answered, so there is no latency), they cannot be compared in that objective, and neither beats the other. Next:
//! `expect.rs`.

use super::compare::DesignSummary;
use super::metric::{Better, METRICS, Metric};

/// Which designs are on the front, and what beats each of the others.
#[derive(Clone, Debug)]
pub struct Front {
    /// What designs are compared in.
    pub objectives: Vec<&'static Metric>,
    /// The designs on the front, in the order of the comparison.
    pub designs: Vec<String>,
    /// The others.
    pub beaten: Vec<Beaten>,
}

/// A design that another one beats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beaten {
    /// Its name.
    pub design: String,
    /// A design on the front that is at least as good in every objective; of several, the one that is better in most.
    pub by: String,
    /// The objectives in which that one is better.
    pub better_in: Vec<&'static str>,
}

/// How one design stands to another in one objective.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Better,
    Equal,
    Worse,
    Unknown,
}

impl Front {
    /// Every metric of which less or more is better.
    pub fn every_objective() -> Vec<&'static Metric> {
        METRICS.iter().filter(|metric| metric.better.is_some()).collect()
    }

    /// The front of these designs in these objectives, which must be [metrics with a better way](Metric::better).
    pub fn of(designs: &[DesignSummary], objectives: Vec<&'static Metric>) -> Front {
        let places: Vec<(usize, Better)> = METRICS
            .iter()
            .enumerate()
            .filter(|(_, metric)| objectives.iter().any(|objective| objective.name == metric.name))
            .filter_map(|(place, metric)| Some((place, metric.better?)))
            .collect();
        let beats = |a: &DesignSummary, b: &DesignSummary| better_in(a, b, &places);
        let is_on_it = |design: &&DesignSummary| !designs.iter().any(|other| beats(other, design).is_some());
        let on_it: Vec<&DesignSummary> = designs.iter().filter(is_on_it).collect();
        // Who beats another has a value in the same objectives, so whoever is beaten is so by somebody on the front.
        let beaten = designs.iter().filter(|design| !is_on_it(design)).map(|design| {
            let found = on_it.iter().filter_map(|other| Some((&other.name, beats(other, design)?)));
            let (by, better_in) = found.rev().max_by_key(|(_, better_in)| better_in.len()).expect("somebody beats it");
            Beaten { design: design.name.clone(), by: by.clone(), better_in }
        });
        Front {
            beaten: beaten.collect(),
            designs: on_it.iter().map(|design| design.name.clone()).collect(),
            objectives,
        }
    }

    /// Whether the design of this name is on it.
    pub fn has(&self, design: &str) -> bool {
        self.designs.iter().any(|name| name == design)
    }
}

/// The objectives in which `a` is better than `b`, if it beats it.
fn better_in(a: &DesignSummary, b: &DesignSummary, places: &[(usize, Better)]) -> Option<Vec<&'static str>> {
    let mut better = Vec::new();
    for (place, way) in places {
        match standing(a, b, *place, *way) {
            Standing::Better => better.push(METRICS[*place].name),
            Standing::Equal => {}
            Standing::Worse | Standing::Unknown => return None,
        }
    }
    (!better.is_empty()).then_some(better)
}

fn standing(a: &DesignSummary, b: &DesignSummary, place: usize, way: Better) -> Standing {
    let value = |design: &DesignSummary| design.is_measured[place].then(|| design.metrics[place].mean);
    match (value(a), value(b)) {
        (None, None) => Standing::Equal,
        (Some(a), Some(b)) if a == b => Standing::Equal,
        (Some(a), Some(b)) if (a < b) == (way == Better::Less) => Standing::Better,
        (Some(_), Some(_)) => Standing::Worse,
        _ => Standing::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::statistics::Estimate;
    use proptest::prelude::*;

    /// Designs with these values of availability and of write latency; `None` where nothing was answered.
    fn designs(values: &[(f64, Option<f64>)]) -> Vec<DesignSummary> {
        let of = |(nth, (availability, latency)): (usize, &(f64, Option<f64>))| {
            let mut design = DesignSummary::empty(&format!("d{nth}"));
            let mut set = |name: &str, value: Option<f64>| {
                let place = METRICS.iter().position(|metric| metric.name == name).unwrap();
                let mean = value.unwrap_or_default();
                design.metrics[place] = Estimate { mean, low: mean, high: mean };
                design.is_measured[place] = value.is_some();
            };
            set("availability", Some(*availability));
            set("write_latency_ms_p99", *latency);
            design
        };
        values.iter().enumerate().map(of).collect()
    }

    #[test]
    fn who_is_beaten_is_told_by_whom_and_in_what() {
        let front = Front::of(
            &designs(&[(0.9, Some(5.0)), (0.99, Some(5.0)), (0.999, Some(100.0)), (0.5, Some(100.0))]),
            Front::every_objective(),
        );
        assert_eq!(front.designs, ["d1", "d2"]);
        let beaten = |design: &str, by: &str, better_in: &[&'static str]| Beaten {
            design: design.into(),
            by: by.into(),
            better_in: better_in.to_vec(),
        };
        let both = &["availability", "write_latency_ms_p99"];
        assert_eq!(front.beaten, [beaten("d0", "d1", &["availability"]), beaten("d3", "d1", both)]);
        let one = METRICS.iter().find(|metric| metric.name == "availability").unwrap();
        assert_eq!(Front::of(&designs(&[(0.9, Some(1.0)), (0.99, Some(5.0))]), vec![one]).designs, ["d1"]);
    }

    #[test]
    fn without_a_value_nobody_beats_or_is_beaten() {
        let mute = [(0.0, None), (0.9, Some(5.0))];
        assert_eq!(Front::of(&designs(&mute), Front::every_objective()).designs, ["d0", "d1"]);
        assert_eq!(Front::of(&designs(&[(0.0, None), (0.1, None)]), Front::every_objective()).designs, ["d1"]);
    }

    proptest! {
        #[test]
        fn every_design_is_on_the_front_or_beaten(values in prop::collection::vec((0..4_u8, prop::option::of(0..4_u8)), 1..12)) {
            let values: Vec<_> = values.into_iter().map(|(a, b)| (f64::from(a), b.map(f64::from))).collect();
            let front = Front::of(&designs(&values), Front::every_objective());
            prop_assert!(!front.designs.is_empty());
            prop_assert_eq!(front.designs.len() + front.beaten.len(), values.len());
            for beaten in &front.beaten {
                prop_assert!(!front.has(&beaten.design) && !beaten.better_in.is_empty());
                let place = |name: &str| name[1..].parse::<usize>().unwrap();
                let ((a, l), (b, m)) = (values[place(&beaten.by)], values[place(&beaten.design)]);
                prop_assert!(a >= b && l.is_some() == m.is_some() && l <= m);
                prop_assert!(front.has(&beaten.by), "whoever has a value in the same objectives is compared in all of them");
            }
        }
    }
}
