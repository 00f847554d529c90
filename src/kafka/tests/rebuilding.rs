//! A client that is made anew loses nothing and repeats no epoch.

use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::*;

/// Answers what is asked until `wanted` is said; the chunks' records on the way are kept.
fn until<T>(
    reading: &Reading,
    records: &mut Vec<(Epoch, i64)>,
    mut wanted: impl FnMut(&Input) -> Option<T>,
) -> T {
    loop {
        let input = reading.next();
        let found = wanted(&input);
        match input {
            Input::Chunk(chunk) => {
                reading.credits.give(chunk.size);
                records.extend(chunk.records.iter().map(|record| (chunk.epoch, record.offset)));
            }
            Input::Revoked { done, stopping, .. } => {
                assert!(!stopping, "a client that is made anew is no stop");
                done.send(Vec::new()).unwrap();
            }
            _ => {}
        }
        if let Some(found) = found {
            return found;
        }
    }
}

fn assigned(input: &Input) -> Option<(Epoch, i64)> {
    match input {
        Input::Assigned { epoch, from, .. } => Some((*epoch, *from)),
        _ => None,
    }
}

/// The group began at the log's end. When the client is made anew before the first commit, the log's end is elsewhere:
/// what was written in between is read all the same.
#[tokio::test]
async fn a_client_that_stands_still_is_made_anew_and_nothing_is_lost() {
    let broker = Broker::new(1);
    broker.say(0, &["old"]);
    let settings = Settings {
        start: Start::Latest,
        watchdog: Duration::from_secs(1),
        ..broker.settings()
    };
    let reading = Reading::start(settings, 1 << 20);
    let mut records = Vec::new();
    let (first, from) = until(&reading, &mut records, assigned);
    assert_eq!(from, 1);
    until(&reading, &mut records, |input| {
        matches!(input, Input::AtEnd { .. }).then_some(())
    });
    // Behind its back, so it is assigned, not paused as far as it knows, and nothing comes.
    reading.consumer.stand_still();
    broker.say(0, &["new"]);
    until(&reading, &mut records, |input| {
        matches!(input, Input::Event(Event::Rebuilt)).then_some(())
    });
    assert_eq!(records, [], "it stood still");
    let (second, from) = until(&reading, &mut records, assigned);
    assert_eq!(from, 1, "where the group began");
    assert!(second > first, "no two epochs are alike");
    until(&reading, &mut records, |input| {
        matches!(input, Input::Chunk(_)).then_some(())
    });
    assert_eq!(records.last().map(|record| record.1), Some(1));
    stop(reading, Vec::new()).await;
}

/// A question that failed is not the answer that there is no commit.
#[tokio::test]
async fn a_partition_whose_commit_cannot_be_read_is_begun_later_and_not_elsewhere() {
    let broker = Broker::new(1);
    broker.say(0, &["a", "b"]);
    let first = Reading::start(broker.settings(), 1 << 20);
    first.read(2);
    let commit = Commit {
        place: place(0),
        offset: 1,
        metadata: String::new(),
    };
    stop(first, vec![commit]).await;
    let refused = RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
    broker
        .cluster
        .request_errors(RDKafkaApiKey::OffsetFetch, &[refused; 2]);
    let settings = Settings {
        start: Start::Latest,
        ..broker.settings()
    };
    let reading = Reading::start(settings, 1 << 20);
    let mut records = Vec::new();
    let kind = until(&reading, &mut records, |input| match input {
        Input::Event(Event::Fault(fault)) => Some(fault.kind),
        _ => None,
    });
    assert_eq!(kind, Kind::Permission);
    assert_eq!(until(&reading, &mut records, assigned).1, 1);
    stop(reading, Vec::new()).await;
}

/// Rule 8 in a stall: a second agent gets its share though the first one has no memory left, and reads on from where
/// the first one had come.
#[tokio::test]
async fn a_stall_holds_up_no_rebalance_and_what_was_not_handed_over_is_read_elsewhere() {
    let broker = Broker::new(2);
    let many = ["x"; 40];
    broker.say(0, &many);
    broker.say(1, &many);
    let first = Reading::start(broker.settings(), 2000);
    let mut next = std::collections::BTreeMap::<Place, i64>::new();
    let mut held = 0;
    let mut second = None;
    let moved = loop {
        match first.next() {
            Input::Chunk(chunk) => {
                held += chunk.size;
                for record in &chunk.records {
                    let next = next.entry(chunk.place.clone()).or_default();
                    assert_eq!(*next, record.offset, "in order, none twice, none missing");
                    *next += 1;
                }
            }
            Input::Event(Event::Paused(true)) => {
                second = Some(Reading::start(broker.settings(), 1 << 20));
            }
            Input::Revoked { places, done, .. } => {
                let commits = places.iter().map(|place| Commit {
                    place: place.clone(),
                    offset: next.get(place).copied().unwrap_or_default(),
                    metadata: String::new(),
                });
                done.send(commits.collect()).unwrap();
                break places;
            }
            _ => {}
        }
    };
    assert_eq!(moved.len(), 1);
    let second = second.expect("it was stalled when the second agent came");
    let stood = next.get(&moved[0]).copied().unwrap_or_default();
    moved_to(&second, &first, &moved[0], stood);
    // What is left to the first one comes once there is memory again.
    first.credits.give(held);
    let left = place(1 - moved[0].partition);
    while next.get(&left).copied().unwrap_or_default() < 40 {
        if let Input::Chunk(chunk) = first.next() {
            first.credits.give(chunk.size);
            for record in &chunk.records {
                let next = next.entry(chunk.place.clone()).or_default();
                assert_eq!(*next, record.offset, "in order, none twice, none missing");
                *next += 1;
            }
        }
    }
    stop(first, Vec::new()).await;
    stop(second, Vec::new()).await;
}
