//! The memory bound, in bytes: whoever reads takes from it, whoever has finished with a record gives back.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bytes that may be out at a time. Shared by all partitions.
#[derive(Debug)]
pub struct Credits {
    bound: usize,
    state: Mutex<State>,
    given: Condvar,
}

#[derive(Debug, Default)]
struct State {
    used: usize,
    /// Of them, those of records that nobody has read yet.
    unread: usize,
    /// Those of events that wait for Genesys Cloud.
    delivering: usize,
    /// Whether they wait for its budget.
    scarce: bool,
    /// Whether somebody waits for more.
    starved: bool,
    /// So much: zero where nobody waits to be woken.
    wanted: usize,
    /// Whether somebody waits for less to lie about.
    reads_up: bool,
}

impl State {
    /// Whether more than a small part of `bound` is unread, or more than an eighth waits for Genesys Cloud. While the
    /// budget is what events wait for, more of them make requests fuller: then all of the bound is for them.
    fn lies_about(&self, bound: usize) -> bool {
        self.unread > bound / 32 || !self.scarce && self.delivering > bound / 8
    }
}

impl Credits {
    /// Nothing is out yet.
    pub fn new(bound: usize) -> Self {
        Self {
            bound,
            state: Mutex::default(),
            given: Condvar::new(),
        }
    }

    /// Takes `bytes`, waiting up to `patience` for them; whether they were taken. Where nothing is out any amount is
    /// given: a record larger than the bound must pass all the same.
    pub fn take(&self, bytes: usize, patience: Duration) -> bool {
        let full = |state: &mut State| {
            state.starved = state.used > 0 && state.used.saturating_add(bytes) > self.bound;
            state.wanted = if state.starved { bytes } else { 0 };
            state.starved
        };
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut state, _) = self
            .given
            .wait_timeout_while(state, patience, full)
            .unwrap_or_else(PoisonError::into_inner);
        if state.starved {
            return false;
        }
        state.used += bytes;
        true
    }

    /// Takes `bytes` whether or not they are there: for what was made of records already read.
    pub fn take_more(&self, bytes: usize) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).used += bytes;
    }

    /// Whoever waited for more has no use for it any longer.
    pub(super) fn rest(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).starved = false;
    }

    /// Gives back. Whoever waits is woken once there is room to spare: not for every little.
    pub fn give(&self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        debug_assert!(state.used >= bytes, "no more is given back than was taken");
        state.used = state.used.saturating_sub(bytes);
        let room = state.used == 0 || state.used.saturating_add(state.wanted) <= self.bound / 8 * 7;
        if state.wanted > 0 && room {
            state.wanted = 0;
            drop(state);
            self.given.notify_all();
        }
    }

    /// So many bytes of events wait for Genesys Cloud where `before` did; whether they wait for its budget.
    pub fn delivering(&self, before: usize, now: usize, scarce: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.delivering = (state.delivering + now).saturating_sub(before);
        state.scarce = scarce;
        self.let_read(state);
    }

    /// Waits while much of what was handed over lies about, up to `patience`: more would only lie there too.
    pub(super) fn read_up(&self, patience: Duration) {
        let much = |state: &mut State| {
            state.reads_up = state.lies_about(self.bound);
            state.reads_up
        };
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self.given.wait_timeout_while(state, patience, much);
    }

    fn let_read(&self, mut state: MutexGuard<'_, State>) {
        if state.reads_up && !state.lies_about(self.bound / 2) {
            state.reads_up = false;
            drop(state);
            self.given.notify_all();
        }
    }

    /// Bytes that are out.
    pub fn used(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).used
    }

    /// Whether reading stands still because the bound is reached.
    pub fn starved(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).starved
    }

    /// Bytes that may be out.
    pub fn bound(&self) -> usize {
        self.bound
    }
}

/// The bytes of a chunk, until it has been read and is dropped.
#[derive(Debug, Default)]
pub struct Backlog(Option<(Arc<Credits>, usize)>);

impl Backlog {
    pub(super) fn new(credits: Arc<Credits>, bytes: usize) -> Self {
        let mut state = credits.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.unread += bytes;
        drop(state);
        Self(Some((credits, bytes)))
    }
}

impl Drop for Backlog {
    fn drop(&mut self) {
        if let Some((credits, bytes)) = self.0.take() {
            let mut state = credits.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.unread = state.unread.saturating_sub(bytes);
            credits.let_read(state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    #[test]
    fn no_more_is_out_than_the_bound_but_for_a_single_record() {
        let credits = Credits::new(100);
        assert!(credits.take(60, NOW));
        assert!(!credits.take(60, NOW) && credits.starved());
        credits.give(60);
        assert!(
            credits.take(500, NOW) && !credits.starved(),
            "alone it may be larger"
        );
        assert!(!credits.take(1, NOW));
        assert_eq!((credits.used(), credits.bound()), (500, 100));
    }

    /// Rule 5: what lies between reading and conversion is a part of the bound, however slow conversion is.
    #[test]
    fn reading_waits_while_much_is_unread() {
        let credits = Arc::new(Credits::new(80));
        let chunk = Backlog::new(credits.clone(), 11);
        let waited = |patience| {
            let began = tokio::time::Instant::now();
            credits.read_up(patience);
            began.elapsed()
        };
        let little = Duration::from_millis(20);
        assert!(waited(little) >= little, "it waits, and not for ever");
        drop(chunk);
        let long = Duration::from_secs(600);
        assert!(waited(long) < long);
    }

    /// Events that wait for Genesys Cloud hold reading up too, but where only the budget does.
    #[test]
    fn reading_goes_ahead_of_the_budget_and_of_nothing_else() {
        let credits = Credits::new(80);
        let (little, long) = (Duration::from_millis(20), Duration::from_secs(600));
        let waits = |patience| {
            let began = tokio::time::Instant::now();
            credits.read_up(patience);
            began.elapsed() >= patience
        };
        credits.delivering(0, 11, false);
        assert!(waits(little));
        credits.delivering(11, 11, true);
        assert!(!waits(long));
        credits.delivering(11, 10, false);
        assert!(!waits(long));
    }

    #[test]
    fn whoever_waits_is_woken_by_what_is_given_back() {
        let credits = std::sync::Arc::new(Credits::new(10));
        assert!(credits.take(10, NOW));
        let other = credits.clone();
        let waiting = std::thread::spawn(move || other.take(5, Duration::from_secs(60)));
        credits.give(10);
        assert!(waiting.join().unwrap());
    }
}
