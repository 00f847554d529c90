//! Writes records into a topic: key = site, so that a site stays in one partition, in order.
//!
//! Memory is bounded by librdkafka's queue: when it is full, writing waits. No record is given up silently: what could
//! not be delivered is counted, and said by [`Writer::finish`].

use super::speaker::Said;
use rdkafka::ClientConfig;
use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What librdkafka may hold, in KiB.
const QUEUE_KIB: &str = "32768";
/// Pacing looks at the clock at least this often, and sleeps no shorter.
const TICK: Duration = Duration::from_millis(5);
/// Flat out, records between two chances for others to run.
const BURST: u32 = 256;

/// Where to write.
#[derive(Clone, Debug)]
pub struct Target {
    /// `host:port`, separated by commas.
    pub brokers: String,
    /// The topic; it must exist, or the broker make it.
    pub topic: String,
    /// `Some(n)`: a site goes to the partition of its number modulo n, so that few sites share none; `None`: to that
    /// of its key's hash.
    pub spread: Option<i32>,
    /// Options of librdkafka, which go before ours.
    pub options: Vec<(String, String)>,
}

/// How fast, and how far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    /// As fast as the broker takes it; else record times pass as the clock does.
    pub flat_out: bool,
    /// At most so many records.
    pub records: Option<u64>,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Records that the broker has.
    pub delivered: u64,
    /// Their values' bytes.
    pub bytes: u64,
    /// Records that it does not have.
    pub failed: u64,
}

/// Why writing ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// librdkafka does not take an option.
    #[error("cannot set up the producer: {0}")]
    Refused(KafkaError),
    /// A record cannot be written at all.
    #[error("cannot write to topic {topic}: {error}")]
    Send {
        /// The topic.
        topic: String,
        /// Why.
        error: KafkaError,
    },
    /// Some were not delivered.
    #[error("{failed} records were not delivered, {delivered} were; the first error: {first}")]
    Lost {
        /// Records that the broker does not have.
        failed: u64,
        /// Records that it has.
        delivered: u64,
        /// What it said of the first.
        first: String,
    },
}

/// What became of what was sent.
#[derive(Debug, Default)]
struct Reports {
    delivered: AtomicU64,
    first: Mutex<Option<String>>,
}

#[derive(Debug)]
struct Context(Arc<Reports>);

impl ClientContext for Context {}

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(_) => _ = self.0.delivered.fetch_add(1, Ordering::Relaxed),
            Err((error, _)) => {
                let mut first = self.0.first.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert_with(|| error.to_string());
            }
        }
    }
}

/// Writes records into a topic.
pub struct Writer {
    producer: ThreadedProducer<Context>,
    reports: Arc<Reports>,
    topic: String,
    spread: Option<i32>,
    handed_over: u64,
    bytes: u64,
}

impl Writer {
    /// Makes the producer; it connects by itself.
    ///
    /// # Errors
    /// When librdkafka refuses an option.
    pub fn open(target: &Target) -> Result<Self, Error> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &target.brokers)
            .set("client.id", "cic-conduit-simulate")
            .set("partitioner", "murmur2_random")
            // Retries must not turn the order round.
            .set("enable.idempotence", "true")
            .set("linger.ms", "10")
            .set("queue.buffering.max.kbytes", QUEUE_KIB)
            .set("message.timeout.ms", "30000");
        for (name, value) in &target.options {
            config.set(name, value);
        }
        let reports = Arc::new(Reports::default());
        let producer = config
            .create_with_context(Context(reports.clone()))
            .map_err(Error::Refused)?;
        Ok(Self {
            producer,
            reports,
            topic: target.topic.clone(),
            spread: target.spread,
            handed_over: 0,
            bytes: 0,
        })
    }

    /// Hands a record over; gives it back as `Ok(false)` when the queue is full.
    ///
    /// # Errors
    /// When it can never be written: the topic is unknown, or it is too large.
    pub fn offer(&mut self, said: &Said) -> Result<bool, Error> {
        let mut record = BaseRecord::to(&self.topic)
            .key(said.site.as_bytes())
            .payload(&said.value)
            .timestamp(said.time);
        if let Some(partitions) = self.spread {
            record.partition = Some(i32::try_from(said.site_number).unwrap_or(0) % partitions.max(1));
        }
        if !said.headers.is_empty() {
            let headers = said
                .headers
                .iter()
                .fold(OwnedHeaders::new(), |headers, (key, value)| {
                    headers.insert(Header {
                        key,
                        value: Some(value),
                    })
                });
            record = record.headers(headers);
        }
        match self.producer.send(record) {
            Ok(()) => {
                self.handed_over += 1;
                self.bytes += said.value.len() as u64;
                Ok(true)
            }
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => Ok(false),
            Err((error, _)) => Err(Error::Send {
                topic: self.topic.clone(),
                error,
            }),
        }
    }

    /// Hands a record over, waiting for room.
    ///
    /// # Errors
    /// As [`Writer::offer`].
    pub async fn write(&mut self, said: &Said) -> Result<(), Error> {
        while !self.offer(said)? {
            tokio::time::sleep(TICK).await;
        }
        Ok(())
    }

    /// Writes records until they end, the pace's bounds are reached, or `stop`; does not wait for their delivery.
    ///
    /// # Errors
    /// As [`Writer::offer`].
    pub async fn run(
        &mut self,
        records: impl Iterator<Item = Said>,
        pace: Pace,
        stop: &CancellationToken,
    ) -> Result<(), Error> {
        let begun = Instant::now();
        let mut first = None;
        let mut since_rest = 0;
        let most = pace
            .records
            .map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
        for said in records.take(most) {
            let first = *first.get_or_insert(said.time);
            let passed = Duration::from_millis(u64::try_from(said.time - first).unwrap_or_default());
            if stop.is_cancelled() {
                break;
            }
            if pace.flat_out {
                since_rest += 1;
                if since_rest == BURST {
                    since_rest = 0;
                    tokio::task::yield_now().await;
                }
            } else if begun.elapsed() + TICK < passed {
                tokio::select! {
                    () = tokio::time::sleep_until(begun + passed) => {}
                    () = stop.cancelled() => break,
                }
            }
            tokio::select! {
                written = self.write(&said) => written?,
                () = stop.cancelled() => break,
            }
        }
        Ok(())
    }

    /// Waits until all is delivered or given up. Blocks.
    ///
    /// # Errors
    /// When anything was not delivered.
    pub fn finish(self, patience: Duration) -> Result<Written, Error> {
        let flushed = self.producer.flush(patience);
        let delivered = self.reports.delivered.load(Ordering::Relaxed);
        // Whatever is not known to be there. What librdkafka counts as waiting has its own events in it.
        let written = Written {
            delivered,
            bytes: self.bytes,
            failed: self.handed_over.saturating_sub(delivered),
        };
        if written.failed == 0 {
            return Ok(written);
        }
        let first = self
            .reports
            .first
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        Err(Error::Lost {
            failed: written.failed,
            delivered: written.delivered,
            first: first
                .or(flushed.err().map(|error| error.to_string()))
                .unwrap_or_else(|| "no answer".to_owned()),
        })
    }
}

#[cfg(test)]
mod tests;
