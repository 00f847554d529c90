//! One go over a site: what it works with, and what came of each part.

use super::open::{Open, Told};
use super::presence::Busy;
use super::shared_map::SharedMap;
use super::{Output, Reason, Settings};
use crate::cic;
use crate::event::{Draft, Id, Lane};
use crate::time::Time;

/// One go over a site: what it works with, and what came of it.
pub(crate) struct Pass<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) stream: Time,
    pub(crate) output: &'a mut Output,
    /// Drafts of the part at hand.
    pub(crate) drafts: Vec<Draft>,
    /// What the record's interactions changed about users: each of them is judged once, when all of it is known.
    pub(crate) busy: Vec<Busy>,
    results: Vec<Result>,
    /// Records of which parts wait, without the one at hand.
    open: &'a mut SharedMap<u64, Open>,
    /// The record at hand; none when time passes.
    current: Option<u64>,
    waiting: u32,
    told: Told,
    /// Drafts of the part at hand that were handed over already.
    made: u32,
}

/// What became of a part of a record.
#[derive(Debug)]
pub(crate) struct Result {
    pub(crate) position: u64,
    pub(crate) made: u32,
    pub(crate) reason: Option<Reason>,
    /// It had waited.
    pub(crate) waited: bool,
}

/// Empty lists that were full before.
pub(crate) type Room = (Vec<Result>, Vec<Draft>);

/// What a go came to.
pub(crate) struct Passed {
    pub(crate) results: Vec<Result>,
    /// Room for the next one.
    pub(crate) drafts: Vec<Draft>,
    /// How many parts of the record at hand wait.
    pub(crate) waiting: u32,
    pub(crate) told: Told,
}

impl<'a> Pass<'a> {
    pub(crate) fn new(
        settings: &'a Settings,
        stream: Time,
        output: &'a mut Output,
        open: &'a mut SharedMap<u64, Open>,
        current: Option<u64>,
        (results, drafts): Room,
    ) -> Self {
        Self {
            settings,
            stream,
            output,
            drafts,
            busy: Vec::new(),
            results,
            open,
            current,
            waiting: 0,
            told: Told::default(),
            made: 0,
        }
    }

    pub(crate) fn end(self) -> Passed {
        debug_assert!(self.drafts.is_empty(), "every draft is booked");
        Passed {
            results: self.results,
            drafts: self.drafts,
            waiting: self.waiting,
            told: self.told,
        }
    }

    /// A part of the record at `position` begins to wait.
    pub(crate) fn wait(&mut self, position: Option<u64>) {
        if position == self.current {
            self.waiting += 1;
        } else if let Some(open) = position.and_then(|position| self.open.get_mut(&position)) {
            open.waiting += 1;
        }
    }

    /// Which event of the user and lane from the record at `position` the next one is; `None` of no record.
    pub(crate) fn nth(&mut self, position: Option<u64>, user: Id, lane: Lane) -> Option<u32> {
        let position = position?;
        if Some(position) == self.current {
            return Some(self.told.next(user, lane));
        }
        self.open
            .get_mut(&position)
            .map(|open| open.told.next(user, lane))
    }

    /// Hands over the drafts at hand, as caused by `cause`; they are booked with the rest of their part.
    pub(crate) fn flush(&mut self, cause: Option<u64>) {
        self.made += self.drafts.len() as u32;
        let drafts = self.drafts.drain(..).map(|draft| (cause, draft));
        self.output.drafts.extend(drafts);
    }

    /// Books the part at hand: the drafts made since the last time, as caused by `positions`.
    pub(crate) fn book(&mut self, positions: &[u64], waited: bool, reason: Reason) {
        self.flush(positions.first().copied());
        let made = std::mem::take(&mut self.made);
        self.results(positions, made, waited, Some(reason));
    }

    /// Books a part that had waited and is none of what is at hand.
    pub(crate) fn book_kept(&mut self, positions: &[u64], made: u32, reason: Reason) {
        self.results(positions, made, true, Some(reason));
    }

    /// Drafts that were handed over already, to be booked with the part at hand.
    pub(crate) fn made_beside(&mut self, made: u32) {
        self.made += made;
    }

    /// Books what the record at hand made beside its parts.
    pub(crate) fn book_beside(&mut self, position: u64) {
        let made = std::mem::take(&mut self.made);
        if made > 0 {
            self.results(&[position], made, false, None);
        }
    }

    fn results(&mut self, positions: &[u64], made: u32, waited: bool, reason: Option<Reason>) {
        for (n, &position) in positions.iter().enumerate() {
            let made = if n == 0 { made } else { 0 };
            self.results.push(Result {
                position,
                made,
                reason: reason.filter(|_| made == 0),
                waited,
            });
        }
    }
}

/// When something was said, and by which record.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    pub(crate) t: Time,
    pub(crate) positions: &'a [u64],
    pub(crate) waited: bool,
    pub(crate) said: Said<'a>,
}

/// What user events are known to come from.
#[derive(Clone, Copy)]
pub(crate) enum Said<'a> {
    /// A record.
    Record(&'a cic::Record),
    /// A record that waited, by what it is known as.
    Kept(&'a str),
    /// A deadline, which is known by its time.
    Deadline(Time),
}

impl Said<'_> {
    /// The record id of the Identity table.
    pub(crate) fn known_as(&self) -> String {
        match self {
            Self::Record(record) => record.known_as(),
            Self::Kept(name) => (*name).to_owned(),
            Self::Deadline(time) => time.to_string(),
        }
    }
}
