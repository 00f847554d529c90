//! One partition's work, without I/O: records in, events and dead letters out, and which records have ended.
//!
//! Decode, convert and resolve happen here, in one pass. What an input leads to stands in [`Work`]; whoever drives
//! the worker hands it on. The time of a wait for names is given as an argument, like the directory.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::{Duration, Instant};

use super::books::{Books, Passed};
use super::held::{Held, Origin};
use super::letter;
use crate::cic::{self, Fallback};
use crate::convert::{self, Fate, Machine, Output};
use crate::deliver::{End, Item, Outcome};
use crate::event::{Event, Lane};
use crate::kafka::{Chunk, Letter, Place, Record};
use crate::names::{self, Directory, Missing, Resolved, Resolver};
use crate::time::Time;

/// Stands for the record of an event that a deadline made; offsets never come so far.
pub(super) const NO_RECORD: u64 = u64::MAX;
/// What an event counts for beside its bytes.
const EVENT: usize = 256;

/// What a worker is told.
#[derive(Debug)]
pub(super) struct Settings {
    /// How records become events.
    pub(super) conversion: Arc<convert::Settings>,
    /// Which names are left out.
    pub(super) names: names::Settings,
    /// `[cic] default_source`.
    pub(super) default_source: String,
    /// `[cic] max_skew`, in ms.
    pub(super) max_skew: i64,
    /// `[directory] resolve_timeout`.
    pub(super) resolve_timeout: Duration,
}

/// What an input has led to.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// Events to deliver, in their order.
    pub(super) items: Vec<Item>,
    /// Dead letters to write, with the record of each.
    pub(super) letters: Vec<(Option<i64>, Stage, Letter)>,
    /// Names that were missed for the first time.
    pub(super) missed: Vec<Missing>,
    /// Bytes to take beside those of the records.
    pub(super) taken: usize,
    /// What to count.
    pub(super) counts: Counts,
}

/// Where a dead letter comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The record, or a part of it, cannot be read.
    Decode,
    /// Genesys Cloud refused the event.
    Deliver,
    /// It needs a refused one.
    DependsOn,
}

/// What was counted since the last time.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Events made, by lane.
    pub(super) made: [u64; Lane::ALL.len()],
    /// Parts that made no event.
    pub(super) skipped: [u64; convert::Reason::ALL.len()],
    /// Events that are not sent, and parts left out of events.
    pub(super) left_out: [u64; names::Reason::ALL.len()],
    /// Events stamped late so that time goes forward.
    pub(super) moved: u64,
}

/// See the module.
pub(super) struct Worker {
    place: Place,
    settings: Arc<Settings>,
    machine: Machine,
    resolver: Resolver,
    held: Held,
    books: Books,
    output: Output,
    /// The last record's key: nearly always the next one's too.
    key: Option<Bytes>,
    /// What a record is known by that has no id of its own: topic, partition, offset.
    id: String,
    id_prefix: usize,
    /// Events that were handed on and have not ended.
    in_delivery: usize,
}

impl Worker {
    /// A partition that is read from `from` on, with nothing known.
    pub(super) fn new(place: Place, from: i64, settings: Arc<Settings>) -> Self {
        let id = format!("{place}/");
        Self {
            id_prefix: id.len(),
            id,
            machine: Machine::new(settings.conversion.clone()),
            resolver: Resolver::new(&settings.names),
            place,
            settings,
            held: Held::default(),
            books: Books::new(from),
            output: Output::default(),
            key: None,
            in_delivery: 0,
        }
    }

    /// Takes records. `sources` hears of each record's site.
    pub(super) fn records(
        &mut self,
        chunk: Chunk,
        directory: &Directory,
        now: Moment,
        work: &mut Work,
        mut sources: impl FnMut(&str),
    ) {
        for record in chunk.records {
            let timestamp = record.timestamp.map(Time::from_millis);
            self.id.truncate(self.id_prefix);
            let _ = write!(self.id, "{}", record.offset);
            let fallback = Fallback {
                source: &self.settings.default_source,
                id: &self.id,
                time: timestamp,
            };
            let headers = record.headers.iter().map(|(name, value)| (&**name, &**value));
            let value = record.value.as_deref().unwrap_or_default();
            match cic::read(value, headers, fallback, &self.settings.conversion.wanted) {
                Ok(read) => {
                    sources(&read.source);
                    self.record(&record, &read, timestamp, directory, now, work);
                }
                Err(cic::Error::Empty) => {
                    self.books.skipped_at_once(record.offset, record.size, "empty");
                }
                Err(error) => {
                    let timestamp = timestamp.unwrap_or(now.time);
                    self.books.read(record.offset, record.size, timestamp, None);
                    self.unreadable(&record, &error.to_string(), now, work);
                    self.books.judged(record.offset, None);
                }
            }
        }
        self.count(work);
    }

