//! Lanes from outside, and what their tests share.

use crate::event::{Event, Id, Key, Lane};
use crate::time::Time;

/// An id that says its number.
pub(super) fn id(n: u64) -> Id {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&n.to_be_bytes());
    bytes[6] = 0x40;
    bytes[8] = 0x80;
    Id(bytes)
}

/// The `n`-th event of conversation `key`.
pub(super) fn event(key: u64, n: u64) -> Event {
    let event_id = id(key * 1_000_000 + n);
    Event {
        lane: Lane::Conversations,
        key: Key(id(key)),
        makes: None,
        needs: [].into(),
        array: "communicationAnsweredEvents",
        id: event_id,
        time: Time::from_millis(n as i64),
        json: format!(r#"{{"eventId":"{event_id}","conversationId":"{}"}}"#, id(key)).into(),
    }
}

mod answers;
mod budget;
mod fake;
mod flood;
mod http;
mod leases;
mod order;
