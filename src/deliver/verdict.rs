//! What an accepted answer means for each event of its request. Pure: time and randomness are arguments.
//!
//! Events that `errors` does not name are accepted. An entry that names no event of the request leaves open which
//! one it speaks of. It is no riddle where there are as many such entries as events that they can speak of; else
//! those events are sent again, with the same ids, in halves.

use std::time::Duration;

use tokio::time::Instant;

use super::backoff::Backoff;
use super::queue::{Entry, Fate, Why};
use crate::genesys::{EventError, Reply};

/// What to judge by.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    pub(super) now: Instant,
    pub(super) backoff: Backoff,
    /// How long an event is sent again that alone is refused as retryable.
    pub(super) event_retry_for: Duration,
    /// When an event was last accepted, before this answer.
    pub(super) last_accepted: Option<Instant>,
}

/// Events and what becomes of them.
#[derive(Default)]
pub(super) struct Judged {
    pub(super) fates: Vec<(Entry, Fate)>,
    /// Nobody knows whether these were taken.
    pub(super) unknown: Vec<Entry>,
    /// How many were accepted.
    pub(super) accepted: usize,
}

/// Judges the events of a request that was accepted but for `errors`.
pub(super) fn judge(
    entries: Vec<Entry>,
    errors: &[EventError],
    reply: &Reply,
    terms: Terms,
    mut random: impl FnMut() -> f64,
) -> Judged {
    let mut judged = Judged {
        fates: Vec::with_capacity(entries.len()),
        ..Judged::default()
    };
    if errors.is_empty() {
        judged.accepted = entries.len();
        judged
            .fates
            .extend(entries.into_iter().map(|entry| (entry, Fate::Accepted)));
        return judged;
    }
    let of = |entry: &Entry| {
        errors
            .iter()
            .find(|error| error.event_id == Some(entry.item.event.id))
    };
    let nameless: Vec<&EventError> = errors
        .iter()
        .filter(|error| {
            !entries
                .iter()
                .any(|entry| error.event_id == Some(entry.item.event.id))
        })
        .collect();
    let unnamed = entries.iter().filter(|entry| of(entry).is_none()).count();
    let alike = nameless
        .iter()
        .all(|error| error.retryable == nameless[0].retryable);
    let all = ((alike || unnamed == 1) && nameless.len() >= unnamed)
        .then(|| nameless.first().copied())
        .flatten();
    let mut refused = Vec::new();
    for entry in entries {
        match of(&entry).or(all) {
            Some(error) => refused.push((entry, error)),
            None if nameless.is_empty() => judged.fates.push((entry, Fate::Accepted)),
            None => judged.unknown.push(entry),
        }
    }
    judged.accepted = judged.fates.len();
    let last_accepted = if judged.accepted > 0 {
        Some(terms.now)
    } else {
        terms.last_accepted
    };
    for (mut entry, error) in refused {
        let why = || Why {
            status: reply.status,
            message: error.message.clone(),
            correlation_id: reply.correlation_id.clone(),
        };
        let fate = if error.retryable && patient(&mut entry, last_accepted, terms) {
            Fate::Later(terms.now + terms.backoff.pause(entry.patience.refusals, random()))
        } else {
            Fate::Refused(why())
        };
        judged.fates.push((entry, fate));
    }
    judged
}

/// Counts a refusal as retryable; whether the event may come again.
fn patient(entry: &mut Entry, last_accepted: Option<Instant>, terms: Terms) -> bool {
    let patience = &mut entry.patience;
    patience.refusals = patience.refusals.saturating_add(1);
    if let Some(last) = patience.last
        && last_accepted.is_some_and(|accepted| accepted > last)
    {
        patience.alone += terms.now.saturating_duration_since(last);
    }
    patience.last = Some(terms.now);
    patience.alone < terms.event_retry_for
}
