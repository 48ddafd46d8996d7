//! A page for each kind of fault: what it touches, what it stands for, and where that is known from. `riftzone zoo --faults`
//! shows them. Next: `chaos.rs`.

use crate::trace::FaultKind;

/// A kind of fault in plain words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultPage {
    /// The kind.
    pub kind: FaultKind,
    /// What it does, in one sentence.
    pub idea: &'static str,
    /// Exactly which messages, nodes or events it touches: what the ledger counts.
    pub touches: &'static str,
    /// What it leaves alone, though one might think otherwise.
    pub leaves: &'static str,
    /// The real events that it stands for.
    pub stands_for: &'static str,
    /// Where those are described.
    pub source: &'static str,
    /// How a scenario file says it, within a `[[fault]]`.
    pub example: &'static str,
}

/// The page of every kind, in the order of [`FaultKind::ALL`].
pub fn pages() -> impl Iterator<Item = FaultPage> {
    FaultKind::ALL.into_iter().map(page)
}

/// The page of a kind.
pub fn page(kind: FaultKind) -> FaultPage {
    match kind {
        FaultKind::Crash | FaultKind::Pause => of_nodes(kind),
        FaultKind::TornCrash | FaultKind::RollingRestart | FaultKind::Wipe => of_stops(kind),
        FaultKind::LyingDisk | FaultKind::SlowDisk => of_disks(kind),
        FaultKind::Isolate | FaultKind::GatewayDown | FaultKind::Partition | FaultKind::OneWayPartition => cut(kind),
        FaultKind::Bridge | FaultKind::Ring | FaultKind::MajorityMinority => shape(kind),
        FaultKind::Flap | FaultKind::Loss | FaultKind::Corrupt => takes(kind),
        FaultKind::Duplicate | FaultKind::Reorder | FaultKind::Delay | FaultKind::Throttle => moves(kind),
        FaultKind::ClockStep | FaultKind::ClockDrift | FaultKind::ClockStrobe | FaultKind::ClockLeap => of_clocks(kind),
        FaultKind::Slow | FaultKind::Gray | FaultKind::Load | FaultKind::Quiesce => of_capacity(kind),
        FaultKind::Heal => FaultPage {
            kind,
            idea: "Every fault under way ends now.",
            touches: "Each fault that it ended.",
            leaves: "Faults that begin later. At the end of the clients' time everything is healed anyway.",
            stands_for: "A repair, after which the lasting damage shows: one studied failure in five leaves some.",
            source: STUDY,
            example: "heal = true",
        },
    }
}

const STUDY: &str = "Alquraan et al., An Analysis of Network-Partitioning Failures in Cloud Systems, OSDI 2018: 136 failures of 25 \
     systems";

const PARTIAL: &str = "Alfatafta et al., Toward a Generic Fault Tolerance Technique for Partial Network Partitioning, OSDI 2020: \
     51 failures of 12 systems";

const POST: &str = "Bailis and Kingsbury, The Network is Reliable (2013-2014), a collection of published outages";

const PAXSON: &str = "Paxson, End-to-End Internet Packet Dynamics, SIGCOMM 1997, which measured loss, corruption, duplication, \
     reordering and delay on paths between sites";

fn of_nodes(kind: FaultKind) -> FaultPage {
    if kind == FaultKind::Crash {
        return FaultPage {
            kind,
            idea: "Nodes stop, and lose all but their synced records; at the end of the fault they start again.",
            touches: "Each node that was up, and each message that reaches it while it is down.",
            leaves: "Records that its disk had synced. Clients, which are no nodes.",
            stands_for: "A process killed, a host or a whole region without power.",
            source: POST,
            example: "crash = [\"us-east-1\"]",
        };
    }
    FaultPage {
        kind,
        idea: "Nodes stop between two events and go on at the end of the fault, without knowing.",
        touches: "Each message or timer that has to wait for a node.",
        leaves: "Memory, disk and clock: the clock runs on.",
        stands_for: "A garbage collection, a virtual machine moved or starved, a process stopped by a debugger.",
        source: POST,
        example: "pause = [\"leader\"]",
    }
}

