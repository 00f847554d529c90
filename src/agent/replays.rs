//! Dead letters that come back: what is written to the input partition, and the event that it makes there.
//!
//! A record that could not be read comes as it was, and is read in its new place. A refused event comes as the letter's
//! own value, and is that event again: the same eventId, time and bytes, in its key's turn, however often it is read.
//! Conversion sees nothing of it: stream time and state are what they would be without it.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;

use super::letter::{self, Body};
use crate::event::{Array, Event, Id, Key, Lane, OutOfOffice, Presence, Routing};
use crate::kafka::{Letter, Record};
use crate::time::Time;

/// Says of a record that it is a replay, and of which letter: `topic/partition:offset` in the dead-letter topic.
pub const REPLAY: &str = "cic_conduit.replay";
/// Says of a record in the dead-letter topic that it is no letter: the one at this position was replayed.
pub const REPLAYED: &str = "cic_conduit.replayed";

/// What a letter says of the failure; a replay leaves it out.
const OF_THE_FAILURE: [&str; 10] = [
    letter::TOPIC,
    letter::PARTITION,
    letter::OFFSET,
    letter::CONNECTOR,
    letter::STAGE,
    letter::CLASS,
    letter::MESSAGE,
    letter::TIME,
    letter::VERSION,
    letter::ATTEMPTS,
];

/// The record that replays the letter at `position`.
pub fn of(record: &Record, position: &str) -> Letter {
    let kept = record
        .headers
        .iter()
        .filter(|(name, _)| name != REPLAY && !OF_THE_FAILURE.contains(&&**name));
    let own = (Cow::Borrowed(REPLAY), Bytes::copy_from_slice(position.as_bytes()));
    Letter {
        key: record.key.clone(),
        value: record.value.clone().unwrap_or_default(),
        headers: kept
            .map(|(name, value)| (Cow::Owned(name.clone()), value.clone()))
            .chain([own])
            .collect(),
    }
}

/// What the dead-letter topic is told once that has been written.
pub fn marker(key: Option<&Bytes>, position: &str, now: Time) -> Letter {
    let header = |name, value: String| (Cow::Borrowed(name), value.into());
    Letter {
        key: key.cloned(),
        value: Bytes::new(),
        headers: vec![
            header(REPLAYED, position.to_owned()),
            header(letter::TIME, now.to_string()),
            header(letter::VERSION, env!("CARGO_PKG_VERSION").into()),
        ],
    }
}

/// The event that a record with these headers and this value replays; none where it is no replay, or that of a record.
/// An error says why it is none that can be sent.
pub fn read<'h>(
    headers: impl Iterator<Item = (&'h str, &'h [u8])>,
    value: &[u8],
) -> Option<Result<Event, String>> {
    let (mut replay, mut event) = (false, false);
    for (name, _) in headers {
        replay |= name == REPLAY;
        event |= name == letter::EVENT_ID;
    }
    let read = || {
        self::event(value).map_err(|problem| format!("a replay that is no letter of this agent: {problem}"))
    };
    (replay && event).then(read)
}

/// What is looked at in an event; it is sent as it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Within<'a> {
    event_id: Id,
    #[serde(borrow)]
    event_date_time: Cow<'a, str>,
}

/// The event of a letter's value.
pub fn event(value: &[u8]) -> Result<Event, String> {
    let body: Body<'_> = serde_json::from_slice(value).map_err(|error| error.to_string())?;
    let json = body.event.get();
    let within: Within<'_> = serde_json::from_str(json).map_err(|error| format!("its event: {error}"))?;
    let lane = Lane::ALL.into_iter().find(|lane| lane.as_str() == body.lane);
    let lane = lane.ok_or_else(|| format!("there is no lane {}", body.lane))?;
    let array = array(lane, &body.array)
        .ok_or_else(|| format!("the lane {} has no type {}", body.lane, body.array))?;
    let time = Time::parse(&within.event_date_time);
    let time = time.ok_or_else(|| format!("{} is no eventDateTime", within.event_date_time))?;
    Ok(Event {
        lane,
        key: Key(body.key),
        makes: body.makes,
        needs: body.needs,
        array,
        id: within.event_id,
        time,
        json: Bytes::copy_from_slice(json.as_bytes()),
    })
}

fn array(lane: Lane, name: &str) -> Option<&'static str> {
    let known = match lane {
        Lane::Conversations => Array::ALL
            .map(Array::as_str)
            .into_iter()
            .find(|one| *one == name)?,
        Lane::Presence => Presence::ARRAY,
        Lane::RoutingStatus => Routing::ARRAY,
        Lane::OutOfOffice => OutOfOffice::ARRAY,
    };
    (known == name).then_some(known)
}
