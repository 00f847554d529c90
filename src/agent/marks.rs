//! How far the events of each key have ended: what a repetition makes up to there is not sent again.
//!
//! Events of a key are made with rising times and end in any order of theirs, so a mark is the time of the last one
//! before which all have ended. It is needed as long as a repetition may begin before what made that event.

use std::collections::VecDeque;

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

#[derive(Debug, Default)]
struct Line {
    mark: Option<Mark>,
    /// Events above the mark, in their order, and whether each has ended.
    above: VecDeque<(Mark, bool)>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Marks {
    lines: FxHashMap<Way, Line>,
}

impl Marks {
    /// The marks that were kept.
    pub(super) fn restore(kept: impl IntoIterator<Item = (Way, Mark)>) -> Self {
        let line = |mark| Line {
            mark: Some(mark),
            ..Line::default()
        };
        Self {
            lines: kept.into_iter().map(|(way, mark)| (way, line(mark))).collect(),
        }
    }

    /// Whether an event of that time has ended before.
    pub(super) fn covers(&self, way: Way, time: Time) -> bool {
        !self.lines.is_empty()
            && self
                .lines
                .get(&way)
                .and_then(|line| line.mark)
                .is_some_and(|mark| time <= mark.time)
    }

    /// An event is handed to delivery; a repetition that begins at `until` or later does not make it.
    pub(super) fn sent(&mut self, way: Way, time: Time, until: Point) {
        let line = self.lines.entry(way).or_default();
        line.above.push_back((Mark { time, until }, false));
    }

    /// An event has ended.
    pub(super) fn ended(&mut self, way: Way, time: Time) {
        let Some(line) = self.lines.get_mut(&way) else {
            return;
        };
        let found = line
            .above
            .iter_mut()
            .find(|(mark, ended)| mark.time == time && !ended);
        if let Some((_, ended)) = found {
            *ended = true;
        }
        while let Some((mark, true)) = line.above.front() {
            line.mark = Some(*mark);
            line.above.pop_front();
        }
    }

    /// What is to be kept beside a state as of `point`.
    pub(super) fn above(&self, point: Point) -> Vec<(Way, Mark)> {
        let kept = |(way, line): (&Way, &Line)| Some((*way, line.mark?));
        let marks = self.lines.iter().filter_map(kept);
        marks.filter(|(_, mark)| !mark.until.is_within(point)).collect()
    }

    /// No repetition begins before `point` any more.
    pub(super) fn passed(&mut self, point: Point) {
        self.lines.retain(|_, line| {
            if line.mark.is_some_and(|mark| mark.until.is_within(point)) {
                line.mark = None;
            }
            line.mark.is_some() || !line.above.is_empty()
        });
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
        assert!(marks.lines.is_empty());
    }
}
