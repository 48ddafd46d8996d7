//! Presets: a protocol with the options that people run it with, under the name that they know. One entry each, in
//! [`PRESETS`].
//!
//! A preset is where a comparison begins, not a model of a product's every corner: what is not documented by its makers, or is
//! modelled in another way, is listed as assumed.

use toml::de::{DeTable, DeValue};

/// A protocol with options of its own, by the name of what people run.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// The name that scenario files use in place of a protocol's.
    pub name: &'static str,
    /// The protocol that it is.
    pub protocol: &'static str,
    /// Its options, as they would be written in a scenario; a design may set each of them otherwise.
    pub options: &'static str,
    /// What it is, in one or two sentences.
    pub idea: &'static str,
    /// Where the options are documented.
    pub source: &'static str,
    /// What is assumed beyond that.
    pub assumed: &'static [&'static str],
}

/// Every preset.
pub static PRESETS: [Preset; 21] = [
    Preset {
        name: "postgres-async",
        protocol: "primary-backup",
        options: "acknowledge = \"local\"",
        idea: "PostgreSQL with streaming standbys and an empty `synchronous_standby_names`: a commit waits for the primary's own \
               disk. Nobody is promoted but by hand.",
        source: "PostgreSQL documentation, Log-Shipping Standby Servers; Replication, `synchronous_standby_names`",
        assumed: &["a client reads at the primary"],
    },
    Preset {
        name: "postgres-sync",
        protocol: "primary-backup",
        options: "acknowledge = \"one\"",
        idea: "PostgreSQL with `synchronous_standby_names = 'ANY 1 (*)'`: a commit waits until one standby has it on disk, for as \
               long as that takes. Nobody is promoted but by hand.",
        source: "PostgreSQL documentation, Synchronous Replication; `synchronous_commit = on`",
        assumed: &[
            "a client reads at the primary",
            "no session cancels its wait: with `cancel-wait-after` each does, and what is acknowledged is the primary's alone",
        ],
    },
    Preset {
        name: "mysql-semi-sync",
        protocol: "primary-backup",
        options: "acknowledge = \"one\"\ndegrade-after = \"10s\"",
        idea: "MySQL with semi-synchronous replication: a commit waits for one replica, and after ten seconds for nobody.",
        source: "MySQL Reference Manual, Configuring Semisynchronous Replication: `rpl_semi_sync_source_timeout` is 10000 ms, \
                 `rpl_semi_sync_source_wait_for_replica_count` is 1",
        assumed: &["a client reads at the primary"],
    },
    Preset {
        name: "mysql-orchestrator",
        protocol: "orchestrated",
        options: "acknowledge = \"local\"\ndetect = \"10s\"\nheartbeat = \"2s\"\npromote = \"5s\"\nreturning = \"refuse\"",
        idea: "MySQL with asynchronous replicas under Orchestrators that agree through Raft: the most advanced replica is \
               promoted, the old primary is not fenced, and stays out when it comes back.",
        source: "GitHub, October 21 post-incident analysis, 2018 (Raft-backed Orchestrator at three sites)",
        assumed: &[
            "10s to detect, asked every 2s, and 5s to promote",
            "an Orchestrator in each region of the design; a replica that hears its primary keeps it in office",
        ],
    },
    Preset {
        name: "patroni",
        protocol: "lease-store",
        options: "acknowledge = \"local\"\nttl = \"30s\"\nloop-wait = \"10s\"\nretry-timeout = \"10s\"\n\
                  safety-margin = \"5s\"\npromote = \"0s\"",
        idea: "PostgreSQL under Patroni with an etcd, asynchronous: the primary serves while it holds a leader key that it renews \
               every `loop_wait`, and a standby takes over when `ttl` has passed without that.",
        source: "Patroni documentation, Dynamic Configuration Settings (ttl 30, loop_wait 10, retry_timeout 10) and Watchdog support \
                 (5 seconds of margin)",
        assumed: &[
            "an etcd node in each region of the design, with a heartbeat of 100 ms and an election timeout of a second",
            "a standby that finds the key gone waits a second for those that are silent; promotion takes no time",
        ],
    },
    Preset {
        name: "rds-multi-az",
        protocol: "primary-backup",
        options: "acknowledge = \"one\"\ndegrade-after = \"30s\"\nfencing = \"epoch\"\nlease = \"25s\"\n\
                  failover = { detect = \"30s\", heartbeat = \"10s\", promote = \"25s\" }",
        idea: "Amazon RDS with a Multi-AZ instance: a write waits for the one standby in another zone, which takes over by itself. A \
               scenario's regions are zones here; `backups` names the standby's.",
        source: "Amazon RDS User Guide, Multi-AZ DB instance deployments (a synchronous standby; failover times are typically 60 to \
                 120 seconds)",
        assumed: &[
            "30s to detect, asked every 10s from each zone of the design, and 25s to promote",
            "a primary whose standby is silent for 30s goes on alone, as it has to after a failover; a new standby is not made",
            "before that it has lost its lease of 25s, if it is the one that is cut off",
        ],
    },
    Preset {
        name: "redis-sentinel",
        protocol: "primary-backup",
        options: "acknowledge = \"local\"\nfailover = { detect = \"30s\", heartbeat = \"1s\", promote = \"1s\", \
                  demote-after = \"10.5s\" }",
        idea: "Redis under Sentinel: asynchronous, and the old master is not fenced: whoever reaches it goes on writing there, \
               and all of that is discarded when it is told of its successor.",
        source: "Redis, sentinel.conf: `down-after-milliseconds` is 30 seconds by default; High availability with Redis Sentinel",
        assumed: &[
            "Sentinels ask every second, and 1s to promote",
            "10.5s until a master that is back is made a replica: 10.4s to 12s were measured of 7.0.15",
        ],
    },
    Preset {
        name: "aurora-global",
        protocol: "primary-backup",
        options: "acknowledge = \"local\"\nreads = \"nearest\"\n\
                  failover = { detect = \"30s\", heartbeat = \"1s\", promote = \"1min\", operator = { reaction = [\"5min\", \"15min\"] } }",
        idea: "An Aurora Global Database: one region writes, the others read from copies that are filled asynchronously, and an \
               operator lets one of them take over, losing what had not arrived.",
        source: "Amazon Aurora User Guide, Using switchover or failover in Aurora Global Database (`AllowDataLoss`)",
        assumed: &["an operator takes 5 to 15 minutes to decide, and the failover itself a minute"],
    },
    Preset {
        name: "etcd",
        protocol: "raft",
        options: "heartbeat = \"100ms\"\nelection-timeout = \"1s\"\npre-vote = true\ncheck-quorum = true\nreads = \"follower-read-index\"",
        idea: "etcd: Raft with linearizable reads, a heartbeat of 100 ms and an election timeout of a second, which its makers \
               advise to raise over a wide area. The member that is asked answers, and has one question for a read index under \
               way: reads that come meanwhile wait for the next.",
        source: "etcd documentation, Tuning (heartbeat 100 ms, election timeout 1000 ms); etcd, server/etcdserver/v3_server.go \
                 (`linearizableReadLoop`, `requestCurrentIndex`)",
        assumed: &["PreVote is on, as since etcd 3.5; 3.4 had it off"],
    },
    Preset {
        name: "riak-siblings",
        protocol: "siblings",
        options: "acknowledge = \"majority\"\nreads = \"majority\"",
        idea: "Riak KV with `allow_mult`: concurrent writes are kept as siblings by dotted version vectors, and whoever reads them settles \
               them; a read and a write wait for a quorum of the replicas.",
        source: "Riak KV documentation, Causal Context (dotted version vectors, `allow_mult`); Replication Properties (`r`, `w`: quorum)",
        assumed: &[
            "one replica a region, and every key in all of them",
            "no fallback nodes and no hints: where a quorum is away, so are its keys",
        ],
    },
    Preset {
        name: "redis-active-active",
        protocol: "crdt",
        options: "ship = \"operation\"\ntype = \"pn-counter\"",
        idea: "Redis Active-Active: each region takes writes at once, and what is concurrent is merged by the rule of the data type. \
               The type is `pn-counter` where a design says nothing else.",
        source: "Redis documentation, Active-Active geo-distribution (conflict-free replicated databases; a rule for each data type)",
        assumed: &[
            "updates travel one by one, in causal order",
            "strings are `lww-register`, sets `or-set` and counters `pn-counter`: one type a design",
        ],
    },
    Preset {
        name: "dynamodb-global-tables",
        protocol: "last-writer-wins",
        options: "ship = \"item-by-item\"",
        idea: "DynamoDB global tables in their eventually consistent mode: each region takes writes, and of two that are \
               concurrent the last one stays, item by item, and nobody is told of the other. A transaction is one in its region alone.",
        source: "Amazon DynamoDB Developer Guide, Global tables: multi-Region eventual consistency",
        assumed: &[
            "a write carries a hybrid logical timestamp of the region that took it; lost messages are repaired each second",
        ],
    },
    Preset {
        name: "dynamodb-strong",
        protocol: "caspaxos",
        options: "conflict = \"reject\"\nreads = \"strong\"",
        idea: "DynamoDB global tables in their strongly consistent mode, over three regions: a write that meets another region's change \
               of the same item is refused, and may be tried again; a strongly consistent read shows the last write, wherever it is asked for.",
        source: "Amazon DynamoDB Developer Guide, How global tables work: multi-Region strong consistency (June 2025; three regions; a write is \
                 in another region before it is answered; ReplicatedWriteConflictException); boto3, DynamoDB exceptions",
        assumed: &[
            "a quorum protocol for each item (CASPaxos) whose majority takes each write; how the product does it is not in the source",
            "which of two writes that meet is refused: the one that fewer acceptors heard of first",
            "a write whose value may be somewhere already is not refused, but tried again; what the product says of it is not in the source",
            "three full replicas: the product may have two and a witness, which has changes and no table",
            "a request that comes again is carried out once; there are no transactions and no items that expire",
        ],
    },
    Preset {
        name: "mongodb-w1",
        protocol: "primary-backup",
        options: "acknowledge = \"local\"\nfencing = \"epoch\"\nlease = \"10s\"\nreturning = \"discard\"\n\
                  failover = { detect = \"10s\", heartbeat = \"2s\", promote = \"0s\" }",
        idea: "A MongoDB replica set with write concern 1: the primary alone has what is acknowledged, and a primary that comes back \
               after an election rolls back what no other member had.",
        source: "MongoDB Manual, Replica Set Elections and Replica Set Configuration: a heartbeat each 2 s, electionTimeoutMillis 10 s; a \
                 new primary within 12 s in the median",
        assumed: &[
            "members vote as monitors beside them, and the most advanced one is elected",
            "a primary that hears no majority steps down when a lease of the election timeout is out; early versions did not",
            "rolling back takes no time; clients read at the primary",
        ],
    },
    Preset {
        name: "mongodb-majority",
        protocol: "primary-backup",
        options: "acknowledge = \"majority\"\nfencing = \"epoch\"\nlease = \"10s\"\nreturning = \"discard\"\n\
                  failover = { detect = \"10s\", heartbeat = \"2s\", promote = \"0s\" }",
        idea: "A MongoDB replica set with write concern majority: what is acknowledged is on a majority of the members, and no \
               election loses it.",
        source: "MongoDB Manual, Replica Set Elections and Replica Set Configuration: a heartbeat each 2 s, electionTimeoutMillis 10 s; a \
                 new primary within 12 s in the median",
        assumed: &[
            "members vote as monitors beside them, and the most advanced one is elected",
            "a primary that hears no majority steps down when a lease of the election timeout is out",
            "clients read at the primary, as with read concern linearizable",
        ],
    },
    Preset {
        name: "cosmos-strong",
        protocol: "raft",
        options: "reads = \"read-index\"",
        idea: "Azure Cosmos DB with strong consistency: reads are linearizable, and a write waits for other regions.",
        source: "Microsoft, Consistency levels in Azure Cosmos DB, 2018 (strong: linearizability)",
        assumed: &[
            "Raft over the regions, a majority of which takes each write; how the product does it is not in the source",
            "strong consistency over several regions: in 2018 it was for one",
        ],
    },
    Preset {
        name: "cosmos-bounded",
        protocol: "home-region",
        options: "reads = \"nearest\"\nbound = { operations = 1000, time = \"5s\" }",
        idea: "Azure Cosmos DB with bounded staleness: a read lags behind the writes by so many operations or so long at most, and \
               waits where it would lag further; so do the writes of a region that is ahead of the others by as much.",
        source: "Microsoft, Consistency levels in Azure Cosmos DB, 2018 (bounded staleness: a lag of at most K operations or t; t from 5 \
                 to 86,400 s, K from 1 to 2,147,483,647)",
        assumed: &[
            "5s is the shortest that the source allows, and 1000 operations were chosen",
            "each item is written by one region, and the prefix is of the versions of an item",
            "which of the two waits, and that it is refused after 2s; how the product does it is not in the source",
            "a region is one node that commits by itself, not a quorum of replicas",
        ],
    },
    Preset {
        name: "cosmos-prefix",
        protocol: "primary-backup",
        options: "acknowledge = \"local\"\nreads = \"nearest\"",
        idea: "Azure Cosmos DB with consistent prefix and one region that writes: a read may be old, and never shows a write without \
               those before it.",
        source: "Microsoft, Consistency levels in Azure Cosmos DB, 2018 (consistent prefix)",
        assumed: &[
            "a region is one node that commits by itself, not a quorum of replicas",
            "no other region takes over when the one that writes is lost",
        ],
    },
    Preset {
        name: "cosmos-eventual",
        protocol: "last-writer-wins",
        options: "",
        idea: "Azure Cosmos DB with eventual consistency and writes in every region: replicas converge, and nothing is said of the \
               order in which writes are seen.",
        source: "Microsoft, Consistency levels in Azure Cosmos DB, 2018 (eventual)",
        assumed: &[
            "a region is one node that commits by itself, not a quorum of replicas",
            "concurrent writes are settled in every region by timestamp, not by a hub region",
        ],
    },
    Preset {
        name: "cosmos-multi-write",
        protocol: "hub",
        options: "acknowledge = \"tentative\"",
        idea: "Azure Cosmos DB with writes in every region: a write is committed where it is asked for, and tentative until the hub, the \
               account's first region, has settled what is concurrent.",
        source: "Microsoft, Multi-region writes in Azure Cosmos DB (hub and satellite regions, tentative and confirmed writes); Conflict \
                 types and resolution policies (last write wins is the default)",
        assumed: &[
            "a region is one node that commits by itself, not a quorum of replicas",
            "a hybrid logical timestamp of the region, where the product compares `_ts` or a property of one's own",
            "how writes get to the hub and back: numbered, in order, and sent again after a report each second; it is not in the source",
            "clients carry tokens, as with session consistency",
            "nobody takes the hub's place while it is away, and nothing is deleted",
        ],
    },
    Preset {
        name: "cosmos-session",
        protocol: "causal",
        options: "",
        idea: "Azure Cosmos DB with session consistency and writes in every region: a client that carries its token reads what it \
               wrote, and never reads backwards, wherever it is.",
        source: "Microsoft, Consistency levels in Azure Cosmos DB, 2018 (session: read your writes, monotonic reads, monotonic \
                 writes, writes follow reads)",
        assumed: &[
            "a region is one node that commits by itself, not a quorum of replicas",
            "concurrent writes are settled in every region by timestamp, not by a hub region",
            "everybody's writes are shown in causal order, which is more than the level says",
            "a request waits half a second where its token is ahead, and is then sent to a region that has it",
        ],
    },
];

