//! A table by small dense numbers that goes on growing, and whose old part takes few bits.
//!
//! What the judges keep of a write for ever, they keep by its number, and almost all that is asked or changed is young.
//! So the latest places are a plain vector, and the others are packed, page by page: of each number in a page what is
//! beyond the least of them, in as many bits as most need, and the few that need more in a list beside it (a *frame of
//! reference*, *patched*). A packed place is still found at once, and may still change.
//!
//! Some hundred bytes that the judges of a log keep of each write become some twenty by that. Next: who uses it, `check/monitor/lineage/mod.rs`.

use std::hash::{Hash, Hasher};

/// So many places are packed together. Tests pack early, so that all of them go through what is packed.
const PAGE: usize = if cfg!(test) { 4 } else { 1 << 10 };
/// As soon as so many places are plain, the older half of them is packed.
const PLAIN_MAX: usize = if cfg!(test) { 4 * PAGE } else { 64 * PAGE };
/// With so many exceptions more than it was packed with, a lane is packed anew.
const ODD_MORE: usize = PAGE.div_ceil(16);
/// What an exception costs, in bits.
const ODD_BITS: usize = 8 * size_of::<(u16, u64)>();

/// What is in a place, taken apart into numbers. Each should be small, or near that of its neighbours, or zero.
pub(crate) trait Packs: Copy + Default {
    /// How many numbers it is.
    const LANES: usize;

    /// One of them.
    fn lane(&self, which: usize) -> u64;

    /// Made from them again.
    fn of_lanes(lane: impl Fn(usize) -> u64) -> Self;
}

macro_rules! one_number {
    ($($number:ty),*) => {$(
        impl Packs for $number {
            const LANES: usize = 1;

            fn lane(&self, _: usize) -> u64 {
                u64::from(*self)
            }

            fn of_lanes(lane: impl Fn(usize) -> u64) -> $number {
                lane(0) as $number
            }
        }
    )*};
}

one_number!(u8, u32, u64);

/// The table. A place that was never set has the default.
#[derive(Clone, Debug, Default)]
pub(crate) struct Column<T> {
    /// `T::LANES` for each page.
    packed: Vec<Lane>,
    /// The first place that is plain.
    first: usize,
    plain: Vec<T>,
}

impl<T: Packs> Column<T> {
    /// Forgets everything, and keeps the memory for plain places.
    pub(crate) fn clear(&mut self) {
        self.packed.clear();
        self.plain.clear();
        self.first = 0;
    }

