//! Drafts that wait for a name, and what follows them in their keys.
//!
//! A name is waited for from the moment it was first missed; then it is given up for all who wait for it. What comes
//! after in a key waits behind its head, so that order is kept; other keys go on.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;
use tokio::time::{Duration, Instant};

use super::origin::Origin;
use crate::event::{Draft, Key, Lane};
use crate::names::{Missing, Resolved};

/// When an overdue name is looked at again.
const AGAIN: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Held {
    lines: FxHashMap<(Lane, Key), Line>,
    /// Since when each name is missed.
    missed: FxHashMap<Missing, Instant>,
}

#[derive(Debug)]
struct Line {
    drafts: VecDeque<(Origin, Draft)>,
    missing: Vec<Missing>,
}

impl Held {
    /// Whether a draft of this key must wait behind others.
    pub(super) fn has(&self, lane: Lane, key: Key) -> bool {
        !self.lines.is_empty() && self.lines.contains_key(&(lane, key))
    }

    /// Puts a draft behind those of its key.
    pub(super) fn push(&mut self, origin: Origin, draft: Draft) {
        if let Some(line) = self.lines.get_mut(&(draft.lane(), draft.key)) {
            line.drafts.push_back((origin, draft));
        }
    }

    /// A draft begins to wait for `missing`; gives back the names that nobody missed before.
    pub(super) fn begin(
        &mut self,
        origin: Origin,
        draft: Draft,
        missing: Vec<Missing>,
        now: Instant,
    ) -> Vec<Missing> {
        let new = self.miss(&missing, now);
        let key = (draft.lane(), draft.key);
        let drafts = VecDeque::from([(origin, draft)]);
        self.lines.insert(key, Line { drafts, missing });
        new
    }

    fn miss(&mut self, missing: &[Missing], now: Instant) -> Vec<Missing> {
        let mut new = Vec::new();
        for name in missing {
            if !self.missed.contains_key(name) {
                self.missed.insert(name.clone(), now);
                new.push(name.clone());
            }
        }
        new
    }

    /// Names that were missed for `patience` and that the organization is known not to have. As long as they are
    /// waited for, they are looked at again a moment later, like those that nobody could be asked for.
    pub(super) fn overdue(
        &mut self,
        now: Instant,
        patience: Duration,
        denied: impl Fn(&Missing) -> bool,
    ) -> Vec<Missing> {
        let mut over = Vec::new();
        for (name, since) in &mut self.missed {
            if now.duration_since(*since) < patience {
                continue;
            }
            if denied(name) {
                over.push(name.clone());
            }
            *since = (now + AGAIN).checked_sub(patience).unwrap_or(now);
        }
        over
    }

    /// Since when the longest missed name is missed.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.missed.values().min().copied()
    }

    /// Asks again for every line: `resolve` says what becomes of its head, until one waits. Gives back what waits no
    /// more, in the order of its key, and the names newly missed.
    pub(super) fn retry(
        &mut self,
        now: Instant,
        mut resolve: impl FnMut(&Draft) -> Resolved,
    ) -> (Vec<(Origin, Resolved)>, Vec<Missing>) {
        let (mut freed, mut new) = (Vec::new(), Vec::new());
        let lines = std::mem::take(&mut self.lines);
        for (key, mut line) in lines {
            while let Some((origin, draft)) = line.drafts.front() {
                match resolve(draft) {
                    Resolved::Waits(missing) => {
                        new.extend(self.miss(&missing, now));
                        line.missing = missing;
                        break;
                    }
                    resolved => freed.push((*origin, resolved)),
                }
                line.drafts.pop_front();
            }
            if !line.drafts.is_empty() {
                self.lines.insert(key, line);
            }
        }
        let lines = &self.lines;
        self.missed
            .retain(|name, _| lines.values().any(|line| line.missing.contains(name)));
        (freed, new)
    }
}
