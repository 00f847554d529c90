//! A dead letter as it is listed.

use serde::Serialize;
use serde_json::Value;

use crate::agent::{letter, replays};
use crate::cli::exit::{Failure, USAGE};
use crate::event::Id;
use crate::kafka::{Place, Record};
use crate::time::Time;

/// What a letter says of itself. What it does not say is absent.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Seen {
    /// `topic/partition:offset` in the dead-letter topic.
    pub(super) position: String,
    /// When it was written.
    pub(super) time: String,
    #[serde(skip)]
    pub(super) at: Time,
    /// Where the record came from.
    #[serde(serialize_with = "text")]
    pub(super) input: Place,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) offset: Option<i64>,
    pub(super) stage: String,
    pub(super) class: String,
    pub(super) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lane: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) array: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) event_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) event_date_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) conversation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) correlation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) depends_on: Option<String>,
    pub(super) replayed: bool,
}

fn text<S: serde::Serializer>(value: &impl std::fmt::Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

/// What the record at that place says; none where it is no letter.
pub(super) fn see(place: &Place, record: &Record, replayed: bool) -> Option<Seen> {
    let get = |name: &str| {
        let found = record.headers.iter().rfind(|(header, _)| header == name);
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    };
    let input = Place::new(get(letter::TOPIC)?, get(letter::PARTITION)?.parse().ok()?);
    let stage = get(letter::STAGE)?;
    let at = get(letter::TIME).as_deref().and_then(Time::parse);
    let at = at.or(record.timestamp.map(Time::from_millis)).unwrap_or_default();
    let is_event = stage == letter::DELIVER;
    let of_an_event = |name: &str| get(name).filter(|_| is_event);
    let event = event(record).filter(|_| is_event).unwrap_or_default();
    let field = |name: &str| event[name].as_str().map(str::to_owned);
    Some(Seen {
        position: format!("{place}:{}", record.offset),
        time: at.to_string(),
        at,
        input,
        offset: get(letter::OFFSET).and_then(|offset| offset.parse().ok()),
        stage,
        class: get(letter::CLASS).unwrap_or_default(),
        message: get(letter::MESSAGE).unwrap_or_default(),
        attempts: get(letter::ATTEMPTS).and_then(|attempts| attempts.parse().ok()),
        version: get(letter::VERSION),
        lane: of_an_event(letter::LANE),
        array: of_an_event(letter::ARRAY),
        event_id: of_an_event(letter::EVENT_ID),
        event_date_time: field("eventDateTime"),
        conversation: field("conversationId"),
        status: of_an_event(letter::STATUS).and_then(|status| status.parse().ok()),
        correlation_id: of_an_event(letter::CORRELATION_ID),
        depends_on: of_an_event(letter::DEPENDS_ON),
        replayed,
    })
}

/// The event in the value of a letter.
fn event(record: &Record) -> Option<Value> {
    let body: letter::Body<'_> = serde_json::from_slice(record.value.as_deref()?).ok()?;
    serde_json::from_str(body.event.get()).ok()
}

/// The letter that a marker says was replayed; none where the record is no marker.
pub(super) fn replayed(record: &Record) -> Option<(Place, i64)> {
    let mut headers = record.headers.iter();
    let (_, value) = headers.find(|(name, _)| name == replays::REPLAYED)?;
    position(std::str::from_utf8(value).ok()?).ok()
}

/// Reads `topic/partition:offset`.
pub(super) fn position(text: &str) -> anyhow::Result<(Place, i64)> {
    let read = || {
        let (place, offset) = text.rsplit_once(':')?;
        let (topic, partition) = place.rsplit_once('/')?;
        let offset: i64 = offset.parse().ok()?;
        Some((Place::new(topic, partition.parse().ok()?), offset))
    };
    let read = read().filter(|(_, offset)| *offset >= 0);
    read.ok_or_else(|| {
        let what = format!("{text} is no position: `dlq list` prints them, as topic/partition:offset");
        Failure::new(USAGE, what).into()
    })
}

impl Seen {
    /// Whether it is about the conversation, or its bytes name it.
    pub(super) fn is_about(&self, conversation: &str, record: &Record) -> bool {
        if let Some(own) = &self.conversation {
            let id = Id::parse(conversation);
            return id.is_some() && id == Id::parse(own);
        }
        let value = record.value.as_deref().unwrap_or_default();
        let name = conversation.as_bytes();
        self.event_id.is_none() && !name.is_empty() && value.windows(name.len()).any(|part| part == name)
    }
}
