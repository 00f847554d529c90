//! The writer of dead letters. One counts when Kafka has acknowledged it.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::FutureRecord;

use super::sender::{Sender, Sent};
use super::{Error, Fault, Place, Settings};
use crate::fail;

/// A record for the dead-letter topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value.
    pub value: Bytes,
    /// Names and values.
    pub headers: Vec<(Cow<'static, str>, Bytes)>,
}

/// Writes dead letters to one topic. Clones share one connection.
#[derive(Clone)]
pub struct DeadLetters {
    topic: Arc<str>,
    producer: Sender,
}

impl std::fmt::Debug for DeadLetters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeadLetters")
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}

impl DeadLetters {
    /// Opens the writer; it connects by itself.
    ///
    /// # Errors
    /// When librdkafka does not take the settings.
    pub fn open(settings: Settings, topic: &str) -> Result<Self, Error> {
        let settings = Arc::new(settings);
        let producer = Sender::open(&settings.producer(), &settings)?;
        Ok(Self {
            topic: topic.into(),
            producer,
        })
    }

    /// The same writer for another topic.
    pub fn to(&self, topic: &str) -> Self {
        Self {
            topic: topic.into(),
            producer: self.producer.clone(),
        }
    }

    /// Writes letters in their order and waits for Kafka's acknowledgement of each.
    ///
    /// # Errors
    /// One per letter that Kafka did not acknowledge: it may be there all the same.
    pub async fn send_all<'a>(&self, letters: impl Iterator<Item = &'a Letter>) -> Vec<Result<(), Fault>> {
        let sent = letters
            .map(|letter| self.begin(&self.topic, None, letter))
            .collect();
        fail::at("dead letter sent");
        ended(sent)
            .await
            .into_iter()
            .map(|ended| ended.map(drop))
            .collect()
    }

    /// Writes them to that partition, in their order. The offset of each.
    ///
    /// # Errors
    /// As of [`DeadLetters::send_all`].
    pub async fn send_to<'a>(
        &self,
        place: &Place,
        letters: impl Iterator<Item = &'a Letter>,
    ) -> Vec<Result<i64, Fault>> {
        let partition = Some(place.partition);
        let begin = |letter| self.begin(&place.topic, partition, letter);
        ended(letters.map(begin).collect()).await
    }

    fn begin(&self, topic: &str, partition: Option<i32>, letter: &Letter) -> Result<Sent, Fault> {
        let headers = letter.headers.iter().fold(
            OwnedHeaders::new_with_capacity(letter.headers.len()),
            |headers, (name, value)| {
                headers.insert(Header {
                    key: name,
                    value: Some(&**value),
                })
            },
        );
        let mut record = FutureRecord::<[u8], [u8]>::to(topic)
            .payload(&letter.value)
            .headers(headers);
        if let Some(key) = &letter.key {
            record = record.key(key);
        }
        if let Some(partition) = partition {
            record = record.partition(partition);
        }
        self.producer.send(record).map_err(|error| Fault::from(&error))
    }

    /// The topic's name.
    pub fn topic(&self) -> &str {
        &self.topic
    }
}

async fn ended(sent: Vec<Result<Sent, Fault>>) -> Vec<Result<i64, Fault>> {
    let mut ended = Vec::with_capacity(sent.len());
    for sent in sent {
        ended.push(match sent {
            Ok(sent) => sent.ended().await.map_err(|error| Fault::from(&error)),
            Err(fault) => Err(fault),
        });
    }
    ended
}