fn of_stops(kind: FaultKind) -> FaultPage {
    match kind {
        FaultKind::TornCrash => FaultPage {
            kind,
            idea: "Nodes stop amid a sync: a prefix of its records is there, the next is torn, and a restart drops that one.",
            touches: "Each node that was up, each record that a sync was about to take, and each message that reaches a node while \
                      it is down.",
            leaves: "What was synced before. Records that no sync had begun to take, which are lost as by any crash; where syncs \
                     take no time, none is ever under way.",
            stands_for: "Power that fails during a write. Checksums tell a torn tail from a whole one; what nobody was promised \
                         may be there all the same.",
            source: "Pillai et al., All File Systems Are Not Created Equal, OSDI 2014; Zheng et al., Understanding the Robustness \
                     of SSDs under Power Fault, FAST 2013",
            example: "torn_crash = [\"us-east-1\"]",
        },
        FaultKind::RollingRestart => FaultPage {
            kind,
            idea: "Places one after the other: their nodes stop in order, with all that they wrote synced, and start again.",
            touches: "Each node stopped, and each message that reaches it while it is down.",
            leaves: "Disks, which lose nothing under any policy. What comes after a `for` or a heal, which leave the rest as it is.",
            stands_for: "A deployment, an upgrade, a change of configuration: one region at a time, and too fast for some.",
            source: "Beyer et al., Site Reliability Engineering, O'Reilly 2016, chapter 8",
            example: "rolling_restart = { nodes = [\"us-east-1\", \"eu-west-1\"], down = \"2s\", gap = \"1s\" }",
        },
        _ => FaultPage {
            kind,
            idea: "Nodes stop and lose their disks: at the end of the fault they start again with nothing, under the same name.",
            touches: "Each node that was up or lost its disk, and each message that reaches it while it is down.",
            leaves: "What others know of the node: that it voted, acknowledged, and held.",
            stands_for: "A disk replaced, an instance with local storage that is moved, a directory removed by hand.",
            source: "Chandra, Griesemer, Redstone, Paxos Made Live, PODC 2007, section 5.1 (disk corruption)",
            example: "wipe = [\"us-east-1\"]",
        },
    }
}

fn of_disks(kind: FaultKind) -> FaultPage {
    if kind == FaultKind::LyingDisk {
        return FaultPage {
            kind,
            idea: "Disks say that they have synced what they keep in a cache, and a crash while that lasts takes it.",
            touches: "Each record lost that was said to be synced.",
            leaves: "Everything, where no crash comes. At the end of the fault the cache is written out. A rolling restart, through \
                     which the disk has power.",
            stands_for: "A drive or a hypervisor that ignores a flush, a mount option, a failed fsync that is taken for done.",
            source: "Zheng et al., Understanding the Robustness of SSDs under Power Fault, FAST 2013; Rebello et al., Can \
                     Applications Recover from fsync Failures?, USENIX ATC 2020",
            example: "lying_disk = [\"us-east-1\"]",
        };
    }
    FaultPage {
        kind,
        idea: "Every sync of the nodes' disks takes a multiple of its time, or a fixed time more, at once or by and by.",
        touches: "Each sync that such a node begins while it lasts.",
        leaves: "A sync under way when it begins. What needs no disk: heartbeats, reads from memory. With `factor`, disks that \
                 take no time; with `interval` or `never`, whoever is answered before the disk has it.",
        stands_for: "A disk that fails by growing slow, a full queue of writes, a neighbour on the same device, a store that \
                     rewrites its free list.",
        source: "Gunawi et al., Fail-Slow at Scale, FAST 2018; Roblox Return to Service 10/28-10/31 2021, blog.roblox.com",
        example: "slow_disk = { nodes = [\"us-east-1\"], add = \"500ms\", ramp = \"2s\" }",
    }
}

