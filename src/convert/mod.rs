//! One partition's machine: (state, input) → (state, events), in CIC names. No clock, no directory, no I/O.
//!
//! [`Machine::record`] takes a record with its position and adds to an [`Output`] the drafts it makes and, once it
//! is judged, its [`Fate`]. Some records wait (`settle`, definitions, a fall from Interacting): their fate comes with
//! a later record, with [`Machine::advance`] when the partition is quiet, or with [`Machine::finish`] at the end of
//! the input. Stream time is the highest time so far.
//!
//! The state is a value: [`Machine::state`] is a cheap clone of everything that a later record may need.

mod agenda;
mod conversation;
mod encoding;
mod interaction;
mod interactions;
mod open;
mod packed;
mod pass;
pub mod presence;
mod reading;
mod reason;
mod seen;
mod settings;
mod shared_map;
mod sieve;
mod site;
mod trie;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use encoding::{FORMAT, Unusable};
pub use reason::Reason;
pub use settings::Settings;

use crate::cic::{self, Unreadable};
use crate::event::{Draft, Ids, Name};
use crate::time::Time;
use open::Open;
use pass::{Pass, Passed, Room};
use shared_map::SharedMap;
use site::Site;

/// What a record or the passing of time has made.
#[derive(Debug, Default)]
pub struct Output {
    /// Drafts in the order in which they happened, each with the position of the record that caused it; `None` when
    /// a deadline did.
    pub drafts: Vec<(Option<u64>, Draft)>,
    /// Records that are judged, by position.
    pub fates: Vec<(u64, Fate)>,
    /// Reasons per part, counted even where the record made events by another part.
    pub reasons: Vec<Reason>,
    /// Events stamped more than a second after what caused them, to keep time going forward.
    pub moved: u64,
}

/// What became of a record. One that made drafts has ended when the last of them has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It made this many drafts.
    Made(u32),
    /// It made none: the first reason.
    Skipped(Reason),
    /// Parts of it cannot be read; the others made this many drafts.
    Unreadable(u32, Vec<Unreadable>),
}

/// Everything that a later record may need: cheap to clone.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct State {
    sites: BTreeMap<Name, Arc<Site>>,
    stream: Time,
    /// Records judged in part: by position.
    open: SharedMap<u64, Open>,
}

impl State {
    /// Stream time: the highest record time so far.
    pub fn stream_time(&self) -> Time {
        self.stream
    }

    /// Conversations with an open communication.
    pub fn open_conversations(&self) -> usize {
        self.sites.values().map(|site| site.open_conversations()).sum()
    }
}

/// One partition's machine.
#[derive(Debug)]
pub struct Machine {
    settings: Arc<Settings>,
    state: State,
    /// Nothing is due before; `None`: not looked at yet.
    quiet_until: Option<Time>,
    room: Room,
}

impl Machine {
    /// A machine that knows nothing yet.
    pub fn new(settings: Arc<Settings>) -> Self {
        Self::restore(settings, State::default())
    }

    /// A machine that goes on from a state that was kept.
    pub fn restore(settings: Arc<Settings>, state: State) -> Self {
        Self {
            settings,
            state,
            quiet_until: None,
            room: Room::default(),
        }
    }

    /// A clone of the state as of now.
    pub fn state(&self) -> State {
        self.state.clone()
    }

    /// Stream time: the highest record time so far.
    pub fn stream_time(&self) -> Time {
        self.state.stream_time()
    }

    /// Conversations with an open communication.
    pub fn open_conversations(&self) -> usize {
        self.state.open_conversations()
    }

    /// Takes a record. `position` orders it in its partition and comes back with what it makes.
    pub fn record(&mut self, record: &cic::Record, position: u64, output: &mut Output) {
        self.record_until(record, position, record.time, output);
    }

