//! Until when an owner may send (rule 8): for a term from the last proof that its partition is its own.
//!
//! A process that was stopped learns late that somebody else took over. It looks at its lease before it looks at
//! anything else: that has ended meanwhile, whatever it was about to send, and only a proof makes a new one. What is
//! in flight is beyond its reach. The clock is the machine's own and never goes back; while the whole machine sleeps
//! it may stand still, and the lease with it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// See the module.
#[derive(Debug)]
pub(super) struct Lease {
    term: Duration,
    /// None before the first proof.
    until: Mutex<Option<Instant>>,
}

impl Lease {
    /// Nothing is proven yet. A proof counts for `term`.
    pub(super) fn new(term: Duration) -> Self {
        Self {
            term,
            until: Mutex::default(),
        }
    }

    /// Whether its owner may send.
    pub(super) fn holds(&self, now: Instant) -> bool {
        self.until().is_some_and(|until| now < until)
    }

    /// Takes a proof of that time; whether the lease did not hold without it.
    pub(super) fn renew(&self, proven: Instant, now: Instant) -> bool {
        let mut until = self.until();
        let held = until.is_some_and(|until| now < until);
        *until = (*until).max(Some(proven + self.term));
        !held
    }

    fn until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_counts_from_its_own_time_and_an_older_one_takes_nothing_back() {
        let (begun, second) = (Instant::now(), Duration::from_secs(1));
        let lease = Lease::new(4 * second);
        assert!(!lease.holds(begun), "nothing is proven");
        assert!(lease.renew(begun, begun + 3 * second));
        assert!(lease.holds(begun + 3 * second) && !lease.holds(begun + 4 * second));
        assert!(!lease.renew(begun + second, begun + 3 * second));
        assert!(!lease.renew(begun, begun + 3 * second));
        assert!(lease.holds(begun + 4 * second) && !lease.holds(begun + 5 * second));
        assert!(lease.renew(begun + 2 * second, begun + 5 * second));
    }
}
