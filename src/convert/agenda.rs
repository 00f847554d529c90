//! What happens when, in order: cheap to clone and cheap to change, like the maps beside it.
//!
//! The entries lie sorted in short pieces; a change after a clone copies the list of pieces and one of them.

use std::sync::Arc;

use crate::event::Name;
use crate::time::Time;

/// A piece with so many entries becomes two before one more comes.
const MOST: usize = 64;

type Entry = (Time, Name);

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agenda {
    /// None is empty.
    pieces: Arc<Vec<Arc<Vec<Entry>>>>,
}

impl Agenda {
    /// When the first is due.
    pub(crate) fn first(&self) -> Option<Time> {
        let (time, _) = self.pieces.first()?.first()?;
        Some(*time)
    }

    pub(crate) fn insert(&mut self, entry: Entry) {
        let pieces = Arc::make_mut(&mut self.pieces);
        if pieces.is_empty() {
            return pieces.push(Arc::new(vec![entry]));
        }
        let at = place(pieces, &entry).unwrap_or_default();
        let piece = Arc::make_mut(&mut pieces[at]);
        let Err(within) = piece.binary_search(&entry) else {
            return;
        };
        if piece.len() < MOST {
            return piece.insert(within, entry);
        }
        if within == MOST {
            // Most come at the end: what is full and in order stays full.
            return pieces.insert(at + 1, Arc::new(vec![entry]));
        }
        let mut rest = piece.split_off(MOST / 2);
        match within.checked_sub(MOST / 2) {
            Some(within) => rest.insert(within, entry),
            None => piece.insert(within, entry),
        }
        pieces.insert(at + 1, Arc::new(rest));
    }

    pub(crate) fn remove(&mut self, entry: &Entry) {
        let Some(at) = place(&self.pieces, entry) else {
            return;
        };
        let Ok(within) = self.pieces[at].binary_search(entry) else {
            return;
        };
        self.take(at, within);
    }

    pub(crate) fn pop_first(&mut self) -> Option<Entry> {
        self.first()?;
        Some(self.take(0, 0))
    }

    fn take(&mut self, at: usize, within: usize) -> Entry {
        let pieces = Arc::make_mut(&mut self.pieces);
        let piece = Arc::make_mut(&mut pieces[at]);
        let entry = piece.remove(within);
        if piece.is_empty() {
            pieces.remove(at);
        }
        entry
    }

    fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.pieces.iter().flat_map(|piece| piece.iter())
    }
}

/// The piece that has the entry, or would; none where it comes before all.
fn place(pieces: &[Arc<Vec<Entry>>], entry: &Entry) -> Option<usize> {
    let after = |piece: &Arc<Vec<Entry>>| piece.first().is_some_and(|first| first <= entry);
    pieces.partition_point(after).checked_sub(1)
}

impl serde::Serialize for Agenda {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> serde::Deserialize<'de> for Agenda {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut entries = Vec::<Entry>::deserialize(deserializer)?;
        entries.sort_unstable();
        entries.dedup();
        let pieces = entries.chunks(MOST).map(|piece| Arc::new(piece.to_vec()));
        Ok(Self {
            pieces: Arc::new(pieces.collect()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        /// Deadlines end in their order, and what a clone holds is the state as of the clone (rule 3).
        #[test]
        fn it_is_an_ordered_set(changes in prop::collection::vec((0i64..40, 0u8..9, 0u8..4), 0..900), at in 0usize..900) {
            let (mut agenda, mut model) = (Agenda::default(), BTreeSet::new());
            let mut kept = None;
            for (n, (time, name, what)) in changes.into_iter().enumerate() {
                if n == at {
                    kept = Some((agenda.clone(), model.clone()));
                }
                let entry = (Time::from_millis(time), Name::from(name.to_string()));
                match what {
                    0 => {
                        agenda.remove(&entry);
                        model.remove(&entry);
                    }
                    1 if time < 8 => prop_assert_eq!(agenda.pop_first(), model.pop_first()),
                    _ => {
                        agenda.insert(entry.clone());
                        model.insert(entry);
                    }
                }
                prop_assert_eq!(agenda.first(), model.first().map(|(time, _)| *time));
            }
            for (agenda, model) in kept.into_iter().chain([(agenda, model)]) {
                let read: Agenda = serde_json::from_str(&serde_json::to_string(&agenda).unwrap()).unwrap();
                prop_assert!(agenda.iter().eq(&model));
                prop_assert!(read.iter().eq(&model));
            }
        }
    }
}
