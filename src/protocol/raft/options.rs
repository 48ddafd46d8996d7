//! The knobs of Raft.

use serde::Deserialize;

use crate::protocol::Flaw;
use crate::time::Duration;

/// The knobs.
#[derive(Clone, Debug, Hash, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Options {
    /// How often a leader tells the others that it is there. It must be shorter than `election-timeout`.
    pub heartbeat: Duration,
    /// The shortest time without word from a leader after which a node wants to become one. Each node draws its own
    /// timeout, from this to twice this.
    pub election_timeout: Duration,
    /// Ask the others before starting a term: a node that comes back from isolation then deposes nobody.
    pub pre_vote: bool,
    /// A leader that has not heard from a majority for an election timeout steps down, and a node that has heard from a
    /// leader within one ignores candidates.
    pub check_quorum: bool,
    /// How reads are answered: `"read-index"` (linearizable, by the leader, each after its own round trip to a majority),
    /// `"follower-read-index"` (linearizable, by the replica that is asked, which asks the leader for all reads that wait
    /// there at once, and again only when that is answered) or `"local"` (by any replica at once, from what it has applied,
    /// perhaps old).
    pub reads: Reads,
    /// How many entries a node applies between two snapshots of its state.
    pub snapshot_every: u64,
    /// What a leader does first with a new entry: `"overlapped"` (it sends it while its own disk writes; a slow disk of the leader
    /// alone holds nobody up) or `"disk-first"` (it sends what its disk has).
    pub append: AppendOrder,
    /// A leader whose entries wait, and none of which was committed for so long, steps down: it may be that its own disk is what
    /// they wait for, and its heartbeats tell nobody. Without it, it leads for as long as it is heard.
    pub commit_timeout: Option<Duration>,
    /// The region whose node campaigns at once when the group first starts, so that a run has a known first leader.
    /// Without it, timeouts decide.
    pub leader: Option<String>,
    /// How many entries one message carries at most. Default: 512.
    pub batch: u32,
    /// A flaw on purpose. There is none without the feature `mutants`.
    #[cfg_attr(not(feature = "mutants"), serde(skip))]
    pub mutant: Flaw,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            heartbeat: Duration::millis(100),
            election_timeout: Duration::secs(1),
            pre_vote: true,
            check_quorum: true,
            reads: Reads::ReadIndex,
            snapshot_every: 10_000,
            append: AppendOrder::Overlapped,
            commit_timeout: None,
            leader: None,
            batch: 512,
            mutant: Flaw::default(),
        }
    }
}

/// How reads are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Reads {
    /// By the leader, once a majority has confirmed that it still leads: linearizable. Each read asks by itself and at once.
    #[default]
    ReadIndex,
    /// By whichever replica is asked, once the leader has told it up to where its state has to go: linearizable. It has one
    /// question under way, for all reads that waited when it was put; those that come meanwhile wait for the next. So reads
    /// cost little and take, where there are many, up to twice as long (dissertation, 6.4; etcd).
    FollowerReadIndex,
    /// By whichever replica is asked, from what it has applied: fast, and perhaps old.
    Local,
}

/// What a leader does first with a new entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AppendOrder {
    /// It sends it while its own disk writes.
    #[default]
    Overlapped,
    /// It writes it, and sends what its disk has.
    DiskFirst,
}
