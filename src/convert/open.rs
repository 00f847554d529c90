//! Records judged in part, and how many events of a user each of them has made.

use super::{Fate, Output, Reason, pass};
use crate::cic::Unreadable;
use crate::event::{Id, Lane};

/// A record of which a part still waits.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Open {
    pub(crate) waiting: u32,
    pub(crate) made: u32,
    pub(crate) reason: Option<Reason>,
    pub(crate) unreadable: Vec<Unreadable>,
    #[serde(default)]
    pub(crate) told: Told,
}

impl Open {
    pub(crate) fn add(&mut self, result: &pass::Result, output: &mut Output) {
        output.reasons.extend(result.reason);
        self.made += result.made;
        self.reason = self.reason.or(result.reason);
    }

    pub(crate) fn fate(self) -> Fate {
        match (self.unreadable.is_empty(), self.made) {
            (false, made) => Fate::Unreadable(made, self.unreadable),
            (true, 0) => Fate::Skipped(self.reason.unwrap_or(Reason::NoChange)),
            (true, made) => Fate::Made(made),
        }
    }
}

/// How many events each user has had from one record, by lane: part of their ids.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Told(Vec<(Id, bool, u32)>);

impl Told {
    /// Which event of the user and lane the next one is, from 1.
    pub(crate) fn next(&mut self, user: Id, lane: Lane) -> u32 {
        let routing = lane == Lane::RoutingStatus;
        let mut all = self.0.iter_mut();
        match all.find(|(one, of_routing, _)| *one == user && *of_routing == routing) {
            Some((_, _, n)) => {
                *n += 1;
                *n
            }
            None => {
                self.0.push((user, routing, 1));
                1
            }
        }
    }
}
