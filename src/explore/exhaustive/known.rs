//! All that was ever met, each thing once and by its number: nodes, messages, deeds, news and ledgers.
//!
//! A tiny world has millions of states and some thousands of different nodes and messages in them: a state is a few numbers, and a
//! step of it two look-ups. What has one fingerprint of 64 bits is one thing. Next: `renamed.rs`.

use crate::id::Renaming;
use crate::protocol::{Role, Symmetry};
use crate::time::Time;

use super::Explorable;
use super::deed::{Doing, News, deed};
use super::ledger::Ledger;
use super::renamed::{renamed_letter, renamed_node};
use super::seen::{Index, Print};
use super::step::{Event, Step};
use super::world::{Client, Letter, Node, Rules, VIEWS};

/// There are no more ways to call the nodes than those of five that are alike, or only one is looked at.
const RENAMINGS_MAX: usize = 120;

/// What a node does at a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deed {
    /// What it is then.
    pub node: u32,
    /// What it sends: so many from there in a list.
    sent: (u32, u32),
    /// What is heard; 0 for nothing.
    pub news: u32,
    /// Whose turn it is first, where the order of two does not matter; the same whatever nodes are called.
    pub rank: u64,
}

/// What is to be known of a node without looking at it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Looks {
    pub is_up: bool,
    /// Whether a timer is set.
    pub waits: bool,
    /// Whether its disk has something to sync.
    pub writes: bool,
}

/// All that was met in a world.
pub(super) struct Known<'r, 'o, P: Explorable> {
    pub rules: &'r Rules<'o, P>,
    /// The ways to call the nodes under which one state is like another; the first changes nothing.
    pub renamings: Vec<Renaming>,
    pub nodes: Vec<Node<P>>,
    looks: Vec<Looks>,
    /// By node, by view, by renaming.
    node_prints: Vec<u64>,
    node_index: Index,
    pub letters: Vec<Letter<P>>,
    letter_prints: Vec<u64>,
    letter_index: Index,
    deeds: Vec<Deed>,
    sent: Vec<u32>,
    deed_index: Index,
    /// Who has them, and what they are.
    pub news: Vec<(usize, Vec<News>)>,
    news_index: Index,
    pub ledgers: Vec<Ledger>,
    ledger_prints: Vec<u64>,
    ledger_index: Index,
    /// The ledger after another one and news.
    heard: Index,
    /// What is broken in the first ledger in which anything is.
    broken: Option<(u32, (String, String))>,
}

impl<'r, 'o, P: Explorable> Known<'r, 'o, P> {
    /// Nothing but a ledger in which nothing was heard, whose number is 0.
    pub fn new(rules: &'r Rules<'o, P>) -> Known<'r, 'o, P> {
        let kinds = match P::SYMMETRY {
            Some(Symmetry { kinds, .. }) if rules.tiny.reduction.symmetry => kinds(rules.options, &rules.members),
            _ => (0..rules.members.len()).collect(),
        };
        let mut known = Known {
            rules,
            renamings: Renaming::within(&kinds, RENAMINGS_MAX),
            nodes: Vec::new(),
            looks: Vec::new(),
            node_prints: Vec::new(),
            node_index: Index::default(),
            letters: Vec::new(),
            letter_prints: Vec::new(),
            letter_index: Index::default(),
            deeds: Vec::new(),
            sent: Vec::new(),
            deed_index: Index::default(),
            news: vec![(0, Vec::new())],
            news_index: Index::default(),
            ledgers: Vec::new(),
            ledger_prints: Vec::new(),
            ledger_index: Index::default(),
            heard: Index::default(),
            broken: None,
        };
        known.ledger(Ledger::new(rules));
        known
    }

    /// In how many ways the nodes can be called.
    #[inline]
    pub fn names(&self) -> usize {
        self.renamings.len()
    }

    /// The nodes before anything has started.
    pub fn unborn(&mut self) -> Vec<u32> {
        let unborn = |seat| Node {
            seat,
            protocol: None,
            disk: Vec::new(),
            unsynced: Default::default(),
            held: Default::default(),
            timers: Vec::new(),
            clock: Time::ZERO,
        };
        (0..self.rules.members.len()).map(|seat| self.node(unborn(seat))).collect()
    }

