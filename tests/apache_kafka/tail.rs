//! Reading along without a group.

use std::sync::mpsc::{Receiver, Sender, channel};

use cic_conduit::kafka::{Event, Input, Settings, Tail};
use rdkafka::admin::{AdminOptions, NewPartitions};
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::agent::{PATIENCE, admin, client, make_topic, settings, write};
use crate::reading::delete_below;
use crate::support::apache_kafka::shared;

/// A tail that is asked for one input at a time.
struct Asked {
    ask: Sender<()>,
    inputs: Receiver<Option<Input>>,
}

impl Asked {
    fn open(settings: Settings) -> Self {
        let (ask, asked) = channel();
        let (say, inputs) = channel();
        std::thread::spawn(move || {
            let mut tail = Tail::open(settings, PATIENCE).unwrap();
            while asked.recv().is_ok() {
                let _ = say.send(tail.poll());
            }
        });
        Self { ask, inputs }
    }

    fn until<T>(&self, mut wanted: impl FnMut(Input) -> Option<T>) -> T {
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            assert!(tokio::time::Instant::now() < until, "it never came");
            self.ask.send(()).unwrap();
            let input = self.inputs.recv_timeout(PATIENCE).expect("it goes on");
            if let Some(Input::Event(Event::Fault(fault))) = &input {
                panic!("{fault}");
            }
            if let Some(found) = input.and_then(&mut wanted) {
                return found;
            }
        }
    }

    /// The next records: partition and offset.
    fn records(&self) -> Vec<(i32, i64)> {
        self.until(|input| match input {
            Input::Chunk(chunk) => {
                let partition = chunk.place.partition;
                Some(
                    chunk
                        .records
                        .iter()
                        .map(|record| (partition, record.offset))
                        .collect(),
                )
            }
            _ => None,
        })
    }

    fn read(&self, count: usize) -> Vec<(i32, i64)> {
        let mut read = Vec::new();
        while read.len() < count {
            read.extend(self.records());
        }
        read
    }
}

/// What retention takes from under it is named, and it goes on with the first record there is. The group is not there.
async fn overtaken(name: &str, protocol: &str) {
    let Some(kafka) = shared() else { return };
    make_topic(kafka, name, 1).await;
    let value = "x".repeat(10_000);
    write(kafka, name, 0, &[value.as_str(); 300]).await;
    let tail = Asked::open(Settings {
        memory: 100_000,
        passed_through: [("group.protocol".into(), protocol.into())].into(),
        ..settings(kafka, name)
    });
    let mut read = tail.records();
    delete_below(kafka, name, 290).await;
    let (from, to) = tail.until(|input| match input {
        Input::Chunk(chunk) => {
            read.extend(chunk.records.iter().map(|record| (0, record.offset)));
            None
        }
        Input::Event(Event::Gap { from, to, .. }) => Some((from, to)),
        _ => None,
    });
    assert_eq!(to, 290);
    read.extend(tail.read(10));
    let expected: Vec<(i32, i64)> = (0..from).chain(290..300).map(|offset| (0, offset)).collect();
    assert_eq!(read, expected);
    let asking: BaseConsumer = client(kafka).create().unwrap();
    let groups = asking.fetch_group_list(None, PATIENCE).unwrap();
    assert!(
        groups.groups().iter().all(|group| group.name() != name),
        "it joined"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_joins_no_group_and_goes_on_behind_a_gap() {
    overtaken("tail", "classic").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_does_it_with_the_newer_group_protocol() {
    overtaken("tail-newer", "consumer").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_reads_later_partitions_from_their_beginning() {
    let Some(kafka) = shared() else { return };
    make_topic(kafka, "tail-later", 1).await;
    let tail = Asked::open(Settings {
        passed_through: [("topic.metadata.refresh.interval.ms".into(), "200".into())].into(),
        start: cic_conduit::kafka::Start::Latest,
        ..settings(kafka, "tail-later")
    });
    tail.until(|input| matches!(input, Input::AtEnd { .. }).then_some(()));
    let more = NewPartitions::new("tail-later", 2);
    let made = admin(kafka)
        .create_partitions([&more], &AdminOptions::new())
        .await;
    assert!(made.unwrap().iter().all(Result::is_ok));
    write(kafka, "tail-later", 1, &["a", "b"]).await;
    assert_eq!(tail.read(2), [(1, 0), (1, 1)]);
    write(kafka, "tail-later", 0, &["c"]).await;
    assert_eq!(tail.read(1), [(0, 0)], "the others go on where they were");
}
