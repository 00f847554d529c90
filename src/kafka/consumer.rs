//! The thread that reads.
//!
//! It polls without a pause, gathers what comes into chunks, takes their bytes from the memory bound and hands them
//! over. Where the bound is reached it waits a moment, then pauses all partitions and goes on polling, so that
//! rebalances are served; pausing throws librdkafka's queue away, so it is for stalls only.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::time::Instant;

use super::context::{self, Context};
use super::gather::Gathering;
use super::{Chunk, Commit, Credits, Error, Event, Fault, Input, Place, Settings};

/// How long a poll waits for the first record.
const POLL: Duration = Duration::from_millis(100);
/// How long a chunk waits for memory before reading is paused.
const PATIENCE: Duration = Duration::from_secs(1);

type Reader = BaseConsumer<Context>;

/// Reads until it is stopped. Dropping it without [`Consumer::stop`] leaves without a commit.
#[derive(Debug)]
pub struct Consumer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    settings: Arc<Settings>,
    credits: Arc<Credits>,
    inputs: flume::Sender<Input>,
    stop: AtomicBool,
    /// The client as it is now; another one after a rebuild, none once it is closing.
    reader: RwLock<Option<Arc<Reader>>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Consumer {
    /// Joins the group and begins to read.
    ///
    /// # Errors
    /// When librdkafka does not take the settings.
    pub fn start(
        settings: Settings,
        credits: Arc<Credits>,
        inputs: flume::Sender<Input>,
    ) -> Result<Self, Error> {
        let settings = Arc::new(settings);
        let reader = Arc::new(open(&settings, &inputs)?);
        let shared = Arc::new(Shared {
            settings,
            credits,
            inputs,
            stop: AtomicBool::new(false),
            reader: RwLock::new(Some(reader.clone())),
        });
        let reading = shared.clone();
        let thread = std::thread::Builder::new()
            .name("kafka".into())
            .spawn(move || run(&reading, reader))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Commits these offsets, without waiting for the answer; a failure is said as an [`Event`].
    pub fn commit(&self, commits: &[Commit]) {
        let Some(reader) = self.shared.reader() else {
            return;
        };
        // What is no longer ours is not ours to commit.
        let ours: Vec<Commit> = commits
            .iter()
            .filter(|commit| reader.context().assignment(&commit.place).is_some())
            .cloned()
            .collect();
        if let Err(error) = context::commit(&reader, &ours, CommitMode::Async) {
            let _ = self
                .shared
                .inputs
                .send(Input::Event(Event::CommitFailed(error.to_string())));
        }
    }

    /// Stops reading, lets the partitions end as rule 9 says, leaves the group. Ends when all of that is done.
    pub async fn stop(mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    fn reader(&self) -> Option<Arc<Reader>> {
        self.reader.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, reader: Option<Arc<Reader>>) {
        *self.reader.write().unwrap_or_else(PoisonError::into_inner) = reader;
    }
}

fn open(settings: &Arc<Settings>, inputs: &flume::Sender<Input>) -> Result<Reader, Error> {
    let context = Context::new(settings.clone(), inputs.clone());
    let reader: Reader = settings.consumer().create_with_context(context)?;
    let topics: Vec<&str> = settings.topics.iter().map(String::as_str).collect();
    reader.subscribe(&topics)?;
    Ok(reader)
}

/// Reads until it is told to stop, with one client after another.
fn run(shared: &Arc<Shared>, mut reader: Arc<Reader>) {
    loop {
        let ended = Loop {
            shared,
            reader: &reader,
            alive: Instant::now(),
        }
        .run();
        // Closing calls back for what is still assigned, and leaves the group.
        reader.context().stopping.store(true, Ordering::Relaxed);
        shared.put(None);
        drop(reader);
        if ended == Ended::Told {
            return;
        }
        reader = loop {
            match open(&shared.settings, &shared.inputs) {
                Ok(reader) => break Arc::new(reader),
                // It was possible once, so it is something that passes, like a file that is being replaced.
                Err(error) => {
                    let fault = Fault::judge(None, error.to_string());
                    if shared.inputs.send(Input::Event(Event::Fault(fault))).is_err() {
                        return;
                    }
                    std::thread::park_timeout(PATIENCE);
                }
            }
        };
        shared.put(Some(reader.clone()));
        reader.context().say(Event::Rebuilt);
    }
}

/// Why reading has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// By a stop.
    Told,
    /// There is something to read and nothing comes.
    Stuck,
}

/// Reading with one client.
struct Loop<'a> {
    shared: &'a Shared,
    reader: &'a Arc<Reader>,
    /// When a record was last read, or the log's end was reached.
    alive: Instant,
}

