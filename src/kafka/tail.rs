//! Reads along without a group: for a dry run.
//!
//! A [`Tail`] finds the topics as [`probe`] does, assigns every partition to itself and says the same [`Input`]s as the
//! consumer, in order: where each partition begins, its records, when its end is reached, and what is wrong. A
//! partition is read from the group's committed offset, which may be read without joining, else from where
//! `[kafka] start` says. It joins no group, commits nothing and writes nothing, so it may run beside the agent.
//!
//! It reads no further than what it has said is taken: librdkafka's own queue, of a quarter of the memory bound, is all
//! that it holds. It blocks, so call it by `spawn_blocking`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::time::Instant;

use super::consumer::Reader;
use super::context::{Context, Lasting};
use super::gather::{Gathering, enough};
use super::{Error, Event, Fault, Findings, Input, Kind, Place, Settings, Topic, probe};

/// How long a poll waits for a record.
const POLL: Duration = Duration::from_millis(100);
/// How long a question to the brokers may hold reading up.
const ASK: Duration = Duration::from_secs(5);
/// How long to wait before what failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// Why there is nothing to read.
#[derive(Debug, thiserror::Error)]
pub enum NoTail {
    /// librdkafka does not take the settings.
    #[error(transparent)]
    Refused(#[from] Error),
    /// Kafka is not reached, or no topic can be read.
    #[error("{0}")]
    Fault(Fault),
}

/// See the module.
pub struct Tail {
    reader: Reader,
    /// What was said and not taken yet: what one poll has brought.
    said: flume::Receiver<Input>,
    /// A partition ran out of its log: where each is to be read from must be asked for, not before then.
    torn: Option<Instant>,
    /// How often new topics and partitions are looked for, as librdkafka does it for the agent.
    look_every: Duration,
    looked: Instant,
}

impl Tail {
    /// Asks for what there is, for at most about `patience` per question, and begins to read it.
    ///
    /// # Errors
    /// When Kafka cannot be reached, or there is no topic to read.
    pub fn open(mut settings: Settings, patience: Duration) -> Result<Self, NoTail> {
        // Nothing joins, so nobody is to be fenced.
        settings.instance = None;
        let found = probe(&settings, patience)?;
        let places: Vec<Place> = places(&found.topics, &settings).collect();
        if let (None, _) | (_, true) = (&found.reached, places.is_empty()) {
            return Err(NoTail::Fault(obstacle(found, &settings)));
        }
        let mut config = settings.consumer();
        config.remove("topic.blacklist");
        let look_every = config.get("topic.metadata.refresh.interval.ms");
        // It is always set; 0 and less mean never.
        let look_every = look_every
            .and_then(|millis| millis.parse().ok())
            .filter(|millis| *millis > 0);
        let look_every = look_every.map_or(Duration::MAX, Duration::from_millis);
        let (say, said) = flume::unbounded();
        let context = Context::new(Arc::new(settings), say, Arc::new(Lasting::default()));
        let reader: Reader = config.create_with_context(context).map_err(Error::from)?;
        let mut tail = Self {
            reader,
            said,
            torn: None,
            look_every,
            looked: Instant::now(),
        };
        let missing = found.asked.iter().filter_map(|asked| asked.fault.clone());
        for fault in missing.chain(found.group_fault) {
            tail.reader.context().say(Event::Fault(fault));
        }
        tail.take_on(places, &found.committed.into_iter().collect());
        Ok(tail)
    }

    /// What happens next; none: nothing has happened for a moment.
    pub fn poll(&mut self) -> Option<Input> {
        if self.said.is_empty() {
            self.gather();
            if self.torn.is_some_and(|since| Instant::now() >= since) {
                self.mend();
            }
            if self.looked.elapsed() >= self.look_every {
                self.look();
            }
        }
        self.said.try_recv().ok()
    }

    /// What can be read without waiting, once something is there.
    fn gather(&mut self) {
        let context = self.reader.context().clone();
        let enough = enough(usize::try_from(context.settings.memory).unwrap_or(usize::MAX));
        let (mut size, mut patience, mut torn) = (0, POLL, false);
        let mut gathering: Option<(Gathering, i64)> = None;
        while size < enough {
            let message = match self.reader.poll(patience) {
                None => break,
                Some(Ok(message)) => message,
                Some(Err(error)) => {
                    torn = self.failed(&error);
                    break;
                }
            };
            patience = Duration::ZERO;
            let fits = |chunk: &(Gathering, i64)| chunk.0.is_for(&message) && !chunk.0.is_full();
            if !gathering.as_ref().is_some_and(fits) {
                self.hand_over(gathering.take());
                gathering = self.begin(&message);
            }
            if let Some((chunk, next)) = &mut gathering {
                size += chunk.add(&message);
                *next = message.offset() + 1;
            }
        }
        self.hand_over(gathering);
        if size == 0 {
            context.pass_markers(&self.reader);
        }
        if torn {
            self.torn = Some(Instant::now());
        }
    }

