//! A Raft group inside another design: a store, or deciders that agree. Its nodes have the role of monitors there, for they hold none
//! of the design's data; among themselves they are replicas.

use serde::Deserialize;

use crate::protocol::{Context, Embedded, Flaw, Member, OptionsError, Protocol, Role, Seat};
use crate::time::Duration;

use super::{Options, Raft, Record};

/// Where its nodes are, and its timeouts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Group {
    /// The regions of its nodes, one in each. Default: every region of the design.
    pub regions: Option<Vec<String>>,
    /// How often its leader tells the others that it is there. Default: 100ms.
    pub heartbeat: Duration,
    /// The shortest time without word from its leader after which a node wants to become one. Default: 1s.
    pub election_timeout: Duration,
    /// The region whose node campaigns at once when it first starts. Default: timeouts decide.
    pub leader: Option<String>,
    /// Whether a node asks first whether it would be elected, and raises its term only then. Default: true.
    pub pre_vote: bool,
}

impl Default for Group {
    fn default() -> Group {
        let Options { heartbeat, election_timeout, pre_vote, .. } = Options::default();
        Group { regions: None, heartbeat, election_timeout, leader: None, pre_vote }
    }
}

/// What a design calls the options of its group, for what is wrong with them.
pub(in crate::protocol) struct Names {
    pub regions: &'static str,
    pub heartbeat: &'static str,
    pub leader: &'static str,
}

impl Group {
    fn options(&self) -> Options {
        let Group { heartbeat, election_timeout, leader, pre_vote, .. } = self.clone();
        Options { heartbeat, election_timeout, leader, pre_vote, ..Options::default() }
    }

    /// Its seats in the outer design.
    pub(in crate::protocol) fn seats(&self, called: &Names, regions: &[&str]) -> Result<Vec<Seat>, OptionsError> {
        let everywhere = || regions.iter().map(|region| (*region).to_string()).collect();
        let found =
            OptionsError::find_regions(called.regions, &self.regions.clone().unwrap_or_else(everywhere), regions)?;
        if found.is_empty() {
            return Err(OptionsError { option: called.regions, why: "it needs at least one node".into() });
        }
        let names: Vec<&str> = found.iter().map(|region| regions[region.index()]).collect();
        Raft::seats(&self.options(), &names).map_err(|OptionsError { option, why }| OptionsError {
            option: if option == "leader" { called.leader } else { called.heartbeat },
            why,
        })?;
        Ok(found.into_iter().map(|region| Seat { region, role: Role::Monitor }).collect())
    }

    /// Starts this node of it, which is one of the outer design's monitors, with the flaw that the outer design has, if it is one of Raft's.
    pub(in crate::protocol) fn start<O: Protocol>(
        &self,
        recovered: Vec<Record>,
        mutant: Flaw,
        cx: &mut Context<O>,
    ) -> Embedded<Raft> {
        let nodes = cx.members().iter().filter(|member| member.role == Role::Monitor);
        let nodes = nodes.map(|node| Member { role: Role::Replica, ..node.clone() });
        let options = Options { mutant, ..self.options() };
        Embedded::start(&options, recovered, nodes.collect(), cx)
    }
}
