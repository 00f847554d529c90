//! What refused events would have made, per key: later events that need it go with them.
//!
//! A key is remembered until a day has passed without an event of it: no conversation that still goes on is silent
//! for so long.

use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::time::Instant;

use crate::event::{Event, Id, Key, Lane};

/// How long a key without events is remembered.
const KEPT: Duration = Duration::from_hours(24);
/// How often keys are looked through for those to forget.
const SWEEP: Duration = Duration::from_mins(10);

/// Something that a refused event would have made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Missing {
    /// The lane of the event.
    pub lane: Lane,
    /// Its key.
    pub key: Key,
    /// What it would have made.
    pub made: Id,
    /// Its eventId.
    pub cause: Id,
}

/// The keys of a lane that miss something.
#[derive(Default)]
pub(super) struct Memory {
    keys: FxHashMap<Key, Known>,
    swept: Option<Instant>,
}

struct Known {
    /// What is missing → the eventId of the refused event that would have made it.
    made: FxHashMap<Id, Id>,
    touched: Instant,
}

impl Memory {
    /// Whether there is anything to ask for.
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Remembers that `event` was refused; whether anything can miss it.
    pub(super) fn refused(&mut self, event: &Event, now: Instant) -> bool {
        self.sweep(now);
        let Some(made) = event.makes else {
            return false;
        };
        self.remember(event.key, made, event.id, now);
        true
    }

    /// Remembers an event that was refused before a restart.
    pub(super) fn recall(&mut self, missing: &Missing, now: Instant) {
        self.remember(missing.key, missing.made, missing.cause, now);
    }

    fn remember(&mut self, key: Key, made: Id, cause: Id, now: Instant) {
        let known = self.keys.entry(key).or_insert_with(|| Known {
            made: FxHashMap::default(),
            touched: now,
        });
        known.touched = now;
        known.made.insert(made, cause);
    }

    /// The refused event that `event` depends on.
    pub(super) fn missing(&mut self, event: &Event, now: Instant) -> Option<Id> {
        let missing = self.keys.get_mut(&event.key)?;
        missing.touched = now;
        event
            .needs
            .iter()
            .find_map(|need| missing.made.get(need).copied())
    }

    /// Forgets what `event`, accepted or sent anew, makes after all.
    pub(super) fn comes(&mut self, event: &Event) {
        if let Some(made) = event.makes
            && let Some(missing) = self.keys.get_mut(&event.key)
        {
            missing.made.remove(&made);
            if missing.made.is_empty() {
                self.keys.remove(&event.key);
            }
        }
    }

    fn sweep(&mut self, now: Instant) {
        let swept = *self.swept.get_or_insert(now);
        if now < swept + SWEEP {
            return;
        }
        self.swept = Some(now);
        self.keys.retain(|_, missing| now < missing.touched + KEPT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::tests::{event, id};

    #[test]
    fn a_key_is_forgotten_after_a_day_without_an_event() {
        let mut memory = Memory::default();
        let start = Instant::now();
        let (mut maker, mut user) = (event(1, 1), event(1, 2));
        maker.makes = Some(id(9));
        user.needs = [id(9)].into();
        assert!(memory.refused(&maker, start));
        assert_eq!(memory.missing(&user, start + KEPT / 2), Some(maker.id));
        let mut other = event(2, 1);
        other.makes = Some(id(8));
        memory.refused(&other, start + KEPT);
        assert_eq!(
            memory.missing(&user, start + KEPT),
            Some(maker.id),
            "an event came within the day"
        );
        memory.refused(&other, start + KEPT * 3);
        assert_eq!(memory.missing(&user, start + KEPT * 3), None);
    }

    #[test]
    fn what_is_accepted_after_all_is_missed_no_more() {
        let mut memory = Memory::default();
        let now = Instant::now();
        let (mut maker, mut user) = (event(1, 1), event(1, 2));
        maker.makes = Some(id(9));
        user.needs = [id(9)].into();
        memory.refused(&maker, now);
        memory.comes(&maker);
        assert!(memory.missing(&user, now).is_none() && memory.is_empty());
    }
}