    fn begin(&self, message: &BorrowedMessage<'_>) -> Option<(Gathering, i64)> {
        let place = Place::new(message.topic(), message.partition());
        let assignment = self.reader.context().assignment(&place)?;
        Some((Gathering::new(place, assignment.epoch, (0, 0)), assignment.next))
    }

    fn hand_over(&self, gathered: Option<(Gathering, i64)>) {
        let Some((chunk, next)) = gathered else {
            return;
        };
        let (context, chunk) = (self.reader.context(), chunk.close());
        context.passed(&chunk.place, next);
        let _ = context.inputs.send(Input::Chunk(chunk));
    }

    /// Whether a partition has run out of its log.
    fn failed(&self, error: &KafkaError) -> bool {
        use RDKafkaErrorCode::{AutoOffsetReset, OffsetOutOfRange};
        let code = error.rdkafka_error_code();
        if matches!(code, Some(AutoOffsetReset | OffsetOutOfRange)) {
            return true;
        }
        let fault = Fault::judge(code, error.to_string());
        self.reader.context().say(Event::Fault(fault));
        false
    }

    /// Retention took records before they were read, or the log was made anew. The error does not say where, so every
    /// partition is looked at. What librdkafka had fetched and nobody has seen is fetched again, or is missing too.
    fn mend(&mut self) {
        self.torn = None;
        let context = self.reader.context().clone();
        for (place, assignment) in context.assigned() {
            let next = assignment.next;
            match context.begin(&self.reader, &place, Offset::Offset(next)) {
                Ok(found) if found.from > next => context.passed(&place, found.from),
                Ok(found) if found.from < next => context.begun(place, found, String::new()),
                Ok(_) => {}
                Err(error) => {
                    self.failed(&error);
                    self.torn = Some(Instant::now() + PAUSE);
                }
            }
        }
        self.assign();
    }

    /// Takes on topics and partitions that were not there before.
    fn look(&mut self) {
        self.looked = Instant::now();
        let context = self.reader.context().clone();
        match self.reader.fetch_metadata(None, ASK) {
            Ok(metadata) => {
                let topics: Vec<Topic> = metadata.topics().iter().map(Topic::from).collect();
                let is_new = |place: &Place| context.assignment(place).is_none();
                let new: Vec<Place> = places(&topics, &context.settings).filter(is_new).collect();
                if !new.is_empty() {
                    self.take_on(new, &BTreeMap::new());
                }
            }
            Err(error) => {
                self.failed(&error);
            }
        }
    }

    /// Reads these from now on as well. One that cannot be begun is tried again with the next look.
    fn take_on(&mut self, places: Vec<Place>, committed: &BTreeMap<Place, i64>) {
        let context = self.reader.context().clone();
        for place in places {
            let from = committed.get(&place).copied();
            let from = from.map_or(Offset::Invalid, Offset::Offset);
            match context.begin(&self.reader, &place, from) {
                Ok(found) => context.begun(place, found, String::new()),
                Err(error) => {
                    self.failed(&error);
                }
            }
        }
        self.assign();
    }

    /// Assigns every partition from its next record on.
    fn assign(&self) {
        let mut list = TopicPartitionList::new();
        for (place, assignment) in self.reader.context().assigned() {
            let next = Offset::Offset(assignment.next);
            // Only a negative offset is refused.
            let _ = list.add_partition_offset(&place.topic, place.partition, next);
        }
        if let Err(error) = self.reader.assign(&list) {
            self.failed(&error);
        }
    }
}

/// What is to be read of these topics.
fn places<'a>(topics: &'a [Topic], settings: &'a Settings) -> impl Iterator<Item = Place> + 'a {
    let read = topics.iter().filter(|topic| settings.reads(&topic.name));
    read.flat_map(|topic| {
        let name: Arc<str> = topic.name.as_str().into();
        let count = i32::try_from(topic.partitions).unwrap_or(i32::MAX);
        (0..count).map(move |partition| Place::new(name.clone(), partition))
    })
}

/// What stood in the way of finding anything.
fn obstacle(found: Findings, settings: &Settings) -> Fault {
    let asked = found.asked.into_iter().filter_map(|asked| asked.fault);
    let first = match found.reached {
        None => found.faults.into_iter().next(),
        Some(_) => asked.into_iter().next(),
    };
    first.unwrap_or_else(|| match found.reached {
        None => Fault {
            kind: Kind::Unreachable,
            reason: format!("{} did not answer", settings.brokers),
        },
        Some(_) => Fault {
            kind: Kind::Topic,
            reason: format!("no topic fits {}", settings.topics.join(", ")),
        },
    })
}
