//! How stream time goes on in a partition to which nobody writes: with the clock, a moment behind it.

use tokio::time::{Duration, Instant};

use crate::time::Time;

/// A record may be on its way for so long.
const BEHIND: Duration = Duration::from_millis(250);

/// Since when a partition is quiet.
#[derive(Clone, Copy, Debug)]
pub struct Quiet {
    since: Instant,
}

impl Quiet {
    /// It was just read.
    pub fn new() -> Self {
        Self {
            since: Instant::now(),
        }
    }

    /// How far stream time could go, now that everything was read and the last record or tick made it `stream`.
    pub fn now(&self, stream: Time) -> Option<Time> {
        if stream.millis() == 0 {
            return None;
        }
        let passed = self.since.elapsed().checked_sub(BEHIND)?;
        Some(stream.plus(super::settings::millis(passed)))
    }

    /// How far stream time goes; from there on the clock counts anew.
    pub fn tick(&mut self, stream: Time) -> Option<Time> {
        let to = self.now(stream)?;
        self.since += self.since.elapsed().saturating_sub(BEHIND);
        Some(to)
    }
}

impl Default for Quiet {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn stream_time_follows_the_clock_a_quarter_of_a_second_behind() {
        let mut quiet = Quiet::new();
        let stream = Time::from_millis(1_000_000);
        assert_eq!(quiet.tick(stream), None, "it was just read");
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(quiet.tick(Time::from_millis(0)), None, "nothing was read yet");
        let first = quiet.tick(stream).unwrap();
        assert_eq!(first, stream.plus(2750));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(quiet.tick(first), Some(stream.plus(3750)), "no time counts twice");
    }
}
