//! `dlq`: dead letters are listed, shown, and replayed in order, each record accounted for.

use std::process::Output;

use serde_json::{Value, json};

use crate::broker::{Broker, Record};
use crate::letters::with_dependents;
use crate::stage::{Stage, id};
use crate::support::programs::good;
use crate::traffic::{RECORDS, USUAL};

/// An event whose refusal takes its whole conversation with it, and that is long.
fn whole_call() -> Vec<&'static Value> {
    let of = |conversation: &Value| {
        let same = USUAL.1.iter().map(|line| &line["event"]);
        same.filter(|event| event["conversationId"] == *conversation)
            .count()
    };
    let first = USUAL
        .1
        .iter()
        .filter(|line| line["type"] == "externalEstablishedEvents");
    let gone = first.map(|line| with_dependents(&line["event"]));
    let whole = gone.filter(|gone| gone.len() == of(&gone[0]["conversationId"]));
    whole.max_by_key(Vec::len).unwrap()
}

fn lines(output: Output) -> Vec<Value> {
    let text = good(output);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What Genesys Cloud refused, and takes once the cause is mended, ends accepted in order.
fn refused_repaired_replayed(broker: Broker, name: &'static str) {
    let stage = Stage::new(broker, name);
    let gone = whole_call();
    assert!(gone.len() > 3, "a call with something to say");
    let refuse = json!({"kind": "partial", "retryable": false, "ids": [gone[0]["eventId"]]});
    stage.faults(&[json!({ "effect": refuse })]);
    let mut records = USUAL.0.records.clone();
    let bad = Record {
        value: b"no JSON of +49 89 1234567".to_vec(),
        ..records[0].clone()
    };
    records.push(bad);
    stage.write(&records);
    let mut agent = stage.agent(&[]);
    agent.ends(RECORDS + 1);
    let missing: Vec<String> = gone.iter().map(|event| id(event)).collect();
    stage.is_whole(&missing);

    let listed = lines(stage.dlq("list", &["--json"]));
    assert_eq!(listed.len(), gone.len() + 1);
    let refused: Vec<&Value> = listed.iter().filter(|one| one["class"] == "Refused").collect();
    assert_eq!(refused.len(), 1);
    assert_eq!(
        (&refused[0]["eventId"], &refused[0]["replayed"]),
        (&gone[0]["eventId"], &json!(false))
    );
    let position = refused[0]["position"].as_str().unwrap();
    let plain = good(stage.dlq("list", &["--reason", "Refused"]));
    assert!(
        plain.starts_with(position) && plain.lines().count() == 1,
        "{plain}"
    );
    let none = stage.dlq("list", &["--until", "2020-01-01T00:00:00Z"]);
    assert_eq!(
        (said(&none), good(none)),
        ("no dead letter fits\n".into(), String::new())
    );

    let shown: Value = serde_json::from_str(&good(stage.dlq("show", &[position]))).unwrap();
    assert_eq!(shown["value"]["event"]["eventId"], gone[0]["eventId"]);
    let ani = gone[0]["initialConfiguration"]["phoneNumber"].as_str();
    let full = good(stage.dlq("show", &[position, "--full"]));
    if let Some(ani) = ani {
        assert!(
            full.contains(ani) && !shown.to_string().contains(ani),
            "people are shown by --full only"
        );
    }
    let unreadable = listed.iter().find(|one| one["class"] == "Unreadable").unwrap();
    let unreadable = unreadable["position"].as_str().unwrap();
    assert!(!good(stage.dlq("show", &[unreadable])).contains("1234567"));
    assert!(good(stage.dlq("show", &["--full", unreadable])).contains("no JSON of +49 89 1234567"));

    // Mended.
    stage.faults(&[]);
    let conversation = gone[0]["conversationId"].as_str().unwrap();
    let all = ["--conversation", conversation];
    let dry = stage.dlq("replay", &["--dry-run", "--conversation", conversation]);
    assert_eq!(said(&dry), format!("{} would be replayed\n", gone.len()));
    assert_eq!(good(dry).lines().count(), gone.len());
    let replayed = stage.dlq("replay", &all);
    assert_eq!(said(&replayed), format!("{} replayed\n", gone.len()));
    agent.ends(RECORDS + 1 + gone.len());
    stage.is_whole(&[]);

    // It is known what was replayed, and Genesys Cloud takes an eventId once.
    let again = stage.dlq("replay", &all);
    let before = format!(
        "0 replayed; {} were before (--again replays them again)\n",
        gone.len()
    );
    assert_eq!((said(&again), good(again)), (before, String::new()));
    good(stage.dlq("replay", &["--again", position]));
    good(stage.dlq("replay", &["--reason", "unreadable"]));
    agent.ends(RECORDS + 3 + gone.len());
    stage.is_whole(&[]);
    let listed = lines(stage.dlq("list", &["--json"]));
    let count = |replayed: bool| listed.iter().filter(|one| one["replayed"] == replayed).count();
    assert_eq!(
        (count(true), count(false)),
        (gone.len() + 1, 1),
        "what cannot be read still cannot"
    );
    let last = listed.iter().max_by_key(|one| one["offset"].as_i64()).unwrap();
    assert_eq!(
        (&last["class"], &last["replayed"]),
        (&json!("Unreadable"), &json!(false))
    );
    stage.rests(&mut agent);
}

#[test]
fn what_was_refused_is_replayed_in_order_once_that_is_mended() {
    refused_repaired_replayed(Broker::mock(), "refused_repaired_replayed");
}

#[test]
fn what_was_refused_is_replayed_in_order_on_apache_kafka() {
    let Some(broker) = Broker::apache() else { return };
    refused_repaired_replayed(broker, "refused_repaired_replayed");
}

#[test]
fn what_dlq_cannot_do_is_said_with_its_exit_code() {
    let stage = Stage::new(Broker::mock(), "dlq_errors");
    for (what, args, code, words) in [
        ("replay", &[][..], 64, "say which letters"),
        ("replay", &["--all", "--reason", "x"], 64, "say which letters"),
        ("show", &["nonsense"], 64, "topic/partition:offset"),
        (
            "show",
            &["dlq_errors.dlq_errors.dead-letters/0:7"],
            65,
            "there is no letter",
        ),
        ("list", &["--since", "yesterday"], 64, "2h"),
    ] {
        let output = stage.dlq(what, args);
        let told = said(&output);
        assert_eq!(output.status.code(), Some(code), "{what} {args:?}: {told}");
        assert!(told.contains(words), "{what} {args:?}: {told}");
    }
}
