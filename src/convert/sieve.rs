//! Says of most ids that are new that they are: a Bloom filter.
//!
//! Bits are only ever set, so clones share them: what one adds the others take for known until they have looked.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::event::Id;

/// Ids per word of bits at most: then one in a hundred is taken for known that is new.
const FULL: usize = 4;

/// See the module. The one that holds nothing has no bits, and takes every id for known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sieve {
    words: Arc<[AtomicU64]>,
    added: usize,
}

impl Sieve {
    /// One that holds `ids`, which are so many, and as many again.
    pub(crate) fn over<'a>(ids: impl Iterator<Item = &'a Id>, many: usize) -> Self {
        let words = (2 * many / FULL).max(64);
        let mut sieve = Self {
            words: (0..words).map(|_| AtomicU64::new(0)).collect(),
            added: 0,
        };
        for id in ids {
            sieve.add(id);
        }
        sieve
    }

    /// Whether the id may be one of them.
    pub(crate) fn may_hold(&self, id: &Id) -> bool {
        self.place(id)
            .is_none_or(|(word, bits)| word.load(Ordering::Relaxed) & bits == bits)
    }

    /// Whether there was room for it.
    pub(crate) fn add(&mut self, id: &Id) -> bool {
        let Some((word, bits)) = self.place(id) else {
            return false;
        };
        word.fetch_or(bits, Ordering::Relaxed);
        self.added += 1;
        self.added < FULL * self.words.len()
    }

    /// Three bits of one word. Ids are hashes: their bytes say which.
    fn place(&self, id: &Id) -> Option<(&AtomicU64, u64)> {
        let Id([.., a, b, c, d, e, f, g]) = *id;
        let spread = u64::from(u32::from_be_bytes([a, b, c, d])) * self.words.len() as u64;
        let bits = [e, f, g].iter().fold(0, |bits, byte| bits | 1 << (byte & 63));
        Some((self.words.get((spread >> 32) as usize)?, bits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_was_added_and_takes_few_others_for_known() {
        let ids: Vec<Id> = (0..20_000u32).map(|n| Id::over(&[n.to_le_bytes()])).collect();
        let (known, others) = ids.split_at(10_000);
        let mut sieve = Sieve::over(known[..5000].iter(), 5000);
        assert!(known[5000..9999].iter().all(|id| sieve.add(id)));
        assert!(!sieve.add(&known[9999]), "it is full");
        assert!(known.iter().all(|id| sieve.may_hold(id)));
        let taken = others.iter().filter(|id| sieve.may_hold(id)).count();
        assert!(taken < 300, "{taken} of 10,000");
        assert!(Sieve::default().may_hold(&others[0]));
    }
}
