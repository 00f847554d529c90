//! Draws of the simulation: the same seed gives the same draws on every machine, so no floating-point logarithm.

/// A source of draws.
#[derive(Debug, Clone)]
pub(super) struct Random(fastrand::Rng);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// True in `per_mille` of a thousand draws.
    pub(super) fn chance(&mut self, per_mille: u32) -> bool {
        self.0.u32(0..1000) < per_mille
    }

    /// An index below `bound`, which is at least 1.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0.usize(0..bound.max(1))
    }

    /// Any of `low..=high`.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        self.0.u64(low..=high.max(low))
    }

    /// Any of `low..=high`, small values more often: how long talks, waits and rings last.
    pub(super) fn mostly_short(&mut self, low: u64, high: u64) -> u64 {
        let first = self.between(0, 1 << 10);
        let second = self.between(0, 1 << 10);
        low + (((high - low) * first * second) >> 20)
    }

    /// A time between two of many independent arrivals: about exponential, with this mean.
    pub(super) fn gap(&mut self, mean: u64) -> u64 {
        let word = self.0.u64(..);
        // The leading zeros of a random word are the halvings survived; the rest of it places the draw within one.
        let halvings = u64::from(word.leading_zeros());
        let within = word & 0x3ff;
        (mean * (halvings * 1024 + within) * 2) / (3 * 1024)
    }

    /// One of a list that is not empty.
    pub(super) fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    /// An index, each as often as its weight says.
    pub(super) fn weighted(&mut self, weights: &[u32]) -> usize {
        let total: u32 = weights.iter().sum();
        let mut draw = self.0.u32(0..total.max(1));
        for (index, weight) in weights.iter().enumerate() {
            if draw < *weight {
                return index;
            }
            draw -= weight;
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_of_gaps_is_the_mean_asked_for() {
        let mut random = Random::new(3);
        let sum: u64 = (0..100_000).map(|_| random.gap(1000)).sum();
        let mean = sum / 100_000;
        assert!((900..1100).contains(&mean), "{mean}");
    }

    #[test]
    fn draws_stay_within_their_bounds() {
        let mut random = Random::new(5);
        for _ in 0..10_000 {
            assert!((7..=9).contains(&random.between(7, 9)));
            assert!((100..=200).contains(&random.mostly_short(100, 200)));
            assert!(random.weighted(&[0, 3, 0, 1]) % 2 == 1);
        }
    }
}