    /// One more than the last place that was set.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.first + self.plain.len()
    }

    /// Whether no place was set.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is in this place; `None` beyond the last. `O(1)`.
    #[inline]
    pub(crate) fn get(&self, place: usize) -> Option<T> {
        match self.plain.get(place.wrapping_sub(self.first)) {
            Some(known) => Some(*known),
            None if place < self.first => Some(self.unpacked(place)),
            None => None,
        }
    }

    /// What is in the last place.
    pub(crate) fn last(&self) -> Option<T> {
        self.get(self.len().checked_sub(1)?)
    }

    /// What is in this place; the default beyond the last. `O(1)`.
    #[inline]
    pub(crate) fn at(&self, place: usize) -> T {
        self.get(place).unwrap_or_default()
    }

    /// Changes what is in this place, up to which the table is made to reach, and gives what the change gives. `O(1)`, amortised.
    #[inline]
    pub(crate) fn change<R>(&mut self, place: usize, change: impl FnOnce(&mut T) -> R) -> R {
        let plain = place.wrapping_sub(self.first);
        if let Some(known) = self.plain.get_mut(plain) {
            return change(known);
        }
        if plain == self.plain.len() && plain + 1 < PLAIN_MAX {
            let mut next = T::default();
            let given = change(&mut next);
            self.plain.push(next);
            return given;
        }
        if place >= self.first {
            self.reach(place);
            return change(&mut self.plain[place - self.first]);
        }
        let mut known = self.unpacked(place);
        let given = change(&mut known);
        self.repack(place, known);
        given
    }

    /// Puts this into a place, up to which the table is made to reach. `O(1)`, amortised.
    #[inline]
    pub(crate) fn set(&mut self, place: usize, value: T) {
        self.change(place, |known| *known = value);
    }

    /// Puts this into the next place. `O(1)`, amortised.
    #[inline]
    pub(crate) fn push(&mut self, value: T) {
        self.set(self.len(), value);
    }

    /// What is in each place, in order. A page is unpacked at once, in which a place costs much less than by itself.
    pub(crate) fn iter(&self) -> impl Iterator<Item = T> + '_ {
        let pages = self.packed.chunks_exact(T::LANES).flat_map(|page| {
            let lanes: Vec<_> = page.iter().map(Lane::numbers).collect();
            (0..PAGE).map(move |place| T::of_lanes(|lane| lanes[lane][place]))
        });
        pages.chain(self.plain.iter().copied())
    }

    /// Changes every place, in order; what is not changed is told. `O(n)`.
    pub(crate) fn change_each(&mut self, mut change: impl FnMut(usize, &mut T) -> Changed) {
        for place in 0..self.first {
            let mut known = self.unpacked(place);
            if change(place, &mut known) == Changed::Yes {
                self.repack(place, known);
            }
        }
        for (place, known) in (self.first..).zip(&mut self.plain) {
            change(place, known);
        }
    }

    #[cold]
    fn unpacked(&self, place: usize) -> T {
        let page = &self.packed[place / PAGE * T::LANES..][..T::LANES];
        T::of_lanes(|lane| page[lane].get(place % PAGE))
    }

    #[cold]
    fn repack(&mut self, place: usize, value: T) {
        let page = &mut self.packed[place / PAGE * T::LANES..][..T::LANES];
        for (which, lane) in page.iter_mut().enumerate() {
            lane.set(place % PAGE, value.lane(which));
        }
    }

    #[inline(never)]
    fn reach(&mut self, place: usize) {
        self.plain.resize(place - self.first + 1, T::default());
        if self.plain.len() >= PLAIN_MAX {
            self.pack((self.plain.len() - PLAIN_MAX / 2) / PAGE);
        }
    }

    /// Packs the first pages of what is plain.
    #[cold]
    fn pack(&mut self, pages: usize) {
        for page in self.plain.chunks_exact(PAGE).take(pages) {
            let lane = |which| Lane::of(&std::array::from_fn(|place| page[place].lane(which)));
            self.packed.extend((0..T::LANES).map(lane));
        }
        self.plain.drain(..pages * PAGE);
        self.first += pages * PAGE;
    }
}

/// Whether a place was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changed {
    Yes,
    No,
}

impl<T: Packs + Hash> Hash for Column<T> {
    /// Of what is in the places, however it is kept.
    fn hash<H: Hasher>(&self, into: &mut H) {
        self.len().hash(into);
        self.iter().for_each(|value| value.hash(into));
    }
}

/// Some numbers, packed.
#[derive(Clone, Debug)]
struct Lane {
    /// What each is counted from, and around: what is less is far above it.
    least: u64,
    /// How many bits each has.
    width: u32,
    bits: Box<[u64]>,
    /// Those that these bits do not hold, by place.
    odd: Vec<(u16, u64)>,
    /// With more of them it is packed anew.
    odd_max: usize,
}

impl Lane {
    fn of(numbers: &[u64; PAGE]) -> Lane {
        let Frame { least, width, .. } = Frame::around(numbers);
        let mut bits = Vec::with_capacity((PAGE * width as usize).div_ceil(64));
        let mut odd = Vec::new();
        let mask = mask(width);
        // What is not yet a word.
        let (mut word, mut filled) = (0, 0);
        for (place, number) in numbers.iter().enumerate() {
            let mut beyond = number.wrapping_sub(least);
            if beyond > mask {
                odd.push((place as u16, *number));
                beyond = 0;
            }
            word |= beyond << filled;
            filled += width;
            if filled >= 64 {
                bits.push(word);
                filled -= 64;
                word = if filled > 0 { beyond >> (width - filled) } else { 0 };
            }
        }
        if filled > 0 {
            bits.push(word);
        }
        odd.shrink_to_fit();
        // A lane may have many from the beginning, where that takes the fewest bits.
        let odd_max = odd.len() + ODD_MORE;
        Lane { least, width, bits: bits.into_boxed_slice(), odd, odd_max }
    }

