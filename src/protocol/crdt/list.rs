//! The order of a list, and which tombstones nobody needs.
//!
//! Each element has the one that it was inserted behind, so that a list is a tree, and its order is that of the tree: an element, then all
//! that is behind it, those with the higher turn first. Turns are by node where they are equal, so that every copy with the same
//! elements has one order; it is that of RGA. A tombstone is in the way of nobody once it has no elements behind it and every
//! copy is known to have the removal: whoever inserts from then on does not see it. Sources: Roh, Jeon, Kim, Lee, *Replicated Abstract
//! Data Types*, JPDC 71(3), 2011 (RGA); Attiya et al., *Specification and Complexity of Collaborative Text Editing*, PODC 2016 (the tree).
//! Next: `store.rs`.

use std::collections::BTreeMap;

use super::dots::{Dots, Element};
use super::{Dot, VersionVector};
use crate::id::Value;

/// The elements of a list that are not tombstones, in order.
pub(super) fn order(list: &Dots) -> Vec<(Dot, Value)> {
    let mut behind: BTreeMap<Option<Dot>, Vec<(u64, Dot)>> = BTreeMap::new();
    for (dot, element) in list.elements() {
        behind.entry(element.after).or_default().push((element.turn, dot));
    }
    behind.values_mut().for_each(|elements| elements.sort_unstable());
    // The last of these comes next.
    let mut open: Vec<Dot> = Vec::new();
    let mut push = |open: &mut Vec<Dot>, after: Option<Dot>| {
        open.extend(behind.remove(&after).into_iter().flatten().map(|(_, dot)| dot));
    };
    push(&mut open, None);
    let mut order = Vec::new();
    while let Some(dot) = open.pop() {
        push(&mut open, Some(dot));
        if let Some(super::Entry::Element(Element { name, gone: None, .. })) = list.get(dot) {
            order.push((dot, *name));
        }
    }
    order
}

/// The turn of an element that comes after all that are there.
pub(super) fn next_turn(list: &Dots) -> u64 {
    1 + list.elements().map(|(_, element)| element.turn).max().unwrap_or(0)
}

/// The tombstones that are in the way of nobody, when every copy is known to have seen this.
pub(super) fn collectable(list: &Dots, seen_by_all: &VersionVector) -> Vec<Dot> {
    let mut behind: BTreeMap<Dot, usize> = BTreeMap::new();
    for after in list.elements().filter_map(|(_, element)| element.after) {
        *behind.entry(after).or_default() += 1;
    }
    let is_stable = |element: &Element| element.gone.is_some_and(|by| seen_by_all.has(by));
    let mut found: Vec<Dot> = Vec::new();
    let leaves = list.elements().filter(|(dot, element)| is_stable(element) && !behind.contains_key(dot));
    let mut open: Vec<Dot> = leaves.map(|(dot, _)| dot).collect();
    while let Some(dot) = open.pop() {
        found.push(dot);
        // The one before it may have been waiting for that.
        let Some(super::Entry::Element(Element { after: Some(after), .. })) = list.get(dot) else { continue };
        let left = behind.get_mut(after).expect("it was counted");
        *left -= 1;
        if *left == 0
            && let Some(super::Entry::Element(before)) = list.get(*after)
            && is_stable(before)
        {
            open.push(*after);
        }
    }
    found
}
