//! Reading with one client, until it is told to stop or the client stands still.
//!
//! It polls without a pause, gathers what comes into chunks, takes their bytes from the memory bound and hands them
//! over. Where there is no room it waits a moment, then pauses all partitions and goes on polling, so that rebalances
//! are served; pausing throws librdkafka's queue away, so it is for stalls only. A record that librdkafka has given
//! out is never dropped while its partition is ours.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::Duration;

use flume::SendTimeoutError;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::time::Instant;

use super::consumer::{Reader, Shared};
use super::context::Assignment;
use super::gather::{Gathering, enough};
use super::{Backlog, Chunk, Event, Fault, Input, Place};
use crate::fail;

/// How long a poll waits for the first record.
const POLL: Duration = Duration::from_millis(100);
/// How long a chunk waits for room before reading is paused.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a partition that may have a gap is given to show that it has none.
const DOUBT: Duration = Duration::from_secs(1);
/// How often the reader's own position is asked for.
const POSITION: Duration = Duration::from_millis(500);

/// Why reading has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// By a stop.
    Told,
    /// There is something to read and nothing comes.
    Stuck,
    /// What was assigned could not be begun.
    Broken,
}

/// Reading with one client.
pub(super) struct Reading<'a> {
    shared: &'a Shared,
    reader: &'a Reader,
    /// Gathered and not handed over yet, in order.
    pending: VecDeque<Chunk>,
    /// What the last one took.
    room: (usize, usize),
    /// Since when the first of them waits for room.
    waiting: Option<Instant>,
    /// Where every partition stood when one of them turned out to have a gap.
    doubted: Option<(Instant, Vec<(Place, Assignment)>)>,
    /// When the reader's own position was last asked for.
    positioned: Instant,
}

impl<'a> Reading<'a> {
    pub(super) fn new(shared: &'a Shared, reader: &'a Reader) -> Self {
        Self {
            shared,
            reader,
            pending: VecDeque::new(),
            room: (0, 0),
            waiting: None,
            doubted: None,
            positioned: Instant::now(),
        }
    }

    pub(super) fn run(mut self) -> Ended {
        let context = self.reader.context().clone();
        while !self.shared.stopping() {
            let stalled = self.waiting.is_some_and(|since| since.elapsed() >= PATIENCE);
            if self.pending.is_empty() {
                self.shared.credits.read_up(POLL);
                self.gather(POLL);
            } else if stalled {
                self.pause(true);
                // This serves rebalances; what comes all the same waits behind the rest.
                self.gather(Duration::ZERO);
            }
            if self.hand_over() {
                self.pause(false);
                self.pass_markers();
                if self.close_gaps() || self.is_stuck() {
                    return Ended::Stuck;
                }
            }
            if context.broken.load(Ordering::Relaxed) {
                return Ended::Broken;
            }
        }
        Ended::Told
    }

    /// What can be read without waiting, once something is there.
    fn gather(&mut self, mut patience: Duration) {
        let context = self.reader.context();
        let enough = enough(self.shared.credits.bound());
        let mut rebalances = context.rebalances();
        let mut gathered: Vec<Gathering> = Vec::new();
        let mut size = 0;
        while size < enough {
            let polled = self.reader.poll(patience);
            if context.rebalances() != rebalances {
                // A partition may have come back under another epoch in this very poll.
                rebalances = context.rebalances();
                self.pending.extend(gathered.drain(..).map(Gathering::close));
            }
            let message = match polled {
                None => break,
                Some(Ok(message)) => message,
                Some(Err(error)) => {
                    self.failed(&error);
                    break;
                }
            };
            patience = Duration::ZERO;
            let at = match gathered.iter().position(|chunk| chunk.is_for(&message)) {
                Some(at) => at,
                None => {
                    let place = Place::new(message.topic(), message.partition());
                    // A record of a partition that was taken away in this very poll.
                    let Some(assignment) = context.assignment(&place) else {
                        continue;
                    };
                    gathered.push(Gathering::new(place, assignment.epoch, self.room));
                    gathered.len() - 1
                }
            };
            size += gathered[at].add(&message);
            if gathered[at].is_full() {
                break;
            }
        }
        self.room = gathered.last().map_or(self.room, Gathering::room);
        self.pending.extend(gathered.into_iter().map(Gathering::close));
    }

    /// Hands over what waits as far as there is room; whether all of it is gone. A chunk whose partition was taken
    /// away meanwhile is dropped: whoever has it now reads it again.
    fn hand_over(&mut self) -> bool {
        let credits = &self.shared.credits;
        while let Some(mut chunk) = self.pending.pop_front() {
            if !self.is_ours(&chunk) {
                continue;
            }
            let (place, size) = (chunk.place.clone(), chunk.size);
            let next = chunk.records.last().map_or(0, |last| last.offset + 1);
            if !credits.take(size, POLL) {
                self.wait_with(chunk);
                return false;
            }
            chunk.backlog = Backlog::new(credits.clone(), size);
            match self.shared.inputs.send_timeout(Input::Chunk(chunk), POLL) {
                Ok(()) => {
                    fail::at("polled");
                    self.reader.context().passed(&place, next);
                    self.waiting = None;
                }
                Err(SendTimeoutError::Timeout(Input::Chunk(chunk))) => {
                    credits.give(size);
                    self.wait_with(chunk);
                    return false;
                }
                // Nobody listens any more.
                Err(_) => credits.give(size),
            }
        }
        if self.waiting.take().is_some() {
            credits.rest();
            // While nothing could be handed over no partition could show anything.
            if let Some((since, _)) = &mut self.doubted {
                *since = Instant::now();
            }
        }
        true
    }

