//! Replayed events: each is a record's only event, and has ended when its record has.

use super::{Moment, Work, Worker};
use crate::agent::marks::Way;
use crate::agent::origin::Origin;
use crate::agent::{letter, replays};
use crate::event::{Id, Key};
use crate::kafka::Record;
use crate::time::Time;

impl Worker {
    /// Whether the record is a replayed event; then it is sent in its key's turn. One that has ended before is not.
    pub(super) fn replayed(&mut self, record: &Record, now: Moment, work: &mut Work) -> bool {
        let headers = record.headers.iter().map(|(name, value)| (&**name, &**value));
        let value = record.value.as_deref().unwrap_or_default();
        let Some(read) = replays::read(headers, value) else {
            return false;
        };
        let timestamp = record.timestamp.map_or(now.time, Time::from_millis);
        let key = self.key_of(record);
        self.books.read(record.offset, record.size, timestamp, key);
        match read {
            Ok(event) => {
                let origin = Origin::Replay(record.offset);
                let lane = event.lane as usize;
                if self
                    .marks
                    .covers(self.way(origin, (event.lane, event.key)), event.time)
                {
                    work.counts.repeated[lane] += 1;
                    self.books.repeated(record.offset);
                } else {
                    work.counts.made[lane] += 1;
                    self.books.expect(record.offset);
                    self.send(origin, event, work);
                }
            }
            Err(problem) => self.unreadable(record, letter::UNREADABLE, &problem, now, work),
        }
        self.books.judged(record.offset, None);
        true
    }

    /// By what it is known how far the events of `way` have ended. A replayed event is older than what its key has sent
    /// since: it stands by itself, and says nothing of the others.
    pub(super) fn way(&self, origin: Origin, way: Way) -> Way {
        let (lane, key) = way;
        match origin {
            Origin::Replay(offset) => {
                let place = self.place.to_string();
                (lane, Key(Id::over(&["replay", &place, &offset.to_string()])))
            }
            _ => (lane, key),
        }
    }
}
