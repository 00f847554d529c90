//! One go over a site: what it works with, and what came of each part.

use super::super::Output;
use super::super::reason::Reason;
use super::super::settings::Settings;
use crate::cic;
use crate::event::Draft;
use crate::time::Time;

/// One go over a site: what it works with, and what came of it.
pub(in super::super) struct Pass<'a> {
    pub(super) settings: &'a Settings,
    pub(super) stream: Time,
    pub(super) output: &'a mut Output,
    pub(super) drafts: Vec<Draft>,
    pub(super) results: Vec<Result>,
    pub(super) waiting: u32,
}

/// What became of a part of a record.
#[derive(Debug)]
pub(in super::super) struct Result {
    pub(crate) position: u64,
    pub(crate) made: u32,
    pub(crate) reason: Option<Reason>,
    /// It had waited.
    pub(crate) waited: bool,
}

impl<'a> Pass<'a> {
    pub(in super::super) fn new(settings: &'a Settings, stream: Time, output: &'a mut Output) -> Self {
        Self {
            settings,
            stream,
            output,
            drafts: Vec::new(),
            results: Vec::new(),
            waiting: 0,
        }
    }

    pub(in super::super) fn end(self) -> (Vec<Result>, u32) {
        (self.results, self.waiting)
    }

    /// Hands over the drafts made since the last time, as caused by `positions`.
    pub(super) fn book(&mut self, positions: &[u64], waited: bool, reason: Reason) {
        let made = self.drafts.len() as u32;
        let cause = positions.first().copied();
        self.output
            .drafts
            .extend(self.drafts.drain(..).map(|draft| (cause, draft)));
        for (n, &position) in positions.iter().enumerate() {
            let made = if n == 0 { made } else { 0 };
            let reason = (made == 0).then_some(reason);
            self.results.push(Result {
                position,
                made,
                reason,
                waited,
            });
        }
    }
}

/// When something was said, and by which record.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) t: Time,
    pub(super) positions: &'a [u64],
    pub(super) waited: bool,
    pub(super) said: Said<'a>,
}

/// What user events are known to come from.
#[derive(Clone, Copy)]
pub(super) enum Said<'a> {
    /// A record.
    Record(&'a cic::Record),
    /// A record that waited, by what it is known as.
    Kept(&'a str),
    /// A deadline, which is known by its time.
    Deadline(Time),
}

impl Said<'_> {
    /// The record id of the Identity table.
    pub(super) fn known_as(&self) -> String {
        match self {
            Self::Record(record) => record.known_as(),
            Self::Kept(name) => (*name).to_owned(),
            Self::Deadline(time) => time.to_string(),
        }
    }
}
