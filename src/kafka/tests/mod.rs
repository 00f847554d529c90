//! The reader on librdkafka's mock: rules 5, 8 and 9 as far as the mock can tell.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

use super::*;

mod probing;
mod reading;
mod rebuilding;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Nobody listens there; a port that was free a moment ago may be another test's by now.
const CLOSED: &str = "127.0.0.1:1";

struct Broker {
    cluster: MockCluster<'static, rdkafka::producer::DefaultProducerContext>,
}

impl Broker {
    fn new(partitions: i32) -> Self {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("cic", partitions, 1).unwrap();
        Self { cluster }
    }

    /// The mock lets a group wait for nearly the session timeout before it assigns anew.
    fn settings(&self) -> Settings {
        let short = [("session.timeout.ms", "6000"), ("heartbeat.interval.ms", "500")];
        Settings {
            passed_through: short.map(|(name, value)| (name.into(), value.into())).into(),
            drain: Duration::from_secs(2),
            grace: Duration::from_secs(2),
            ..Settings::new(self.cluster.bootstrap_servers(), &["cic"], "agents")
        }
    }

    fn say(&self, partition: i32, values: &[&str]) {
        let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
            .set("bootstrap.servers", self.cluster.bootstrap_servers())
            .create()
            .unwrap();
        for value in values {
            let record = BaseRecord::<str, str>::to("cic")
                .partition(partition)
                .key("cic1")
                .payload(value);
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(PATIENCE).unwrap();
    }
}

struct Reading {
    /// Events come every second, so that a wait for one input is no bound for all.
    until: tokio::time::Instant,
    consumer: Consumer,
    inputs: flume::Receiver<Input>,
    credits: Arc<Credits>,
}

impl Reading {
    fn start(settings: Settings, bound: usize) -> Self {
        let credits = Arc::new(Credits::new(bound));
        let (say, inputs) = flume::bounded(16);
        let consumer = Consumer::start(settings, credits.clone(), say).unwrap();
        Self {
            until: tokio::time::Instant::now() + 4 * PATIENCE,
            consumer,
            inputs,
            credits,
        }
    }

    fn next(&self) -> Input {
        assert!(tokio::time::Instant::now() < self.until, "it never came");
        self.inputs
            .recv_timeout(PATIENCE)
            .expect("something is said in time")
    }

    /// The next input that is no event.
    fn happens(&self) -> Input {
        loop {
            match self.next() {
                Input::Event(_) | Input::AtEnd { .. } => {}
                input => return input,
            }
        }
    }

    /// Reads `count` records and gives their bytes back.
    fn read(&self, count: usize) -> Vec<(i64, String)> {
        let mut read = Vec::new();
        while read.len() < count {
            match self.happens() {
                Input::Chunk(chunk) => {
                    self.credits.give(chunk.size);
                    read.extend(chunk.records.iter().map(text));
                }
                Input::Assigned { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        read
    }
}

fn text(record: &Record) -> (i64, String) {
    let value = record.value.as_deref().unwrap_or_default();
    (record.offset, String::from_utf8_lossy(value).into_owned())
}

fn place(partition: i32) -> Place {
    Place::new("cic", partition)
}

/// Where a moved partition is begun: at what was committed as it was taken away. On a loaded machine the mock refuses
/// commits within a rebalance, which Apache Kafka does not (`tests/apache_kafka` holds it to that): the refusal is said,
/// and what was read is read again.
fn moved_to(second: &Reading, first: &Reading, moved: &Place, committed: i64) -> i64 {
    let begun = match second.happens() {
        Input::Assigned { place, from, .. } => (place, from),
        other => panic!("{other:?}"),
    };
    let said: Vec<Input> = first.inputs.drain().collect();
    assert!(
        !said.iter().any(|input| matches!(input, Input::Chunk(_))),
        "{said:?}"
    );
    let refused = |input: &Input| matches!(input, Input::Event(Event::CommitFailed(_)));
    let from = match said.iter().any(refused) {
        true => 0,
        false => committed,
    };
    assert_eq!(begun, (moved.clone(), from), "{said:?}");
    from
}

/// Answers revocations until the consumer has left; every byte has come back by then. What was given back.
async fn stop(reading: Reading, commits: Vec<Commit>) -> Vec<Place> {
    let credits = reading.credits.clone();
    let giving = credits.clone();
    let inputs = reading.inputs.clone();
    let answering = std::thread::spawn(move || {
        let mut answered = Vec::new();
        while let Ok(input) = inputs.recv() {
            match input {
                Input::Revoked { places, done, .. } => {
                    answered.extend(places);
                    done.send(commits.clone()).unwrap();
                }
                Input::Chunk(chunk) => giving.give(chunk.size),
                _ => {}
            }
        }
        answered
    });
    let Reading { consumer, inputs, .. } = reading;
    drop(inputs);
    tokio::time::timeout(PATIENCE, consumer.stop()).await.unwrap();
    let answered = answering.join().unwrap();
    assert_eq!(credits.used(), 0, "rule 5: what was taken was given back");
    answered
}
