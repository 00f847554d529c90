//! The ids of the records that a site has had within `duplicate_window`, or a while longer, by stream time.
//!
//! There are many, each looked for and each in every snapshot: an id takes its 16 bytes, in sorted lists, each much
//! longer than the next. A clone shares them; what comes after it lies in others. Nearly all are new, and a sieve says so
//! without a look into the lists.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::sieve::Sieve;
use crate::event::Id;
use crate::time::Time;

/// A list is at least so many times as long as the next one.
const TIMES: usize = 8;
/// So many new ones become a list.
const NEW: usize = 512;

/// See the module.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Seen {
    /// By the minute in which the first of a span may have come.
    spans: BTreeMap<i64, Ids>,
    #[serde(skip)]
    sieve: Sieve,
}

/// The ids of a span.
#[derive(Clone, Debug, Default)]
struct Ids {
    lists: Vec<Arc<Vec<Id>>>,
    /// In no order.
    new: Arc<Vec<Id>>,
}

impl Seen {
    /// Whether `id` was seen before; remembers it for at least `window` milliseconds from `now`, which is stream time.
    pub(crate) fn before(&mut self, id: Id, now: Time, window: i64) -> bool {
        const MINUTE: i64 = 60_000;
        // Few spans, for each is looked into.
        let span = (window / MINUTE).max(1);
        let minute = now.millis() / MINUTE;
        let begun = minute - minute.rem_euclid(span);
        let gone = |begun: i64| begun + span < minute - span;
        while let Some(oldest) = self.spans.first_entry().filter(|ids| gone(*ids.key())) {
            oldest.remove();
            self.sieve = Sieve::default();
        }
        if self.sieve.may_hold(&id) && self.spans.values().any(|ids| ids.contain(&id)) {
            return true;
        }
        self.spans.entry(begun).or_default().insert(id);
        if !self.sieve.add(&id) {
            let many = self.spans.values().flat_map(Ids::iter).count();
            self.sieve = Sieve::over(self.spans.values().flat_map(Ids::iter), many);
        }
        false
    }
}

impl Ids {
    fn contain(&self, id: &Id) -> bool {
        self.new.contains(id) || self.lists.iter().any(|list| list.binary_search(id).is_ok())
    }

    fn insert(&mut self, id: Id) {
        let new = Arc::make_mut(&mut self.new);
        new.push(id);
        if new.len() < NEW {
            return;
        }
        let mut list = std::mem::take(new);
        let small = |last: &mut Arc<Vec<Id>>, list: &Vec<Id>| last.len() < TIMES * list.len();
        while let Some(last) = self.lists.pop_if(|last| small(last, &list)) {
            list.splice(0..0, last.iter().copied());
        }
        // Sorted pieces are put together in one pass.
        list.sort();
        self.lists.push(Arc::new(list));
    }

    fn iter(&self) -> impl Iterator<Item = &Id> {
        self.lists.iter().flat_map(|list| list.iter()).chain(&*self.new)
    }

    /// All of them, sorted.
    fn sorted(&self) -> Vec<Id> {
        let mut all: Vec<Id> = self.iter().copied().collect();
        all.sort();
        all
    }
}

impl Serialize for Ids {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.sorted().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Ids {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut list = Vec::<Id>::deserialize(deserializer)?;
        list.sort();
        let lists = vec![Arc::new(list)];
        Ok(Self {
            lists,
            ..Self::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn id(n: u16) -> Id {
        Id::over(&[n.to_le_bytes()])
    }

    proptest! {
        /// Rule 3: a clone knows what was seen up to then, and so does what is read of its bytes.
        #[test]
        fn a_clone_and_its_bytes_know_what_was(before in prop::collection::vec(0u16..3000, 0..2000), after in prop::collection::vec(0u16..3000, 0..500)) {
            let (mut ids, mut model) = (Ids::default(), HashSet::new());
            let take = |ids: &mut Ids, model: &mut HashSet<u16>, come: &[u16]| {
                for n in come {
                    assert_eq!(ids.contain(&id(*n)), !model.insert(*n));
                    if !ids.contain(&id(*n)) {
                        ids.insert(id(*n));
                    }
                }
            };
            take(&mut ids, &mut model, &before);
            let (clone, mut kept) = (ids.clone(), model.clone());
            take(&mut ids, &mut model, &after);
            let bytes = rmp_serde::to_vec(&clone).unwrap();
            let mut read: Ids = rmp_serde::from_slice(&bytes).unwrap();
            prop_assert_eq!(rmp_serde::to_vec(&read).unwrap(), bytes);
            for n in 0..3000 {
                prop_assert_eq!(ids.contain(&id(n)), model.contains(&n));
                prop_assert_eq!(clone.contain(&id(n)), kept.contains(&n));
            }
            take(&mut read, &mut kept, &after);
            prop_assert_eq!(rmp_serde::to_vec(&read).unwrap(), rmp_serde::to_vec(&ids).unwrap());
        }

        /// However many there are, few lists are looked into.
        #[test]
        fn there_are_few_lists(many in 0usize..20_000) {
            let mut ids = Ids::default();
            (0..many).for_each(|n| ids.insert(Id::over(&[n.to_le_bytes()])));
            prop_assert!(ids.lists.windows(2).all(|two| two[0].len() >= TIMES * two[1].len()));
            prop_assert_eq!(ids.sorted().len(), many);
        }
    }
}
