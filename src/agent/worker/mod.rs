//! One partition's work, without I/O: records in, events and dead letters out, and which records have ended.
//!
//! Decode, convert and resolve happen here, in one pass. What an input leads to stands in [`Work`]; whoever drives
//! the worker hands it on. The time of a wait for names is given as an argument, like the directory.
//!
//! A worker knows what is to be kept of it ([`Worker::keep`]) and goes on from that ([`Worker::restore`]): it makes
//! again what lies above the kept point, and passes over what its marks say has ended. What is not in the log and
//! changes what is made, a tick or a name given up, is planned first and takes effect once it is kept (rule 3).

mod ends;
mod keep;
mod names;
mod replays;

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use tokio::time::{Duration, Instant};

use crate::agent::books::{Books, Passed};
use crate::agent::checkpoints::{Checkpoint, Checkpoints, Witness};
use crate::agent::held::Held;
use crate::agent::letter;
use crate::agent::marks::Marks;
use crate::agent::origin::Origin;
use crate::agent::point::Point;
use crate::agent::ticks::Ticks;
use crate::cic::{self, Fallback};
use crate::convert::{self, Fate, Machine, Output};
use crate::deliver::{self, Item};
use crate::event::{Draft, Event, Lane};
use crate::kafka::{self, Chunk, Letter, Place, Record};
use crate::names::{Directory, Missing, Resolved, Resolver};
use crate::time::Time;

/// What an event counts for beside its bytes.
const EVENT: usize = 256;

pub(in crate::agent) use ends::Stake;
pub(in crate::agent) use keep::Keep;

/// What a worker is told.
#[derive(Debug)]
pub(in crate::agent) struct Settings {
    /// How records become events.
    pub(in crate::agent) conversion: Arc<convert::Settings>,
    /// Which names are left out.
    pub(in crate::agent) names: crate::names::Settings,
    /// `[cic] default_source`.
    pub(in crate::agent) default_source: String,
    /// `[cic] max_skew`, in ms.
    pub(in crate::agent) max_skew: i64,
    /// `[directory] resolve_timeout`.
    pub(in crate::agent) resolve_timeout: Duration,
}

/// What an input has led to.
#[derive(Debug, Default)]
pub(in crate::agent) struct Work {
    /// Events to deliver, in their order.
    pub(in crate::agent) items: Vec<Item>,
    /// Dead letters to write, with what ends by each.
    pub(in crate::agent) letters: Vec<(Stake, Stage, Letter)>,
    /// Names that were missed for the first time.
    pub(in crate::agent) missed: Vec<Missing>,
    /// Bytes to take beside those of the records.
    pub(in crate::agent) taken: usize,
    /// What to count.
    pub(in crate::agent) counts: Counts,
}

/// Where a dead letter comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::agent) enum Stage {
    /// The record, or a part of it, cannot be read.
    Decode,
    /// Genesys Cloud refused the event.
    Deliver,
    /// It needs a refused one.
    DependsOn,
}

/// What was counted since the last time.
#[derive(Debug, Default)]
pub(in crate::agent) struct Counts {
    /// Events made, by lane.
    pub(in crate::agent) made: [u64; Lane::ALL.len()],
    /// Events made once more that have ended before, by lane.
    pub(in crate::agent) repeated: [u64; Lane::ALL.len()],
    /// Parts that made no event.
    pub(in crate::agent) skipped: [u64; convert::Reason::ALL.len()],
    /// Events that are not sent, and parts left out of events.
    pub(in crate::agent) left_out: [u64; crate::names::Reason::ALL.len()],
    /// Events stamped late so that time goes forward.
    pub(in crate::agent) moved: u64,
}

/// See the module.
pub(in crate::agent) struct Worker {
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
    /// Their bytes.
    delivering: usize,
    /// One past the last record read.
    next: i64,
    /// Everything below was read before: it is made again.
    repeated_below: i64,
    marks: Marks,
    ticks: Ticks,
    checkpoints: Checkpoints,
    /// The last record read.
    witness: Option<Witness>,
    /// What refused events would have made, and when that was last needed in stream time.
    missing: FxHashMap<deliver::Missing, Time>,
    /// Names that are given up once that is kept.
    giving_up: Vec<Missing>,
    /// Changes with everything that is worth keeping.
    version: u64,
}

