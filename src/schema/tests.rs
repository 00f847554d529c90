//! Every schema accepts a good value and refuses it with one thing wrong.

use super::*;
use serde_json::{Map, json};

const V4: &str = "00000000-0000-4000-8000-000000000001";
const TRAINING: &str = "d2390a99-8546-bad9-8f0a-219548e8aeb0";

fn document(name: &str) -> Value {
    serde_json::from_str(show(name).unwrap()).unwrap()
}

/// A value that fits, made from the schema itself: every property that it names, with its first enumeration.
fn sample(root: &Value, shape: &Value) -> Value {
    if let Some(reference) = shape["$ref"].as_str() {
        return match reference {
            "#/$defs/Uuid" => json!(TRAINING),
            "#/$defs/UuidV4" => json!(V4),
            "#/$defs/EventDateTime" => json!("2026-03-01T10:00:00.000Z"),
            other => sample(root, root.pointer(other.strip_prefix('#').unwrap()).unwrap()),
        };
    }
    if let Some(first) = shape["enum"].get(0) {
        return first.clone();
    }
    match shape["type"].as_str() {
        Some("string") => json!("text"),
        Some("boolean") => json!(true),
        Some("integer") => json!(1),
        Some("array") => json!([sample(root, &shape["items"])]),
        Some("object") if shape.get("properties").is_none() => json!({"name": "text"}),
        Some("object") => {
            let fields = shape["properties"].as_object().unwrap();
            let fields = fields
                .iter()
                .map(|(name, part)| (name.clone(), sample(root, part)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        other => panic!("a type that no test knows: {other:?}"),
    }
}

/// Every event type with a good event and its schema.
fn events() -> Vec<(String, Value, Value)> {
    let mut all = Vec::new();
    for request in [
        "conversation-events",
        "user-presence-events",
        "user-routing-status-events",
    ] {
        let root = document(request);
        for (array, shape) in root["properties"].as_object().unwrap() {
            let pointer = shape["items"]["$ref"].as_str().unwrap();
            let shape = root.pointer(pointer.strip_prefix('#').unwrap()).unwrap();
            all.push((array.clone(), sample(&root, shape), shape.clone()));
        }
    }
    let root = document("out-of-office");
    let shape = root["$defs"]["OutOfOfficeEvent"].clone();
    all.push(("outOfOffice".into(), sample(&root, &shape), shape));
    all
}

fn refused_at(array: &str, event: &Value) -> Vec<String> {
    validate_event(array, event)
        .err()
        .unwrap_or_default()
        .into_iter()
        .map(|p| p.path)
        .collect()
}

#[test]
fn every_event_type_has_a_schema_that_accepts_a_good_event() {
    assert_eq!(events().len(), 35);
    for (array, event, _) in events() {
        assert_eq!(validate_event(&array, &event), Ok(()), "{array}");
    }
}

#[test]
fn every_required_field_is_demanded() {
    for (array, event, shape) in events() {
        for field in shape["required"].as_array().unwrap() {
            let mut without = event.clone();
            without.as_object_mut().unwrap().remove(field.as_str().unwrap());
            let problems = validate_event(&array, &without).unwrap_err();
            assert!(
                problems[0].message.contains(field.as_str().unwrap()),
                "{array}: {problems:?}"
            );
        }
    }
}

#[test]
fn every_field_has_its_type_and_its_enumeration() {
    for (array, event, _) in events() {
        for field in event.as_object().unwrap().keys() {
            for wrong in [json!(null), json!(7.5), json!({"no": 1})] {
                let mut changed = event.clone();
                changed[field] = wrong;
                assert!(!refused_at(&array, &changed).is_empty(), "{array} {field}");
            }
        }
    }
}

#[test]
fn a_misspelt_field_is_caught_however_deep() {
    for (array, event, _) in events() {
        let mut changed = event.clone();
        changed["eventID"] = json!(V4);
        assert_eq!(refused_at(&array, &changed), [""], "{array}");
    }
    let (array, mut event, _) = events()
        .into_iter()
        .find(|e| e.0 == "userEstablishedEvents")
        .unwrap();
    event["initialConfiguration"]["audioState"]["canspeak"] = json!(true);
    assert_eq!(refused_at(&array, &event), ["/initialConfiguration/audioState"]);
}

#[test]
fn version_4_is_demanded_of_our_four_ids_only() {
    let ours = ["eventId", "conversationId", "communicationId", "commandId"];
    for (array, event, _) in events() {
        for (field, value) in event.as_object().unwrap() {
            let mut changed = event.clone();
            changed[field] = json!(TRAINING);
            let is_id = value.as_str().is_some_and(|text| text == V4 || text == TRAINING);
            let expected = if ours.contains(&field.as_str()) {
                vec![format!("/{field}")]
            } else {
                vec![]
            };
            if is_id {
                assert_eq!(refused_at(&array, &changed), expected, "{array} {field}");
            }
        }
    }
}

#[test]
fn disconnect_types_of_voice_and_email_differ() {
    let accepts = |array: &str, kind: &str| {
        let mut event = events().into_iter().find(|e| e.0 == array).unwrap().1;
        event["disconnectType"] = json!(kind);
        validate_event(array, &event).is_ok()
    };
    assert!(accepts("communicationEndedEvents", "TransferConsult"));
    assert!(!accepts("communicationEndedEvents", "Spam"));
    assert!(accepts("emailCommunicationEndedEvents", "Spam"));
    assert!(!accepts("emailCommunicationEndedEvents", "TransferConsult"));
    assert!(!accepts("communicationEndedEvents", "self"));
}

#[test]
fn a_time_is_utc_in_seconds_or_milliseconds() {
    let accepts = |time: &str| {
        let mut event = events()
            .into_iter()
            .find(|e| e.0 == "endConsultTransferEvents")
            .unwrap()
            .1;
        event["eventDateTime"] = json!(time);
        validate_event("endConsultTransferEvents", &event).is_ok()
    };
    for good in ["2026-03-01T10:00:00Z", "2026-12-31T23:59:59.999Z"] {
        assert!(accepts(good), "{good}");
    }
    for bad in [
        "2026-03-01T10:00:00+00:00",
        "2026-03-01 10:00:00Z",
        "2026-03-01T10:00:00.1Z",
        "2026-03-01T24:00:00Z",
        "2026-13-01T10:00:00Z",
        "2026-03-01T10:00:00.000",
        "2026-03-01T10:00:00Z\n",
    ] {
        assert!(!accepts(bad), "{bad}");
    }
}

#[test]
fn requests_refuse_an_array_that_the_vendor_does_not_have() {
    for (name, array) in [
        ("conversation-events", "userEstablishedEvents"),
        ("user-presence-events", "userPresenceEvents"),
        ("user-routing-status-events", "userRoutingStatusEvents"),
    ] {
        let event = events().into_iter().find(|e| e.0 == array).unwrap().1;
        assert_eq!(validate(name, &json!({array: [event]})).unwrap(), []);
        assert_eq!(
            validate(name, &json!({"messagingUserEstablishedEvents": []}))
                .unwrap()
                .len(),
            1
        );
        assert_eq!(
            validate(name, &json!({array: vec![&event; 101]})).unwrap()[0].path,
            format!("/{array}")
        );
        assert_eq!(validate(name, &json!([])).unwrap().len(), 1);
    }
}

#[test]
fn answers_are_open_but_typed() {
    let errors =
        json!({"errors": [{"eventId": V4, "message": "no", "retryable": false, "new": 1}], "more": 1});
    assert_eq!(validate("batch-event-response", &errors).unwrap(), []);
    assert_eq!(
        validate("batch-event-response", &json!({"errors": null})).unwrap(),
        []
    );
    let wrong = json!({"errors": [{"retryable": "no"}]});
    assert_eq!(
        validate("batch-event-response", &wrong).unwrap()[0].path,
        "/errors/0/retryable"
    );

    let body = json!({"message": "Rate limit", "code": "too.many.requests", "status": 429,
        "limit": {"key": "token.rate.per.minute", "namespace": "platform.api", "value": 300},
        "errors": [{"status": 1}], "new": true});
    assert_eq!(validate("error-body", &body).unwrap(), []);
    assert_eq!(
        validate("error-body", &json!({"status": "429"})).unwrap()[0].path,
        "/status"
    );
    assert_eq!(
        validate("error-body", &json!({"errors": [{"code": 1}]})).unwrap()[0].path,
        "/errors/0/code"
    );
}

#[test]
fn out_of_office_says_whether_it_is_on() {
    let body = json!({"active": true, "indefinite": false, "endDate": "2026-03-02T00:00:00.000Z"});
    assert_eq!(validate("out-of-office", &body).unwrap(), []);
    assert_eq!(validate("out-of-office", &json!({})).unwrap().len(), 1);
    assert_eq!(
        validate("out-of-office", &json!({"active": true, "endDate": "soon"})).unwrap()[0].path,
        "/endDate"
    );
}

#[test]
fn a_converted_line_is_held_against_the_schema_of_its_event() {
    let lane_of = |array: &str| match array {
        "userPresenceEvents" => "presence",
        "userRoutingStatusEvents" => "routingStatus",
        "outOfOffice" => "outOfOffice",
        _ => "conversations",
    };
    for (array, event, _) in events() {
        let line = json!({"lane": lane_of(&array), "type": array, "event": event});
        assert_eq!(validate("convert-line", &line).unwrap(), [], "{array}");
        let mut elsewhere = line.clone();
        elsewhere["lane"] = json!(if array == "outOfOffice" {
            "presence"
        } else {
            "outOfOffice"
        });
        assert_eq!(
            validate("convert-line", &elsewhere).unwrap()[0].path,
            "/lane",
            "{array}"
        );
        let mut broken = line.clone();
        broken["event"]["eventId"] = json!("1");
        let problems = validate("convert-line", &broken).unwrap();
        assert_eq!(problems[0].path, "/event/eventId", "{array}");
        assert_eq!(problems[0].message, "\"1\" is no UUID of version 4");
    }
    assert_eq!(
        validate("convert-line", &json!({"lane": "presence", "event": {}}))
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn lines_are_validated_one_by_one_and_none_stops_the_rest() {
    let good = json!({"active": true});
    let text = format!("{good}\n\n{{\"active\":1}}\nno json\n{good}");
    let mut found = Vec::new();
    let counts = validate_lines("out-of-office", text.as_bytes(), |p| found.push(p)).unwrap();
    assert_eq!(counts, Counts { lines: 4, bad: 2 });
    assert_eq!(found.iter().map(|p| p.line).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(found[0].problem.path, "/active");
    assert!(found[1].problem.message.starts_with("is no JSON"));
}

#[test]
fn an_unknown_name_says_where_the_names_are() {
    let error = validate("conversations", &json!({})).unwrap_err().to_string();
    assert_eq!(
        error,
        "no schema is named `conversations`; `schema list` names them all"
    );
    assert!(show("x").is_err());
    let array = validate_event("userEstablished", &json!({})).unwrap_err();
    assert_eq!(array[0].message, "no request has an array `userEstablished`");
}
