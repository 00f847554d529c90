//! Whether the agent's own loops go round. Checks nothing outside of the process.
//!
//! A loop holds a [`Heart`] and beats it each time round, also when there is nothing to do. One that stays silent
//! longer than it promised, or ends in a panic, is wedged. One that ends in order is forgotten.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What a heart that ended in a panic stands at: it never beats again.
const DEAD: u64 = u64::MAX;

/// All hearts of the agent. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Alive {
    started: Instant,
    hearts: Arc<Mutex<Vec<Kept>>>,
}

#[derive(Clone, Debug)]
struct Kept {
    name: &'static str,
    within: Duration,
    // Milliseconds after `started`.
    last: Arc<AtomicU64>,
}

/// The heart of one loop.
#[derive(Debug)]
pub struct Heart {
    all: Alive,
    last: Arc<AtomicU64>,
}

impl Default for Alive {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            hearts: Arc::default(),
        }
    }
}

impl Alive {
    pub(super) fn heart(&self, name: &'static str, within: Duration) -> Heart {
        let last = Arc::new(AtomicU64::new(self.passed()));
        self.hearts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Kept {
                name,
                within,
                last: Arc::clone(&last),
            });
        Heart {
            all: self.clone(),
            last,
        }
    }

    /// A sentence for each loop that is wedged.
    pub(super) fn wedged(&self) -> Vec<String> {
        let now = self.passed();
        let hearts = self.hearts.lock().unwrap_or_else(PoisonError::into_inner);
        let wedged = hearts.iter().filter_map(|heart| {
            let last = heart.last.load(Ordering::Relaxed);
            if last == DEAD {
                return Some(format!("{} ended by a fault", heart.name));
            }
            let silent = Duration::from_millis(now.saturating_sub(last));
            let seconds = silent.as_secs();
            (silent > heart.within).then(|| format!("{} has not moved for {seconds} s", heart.name))
        });
        wedged.collect()
    }

    /// Whether there is any heart.
    pub(super) fn any(&self) -> bool {
        !self
            .hearts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty()
    }

    fn passed(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(DEAD - 1)
    }
}

impl Heart {
    /// The loop goes round.
    pub fn beat(&self) {
        self.last.store(self.all.passed(), Ordering::Relaxed);
    }
}

impl Drop for Heart {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.last.store(DEAD, Ordering::Relaxed);
            return;
        }
        let mut hearts = self.all.hearts.lock().unwrap_or_else(PoisonError::into_inner);
        hearts.retain(|heart| !Arc::ptr_eq(&heart.last, &self.last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WITHIN: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_heart_that_stops_is_wedged_until_it_beats_again() {
        let alive = Alive::default();
        let (heart, other) = (alive.heart("reading", WITHIN), alive.heart("sending", WITHIN));
        tokio::time::advance(WITHIN).await;
        assert!(alive.wedged().is_empty());
        other.beat();
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(alive.wedged(), ["reading has not moved for 31 s"]);
        heart.beat();
        assert!(alive.wedged().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_ends_in_order_is_forgotten() {
        let alive = Alive::default();
        drop(alive.heart("reading", WITHIN));
        tokio::time::advance(WITHIN * 10).await;
        assert!(alive.wedged().is_empty() && !alive.any());
    }

    #[tokio::test]
    async fn a_loop_that_panics_is_wedged_for_good() {
        let alive = Alive::default();
        let heart = alive.heart("reading", WITHIN);
        let ended = tokio::spawn(async move {
            heart.beat();
            panic!("this panic is part of the test");
        });
        assert!(ended.await.is_err());
        assert_eq!(alive.wedged(), ["reading ended by a fault"]);
    }
}
