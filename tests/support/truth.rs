//! What events tell of each call, held against the simulator's truth: who spoke, in which queues, with what outcome.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What the events of a conversation tell.
#[derive(Default)]
struct Told {
    talked: Vec<String>,
    queues: Vec<String>,
    codes: Vec<String>,
    open: i32,
}

/// The conversation of each interaction key that these events, lines of `convert`, tell of.
pub(crate) fn conversations(events: &[Value]) -> BTreeMap<String, String> {
    let first = events
        .iter()
        .filter(|line| line["type"] == "externalEstablishedEvents");
    let of = |line: &Value| {
        let event = &line["event"];
        let key = text(&event["sourceConfiguration"]["interactionId"]);
        (key, text(&event["conversationId"]))
    };
    first.map(of).collect()
}

/// Compares these events with the truth of the same log, but for the calls of these interaction keys; how many calls
/// were compared.
pub(crate) fn compare(
    events: &[Value],
    directory: &Value,
    truth: &[Value],
    without: &BTreeSet<String>,
) -> usize {
    let names: BTreeMap<&str, &str> = directory
        .as_object()
        .unwrap()
        .values()
        .flat_map(|table| table.as_object().unwrap())
        .map(|(name, id)| (id.as_str().unwrap(), &**name))
        .collect();
    let mut told: BTreeMap<String, Told> = BTreeMap::new();
    let mut users: BTreeMap<String, String> = BTreeMap::new();
    for line in events {
        let event = &line["event"];
        let named = |field: &str| names[event[field].as_str().unwrap()].to_owned();
        let communication = text(&event["communicationId"]);
        let call = told.entry(text(&event["conversationId"])).or_default();
        match line["type"].as_str().unwrap() {
            "externalEstablishedEvents" | "ivrEstablishedEvents" => call.open += 1,
            "userEstablishedEvents" => {
                call.open += 1;
                if event["initialConfiguration"]["alerting"] == false {
                    call.talked.push(named("userId"));
                }
                users.insert(communication, named("userId"));
            }
            "routingEstablishedEvents" => {
                call.open += 1;
                call.queues.push(named("queueId"));
            }
            "communicationAnsweredEvents" => call.talked.extend(users.get(&communication).cloned()),
            "communicationEndedEvents" => call.open -= 1,
            "communicationDispositionAppliedEvents" => call.codes.push(named("code")),
            _ => {}
        }
    }
    let keys = conversations(events);
    let mut calls = 0;
    for line in truth {
        let call = &line["call"];
        let key = text(&call["key"]);
        if call["media"] != "Call" || call["intercom"] == true || without.contains(&key) {
            continue;
        }
        calls += 1;
        let converted = &told[&keys[&key]];
        let list = |value: &Value| -> Vec<String> {
            let items = value.as_array().unwrap().iter();
            items.map(|item| item.as_str().unwrap().to_owned()).collect()
        };
        let legs = call["agents"].as_array().unwrap();
        let codes = legs.iter().flat_map(|leg| list(&leg["wrapUp"])).collect();
        assert_eq!(sorted(codes), sorted(converted.codes.clone()), "{call}");
        assert_eq!(call["outcome"] == "open", converted.open > 0, "{call}");
        // Who dials is established before anybody answers, and what is dialled for a workgroup enters no queue.
        if call["direction"] == "inbound" {
            let talked = legs.iter().filter(|leg| !leg["talked"].is_null());
            let talked: Vec<String> = talked
                .map(|leg| leg["user"].as_str().unwrap().to_owned())
                .collect();
            assert_eq!(talked, converted.talked, "{call}");
            assert_eq!(list(&call["queues"]), converted.queues, "{call}");
        }
    }
    calls
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(crate) fn sorted(mut list: Vec<String>) -> Vec<String> {
    list.sort();
    list
}
