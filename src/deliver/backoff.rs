//! How long to wait after a failure: exponential, with full jitter. Pure: randomness is an argument.

use std::time::Duration;

/// A range of pauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first pause at most.
    pub min: Duration,
    /// The longest pause.
    pub max: Duration,
}

impl Backoff {
    /// The longest pause after the `failures`-th failure in a row, from 1: it doubles from `min` up to `max`.
    pub fn ceiling(self, failures: u32) -> Duration {
        let doubled = 1u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        self.min.saturating_mul(doubled).min(self.max)
    }

    /// The pause after the `failures`-th failure in a row: from 0 up to the ceiling, as `random` (0 to 1) says. So
    /// many who failed together do not come back together.
    pub fn pause(self, failures: u32, random: f64) -> Duration {
        self.ceiling(failures).mul_f64(random.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BACKOFF: Backoff = Backoff {
        min: Duration::from_millis(500),
        max: Duration::from_secs(30),
    };

    #[test]
    fn the_ceiling_doubles_until_the_longest_pause() {
        let ceilings: Vec<_> = (1..=8).map(|n| BACKOFF.ceiling(n).as_millis()).collect();
        assert_eq!(ceilings, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    }

    proptest! {
        #[test]
        fn a_pause_lies_between_nothing_and_the_ceiling(failures: u32, random in 0.0..=1.0f64) {
            let pause = BACKOFF.pause(failures, random);
            prop_assert!(pause <= BACKOFF.ceiling(failures) && pause <= BACKOFF.max);
        }

        #[test]
        fn jitter_is_full(failures: u32) {
            prop_assert_eq!(BACKOFF.pause(failures, 0.0), Duration::ZERO);
            prop_assert_eq!(BACKOFF.pause(failures, 1.0), BACKOFF.ceiling(failures));
        }
    }
}