fn cut(kind: FaultKind) -> FaultPage {
    match kind {
        FaultKind::Isolate => FaultPage {
            kind,
            idea: "Every message between these regions and all others is lost, both ways.",
            touches: "Each message lost: sent while it lasts, or on its way when it began.",
            leaves: "Everything inside the regions, between them, and their clients.",
            stands_for: "A region without its uplinks; 88 of 100 studied failures need no more than one node cut off. GitHub's \
                         East Coast hub lost its primary site for 43 seconds.",
            source: "github.blog, October 21 post-incident analysis (2018-10-30); Alquraan et al., OSDI 2018",
            example: "isolate = [\"us-east-1\"]",
        },
        FaultKind::GatewayDown => FaultPage {
            kind,
            idea: "Every message between the nodes of these regions and the nodes of others is lost, both ways; clients reach all.",
            touches: "Each message between nodes lost: sent while it lasts, or on its way when it began.",
            leaves: "Clients' requests and answers, from wherever they come; nodes of one region among themselves.",
            stands_for: "The one node through which a cluster's traffic to other clusters is tunnelled: its loss is a partial \
                         partition, and whoever asks from outside finds every region up.",
            source: "Submariner, whose clusters reach each other by tunnels between gateway nodes; Alfatafta et al., OSDI 2020",
            example: "gateway_down = [\"us-east-1\"]",
        },
        FaultKind::Partition => FaultPage {
            kind,
            idea: "Every message between the sides, or on the links, is lost, both ways.",
            touches: "Each message lost: sent while it lasts, or on its way when it began.",
            leaves: "Everything inside a side, and whoever is on no side: that one hears all.",
            stands_for: "A switch that splits a network; and, with one link cut, the partial partitions that are 29 of 100. At \
                         Cloudflare one link of an etcd cluster broke for six minutes.",
            source: "Cloudflare, A Byzantine failure in the real world (2020-11-27); Alquraan et al., OSDI 2018",
            example: "partition = [[\"us-east-1\"], [\"eu-west-1\", \"ap-northeast-1\"]]",
        },
        _ => FaultPage {
            kind,
            idea: "Every message from the first to the second of each link is lost.",
            touches: "Each message lost in that direction: sent while it lasts, or on its way when it began.",
            leaves: "The other direction: questions arrive and their answers do not, or the reverse.",
            stands_for: "A simplex failure: a firewall rule, a half-broken interface. The rarest partition studied.",
            source: STUDY,
            example: "cut_one_way = [[\"us-east-1\", \"eu-west-1\"]]",
        },
    }
}

fn shape(kind: FaultKind) -> FaultPage {
    match kind {
        FaultKind::Bridge => FaultPage {
            kind,
            idea: "Of a list of regions, those before the middle one are cut from those after it; the middle one hears all.",
            touches: "Each message lost between a region before the middle and one after it.",
            leaves: "The middle region's links (of an even number, the later of the two), and regions not in the list.",
            stands_for: "A partial partition: two sides that disagree about who is there, and a node that knows both.",
            source: PARTIAL,
            example: "bridge = [\"us-east-1\", \"eu-west-1\", \"ap-northeast-1\"]",
        },
        FaultKind::Ring => FaultPage {
            kind,
            idea: "Each region of a list hears its two neighbours in it and no other; the list goes around.",
            touches: "Each message lost between two regions of the list that are no neighbours.",
            leaves: "Links between neighbours, and regions not in the list.",
            stands_for: "A partial partition in which, of five, everyone hears a majority and no two the same one.",
            source: "Alfatafta et al., OSDI 2020; Jepsen's `majorities-ring`",
            example: "ring = [\"us-east-1\", \"us-west-2\", \"eu-west-1\", \"ap-northeast-1\", \"sa-east-1\"]",
        },
        _ => FaultPage {
            kind,
            idea: "The first regions of a list, more than half of them, are cut from the rest.",
            touches: "Each message lost between a region of the majority and one of the minority.",
            leaves: "Everything inside the majority and inside the minority, and regions not in the list.",
            stands_for: "A complete partition with a side that may go on and a side that must not.",
            source: STUDY,
            example: "majority_minority = [\"eu-west-1\", \"ap-northeast-1\", \"us-east-1\"]",
        },
    }
}

fn takes(kind: FaultKind) -> FaultPage {
    match kind {
        FaultKind::Flap => FaultPage {
            kind,
            idea: "Links are cut for `down`, whole for `up`, and so on in turn while the fault lasts; cut first.",
            touches: "Each message lost: sent while the links are down, or on its way when they would be as it arrives.",
            leaves: "Messages that set out and arrive while the links are up, also where they were down between.",
            stands_for: "An interface or a route that comes and goes: detection begins anew each time, and hysteresis is tested.",
            source: POST,
            example: "flap = { links = [[\"us-east-1\", \"eu-west-1\"]], up = \"3s\", down = \"1s\", jitter = \"20%\" }",
        },
        FaultKind::Loss => FaultPage {
            kind,
            idea: "Each message on the links is lost with a chance, by itself; or, with `loss_but`, every message but those in a list, by \
                   when each was sent, from where and to where: a hunt makes a finding small by that.",
            touches: "Each message lost.",
            leaves: "Messages on their way when it begins.",
            stands_for: "Congestion, a bad fibre, a full queue.",
            source: PAXSON,
            example: "loss = { ratio = \"2%\" }",
        },
        _ => FaultPage {
            kind,
            idea: "Each message on the links is damaged with a chance; its checksum tells, and it is dropped.",
            touches: "Each message damaged; traffic counts them apart from those lost, and a message both lost and damaged as lost.",
            leaves: "What protocols read: no damaged byte reaches one. Messages on their way when it begins.",
            stands_for: "A faulty interface or memory on the path that link layers let through and end points detect.",
            source: "Stone and Partridge, When the CRC and TCP Checksum Disagree, SIGCOMM 2000; Paxson, SIGCOMM 1997",
            example: "corrupt = { ratio = \"2%\" }",
        },
    }
}

