//! A topic from its beginning to its end as of now, without a group: for the dead letters.
//!
//! One partition after the other, in the order of offsets, so that what is read twice comes in the same order twice.
//! What is written meanwhile is not read. It blocks, so call it by `spawn_blocking`.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::time::Instant;

use super::bearer::Bearer;
use super::{Error, Fault, Place, Record, Settings};

/// How long a poll waits for a record.
const POLL: Duration = Duration::from_millis(100);
/// How much is fetched ahead, in KiB.
const AHEAD: &str = "8192";

/// See the module.
pub struct Archive {
    client: BaseConsumer<Bearer>,
    patience: Duration,
    stretches: Vec<(Place, Range<i64>)>,
}

/// Why it cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// librdkafka does not take the settings.
    #[error(transparent)]
    Refused(#[from] Error),
    /// Kafka says no, or nothing.
    #[error("{0}")]
    Fault(Fault),
}

impl Archive {
    /// Asks where these partitions begin and end now; each answer may take `patience`.
    ///
    /// # Errors
    /// When Kafka does not say.
    pub fn open(settings: &Settings, places: Vec<Place>, patience: Duration) -> Result<Self, Unreadable> {
        let mut config = settings.consumer();
        for owned in ["topic.blacklist", "group.instance.id"] {
            config.remove(owned);
        }
        config
            .set("enable.partition.eof", "true")
            .set("queued.max.messages.kbytes", AHEAD)
            .set("statistics.interval.ms", "0");
        let context = Bearer(Arc::new(settings.clone()));
        let client: BaseConsumer<Bearer> = config.create_with_context(context).map_err(Error::from)?;
        let mut stretches = Vec::with_capacity(places.len());
        for place in places {
            let ends = client.fetch_watermarks(&place.topic, place.partition, patience);
            let (low, high) = ends.map_err(|error| fault(&error))?;
            stretches.push((place, low..high));
        }
        Ok(Self {
            client,
            patience,
            stretches,
        })
    }

    /// Where each partition begins and ends.
    pub fn stretches(&self) -> &[(Place, Range<i64>)] {
        &self.stretches
    }

    /// Everything, in its order, for as long as `take` says true.
    ///
    /// # Errors
    /// When Kafka does not give it.
    pub fn all(&self, mut take: impl FnMut(&Place, Record) -> bool) -> Result<(), Unreadable> {
        for (place, offsets) in &self.stretches {
            if !self.some(place, offsets.clone(), &mut take)? {
                break;
            }
        }
        Ok(())
    }

    /// What a partition has at these offsets, for as long as `take` says true; whether it always did.
    ///
    /// # Errors
    /// When Kafka does not give it.
    pub fn some(
        &self,
        place: &Place,
        offsets: Range<i64>,
        mut take: impl FnMut(&Place, Record) -> bool,
    ) -> Result<bool, Unreadable> {
        if offsets.is_empty() {
            return Ok(true);
        }
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&place.topic, place.partition, Offset::Offset(offsets.start))
            .and_then(|()| self.client.assign(&list))
            .map_err(|error| fault(&error))?;
        let mut until = Instant::now() + self.patience;
        loop {
            match self.client.poll(POLL) {
                Some(Ok(message)) => {
                    // What another stretch left behind.
                    let is_here = message.topic() == &*place.topic && message.partition() == place.partition;
                    if !is_here || message.offset() < offsets.start {
                        continue;
                    }
                    until = Instant::now() + self.patience;
                    let offset = message.offset();
                    if offset < offsets.end && !take(place, record(&message)) {
                        return Ok(false);
                    }
                    if offset + 1 >= offsets.end {
                        return Ok(true);
                    }
                }
                Some(Err(KafkaError::PartitionEOF(partition))) if partition == place.partition => {
                    return Ok(true);
                }
                Some(Err(error)) if !passes(&error) || Instant::now() >= until => return Err(fault(&error)),
                None if Instant::now() >= until => {
                    return Err(Unreadable::Fault(Fault::judge(
                        Some(RDKafkaErrorCode::OperationTimedOut),
                        format!("{place} gives no answer"),
                    )));
                }
                Some(Err(_)) | None => {}
            }
        }
    }
}

fn record(message: &BorrowedMessage<'_>) -> Record {
    let copy = Bytes::copy_from_slice;
    let headers = message.headers().map_or(Vec::new(), |headers| {
        let named = headers.iter();
        named
            .map(|header| (header.key.to_owned(), copy(header.value.unwrap_or_default())))
            .collect()
    });
    Record {
        offset: message.offset(),
        timestamp: message.timestamp().to_millis(),
        key: message.key().map(copy),
        headers,
        value: message.payload().map(copy),
        size: message.key_len() + message.payload_len(),
    }
}

fn fault(error: &KafkaError) -> Unreadable {
    Unreadable::Fault(Fault::from(error))
}

/// A broken connection is mended by librdkafka.
fn passes(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    let code = error.rdkafka_error_code();
    let broken = matches!(
        code,
        Some(Code::BrokerTransportFailure | Code::AllBrokersDown | Code::Resolve)
    );
    // The end of another stretch.
    broken || matches!(error, KafkaError::PartitionEOF(_))
}
