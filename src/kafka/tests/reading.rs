//! Reading, the memory bound, rebalances, dead letters.

use super::*;

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
    assert_eq!(
        stop(first, vec![commit]).await,
        [place(0)],
        "rule 9: it was given back"
    );
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
    let from = moved_to(&second, &first, &moved[0], 1);
    assert_eq!(second.read(1)[0].0, from);
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
        headers: vec![("__connect.errors.topic".into(), "cic".into())],
    };
    let ended = letters.send_all([&letter].into_iter()).await;
    assert_eq!(ended, [Ok(())]);
    let reading = Reading::start(broker.settings(), 1 << 20);
    assert_eq!(reading.read(1), [(0, "bad".into())]);
    stop(reading, Vec::new()).await;
    let reading = Reading::start(Settings::new(CLOSED, &["cic"], "agents"), 1 << 20);
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
