//! Ticks: stream time going on although no record says so. Each is an input like a record (rule 3).
//!
//! A tick is planned in the place where the partition stands, kept by a commit, and only then takes effect. A
//! repetition puts it back in its place. It holds the commit point until everything that it made has ended.

use std::collections::VecDeque;

use super::point::Point;
use crate::time::Time;

#[derive(Clone, Copy, Debug)]
struct Tick {
    /// It comes before the record at this offset.
    at: i64,
    /// Where stream time goes.
    to: Time,
    /// Events that it made and that have not ended.
    pending: u32,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Ticks {
    /// From the first that may have to be repeated.
    list: VecDeque<Tick>,
    /// The number of the first of them.
    first: u64,
    /// The number of the next to take effect.
    next: u64,
    /// Those below are kept.
    kept: u64,
}

impl Ticks {
    /// Those that were kept from `first` on, to be put back in their places.
    pub(super) fn restore(first: u64, kept: &[(i64, Time)]) -> Self {
        let tick = |&(at, to): &(i64, Time)| Tick { at, to, pending: 0 };
        Self {
            list: kept.iter().map(tick).collect(),
            first,
            next: first,
            kept: first + kept.len() as u64,
        }
    }

    /// Plans one before the record at `at`.
    pub(super) fn plan(&mut self, at: i64, to: Time) {
        self.list.push_back(Tick { at, to, pending: 0 });
    }

    /// Whether one is planned and not kept.
    pub(super) fn planned(&self) -> bool {
        self.end() > self.kept
    }

    /// Those below `end` are kept.
    pub(super) fn kept(&mut self, end: u64) {
        self.kept = self.kept.max(end);
    }

    /// The next tick, if it is kept and its place is before the record at `offset`: it takes effect now.
    pub(super) fn take(&mut self, offset: i64) -> Option<(u64, Time)> {
        if self.next >= self.kept {
            return None;
        }
        let tick = self.get(self.next)?;
        let (at, to) = (tick.at, tick.to);
        if at > offset {
            return None;
        }
        self.next += 1;
        Some((self.next - 1, to))
    }

    /// One more event of a tick has to end.
    pub(super) fn expect(&mut self, number: u64) {
        if let Some(tick) = self.get(number) {
            tick.pending += 1;
        }
    }

    /// An event of a tick has ended.
    pub(super) fn ended(&mut self, number: u64) {
        if let Some(tick) = self.get(number) {
            tick.pending = tick.pending.saturating_sub(1);
        }
    }

    /// The number of the next tick to take effect.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// One past the last that is planned.
    pub(super) fn end(&self) -> u64 {
        self.first + self.list.len() as u64
    }

    /// The lowest that has not ended; where all have, the next to take effect.
    pub(super) fn open(&self) -> u64 {
        let done = (self.next - self.first) as usize;
        let open = self.list.iter().take(done).position(|tick| tick.pending > 0);
        open.map_or(self.next, |at| self.first + at as u64)
    }

    /// Those from `number` on, as they are kept.
    pub(super) fn from(&self, number: u64) -> Vec<(i64, Time)> {
        let skip = number.saturating_sub(self.first) as usize;
        self.list
            .iter()
            .skip(skip)
            .map(|tick| (tick.at, tick.to))
            .collect()
    }

    /// No repetition begins before `point` any more.
    pub(super) fn passed(&mut self, point: Point) {
        while self.first < point.ticks.min(self.next) {
            self.list.pop_front();
            self.first += 1;
        }
    }

    fn get(&mut self, number: u64) -> Option<&mut Tick> {
        let at = number.checked_sub(self.first)?;
        self.list.get_mut(usize::try_from(at).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rule 3: what is not in the log takes effect only once it is kept, and a repetition puts it back in its place.
    #[test]
    fn a_tick_takes_effect_once_it_is_kept_and_in_its_place() {
        let to = Time::from_millis(9);
        let mut ticks = Ticks::default();
        ticks.plan(5, to);
        assert_eq!((ticks.take(5), ticks.planned()), (None, true));
        ticks.kept(1);
        assert_eq!(ticks.take(4), None);
        assert_eq!(ticks.take(5), Some((0, to)));
        ticks.expect(0);
        assert_eq!((ticks.open(), ticks.next()), (0, 1));
        let mut again = Ticks::restore(0, &ticks.from(0));
        assert_eq!((again.take(4), again.take(6)), (None, Some((0, to))));
        ticks.ended(0);
        assert_eq!(ticks.open(), 1);
        ticks.passed(Point { offset: 5, ticks: 1 });
        assert!(ticks.from(0).is_empty());
        assert_eq!(ticks.end(), 1);
    }
}