    fn mask(&self) -> u64 {
        mask(self.width)
    }

    fn holds(&self, number: u64) -> bool {
        number.wrapping_sub(self.least) <= self.mask()
    }

    fn get(&self, place: usize) -> u64 {
        if !self.odd.is_empty()
            && let Ok(odd) = self.odd.binary_search_by_key(&(place as u16), |odd| odd.0)
        {
            return self.odd[odd].1;
        }
        self.held(place)
    }

    /// All of them, in order.
    fn numbers(&self) -> Vec<u64> {
        let mut numbers: Vec<u64> = (0..PAGE).map(|place| self.held(place)).collect();
        for (place, number) in &self.odd {
            numbers[usize::from(*place)] = *number;
        }
        numbers
    }

    /// What its bits say, which is not so of an exception.
    #[inline]
    fn held(&self, place: usize) -> u64 {
        if self.width == 0 {
            return self.least;
        }
        let (word, shift) = self.find(place);
        let low = self.bits[word] >> shift;
        let high = if shift + self.width > 64 { self.bits[word + 1] << (64 - shift) } else { 0 };
        self.least.wrapping_add((low | high) & self.mask())
    }

    fn find(&self, place: usize) -> (usize, u32) {
        let bit = place * self.width as usize;
        (bit / 64, (bit % 64) as u32)
    }

    /// Puts these bits into a place.
    fn put(&mut self, place: usize, bits: u64) {
        if self.width == 0 {
            return;
        }
        let (mask, (word, shift)) = (self.mask(), self.find(place));
        self.bits[word] = self.bits[word] & !(mask << shift) | bits << shift;
        if shift + self.width > 64 {
            let rest = 64 - shift;
            self.bits[word + 1] = self.bits[word + 1] & !(mask >> rest) | bits >> rest;
        }
    }

    fn set(&mut self, place: usize, number: u64) {
        match self.odd.binary_search_by_key(&(place as u16), |odd| odd.0) {
            Ok(odd) => self.odd[odd].1 = number,
            Err(_) if self.holds(number) => self.put(place, number.wrapping_sub(self.least)),
            Err(odd) => {
                self.odd.insert(odd, (place as u16, number));
                if self.odd.len() > self.odd_max {
                    *self = Lane::of(&std::array::from_fn(|place| self.get(place)));
                }
            }
        }
    }
}

/// So many low bits.
fn mask(width: u32) -> u64 {
    u64::MAX.checked_shr(64 - width).unwrap_or(0)
}

/// What numbers are packed by.
#[derive(Clone, Copy)]
struct Frame {
    least: u64,
    width: u32,
    /// How many bits they take so, exceptions counted.
    takes: usize,
}

impl Frame {
    /// The one in which these take the fewest bits: zero is the least of them, or an exception.
    fn around(numbers: &[u64; PAGE]) -> Frame {
        let (mut least, mut most) = (u64::MAX, 0);
        for number in numbers {
            // Zero comes last here, and so is the least only where all are.
            least = least.min(number.wrapping_sub(1));
            most = most.max(*number);
        }
        let least = least.wrapping_add(1);
        if least == most {
            return Frame { least, width: 0, takes: 0 };
        }
        let around = Frame::from(least, numbers);
        if !numbers.contains(&0) {
            return around;
        }
        let from_zero = Frame::from(0, numbers);
        if around.takes < from_zero.takes { around } else { from_zero }
    }

