//! Reads single stretches of a log, without a group: a snapshot's chunks, or one record.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::time::Instant;

use super::super::bearer::Bearer;
use super::super::{Fault, Place, Pointer, Settings, pointer};
use super::Unread;

/// How long a poll waits for a record.
const POLL: Duration = Duration::from_millis(100);
/// How long an answer may take.
const ASK: Duration = Duration::from_secs(10);
/// How long a client waits for the next stretch.
pub(super) const IDLE: Duration = Duration::from_secs(5);

/// See the module. One stretch at a time.
pub(super) struct Reader {
    settings: Arc<Settings>,
    /// Kept between two stretches: partitions are assigned several at a time.
    client: Mutex<Option<(Client, Instant)>>,
}

type Client = BaseConsumer<Bearer>;

/// How reading a stretch ends early.
enum Stop {
    /// There is nothing more: the log ends here, or begins later.
    End(String),
    Fault(Fault),
}

impl Reader {
    pub(super) fn new(settings: Arc<Settings>) -> Self {
        Self {
            settings,
            client: Mutex::default(),
        }
    }

    /// A snapshot's bytes, checked.
    pub(super) fn snapshot(&self, pointer: &Pointer) -> Result<Vec<u8>, Unread> {
        let length = usize::try_from(pointer.length).unwrap_or(usize::MAX);
        let mut bytes = Vec::with_capacity(length.min(64 << 20));
        let mut chunks = 0;
        let (topic, partition) = (&pointer.topic, pointer.partition);
        let read = self.each(topic, partition, pointer.first, |message| {
            let key = format!("{}/{chunks}", pointer.id);
            if message.key() == Some(key.as_bytes()) {
                bytes.extend_from_slice(message.payload().unwrap_or_default());
                chunks += 1;
            }
            chunks < pointer.chunks && message.offset() < pointer.last && bytes.len() <= length
        });
        match read {
            Err(Stop::Fault(fault)) => return Err(Unread::Fault(fault)),
            Err(Stop::End(why)) if chunks < pointer.chunks => {
                return Err(Unread::Missing(format!("{topic}/{partition}: {why}")));
            }
            Ok(()) | Err(Stop::End(_)) => {}
        }
        if chunks < pointer.chunks {
            return Err(Unread::Missing(format!(
                "{topic}/{partition} has {chunks} of its {} chunks between the offsets {} and {}",
                pointer.chunks, pointer.first, pointer.last
            )));
        }
        if bytes.len() != length || pointer::of_bytes(&bytes) != pointer.checksum {
            return Err(Unread::Damaged(format!(
                "{topic}/{partition}: the bytes from offset {} on are not those that were written",
                pointer.first
            )));
        }
        Ok(bytes)
    }

    /// What the record at `offset` is known by.
    pub(super) fn witness(&self, place: &Place, offset: i64) -> Result<Option<u64>, Fault> {
        let mut found = None;
        let read = self.each(&place.topic, place.partition, offset, |message| {
            if message.offset() == offset {
                let timestamp = message.timestamp().to_millis();
                found = Some(pointer::witness(timestamp, message.key(), message.payload()));
            }
            false
        });
        match read {
            Ok(()) | Err(Stop::End(_)) => Ok(found),
            Err(Stop::Fault(fault)) => Err(fault),
        }
    }

    /// Reads from `first` on for as long as `more` says so.
    fn each(
        &self,
        topic: &str,
        partition: i32,
        first: i64,
        mut more: impl FnMut(&BorrowedMessage<'_>) -> bool,
    ) -> Result<(), Stop> {
        let mut kept = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        let client = match kept.take() {
            Some((client, _)) => client,
            None => self.open().map_err(Stop::fault)?,
        };
        let read = stretch(&client, topic, partition, first, &mut more);
        // A client that met a fault may have more of it in its queue.
        if !matches!(read, Err(Stop::Fault(_))) && client.unassign().is_ok() {
            *kept = Some((client, Instant::now()));
        }
        read
    }

    fn open(&self) -> Result<Client, KafkaError> {
        let config = self.settings.reader();
        config.create_with_context(Bearer(self.settings.clone()))
    }

    /// Ends a client that is not needed: between two stretches nobody takes what it says, and that grows.
    pub(super) fn rest(&self) {
        let mut kept = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        kept.take_if(|(_, used)| used.elapsed() >= IDLE);
    }
}

impl Stop {
    fn fault(error: KafkaError) -> Self {
        Self::Fault(Fault::from(&error))
    }
}

fn stretch(
    client: &Client,
    topic: &str,
    partition: i32,
    first: i64,
    more: &mut impl FnMut(&BorrowedMessage<'_>) -> bool,
) -> Result<(), Stop> {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Offset(first))
        .map_err(Stop::fault)?;
    client.assign(&list).map_err(Stop::fault)?;
    let mut until = Instant::now() + ASK;
    loop {
        match client.poll(POLL) {
            Some(Ok(message)) => {
                // What an earlier stretch left behind.
                if message.topic() != topic || message.partition() != partition || message.offset() < first {
                    continue;
                }
                until = Instant::now() + ASK;
                if !more(&message) {
                    return Ok(());
                }
            }
            Some(Err(KafkaError::PartitionEOF(_))) => {
                return Err(Stop::End("the log ends before it does".into()));
            }
            Some(Err(error)) => match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                    return Err(Stop::End(format!("there is no offset {first}")));
                }
                Some(
                    RDKafkaErrorCode::UnknownTopicOrPartition
                    | RDKafkaErrorCode::UnknownTopic
                    | RDKafkaErrorCode::UnknownPartition,
                ) => return Err(Stop::End("there is no such topic".into())),
                _ if Instant::now() < until && passes(&error) => {}
                _ => return Err(Stop::fault(error)),
            },
            // Of a topic that is not there librdkafka says nothing for long.
            None if Instant::now() >= until
                && !is_there(client, topic, partition).map_err(Stop::fault)? =>
            {
                return Err(Stop::End("there is no such topic".into()));
            }
            None if Instant::now() >= until => {
                return Err(Stop::Fault(Fault::judge(
                    Some(RDKafkaErrorCode::OperationTimedOut),
                    format!("{topic}/{partition} gives no answer"),
                )));
            }
            None => {}
        }
    }
}

/// Asked by its name, a broker might make it as it makes others.
fn is_there(client: &Client, topic: &str, partition: i32) -> Result<bool, KafkaError> {
    let metadata = client.fetch_metadata(None, ASK)?;
    let mut topics = metadata.topics().iter().filter(|found| found.name() == topic);
    Ok(topics.any(|found| found.partitions().iter().any(|found| found.id() == partition)))
}

/// A broken connection is mended by librdkafka, and no group is needed.
fn passes(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    let code = error.rdkafka_error_code();
    matches!(
        code,
        Some(
            Code::BrokerTransportFailure
                | Code::AllBrokersDown
                | Code::Resolve
                | Code::GroupAuthorizationFailed
        )
    )
}