fn moves(kind: FaultKind) -> FaultPage {
    match kind {
        FaultKind::Duplicate => FaultPage {
            kind,
            idea: "Each message on the links arrives a second time with a chance, after a delay of its own.",
            touches: "Each message that arrives again: between nodes, and clients' requests and answers.",
            leaves: "Messages that are lost. Traffic counts copies apart from what was sent.",
            stands_for: "A network that repeats packets; and, above it, a proxy or a queue that delivers at least once. An \
                         operation of which anything came twice is never certain to have failed.",
            source: PAXSON,
            example: "duplicate = { ratio = \"10%\" }",
        },
        FaultKind::Reorder => FaultPage {
            kind,
            idea: "Each message on the links takes up to `extra` longer with a chance: messages sent later overtake it.",
            touches: "Each message held up, copies of a repeated one counted each.",
            leaves: "Messages that are lost, and those on their way when it begins.",
            stands_for: "Several paths of unequal length, retransmission below the messages, a queue that is passed by.",
            source: PAXSON,
            example: "reorder = { ratio = \"20%\", extra = \"80ms\" }",
        },
        FaultKind::Throttle => FaultPage {
            kind,
            idea: "Lines between regions carry only so many bits a second: messages leave one after another, a queue grows, and what \
                   would wait longer than `queue`, which is one second by default, is lost.",
            touches: "Each message sent over such a line that carried more before, also one that is lost.",
            leaves: "Messages sent before it begins; what queues when it ends leaves as it was to. Links inside a region.",
            stands_for: "Traffic that is moved to a path with less room, a provider's limit, a backup that takes the line.",
            source: "Bailis and Kingsbury, The Network is Reliable: at Amazon on 2011-04-21 traffic was shifted to a network of \
                     lower capacity",
            example: "throttle = { bandwidth = \"256kbit/s\", links = [[\"us-east-1\", \"eu-west-1\"]] }",
        },
        _ => FaultPage {
            kind,
            idea: "Every message on the links takes a multiple of its delay, or a fixed time more, at once or by and by over `ramp`: another regime.",
            touches: "Each message sent that is not lost, copies of a repeated one counted each.",
            leaves: "Messages on their way when it begins or ends: those sent after the end may overtake them.",
            stands_for: "A route the long way round after a cut cable, a congested path, a queue that stays full.",
            source: PAXSON,
            example: "delay = { slow = \"x3\", links = [[\"us-east-1\", \"eu-west-1\"]] }",
        },
    }
}

/// Its `nemesis.time` bumps and strobes the clocks of nodes.
const JEPSEN: &str = "Jepsen, github.com/jepsen-io/jepsen, `jepsen.nemesis.time`";

