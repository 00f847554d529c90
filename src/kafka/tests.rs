//! The reader on librdkafka's mock: rules 5, 8 and 9 as far as the mock can tell.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

use super::*;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

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
            consumer,
            inputs,
            credits,
        }
    }

    fn next(&self) -> Input {
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

/// Answers revocations until the consumer has left.
async fn stop(reading: Reading, commits: Vec<Commit>) {
    let inputs = reading.inputs.clone();
    let answering = std::thread::spawn(move || {
        let mut answered = Vec::new();
        while let Ok(input) = inputs.recv() {
            if let Input::Revoked { places, done, .. } = input {
                answered.extend(places);
                done.send(commits.clone()).unwrap();
            }
        }
        answered
    });
    let Reading { consumer, inputs, .. } = reading;
    drop(inputs);
    tokio::time::timeout(PATIENCE, consumer.stop()).await.unwrap();
    assert!(
        !answering.join().unwrap().is_empty(),
        "rule 9: the partitions were given back"
    );
}

#[tokio::test]
async fn what_is_committed_at_a_stop_is_where_the_next_one_begins() {
    let broker = Broker::new(1);
    broker.say(0, &["a", "b", "c"]);
    let first = Reading::start(broker.settings(), 1 << 20);
    let read = first.read(3);
    assert_eq!(read, [(0, "a".into()), (1, "b".into()), (2, "c".into())]);
    let commit = Commit {
        place: place(0),
        offset: 2,
        metadata: "pointer".into(),
    };
    stop(first, vec![commit]).await;
    let second = Reading::start(broker.settings(), 1 << 20);
    match second.happens() {
        Input::Assigned { from, metadata, .. } => assert_eq!((from, metadata.as_str()), (2, "pointer")),
        other => panic!("{other:?}"),
    }
    assert_eq!(second.read(1), [(2, "c".into())]);
    stop(second, Vec::new()).await;
}

/// Rule 5: no more bytes are out than the bound, and everything is read once they are given back.
#[tokio::test]
async fn no_more_is_handed_over_than_the_bound() {
    let broker = Broker::new(1);
    let large = "x".repeat(1000);
    broker.say(0, &vec![large.as_str(); 40]);
    let reading = Reading::start(broker.settings(), 5000);
    let mut offsets = Vec::new();
    let mut held = Vec::new();
    let mut stalls = 0;
    while offsets.len() < 40 {
        match reading.next() {
            Input::Chunk(chunk) => {
                let alone = held.is_empty();
                held.push(chunk.size);
                let out: usize = held.iter().sum();
                assert!(out <= 5000 || alone, "{out} bytes are out");
                offsets.extend(chunk.records.iter().map(|record| record.offset));
            }
            Input::Event(Event::Paused(true)) => {
                stalls += 1;
                held.drain(..).for_each(|size| reading.credits.give(size));
            }
            _ => {}
        }
    }
    assert_eq!(
        offsets,
        (0..40).collect::<Vec<i64>>(),
        "in order, none twice, none missing"
    );
    assert!(stalls > 0, "the bound was reached");
    held.drain(..).for_each(|size| reading.credits.give(size));
    stop(reading, Vec::new()).await;
}

/// Rule 8: a second agent gets what the first gave back, from where the first had come.
#[tokio::test]
async fn a_revoked_partition_goes_on_elsewhere_from_its_commit() {
    let broker = Broker::new(2);
    broker.say(0, &["a0", "a1"]);
    broker.say(1, &["b0", "b1"]);
    let first = Reading::start(broker.settings(), 1 << 20);
    first.read(4);
    let second = Reading::start(broker.settings(), 1 << 20);
    let moved = match first.happens() {
        Input::Revoked {
            places,
            done,
            stopping,
        } => {
            assert!(!stopping);
            let commits = places.iter().map(|place| Commit {
                place: place.clone(),
                offset: 1,
                metadata: String::new(),
            });
            done.send(commits.collect()).unwrap();
            places
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(moved.len(), 1);
    match second.happens() {
        Input::Assigned { place, from, .. } => assert_eq!((&place, from), (&moved[0], 1)),
        other => panic!("{other:?}"),
    }
    assert_eq!(second.read(1)[0].0, 1);
    stop(first, Vec::new()).await;
    stop(second, Vec::new()).await;
}

#[tokio::test]
async fn the_end_of_the_log_is_said_and_latest_begins_there() {
    let broker = Broker::new(1);
    broker.say(0, &["old"]);
    let settings = Settings {
        start: Start::Latest,
        ..broker.settings()
    };
    let reading = Reading::start(settings, 1 << 20);
    let end = loop {
        match reading.next() {
            Input::Assigned { from, .. } => assert_eq!(from, 1),
            Input::AtEnd { offset, .. } => break offset,
            Input::Chunk(chunk) => panic!("{chunk:?}"),
            _ => {}
        }
    };
    assert_eq!(end, 1);
    broker.say(0, &["new"]);
    assert_eq!(reading.read(1), [(1, "new".into())]);
    stop(reading, Vec::new()).await;
}

#[tokio::test]
async fn a_dead_letter_is_acknowledged_and_a_closed_port_is_named() {
    let broker = Broker::new(1);
    let letters = DeadLetters::open(broker.settings(), "cic").unwrap();
    let letter = Letter {
        key: None,
        value: Bytes::from_static(b"bad"),
        headers: vec![("__connect.errors.topic", "cic".into())],
    };
    letters.send(&letter).await.unwrap();
    let reading = Reading::start(broker.settings(), 1 << 20);
    assert_eq!(reading.read(1), [(0, "bad".into())]);
    stop(reading, Vec::new()).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let reading = Reading::start(Settings::new(closed.to_string(), &["cic"], "agents"), 1 << 20);
    let fault = loop {
        if let Input::Event(Event::Fault(fault)) = reading.next() {
            break fault;
        }
    };
    assert_eq!(fault.kind, Kind::Unreachable, "{fault}");
    drop(reading.inputs);
    tokio::time::timeout(PATIENCE, reading.consumer.stop())
        .await
        .unwrap();
}

#[test]
fn a_probe_says_what_is_there_and_joins_no_group() {
    let broker = Broker::new(2);
    for topic in ["cic.agents.dead-letters", "site-a", "site-b", "other"] {
        broker.cluster.create_topic(topic, 1, 1).unwrap();
    }
    let settings = Settings {
        topics: vec!["cic".into(), "^(site|cic).*".into(), "missing".into()],
        written: vec!["^.+\\.agents\\.dead-letters$".into()],
        ..broker.settings()
    };
    let found = probe(&settings, PATIENCE).unwrap();
    assert_eq!(found.reached.as_ref().unwrap().brokers, 1);
    assert_eq!((&found.faults, &found.group_fault), (&vec![], &None));
    let names = |asked: &Asked| {
        let mut names: Vec<String> = asked.topics.iter().map(|topic| topic.name.clone()).collect();
        names.sort();
        names
    };
    let said: Vec<_> = found
        .asked
        .iter()
        .map(|asked| (asked.entry.as_str(), names(asked)))
        .collect();
    assert_eq!(
        said,
        [
            ("cic", vec!["cic".to_owned()]),
            (
                "^(site|cic).*",
                vec!["cic".to_owned(), "site-a".into(), "site-b".into()]
            ),
            ("missing", vec![]),
        ]
    );
    assert_eq!(found.asked[2].fault.as_ref().unwrap().kind, Kind::Topic);
    assert_eq!(found.topic("cic").unwrap().partitions, 2);
    assert!(found.topic("cic.agents.dead-letters").is_some());
    assert_eq!(found.committed, []);
}

#[test]
fn a_probe_of_a_closed_port_says_so() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let found = probe(&Settings::new(closed.to_string(), &["cic"], "agents"), PATIENCE).unwrap();
    assert_eq!(found.reached, None);
    assert_eq!(found.faults[0].kind, Kind::Unreachable, "{:?}", found.faults);
}
