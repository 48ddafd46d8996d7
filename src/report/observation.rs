//! What protocols tell, in words.
//!
//! Next: `story/mod.rs`.

use crate::id::Value;
use crate::sim::Run;
use crate::trace::Observation;

/// Whether an observation is worth a mark of its own: those that come with every write are not.
pub const fn is_told(observation: &Observation) -> bool {
    !observation.is_aside()
        && !matches!(
            observation,
            Observation::Applied { .. }
                | Observation::Added { .. }
                | Observation::Replaced { .. }
                | Observation::Removed { .. }
        )
}

/// What the node does, without its name.
pub fn words(observation: &Observation, run: &Run) -> String {
    let or_nothing = |value: Option<Value>| value.map_or("nothing".to_string(), |value| value.to_string());
    match *observation {
        Observation::Suspected => "believes that the leader is gone".into(),
        Observation::Decided { epoch } => format!("settles on a leader for epoch {epoch}"),
        Observation::Provisioned { epoch } => format!("has the machines to lead epoch {epoch}"),
        Observation::Fenced { epoch } => format!("takes leaders before epoch {epoch} for fenced"),
        Observation::Leader { epoch } => format!("leads epoch {epoch}"),
        Observation::Ready { epoch } => format!("is ready in epoch {epoch}"),
        Observation::SteppedDown { epoch } => format!("no longer leads epoch {epoch}"),
        Observation::Applied { key, value } => format!("applies {value} to {key}"),
        Observation::Added { key, value } => format!("takes {value} to {key}"),
        Observation::Replaced { key, value, by } => format!("has {by} to {key} in place of {value}"),
        Observation::Removed { key, value, by } => format!("removes {value} from {key} ({by})"),
        Observation::RolledBack { key, value, now } => {
            let fate = if run.durability.lost.contains(&value) { ", which is lost" } else { "" };
            format!("takes {value} out of {key} again{fate}; it holds {}", or_nothing(now))
        }
        Observation::Conflict { key, lost, kept } => format!("discards {lost} to {key} for {kept}"),
        ref other => format!("{other:?}"),
    }
}