    fn wait_with(&mut self, chunk: Chunk) {
        self.pending.push_front(chunk);
        self.waiting.get_or_insert_with(Instant::now);
    }

    fn is_ours(&self, chunk: &Chunk) -> bool {
        let assignment = self.reader.context().assignment(&chunk.place);
        assignment.is_some_and(|assignment| assignment.epoch == chunk.epoch)
    }

    fn pause(&mut self, pause: bool) {
        let context = self.reader.context().clone();
        if context.paused.swap(pause, Ordering::Relaxed) == pause {
            return;
        }
        context.start_anew();
        let mut list = TopicPartitionList::new();
        for (place, assignment) in context.assigned() {
            if !assignment.halted {
                list.add_partition(&place.topic, place.partition);
            }
        }
        let done = match pause {
            true => self.reader.pause(&list),
            false => self.reader.resume(&list),
        };
        if let Err(error) = done {
            self.failed(&error);
        }
        context.say(Event::Paused(pause));
    }

    fn failed(&mut self, error: &KafkaError) {
        use RDKafkaErrorCode::{AutoOffsetReset, OffsetOutOfRange};
        let code = error.rdkafka_error_code();
        if matches!(code, Some(AutoOffsetReset | OffsetOutOfRange)) {
            let assigned = self.reader.context().assigned();
            self.doubted = Some((Instant::now(), assigned));
            return;
        }
        self.reader
            .context()
            .say(Event::Fault(Fault::judge(code, error.to_string())));
    }

    fn pass_markers(&mut self) {
        if self.positioned.elapsed() >= POSITION {
            self.positioned = Instant::now();
            self.reader.context().pass_markers(self.reader);
        }
    }

    /// Retention took records before they were read: reading goes on with the first one there. The error does not say
    /// where, and a partition whose beginning is gone may still have its next records in the queue; only one that does
    /// not come on has a gap. True when it takes a new assignment, as where the log ends before what was to be read.
    fn close_gaps(&mut self) -> bool {
        let Some((_, doubted)) = self.doubted.take_if(|(since, _)| since.elapsed() >= DOUBT) else {
            return false;
        };
        let context = self.reader.context().clone();
        let mut unknown = Vec::new();
        for (place, before) in doubted {
            let stands = |now: Assignment| now.epoch == before.epoch && now.next == before.next;
            if !context.assignment(&place).is_some_and(stands) {
                continue;
            }
            let from = before.next;
            let watermarks = self
                .reader
                .fetch_watermarks(&place.topic, place.partition, POLL * 50);
            match watermarks {
                Ok((low, _)) if from < low && self.shared.settings.stop_at_gap => {
                    context.halt(&place, before.epoch);
                    context.say(Event::Gap {
                        place,
                        from,
                        to: low,
                        stopped: true,
                    });
                }
                Ok((low, _)) if from < low => {
                    if let Err(error) = self.begin_again(&place, low) {
                        self.failed(&error);
                        return true;
                    }
                    context.passed(&place, low);
                    context.say(Event::Gap {
                        place,
                        from,
                        to: low,
                        stopped: false,
                    });
                }
                Ok((_, high)) if from > high => return true,
                Ok(_) => {}
                Err(_) => unknown.push((place, before)),
            }
        }
        if !unknown.is_empty() {
            self.doubted = Some((Instant::now(), unknown));
        }
        false
    }

    /// Begins a partition elsewhere, which keeps its epoch. Where an offset was out of range librdkafka has stopped, and
    /// takes no seek.
    fn begin_again(&self, place: &Place, from: i64) -> KafkaResult<()> {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&place.topic, place.partition, Offset::Offset(from))?;
        self.reader.incremental_unassign(&list)?;
        self.reader.incremental_assign(&list)
    }

    /// Whether a partition has something to read and nothing came of it for as long as the watchdog waits. One look is
    /// not enough: a record may have been written just now.
    fn is_stuck(&self) -> bool {
        let context = self.reader.context();
        let watchdog = self.shared.settings.watchdog;
        for (place, assignment) in context.assigned() {
            if assignment.seen.elapsed() < watchdog / 4 {
                continue;
            }
            let watermarks = self
                .reader
                .fetch_watermarks(&place.topic, place.partition, POLL * 10);
            let Ok((_, high)) = watermarks else {
                // Without an answer it is the connection, which librdkafka mends.
                context.start_anew();
                return false;
            };
            let behind = context.looked_at(&place, high > assignment.next && !assignment.halted);
            if assignment.halted {
                // librdkafka's figures leave out what it does not read.
                context.say(Event::Lag(vec![(place, high - assignment.next)]));
                continue;
            }
            if behind.is_some_and(|since| since.elapsed() >= watchdog) {
                return true;
            }
        }
        false
    }
}
