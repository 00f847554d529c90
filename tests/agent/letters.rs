//! What Genesys Cloud refuses for good, and what cannot be read, is a dead letter; nothing else is.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::broker::{Broker, Record};
use crate::stage::{Stage, id};
use crate::support::programs::Agent;
use crate::traffic::{RECORDS, USUAL};

/// The first event of that type, in the conversation that has most to say.
fn poison(array: &str) -> &'static Value {
    let events = || USUAL.1.iter().map(|line| &line["event"]);
    let of = |conversation: &Value| {
        let same = events().filter(|event| event["conversationId"] == *conversation);
        same.count()
    };
    let made = USUAL.1.iter().filter(|line| line["type"] == array);
    let most = made.max_by_key(|line| match &line["event"]["conversationId"] {
        Value::Null => 0,
        conversation => of(conversation),
    });
    &most.unwrap()["event"]
}

/// Whether a value of the event, whatever its name, is this.
fn names(event: &Value, wanted: &Value) -> bool {
    match event {
        Value::Object(fields) => fields.values().any(|value| names(value, wanted)),
        Value::Array(items) => items.iter().any(|value| names(value, wanted)),
        value => value == wanted,
    }
}

/// The refused event and all that later names what it, or one of these, would have brought into being.
pub(crate) fn with_dependents(refused: &Value) -> Vec<&'static Value> {
    let mut missing = BTreeSet::new();
    let mut gone = Vec::new();
    for line in &USUAL.1 {
        let (array, event) = (line["type"].as_str().unwrap(), &line["event"]);
        let depends = missing.iter().any(|made: &String| names(event, &json!(made)));
        if event["eventId"] != refused["eventId"] && !depends {
            continue;
        }
        gone.push(event);
        if array.contains("Established") {
            missing.insert(event["communicationId"].as_str().unwrap().to_owned());
        }
    }
    gone
}

/// The usual traffic, of which `refused` meets `effect` from the beginning on.
fn refuses(name: &'static str, refused: &Value, mut effect: Value, status: u16) {
    let stage = Stage::new(Broker::mock(), name);
    effect["ids"] = json!([refused["eventId"]]);
    // Slow enough that others pass while one event is sent again and again.
    stage.faults(&[json!({ "effect": effect })]);
    stage.write(&USUAL.0.records);
    let mut agent = stage.agent(&["genesys.event_retry_for = \"50ms\""]);
    agent.ends(RECORDS);
    let gone = with_dependents(refused);
    let missing: Vec<String> = gone.iter().map(|event| id(event)).collect();
    stage.is_whole(&missing);
    let letters = stage.letters();
    let written: Vec<&str> = letters
        .iter()
        .map(|letter| letter.header("cic_conduit.event_id"))
        .collect();
    assert_eq!(written, missing, "each once, in order");
    for (letter, event) in letters.iter().zip(&gone) {
        let body: Value = serde_json::from_slice(&letter.value).unwrap();
        assert_eq!(body["event"], **event);
        assert!(letter.key.starts_with(b"cic"), "the record's key");
        assert_eq!(letter.header("__connect.errors.topic"), name);
        assert_eq!(letter.header("__connect.errors.stage"), "TASK_PUT");
        let partition: i32 = letter.header("__connect.errors.partition").parse().unwrap();
        let offset: usize = letter.header("__connect.errors.offset").parse().unwrap();
        let record = &USUAL.0.of(partition)[offset];
        assert_eq!(
            record.key.as_bytes(),
            letter.key,
            "it is one of that site's records"
        );
        let first = id(event) == id(refused);
        let class = letter.header("__connect.errors.exception.class.name");
        assert_eq!(class == "Refused", first, "{class}");
        if first {
            assert_eq!(letter.header("cic_conduit.status"), status.to_string());
        } else {
            let needed = letter.header("cic_conduit.depends_on");
            assert!(missing.iter().any(|id| id == needed), "{needed} is missing too");
        }
    }
    let log = agent.logged();
    let said: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("refuses an event for good"))
        .collect();
    assert_eq!(
        said.len(),
        1,
        "those that depend on it are not spoken of: {said:?}"
    );
    let correlation = letters[0].header("cic_conduit.correlation_id");
    assert!(said[0].contains(correlation), "{}", said[0]);
    let count = missing.len() as f64;
    assert_eq!(agent.metric("dead_letters_total", ""), Some(count));
    assert_eq!(agent.metric("dead_letters_total", "\"deliver\""), Some(1.0));
    assert_eq!(agent.metric("events_refused_total", ""), Some(count));
    stage.rests(&mut agent);
}

#[test]
fn a_call_whose_first_event_is_refused_goes_as_a_whole() {
    let first = poison("externalEstablishedEvents");
    assert!(with_dependents(first).len() > 3, "something depends on it");
    let effect = json!({"kind": "partial", "retryable": false});
    refuses("a_call_whose_first_event_is_refused", first, effect, 200);
}

#[test]
fn an_event_that_is_refused_as_retryable_for_ever_ends_as_a_letter() {
    let effect = json!({"kind": "partial", "retryable": true});
    // An early one: its time passes only while others are accepted.
    let mut lines = USUAL.1.iter();
    let early = lines.find(|line| line["type"] == "userEstablishedEvents");
    refuses(
        "refused_as_retryable_for_ever",
        &early.unwrap()["event"],
        effect,
        200,
    );
}

