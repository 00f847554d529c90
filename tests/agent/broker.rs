//! Where records come from: the mock of librdkafka, or Apache Kafka.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::{ClientConfig, ClientContext};
use tokio::time::Instant;

use crate::support::apache_kafka::{self, ApacheKafka, Way};
use crate::support::programs::{PATIENCE, wait_for};

/// Partitions of a topic: one per site.
pub(crate) const PARTITIONS: i32 = 2;

/// A broker; topics of its tests have names of their own.
pub(crate) enum Broker {
    Mock(MockCluster<'static, DefaultProducerContext>),
    Apache(&'static ApacheKafka),
    /// One that a test has for itself.
    Own(Arc<ApacheKafka>),
}

/// A record to write.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) partition: i32,
    pub(crate) key: String,
    pub(crate) value: Vec<u8>,
}

/// A record of a dead-letter topic.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
    headers: Vec<(String, String)>,
}

impl Letter {
    /// A header that is there once.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.maybe(name)
            .unwrap_or_else(|| panic!("{name} is there once: {:?}", self.headers))
    }

    /// A header that may be there.
    pub(crate) fn maybe(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(one, _)| one == name);
        let (_, value) = found.next()?;
        found.next().is_none().then_some(value)
    }
}

/// rdkafka would log what the mock does when it goes away.
struct Quiet;
impl ClientContext for Quiet {
    fn log(&self, _: rdkafka::config::RDKafkaLogLevel, _: &str, _: &str) {}
    fn error(&self, _: rdkafka::error::KafkaError, _: &str) {}
}
impl rdkafka::consumer::ConsumerContext for Quiet {}

impl Broker {
    pub(crate) fn mock() -> Self {
        Self::Mock(MockCluster::new(1).unwrap())
    }

    /// None where tests on Apache Kafka are left out by hand.
    pub(crate) fn apache() -> Option<Self> {
        apache_kafka::shared().map(Self::Apache)
    }

