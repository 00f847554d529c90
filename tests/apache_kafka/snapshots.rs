//! Snapshots in a state topic: what comes back is what was written, or it is said what is wrong with it.

use std::io::Write as _;

use cic_conduit::kafka::{Fault, Input, Place, Pointer, Snapshots, Unread, checksum};
use rdkafka::admin::{AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication};
use tokio::time::Instant;

use crate::agent::{Agent, PATIENCE, admin, make_topic, settings, write};
use crate::reading::delete_below;
use crate::support::apache_kafka::{ApacheKafka, shared};

/// Snapshots of the input topics of that name; the state of `x` lies in `x.state`.
fn snapshots(kafka: &ApacheKafka, input: &str) -> Snapshots {
    Snapshots::open(&settings(kafka, input), |input| format!("{input}.state")).unwrap()
}

/// Repeatable bytes of which about half can be compressed away.
fn bytes(length: usize, seed: u64) -> Vec<u8> {
    let mut random = seed | 1;
    (0..length)
        .map(|at| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            match at % 64 < 32 {
                true => b' ',
                false => random.to_be_bytes()[0],
            }
        })
        .collect()
}

/// Writes a snapshot of these bytes.
async fn keep(snapshots: &Snapshots, place: &Place, bytes: Vec<u8>) -> Result<Pointer, Fault> {
    snapshots.write(place, move |to| to.write_all(&bytes)).await
}

async fn remove_topic(kafka: &ApacheKafka, topic: &str) {
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
    let removed = admin(kafka).delete_topics(&[topic], &options).await.unwrap();
    assert!(removed.iter().all(Result::is_ok), "{removed:?}");
}

async fn missing(snapshots: &Snapshots, pointer: &Pointer) -> String {
    match snapshots.read(pointer).await {
        Err(Unread::Missing(what)) => what,
        other => panic!("{:?}", other.map(|bytes| bytes.len())),
    }
}

/// As large as the state of 100,000 open conversations may be, beside others of the same partition.
#[tokio::test]
async fn thirty_megabytes_come_back_byte_for_byte() {
    let Some(kafka) = shared() else { return };
    make_topic(kafka, "large", 2).await;
    let snapshots = snapshots(kafka, "large");
    snapshots.prepare("large").await.unwrap();
    let place = Place::new("large", 1);
    let large = bytes(30_000_000, 1);
    let (first, second, empty) = tokio::join!(
        keep(&snapshots, &place, large.clone()),
        keep(&snapshots, &place, b"small".to_vec()),
        keep(&snapshots, &place, Vec::new()),
    );
    let (first, second, empty) = (first.unwrap(), second.unwrap(), empty.unwrap());
    assert!(snapshots.read(&first).await.unwrap() == large);
    assert_eq!(snapshots.read(&second).await.unwrap(), b"small");
    assert_eq!(snapshots.read(&empty).await.unwrap(), b"");
    let json = serde_json::to_string(&first).unwrap();
    assert!(json.len() < 400, "it fits into a commit's metadata: {json}");
}

/// Each way to fail has its word, and none of them gives back other bytes.
#[tokio::test]
async fn what_is_not_there_as_it_was_written_is_not_given_back() {
    let Some(kafka) = shared() else { return };
    make_topic(kafka, "broken", 1).await;
    make_topic(kafka, "broken.state", 1).await;
    let snapshots = snapshots(kafka, "broken");
    let place = Place::new("broken", 0);
    let written = bytes(2_000_000, 2);
    let pointer = keep(&snapshots, &place, written.clone()).await.unwrap();
    let wrong = [
        Pointer {
            checksum: pointer.checksum + 1,
            ..pointer.clone()
        },
        Pointer {
            length: pointer.length - 1,
            ..pointer.clone()
        },
    ];
    for wrong in wrong {
        let read = snapshots.read(&wrong).await;
        assert!(matches!(read, Err(Unread::Damaged(_))), "{wrong:?}");
    }
    let other = Pointer {
        id: "another".into(),
        ..pointer.clone()
    };
    missing(&snapshots, &other).await;
    assert!(snapshots.read(&pointer).await.unwrap() == written);
    // Retention took its first chunk, then all of it.
    delete_below(kafka, "broken.state", pointer.first + 1).await;
    missing(&snapshots, &pointer).await;
    delete_below(kafka, "broken.state", pointer.last + 1).await;
    missing(&snapshots, &pointer).await;
    // Another topic of the same name, with fewer records and then with as many.
    remove_topic(kafka, "broken.state").await;
    let again = async || {
        let topic = NewTopic::new("broken.state", 1, TopicReplication::Fixed(1));
        let options = AdminOptions::new();
        let made = admin(kafka).create_topics([&topic], &options).await.unwrap();
        made.iter().all(Result::is_ok)
    };
    let until = Instant::now() + PATIENCE;
    while !again().await {
        assert!(
            Instant::now() < until,
            "a topic that was deleted can be made again"
        );
    }
    missing(&snapshots, &pointer).await;
    write(kafka, "broken.state", 0, &["x"; 20]).await;
    missing(&snapshots, &pointer).await;
    remove_topic(kafka, "broken.state").await;
    missing(&snapshots, &pointer).await;
}

