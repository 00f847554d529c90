//! A request's body, made of events that are JSON already: their bytes are copied, nothing is serialized anew.
//!
//! `{"userEstablishedEvents":[{…},{…}],"holdUpdatedEvents":[{…}]}`: arrays in the order in which they first occur,
//! the events of an array in the order of the batch. Out of office is one event, sent as it is.

use bytes::{BufMut, Bytes, BytesMut};

use crate::event::{Event, Lane};

/// Events of a request at most.
pub(super) const EVENTS: usize = 100;
/// Bytes of a request's body at most. The platform takes 512,000; what lies between is for gateways.
pub(super) const BYTES: usize = 500_000;

/// Events that fit into one request of a lane.
pub(super) fn most(lane: Lane) -> usize {
    match lane {
        Lane::OutOfOffice => 1,
        _ => EVENTS,
    }
}

/// Measures a batch while it is put together.
#[derive(Default)]
pub(super) struct Size {
    arrays: Vec<&'static str>,
    bytes: usize,
}

impl Size {
    /// Adds an event, unless the body would be too large; the first one always fits.
    pub(super) fn add(&mut self, event: &Event) -> bool {
        if self.bytes > 0 && self.bytes + self.cost(event) + 2 > BYTES {
            return false;
        }
        self.count(event);
        true
    }

    fn count(&mut self, event: &Event) {
        self.bytes += self.cost(event);
        if !self.arrays.contains(&event.array) {
            self.arrays.push(event.array);
        }
    }

    /// What an event adds: its comma, and the quotes, colon, brackets and comma of an array that is new.
    fn cost(&self, event: &Event) -> usize {
        let known = self.arrays.contains(&event.array);
        event.json.len() + 1 + if known { 0 } else { event.array.len() + 6 }
    }
}

/// The body of a request with these events, which are of one lane and not empty.
pub(super) fn body<'e>(lane: Lane, events: impl Iterator<Item = &'e Event> + Clone) -> Bytes {
    if lane == Lane::OutOfOffice {
        return events.map(|event| event.json.clone()).next().unwrap_or_default();
    }
    let mut size = Size::default();
    events.clone().for_each(|event| size.count(event));
    let mut body = BytesMut::with_capacity(size.bytes + 2);
    body.put_u8(b'{');
    for (n, &array) in size.arrays.iter().enumerate() {
        if n > 0 {
            body.put_u8(b',');
        }
        body.put_u8(b'"');
        body.put_slice(array.as_bytes());
        body.put_slice(b"\":[");
        let of_it = events.clone().filter(|event| event.array == array);
        for (n, event) in of_it.enumerate() {
            if n > 0 {
                body.put_u8(b',');
            }
            body.put_slice(&event.json);
        }
        body.put_u8(b']');
    }
    body.put_u8(b'}');
    body.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::tests::event;

    #[test]
    fn events_stand_in_their_arrays_in_the_order_of_the_batch() {
        let mut events = [event(1, 1), event(2, 1), event(3, 1), event(4, 1)];
        events[1].array = "holdUpdatedEvents";
        events[3].array = "holdUpdatedEvents";
        let text = body(Lane::Conversations, events.iter());
        let value: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let ids = |array: &str| -> Vec<String> {
            let list = value[array].as_array().unwrap();
            list.iter()
                .map(|one| one["eventId"].as_str().unwrap().to_owned())
                .collect()
        };
        let id = |n: usize| events[n].id.to_string();
        assert_eq!(ids(events[0].array), [id(0), id(2)]);
        assert_eq!(ids("holdUpdatedEvents"), [id(1), id(3)]);
        assert_eq!(value.as_object().unwrap().len(), 2);
        assert!(
            text.len()
                <= events
                    .iter()
                    .fold(Size::default(), |mut size, event| {
                        size.count(event);
                        size
                    })
                    .bytes
                    + 2
        );
    }

    #[test]
    fn out_of_office_is_sent_as_it_is() {
        let event = event(1, 1);
        assert_eq!(body(Lane::OutOfOffice, [&event].into_iter()), event.json);
    }

    #[test]
    fn a_batch_stays_below_its_bytes_and_the_first_event_always_fits() {
        let mut large = event(1, 1);
        large.json = vec![b'1'; 249_950].into();
        let mut size = Size::default();
        assert!(size.add(&large) && size.add(&large) && !size.add(&large));
        assert!(body(Lane::Conversations, [&large, &large].into_iter()).len() <= BYTES);
        large.json = vec![b'1'; 600_000].into();
        assert!(Size::default().add(&large));
    }
}