    fn record(
        &mut self,
        record: &Record,
        read: &cic::Record,
        timestamp: Option<Time>,
        directory: &Directory,
        now: Moment,
        work: &mut Work,
    ) {
        let ceiling = timestamp.map_or(read.time, |time| time.plus(self.settings.max_skew));
        let position = position(record.offset);
        self.machine
            .record_until(read, position, ceiling, &mut self.output);
        if let ([(judged, Fate::Skipped(reason))], []) = (&self.output.fates[..], &self.output.drafts[..])
            && *judged == position
        {
            self.books
                .skipped_at_once(record.offset, record.size, reason.as_str());
            return self.output.fates.clear();
        }
        let key = self.key_of(record);
        self.books
            .read(record.offset, record.size, timestamp.unwrap_or(read.time), key);
        if !read.unreadable.is_empty() {
            let parts: Vec<String> = read.unreadable.iter().map(ToString::to_string).collect();
            self.unreadable(record, &parts.join("; "), now, work);
        }
        self.settle(directory, now, work);
    }

    fn unreadable(&mut self, record: &Record, problem: &str, now: Moment, work: &mut Work) {
        self.books.expect(record.offset);
        let letter = letter::unreadable(&self.place, record, problem, now.time);
        work.letters.push((Some(record.offset), Stage::Decode, letter));
    }

    /// The key without the chunk's memory behind it.
    fn key_of(&mut self, record: &Record) -> Option<Bytes> {
        if self.key != record.key {
            self.key = record.key.as_deref().map(Bytes::copy_from_slice);
        }
        self.key.clone()
    }

    /// Stream time goes on to `to` although no record says so.
    pub(super) fn tick(&mut self, to: Time, directory: &Directory, now: Moment, work: &mut Work) {
        self.machine.advance(to, &mut self.output);
        self.settle(directory, now, work);
        self.count(work);
    }

    /// Takes what conversion has put out.
    fn settle(&mut self, directory: &Directory, now: Moment, work: &mut Work) {
        let mut output = std::mem::take(&mut self.output);
        for (origin, draft) in output.drafts.drain(..) {
            work.counts.made[draft.lane() as usize] += 1;
            if let Some(position) = origin {
                self.books.expect(offset(position));
            }
            if self.held.has(draft.lane(), draft.key) {
                self.held.push(origin, draft);
                continue;
            }
            match self.resolver.resolve(&draft, directory) {
                Resolved::Waits(missing) => {
                    let new = self.held.begin(origin, draft, missing, now.instant);
                    work.missed.extend(new);
                }
                resolved => self.resolved(origin, resolved, work),
            }
        }
        for (position, fate) in output.fates.drain(..) {
            let reason = match fate {
                Fate::Skipped(reason) => Some(reason.as_str()),
                Fate::Made(_) | Fate::Unreadable(..) => None,
            };
            self.books.judged(offset(position), reason);
        }
        self.output = output;
    }

    fn resolved(&mut self, origin: Origin, resolved: Resolved, work: &mut Work) {
        match resolved {
            Resolved::Event(event, without) => {
                for reason in without {
                    work.counts.left_out[reason as usize] += 1;
                }
                let timestamp = origin
                    .and_then(|position| self.books.record(offset(position)))
                    .map_or(event.time, |(timestamp, _)| timestamp);
                self.send(origin, event, timestamp, work);
            }
            Resolved::LeftOut(reason) => {
                work.counts.left_out[reason as usize] += 1;
                if let Some(position) = origin {
                    self.books.left_out(offset(position), reason.as_str());
                }
            }
            Resolved::Waits(_) => {}
        }
    }

    fn send(&mut self, origin: Origin, event: Event, timestamp: Time, work: &mut Work) {
        let bytes = event.json.len() + EVENT;
        self.books.take(bytes);
        self.in_delivery += 1;
        work.taken += bytes;
        let record = origin.unwrap_or(NO_RECORD);
        work.items.push(Item {
            record,
            event,
            timestamp,
        });
    }

