//! What each client was last told of each key: for the session guarantees.
//!
//! Told something at every operation, of a table that is larger than a processor's caches, and asked seldom. So what is told is noted in a
//! list, and entered from there when the list is full or somebody asks: one entry needs nothing of another, and a processor waits for
//! several lines of memory at once. The table is laid out as a page table is: a client's *directory* names its *chapters*, a chapter names
//! *pages*, and a page is one line of a cache, with what was told of some neighbouring keys.

use crate::id::{ClientId, Key, Value};

/// The latest version that each client read or wrote, by client and key.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Sessions {
    /// What is not entered yet, in the order of it.
    noted: Vec<Note>,
    /// By client, and then by so many keys as are in a chapter: one more than the chapter's number; 0 where there is none yet.
    directories: Vec<Vec<u32>>,
    /// By so many keys as are on a page: one more than the page's number; 0 where there is none yet.
    chapters: Vec<[u32; PAGES]>,
    pages: Vec<Page>,
}

/// What a client was told of some keys.
#[derive(Clone, Copy, Debug, Hash)]
#[repr(align(64))]
struct Page {
    /// By key: one more than the value; 0 where nothing was told yet.
    told: [u32; KEYS],
}

/// What is to be entered.
#[derive(Clone, Copy, Debug, Hash)]
struct Note {
    client: ClientId,
    key: Key,
    /// One more than the value.
    told: u32,
}

/// So much is noted before it is entered.
const NOTES: usize = 512;

/// So many keys are on a page.
const KEYS: usize = 16;

/// So many pages are in a chapter.
const PAGES: usize = 64;

impl Sessions {
    pub fn begin_anew(&mut self) {
        self.noted.clear();
        self.directories.iter_mut().for_each(Vec::clear);
        self.chapters.clear();
        self.pages.clear();
    }

    /// This client is told this of this key now. `O(1)`, amortised.
    ///
    /// # Panics
    /// Where the value is near `2^32` or greater.
    #[inline]
    pub fn tell(&mut self, client: ClientId, key: Key, value: Value) {
        let small = u32::try_from(value.0).ok().and_then(|value| value.checked_add(1));
        let told = small.expect("values are small dense numbers, less than 2^32 - 1");
        self.noted.push(Note { client, key, told });
        if self.noted.len() >= NOTES {
            self.enter();
        }
    }

    /// What this client was last told of this key. `O(1)`, amortised.
    pub fn told(&mut self, client: ClientId, key: Key) -> Option<Value> {
        self.enter();
        let told = self.pages[self.find(client, key)?].told[key.index() % KEYS];
        told.checked_sub(1).map(|value| Value(value.into()))
    }

    /// Enters what is noted.
    #[inline(never)]
    fn enter(&mut self) {
        for place in 0..self.noted.len() {
            let Note { client, key, told } = self.noted[place];
            let page = self.find(client, key).unwrap_or_else(|| self.add(client, key.index() / KEYS));
            self.pages[page].told[key.index() % KEYS] = told;
        }
        self.noted.clear();
    }

    /// The page for what this client is told of this key, if there is one.
    #[inline]
    fn find(&self, client: ClientId, key: Key) -> Option<usize> {
        let page = key.index() / KEYS;
        let chapter = *self.directories.get(client.index())?.get(page / PAGES)?;
        let page = self.chapters[chapter.checked_sub(1)? as usize][page % PAGES];
        Some(page.checked_sub(1)? as usize)
    }

    /// Adds this page of a client, and the chapter that it is in where there is none.
    fn add(&mut self, client: ClientId, page: usize) -> usize {
        let number = |len: usize| u32::try_from(len + 1).expect("memory ends before 2^32 pages");
        if client.index() >= self.directories.len() {
            self.directories.resize(client.index() + 1, Vec::new());
        }
        let directory = &mut self.directories[client.index()];
        if page / PAGES >= directory.len() {
            directory.resize(page / PAGES + 1, 0);
        }
        let chapter = &mut directory[page / PAGES];
        if *chapter == 0 {
            *chapter = number(self.chapters.len());
            self.chapters.push([0; PAGES]);
        }
        self.chapters[*chapter as usize - 1][page % PAGES] = number(self.pages.len());
        self.pages.push(Page { told: [0; KEYS] });
        self.pages.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::rng::Stream;

    #[test]
    fn it_remembers_what_a_tree_does() {
        let (mut sessions, mut tree) = (Sessions::default(), std::collections::BTreeMap::new());
        let mut stream = Stream::new(1, "sessions");
        for round in 0..2 {
            for step in 0..20_000 {
                // Some keys of the first pages, and some far beyond the first chapter.
                let far = stream.below(2) as u32 * 5_000;
                let (client, key) = (ClientId(stream.below(100) as u32), Key(far + stream.below(48) as u32));
                if stream.chance(1, 100) {
                    let told = sessions.told(client, key);
                    assert_eq!(told, tree.get(&(client, key)).copied(), "step {step} of round {round}");
                }
                sessions.tell(client, key, Value(step));
                tree.insert((client, key), Value(step));
            }
            sessions.enter();
            // 0 to 47, and 5,000 to 5,047: three pages and four.
            assert_eq!((sessions.chapters.len(), sessions.pages.len()), (200, 700));
            sessions.begin_anew();
            tree.clear();
        }
    }
}
