//! Lines of input: a message as it is, or a Kafka record as `kcat -J` prints it.

use crate::time::Time;
use anyhow::Context;
use flate2::bufread::MultiGzDecoder;
use serde::Deserialize;
use std::borrow::Cow;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// What lines are read from.
pub(super) type Input = Box<dyn BufRead>;

/// Opens a file, plain or gzip, and says what its lines are known by; `-` is stdin.
pub(super) fn open(file: &Path) -> anyhow::Result<(Input, String)> {
    let name = match file.file_name() {
        Some(name) if file != Path::new("-") => name.to_string_lossy().into_owned(),
        _ => "stdin".to_owned(),
    };
    let mut plain = crate::cli::schema::open(file)?;
    let begins = plain.fill_buf().with_context(|| format!("cannot read {name}"))?;
    if begins.starts_with(&[0x1f, 0x8b]) {
        return Ok((
            Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(plain))),
            name,
        ));
    }
    Ok((plain, name))
}

/// One line.
pub(super) enum Line<'a> {
    /// A message.
    Message(&'a [u8]),
    /// A record of a captured topic.
    Record(Kcat<'a>),
}

/// What `kcat -J` prints.
#[derive(Deserialize)]
pub(super) struct Kcat<'a> {
    topic: String,
    partition: i32,
    offset: i64,
    /// Milliseconds since the epoch; -1 where the record has none.
    #[serde(default)]
    ts: Option<i64>,
    /// Names and values by turns.
    #[serde(default, borrow)]
    headers: Vec<Option<Cow<'a, str>>>,
    #[serde(borrow)]
    payload: Option<Cow<'a, str>>,
}

impl<'a> Line<'a> {
    /// Tells the two apart.
    pub(super) fn read(line: &'a [u8]) -> Result<Self, String> {
        let has = |name: &str| line.windows(name.len()).any(|at| at == name.as_bytes());
        if !(line.trim_ascii_start().starts_with(b"{\"topic\"") && has("\"payload\"")) {
            return Ok(Self::Message(line));
        }
        serde_json::from_slice(line)
            .map(Self::Record)
            .map_err(|error| format!("no line of kcat -J: {error}"))
    }

    pub(super) fn value(&self) -> &[u8] {
        match self {
            Self::Message(line) => line,
            Self::Record(record) => record.payload.as_deref().unwrap_or_default().as_bytes(),
        }
    }

    pub(super) fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let headers: &[_] = match self {
            Self::Message(_) => &[],
            Self::Record(record) => &record.headers,
        };
        headers.chunks_exact(2).filter_map(|pair| match pair {
            [Some(name), Some(value)] => Some((&**name, value.as_bytes())),
            _ => None,
        })
    }

    /// `topic/partition/offset`.
    pub(super) fn place(&self) -> Option<String> {
        match self {
            Self::Message(_) => None,
            Self::Record(record) => Some(format!("{}/{}/{}", record.topic, record.partition, record.offset)),
        }
    }

    pub(super) fn partition(&self) -> (String, i32) {
        match self {
            Self::Message(_) => (String::new(), 0),
            Self::Record(record) => (record.topic.clone(), record.partition),
        }
    }

    /// The record's timestamp.
    pub(super) fn time(&self) -> Option<Time> {
        match self {
            Self::Message(_) => None,
            Self::Record(record) => record.ts.filter(|ts| *ts >= 0).map(Time::from_millis),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_kcat_is_a_record_and_any_other_a_message() {
        let line = br#"{"topic":"cic","partition":2,"offset":7,"ts":5,"headers":["ce_id","a","x",null],"payload":"{}"}"#;
        let line = Line::read(line).unwrap();
        assert_eq!(line.place().as_deref(), Some("cic/2/7"));
        assert_eq!(line.value(), b"{}");
        assert_eq!(line.headers().collect::<Vec<_>>(), [("ce_id", &b"a"[..])]);
        assert_eq!(line.time(), Some(Time::from_millis(5)));
        let message = Line::read(br#"{"__type":"urn:x","payload":1}"#).unwrap();
        assert!(matches!(message, Line::Message(_)));
    }
}
