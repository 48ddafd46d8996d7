//! The graph of direct dependencies between transactions (Adya, *Weak Consistency*, 1999, chapter 4).
//!
//! Nodes are the transactions, then the nodes that are in between only. The reads of one version and the versions that
//! come next are joined by such a node; real time is a chain of barriers, one wherever a transaction is asked for after
//! others were completed (Elle, section 5.1), so both cost as many edges as there are ends.
//!
//! What an edge is `about`: a `ww`, its place among the version edges; a `wr` or `rw`, the read's place among the
//! reads.

use super::TransactionId;
use super::facts::{Facts, INITIAL};
use super::graph::{Edge, Kind};
use super::versions::{Grouped, Versions};

/// The edges, and how many nodes they are between.
pub(super) struct Dependencies {
    pub(super) edges: Vec<Edge>,
    pub(super) nodes: usize,
    /// Two transactions that read one version of a key and both wrote the key: their reads.
    pub(super) lost_updates: Vec<(u32, u32)>,
}

impl Dependencies {
    /// `O(n)`, and the sorting of times.
    pub(super) fn new(facts: &Facts, versions: &Versions) -> Dependencies {
        let nodes = facts.history.len();
        let mut made = Dependencies { edges: Vec::new(), nodes, lost_updates: Vec::new() };
        made.reads_from(facts);
        for (place, (earlier, later)) in versions.edges.iter().enumerate() {
            let (from, to) = (versions.writer[*earlier as usize], versions.writer[*later as usize]);
            if from != INITIAL && to != INITIAL {
                made.push(from, to, Kind::WriteWrite, place as u32);
            }
        }
        made.overwrites(facts, versions);
        made.sessions(facts);
        if facts.history.is_timed() {
            made.real_time(facts);
        }
        made
    }

    fn push(&mut self, from: u32, to: u32, kind: Kind, about: u32) {
        if from != to {
            self.edges.push(Edge { from, to, kind, about });
        }
    }

    fn node(&mut self) -> u32 {
        self.nodes += 1;
        self.nodes as u32 - 1
    }

    fn reads_from(&mut self, facts: &Facts) {
        for transaction in 0..facts.history.len() {
            let first = facts.reads_first[transaction];
            for (place, read) in facts.reads(transaction).iter().enumerate() {
                if read.from != INITIAL {
                    self.push(read.from, transaction as u32, Kind::WriteRead, first + place as u32);
                }
            }
        }
    }

    /// The reads of each version against the versions that come next.
    fn overwrites(&mut self, facts: &Facts, versions: &Versions) {
        let readers = Grouped::new(versions.writer.len(), || {
            facts.reads.iter().enumerate().map(|(place, read)| (read.version, place as u32))
        });
        let mut reader_of = vec![0_u32; facts.reads.len()];
        for transaction in 0..facts.history.len() {
            let range = facts.reads_first[transaction] as usize..facts.reads_first[transaction + 1] as usize;
            reader_of[range].fill(transaction as u32);
        }
        let mut start = 0;
        for version in 0..versions.writer.len() {
            let rest = &versions.edges[start..];
            let count = rest.iter().take_while(|edge| edge.0 as usize == version).count();
            let next = &rest[..count];
            start += count;
            let mut reads: Vec<(u32, u32)> =
                readers.of(version).iter().map(|place| (reader_of[*place as usize], *place)).collect();
            reads.dedup_by_key(|read| read.0);
            let mut updates = reads
                .iter()
                .filter(|(reader, place)| facts.has_written(*reader as usize, facts.reads[*place as usize].key));
            if let (Some(one), Some(other)) = (updates.next(), updates.next()) {
                self.lost_updates.push((one.1, other.1));
            }
            let writers: Vec<u32> = next.iter().map(|edge| versions.writer[edge.1 as usize]).collect();
            self.join(&reads, &writers);
        }
    }

    /// An edge from each reader to each writer but itself.
    fn join(&mut self, reads: &[(u32, u32)], writers: &[u32]) {
        if reads.len() <= 1 || writers.len() <= 1 {
            for (reader, place) in reads {
                writers.iter().for_each(|writer| self.push(*reader, *writer, Kind::ReadWrite, *place));
            }
            return;
        }
        let mut sorted = writers.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let is_writer = |reader: &u32| sorted.binary_search(reader);
        let upwards = self.chain(&sorted);
        let with_self = reads.iter().any(|(reader, _)| is_writer(reader).is_ok());
        let downwards =
            if with_self { self.chain(&sorted.iter().rev().copied().collect::<Vec<_>>()) } else { Vec::new() };
        for (reader, place) in reads {
            match is_writer(reader) {
                Err(_) => self.push(*reader, upwards[sorted.len() - 1], Kind::ReadWrite, *place),
                Ok(at) => {
                    if at > 0 {
                        self.push(*reader, upwards[at - 1], Kind::ReadWrite, *place);
                    }
                    if at + 1 < sorted.len() {
                        self.push(*reader, downwards[sorted.len() - 2 - at], Kind::ReadWrite, *place);
                    }
                }
            }
        }
    }

    /// Nodes of which the `i`-th leads to the first `i + 1` of these.
    fn chain(&mut self, writers: &[u32]) -> Vec<u32> {
        let mut nodes: Vec<u32> = Vec::with_capacity(writers.len());
        for writer in writers {
            let node = self.node();
            self.push(node, *writer, Kind::ReadWriteVia, 0);
            if let Some(last) = nodes.last() {
                self.push(node, *last, Kind::ReadWriteVia, 0);
            }
            nodes.push(node);
        }
        nodes
    }

    fn sessions(&mut self, facts: &Facts) {
        let mut last = vec![u32::MAX; facts.history.sessions()];
        for id in facts.history.ids().filter(|id| facts.alive[id.index()]) {
            let before = std::mem::replace(&mut last[facts.history.session(id).0 as usize], id.0);
            if before != u32::MAX {
                self.push(before, id.0, Kind::Session, 0);
            }
        }
    }

    fn real_time(&mut self, facts: &Facts) {
        let mut events: Vec<(u64, bool, u32)> = Vec::with_capacity(facts.history.len() * 2);
        for id in facts.history.ids().filter(|id| facts.alive[id.index()]) {
            let TransactionId(number) = id;
            events.push((facts.history.invoked(id).as_nanos(), false, number));
            events.push((facts.history.completed(id).as_nanos(), true, number));
        }
        events.sort_unstable();
        let mut ended: Vec<u32> = Vec::new();
        let mut barrier = None;
        for (_, is_end, transaction) in events {
            if is_end {
                ended.push(transaction);
                continue;
            }
            if !ended.is_empty() {
                let node = self.node();
                if let Some(last) = barrier {
                    self.push(last, node, Kind::RealTimeVia, 0);
                }
                ended.drain(..).for_each(|ended| self.edges.push(real_time(ended, node)));
                barrier = Some(node);
            }
            if let Some(barrier) = barrier {
                self.push(barrier, transaction, Kind::RealTimeVia, 0);
            }
        }
    }
}

fn real_time(from: u32, to: u32) -> Edge {
    Edge { from, to, kind: Kind::RealTime, about: 0 }
}
