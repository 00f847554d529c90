//! When it was last proven that a partition is this agent's, and when that is to be proven anew (rule 8).
//!
//! A proof is a commit that Kafka took from this member of the group, and it is as old as the commit's beginning: a
//! member that was put out commits nothing any more, so whoever slept through its session proves nothing when it
//! wakes. Kafka waits for a member for a session from its last sign of life, of which a commit is one (with the group
//! protocol `consumer` a heartbeat, three of which fit into a session). Events leave for two thirds of a session from
//! a proof, so the partition has no other owner by then. A third in which to prove anew lies ahead of that end: commits
//! that are due anyway do it, and where none is, the last one is said again.
//!
//! An assignment is no proof: it was given at a time that nobody here has seen. The first events wait for the first
//! commit, some milliseconds. What remains: a request that is just leaving as the process is stopped leaves when it
//! wakes; and a member that Kafka puts out before its session ends, for it took too long to follow a rebalance
//! (`max.poll.interval.ms`), has two thirds of a session left.

use tokio::time::{Duration, Instant};

/// See the module.
#[derive(Debug)]
pub(super) struct Proof {
    session: Duration,
    last: Option<Instant>,
}

impl Proof {
    /// Nothing is proven yet. `session`: how long Kafka waits for a member that it does not hear from.
    pub(super) fn new(session: Duration) -> Self {
        Self { session, last: None }
    }

    /// How long a proof counts.
    pub(super) fn term(session: Duration) -> Duration {
        session * 2 / 3
    }

    /// Kafka has taken a commit that was begun then.
    pub(super) fn is(&mut self, begun: Instant) {
        self.last = self.last.max(Some(begun));
    }

    /// The last one.
    pub(super) fn last(&self) -> Option<Instant> {
        self.last
    }

    /// When the next one is needed by events that wait; none: it is needed now.
    pub(super) fn due(&self) -> Option<Instant> {
        self.last.map(|last| last + self.session / 3)
    }
}
