//! How far the events of each key have ended: what a repetition makes up to there is not sent again.
//!
//! Events of a key are made with rising times and end in any order of theirs, so a mark is the time of the last one
//! before which all have ended. It is needed as long as a repetition may begin before what made that event.

use std::collections::VecDeque;
use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::point::Point;
use crate::event::{Key, Lane};
use crate::time::Time;

/// A key of a lane.
pub(super) type Way = (Lane, Key);

/// How far a key's events have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// The time of the last event that has ended, and all before it.
    pub(super) time: Time,
    /// A repetition that begins here or later does not make it.
    pub(super) until: Point,
}

/// Events of a key that have been handed to delivery, and whether each has ended.
#[derive(Debug)]
struct Line {
    /// The first that has not ended: of most keys there is no other.
    first: Mark,
    /// Those after it, in their order.
    more: VecDeque<(Mark, bool)>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Marks {
    marks: FxHashMap<Way, Mark>,
    /// Keys with events above their marks: far fewer, since what has ended is only forgotten with a commit.
    above: FxHashMap<Way, Line>,
}

impl Marks {
    /// The marks that were kept.
    pub(super) fn restore(kept: impl IntoIterator<Item = (Way, Mark)>) -> Self {
        Self {
            marks: kept.into_iter().collect(),
            above: FxHashMap::default(),
        }
    }

    /// Whether an event of that time has ended before.
    pub(super) fn covers(&self, way: Way, time: Time) -> bool {
        !self.marks.is_empty() && self.marks.get(&way).is_some_and(|mark| time <= mark.time)
    }

    /// An event is handed to delivery; a repetition that begins at `until` or later does not make it.
    pub(super) fn sent(&mut self, way: Way, time: Time, until: Point) {
        let mark = Mark { time, until };
        match self.above.entry(way) {
            Entry::Occupied(mut line) => line.get_mut().more.push_back((mark, false)),
            Entry::Vacant(none) => {
                none.insert(Line {
                    first: mark,
                    more: VecDeque::new(),
                });
            }
        }
    }

    /// An event has ended.
    pub(super) fn ended(&mut self, way: Way, time: Time) {
        let Entry::Occupied(mut entry) = self.above.entry(way) else {
            return;
        };
        let line = entry.get_mut();
        if line.first.time != time {
            let mut more = line.more.iter_mut();
            if let Some((_, ended)) = more.find(|(mark, ended)| mark.time == time && !ended) {
                *ended = true;
            }
            return;
        }
        let mut mark = line.first;
        let next = loop {
            match line.more.pop_front() {
                Some((after, true)) => mark = after,
                Some((after, false)) => break Some(after),
                None => break None,
            }
        };
        match next {
            Some(next) => line.first = next,
            None => drop(entry.remove()),
        }
        self.marks.insert(way, mark);
    }

    /// What is to be kept beside a state as of `point`.
    pub(super) fn above(&self, point: Point) -> Vec<(Way, Mark)> {
        let marks = self.marks.iter().map(|(way, mark)| (*way, *mark));
        marks.filter(|(_, mark)| !mark.until.is_within(point)).collect()
    }

    /// No repetition begins before `point` any more.
    pub(super) fn passed(&mut self, point: Point) {
        self.marks.retain(|_, mark| !mark.until.is_within(point));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Id;

    const WAY: Way = (Lane::Presence, Key(Id([7; 16])));

    fn time(millis: i64) -> Time {
        Time::from_millis(millis)
    }

    fn point(offset: i64) -> Point {
        Point { offset, ticks: 0 }
    }

    /// A mark claims that all before it have ended: one that ended out of turn moves it only once the others have.
    #[test]
    fn a_mark_stands_before_the_first_that_has_not_ended() {
        let mut marks = Marks::default();
        for at in 1..=3 {
            marks.sent(WAY, time(at), point(at + 1));
        }
        marks.ended(WAY, time(2));
        assert!(!marks.covers(WAY, time(1)));
        marks.ended(WAY, time(1));
        assert!(marks.covers(WAY, time(2)) && !marks.covers(WAY, time(3)));
    }

    #[test]
    fn a_mark_is_kept_until_no_repetition_can_meet_it() {
        let mut marks = Marks::default();
        marks.sent(WAY, time(1), point(5));
        marks.ended(WAY, time(1));
        assert_eq!(marks.above(point(4)).len(), 1);
        assert!(marks.above(point(5)).is_empty());
        marks.passed(point(4));
        assert!(Marks::restore(marks.above(point(4))).covers(WAY, time(1)));
        marks.passed(point(5));
        assert!(!marks.covers(WAY, time(1)));
        assert!(marks.marks.is_empty());
    }
}
