//! A lane's metrics, looked up once.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use super::queue::Tally;
use crate::event::Lane;
use crate::metrics as names;
use crate::time::Time;

/// Why a batch was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closed {
    /// It has as many events as fit.
    Full,
    /// It has as many bytes as fit.
    Bytes,
    /// Its oldest event has waited long enough.
    Linger,
    /// Scarce budget came free.
    Budget,
    /// The agent stops.
    Flush,
    /// The same events as before, or a part of them.
    Again,
    /// One event, to try whether a stopped lane may go on.
    Probe,
}

impl Closed {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Full, "full"),
        (Self::Bytes, "bytes"),
        (Self::Linger, "linger"),
        (Self::Budget, "budget"),
        (Self::Flush, "flush"),
        (Self::Again, "again"),
        (Self::Probe, "probe"),
    ];
}

/// The handles of one lane.
pub(super) struct Meters {
    lane: Lane,
    accepted: Counter,
    refused: Counter,
    resent: Counter,
    waiting: Gauge,
    batches: [Counter; Closed::ALL.len()],
    batch_events: Histogram,
    duration: Histogram,
    in_flight: Gauge,
    pace_wait: Counter,
    /// What `pace_wait` does not show yet: it counts whole seconds.
    waited: Duration,
    limited: Counter,
    stopped: Gauge,
    delay: Histogram,
    statuses: Vec<(Option<u16>, Counter)>,
}

impl Meters {
    pub(super) fn new(lane: Lane) -> Self {
        let name = lane.as_str();
        let batches = Closed::ALL.map(|(_, why)| counter!(names::BATCHES, "lane" => name, "closed" => why));
        batches.iter().for_each(|counter| counter.increment(0));
        Self {
            lane,
            accepted: counter!(names::EVENTS_ACCEPTED, "lane" => name),
            refused: counter!(names::EVENTS_REFUSED, "lane" => name),
            resent: counter!(names::EVENTS_RESENT, "lane" => name),
            waiting: gauge!(names::EVENTS_WAITING, "lane" => name),
            batches,
            batch_events: histogram!(names::BATCH_EVENTS, "lane" => name),
            duration: histogram!(names::REQUEST_DURATION, "endpoint" => name),
            in_flight: gauge!(names::REQUESTS_IN_FLIGHT, "lane" => name),
            pace_wait: counter!(names::PACE_WAIT, "lane" => name),
            waited: Duration::ZERO,
            limited: counter!(names::RATE_LIMITED, "endpoint" => name),
            stopped: gauge!(names::LANE_STOPPED, "lane" => name),
            delay: histogram!(names::DELIVERY_DELAY, "lane" => name),
            statuses: Vec::new(),
        }
    }

    pub(super) fn waiting(&self, events: usize) {
        self.waiting.set(events as f64);
    }

    pub(super) fn sent(&mut self, closed: Closed, events: usize, resent: u64, waited: Duration) {
        if let Some(at) = Closed::ALL.iter().position(|(why, _)| *why == closed) {
            self.batches[at].increment(1);
        }
        self.batch_events.record(events as f64);
        self.resent.increment(resent);
        self.in_flight.increment(1.0);
        self.waited += waited;
        self.pace_wait.increment(self.waited.as_secs());
        self.waited -= Duration::from_secs(self.waited.as_secs());
    }

    pub(super) fn answered(&mut self, status: Option<u16>, took: Duration) {
        self.in_flight.decrement(1.0);
        self.duration.record(took.as_secs_f64());
        if status == Some(429) {
            self.limited.increment(1);
        }
        let known = self.statuses.iter().position(|(known, _)| *known == status);
        let at = known.unwrap_or_else(|| {
            let text = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
            let counter = counter!(names::REQUESTS, "endpoint" => self.lane.as_str(), "status" => text);
            self.statuses.push((status, counter));
            self.statuses.len() - 1
        });
        self.statuses[at].1.increment(1);
    }

    pub(super) fn ended(&self, tally: Tally) {
        self.accepted.increment(tally.accepted);
        self.refused.increment(tally.refused);
    }

    /// Events accepted at `now`, by the timestamps of their records.
    pub(super) fn delays(&self, now: Time, timestamps: impl Iterator<Item = Time>) {
        // Neighbours often come from one record.
        let mut run: Option<(Time, usize)> = None;
        let record = |(timestamp, events): (Time, usize)| {
            let millis = now.millis().saturating_sub(timestamp.millis()).max(0);
            self.delay.record_many(millis as f64 / 1000.0, events);
        };
        for timestamp in timestamps {
            run = match run {
                Some((same, events)) if same == timestamp => Some((same, events + 1)),
                other => {
                    other.into_iter().for_each(record);
                    Some((timestamp, 1))
                }
            };
        }
        run.into_iter().for_each(record);
    }

    pub(super) fn stopped(&self, stopped: bool) {
        self.stopped.set(f64::from(u8::from(stopped)));
    }
}
