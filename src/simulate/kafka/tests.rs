//! Against librdkafka's mock cluster.

use super::*;
use crate::simulate::{Form, Settings, Simulation};
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Headers;
use rdkafka::mocking::MockCluster;
use std::collections::BTreeMap;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn target(brokers: String) -> Target {
    Target {
        brokers,
        topic: "cic".to_owned(),
        spread: None,
        options: Vec::new(),
    }
}

fn flat_out(records: u64) -> Pace {
    Pace {
        flat_out: true,
        records: Some(records),
    }
}

/// Reads so many records: partition, key, value, timestamp, number of headers.
fn read(brokers: &str, count: usize) -> Vec<(i32, String, Vec<u8>, i64, usize)> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "test")
        .set("auto.offset.reset", "earliest")
        .create()
        .unwrap();
    consumer.subscribe(&["cic"]).unwrap();
    let mut records = Vec::new();
    let begun = Instant::now();
    while records.len() < count {
        assert!(begun.elapsed() < PATIENCE, "{count} records come");
        // Also an event of the client's own ends a poll.
        let Some(message) = consumer.poll(Duration::from_secs(1)) else {
            continue;
        };
        let message = message.unwrap();
        records.push((
            message.partition(),
            String::from_utf8(message.key().unwrap().to_vec()).unwrap(),
            message.payload().unwrap().to_vec(),
            message.timestamp().to_millis().unwrap(),
            message.headers().map_or(0, Headers::count),
        ));
    }
    records
}

async fn write(
    cluster: &MockCluster<'_, impl ProducerContext>,
    settings: &Settings,
    spread: Option<i32>,
) -> Vec<Said> {
    let said: Vec<Said> = Simulation::new(settings).take(3000).collect();
    let target = Target {
        spread,
        ..target(cluster.bootstrap_servers())
    };
    let mut writer = Writer::open(&target).unwrap();
    let records = Simulation::new(settings);
    writer
        .run(records, flat_out(3000), &CancellationToken::new())
        .await
        .unwrap();
    let written = writer.finish(PATIENCE).unwrap();
    let bytes = said.iter().map(|said| said.value.len() as u64).sum();
    assert_eq!(
        written,
        Written {
            delivered: 3000,
            bytes,
            failed: 0
        }
    );
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_stays_in_one_partition_in_the_order_in_which_it_was_said() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("cic", 3, 1).unwrap();
    let settings = Settings {
        agents: 30,
        sites: 3,
        form: Form::Binary,
        ..Settings::default()
    };
    let said = write(&cluster, &settings, Some(3)).await;
    let brokers = cluster.bootstrap_servers();
    let read = tokio::task::spawn_blocking(move || read(&brokers, 3000))
        .await
        .unwrap();
    let mut partitions: BTreeMap<String, Vec<i32>> = BTreeMap::new();
    let mut by_site: BTreeMap<String, Vec<(Vec<u8>, i64)>> = BTreeMap::new();
    for (partition, site, value, time, headers) in read {
        partitions.entry(site.clone()).or_default().push(partition);
        by_site.entry(site).or_default().push((value, time));
        assert_eq!(headers, 5, "the binary form has its headers");
    }
    for (at, list) in partitions.values().enumerate() {
        assert!(
            list.iter().all(|one| usize::try_from(*one).unwrap() == at),
            "site {at}"
        );
    }
    for (site, records) in by_site {
        let wanted = said.iter().filter(|said| *said.site == *site);
        let wanted: Vec<_> = wanted.map(|said| (said.value.clone(), said.time)).collect();
        assert_eq!(records, wanted, "{site}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_waited_for_and_a_stop_ends_it() {
    // Nobody listens: nothing is ever delivered or, for an hour, given up, and the queue holds ten.
    let target = Target {
        options: vec![
            ("queue.buffering.max.messages".to_owned(), "10".to_owned()),
            ("message.timeout.ms".to_owned(), "3600000".to_owned()),
        ],
        ..target("127.0.0.1:1".to_owned())
    };
    let mut writer = Writer::open(&target).unwrap();
    let simulation = Simulation::new(&Settings::default());
    let mut offered = 0;
    for said in simulation {
        if !writer.offer(&said).unwrap() {
            break;
        }
        offered += 1;
    }
    assert_eq!(offered, 10, "memory is bounded");
    let stop = CancellationToken::new();
    stop.cancel();
    let simulation = Simulation::new(&Settings::default());
    writer.run(simulation, Pace::default(), &stop).await.unwrap();
    let lost = writer.finish(Duration::from_millis(10));
    let Err(Error::Lost {
        failed, delivered, ..
    }) = lost
    else {
        panic!("{lost:?}");
    };
    assert_eq!((failed, delivered), (offered, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn record_times_pass_as_the_clock_does() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("cic", 1, 1).unwrap();
    let settings = Settings {
        rate: 100,
        ..Settings::default()
    };
    let mut writer = Writer::open(&target(cluster.bootstrap_servers())).unwrap();
    let begun = Instant::now();
    let pace = Pace {
        flat_out: false,
        records: Some(settings.records_in(Duration::from_millis(500))),
    };
    writer
        .run(Simulation::new(&settings), pace, &CancellationToken::new())
        .await
        .unwrap();
    assert!(
        begun.elapsed() >= Duration::from_millis(480),
        "50 records at 100 a second"
    );
    let written = tokio::task::spawn_blocking(move || writer.finish(PATIENCE))
        .await
        .unwrap();
    assert_eq!(written.unwrap().delivered, 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_up_is_counted_with_the_first_reason() {
    let target = Target {
        options: vec![("message.timeout.ms".to_owned(), "100".to_owned())],
        ..target("127.0.0.1:1".to_owned())
    };
    let mut writer = Writer::open(&target).unwrap();
    let simulation = Simulation::new(&Settings::default());
    writer
        .run(simulation, flat_out(20), &CancellationToken::new())
        .await
        .unwrap();
    let lost = writer.finish(PATIENCE).unwrap_err();
    let told =
        "20 records were not delivered, 0 were; the first error: Message production error: MessageTimedOut";
    assert!(lost.to_string().starts_with(told), "{lost}");
}

#[test]
fn an_option_that_does_not_exist_is_refused() {
    let target = Target {
        options: vec![("no.such.option".to_owned(), "1".to_owned())],
        ..target("127.0.0.1:1".to_owned())
    };
    let error = Writer::open(&target).err().unwrap();
    assert!(error.to_string().contains("no.such.option"), "{error}");
}
