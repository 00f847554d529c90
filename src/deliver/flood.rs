//! Whether so many events are refused that it is us and not the data. Pure.
//!
//! Single events are refused for what is in them. When it is most of them, something that they share is wrong, such as
//! a directory of another organization: then each dead letter more is one more to replay.

use std::collections::VecDeque;

use super::queue::{Entry, Fate};

/// So many events that have ended are looked at: as many as a request may hold.
const LAST: usize = 100;

/// The last events of a lane that have ended.
#[derive(Debug, Default)]
pub(super) struct Flood {
    /// Whether each was refused.
    last: VecDeque<bool>,
    refused: usize,
    /// How often the lane was stopped since it was last seen to do well.
    floods: u32,
}

impl Flood {
    /// How these have ended; whether more than half of the last ones were refused.
    pub(super) fn tells(&mut self, fates: &[(Entry, Fate)]) -> bool {
        for (_, fate) in fates {
            match fate {
                Fate::Accepted => self.push(false),
                Fate::Refused(_) => self.push(true),
                Fate::Later(_) | Fate::Again => {}
            }
        }
        if self.last.len() < LAST {
            return false;
        }
        let flood = self.refused * 2 > LAST;
        if !flood {
            self.floods = 0;
        }
        flood
    }

    fn push(&mut self, refused: bool) {
        self.last.push_back(refused);
        self.refused += usize::from(refused);
        if self.last.len() > LAST {
            self.refused -= usize::from(self.last.pop_front() == Some(true));
        }
    }

    /// The lane stops: in words, and how often it has by now.
    pub(super) fn stops(&mut self) -> (String, u32) {
        self.floods = self.floods.saturating_add(1);
        let said = format!("{} of the last {LAST} events were refused", self.refused);
        (self.last, self.refused) = (VecDeque::new(), 0);
        (said, self.floods)
    }
}
