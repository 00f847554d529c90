//! How events end, and what ends with them.

use super::{EVENT, Moment, Stage, Work, Worker};
use crate::agent::letter;
use crate::agent::marks::Way;
use crate::agent::origin::Origin;
use crate::deliver::{End, Missing, Outcome};
use crate::event::Id;
use crate::time::Time;

/// What ends once Kafka has acknowledged a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::agent) struct Stake {
    pub(in crate::agent) origin: Origin,
    /// The refused event; none where a record, or a part of it, could not be read.
    pub(in crate::agent) event: Option<Refused>,
}

/// A refused event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::agent) struct Refused {
    way: Way,
    id: Id,
    time: Time,
    makes: Option<Id>,
}

impl Worker {
    /// Events have ended.
    pub(in crate::agent) fn ended(&mut self, ends: Vec<End>, now: Moment, work: &mut Work) {
        self.version += 1;
        for end in ends {
            self.in_delivery = self.in_delivery.saturating_sub(1);
            self.delivering = self.delivering.saturating_sub(end.bytes + EVENT);
            self.books.free(end.bytes + EVENT);
            let origin = Origin::of(end.record);
            let event = Refused {
                way: self.way(origin, (end.lane, end.key)),
                id: end.id,
                time: end.time,
                makes: end.makes,
            };
            match end.outcome {
                Outcome::Accepted => {
                    if !self.missing.is_empty() {
                        self.missing
                            .retain(|missing, _| Some(missing.made) != event.makes);
                    }
                    self.passed_by(origin, &event);
                    match origin {
                        Origin::Record(offset) | Origin::Replay(offset) => self.books.accepted(offset),
                        origin => self.over(origin),
                    }
                }
                Outcome::Refused(refusal) => {
                    let record = origin.offset();
                    let key = record.and_then(|offset| self.books.key(offset));
                    let stage = match refusal.depends_on {
                        Some(_) => Stage::DependsOn,
                        None => Stage::Deliver,
                    };
                    let letter = letter::refused(&self.place, record, key, &refusal, now.time);
                    let event = Some(event);
                    work.letters.push((Stake { origin, event }, stage, letter));
                }
            }
        }
    }

    /// A dead letter was acknowledged.
    pub(in crate::agent) fn letter_written(&mut self, stake: Stake) {
        self.version += 1;
        let Stake { origin, event } = stake;
        if let Some(event) = event {
            self.passed_by(origin, &event);
            if let Some(made) = event.makes {
                let (lane, key) = event.way;
                let cause = event.id;
                let missing = Missing {
                    lane,
                    key,
                    made,
                    cause,
                };
                self.missing.insert(missing, self.machine.stream_time());
            }
        }
        match origin.offset() {
            Some(offset) => self.books.dead_lettered(offset),
            None => self.over(origin),
        }
    }

    /// An event has ended: a repetition will not send it again.
    fn passed_by(&mut self, origin: Origin, event: &Refused) {
        let (lane, key) = event.way;
        self.marks.ended(event.way, event.time);
        if origin == Origin::Owed {
            self.resolver.paid(lane, key, event.id);
        }
    }

    /// What holds `origin` has one event less to wait for.
    pub(super) fn over(&mut self, origin: Origin) {
        match origin {
            Origin::Record(offset) | Origin::Passing(offset) | Origin::Replay(offset) => {
                self.books.over(offset)
            }
            Origin::Tick(number) => self.ticks.ended(number),
            Origin::Owed => {}
        }
    }
}