/// A compacted topic keeps the snapshot that the commit points to, however old, and loses the chunks of those that were
/// forgotten.
#[tokio::test]
async fn compaction_keeps_what_is_pointed_to_and_takes_what_is_forgotten() {
    let Some(kafka) = shared() else { return };
    make_topic(kafka, "compacted", 1).await;
    let topic = [
        ("cleanup.policy", "compact"),
        ("segment.bytes", "1048576"),
        ("min.cleanable.dirty.ratio", "0.01"),
        ("delete.retention.ms", "0"),
    ]
    .iter()
    .fold(
        NewTopic::new("compacted.state", 1, TopicReplication::Fixed(1)),
        |topic, (name, value)| topic.set(name, value),
    );
    let made = admin(kafka).create_topics([&topic], &AdminOptions::new()).await;
    assert!(made.unwrap().iter().all(Result::is_ok));
    let snapshots = snapshots(kafka, "compacted");
    let place = Place::new("compacted", 0);
    let live = bytes(3_000_000, 3);
    let kept = keep(&snapshots, &place, live.clone()).await.unwrap();
    let old = keep(&snapshots, &place, bytes(3_000_000, 4)).await.unwrap();
    snapshots.forget(&old);
    let until = Instant::now() + PATIENCE;
    let mut seed = 5;
    while !matches!(snapshots.read(&old).await, Err(Unread::Missing(_))) {
        assert!(Instant::now() < until, "it was never compacted");
        // A segment that is still written to is left alone.
        let newer = keep(&snapshots, &place, bytes(1_500_000, seed)).await.unwrap();
        snapshots.forget(&newer);
        seed += 1;
    }
    assert!(snapshots.read(&kept).await.unwrap() == live);
}

/// The state topic is made with what it needs; one that is there and too small is named.
#[tokio::test]
async fn a_state_topic_is_made_compacted_with_as_many_partitions_as_the_input() {
    let Some(kafka) = shared() else { return };
    make_topic(kafka, "prepared", 3).await;
    let snapshots = snapshots(kafka, "prepared");
    // Two agents begin at the same time.
    let (one, other) = tokio::join!(snapshots.prepare("prepared"), snapshots.prepare("prepared"));
    assert_eq!((one, other), (Ok(()), Ok(())));
    let asked = ResourceSpecifier::Topic("prepared.state");
    let found: Vec<ConfigResource> = admin(kafka)
        .describe_configs([&asked], &AdminOptions::new())
        .await
        .unwrap()
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let policy = found[0].get("cleanup.policy").unwrap().value.clone();
    assert_eq!(policy.as_deref(), Some("compact"));
    keep(&snapshots, &Place::new("prepared", 2), b"x".to_vec())
        .await
        .unwrap();
    make_topic(kafka, "grown", 3).await;
    make_topic(kafka, "grown.state", 2).await;
    let unfit = snapshots.prepare("grown").await.unwrap_err();
    assert_eq!(
        (unfit.what.as_str(), unfit.todo.as_str()),
        (
            "the state topic grown.state has 2 partitions, and grown has 3",
            "give grown.state as many partitions as grown has"
        )
    );
}

/// A log that was made anew is told by its records; one whose beginning retention took is not suspected.
#[tokio::test]
async fn a_record_is_known_by_what_it_is() {
    let Some(kafka) = shared() else { return };
    make_topic(kafka, "known", 1).await;
    write(kafka, "known", 0, &["a", "b", "c"]).await;
    let snapshots = snapshots(kafka, "known");
    let place = Place::new("known", 0);
    let mut seen = Vec::new();
    for offset in 0..3 {
        seen.push(snapshots.witness(&place, offset).await.unwrap().unwrap());
    }
    assert!(seen[0] != seen[1] && seen[1] != seen[2]);
    let mut agent = Agent::start(settings(kafka, "known"));
    let mut read = Vec::new();
    while read.len() < 3 {
        if let Input::Chunk(chunk) = agent.next() {
            read.extend(chunk.records.iter().map(checksum));
        }
    }
    agent.stop(Vec::new()).await;
    assert_eq!(read, seen, "the reader sees the same record");
    assert_eq!(
        snapshots.witness(&place, 3).await.unwrap(),
        None,
        "not written yet"
    );
    delete_below(kafka, "known", 2).await;
    assert_eq!(snapshots.witness(&place, 1).await.unwrap(), None, "taken");
    assert_eq!(snapshots.witness(&place, 2).await.unwrap(), Some(seen[2]));
}