impl Worker {
    /// A partition that is read from `from` on, with nothing known.
    pub(in crate::agent) fn new(place: Place, from: i64, settings: Arc<Settings>, now: Instant) -> Self {
        let id = format!("{place}/");
        let first = Checkpoint {
            point: Point {
                offset: from,
                ticks: 0,
            },
            state: convert::State::default(),
            witness: None,
        };
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
            delivering: 0,
            next: from,
            repeated_below: from,
            marks: Marks::default(),
            ticks: Ticks::default(),
            checkpoints: Checkpoints::new(first, now),
            witness: None,
            missing: FxHashMap::default(),
            giving_up: Vec::new(),
            version: 0,
        }
    }

    /// Takes records. `sources` hears of each record's site.
    pub(in crate::agent) fn records(
        &mut self,
        chunk: Chunk,
        directory: &Directory,
        now: Moment,
        work: &mut Work,
        mut sources: impl FnMut(&str),
    ) {
        let last = chunk.records.last().map(|record| record.offset);
        for record in chunk.records {
            self.pass_ticks(record.offset, directory, now, work);
            self.next = record.offset.saturating_add(1);
            if !self.replayed(&record, now, work) {
                self.read(&record, directory, now, work, &mut sources);
            }
            let due = self.checkpoints.record(now.instant);
            if due || last == Some(record.offset) {
                self.witness = Some((record.offset, kafka::checksum(&record)));
            }
            if due {
                self.take_checkpoint(now.instant);
            }
        }
        self.pass_ticks(self.next, directory, now, work);
        self.version += 1;
        self.count(work);
    }

    fn read(
        &mut self,
        record: &Record,
        directory: &Directory,
        now: Moment,
        work: &mut Work,
        sources: &mut impl FnMut(&str),
    ) {
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
                self.record(record, &read, timestamp, directory, now, work);
            }
            Err(cic::Error::Empty) => {
                self.books.skipped_at_once(record.offset, record.size, "empty");
            }
            Err(error) => {
                let timestamp = timestamp.unwrap_or(now.time);
                self.books.read(record.offset, record.size, timestamp, None);
                self.unreadable(record, letter::UNREADABLE, &error.to_string(), now, work);
                self.books.judged(record.offset, None);
            }
        }
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
            self.unreadable(record, letter::PARTLY_UNREADABLE, &parts.join("; "), now, work);
        }
        self.settle(Origin::Passing(record.offset), directory, now, work);
    }

    fn unreadable(&mut self, record: &Record, class: &str, problem: &str, now: Moment, work: &mut Work) {
        self.books.expect(record.offset);
        let letter = letter::unreadable(&self.place, record, class, problem, now.time);
        let stake = Stake {
            origin: Origin::Record(record.offset),
            event: None,
        };
        work.letters.push((stake, Stage::Decode, letter));
    }

    /// The key without the chunk's memory behind it.
    fn key_of(&mut self, record: &Record) -> Option<Bytes> {
        if self.key != record.key {
            self.key = record.key.as_deref().map(Bytes::copy_from_slice);
        }
        self.key.clone()
    }

    /// Takes what conversion has put out; what a deadline made is `by` this.
    fn settle(&mut self, by: Origin, directory: &Directory, now: Moment, work: &mut Work) {
        let mut output = std::mem::take(&mut self.output);
        for (position, draft) in output.drafts.drain(..) {
            let origin = position.map_or(by, |position| Origin::Record(offset(position)));
            self.draft(origin, draft, directory, now, work);
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

    fn draft(&mut self, origin: Origin, draft: Draft, directory: &Directory, now: Moment, work: &mut Work) {
        let lane = draft.lane();
        if self.marks.covers((lane, draft.key), draft.time) {
            work.counts.repeated[lane as usize] += 1;
            if let Origin::Record(offset) = origin {
                self.books.repeated(offset);
            }
            return;
        }
        work.counts.made[lane as usize] += 1;
        match origin {
            Origin::Record(offset) | Origin::Passing(offset) | Origin::Replay(offset) => {
                self.books.expect(offset)
            }
            Origin::Tick(number) => self.ticks.expect(number),
            Origin::Owed => {}
        }
        if self.held.has(lane, draft.key) {
            return self.held.push(origin, draft);
        }
        match self.resolver.resolve(&draft, directory) {
            Resolved::Waits(missing) => {
                let new = self.held.begin(origin, draft, missing, now.instant);
                work.missed.extend(new);
            }
            resolved => self.resolved(origin, resolved, work),
        }
    }

    fn resolved(&mut self, origin: Origin, resolved: Resolved, work: &mut Work) {
        match resolved {
            Resolved::Event(event, without) => {
                for reason in without {
                    work.counts.left_out[reason as usize] += 1;
                }
                self.send(origin, event, work);
            }
            Resolved::LeftOut(reason) => {
                work.counts.left_out[reason as usize] += 1;
                match origin {
                    Origin::Record(offset) => self.books.left_out(offset, reason.as_str()),
                    origin => self.over(origin),
                }
            }
            Resolved::Waits(_) => {}
        }
    }

    fn send(&mut self, origin: Origin, event: Event, work: &mut Work) {
        let record = origin.offset();
        let timestamp = record.and_then(|offset| self.books.timestamp(offset));
        let timestamp = timestamp.unwrap_or(event.time);
        // What made it may be later than the record that it belongs to, which may have waited.
        let until = self.point();
        let way = self.way(origin, (event.lane, event.key));
        self.marks.sent(way, event.time, until);
        let bytes = event.json.len() + EVENT;
        self.books.take(bytes);
        self.in_delivery += 1;
        self.delivering += bytes;
        work.taken += bytes;
        work.items.push(Item {
            record: origin.code(),
            event,
            timestamp,
        });
    }

    /// When the time of a missed name is over.
    pub(in crate::agent) fn next_give_up(&self) -> Option<Instant> {
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
    pub(in crate::agent) fn stream_time(&self) -> Time {
        self.machine.stream_time()
    }

    /// When the next wait ends, in stream time.
    pub(in crate::agent) fn next_wait(&self) -> Option<Time> {
        self.machine.next_wait()
    }

    /// Events that were handed on and have not ended.
    pub(in crate::agent) fn in_delivery(&self) -> usize {
        self.in_delivery
    }

    /// What they count for.
    pub(in crate::agent) fn delivering(&self) -> usize {
        self.delivering
    }

    /// Whether drafts wait for names.
    pub(in crate::agent) fn waits_for_names(&self) -> bool {
        self.held.oldest().is_some()
    }

    /// Records that have not ended.
    pub(in crate::agent) fn open_records(&self) -> usize {
        self.books.open()
    }

    /// The timestamp of the lowest record that has not ended.
    pub(in crate::agent) fn oldest(&self) -> Option<Time> {
        self.books.oldest()
    }

    /// Conversations with an open communication.
    pub(in crate::agent) fn open_conversations(&self) -> usize {
        self.machine.open_conversations()
    }

    /// Bytes to give back to the memory bound, once.
    pub(in crate::agent) fn freed(&mut self) -> usize {
        self.books.freed()
    }

    /// All bytes that are out, for a partition that is given up.
    pub(in crate::agent) fn held_bytes(&self) -> usize {
        self.books.held()
    }

    /// What the commit point has passed since this was last asked.
    pub(in crate::agent) fn passed(&mut self) -> Passed {
        self.books.passed()
    }
}

/// When something happens: by the machine's clock, and by the one that never jumps.
#[derive(Clone, Copy, Debug)]
pub(in crate::agent) struct Moment {
    pub(in crate::agent) time: Time,
    pub(in crate::agent) instant: Instant,
}

fn position(offset: i64) -> u64 {
    offset.try_into().unwrap_or_default()
}

fn offset(position: u64) -> i64 {
    position.try_into().unwrap_or(i64::MAX)
}