    /// Like [`Machine::record`], with stream time going no further than `ceiling`: one wrong clock ends no call.
    pub fn record_until(&mut self, record: &cic::Record, position: u64, ceiling: Time, output: &mut Output) {
        self.advance(record.time.min(ceiling), output);
        if !self.state.sites.contains_key(&*record.source) {
            let source = Name::from(&*record.source);
            let source_id = self.settings.source_id.clone();
            let source_id = source_id.unwrap_or_else(|| Ids::source(&source));
            let site = Site::new(source.clone(), Ids::new(source_id));
            self.state.sites.insert(source, Arc::new(site));
        }
        let Some(site) = self.state.sites.get_mut(&*record.source) else {
            return;
        };
        let site = Arc::make_mut(site);
        let mut open = Open {
            unreadable: record.unreadable.clone(),
            ..Open::default()
        };
        let waits = &mut self.state.open;
        let room = std::mem::take(&mut self.room);
        let stream = self.state.stream;
        let mut pass = Pass::new(&self.settings, stream, output, waits, Some(position), room);
        if record.produced && site.seen_before(record, &pass) {
            open.reason = Some(Reason::Duplicate);
        } else {
            for message in &record.messages {
                site.message(&mut pass, record, position, message);
            }
            site.end_record(&mut pass, record, position);
        }
        let Passed {
            mut results,
            drafts,
            waiting,
            told,
        } = pass.end();
        if let Some(deadline) = site.next_deadline() {
            self.quiet_until = self.quiet_until.map(|until| until.min(deadline));
        }
        (open.waiting, open.told) = (waiting, told);
        if waiting == 0 && results.iter().all(|result| result.position == position) {
            // The record is judged, and it alone.
            results.iter().for_each(|result| open.add(result, output));
            output.fates.push((position, open.fate()));
        } else {
            self.state.open.insert(position, open);
            self.note(&results, output);
            self.close(position, output);
        }
        results.clear();
        self.room = (results, drafts);
    }

    /// Stream time reaches `now`: the deadlines before it are over.
    pub fn advance(&mut self, now: Time, output: &mut Output) {
        if now > self.state.stream {
            self.state.stream = now;
            if self.quiet_until.is_none_or(|until| until < now) {
                self.pass_deadlines(now, output);
                self.quiet_until = Some(self.next_deadline().unwrap_or(Time::from_millis(i64::MAX)));
            }
        }
    }

    /// The end of the input: every wait is over. Deadlines of the state (orphans, silence) stay.
    pub fn finish(&mut self, output: &mut Output) {
        let last = self.state.stream.plus(self.settings.longest_wait() + 1);
        self.advance(last, output);
    }

    /// The earliest moment at which a wait ends; for ticks in a quiet partition.
    pub fn next_wait(&self) -> Option<Time> {
        self.state
            .sites
            .values()
            .filter_map(|site| site.next_wait())
            .min()
    }

    /// The earliest moment beyond which something ends by itself: a wait, or a state that lasts for so long only.
    pub fn next_deadline(&self) -> Option<Time> {
        let sites = self.state.sites.values();
        sites.filter_map(|site| site.next_deadline()).min()
    }

    fn pass_deadlines(&mut self, now: Time, output: &mut Output) {
        let due: Vec<Name> = self
            .state
            .sites
            .iter()
            .filter(|(_, site)| site.next_deadline().is_some_and(|deadline| deadline < now))
            .map(|(name, _)| name.clone())
            .collect();
        for name in due {
            let Some(site) = self.state.sites.get_mut(&name) else {
                continue;
            };
            let mut pass = Pass::new(
                &self.settings,
                now,
                output,
                &mut self.state.open,
                None,
                Room::default(),
            );
            Arc::make_mut(site).pass_deadlines(&mut pass, now);
            let results = pass.end().results;
            self.note(&results, output);
        }
    }

    /// Books what parts of records came to, and closes those that nothing keeps open.
    fn note(&mut self, results: &[pass::Result], output: &mut Output) {
        let mut judged = Vec::new();
        for result in results {
            let Some(open) = self.state.open.get_mut(&result.position) else {
                continue;
            };
            open.add(result, output);
            if result.waited {
                open.waiting = open.waiting.saturating_sub(1);
                judged.push(result.position);
            }
        }
        for position in judged {
            self.close(position, output);
        }
    }

    fn close(&mut self, position: u64, output: &mut Output) {
        if self.state.open.get(&position).is_none_or(|open| open.waiting > 0) {
            return;
        }
        let Some(open) = self.state.open.remove(&position) else {
            return;
        };
        output.fates.push((position, open.fate()));
    }
}

#[cfg(test)]
mod tests;
