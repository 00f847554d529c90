//! What the reader tells besides records: to the log, the metrics and the health page.

use metrics::{counter, gauge};

use crate::health::{Board, Item};
use crate::kafka::{Event, Fault};
use crate::metrics::{
    COMMIT_FAILURES, CONNECTION_CHANGES, CONNECTION_UP, CONSUMER_REBUILDS, LAG, MISSING_RECORDS,
    PARTITIONS_PAUSED,
};

/// What to do where records are missing.
const MISSED: &str = "lengthen the topic's retention; restart the agent to clear this line";
const STOPPED: &str = "to go on without them, restart the agent with [kafka] on_gap = \"continue\"; lengthen the topic's \
                       retention";

/// See the module.
pub(super) struct News {
    board: Board,
    /// The last fault that nothing has mended yet.
    fault: Option<Fault>,
    connected: Option<bool>,
    /// Records are missing: that stands on the health page until a restart.
    missing: Option<(String, &'static str)>,
}

impl News {
    pub(super) fn new(board: Board) -> Self {
        Self {
            board,
            fault: None,
            connected: None,
            missing: None,
        }
    }

    /// Something was read: whatever was wrong is over.
    pub(super) fn reads(&mut self) {
        if self.fault.take().is_some() || self.connected.is_none() {
            self.connected(true);
        }
    }

    /// This many partitions are assigned.
    pub(super) fn partitions(&self, count: usize) {
        match (&self.missing, count) {
            (Some((what, todo)), _) => self.board.error(Item::Partitions, what, *todo),
            (None, 0) => self.board.ok(
                Item::Partitions,
                "none assigned; another agent of the group reads",
            ),
            (None, count) => self.board.ok(Item::Partitions, format!("{count} assigned")),
        }
    }

    /// Takes an event; `partitions` are assigned.
    pub(super) fn take(&mut self, event: Event, partitions: usize) {
        match event {
            Event::Fault(fault) => self.fault(fault),
            Event::Connected(up) => {
                let change = if up { "restored" } else { "lost" };
                counter!(CONNECTION_CHANGES, "to" => "kafka", "change" => change).increment(1);
                self.connected(up);
            }
            Event::Gap {
                place,
                from,
                to,
                stopped,
            } => {
                let count = to - from;
                let and = if stopped {
                    "; reading stands still there"
                } else {
                    ""
                };
                let what = format!(
                    "{place}: {count} records from offset {from} on were removed before they were read{and}"
                );
                tracing::error!(%place, from, to, "{what}");
                counter!(MISSING_RECORDS).increment(count.try_into().unwrap_or_default());
                self.missing = Some((what, if stopped { STOPPED } else { MISSED }));
                self.partitions(partitions);
            }
            Event::Beyond { place, from, end } => {
                let what = format!(
                    "{place}: the log ends at {end}, before the committed offset {from}; the topic was made anew, \
                     or the group was moved by hand"
                );
                tracing::error!(%place, from, end, "{what}");
                self.missing = Some((what, MISSED));
                self.partitions(partitions);
            }
            Event::CommitFailed(reason) => {
                counter!(COMMIT_FAILURES).increment(1);
                tracing::warn!(reason, "a commit failed; the next one says the same and more");
            }
            Event::Rebuilt => {
                counter!(CONSUMER_REBUILDS).increment(1);
                tracing::warn!("the consumer had stopped reading and was made anew");
            }
            Event::Paused(paused) => {
                let count = if paused { partitions } else { 0 };
                gauge!(PARTITIONS_PAUSED).set(count as f64);
                tracing::debug!(paused, "the memory bound is reached, or no more");
            }
            Event::Lag(lags) => {
                for (place, lag) in lags {
                    let partition = place.partition.to_string();
                    gauge!(LAG, "topic" => place.topic.to_string(), "partition" => partition).set(lag as f64);
                }
            }
        }
    }

    fn fault(&mut self, fault: Fault) {
        self.board.error(Item::Kafka, fault.what(), fault.advice());
        self.fault = Some(fault);
    }

    fn connected(&mut self, up: bool) {
        gauge!(CONNECTION_UP, "to" => "kafka").set(f64::from(u8::from(up)));
        self.connected = Some(up);
        match up {
            true => {
                self.fault = None;
                self.board.ok(Item::Kafka, "connected");
            }
            false => self.board.error(
                Item::Kafka,
                "no broker is connected",
                "check [kafka] brokers, the network and whether the brokers run",
            ),
        }
    }
}
