//! States that may become the kept one: as of several points at and above the commit point, copy-on-write.
//!
//! Taken so that one lies not far below the lowest record that has not ended. A few are enough: what lies between it
//! and that record is converted once more after a crash, and not sent again.

use std::collections::VecDeque;

use tokio::time::{Duration, Instant};

use super::point::Point;
use crate::convert::State;

/// States at a time.
const MANY: usize = 6;
/// Time until the second one, and twice as long until each after it: what is changed after one is copied.
const FIRST: Duration = Duration::from_millis(25);
/// The same in records, where that is sooner, while there are few.
const RECORDS: usize = 64;
const FEW: usize = 5;

/// A record that a log is known by: its offset and a checksum of it.
pub(super) type Witness = (i64, u64);

/// The state as of a point.
#[derive(Clone, Debug)]
pub(super) struct Checkpoint {
    pub(super) point: Point,
    pub(super) state: State,
    /// The last record before the point.
    pub(super) witness: Option<Witness>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Checkpoints {
    list: VecDeque<Checkpoint>,
    records: usize,
    last: Instant,
}

impl Checkpoints {
    /// The state that a partition begins with.
    pub(super) fn new(first: Checkpoint, now: Instant) -> Self {
        Self {
            list: VecDeque::from([first]),
            records: 0,
            last: now,
        }
    }

    /// One more record was converted; whether it is time to take a state.
    pub(super) fn record(&mut self, now: Instant) -> bool {
        self.records += 1;
        let many = self.list.len();
        let times = 1 << (many - 1);
        now.duration_since(self.last) >= FIRST * times
            || many < FEW && self.records >= RECORDS * times as usize
    }

    /// Takes a state.
    pub(super) fn take(&mut self, checkpoint: Checkpoint, now: Instant) {
        (self.records, self.last) = (0, now);
        if self.list.len() >= MANY {
            self.thin();
        }
        self.list.push_back(checkpoint);
    }

    /// The last of them that lies within `open`. Those before it are dropped.
    pub(super) fn best(&mut self, open: Point) -> &Checkpoint {
        while self.list.len() > 1 && self.list[1].point.is_within(open) {
            self.list.pop_front();
        }
        &self.list[0]
    }

    /// Drops every second one but the first, which may be needed already, and the last.
    fn thin(&mut self) {
        let last = self.list.len() - 1;
        let mut at = 0;
        self.list.retain(|_| {
            at += 1;
            at == 1 || at - 1 == last || at % 2 == 1
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: i64) -> Checkpoint {
        Checkpoint {
            point: Point { offset, ticks: 0 },
            state: State::default(),
            witness: None,
        }
    }

    /// What is kept is the state as of the commit point or before it, never later.
    #[tokio::test(start_paused = true)]
    async fn the_best_is_the_last_at_or_below_the_lowest_open_record() {
        let mut checkpoints = Checkpoints::new(at(0), Instant::now());
        for offset in 1..=1000 {
            checkpoints.take(at(offset * 10), Instant::now());
        }
        assert!(checkpoints.list.len() <= MANY);
        let mut last = 0;
        for open in (0..=10_000).step_by(500) {
            let best = checkpoints
                .best(Point {
                    offset: open,
                    ticks: 0,
                })
                .point
                .offset;
            assert!(last <= best && best <= open);
            last = best;
        }
        assert_eq!(last, 10_000);
    }
}
