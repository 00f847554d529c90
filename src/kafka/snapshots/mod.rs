//! Snapshots of a partition's state in the state topic, partition n for partition n.
//!
//! A snapshot is cut into chunks while it is made, compressed by the producer, each a record whose key is its id and
//! number; it is written when Kafka has acknowledged them all. Where it lies is a [`Pointer`]; nothing is found by looking. What is
//! read back is what was written, by length and checksum, or it is said what is wrong with it.

mod inspect;
mod pieces;
mod read;
mod topic;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use rdkafka::producer::FutureRecord;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::sender::{Sender, Sent};
use super::{Error, Fault, Place, Pointer, Settings};
use crate::fail;
use read::Reader;

pub use pieces::{Pieces, Whole};
pub use topic::Unfit;

/// Bytes of a chunk before compression: a broker takes messages of a megabyte unless it is told otherwise.
const CHUNK: usize = 512 * 1024;
/// Chunks on their way at a time.
const WINDOW: usize = 8;

/// Why a snapshot cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// It is not there, or not all of it.
    #[error("{0}")]
    Missing(String),
    /// It is there and not what was written.
    #[error("{0}")]
    Damaged(String),
    /// Kafka does not answer as it should: worth another try.
    #[error("{0}")]
    Fault(Fault),
}

/// The snapshots of all partitions. Clones share their connections.
#[derive(Clone)]
pub struct Snapshots(Arc<Inner>);

struct Inner {
    settings: Arc<Settings>,
    producer: Sender,
    reader: Reader,
    /// The state topic of an input topic.
    topic_of: Box<dyn Fn(&str) -> String + Send + Sync>,
}

impl std::fmt::Debug for Snapshots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshots").finish_non_exhaustive()
    }
}

impl Snapshots {
    /// Opens the way to the state topics, `topic_of` each input topic; it connects by itself.
    ///
    /// # Errors
    /// When librdkafka does not take the settings.
    pub fn open(
        settings: &Settings,
        topic_of: impl Fn(&str) -> String + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let settings = Arc::new(settings.clone());
        let producer = Sender::open(&settings.snapshots(), &settings)?;
        Ok(Self(Arc::new(Inner {
            reader: Reader::new(settings.clone()),
            settings,
            producer,
            topic_of: Box::new(topic_of),
        })))
    }

    /// Writes a snapshot of `place`, which `make` writes on a thread of its own; when it returns, Kafka has all of it.
    ///
    /// # Errors
    /// When a chunk was not acknowledged, or it was not made. Nothing points to the others then.
    pub async fn write(
        &self,
        place: &Place,
        make: impl FnOnce(&mut Pieces) -> io::Result<()> + Send + 'static,
    ) -> Result<Pointer, Fault> {
        let (sender, mut chunks) = mpsc::channel(1);
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        let making = spawn_blocking(move || {
            let mut pieces = Pieces::new(move |piece| sender.blocking_send(piece).map_err(gone));
            make(&mut pieces)?;
            pieces.end()
        });
        let topic = (self.0.topic_of)(&place.topic);
        let id = format!("{:016x}", fastrand::u64(..));
        let mut sent = VecDeque::with_capacity(WINDOW);
        let (mut number, mut first, mut last) = (0, i64::MAX, 0);
        loop {
            let chunk = chunks.recv().await;
            if chunk.is_none() || sent.len() >= WINDOW {
                fail::at("snapshot half written");
                let Some(oldest) = sent.pop_front() else { break };
                let offset = Sent::ended(oldest).await.map_err(|error| Fault::from(&error))?;
                (first, last) = (first.min(offset), last.max(offset));
            }
            if let Some(chunk) = chunk {
                let key = format!("{id}/{number}");
                let record = FutureRecord::to(&topic).partition(place.partition);
                let record = record.key(&key).payload(&chunk);
                let begun = self.0.producer.send(record);
                sent.push_back(begun.map_err(|error| Fault::from(&error))?);
                number += 1;
            }
        }
        let made = making.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        let Whole { length, checksum } = made.map_err(|error| Fault::judge(None, error.to_string()))?;
        Ok(Pointer {
            topic,
            partition: place.partition,
            id,
            first,
            last,
            chunks: number,
            length,
            checksum,
        })
    }

    /// Reads a snapshot and checks it.
    ///
    /// # Errors
    /// When it is not there as it was written, or Kafka does not answer.
    pub async fn read(&self, pointer: &Pointer) -> Result<Vec<u8>, Unread> {
        let pointer = pointer.clone();
        self.ask(move |reader| reader.snapshot(&pointer))
            .await
            .unwrap_or_else(|| Err(Unread::Fault(gone())))
    }

    /// What the input's record at `offset` is known by; none where there is no such record any more.
    ///
    /// # Errors
    /// When Kafka does not answer.
    pub async fn witness(&self, place: &Place, offset: i64) -> Result<Option<u64>, Fault> {
        let place = place.clone();
        self.ask(move |reader| reader.witness(&place, offset))
            .await
            .unwrap_or_else(|| Err(gone()))
    }

    /// A snapshot is not needed any more: compaction may take its chunks. Not waited for; what fails here only takes
    /// room.
    pub fn forget(&self, pointer: &Pointer) {
        for number in 0..pointer.chunks {
            let key = format!("{}/{number}", pointer.id);
            let record = FutureRecord::<str, [u8]>::to(&pointer.topic).partition(pointer.partition);
            if self.0.producer.send(record.key(&key)).is_err() {
                return;
            }
        }
    }

    /// Sees that the state topic of `input` is there with a partition for each of the input's; makes it where that is
    /// allowed.
    ///
    /// # Errors
    /// When it is not there and cannot be made, or does not fit; and what to do.
    pub async fn prepare(&self, input: &str) -> Result<(), Unfit> {
        let (settings, input) = (self.0.settings.clone(), input.to_owned());
        let topic = (self.0.topic_of)(&input);
        topic::prepare(settings, input, topic).await
    }

    /// Says how the state topic of `input` is found, by all that shows and leaves no trace.
    ///
    /// # Errors
    /// When it does not do, or does only for a while.
    pub async fn inspect(&self, input: &str) -> Result<String, Unfit> {
        let topic = (self.0.topic_of)(input);
        inspect::inspect(&self.0, input.to_owned(), topic).await
    }

    async fn ask<T: Send + 'static>(&self, ask: impl FnOnce(&Reader) -> T + Send + 'static) -> Option<T> {
        let inner = self.0.clone();
        let asked = spawn_blocking(move || ask(&inner.reader)).await.ok();
        let inner = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            sleep(read::IDLE).await;
            if let Some(inner) = inner.upgrade() {
                spawn_blocking(move || inner.reader.rest());
            }
        });
        asked
    }
}

fn gone() -> Fault {
    Fault::judge(None, "the reader of snapshots has ended")
}