    /// Events have ended.
    pub(super) fn ended(&mut self, ends: Vec<End>, now: Moment, work: &mut Work) {
        for end in ends {
            self.in_delivery = self.in_delivery.saturating_sub(1);
            self.books.free(end.bytes + EVENT);
            let record = (end.record != NO_RECORD).then(|| offset(end.record));
            match (end.outcome, record) {
                (Outcome::Accepted, Some(record)) => self.books.accepted(record),
                (Outcome::Accepted, None) => {}
                (Outcome::Refused(refusal), record) => {
                    let key = record
                        .and_then(|record| self.books.record(record))
                        .and_then(|(_, key)| key);
                    let stage = match refusal.depends_on {
                        Some(_) => Stage::DependsOn,
                        None => Stage::Deliver,
                    };
                    let letter = letter::refused(&self.place, record, key, &refusal, now.time);
                    work.letters.push((record, stage, letter));
                }
            }
        }
    }

    /// A dead letter was acknowledged.
    pub(super) fn letter_written(&mut self, record: Option<i64>) {
        if let Some(record) = record {
            self.books.dead_lettered(record);
        }
    }

    /// The directory has changed, or the time of some names is over: of those that `denied` says are not there.
    pub(super) fn names_changed(
        &mut self,
        directory: &Directory,
        denied: impl Fn(&Missing) -> bool,
        now: Moment,
        work: &mut Work,
    ) {
        let patience = self.settings.resolve_timeout;
        for (kind, name) in self.held.overdue(now.instant, patience, denied) {
            self.resolver.give_up(kind, &name);
        }
        let resolver = &mut self.resolver;
        let (freed, missed) = self
            .held
            .retry(now.instant, |draft| resolver.resolve(draft, directory));
        work.missed.extend(missed);
        for (origin, resolved) in freed {
            self.resolved(origin, resolved, work);
        }
        for event in self.resolver.owed(directory) {
            let timestamp = event.time;
            self.send(None, event, timestamp, work);
        }
    }

    /// When the time of a missed name is over.
    pub(super) fn next_give_up(&self) -> Option<Instant> {
        self.held
            .oldest()
            .map(|since| since + self.settings.resolve_timeout)
    }

    fn count(&mut self, work: &mut Work) {
        for reason in self.output.reasons.drain(..) {
            work.counts.skipped[reason as usize] += 1;
        }
        work.counts.moved += std::mem::take(&mut self.output.moved);
    }

    /// Stream time: the highest record time so far.
    pub(super) fn stream_time(&self) -> Time {
        self.machine.stream_time()
    }

    /// When the next wait ends, in stream time.
    pub(super) fn next_wait(&self) -> Option<Time> {
        self.machine.next_wait()
    }

    /// Events that were handed on and have not ended.
    pub(super) fn in_delivery(&self) -> usize {
        self.in_delivery
    }

    /// Whether drafts wait for names.
    pub(super) fn waits_for_names(&self) -> bool {
        self.held.oldest().is_some()
    }

    /// Records that have not ended.
    pub(super) fn open_records(&self) -> usize {
        self.books.open()
    }

    /// The next offset to read after a restart.
    pub(super) fn commit(&self) -> i64 {
        self.books.commit()
    }

    /// The timestamp of the lowest record that has not ended.
    pub(super) fn oldest(&self) -> Option<Time> {
        self.books.oldest()
    }

    /// Conversations with an open communication.
    pub(super) fn open_conversations(&self) -> usize {
        self.machine.open_conversations()
    }

    /// Bytes to give back to the memory bound, once.
    pub(super) fn freed(&mut self) -> usize {
        self.books.freed()
    }

    /// All bytes that are out, for a partition that is given up.
    pub(super) fn held_bytes(&self) -> usize {
        self.books.held()
    }

    /// What the commit point has passed since this was last asked.
    pub(super) fn passed(&mut self) -> Passed {
        self.books.passed()
    }
}

/// When something happens: by the machine's clock, and by the one that never jumps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) time: Time,
    pub(super) instant: Instant,
}

fn position(offset: i64) -> u64 {
    offset.try_into().unwrap_or_default()
}

fn offset(position: u64) -> i64 {
    position.try_into().unwrap_or(i64::MAX)
}
