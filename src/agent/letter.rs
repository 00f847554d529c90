//! What a dead letter looks like: Kafka Connect's header names, and beside them what an operator asks first.
//!
//! A record that cannot be read keeps its bytes, key and headers. An event that Genesys Cloud refused is JSON: the
//! event, what it takes to send it again as it was, and the answer.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::deliver::Refusal;
use crate::event::Id;
use crate::kafka::{Letter, Place, Record};
use crate::time::Time;

/// The input topic.
pub const TOPIC: &str = "__connect.errors.topic";
/// The partition of the input topic.
pub const PARTITION: &str = "__connect.errors.partition";
/// The record's offset in it; absent where no record made the event.
pub const OFFSET: &str = "__connect.errors.offset";
/// What wrote the letter.
pub const CONNECTOR: &str = "__connect.errors.connector.name";
/// [`DECODE`] or [`DELIVER`].
pub const STAGE: &str = "__connect.errors.stage";
/// One of [`CLASSES`].
pub const CLASS: &str = "__connect.errors.exception.class.name";
/// Why, in words.
pub const MESSAGE: &str = "__connect.errors.exception.message";
/// When the letter was written.
pub const TIME: &str = "cic_conduit.time";
/// The version of the agent that wrote it.
pub const VERSION: &str = "cic_conduit.version";
/// How often it was sent.
pub const ATTEMPTS: &str = "cic_conduit.attempts";
/// An event's lane.
pub const LANE: &str = "cic_conduit.lane";
/// The array of the request that an event stands in.
pub const ARRAY: &str = "cic_conduit.type";
/// An event's eventId.
pub const EVENT_ID: &str = "cic_conduit.event_id";
/// What an event is ordered with.
pub const KEY: &str = "cic_conduit.key";
/// The HTTP status that decided.
pub const STATUS: &str = "cic_conduit.status";
/// What Genesys' support asks for.
pub const CORRELATION_ID: &str = "cic_conduit.correlation_id";
/// The eventId of the refused event that would have made what this one needs.
pub const DEPENDS_ON: &str = "cic_conduit.depends_on";

/// A record, or a part of it, cannot be read.
pub const DECODE: &str = "VALUE_CONVERTER";
/// Genesys Cloud refused an event.
pub const DELIVER: &str = "TASK_PUT";

/// The classes of letters.
pub const CLASSES: [&str; 4] = [UNREADABLE, PARTLY_UNREADABLE, REFUSED, DEPENDS_ON_REFUSED];
/// A record cannot be read.
pub const UNREADABLE: &str = "Unreadable";
/// Parts of a record cannot be read; the others are converted.
pub const PARTLY_UNREADABLE: &str = "PartlyUnreadable";
/// Genesys Cloud refused an event.
pub const REFUSED: &str = "Refused";
/// An event needs what a refused one would have made.
pub const DEPENDS_ON_REFUSED: &str = "DependsOnRefused";

type Headers = Vec<(Cow<'static, str>, Bytes)>;

/// A letter for a record that cannot be read, or for its parts that cannot, as `class` says.
pub(super) fn unreadable(place: &Place, record: &Record, class: &str, problem: &str, now: Time) -> Letter {
    let mut context = context(place, Some(record.offset), (DECODE, class), problem, 0, now);
    let is_ours = |name: &str| context.iter().any(|(ours, _)| ours == name);
    let mut headers: Headers = record
        .headers
        .iter()
        .filter(|(name, _)| !is_ours(name))
        .map(|(name, value)| (Cow::Owned(name.clone()), Bytes::copy_from_slice(value)))
        .collect();
    headers.append(&mut context);
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
        Some(_) => DEPENDS_ON_REFUSED,
        None => REFUSED,
    };
    let message = &refusal.message;
    let mut headers = context(place, offset, (DELIVER, class), message, refusal.attempts, now);
    let event = &refusal.event;
    let mut add = |name: &'static str, value: String| headers.push((Cow::Borrowed(name), value.into()));
    add(LANE, event.lane.as_str().into());
    add(ARRAY, event.array.into());
    add(EVENT_ID, event.id.to_string());
    add(KEY, event.key.0.to_string());
    if let Some(status) = refusal.status {
        add(STATUS, status.to_string());
    }
    if let Some(id) = &refusal.correlation_id {
        add(CORRELATION_ID, id.clone());
    }
    if let Some(id) = refusal.depends_on {
        add(DEPENDS_ON, id.to_string());
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
    (stage, class): (&str, &str),
    message: &str,
    attempts: u32,
    now: Time,
) -> Headers {
    let offset = offset.map(|offset| (OFFSET, offset.to_string()));
    let always = [
        (TOPIC, place.topic.to_string()),
        (PARTITION, place.partition.to_string()),
        (CONNECTOR, "cic-conduit".into()),
        (STAGE, stage.into()),
        (CLASS, class.into()),
        (MESSAGE, message.into()),
        (TIME, now.to_string()),
        (VERSION, env!("CARGO_PKG_VERSION").into()),
        (ATTEMPTS, attempts.to_string()),
    ];
    always
        .into_iter()
        .chain(offset)
        .map(|(name, value): (&'static str, String)| (Cow::Borrowed(name), value.into()))
        .collect()
}

/// The value of a letter for an event.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Body<'a> {
    /// Its lane.
    #[serde(borrow)]
    pub lane: Cow<'a, str>,
    /// The array of the request that it stands in.
    #[serde(rename = "type", borrow)]
    pub array: Cow<'a, str>,
    /// What it is ordered with.
    pub key: Id,
    /// What it brings into being.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub makes: Option<Id>,
    /// What others must have brought into being before.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub needs: Box<[Id]>,
    /// The event, byte by byte as it was sent.
    #[serde(borrow)]
    pub event: &'a RawValue,
    /// What Genesys Cloud said.
    #[serde(borrow, default)]
    pub answer: Answer<'a>,
    /// The eventId of the refused event that it depends on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depends_on: Option<Id>,
}

/// What Genesys Cloud said to an event.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer<'a> {
    /// The HTTP status.
    pub status: Option<u16>,
    /// Why, in words.
    #[serde(borrow, default)]
    pub message: Cow<'a, str>,
    /// What Genesys' support asks for.
    #[serde(borrow, default)]
    pub correlation_id: Option<Cow<'a, str>>,
}

fn body(refusal: &Refusal) -> Bytes {
    let event = &refusal.event;
    let json = serde_json::from_slice(&event.json).unwrap_or(RawValue::NULL);
    let body = Body {
        lane: event.lane.as_str().into(),
        array: event.array.into(),
        key: event.key.0,
        makes: event.makes,
        needs: event.needs.clone(),
        event: json,
        answer: Answer {
            status: refusal.status,
            message: refusal.message.as_str().into(),
            correlation_id: refusal.correlation_id.as_deref().map(Cow::Borrowed),
        },
        depends_on: refusal.depends_on,
    };
    serde_json::to_vec(&body).unwrap_or_default().into()
}
