//! What is seen of an agent from its first moment on.

use std::collections::BTreeSet;

use cic_conduit::metrics::{ALL, Kind, Label};
use serde_json::json;

use crate::broker::Broker;
use crate::stage::Stage;
use crate::support::programs::{SECRET, wait_for};
use crate::traffic::{RECORDS, USUAL};

/// Whoever is refused at the start hears of it by the exit code, and by words.
#[test]
fn refused_credentials_end_the_start() {
    let stage = Stage::new(Broker::mock(), "refused_credentials");
    let refused = json!({"endpoint": "token", "effect": {"kind": "status", "status": 401}});
    stage.sandbox.faults(&json!([refused]));
    let mut agent = stage.failing_agent(&[]);
    let status = agent.process.ended();
    let words = agent.logged();
    assert_eq!(status.code(), Some(77), "{words}");
    assert!(words.contains("[genesys] client_id"), "{words}");
    assert!(!words.contains(SECRET), "rule 10: {words}");
    assert_eq!(stage.committed(), [0, 0], "it has not come to reading");
}

/// A login that merely does not answer is waited for.
#[test]
fn a_login_that_is_away_at_the_start_is_waited_for() {
    let stage = Stage::new(Broker::mock(), "login_away");
    let away = json!({"endpoint": "token", "effect": {"kind": "status", "status": 503}});
    stage.sandbox.faults(&json!([away]));
    stage.write(&USUAL.0.records);
    let mut agent = stage.agent(&[]);
    agent.item_is("token", "error");
    assert!(agent.is_ready().unwrap().is_err(), "/readyz is 503");
    assert!(agent.get("livez").unwrap().is_ok(), "and it is alive");
    stage.mend();
    stage.passes(&mut agent);
}

/// So is a broker.
#[test]
fn a_broker_that_is_away_at_the_start_is_waited_for() {
    let stage = Stage::new(Broker::mock(), "broker_away_at_the_start");
    stage.write(&USUAL.0.records);
    let Broker::Mock(cluster) = &stage.broker else {
        unreachable!("it is a mock")
    };
    cluster.broker_down(1).unwrap();
    let mut agent = stage.agent(&[]);
    agent.item_is("kafka", "error");
    assert!(agent.is_ready().unwrap().is_err(), "/readyz is 503");
    cluster.broker_up(1).unwrap();
    stage.passes(&mut agent);
}

/// An alert on a rate must not miss the first error: every series of a closed label set is there from the start.
#[test]
fn every_series_is_present_from_the_start() {
    let stage = Stage::new(Broker::mock(), "every_series");
    let agent = stage.agent(&[]);
    let text = agent.get("metrics").unwrap().unwrap();
    let there: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(one, _)| one)
        .collect();
    for metric in ALL {
        let name = match metric.kind {
            Kind::Histogram(_) => format!("{}_count", metric.name),
            _ => metric.name.to_owned(),
        };
        let labels: Vec<String> = match metric.label {
            Label::None => vec![name],
            Label::Of(label, values) => values
                .iter()
                .map(|value| format!("{name}{{{label}=\"{value}\"}}"))
                .collect(),
            Label::Each(labels) => labels.iter().fold(vec![name], |heads, (label, values)| {
                let with = |head: &String, value| match head.strip_suffix('}') {
                    Some(head) => format!("{head},{label}=\"{value}\"}}"),
                    None => format!("{head}{{{label}=\"{value}\"}}"),
                };
                heads
                    .iter()
                    .flat_map(|head| values.iter().map(|value| with(head, value)))
                    .collect()
            }),
            Label::Open(_) => Vec::new(),
        };
        for series in labels {
            assert!(there.contains(&*series), "{series} is not there:\n{text}");
        }
        let described = text.contains(&format!("# TYPE {} ", metric.name));
        assert!(
            described || matches!(metric.label, Label::Open(_)),
            "{}",
            metric.name
        );
    }
}

/// Rule 10: secrets stand nowhere; names and numbers of people not in the log, not even at `debug`.
#[test]
fn neither_secrets_nor_people_are_shown() {
    let stage = Stage::new(Broker::mock(), "secrets");
    let mut records = USUAL.0.records.clone();
    // One that cannot be read in part, with a caller in it, and an event that is refused: both are logged.
    records[30].value = b"{\"__type\":\"x\",\"Eic_RemoteName\":\"Caller 914\" \"+15558365914\"".to_vec();
    stage.write(&records);
    stage.faults(&[
        json!({"endpoint": "presence", "requests": 2, "effect": {"kind": "partial", "retryable": false}}),
    ]);
    let mut agent = stage.agent(&["log.level = \"debug\""]);
    agent.ends(RECORDS);
    assert!(!stage.letters().is_empty(), "something was refused");
    let pages = ["", "health.json", "metrics", "readyz"].map(|path| match agent.get(path).unwrap() {
        Ok(page) | Err(page) => page,
    });
    stage.rests(&mut agent);
    let log = agent.logged();
    for text in pages.iter().chain([&log]) {
        for hidden in [SECRET, "Caller ", "+1555", "Bearer "] {
            let line = text.lines().find(|line| line.contains(hidden));
            assert_eq!(line, None, "{hidden} is shown");
        }
    }
}

/// A name that nobody knows holds back those who are named, and is sent once the organization has it.
#[test]
fn a_name_that_is_added_later_is_sent() {
    let text = std::fs::read_to_string(&USUAL.0.directory).unwrap();
    let all: serde_json::Value = serde_json::from_str(&text).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("directory.json");
    let mut some = all.clone();
    let users = some["users"].as_object_mut().unwrap();
    let gone: Vec<String> = users.keys().step_by(3).cloned().collect();
    for name in &gone {
        users.remove(name);
    }
    std::fs::write(&file, some.to_string()).unwrap();
    let stage = Stage::with(Broker::mock(), "added_later", &file);
    stage.write(&USUAL.0.records);
    let more = [
        &*format!("directory.file = {file:?}"),
        "directory.resolve_timeout = \"10min\"",
    ];
    let mut agent = stage.agent(&more);
    wait_for("they are missed", || {
        let missed = agent
            .metric("directory_unresolved_names", "\"users\"")
            .or_else(|| agent.metric("directory_unresolved_names", ""))?;
        (missed >= gone.len() as f64 / 2.0).then_some(())
    });
    wait_for("the others pass", || {
        (agent.metric("events_waiting", "") == Some(0.0) && stage.sandbox.figure("/acceptedTotal") > 100)
            .then_some(())
    });
    assert!(stage.is_mid_stream(), "what names them is not sent");
    stage.sandbox.learn(&all);
    stage.passes(&mut agent);
}