    #[inline]
    pub fn looks(&self, node: u32) -> Looks {
        self.looks[node as usize]
    }

    #[inline]
    pub fn letter_to(&self, letter: u32) -> usize {
        self.letters[letter as usize].to.index()
    }

    /// The node that a step concerns.
    #[inline]
    pub fn seat(&self, event: Event) -> usize {
        match event {
            Event::Deliver(letter) | Event::Repeat(letter) => self.letter_to(letter),
            Event::Fire(at) | Event::Sync(at) | Event::Crash(at) | Event::Start(at) | Event::Ask(_, at) => at,
        }
    }

    /// The fingerprints of a node in a view, by renaming.
    #[inline]
    pub fn node_prints(&self, node: u32, view: usize) -> &[u64] {
        let names = self.names();
        &self.node_prints[(node as usize * VIEWS + view) * names..][..names]
    }

    /// The fingerprints of a message.
    #[inline]
    pub fn letter_prints(&self, letter: u32) -> &[u64] {
        &self.letter_prints[letter as usize * self.names()..][..self.names()]
    }

    /// The fingerprints of a ledger.
    #[inline]
    pub fn ledger_prints(&self, ledger: u32) -> &[u64] {
        &self.ledger_prints[ledger as usize * self.names()..][..self.names()]
    }

    #[inline]
    pub fn clients(&self, ledger: u32) -> &[Client] {
        &self.ledgers[ledger as usize].clients
    }

    #[inline]
    pub fn get(&self, deed: u32) -> Deed {
        self.deeds[deed as usize]
    }

    /// What is sent in a deed.
    #[inline]
    pub fn sent(&self, deed: Deed) -> &[u32] {
        &self.sent[deed.sent.0 as usize..][..deed.sent.1 as usize]
    }

    /// What is broken in a ledger, if it is the first in which anything is.
    #[inline]
    pub fn broken(&self, ledger: u32) -> Option<&(String, String)> {
        self.broken.as_ref().filter(|(broken, _)| *broken == ledger).map(|(_, how)| how)
    }

    /// What a node does at a step.
    #[inline]
    pub fn deed(&mut self, node: u32, step: Step) -> u32 {
        let key = u64::from(node) << 32 | u64::from(step.0);
        self.deed_index.get(key).unwrap_or_else(|| self.first_deed(node, step, key))
    }

    #[cold]
    fn first_deed(&mut self, node: u32, step: Step, key: u64) -> u32 {
        let event = step.event();
        let letter = match event {
            Event::Deliver(letter) | Event::Repeat(letter) => Some(letter),
            _ => None,
        };
        let at = self.nodes[node as usize].seat;
        let letter_ = letter.map(|letter| &self.letters[letter as usize]);
        let Doing { node: after, sent, news, .. } = deed(self.rules, &self.nodes[node as usize], event, letter_);
        let first = self.sent.len() as u32;
        for letter in sent {
            let letter = self.letter(letter);
            self.sent.push(letter);
        }
        let sent = (first, self.sent.len() as u32 - first);
        let (rank, node) = (self.rank(node, event, letter), self.node(after));
        let deed = Deed { node, sent, news: self.news(at, news), rank };
        self.deeds.push(deed);
        let number = number(self.deeds.len());
        self.deed_index.put(key, number);
        number
    }

    /// The least fingerprint of node and step together, whatever nodes are called. It looks at nothing of a node in which equal states
    /// may differ.
    fn rank(&self, node: u32, event: Event, letter: Option<u32>) -> u64 {
        let kind = match event {
            Event::Deliver(_) => 0,
            Event::Repeat(_) => 1,
            Event::Fire(_) => 2,
            Event::Sync(_) => 3,
            Event::Crash(_) => 4,
            Event::Start(_) => 5,
            Event::Ask(operation, _) => 6 + operation,
        };
        let nodes = self.node_prints(node, 0);
        let print =
            |name: usize| Print::of(&(kind, nodes[name], letter.map(|letter| self.letter_prints(letter)[name])));
        (0..self.names()).map(print).min().expect("there is one way to call them")
    }