/// The preset of this name.
pub fn preset(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}

impl Preset {
    /// Its options as a table of TOML.
    ///
    /// # Panics
    /// Never: a test reads every preset.
    pub fn table(&self) -> DeTable<'static> {
        DeTable::parse(self.options).expect("a preset is right").into_inner()
    }
}

/// Lays one table over another: what both have is taken from `over`, and tables key by key.
pub fn lay<'i>(over: DeTable<'i>, under: &mut DeTable<'i>) {
    for (key, value) in over {
        let below = under.get_mut(&**key.get_ref()).map(toml::Spanned::get_mut);
        match (value.get_ref(), below) {
            (DeValue::Table(_), Some(DeValue::Table(below))) => {
                let DeValue::Table(table) = value.into_inner() else { unreachable!("it was a table a line ago") };
                lay(table, below);
            }
            _ => drop(under.insert(key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::find;

    #[test]
    fn every_preset_can_be_run_by_its_protocol() {
        for preset in &PRESETS {
            let entry = find(preset.protocol).unwrap();
            assert!(find(preset.name).is_err(), "{} is a protocol", preset.name);
            let table = toml::Spanned::new(0..0, DeValue::Table(preset.table()));
            let configured = entry.read(toml::de::ValueDeserializer::from(table)).unwrap();
            assert!(!configured.seats(&["a", "b", "c"]).unwrap().is_empty(), "{}", preset.name);
            assert!(!preset.idea.contains("  ") && !preset.source.contains("  "), "{}", preset.name);
        }
    }

    #[test]
    fn what_is_written_lies_over_the_preset() {
        let mut under = DeTable::parse("a = 1\nf = { x = 1, y = 2 }").unwrap().into_inner();
        lay(DeTable::parse("b = 3\nf = { y = 9 }").unwrap().into_inner(), &mut under);
        let as_text = format!("{under:?}");
        assert_eq!(under.len(), 3);
        let f = under.get("f").unwrap().get_ref().as_table().unwrap();
        let number = |key| f.get(key).unwrap().get_ref().as_integer().unwrap().as_str().to_string();
        assert_eq!((number("x"), number("y")), ("1".into(), "9".into()), "{as_text}");
    }
}
