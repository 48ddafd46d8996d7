//! What each client was last told of each key: for the session guarantees.
//!
//! Asked once for every operation, of a table that is larger than a processor's caches. So it is laid out as a page table is: a client's
//! *directory* names its *chapters*, a chapter names *pages*, and a page is one line of a cache, with what was told of some neighbouring
//! keys. All but the pages is small and stays near, and what is told anew is written without reading what was there: a processor goes on
//! meanwhile.

use crate::id::{ClientId, Key, Value};

/// The latest version that each client read or wrote, by client and key.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Sessions {
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

/// Where it is kept what a client was last told of a key; good until the next run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    page: u32,
    key: u32,
}

/// So many keys are on a page.
const KEYS: usize = 16;

/// So many pages are in a chapter.
const PAGES: usize = 64;

impl Sessions {
    pub fn begin_anew(&mut self) {
        self.directories.iter_mut().for_each(Vec::clear);
        self.chapters.clear();
        self.pages.clear();
    }

    /// Where it is kept what this client was last told of this key. `O(1)`, amortised.
    #[inline]
    pub fn find(&mut self, client: ClientId, key: Key) -> Place {
        let (page, on_page) = (key.index() / KEYS, key.0 % KEYS as u32);
        let chapter = self.directories.get(client.index()).and_then(|of| of.get(page / PAGES)).copied().unwrap_or(0);
        let known = chapter.checked_sub(1).map_or(0, |chapter| self.chapters[chapter as usize][page % PAGES]);
        let page = known.checked_sub(1).unwrap_or_else(|| self.add(client, page));
        Place { page, key: on_page }
    }

    /// Adds this page of a client, and the chapter that it is in where there is none.
    #[cold]
    fn add(&mut self, client: ClientId, page: usize) -> u32 {
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
        self.pages.len() as u32 - 1
    }

    /// What was last told there.
    #[inline]
    pub fn told(&self, place: Place) -> Option<Value> {
        let told = self.pages[place.page as usize].told[place.key as usize % KEYS];
        told.checked_sub(1).map(|value| Value(value.into()))
    }

    /// This is told there now.
    ///
    /// # Panics
    /// Where the value is near `2^32` or greater.
    #[inline]
    pub fn tell(&mut self, place: Place, value: Value) {
        let small = u32::try_from(value.0).ok().and_then(|value| value.checked_add(1));
        self.pages[place.page as usize].told[place.key as usize % KEYS] =
            small.expect("values are small dense numbers, less than 2^32 - 1");
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
                let place = sessions.find(client, key);
                assert_eq!(sessions.told(place), tree.get(&(client, key)).copied(), "step {step} of round {round}");
                sessions.tell(place, Value(step));
                tree.insert((client, key), Value(step));
            }
            // 0 to 47, and 5,000 to 5,047: three pages and four.
            assert_eq!((sessions.chapters.len(), sessions.pages.len()), (200, 700));
            sessions.begin_anew();
            tree.clear();
        }
    }
}
