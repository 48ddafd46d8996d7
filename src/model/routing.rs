//! How clients find a region that serves them, and who decides that. Next: `workload.rs`.
//!
//! Without a routing each client asks the nearest replica, or whom its region believes to lead. With one, a *policy* names the
//! region that a client begins an operation in; a protocol may still redirect the client from there. What a policy knows of
//! regions' health it knows from *checkers*, whose probes are messages on the same links as everything else, or from what became
//! of clients' own requests.

use crate::id::RegionId;
use crate::time::{Duration, Time};

/// How clients find a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routing {
    /// Who decides, and how.
    pub policy: Policy,
    /// Who looks whether regions are healthy; `None`: nobody.
    pub check: Option<Check>,
    /// When real requests that fail eject a region; `None`: never.
    pub outlier: Option<Outlier>,
    /// Where clients of the first region go before they go to the nearest other. Needs `outlier`.
    pub failover: Vec<(RegionId, RegionId)>,
    /// Whether a client stays with the region it is connected to until that leaves a request without an answer.
    pub long_lived: bool,
    /// Clients that move.
    pub roam: Option<Roam>,
}

impl Routing {
    /// This policy and nothing else.
    pub fn new(policy: Policy) -> Routing {
        Routing { policy, check: None, outlier: None, failover: Vec::new(), long_lived: false, roam: None }
    }
}

/// Who decides where a client goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Its own region or, where that has no replica, the nearest that has; whatever happens.
    Home,
    /// The nearest replica, or whom the client's region believes to lead: as without a routing.
    Nearest,
    /// The client's side: the first healthy region, by what the region's own checker and the client region's own requests say.
    NearestHealthy,
    /// A name: the first healthy region at the time at which the client last asked.
    Dns(Dns),
    /// A load balancer that every request passes on its way, and no answer does (direct server return, as Maglev's).
    Balancer {
        /// Where it is; `None`: one in each region, and a client asks that of its own.
        at: Option<RegionId>,
    },
    /// The network: the first region that was not withdrawn, or was announced again, longer than so long ago.
    Anycast {
        /// From a verdict about a region to its routes everywhere.
        convergence: Duration,
    },
}

/// Names and the caches of their answers: one for each client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dns {
    /// How long an answer is kept. How much of that is left of the first that a client gets is drawn: others asked before it.
    pub ttl: Duration,
    /// From a verdict about a region to another answer from the name's servers.
    pub publish: Duration,
    /// Clients that keep an answer for longer.
    pub ignore: Option<IgnoreTtl>,
}

/// Clients that keep an answer for longer than they may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IgnoreTtl {
    /// How many of the clients, in `whole`.
    pub parts: u32,
    /// Of how many.
    pub whole: u32,
    /// For how long they keep it.
    pub keep: Keep,
}

/// How long an answer is kept by a client that does as it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// So long.
    For(Duration),
    /// Until a request goes without an answer.
    UntilBroken,
    /// For the whole run.
    Forever,
}

/// Health checkers, and when they change their minds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// Where the checker is, beside the clients of that region; `None`: one in every region.
    pub from: Option<RegionId>,
    /// From one probe of a node to the next.
    pub interval: Duration,
    /// How long a checker waits for the answer.
    pub timeout: Duration,
    /// After how many answers in a row a node is healthy again.
    pub rise: u32,
    /// After how many probes in a row without one it is not healthy any more.
    pub fall: u32,
    /// What is asked.
    pub depth: Depth,
    /// How many checkers must find a node unhealthy for it to be so; `None`: more than half of them.
    pub agree: Option<u32>,
}

/// What a probe asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Whether something is there: a node that is up answers, also while it is paused, for its machine takes connections.
    Shallow,
    /// Whether the node serves: the probe is a read, which the protocol must answer or redirect.
    Deep,
}

/// Ejects a region from those that the clients of another go to, for what happened to their own requests.
///
/// Source: Envoy's outlier detection, and Istio's locality failover, which needs it (istio.io, Locality failover): its own region
/// first, then the one configured, then the others. Departure: a region is a whole, and never only a part of its nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlier {
    /// After how many failures in a row.
    pub failures: u32,
    /// For how long the first time; the n-th time n times as long.
    pub base: Duration,
    /// The longest.
    pub longest: Duration,
}

/// Clients that move from their home region to another and stay there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roam {
    /// How many of the clients, in `whole`.
    pub parts: u32,
    /// Of how many.
    pub whole: u32,
    /// Where they go.
    pub to: RegionId,
    /// When; one that waits for an answer goes after it.
    pub at: Time,
    /// Whether their session tokens come with them.
    pub token_kept: bool,
}
