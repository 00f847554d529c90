//! Whether Genesys Cloud answers: one machine, pure, that says a loss and a return once each, however the line
//! flaps.
//!
//! In: every request's end, answered or not, and the time. Out: at most one [`Change`] per call. What an answer said
//! does not matter here; a 503 is an answer.
//!
//! ```text
//! untried ─▶ up ◀─▶ doubtful ─▶ down ◀─▶ returning ─▶ up
//! ```

use std::time::Duration;

use tokio::time::Instant;

/// A loss is said once so long nothing was answered, counted from the first failure ...
const LOST_AFTER: Duration = Duration::from_secs(10);
/// ... and so many requests in a row failed: one that was reset is no outage.
const FAILURES: u32 = 3;
/// A return is said once answers have come for so long without a failure among them.
const HOLD: Duration = Duration::from_secs(10);

/// What is worth an event in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Event 47000: nothing is answered any more, for so long.
    Lost(Duration),
    /// Event 47001: it is answered again, after so long.
    Restored(Duration),
}

/// The connection as the last requests showed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Connection {
    /// Nothing was asked yet.
    #[default]
    Untried,
    /// The last request was answered.
    Up,
    /// Requests failed, not yet often or long enough to say so.
    Doubtful {
        /// Whether there ever was an answer.
        was_up: bool,
        /// The first failure since the last answer.
        since: Instant,
        /// Failures since then.
        failures: u32,
    },
    /// Lost, and said so.
    Down {
        /// The first failure.
        since: Instant,
    },
    /// Lost, and answered again since; not yet long enough to say so.
    Returning {
        /// The first failure.
        since: Instant,
        /// The first answer.
        answered: Instant,
    },
}

impl Connection {
    /// A request was answered.
    pub(super) fn answered(&mut self, now: Instant) -> Option<Change> {
        match *self {
            Self::Untried | Self::Up | Self::Doubtful { .. } => *self = Self::Up,
            Self::Down { since } => *self = Self::Returning { since, answered: now },
            Self::Returning { .. } => return self.passed(now),
        }
        None
    }

    /// A request was not answered.
    pub(super) fn unanswered(&mut self, now: Instant) -> Option<Change> {
        let (was_up, since, failures) = match *self {
            Self::Untried => (false, now, 1),
            Self::Up => (true, now, 1),
            Self::Doubtful {
                was_up,
                since,
                failures,
            } => (was_up, since, failures.saturating_add(1)),
            Self::Down { since } | Self::Returning { since, .. } => {
                *self = Self::Down { since };
                return None;
            }
        };
        let silent = now.duration_since(since);
        if failures >= FAILURES && silent >= LOST_AFTER {
            *self = Self::Down { since };
            return Some(Change::Lost(silent));
        }
        *self = Self::Doubtful {
            was_up,
            since,
            failures,
        };
        None
    }

    /// Time went by: a return counts even if nothing was sent after its first answer.
    pub(super) fn passed(&mut self, now: Instant) -> Option<Change> {
        match *self {
            Self::Returning { since, answered } if now.duration_since(answered) >= HOLD => {
                *self = Self::Up;
                Some(Change::Restored(now.duration_since(since)))
            }
            _ => None,
        }
    }

    /// Whether there is a connection; `None`: nothing was answered yet, nor missed for long.
    pub(super) fn up(self) -> Option<bool> {
        match self {
            Self::Untried | Self::Doubtful { was_up: false, .. } => None,
            Self::Up | Self::Doubtful { was_up: true, .. } => Some(true),
            Self::Down { .. } | Self::Returning { .. } => Some(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn a_loss_and_a_return_are_said_once_each() {
        let (mut connection, start) = (Connection::default(), Instant::now());
        assert_eq!(connection.answered(start), None);
        let said: Vec<_> = (1..60)
            .filter_map(|second| connection.unanswered(after(start, second)))
            .collect();
        assert_eq!(said, [Change::Lost(LOST_AFTER)]);
        assert_eq!(connection.up(), Some(false));
        let said: Vec<_> = (60..120)
            .filter_map(|second| connection.answered(after(start, second)))
            .collect();
        assert_eq!(said, [Change::Restored(Duration::from_secs(69))]);
        assert_eq!(connection.up(), Some(true));
    }

    #[test]
    fn a_burst_of_failures_within_seconds_is_no_loss() {
        let (mut connection, start) = (Connection::default(), Instant::now());
        connection.answered(start);
        for _ in 0..1000 {
            assert_eq!(connection.unanswered(after(start, 9)), None);
        }
        assert_eq!(connection.up(), Some(true));
    }

    #[test]
    fn two_failures_far_apart_are_no_loss() {
        let (mut connection, start) = (Connection::default(), Instant::now());
        connection.answered(start);
        assert_eq!(connection.unanswered(after(start, 1)), None);
        assert_eq!(connection.unanswered(after(start, 3600)), None);
    }

    #[test]
    fn answers_among_failures_keep_it_up() {
        let (mut connection, start) = (Connection::default(), Instant::now());
        for second in 0..600 {
            let said = if second % 5 == 0 {
                connection.answered(after(start, second))
            } else {
                connection.unanswered(after(start, second))
            };
            assert_eq!(said, None, "second {second}");
        }
    }

    #[test]
    fn a_failure_during_a_return_begins_it_anew() {
        let (mut connection, start) = (
            Connection::Down {
                since: Instant::now(),
            },
            Instant::now(),
        );
        assert_eq!(connection.answered(start), None);
        assert_eq!(connection.unanswered(after(start, 9)), None);
        assert_eq!(connection.answered(after(start, 11)), None);
        assert_eq!(connection.answered(after(start, 20)), None);
        assert!(matches!(
            connection.answered(after(start, 21)),
            Some(Change::Restored(_))
        ));
    }

    #[test]
    fn a_lone_answer_that_holds_is_a_return() {
        let start = Instant::now();
        let mut connection = Connection::Down { since: start };
        assert_eq!(connection.answered(start), None);
        assert_eq!(connection.passed(after(start, 9)), None);
        assert!(connection.passed(after(start, 10)).is_some());
        assert_eq!(connection.passed(after(start, 11)), None);
    }

    #[test]
    fn an_organization_that_never_answered_is_lost_too_and_never_was_up() {
        let (mut connection, start) = (Connection::default(), Instant::now());
        assert_eq!(connection.up(), None);
        let said = [0, 5, 10].map(|second| connection.unanswered(after(start, second)));
        assert_eq!(said, [None, None, Some(Change::Lost(LOST_AFTER))]);
    }

    proptest! {
        #[test]
        fn losses_and_returns_alternate_and_keep_their_distance(
            ends in prop::collection::vec((any::<bool>(), 0..4_000_u64), 0..400)
        ) {
            let mut connection = Connection::default();
            let (mut now, mut last) = (Instant::now(), None);
            for (answered, pause) in ends {
                now += Duration::from_millis(pause);
                let change = if answered { connection.answered(now) } else { connection.unanswered(now) };
                let Some(change) = change else { continue };
                let lost = matches!(change, Change::Lost(_));
                match last {
                    None => prop_assert!(lost, "a return without a loss"),
                    Some((was_lost, at)) => {
                        prop_assert_ne!(lost, was_lost);
                        prop_assert!(now.duration_since(at) >= HOLD.min(LOST_AFTER));
                    }
                }
                last = Some((lost, now));
            }
        }
    }
}
