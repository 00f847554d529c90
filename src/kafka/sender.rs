//! A producer whose acknowledgements can be waited for.
//!
//! rdkafka's own looks for them in tenths of a second, and spins for the last millisecond of each.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{DeliveryResult, Message, ToBytes};
use rdkafka::producer::{BaseProducer, BaseRecord, FutureRecord, Producer as _, ProducerContext};
use tokio::sync::oneshot;

use super::bearer::Bearer;
use super::{Error, Settings};

/// How long the thread rests while something is on its way.
const BUSY: Duration = Duration::from_millis(5);
/// How long while nothing is: then there are errors and logs to take.
const IDLE: Duration = Duration::from_millis(100);
/// How many events it takes between two rests.
const SOME: usize = 16;

/// Clones share one connection, which ends with the last of them.
#[derive(Clone)]
pub(super) struct Sender(Arc<Inner>);

struct Inner {
    producer: Arc<BaseProducer<Bearer>>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A record on its way.
pub(super) struct Sent(oneshot::Receiver<KafkaResult<i64>>);

impl Sender {
    /// Opens it; it connects by itself.
    ///
    /// # Errors
    /// When librdkafka does not take the settings.
    pub(super) fn open(config: &ClientConfig, settings: &Arc<Settings>) -> Result<Self, Error> {
        let producer: BaseProducer<Bearer> = config.create_with_context(Bearer(settings.clone()))?;
        let producer = Arc::new(producer);
        let stopped = Arc::new(AtomicBool::new(false));
        let take = take_events(producer.clone(), stopped.clone());
        let thread = thread::Builder::new().name("sender".into()).spawn(take)?;
        Ok(Self(Arc::new(Inner {
            producer,
            stopped,
            thread: Some(thread),
        })))
    }

    /// Begins to send a record.
    ///
    /// # Errors
    /// When librdkafka does not take it: there may be no room for it.
    pub(super) fn send<K, V>(&self, record: FutureRecord<'_, K, V>) -> KafkaResult<Sent>
    where
        K: ToBytes + ?Sized,
        V: ToBytes + ?Sized,
    {
        let (ended, sent) = oneshot::channel();
        let record = BaseRecord {
            topic: record.topic,
            partition: record.partition,
            key: record.key,
            payload: record.payload,
            timestamp: record.timestamp,
            headers: record.headers,
            delivery_opaque: Box::new(ended),
        };
        self.0.producer.send(record).map_err(|(error, _)| error)?;
        self.0.wake();
        Ok(Sent(sent))
    }
}

impl Inner {
    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn take_events(producer: Arc<BaseProducer<Bearer>>, stopped: Arc<AtomicBool>) -> impl FnOnce() + Send {
    move || {
        while !stopped.load(Ordering::Relaxed) {
            for _ in 0..SOME {
                producer.poll(Duration::ZERO);
            }
            let busy = producer.in_flight_count() > 0;
            thread::park_timeout(if busy { BUSY } else { IDLE });
        }
    }
}

impl Sent {
    /// Its offset, once Kafka has it.
    ///
    /// # Errors
    /// When Kafka did not acknowledge it: it may be there all the same.
    pub(super) async fn ended(self) -> KafkaResult<i64> {
        self.0.await.unwrap_or(Err(KafkaError::Canceled))
    }
}

impl ProducerContext for Bearer {
    type DeliveryOpaque = Box<oneshot::Sender<KafkaResult<i64>>>;

    fn delivery(&self, result: &DeliveryResult<'_>, ended: Self::DeliveryOpaque) {
        // Whoever sent it may not care.
        let _ = ended.send(match result {
            Ok(message) => Ok(message.offset()),
            Err((error, _)) => Err(error.clone()),
        });
    }
}
