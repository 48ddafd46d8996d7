//! What keys hold that is more than one value: items, columns, rows, several values. Each of one size, for operations and answers are
//! copied often.

use std::fmt;

use crate::id::Value;

/// How many items a set can have.
pub const ITEMS_MAX: u8 = 64;

/// An item of a set, less than [`ITEMS_MAX`]; for a list a place in it, counted from its first value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Item(pub u8);

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "i{}", self.0)
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How many columns a row can have.
pub const COLUMNS_MAX: u8 = 4;

/// Some columns of a row, each less than [`COLUMNS_MAX`].
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Columns(u8);

impl Columns {
    /// The first so many.
    ///
    /// # Panics
    /// Where they are more than [`COLUMNS_MAX`].
    pub const fn first(count: u8) -> Columns {
        assert!(count <= COLUMNS_MAX, "a row has few columns");
        Columns((1 << count) - 1)
    }

    /// This one alone.
    ///
    /// # Panics
    /// Where it is [`COLUMNS_MAX`] or more.
    pub const fn only(column: u8) -> Columns {
        assert!(column < COLUMNS_MAX, "a row has few columns");
        Columns(1 << column)
    }

    /// Whether this one is among them.
    pub const fn contains(self, column: u8) -> bool {
        column < COLUMNS_MAX && self.0 >> column & 1 == 1
    }

    /// How many there are.
    pub const fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// Each, in order.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..COLUMNS_MAX).filter(move |column| self.contains(*column))
    }

    /// These and those.
    #[must_use]
    pub const fn with(self, others: Columns) -> Columns {
        Columns(self.0 | others.0)
    }
}

impl fmt::Display for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.iter().map(|column| format!("c{column}")).collect();
        write!(f, "{{{}}}", names.join(", "))
    }
}

impl fmt::Debug for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A value in each column of a row, or none.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row([u32; COLUMNS_MAX as usize]);

impl Row {
    /// One in which this column holds that, and the others what they hold in this one.
    ///
    /// # Panics
    /// Where there is no such column, or the value is 0 or 2^32 or more.
    #[must_use]
    pub fn with(mut self, column: u8, value: Value) -> Row {
        let small = u32::try_from(value.0).ok().filter(|small| *small > 0);
        self.0[usize::from(column)] = small.expect("values of rows are small dense numbers, from 1");
        self
    }

    /// What a column holds.
    pub fn get(self, column: u8) -> Option<Value> {
        let small = *self.0.get(usize::from(column))?;
        (small > 0).then_some(Value(small.into()))
    }

    /// Every column that holds something, with what.
    pub fn iter(self) -> impl Iterator<Item = (u8, Value)> {
        (0..COLUMNS_MAX).filter_map(move |column| Some((column, self.get(column)?)))
    }

    /// All of it in one number, for digests.
    pub(crate) fn word(self) -> u64 {
        self.0.iter().fold(0, |word: u64, value| word.rotate_left(20) ^ u64::from(*value))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.iter().map(|(column, value)| format!("c{column}: {value}")).collect();
        write!(f, "({})", names.join(", "))
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Items of a set, as many as there are.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Items(u64);

impl Items {
    /// Puts one in.
    ///
    /// # Panics
    /// Where it is [`ITEMS_MAX`] or more.
    pub fn insert(&mut self, item: Item) {
        assert!(item.0 < ITEMS_MAX, "an item is less than {ITEMS_MAX}");
        self.0 |= 1 << item.0;
    }

    /// Whether this one is there.
    pub const fn contains(self, item: Item) -> bool {
        item.0 < ITEMS_MAX && self.0 >> item.0 & 1 == 1
    }

    /// Each, in order.
    pub fn iter(self) -> impl Iterator<Item = Item> {
        (0..ITEMS_MAX).map(Item).filter(move |item| self.contains(*item))
    }

    /// A bit for each.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Those whose bits are set.
    pub const fn from_bits(bits: u64) -> Items {
        Items(bits)
    }
}

impl FromIterator<Item> for Items {
    fn from_iter<I: IntoIterator<Item = Item>>(items: I) -> Items {
        let mut all = Items::default();
        items.into_iter().for_each(|item| all.insert(item));
        all
    }
}

impl fmt::Display for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.iter().map(|item| item.to_string()).collect();
        write!(f, "{{{}}}", names.join(", "))
    }
}

impl fmt::Debug for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Several values: how many, and the first of them by name. An answer is of one size, and copied often.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Several {
    count: u32,
    first: [u32; Several::NAMED],
}

impl Several {
    /// How many are named.
    pub const NAMED: usize = 3;

    /// These, in this order.
    ///
    /// # Panics
    /// Where there are `2^32` or more, or the value of one of the first is.
    pub fn of(values: impl IntoIterator<Item = Value>) -> Several {
        let mut several = Several::default();
        for value in values {
            if let Some(place) = several.first.get_mut(several.count as usize) {
                *place = u32::try_from(value.0).expect("values are small dense numbers");
            }
            several.count = several.count.checked_add(1).expect("fewer than 2^32 values");
        }
        several
    }

    /// How many there are.
    pub const fn count(self) -> u32 {
        self.count
    }

    /// The first of them.
    pub fn named(self) -> impl Iterator<Item = Value> {
        self.first.into_iter().take(self.count as usize).map(|value| Value(value.into()))
    }
}

impl fmt::Display for Several {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<String> = self.named().map(|value| value.to_string()).collect();
        let more = (self.count as usize).saturating_sub(Several::NAMED);
        names.extend((more > 0).then(|| format!("{more} more")));
        write!(f, "[{}]", names.join(", "))
    }
}

impl fmt::Debug for Several {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_and_several_values_tell_what_was_put_in() {
        let items: Items = [Item(63), Item(0), Item(7), Item(0)].into_iter().collect();
        assert_eq!(items.iter().collect::<Vec<_>>(), [Item(0), Item(7), Item(63)]);
        assert_eq!((items.to_string(), items.contains(Item(1))), ("{i0, i7, i63}".into(), false));
        let several = |values: &[u64]| Several::of(values.iter().map(|value| Value(*value)));
        assert_eq!(several(&[]).to_string(), "[]");
        assert_eq!(several(&[9, 4]).to_string(), "[v9, v4]");
        assert_eq!(several(&[9, 4, 5, 6, 1]).to_string(), "[v9, v4, v5, 2 more]");
        assert_eq!((several(&[9, 4, 5, 6]).count(), several(&[9, 4, 5, 6]).named().count()), (4, 3));
    }
}
