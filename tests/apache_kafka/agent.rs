//! An agent that only reads, and a site that only writes.

use std::sync::Arc;
use std::time::Duration;

use cic_conduit::kafka::{Commit, Consumer, Credits, Event, Input, Place, Settings};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{FutureProducer, FutureRecord};
use tokio::time::Instant;

use crate::support::apache_kafka::{ApacheKafka, Way};

/// Longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Reads and keeps what it read.
pub(crate) struct Agent {
    consumer: Consumer,
    inputs: flume::Receiver<Input>,
    credits: Arc<Credits>,
    until: Instant,
    /// Bytes not given back, where they are to be kept.
    kept: Option<usize>,
    /// Records read: topic, partition, offset, value.
    pub(crate) read: Vec<(String, i32, i64, String)>,
    /// Everything else, shortly.
    pub(crate) said: Vec<String>,
}

impl Agent {
    pub(crate) fn start(settings: Settings) -> Self {
        let credits = Arc::new(Credits::new(usize::try_from(settings.memory).unwrap()));
        let (say, inputs) = flume::bounded(64);
        Self {
            consumer: Consumer::start(settings, credits.clone(), say).unwrap(),
            inputs,
            credits,
            until: Instant::now() + PATIENCE,
            kept: None,
            read: Vec::new(),
            said: Vec::new(),
        }
    }

    /// The next input; chunks are kept and given back.
    pub(crate) fn next(&mut self) -> Input {
        assert!(
            Instant::now() < self.until,
            "it never came; said: {:?}",
            self.said
        );
        let input = self.inputs.recv_timeout(PATIENCE).expect("something is said");
        match &input {
            Input::Chunk(chunk) => {
                match &mut self.kept {
                    Some(kept) => *kept += chunk.size,
                    None => self.credits.give(chunk.size),
                }
                self.read.extend(chunk.records.iter().map(|record| {
                    let value = String::from_utf8_lossy(record.value.as_deref().unwrap_or_default());
                    let place = &chunk.place;
                    (
                        place.topic.to_string(),
                        place.partition,
                        record.offset,
                        value.into_owned(),
                    )
                }));
            }
            Input::Event(Event::Lag(_)) | Input::AtEnd { .. } => {}
            other => self.said.push(format!("{other:?}")),
        }
        input
    }

    /// From now on bytes are kept, or all are given back.
    pub(crate) fn keep_bytes(&mut self, keep: bool) {
        self.credits.give(self.kept.take().unwrap_or_default());
        self.kept = keep.then_some(0);
    }

    /// Goes on until something is said; a revocation on the way gives nothing back.
    pub(crate) fn until<T>(&mut self, mut wanted: impl FnMut(&Input) -> Option<T>) -> T {
        loop {
            let input = self.next();
            if let Some(found) = wanted(&input) {
                return found;
            }
            if let Input::Revoked { done, .. } = input {
                done.send(Vec::new()).unwrap();
            }
        }
    }

    /// Goes on until so many records are read; their values.
    pub(crate) fn values(&mut self, count: usize) -> Vec<String> {
        while self.read.len() < count {
            if let Input::Revoked { done, .. } = self.next() {
                done.send(Vec::new()).unwrap();
            }
        }
        self.read.iter().map(|record| record.3.clone()).collect()
    }

    pub(crate) async fn commit(&self, commit: Commit) -> Result<(), String> {
        self.consumer.remote().commit(commit).await
    }

    /// Leaves; `commits` is what a revocation is answered with.
    pub(crate) async fn stop(self, commits: Vec<Commit>) {
        let Self {
            consumer,
            inputs,
            credits,
            ..
        } = self;
        let giving = credits.clone();
        let answering = std::thread::spawn(move || {
            while let Ok(input) = inputs.recv() {
                match input {
                    Input::Revoked { done, .. } => done.send(commits.clone()).unwrap(),
                    Input::Chunk(chunk) => giving.give(chunk.size),
                    _ => {}
                }
            }
        });
        tokio::time::timeout(PATIENCE, consumer.stop()).await.unwrap();
        answering.join().unwrap();
        assert_eq!(credits.used(), 0, "rule 5: what was taken was given back");
    }
}

/// Settings for a group and topic of that name.
pub(crate) fn settings(kafka: &ApacheKafka, name: &str) -> Settings {
    Settings {
        drain: Duration::from_secs(20),
        grace: Duration::from_secs(20),
        ..Settings::new(kafka.at(Way::Plain), &[name], name)
    }
}

pub(crate) fn commit(topic: &str, partition: i32, offset: i64, metadata: &str) -> Commit {
    Commit {
        place: Place::new(topic, partition),
        offset,
        metadata: metadata.into(),
    }
}

pub(crate) fn client(kafka: &ApacheKafka) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", kafka.at(Way::Plain));
    config
}

pub(crate) fn admin(kafka: &ApacheKafka) -> AdminClient<DefaultClientContext> {
    client(kafka).create().unwrap()
}

pub(crate) async fn make_topic(kafka: &ApacheKafka, name: &str, partitions: i32) {
    let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
    let made = admin(kafka).create_topics([&topic], &options).await.unwrap();
    assert!(made.iter().all(Result::is_ok), "{made:?}");
}

/// Writes and waits for the acknowledgements.
pub(crate) async fn write(kafka: &ApacheKafka, topic: &str, partition: i32, values: &[&str]) {
    write_by(&client(kafka).create().unwrap(), topic, partition, values).await;
}

pub(crate) async fn write_by(producer: &FutureProducer, topic: &str, partition: i32, values: &[&str]) {
    for value in values {
        let record = FutureRecord::to(topic)
            .partition(partition)
            .key("site")
            .payload(*value);
        producer.send(record, PATIENCE).await.unwrap();
    }
}