impl Loop<'_> {
    fn run(mut self) -> Ended {
        while !self.stopping() {
            for chunk in self.gather() {
                self.hand_over(chunk);
            }
            if self.is_stuck() {
                return Ended::Stuck;
            }
        }
        Ended::Told
    }

    fn stopping(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed) || self.shared.inputs.is_disconnected()
    }

    /// What can be read without waiting, once something is there.
    fn gather(&mut self) -> Vec<Chunk> {
        let mut gathered: Vec<Gathering> = Vec::new();
        let mut patience = POLL;
        while let Some(polled) = self.reader.poll(patience) {
            patience = Duration::ZERO;
            let message = match polled {
                Ok(message) => message,
                Err(error) => {
                    self.failed(&error);
                    break;
                }
            };
            self.alive = Instant::now();
            let at = match gathered.iter().position(|chunk| chunk.is_for(&message)) {
                Some(at) => at,
                None => {
                    let place = Place::new(message.topic(), message.partition());
                    // A record of a partition that was taken away in this very poll.
                    let Some(assignment) = self.reader.context().assignment(&place) else {
                        continue;
                    };
                    gathered.push(Gathering::new(
                        place,
                        assignment.epoch,
                        self.shared.credits.bound(),
                    ));
                    gathered.len() - 1
                }
            };
            gathered[at].add(&message);
            if gathered[at].is_full() {
                break;
            }
        }
        gathered.into_iter().map(Gathering::close).collect()
    }

    /// Takes a chunk's bytes from the bound and hands it over; drops it when its partition is taken away meanwhile.
    fn hand_over(&mut self, chunk: Chunk) {
        let mut waited = Duration::ZERO;
        while !self.shared.credits.take(chunk.size, POLL) {
            waited += POLL;
            if waited >= PATIENCE {
                self.pause(true);
                // Paused, this serves rebalances and reads nothing.
                if let Some(Err(error)) = self.reader.poll(Duration::ZERO) {
                    self.failed(&error);
                }
            }
            if self.stopping() || !self.is_ours(&chunk) {
                self.pause(false);
                return;
            }
        }
        self.pause(false);
        if !self.is_ours(&chunk) {
            return self.shared.credits.give(chunk.size);
        }
        if let Some(last) = chunk.records.last() {
            self.reader.context().handed_over(&chunk.place, last.offset + 1);
        }
        let size = chunk.size;
        if self.shared.inputs.send(Input::Chunk(chunk)).is_err() {
            self.shared.credits.give(size);
        }
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
        self.alive = Instant::now();
        let mut list = TopicPartitionList::new();
        for (place, _) in context.assigned() {
            list.add_partition(&place.topic, place.partition);
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

    fn failed(&self, error: &KafkaError) {
        let code = error.rdkafka_error_code();
        if matches!(
            code,
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange)
        ) {
            return self.close_gaps();
        }
        self.reader
            .context()
            .say(Event::Fault(Fault::judge(code, error.to_string())));
    }

    /// Retention took records before they were read: reading goes on with the first one there.
    fn close_gaps(&self) {
        let context = self.reader.context();
        for (place, assignment) in context.assigned() {
            let watermarks = self
                .reader
                .fetch_watermarks(&place.topic, place.partition, POLL * 50);
            let Ok((low, high)) = watermarks else {
                continue;
            };
            let from = assignment.next;
            let to = match from {
                from if from < low => {
                    let place = place.clone();
                    context.say(Event::Gap { place, from, to: low });
                    low
                }
                from if from > high => {
                    let (place, end) = (place.clone(), high);
                    context.say(Event::Beyond { place, from, end });
                    high
                }
                _ => continue,
            };
            context.handed_over(&place, to);
            if let Err(error) = self
                .reader
                .seek(&place.topic, place.partition, Offset::Offset(to), POLL * 50)
            {
                context.say(Event::Fault(Fault::judge(
                    error.rdkafka_error_code(),
                    error.to_string(),
                )));
            }
        }
    }

    /// Whether there is something to read and nothing comes.
    fn is_stuck(&mut self) -> bool {
        let context = self.reader.context();
        if self.alive.elapsed() < self.shared.settings.watchdog || context.paused.load(Ordering::Relaxed) {
            return false;
        }
        let behind = |place: &Place, next| {
            let watermarks = self
                .reader
                .fetch_watermarks(&place.topic, place.partition, POLL * 10);
            matches!(watermarks, Ok((_, high)) if high > next)
        };
        let stuck = context
            .assigned()
            .iter()
            .any(|(place, assignment)| behind(place, assignment.next));
        self.alive = Instant::now();
        stuck
    }
}