    /// The best width for these numbers, less the least.
    fn from(least: u64, numbers: &[u64; PAGE]) -> Frame {
        let mut by_width = [0_u16; 65];
        numbers.iter().for_each(|number| by_width[64 - number.wrapping_sub(least).leading_zeros() as usize] += 1);
        let mut odd = 0;
        let mut best = Frame { least, width: 64, takes: PAGE * 64 };
        for width in (0..64).rev() {
            odd += usize::from(by_width[width as usize + 1]);
            let takes = PAGE * width as usize + odd * ODD_BITS;
            if takes <= best.takes {
                best = Frame { least, width, takes };
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::collection::vec;
    use proptest::prelude::*;

    /// Three numbers of different manners.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    struct Three(u64, u32, u8);

    impl Packs for Three {
        const LANES: usize = 3;

        fn lane(&self, which: usize) -> u64 {
            [self.0, self.1.into(), self.2.into()][which]
        }

        fn of_lanes(lane: impl Fn(usize) -> u64) -> Three {
            Three(lane(0), lane(1) as u32, lane(2) as u8)
        }
    }

    /// Zero, near a number, far from any, or the greatest.
    fn number() -> impl Strategy<Value = u64> {
        prop_oneof![Just(0), 1_000_000_u64..1_000_100, any::<u64>(), Just(u64::MAX), Just(1_u64 << 62)]
    }

    #[derive(Clone, Debug)]
    enum Step {
        Set(usize, Three),
        Push(Three),
        Raise(usize),
        Clear,
    }

    fn step() -> impl Strategy<Value = Step> {
        let three = || (number(), 0_u32..9, any::<u8>()).prop_map(|(a, b, c)| Three(a, b, c));
        prop_oneof![
            20 => (0_usize..120, three()).prop_map(|(place, three)| Step::Set(place, three)),
            40 => three().prop_map(Step::Push),
            10 => (0_usize..120).prop_map(Step::Raise),
            1 => Just(Step::Clear),
        ]
    }

    fn hash(value: &impl Hash) -> u64 {
        let mut hasher = std::hash::DefaultHasher::new();
        value.hash(&mut hasher);
        hasher.finish()
    }

    proptest! {
        #[test]
        fn it_holds_what_a_vector_does(steps in vec(step(), 0..200)) {
            let (mut column, mut plain) = (Column::<Three>::default(), Vec::new());
            for step in steps {
                match step {
                    Step::Set(place, three) => {
                        plain.resize(plain.len().max(place + 1), Three::default());
                        plain[place] = three;
                        column.set(place, three);
                    }
                    Step::Push(three) => {
                        plain.push(three);
                        column.push(three);
                    }
                    Step::Raise(above) => {
                        let raise = |three: &mut Three| three.0 = three.0.wrapping_add(1);
                        plain.iter_mut().skip(above + 1).for_each(raise);
                        column.change_each(|place, three| {
                            if place <= above {
                                return Changed::No;
                            }
                            raise(three);
                            Changed::Yes
                        });
                    }
                    Step::Clear => {
                        plain.clear();
                        column.clear();
                    }
                }
                prop_assert_eq!(column.len(), plain.len());
            }
            prop_assert_eq!(column.iter().collect::<Vec<_>>(), plain.clone());
            for place in 0..plain.len() + 3 {
                prop_assert_eq!(column.get(place), plain.get(place).copied(), "{}", place);
            }
            let mut anew = Column::default();
            plain.iter().for_each(|three| anew.push(*three));
            prop_assert_eq!(hash(&column), hash(&anew), "however it came to hold them");
        }

        #[test]
        fn a_lane_holds_any_numbers_and_takes_any_other(
            numbers in proptest::array::uniform4(number()),
            later in vec((0_usize..PAGE, number()), 0..20),
        ) {
            let (mut lane, mut plain) = (Lane::of(&numbers), numbers);
            for (place, number) in later {
                lane.set(place, number);
                plain[place] = number;
            }
            prop_assert_eq!(std::array::from_fn(|place| lane.get(place)), plain);
        }
    }

    #[test]
    fn numbers_near_each_other_take_few_bits() {
        let lane = Lane::of(&std::array::from_fn(|place| (1 << 40) + 3 * place as u64));
        assert_eq!((lane.least, lane.width, lane.odd.len()), (1 << 40, 4, 0));
        let same = Lane::of(&[7; PAGE]);
        assert_eq!((same.width, same.bits.len()), (0, 0), "and the same number none");
    }

    #[test]
    fn what_is_old_is_packed() {
        let mut column = Column::<u32>::default();
        (0..1_000).for_each(|number| column.push(number));
        assert!(column.first > 1_000 - PLAIN_MAX && column.plain.len() < PLAIN_MAX, "{}", column.first);
        column.set(5_000, 1);
        assert_eq!((column.len(), column.get(999), column.get(4_000)), (5_001, Some(999), Some(0)));
        assert_eq!((column.get(5_000), column.get(5_001), column.at(5_001)), (Some(1), None, 0));
    }
}