fn of_clocks(kind: FaultKind) -> FaultPage {
    match kind {
        FaultKind::ClockStep => FaultPage {
            kind,
            idea: "Clocks are set forward or back, once, and set right at the end.",
            touches: "Each clock set wrong.",
            leaves: "Timers: how fast a clock goes counts for them, and not where its hands are. What its node was told of its \
                     uncertainty. What was stamped meanwhile, which stays as it is.",
            stands_for: "A time server that is wrong, a virtual machine that was suspended, a hand that set the time zone.",
            source: JEPSEN,
            example: "clock_step = { nodes = [\"us-east-1\"], by = \"-5s\" }",
        },
        FaultKind::ClockDrift => FaultPage {
            kind,
            idea: "Clocks run fast or slow, their nodes' timers with them, and are set right at the end.",
            touches: "Each clock disturbed.",
            leaves: "What the node was told of its clock's uncertainty; other nodes.",
            stands_for: "A crystal out of its range, a time service that nobody noticed had stopped, a slew after a step.",
            source: "Corbett et al., Spanner, OSDI 2012, section 3 (how far a clock is trusted between two looks at a time master)",
            example: "clock_drift = { nodes = [\"us-east-1\"], ppm = 50000 }",
        },
        FaultKind::ClockStrobe => FaultPage {
            kind,
            idea: "Clocks are wrong and right in turn, each time for `every`: wrong first, and right at the end.",
            touches: "Each time that a clock is set.",
            leaves: "Timers, as a step does.",
            stands_for: "Two time services that disagree about one clock, and whatever trusts that time goes forward.",
            source: JEPSEN,
            example: "clock_strobe = { nodes = [\"us-east-1\"], by = \"200ms\", every = \"50ms\" }",
        },
        _ => FaultPage {
            kind,
            idea: "Clocks take a leap second, by going back or smeared; the others take it at the end.",
            touches: "Each clock that leaps, and once more when its second is wholly smeared.",
            leaves: "True time, which has no leap second. Where a smear is going on, each second is longer, and timers are late by as much.",
            stands_for: "A leap second that one provider steps and another smears: for hours their clocks differ.",
            source: "Google Public NTP, Leap Smear, developers.google.com/time/smear",
            example: "clock_leap = { nodes = [\"us-east-1\"], smear = \"5s\" }",
        },
    }
}

fn of_capacity(kind: FaultKind) -> FaultPage {
    match kind {
        FaultKind::Slow => FaultPage {
            kind,
            idea: "Everything that nodes do takes a multiple of its time: requests, messages and timers.",
            touches: "Each piece of work that such a node begins while it lasts.",
            leaves: "What is in service when it begins, disks, clocks, and worlds without `[service]`, where nothing takes time.",
            stands_for: "A throttled or shared processor, a neighbour on the same host, a node that fails by growing slow.",
            source: "Gunawi et al., Fail-Slow at Scale, FAST 2018",
            example: "slow = { factor = \"x5\", nodes = [\"us-east-1\"] }",
        },
        FaultKind::Gray => FaultPage {
            kind,
            idea: "Nodes answer each other and no client: whoever watches them finds them well, and whoever uses them does not.",
            touches: "Each client's request that reaches such a node, from the client or handed on by another node: it is \
                      dropped, and nobody is told.",
            leaves: "Messages between nodes, heartbeats and health checks among them; timers; requests that the node took \
                     before, and their answers.",
            stands_for: "Differential observability: a process whose port for clients is stuck while its health check is fine.",
            source: "Huang et al., Gray Failure: The Achilles' Heel of Cloud-Scale Systems, HotOS 2017",
            example: "gray = [\"us-east-1\"]",
        },
        FaultKind::Quiesce => FaultPage {
            kind,
            idea: "Clients ask nothing new: what is under way comes to an end, and the replicas to one state if they can.",
            touches: "Each operation that does not begin, or, in a closed loop, begins only when it ends.",
            leaves: "Operations under way and their retries, messages between nodes, timers.",
            stands_for: "A drained region, a maintenance window; with a heal before it, the quiet in which lasting damage shows.",
            source: "Kingsbury, Jepsen (heal, wait, then a final read); Alquraan et al., OSDI 2018 (lasting damage)",
            example: "quiesce = [\"us-east-1\"]",
        },
        _ => FaultPage {
            kind,
            idea: "Clients ask more often than the workload says, at once or by and by over `ramp`.",
            touches: "Each operation that begins while it lasts, in these regions.",
            leaves: "Operations under way, other regions, and closed loops, whose clients wait for answers.",
            stands_for: "A flash crowd, a batch job, a crawler, a migration; and the trigger of a metastable failure.",
            source: "Bronson et al., Metastable Failures in Distributed Systems, HotOS 2021",
            example: "load = { factor = \"x4\", ramp = \"2s\", regions = [\"us-east-1\"] }",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_page_and_no_two_the_same() {
        let all: Vec<FaultPage> = pages().collect();
        for (place, page) in all.iter().enumerate() {
            assert_eq!(page.kind, FaultKind::ALL[place]);
            for text in [page.idea, page.touches, page.leaves, page.stands_for, page.source, page.example] {
                assert!(!text.is_empty() && !text.contains("  "), "{page:?}");
            }
            assert!(all[..place].iter().all(|other| other.idea != page.idea && other.example != page.example));
        }
    }
}
