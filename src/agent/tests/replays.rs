//! Dead letters that come back as records.

use super::*;
use crate::agent::kept::{self, Kept};
use crate::agent::{letter, replays};
use crate::kafka::Letter;

/// The letter as it is read from its topic.
fn letter_record(letter: Letter) -> Record {
    let headers = letter.headers.into_iter();
    Record {
        offset: 0,
        timestamp: Some(START),
        key: letter.key,
        headers: headers.map(|(name, value)| (name.into_owned(), value)).collect(),
        value: Some(letter.value),
        size: SIZE,
    }
}

/// The record that replays it, at the end of the input.
fn replay(bench: &Bench, letter: Letter) -> Record {
    let written = replays::of(&letter_record(letter), "cic.letters/0:0");
    Record {
        offset: bench.next,
        ..letter_record(written)
    }
}

/// A call of which one event was refused, and its letter.
fn refused_once() -> (Bench, Item, Letter) {
    let mut bench = Bench::new(Directory::everything());
    let items = bench.read(0, &queued(1)).items;
    let ends = vec![refused(&items[0]), end(&items[1], Outcome::Accepted)];
    let (stake, _, letter) = bench.ended(ends).letters.remove(0);
    bench.worker.letter_written(stake);
    assert_eq!(bench.commit(), 1);
    (bench, items[0].clone(), letter)
}

/// What is sent again is what was refused: Genesys Cloud knows it by its eventId.
#[test]
fn a_refused_event_comes_back_as_it_was() {
    let (mut bench, refused, letter) = refused_once();
    let record = replay(&bench, letter);
    let time = bench.worker.stream_time();
    let work = bench.read_record(record);
    assert_eq!(work.items[0].event, refused.event);
    assert!(refused.event.makes.is_some());
    assert_eq!(bench.worker.stream_time(), time, "conversion sees nothing of it");
    assert_eq!(bench.commit(), 1);
    bench.ended(vec![end(&work.items[0], Outcome::Accepted)]);
    assert_eq!(bench.commit(), 2);
    assert_eq!(bench.worker.passed().delivered, 1);
}

/// One that is refused again is a letter again, which can be replayed.
#[test]
fn a_replay_that_is_refused_is_a_letter_of_its_own_record() {
    let (mut bench, _, letter) = refused_once();
    let record = replay(&bench, letter.clone());
    let items = bench.read_record(record).items;
    let again = bench.ended(vec![super::refused(&items[0])]).letters.remove(0).2;
    assert_eq!(header(&again, letter::OFFSET), "1");
    assert_eq!(again.value, letter.value);
}

/// Rule 3: the event is made from the record alone. One that has ended before a crash is not sent again, and says
/// nothing of the newer events of its key.
#[test]
fn a_replay_that_has_ended_is_not_sent_again_after_a_crash() {
    let (mut bench, _, letter) = refused_once();
    let record = replay(&bench, letter);
    let open = bench.read(1, &queued(2)).items;
    let record = Record { offset: 2, ..record };
    let items = bench.read_record(record.clone()).items;
    bench.ended(vec![end(&items[0], Outcome::Accepted)]);
    let keep = bench.worker.keep(bench.now.instant);
    assert_eq!(keep.checkpoint.point.offset, 1, "another call is not through");
    let mut bytes = Vec::new();
    kept::write(&keep.beside, &keep.checkpoint.state, &mut bytes).unwrap();
    let (beside, state) = kept::read(&bytes).unwrap();
    let checkpoint = crate::agent::checkpoints::Checkpoint {
        state,
        ..keep.checkpoint
    };
    let mut again = Bench::new(Directory::everything());
    again.worker = Worker::restore(
        Place::new("cic", 0),
        1,
        restarts::settings(),
        Kept { checkpoint, beside },
        again.now.instant,
    );
    again.next = 1;
    let repeated: Vec<Id> = again
        .read(1, &queued(2))
        .items
        .iter()
        .map(|item| item.event.id)
        .collect();
    let wanted: Vec<Id> = open.iter().map(|item| item.event.id).collect();
    assert_eq!(repeated, wanted);
    assert!(again.read_record(record).items.is_empty());
}

#[test]
fn a_replay_that_says_no_event_is_a_letter_with_its_bytes() {
    let (mut bench, _, letter) = refused_once();
    let broken = [
        &b"{}"[..],
        b"no JSON",
        br#"{"lane":"presence","type":"userEstablishedEvents"}"#,
    ];
    for value in broken {
        let record = replay(
            &bench,
            Letter {
                value: Bytes::from_static(value),
                ..letter.clone()
            },
        );
        let work = bench.read_record(record);
        assert!(work.items.is_empty());
        let (_, stage, written) = &work.letters[0];
        assert_eq!((*stage, &*written.value), (Stage::Decode, value));
    }
}

/// A record that could not be read is read like any other in its new place.
#[test]
fn a_record_comes_back_as_its_bytes_and_headers() {
    let mut bench = Bench::new(Directory::everything());
    let record = Record {
        offset: 0,
        timestamp: Some(START),
        key: Some(Bytes::from_static(b"cic1")),
        headers: vec![("ce_type".into(), Bytes::from_static(b"x"))],
        value: Some(Bytes::from_static(b"{\"no\":")),
        size: SIZE,
    };
    let letter = bench.read_record(record.clone()).letters.remove(0).2;
    let again = replay(&bench, letter);
    assert_eq!((&again.key, &again.value), (&record.key, &record.value));
    let names: Vec<&str> = again.headers.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["ce_type", replays::REPLAY]);
    let twice = bench.read_record(again).letters.remove(0).2;
    assert_eq!(header(&twice, letter::OFFSET), "1");
    assert_eq!(&*twice.value, b"{\"no\":");
}
