//! What is heard in a world: how far clients are, and what the invariants remember. What comes of news depends on nothing else.
//! Next: `watch.rs`.

use crate::id::{NodeId, Renaming, Value};
use crate::op::Reply;
use crate::trace::Observation;

use super::Explorable;
use super::deed::News;
use super::seen::Print;
use super::watch::Watch;
use super::world::{Client, Rules};

/// What was heard so far, as far as it matters later.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    /// By operation.
    pub clients: Vec<Client>,
    watch: Watch,
}

impl Ledger {
    pub fn new<P: Explorable>(rules: &Rules<P>) -> Ledger {
        let clients = vec![Client::Idle; rules.tiny.operations.len()];
        Ledger { clients, watch: Watch::new(&rules.names, &rules.asked) }
    }

    /// Its fingerprint, and what is broken in it.
    pub fn print(&self) -> u64 {
        Print::of(&(&self.clients, self.watch.print()))
    }

    /// What is broken by the news that came last, and how.
    pub fn broken<P: Explorable>(&self, rules: &Rules<P>) -> Option<(String, String)> {
        self.watch.broken(rules)
    }

    /// Calls the nodes otherwise.
    pub fn rename(&mut self, renaming: &Renaming) {
        self.watch.rename(renaming);
    }

    /// All that is heard of a deed of this node. What a reader wants to know of it is noted.
    pub fn hear<P: Explorable>(&mut self, rules: &Rules<P>, at: usize, news: &[News], notes: &mut Option<Vec<String>>) {
        self.watch.is_news = false;
        for news in news {
            if let (Some(notes), Some(words)) = (&mut *notes, self.words(rules, at, *news)) {
                notes.push(words);
            }
            match *news {
                News::Asked(operation) => self.asked(rules, operation),
                News::Again(operation) => {
                    if let Client::Waiting(under_way) = &mut self.clients[operation] {
                        *under_way += 1;
                    }
                }
                News::Crashed => self.watch.crashed(at),
                News::Told(operation, says) => self.told(rules, at, operation, says.map_err(drop)),
                News::Observed(observation) => self.watch.observed(at, observation),
            }
        }
    }

    fn asked<P: Explorable>(&mut self, rules: &Rules<P>, operation: usize) {
        let client = &mut self.clients[operation];
        match client {
            Client::Waiting(under_way) => *under_way += 1,
            _ => {
                *client = Client::Waiting(1);
                self.watch.asked(rules, operation);
            }
        }
    }

    /// A client hears. One that has heard before does not listen.
    fn told<P: Explorable>(&mut self, rules: &Rules<P>, at: usize, operation: usize, says: Result<Reply, ()>) {
        let Client::Waiting(under_way) = self.clients[operation] else { return };
        match says {
            Ok(reply) => {
                self.clients[operation] = Client::Told(reply);
                self.watch.told(rules, at, operation, reply, &self.clients);
            }
            Err(()) if under_way > 1 => self.clients[operation] = Client::Waiting(under_way - 1),
            Err(()) => {
                // None of its requests will have an effect any more: it is as if it had never asked.
                self.clients[operation] = Client::Idle;
                self.watch.refused(operation);
            }
        }
    }

    /// Of what a node says of itself, a reader wants to know who leads and what copies hold.
    fn words<P: Explorable>(&self, rules: &Rules<P>, at: usize, news: News) -> Option<String> {
        let name = &rules.names[at];
        let called = |node: NodeId| &rules.names[node.index()];
        match news {
            News::Told(operation, Ok(reply)) => {
                let is_listening = matches!(self.clients[operation], Client::Waiting(_));
                is_listening.then(|| format!("c{operation} is told by {name}: {}", in_words(reply)))
            }
            News::Told(operation, Err(refusal)) => Some(format!("{name} refuses c{operation}: {refusal:?}")),
            News::Asked(_) | News::Again(_) | News::Crashed => None,
            News::Observed(observation) => match observation {
                Observation::Leader { epoch } => Some(format!("{name} leads epoch {epoch}")),
                Observation::SteppedDown { epoch } => Some(format!("{name} no longer leads epoch {epoch}")),
                Observation::Voted { epoch, candidate } => {
                    Some(format!("{name} votes for {} in epoch {epoch}", called(candidate)))
                }
                Observation::Committed { index, epoch } => {
                    Some(format!("{name} knows entry {index} of epoch {epoch} to be committed"))
                }
                Observation::Applied { key, value } => Some(format!("{name} takes {value} into {key}")),
                Observation::RolledBack { key, value, .. } => Some(format!("{name} takes {value} out of {key} again")),
                Observation::Conflict { key, lost, kept } => {
                    Some(format!("{name} discards {lost} to {key} for {kept}"))
                }
                _ => None,
            },
        }
    }
}

fn in_words(reply: Reply) -> String {
    let value = |value: Option<Value>| value.map_or("nothing".to_string(), |value| value.to_string());
    match reply {
        Reply::Read(found) => value(found),
        Reply::Written => "ok".into(),
        Reply::Mismatch(found) => format!("no, it holds {}", value(found)),
        other => format!("{other:?}"),
    }
}