#[test]
fn an_event_for_which_every_request_is_answered_400_is_found_by_halves() {
    let user = poison("userEstablishedEvents");
    refuses(
        "answered_400_for_one",
        user,
        json!({"kind": "status", "status": 400}),
        400,
    );
}

#[test]
fn an_event_for_which_every_request_is_answered_413_is_found_by_halves() {
    let presence = poison("userPresenceEvents");
    refuses(
        "answered_413_for_one",
        presence,
        json!({"kind": "status", "status": 413}),
        413,
    );
}

/// A list of the message and what to put into it that nobody can read.
const BAD_PART: (&str, &str) = ("\"interactionsAdded\":[", "{\"interactionId\":{}},");

fn record(value: impl Into<Vec<u8>>) -> Record {
    Record {
        value: value.into(),
        ..USUAL.0.records[0].clone()
    }
}

/// Rule 1, and the page on what comes in: what cannot be read is a letter, part by part; the rest is converted.
fn unreadable(broker: Broker, name: &'static str) {
    let stage = Stage::new(broker, name);
    let mut records = USUAL.0.records.clone();
    let (list, part) = BAD_PART;
    let text = |record: &Record| String::from_utf8(record.value.clone()).unwrap();
    let mended = records
        .iter_mut()
        .find(|record| text(record).contains(list))
        .unwrap();
    mended.value = text(mended).replacen(list, &format!("{list}{part}"), 1).into();
    let with_bad_part = mended.clone();
    let prefixed = &mut records[40];
    prefixed.value = [b"\0\0\0\0\x07", &*prefixed.value].concat();
    let bad: [&[u8]; 6] = [
        b"no JSON at all",
        b"{\"specversion\":\"1.0\",\"id\":",
        b"\xff\xfe\x00",
        b"17",
        b"{\"no\":\"type\"}",
        &[b'['; 100_000],
    ];
    let mut wanted: Vec<Vec<u8>> = bad.iter().map(|bytes| bytes.to_vec()).collect();
    for (at, bytes) in bad.iter().enumerate() {
        records.insert(at * 200 + 100, record(*bytes));
    }
    // Said again: the same id within the window.
    let again = USUAL.0.records[5].clone();
    records.insert(6, again);
    // Nothing is nothing.
    records.insert(50, record(""));
    records.insert(51, record("\0\0\0\0\x07"));
    stage.write(&records);
    let mut agent = stage.agent(&[]);
    agent.ends(records.len());
    stage.is_whole(&[]);
    wanted.push(with_bad_part.value);
    let letters = stage.letters();
    let mut written: Vec<Vec<u8>> = letters.iter().map(|letter| letter.value.clone()).collect();
    wanted.sort();
    written.sort();
    let shown = |letters: &[Vec<u8>]| -> Vec<String> {
        let short = |value: &Vec<u8>| String::from_utf8_lossy(&value[..value.len().min(60)]).into_owned();
        letters.iter().map(short).collect()
    };
    assert_eq!(shown(&written), shown(&wanted));
    assert!(written == wanted, "byte by byte");
    for letter in &letters {
        assert_eq!(letter.header("__connect.errors.stage"), "VALUE_CONVERTER");
        assert_eq!(letter.header("__connect.errors.topic"), name);
        let message = letter.header("__connect.errors.exception.message");
        if letter.value == with_bad_part_value(&letters) {
            assert!(message.contains("interactionsAdded[0]"), "{message}");
            let class = letter.header("__connect.errors.exception.class.name");
            assert_eq!(class, "PartlyUnreadable");
        }
    }
    ends_as(&agent, "dead_lettered", wanted.len());
    stage.rests(&mut agent);
}

/// The value of the letter with the bad part.
fn with_bad_part_value(letters: &[crate::broker::Letter]) -> Vec<u8> {
    let (list, part) = BAD_PART;
    let has = |value: &[u8]| String::from_utf8_lossy(value).contains(&format!("{list}{part}"));
    let found = letters.iter().find(|letter| has(&letter.value));
    found.unwrap().value.clone()
}

fn ends_as(agent: &Agent, fate: &str, count: usize) {
    let ended = agent.metric("records_ended_total", &format!("\"{fate}\""));
    assert_eq!(ended, Some(count as f64), "{fate}");
}

#[test]
fn what_cannot_be_read_is_a_letter_by_part() {
    unreadable(Broker::mock(), "unreadable");
}

#[test]
fn what_cannot_be_read_is_a_letter_by_part_on_apache_kafka() {
    let Some(broker) = Broker::apache() else { return };
    unreadable(broker, "unreadable");
}

/// Rule 1: a letter counts when Kafka has acknowledged it; until then its record holds the commit point.
#[test]
fn letters_that_cannot_be_written_hold_what_they_stand_for() {
    let Some(broker) = Broker::apache() else { return };
    let stage = Stage::new(broker, "letters_held");
    let more = ["kafka.dead_letter_topic = \"{topic}.later\""];
    let mut records = USUAL.0.of(0);
    records[10].value = b"no JSON".to_vec();
    stage.write(&records);
    let mut agent = stage.agent(&more);
    let item = agent.item_is("deadLetters", "error");
    assert!(item.to_string().contains("letters_held.later"), "{item}");
    assert_eq!(
        agent.metric("records_ended_total", ""),
        Some(10.0),
        "nothing is stepped over"
    );
    stage.broker.make_topic("letters_held.later", 1);
    agent.ends(records.len());
    assert_eq!(stage.broker.letters("letters_held.later").len(), 1);
    agent.item_is("deadLetters", "ok");
    stage.rests(&mut agent);
}