    pub(crate) fn address(&self) -> String {
        match self {
            Self::Mock(cluster) => cluster.bootstrap_servers(),
            Self::Apache(kafka) => kafka.at(Way::Plain),
            Self::Own(kafka) => kafka.at(Way::Plain),
        }
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.address());
        config
    }

    /// Does something with topics of Apache Kafka.
    fn administer<T>(
        &self,
        work: impl AsyncFnOnce(AdminClient<DefaultClientContext>, AdminOptions) -> T,
    ) -> T {
        let admin = self.client().create().unwrap();
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(work(admin, options))
    }

    /// Removes a topic.
    pub(crate) fn remove_topic(&self, name: &str) {
        let removed = self.administer(async |admin, options| admin.delete_topics(&[name], &options).await);
        assert!(removed.unwrap().iter().all(Result::is_ok), "{name} is removed");
    }

    /// Removes the records below an offset, as retention does.
    pub(crate) fn remove_below(&self, topic: &str, partition: i32, offset: i64) {
        let mut below = TopicPartitionList::new();
        below
            .add_partition_offset(topic, partition, Offset::Offset(offset))
            .unwrap();
        let removed = self.administer(async |admin, options| admin.delete_records(&below, &options).await);
        removed.unwrap();
    }

    pub(crate) fn make_topic(&self, name: &str, partitions: i32) {
        match self {
            Self::Mock(cluster) => cluster.create_topic(name, partitions, 1).unwrap(),
            Self::Apache(_) | Self::Own(_) => {
                let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
                // One of that name may be on its way out.
                wait_for("the topic is made", || {
                    let make =
                        async |admin: AdminClient<_>, options| admin.create_topics([&topic], &options).await;
                    let made = self.administer(make).unwrap();
                    made.iter().all(Result::is_ok).then_some(())
                });
            }
        }
    }

    pub(crate) fn write(&self, topic: &str, records: &[Record]) {
        let producer: ThreadedProducer<DefaultProducerContext> = self
            .client()
            .set("message.max.bytes", "4000000")
            .set("queue.buffering.max.kbytes", "1000000")
            .create()
            .unwrap();
        for Record {
            partition,
            key,
            value,
        } in records
        {
            let record = BaseRecord::to(topic)
                .partition(*partition)
                .key(key)
                .payload(value);
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(PATIENCE).unwrap();
        let partitions = records.iter().map(|record| record.partition + 1).max();
        let written: i64 = self.ends(topic, partitions.unwrap_or(0)).iter().sum();
        assert!(written >= records.len() as i64, "all of them are written");
    }

    fn reader(&self, group: &str) -> BaseConsumer<Quiet> {
        self.client()
            .set("group.id", group)
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.commit", "false")
            .create_with_context(Quiet)
            .unwrap()
    }

    /// The log's end in each partition.
    pub(crate) fn ends(&self, topic: &str, partitions: i32) -> Vec<i64> {
        let reader = self.reader("tests");
        let end = |partition| {
            wait_for("the log's end is known", || {
                reader
                    .fetch_watermarks(topic, partition, Duration::from_secs(5))
                    .ok()
                    .map(|(_, end)| end)
            })
        };
        (0..partitions).map(end).collect()
    }

    /// What a group without members has committed in a partition.
    pub(crate) fn pointer(&self, group: &str, topic: &str, partition: i32) -> (i64, String) {
        let commits = self.commits(group, topic, partition, partition);
        let commit = &commits.elements()[0];
        let Offset::Offset(offset) = commit.offset() else {
            unreachable!("there is a commit")
        };
        (offset, commit.metadata().to_owned())
    }

    /// Commits by hand, for a group without members.
    pub(crate) fn commit(&self, group: &str, topic: &str, partition: i32, offset: i64, metadata: &str) {
        let mut list = TopicPartitionList::new();
        let mut commit = list.add_partition(topic, partition);
        commit.set_offset(Offset::Offset(offset)).unwrap();
        commit.set_metadata(metadata);
        // The members of before may not have left yet.
        wait_for("it is committed", || {
            self.reader(group).commit(&list, CommitMode::Sync).ok()
        });
    }

    fn commits(&self, group: &str, topic: &str, first: i32, last: i32) -> TopicPartitionList {
        let reader = self.reader(group);
        let mut list = TopicPartitionList::new();
        list.add_partition_range(topic, first, last);
        wait_for("the committed offsets are known", || {
            reader
                .committed_offsets(list.clone(), Duration::from_secs(5))
                .ok()
        })
    }

    /// What a group has committed in each partition.
    pub(crate) fn committed(&self, group: &str, topic: &str, partitions: i32) -> Vec<i64> {
        let committed = self.commits(group, topic, 0, partitions - 1);
        let offset = |offset| match offset {
            Offset::Offset(offset) => offset,
            _ => -1,
        };
        committed
            .elements()
            .iter()
            .map(|one| offset(one.offset()))
            .collect()
    }

    /// Everything in a topic of one partition.
    pub(crate) fn letters(&self, topic: &str) -> Vec<Letter> {
        let [end] = self.ends(topic, 1)[..] else {
            unreachable!("one partition")
        };
        let reader = self.reader("tests");
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
        reader.assign(&list).unwrap();
        let mut letters = Vec::new();
        let until = Instant::now() + PATIENCE;
        while (letters.len() as i64) < end {
            assert!(Instant::now() < until, "{} of {end} letters came", letters.len());
            let Some(Ok(message)) = reader.poll(Duration::from_millis(100)) else {
                continue;
            };
            let headers = message.headers().map_or(Vec::new(), |headers| {
                let text = |value: Option<&[u8]>| String::from_utf8_lossy(value.unwrap()).into_owned();
                headers
                    .iter()
                    .map(|header| (header.key.to_owned(), text(header.value)))
                    .collect()
            });
            letters.push(Letter {
                key: message.key().unwrap_or_default().to_vec(),
                value: message.payload().unwrap_or_default().to_vec(),
                headers,
            });
        }
        letters
    }
}
