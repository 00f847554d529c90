//! What a dead letter looks like: Kafka Connect's header names, and beside them what an operator asks first.
//!
//! A record that cannot be read keeps its bytes, key and headers. An event that Genesys Cloud refused is JSON: the
//! event, its lane and type, and the answer.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::deliver::Refusal;
use crate::kafka::{Letter, Place, Record};
use crate::time::Time;

type Headers = Vec<(Cow<'static, str>, Bytes)>;

/// A letter for a record of which something cannot be read.
pub(super) fn unreadable(place: &Place, record: &Record, problem: &str, now: Time) -> Letter {
    let mut headers: Headers = record
        .headers
        .iter()
        .map(|(name, value)| (Cow::Owned(name.clone()), Bytes::copy_from_slice(value)))
        .collect();
    headers.extend(context(
        place,
        Some(record.offset),
        "VALUE_CONVERTER",
        "Unreadable",
        problem,
        now,
    ));
    Letter {
        key: record.key.as_deref().map(Bytes::copy_from_slice),
        value: Bytes::copy_from_slice(record.value.as_deref().unwrap_or_default()),
        headers,
    }
}

/// A letter for an event that Genesys Cloud refused, or that needs a refused one.
pub(super) fn refused(
    place: &Place,
    offset: Option<i64>,
    key: Option<Bytes>,
    refusal: &Refusal,
    now: Time,
) -> Letter {
    let class = match refusal.depends_on {
        Some(_) => "DependsOnRefused",
        None => "Refused",
    };
    let mut headers = context(place, offset, "TASK_PUT", class, &refusal.message, now);
    let event = &refusal.event;
    let mut add = |name: &'static str, value: String| headers.push((Cow::Borrowed(name), value.into()));
    add("cic_conduit.lane", event.lane.as_str().into());
    add("cic_conduit.type", event.array.into());
    add("cic_conduit.event_id", event.id.to_string());
    add("cic_conduit.key", event.key.0.to_string());
    add("cic_conduit.attempts", refusal.attempts.to_string());
    if let Some(status) = refusal.status {
        add("cic_conduit.status", status.to_string());
    }
    if let Some(id) = &refusal.correlation_id {
        add("cic_conduit.correlation_id", id.clone());
    }
    if let Some(id) = refusal.depends_on {
        add("cic_conduit.depends_on", id.to_string());
    }
    Letter {
        key,
        value: body(refusal),
        headers,
    }
}

fn context(
    place: &Place,
    offset: Option<i64>,
    stage: &str,
    class: &str,
    message: &str,
    now: Time,
) -> Headers {
    let offset = offset.map(|offset| ("__connect.errors.offset", offset.to_string()));
    let always = [
        ("__connect.errors.topic", place.topic.to_string()),
        ("__connect.errors.partition", place.partition.to_string()),
        ("__connect.errors.connector.name", "cic-conduit".into()),
        ("__connect.errors.stage", stage.into()),
        ("__connect.errors.exception.class.name", class.into()),
        ("__connect.errors.exception.message", message.into()),
        ("cic_conduit.time", now.to_string()),
        ("cic_conduit.version", env!("CARGO_PKG_VERSION").into()),
    ];
    always
        .into_iter()
        .chain(offset)
        .map(|(name, value): (&'static str, String)| (Cow::Borrowed(name), value.into()))
        .collect()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    lane: &'a str,
    #[serde(rename = "type")]
    array: &'a str,
    event: Option<&'a RawValue>,
    answer: Answer<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    depends_on: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    status: Option<u16>,
    message: &'a str,
    correlation_id: Option<&'a str>,
}

fn body(refusal: &Refusal) -> Bytes {
    let body = Body {
        lane: refusal.event.lane.as_str(),
        array: refusal.event.array,
        event: serde_json::from_slice(&refusal.event.json).ok(),
        answer: Answer {
            status: refusal.status,
            message: &refusal.message,
            correlation_id: refusal.correlation_id.as_deref(),
        },
        depends_on: refusal.depends_on.map(|id| id.to_string()),
    };
    serde_json::to_vec(&body).unwrap_or_default().into()
}
