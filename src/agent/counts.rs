//! What partitions count: handles that are looked up once.

use metrics::{Counter, counter};

use super::books::Passed;
use super::worker::{Counts, Stage};
use crate::convert;
use crate::event::Lane;
use crate::metrics::{
    DEAD_LETTERS, EVENTS_LEFT_OUT, EVENTS_MADE, EVENTS_MOVED, EVENTS_REPEATED, PARTS_SKIPPED, RECORDS_ENDED,
    RECORDS_SKIPPED,
};
use crate::names;

/// See the module.
pub(super) struct Counters {
    made: [Counter; Lane::ALL.len()],
    repeated: [Counter; Lane::ALL.len()],
    skipped: [Counter; convert::Reason::ALL.len()],
    left_out: [Counter; names::Reason::ALL.len()],
    moved: Counter,
    delivered: Counter,
    dead_lettered: Counter,
    skipped_records: Counter,
}

impl Counters {
    /// Looks every handle up, by which its series exists.
    pub(super) fn new() -> Self {
        let fate = |fate: &'static str| counter!(RECORDS_ENDED, "fate" => fate);
        for reason in convert::Reason::ALL {
            counter!(RECORDS_SKIPPED, "reason" => reason.as_str()).increment(0);
        }
        Self {
            made: Lane::ALL.map(|lane| counter!(EVENTS_MADE, "lane" => lane.as_str())),
            repeated: Lane::ALL.map(|lane| counter!(EVENTS_REPEATED, "lane" => lane.as_str())),
            skipped: convert::Reason::ALL.map(|reason| counter!(PARTS_SKIPPED, "reason" => reason.as_str())),
            left_out: names::Reason::ALL.map(|reason| counter!(EVENTS_LEFT_OUT, "reason" => reason.as_str())),
            moved: counter!(EVENTS_MOVED),
            delivered: fate("delivered"),
            dead_lettered: fate("dead_lettered"),
            skipped_records: fate("skipped"),
        }
    }

    /// Counts what a worker did.
    pub(super) fn work(&self, counts: &mut Counts) {
        let add = |counters: &[Counter], values: &mut [u64]| {
            for (counter, value) in counters.iter().zip(values) {
                if *value > 0 {
                    counter.increment(std::mem::take(value));
                }
            }
        };
        add(&self.made, &mut counts.made);
        add(&self.repeated, &mut counts.repeated);
        add(&self.skipped, &mut counts.skipped);
        add(&self.left_out, &mut counts.left_out);
        self.moved.increment(std::mem::take(&mut counts.moved));
    }

    /// Counts what the commit point has passed.
    pub(super) fn passed(&self, passed: Passed) {
        self.delivered.increment(passed.delivered);
        self.dead_lettered.increment(passed.dead_lettered);
        self.skipped_records.increment(passed.skipped);
        for (reason, count) in passed.reasons {
            counter!(RECORDS_SKIPPED, "reason" => reason).increment(count);
        }
    }
}

/// Counts dead letters that Kafka has acknowledged.
pub(super) fn dead_letter(stage: Stage) {
    let stage = match stage {
        Stage::Decode => "decode",
        Stage::Deliver => "deliver",
        Stage::DependsOn => "depends_on",
    };
    counter!(DEAD_LETTERS, "stage" => stage).increment(1);
}
