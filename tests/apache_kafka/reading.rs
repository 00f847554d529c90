//! Where reading begins, what is read, and what is said about the rest.

use std::time::Duration;

use cic_conduit::kafka::{DeadLetters, Event, Input, Kind, Letter, Settings, Start};
use rdkafka::admin::{AdminOptions, NewPartitions};
use rdkafka::producer::{FutureProducer, Producer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::agent::{Agent, PATIENCE, admin, client, make_topic, settings, write, write_by};
use crate::support::apache_kafka::{ApacheKafka, shared};

fn at_end(input: &Input) -> Option<i64> {
    match input {
        Input::AtEnd { offset, .. } => Some(*offset),
        _ => None,
    }
}

fn gap(input: &Input) -> Option<(i64, i64)> {
    match input {
        Input::Event(Event::Gap { from, to, .. }) => Some((*from, *to)),
        _ => None,
    }
}

/// Deletes what retention would.
pub(crate) async fn delete_below(kafka: &ApacheKafka, topic: &str, offset: i64) {
    let mut below = TopicPartitionList::new();
    below
        .add_partition_offset(topic, 0, Offset::Offset(offset))
        .unwrap();
    admin(kafka)
        .delete_records(&below, &AdminOptions::new())
        .await
        .unwrap();
}

#[tokio::test]
async fn reading_begins_at_the_first_record_the_end_or_a_time() {
    let Some(kafka) = shared() else { return };
    make_topic(kafka, "begin", 1).await;
    let producer: FutureProducer = client(kafka).create().unwrap();
    for (time, value) in [(1_000, "a"), (2_000, "b"), (3_000, "c")] {
        let record = rdkafka::producer::FutureRecord::<str, str>::to("begin")
            .timestamp(time)
            .payload(value);
        producer.send(record, PATIENCE).await.unwrap();
    }
    let starting = |group: &str, start| Settings {
        group: group.into(),
        start,
        ..settings(kafka, "begin")
    };
    let mut first = Agent::start(starting("begin-first", Start::Earliest));
    let mut time = Agent::start(starting("begin-time", Start::At(2_000)));
    let mut last = Agent::start(starting("begin-last", Start::Latest));
    let mut never = Agent::start(starting("begin-never", Start::At(4_000)));
    assert_eq!(first.values(3), ["a", "b", "c"]);
    assert_eq!(time.values(2), ["b", "c"]);
    assert_eq!((last.until(at_end), never.until(at_end)), (3, 3));
    write(kafka, "begin", 0, &["d"]).await;
    assert_eq!(
        (last.values(1), never.values(1)),
        (vec!["d".into()], vec!["d".into()])
    );
    for agent in [first, time, last, never] {
        agent.stop(Vec::new()).await;
    }
}

/// With either group protocol: a topic and a partition that come later are read from their beginning, and what the
/// agent writes never.
async fn expressions(name: &str, protocol: &str) {
    let Some(kafka) = shared() else { return };
    let topic = |end: &str| format!("{name}-{end}");
    make_topic(kafka, &topic("a"), 1).await;
    make_topic(kafka, &topic("a.dead-letters"), 1).await;
    write(kafka, &topic("a.dead-letters"), 0, &["dead"]).await;
    write(kafka, &topic("a"), 0, &["old"]).await;
    let options = [
        ("group.protocol", protocol),
        ("topic.metadata.refresh.interval.ms", "1000"),
    ];
    let mut agent = Agent::start(Settings {
        topics: vec![format!("^{name}-.*")],
        written: vec![format!("^{name}-.+\\.dead-letters$")],
        start: Start::Latest,
        passed_through: options.map(|(name, value)| (name.into(), value.into())).into(),
        ..settings(kafka, name)
    });
    assert_eq!(agent.until(at_end), 1);
    let more = NewPartitions::new("", 2);
    let grown = topic("a");
    let more = NewPartitions {
        topic_name: &grown,
        ..more
    };
    admin(kafka)
        .create_partitions([&more], &AdminOptions::new())
        .await
        .unwrap();
    write(kafka, &topic("a"), 1, &["in a new partition"]).await;
    assert_eq!(agent.values(1), ["in a new partition"]);
    make_topic(kafka, &topic("b"), 1).await;
    let found = agent.until(|input| match input {
        Input::Assigned { place, .. } => Some(place.topic.to_string()),
        _ => None,
    });
    assert_eq!(found, topic("b"));
    write(kafka, &topic("b"), 0, &["in a new topic"]).await;
    assert_eq!(agent.values(2)[1], "in a new topic");
    assert!(
        agent.said.iter().all(|said| !said.contains("dead-letters")),
        "{:?}",
        agent.said
    );
    agent.stop(Vec::new()).await;
}

#[tokio::test]
async fn what_comes_later_is_read_from_its_beginning_and_what_is_written_never() {
    expressions("sites", "classic").await;
}

#[tokio::test]
async fn the_newer_group_protocol_reads_the_same() {
    expressions("newer", "consumer").await;
}

/// Rule 5: a fetch grows many times over when it is unpacked, and what is handed over stays within the bound.
#[tokio::test]
async fn compressed_topics_are_read_within_the_memory_bound() {
    let Some(kafka) = shared() else { return };
    for codec in ["gzip", "snappy", "lz4", "zstd"] {
        let topic = format!("packed-{codec}");
        make_topic(kafka, &topic, 1).await;
        let producer: FutureProducer = client(kafka)
            .set("compression.type", codec)
            .set("linger.ms", "50")
            .create()
            .unwrap();
        let value = "packed ".repeat(1000);
        let records = (0..1000).map(|_| {
            let record = rdkafka::producer::FutureRecord::<str, str>::to(&topic).payload(&value);
            producer.send_result(record).map_err(|(error, _)| error).unwrap()
        });
        for sent in records.collect::<Vec<_>>() {
            sent.await.unwrap().unwrap();
        }
        let mut agent = Agent::start(Settings {
            memory: 2 << 20,
            ..settings(kafka, &topic)
        });
        let read = agent.values(1000);
        assert!(read.iter().all(|read| *read == value), "{codec}");
        agent.stop(Vec::new()).await;
    }
}

/// Records that are deleted while the agent stands are named, and reading goes on with the first one there.
#[tokio::test]
async fn what_retention_took_is_named_and_reading_goes_on() {
    let Some(kafka) = shared() else { return };
    make_topic(kafka, "gap", 1).await;
    write(kafka, "gap", 0, &["a", "b", "c", "d"]).await;
    let mut agent = Agent::start(settings(kafka, "gap"));
    agent.values(4);
    agent.stop(vec![crate::agent::commit("gap", 0, 1, "")]).await;
    let mut below = TopicPartitionList::new();
    below.add_partition_offset("gap", 0, Offset::Offset(3)).unwrap();
    admin(kafka)
        .delete_records(&below, &AdminOptions::new())
        .await
        .unwrap();
    let mut agent = Agent::start(settings(kafka, "gap"));
    let gap = agent.until(|input| match input {
        Input::Event(Event::Gap { from, to, .. }) => Some((*from, *to)),
        _ => None,
    });
    assert_eq!(gap, (1, 3));
    assert_eq!(agent.values(1), ["d"]);
    agent.stop(Vec::new()).await;
}

/// The same while it reads: what was read before and what is there still comes whole and in order.
async fn overtaken(name: &str, protocol: &str) {
    let Some(kafka) = shared() else { return };
    make_topic(kafka, name, 1).await;
    let value = "x".repeat(10_000);
    write(kafka, name, 0, &[value.as_str(); 300]).await;
    let mut agent = Agent::start(Settings {
        memory: 100_000,
        passed_through: [("group.protocol".into(), protocol.into())].into(),
        ..settings(kafka, name)
    });
    agent.keep_bytes(true);
    agent.until(|input| matches!(input, Input::Event(Event::Paused(true))).then_some(()));
    delete_below(kafka, name, 290).await;
    agent.keep_bytes(false);
    let (from, to) = agent.until(gap);
    assert_eq!(to, 290);
    let expected: Vec<i64> = (0..from).chain(290..300).collect();
    agent.values(expected.len());
    let offsets: Vec<i64> = agent.read.iter().map(|record| record.2).collect();
    assert_eq!(offsets, expected);
    assert!(
        agent.said.iter().all(|said| !said.contains("Fault")),
        "{:?}",
        agent.said
    );
    agent.stop(Vec::new()).await;
}

#[tokio::test]
async fn what_retention_takes_from_under_a_reader_is_named_and_reading_goes_on() {
    overtaken("overtaken", "classic").await;
}

#[tokio::test]
async fn with_the_newer_group_protocol_too() {
    overtaken("overtaken-newer", "consumer").await;
}

/// The watchdog, of a second, has had time to look more than once at partition 0, which stands still and lags so far.
fn watched(agent: &mut Agent, lag: i64) {
    for _ in 0..12 {
        let said = agent.until(|input| match input {
            Input::Event(Event::Lag(lags)) => lags
                .iter()
                .find(|(place, _)| place.partition == 0)
                .map(|lag| lag.1),
            _ => None,
        });
        assert_eq!(said, lag);
    }
}

/// A partition that misses records stands still, and only that one: the watchdog leaves it alone, the others are read.
/// It goes on when the configuration says so.
#[tokio::test]
async fn where_a_gap_is_to_stop_the_partition_it_is_not_read() {
    let Some(kafka) = shared() else { return };
    make_topic(kafka, "stands", 2).await;
    write(kafka, "stands", 0, &["a", "b", "c", "d"]).await;
    let stopping = || Settings {
        stop_at_gap: true,
        watchdog: Duration::from_secs(1),
        ..settings(kafka, "stands")
    };
    let mut agent = Agent::start(stopping());
    agent.values(4);
    agent
        .stop(vec![crate::agent::commit("stands", 0, 1, "pointer")])
        .await;
    delete_below(kafka, "stands", 3).await;
    let mut agent = Agent::start(stopping());
    assert_eq!(agent.until(gap), (1, 3));
    write(kafka, "stands", 1, &["beside it"]).await;
    assert_eq!(agent.values(1), ["beside it"]);
    watched(&mut agent, 1);
    assert_eq!(agent.read.len(), 1, "{:?}", agent.read);
    let said = |word: &str| agent.said.iter().any(|said| said.contains(word));
    assert!(!said("Rebuilt") && said("stopped: true"), "{:?}", agent.said);
    agent.stop(Vec::new()).await;
    let mut agent = Agent::start(settings(kafka, "stands"));
    assert_eq!(agent.until(gap), (1, 3));
    assert!(agent.values(2).contains(&"d".to_owned()));
    agent.stop(Vec::new()).await;
}

/// The same in mid-stream.
#[tokio::test]
async fn a_gap_that_opens_under_a_reader_stops_it_there() {
    let Some(kafka) = shared() else { return };
    make_topic(kafka, "stopped", 1).await;
    let value = "x".repeat(10_000);
    write(kafka, "stopped", 0, &[value.as_str(); 300]).await;
    let mut agent = Agent::start(Settings {
        memory: 100_000,
        stop_at_gap: true,
        watchdog: Duration::from_secs(1),
        ..settings(kafka, "stopped")
    });
    agent.keep_bytes(true);
    agent.until(|input| matches!(input, Input::Event(Event::Paused(true))).then_some(()));
    delete_below(kafka, "stopped", 290).await;
    agent.keep_bytes(false);
    let (from, to) = agent.until(gap);
    assert_eq!(to, 290);
    watched(&mut agent, 300 - from);
    let offsets: Vec<i64> = agent.read.iter().map(|record| record.2).collect();
    assert_eq!(offsets, (0..from).collect::<Vec<i64>>());
    assert!(
        !agent.said.iter().any(|said| said.contains("Rebuilt")),
        "{:?}",
        agent.said
    );
    agent.stop(Vec::new()).await;
}

/// A group that was moved by hand behind the log's end is told, and reads what comes.
#[tokio::test]
async fn a_commit_behind_the_end_is_named_and_reading_goes_on_at_the_end() {
    let Some(kafka) = shared() else { return };
    make_topic(kafka, "beyond", 1).await;
    write(kafka, "beyond", 0, &["a"]).await;
    let mut agent = Agent::start(settings(kafka, "beyond"));
    agent.values(1);
    agent.stop(vec![crate::agent::commit("beyond", 0, 7, "")]).await;
    let mut agent = Agent::start(settings(kafka, "beyond"));
    let beyond = agent.until(|input| match input {
        Input::Event(Event::Beyond { from, end, .. }) => Some((*from, *end)),
        _ => None,
    });
    assert_eq!(beyond, (7, 1));
    agent.until(at_end);
    write(kafka, "beyond", 0, &["b"]).await;
    assert_eq!(agent.values(1), ["b"]);
    agent.stop(Vec::new()).await;
}

/// A dead letter is acknowledged with its key and headers; without its topic it is refused, and the topic is named.
#[tokio::test]
async fn a_dead_letter_keeps_its_headers_and_misses_its_topic() {
    let Some(kafka) = shared() else { return };
    make_topic(kafka, "letters", 1).await;
    let letter = Letter {
        key: Some("site".into()),
        value: "{}".into(),
        headers: vec![
            ("__connect.errors.topic".into(), "cic".into()),
            (
                "__connect.errors.exception.message".into(),
                "no \u{e4}nswer".into(),
            ),
        ],
    };
    let letters = DeadLetters::open(settings(kafka, "letters"), "letters").unwrap();
    let sent = letters.send_all([&letter].into_iter()).await;
    assert_eq!(sent, [Ok(())]);
    let mut agent = Agent::start(settings(kafka, "letters"));
    let record = agent.until(|input| match input {
        Input::Chunk(chunk) => chunk.records.first().cloned(),
        _ => None,
    });
    let sent = letter.headers.iter();
    let sent: Vec<_> = sent
        .map(|(name, value)| (name.to_string(), value.clone()))
        .collect();
    assert_eq!(record.headers, sent);
    assert_eq!(
        (record.key, record.value),
        (letter.key.clone(), Some(letter.value.clone()))
    );
    agent.stop(Vec::new()).await;
    let letters = letters.to("no-letters");
    let sent = letters.send_all([&letter].into_iter()).await;
    assert!(
        matches!(&sent[..], [Err(fault)] if fault.kind == Kind::Topic),
        "{sent:?}"
    );
}

/// A transaction ends with a marker that nobody is given: the log's end is reached all the same, and what was taken back
/// is not read.
#[tokio::test]
async fn the_end_of_a_log_with_transactions_is_reached() {
    let Some(kafka) = shared() else { return };
    make_topic(kafka, "transactions", 1).await;
    let producer: FutureProducer = client(kafka).set("transactional.id", "site").create().unwrap();
    let (sent, agent) = tokio::task::spawn_blocking(move || {
        producer.init_transactions(PATIENCE).unwrap();
        (producer, Agent::start(settings(kafka, "transactions")))
    })
    .await
    .unwrap();
    let mut agent = agent;
    for (value, keep) in [("kept", true), ("taken back", false)] {
        sent.begin_transaction().unwrap();
        write_by(&sent, "transactions", 0, &[value]).await;
        let sent = sent.clone();
        tokio::task::spawn_blocking(move || match keep {
            true => sent.commit_transaction(PATIENCE),
            false => sent.abort_transaction(PATIENCE),
        })
        .await
        .unwrap()
        .unwrap();
    }
    // Two records and two markers.
    let end = agent.until(|input| at_end(input).filter(|end| *end == 4));
    assert_eq!(end, 4);
    assert_eq!(agent.values(1), ["kept"]);
    agent.stop(Vec::new()).await;
}
