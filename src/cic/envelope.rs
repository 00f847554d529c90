//! The three forms of a record: CloudEvents structured, CloudEvents binary, and bare ICWS messages.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Wanted;
use super::attributes::Text;
use super::message::{self, Message, Unreadable};
use crate::time::Time;

/// A record, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The CIC site.
    pub source: Box<str>,
    /// With `source`, what the record is known by.
    pub id: Box<str>,
    /// When CIC said it.
    pub time: Time,
    /// The server of a pair, where the exporter names it.
    pub server: Option<Box<str>>,
    /// Whether `id` is the producer's, so that a second sight of it is a duplicate.
    pub produced: bool,
    /// What it says, in order.
    pub messages: Vec<Message>,
    /// The parts that cannot be read.
    pub unreadable: Vec<Unreadable>,
}

impl Record {
    /// What the record is known by in the ids of user events: the producer's source and id, else its place.
    pub fn known_as(&self) -> String {
        if self.produced {
            [&*self.source, "\u{1f}", &*self.id].concat()
        } else {
            self.id.to_string()
        }
    }
}

/// What stands in where a record does not say it.
#[derive(Clone, Copy, Debug)]
pub struct Fallback<'a> {
    /// `[cic] default_source`.
    pub source: &'a str,
    /// `topic/partition/offset`, or file and line.
    pub id: &'a str,
    /// The record's timestamp.
    pub time: Option<Time>,
}

/// Why a record cannot be read at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No value: a tombstone.
    #[error("the record has no value")]
    Empty,
    /// Not UTF-8.
    #[error("the record is not UTF-8 text from byte {0} on")]
    NotUtf8(usize),
    /// Not JSON, or JSON of another shape.
    #[error("the record is no JSON message: {0}")]
    NotJson(String),
    /// Nothing says when it was.
    #[error("the record carries no time, and there is none to take in its place")]
    NoTime,
    /// Nothing says whose it is.
    #[error("the record names no source, and [cic] default_source is not set")]
    NoSource,
}

/// A structured CloudEvent; `D` is what its data is read as.
#[derive(Deserialize)]
struct Structured<'a, D> {
    #[serde(borrow)]
    specversion: Option<Text<'a>>,
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    source: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    time: Option<Text<'a>>,
    #[serde(borrow)]
    cicserver: Option<Text<'a>>,
    data: Option<D>,
    #[serde(borrow, rename = "__type")]
    bare: Option<Text<'a>>,
}

impl<D> Structured<'_, D> {
    fn head(self) -> Head {
        Head {
            id: text(self.id),
            source: text(self.source),
            kind: None,
            time: self.time.and_then(|Text(time)| Time::parse(&time)),
            server: text(self.cicserver),
        }
    }
}

/// Reads a record: its value and, for the binary form, its headers (`ce_id`, `ce_source`, …).
///
/// # Errors
/// When nothing of it can be read; parts that cannot stand in [`Record::unreadable`].
pub fn read<'h>(
    value: &[u8],
    headers: impl IntoIterator<Item = (&'h str, &'h [u8])>,
    fallback: Fallback<'_>,
    wanted: &Wanted,
) -> Result<Record, Error> {
    let value = strip_wire_prefix(value);
    if value.is_empty() {
        return Err(Error::Empty);
    }
    let json = std::str::from_utf8(value)
        .map_err(|error| Error::NotUtf8(error.valid_up_to()))?
        .trim();
    let mut head = Head::default();
    for (name, text) in headers {
        head.take_header(name, text);
    }
    let mut messages = Vec::with_capacity(1);
    let mut unreadable = Vec::new();
    if json.starts_with('[') {
        let items: Vec<&RawValue> =
            serde_json::from_str(json).map_err(|error| Error::NotJson(error.to_string()))?;
        for (at, item) in items.into_iter().enumerate() {
            let before = unreadable.len();
            messages.extend(message::read(item.get(), None, wanted, &mut unreadable));
            for error in &mut unreadable[before..] {
                error.part = format!("[{at}].{}", error.part);
            }
        }
        return head.finish(fallback, messages, unreadable);
    }
    if head.id.is_some() || head.kind.is_some() {
        messages.extend(message::read(json, head.kind.as_deref(), wanted, &mut unreadable));
        return head.finish(fallback, messages, unreadable);
    }
    if let Some((read, message)) = at_once(json, wanted) {
        messages.push(message);
        return read.finish(fallback, messages, unreadable);
    }
    let outer: Structured<'_, &RawValue> =
        serde_json::from_str(json).map_err(|error| Error::NotJson(error.to_string()))?;
    if let (Some(_), Some(data)) = (&outer.specversion, outer.data) {
        let kind = outer.kind.as_ref().map(|Text(kind)| &**kind);
        messages.extend(message::read(data.get(), kind, wanted, &mut unreadable));
        head = outer.head();
    } else if outer.bare.is_some() {
        messages.extend(message::read(json, None, wanted, &mut unreadable));
    } else {
        return Err(Error::NotJson(
            "neither a CloudEvent with `data` nor an object with `__type`".into(),
        ));
    }
    head.finish(fallback, messages, unreadable)
}

/// Reads a structured CloudEvent of which every part can be read, as nearly all can, in one pass over its text.
fn at_once(json: &str, wanted: &Wanted) -> Option<(Head, Message)> {
    // Only a guess that saves a pass over what is none: the name stands in front.
    json.get(..256)
        .unwrap_or(json)
        .contains("specversion")
        .then_some(())?;
    let mut outer: Structured<'_, Box<message::Raw<'_>>> = serde_json::from_str(json).ok()?;
    outer.specversion.as_ref()?;
    let data = outer.data.take()?;
    let kind = outer.kind.as_ref().map(|Text(kind)| &**kind);
    let message = message::finish(data, kind, wanted).ok()?;
    Some((outer.head(), message))
}

/// A schema registry's framing: a zero byte and four bytes of schema id before the JSON.
fn strip_wire_prefix(value: &[u8]) -> &[u8] {
    match value {
        [0, _, _, _, _, rest @ ..] => rest,
        _ => value,
    }
}

fn text(text: Option<Text<'_>>) -> Option<Box<str>> {
    text.filter(|Text(text)| !text.is_empty())
        .map(|Text(text)| text.into())
}

#[derive(Default)]
struct Head {
    id: Option<Box<str>>,
    source: Option<Box<str>>,
    kind: Option<Box<str>>,
    time: Option<Time>,
    server: Option<Box<str>>,
}

impl Head {
    fn take_header(&mut self, name: &str, value: &[u8]) {
        let Ok(value) = std::str::from_utf8(value) else {
            return;
        };
        let slot = match name {
            "ce_id" => &mut self.id,
            "ce_source" => &mut self.source,
            "ce_type" => &mut self.kind,
            "ce_cicserver" => &mut self.server,
            "ce_time" => {
                self.time = Time::parse(value);
                return;
            }
            _ => return,
        };
        *slot = Some(value.into());
    }

    fn finish(
        self,
        fallback: Fallback<'_>,
        messages: Vec<Message>,
        unreadable: Vec<Unreadable>,
    ) -> Result<Record, Error> {
        let source = match self.source {
            Some(source) => source,
            None if fallback.source.is_empty() => return Err(Error::NoSource),
            None => fallback.source.into(),
        };
        Ok(Record {
            source,
            produced: self.id.is_some(),
            id: self.id.unwrap_or_else(|| fallback.id.into()),
            time: self.time.or(fallback.time).ok_or(Error::NoTime)?,
            server: self.server,
            messages,
            unreadable,
        })
    }
}