    /// The ledger after news.
    #[inline]
    pub fn hear(&mut self, ledger: u32, news: u32) -> u32 {
        if news == 0 {
            return ledger;
        }
        let key = u64::from(ledger) << 32 | u64::from(news);
        self.heard.get(key).unwrap_or_else(|| self.first_hear(ledger, news, key))
    }

    #[cold]
    fn first_hear(&mut self, ledger: u32, news: u32, key: u64) -> u32 {
        let mut after = self.ledgers[ledger as usize].clone();
        let (at, news) = &self.news[news as usize];
        after.hear(self.rules, *at, news, &mut None);
        let after = self.ledger(after);
        self.heard.put(key, after);
        after
    }

    /// What a step is in words, and what is heard of it.
    pub fn tell(&self, node: u32, step: Step, ledger: u32, news: u32) -> (String, Vec<String>) {
        let event = step.event();
        let letter = match event {
            Event::Deliver(letter) | Event::Repeat(letter) => Some(&self.letters[letter as usize]),
            _ => None,
        };
        let (mut notes, (at, news)) = (Some(Vec::new()), &self.news[news as usize]);
        self.ledgers[ledger as usize].clone().hear(self.rules, *at, news, &mut notes);
        (self.rules.describe(event, &self.nodes[node as usize], letter), notes.unwrap_or_default())
    }

    fn node(&mut self, node: Node<P>) -> u32 {
        let prints = node.prints();
        if let Some(known) = self.node_index.get(prints[VIEWS - 1]) {
            return known;
        }
        let first = self.node_prints.len();
        self.node_prints.resize(first + VIEWS * self.names(), 0);
        for name in 0..self.names() {
            let prints = if name == 0 { prints } else { renamed_node(&node, &self.renamings[name]).prints() };
            for (view, print) in prints.into_iter().enumerate() {
                self.node_prints[first + view * self.renamings.len() + name] = print;
            }
        }
        self.looks.push(Looks {
            is_up: node.protocol.is_some(),
            waits: node.earliest().is_some(),
            writes: !node.unsynced.is_empty(),
        });
        self.nodes.push(node);
        let number = number(self.nodes.len());
        self.node_index.put(prints[VIEWS - 1], number);
        number
    }

    fn letter(&mut self, letter: Letter<P>) -> u32 {
        let print = letter.print();
        if let Some(known) = self.letter_index.get(print) {
            return known;
        }
        self.letter_prints.push(print);
        let others = self.renamings[1..].iter().map(|renaming| renamed_letter(&letter, renaming).print());
        self.letter_prints.extend(others);
        self.letters.push(letter);
        let number = number(self.letters.len());
        self.letter_index.put(print, number);
        number
    }

    fn news(&mut self, at: usize, news: Vec<News>) -> u32 {
        if news.is_empty() {
            return 0;
        }
        let print = Print::of(&(at, &news));
        if let Some(known) = self.news_index.get(print) {
            return known;
        }
        self.news.push((at, news));
        let number = number(self.news.len());
        self.news_index.put(print, number);
        number
    }

    fn ledger(&mut self, ledger: Ledger) -> u32 {
        let print = ledger.print();
        if let Some(known) = self.ledger_index.get(print) {
            return known;
        }
        self.ledger_prints.push(print);
        for renaming in &self.renamings[1..] {
            let mut renamed = ledger.clone();
            renamed.rename(renaming);
            self.ledger_prints.push(renamed.print());
        }
        let number = number(self.ledgers.len() + 1);
        if self.broken.is_none() {
            self.broken = ledger.broken(self.rules).map(|how| (number, how));
        }
        self.ledgers.push(ledger);
        self.ledger_index.put(print, number);
        number
    }

    /// The replicas, which clients ask.
    pub fn replicas(&self) -> Vec<usize> {
        let members = self.rules.members.iter().filter(|member| member.role == Role::Replica);
        members.map(|member| member.node.index()).collect()
    }
}

/// The number of the last of so many.
fn number(len: usize) -> u32 {
    u32::try_from(len - 1).expect("memory ends before 2^32 of them")
}
