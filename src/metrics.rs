//! Every metric of the agent: name, help, labels and their values. A leaf: whoever counts names a constant of this
//! file, so that nothing is counted that no page describes.
//!
//! A [`Recorder`] makes every series of a closed label set exist from the start: an alert on a rate must not miss
//! the first error.

mod recorder;
#[cfg(test)]
mod tests;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

pub use recorder::{Error, Recorder};

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Only grows; its name ends in `_total`.
    Counter,
    /// What is now.
    Gauge,
    /// How values are spread; with these upper bounds.
    Histogram(&'static [f64]),
}

/// A label and the values it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// None.
    None,
    /// These values, all present from the start.
    Of(&'static str, &'static [&'static str]),
    /// Several labels, every combination of their values present from the start.
    Each(&'static [(&'static str, &'static [&'static str])]),
    /// Values that are known when they come: topics and partitions.
    Open(&'static [&'static str]),
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// As Prometheus has it.
    pub name: &'static str,
    /// Counter, gauge or histogram.
    pub kind: Kind,
    /// Its labels.
    pub label: Label,
    /// What it says, in one sentence.
    pub help: &'static str,
}

/// Seconds, from a fast answer to a long outage.
const SECONDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0,
];
/// Events of a batch, which has 100 at most.
const EVENTS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 75.0, 99.0, 100.0];

const LANES: Label = Label::Of(
    "lane",
    &["conversations", "presence", "routingStatus", "outOfOffice"],
);
const PARTITION: Label = Label::Open(&["topic", "partition"]);

macro_rules! metrics {
    ($($constant:ident $name:literal $kind:expr, $label:expr, $help:literal;)*) => {
        $(#[doc = $help] pub const $constant: &str = concat!("cic_conduit_", $name);)*
        /// Every metric, in the order in which data flows.
        pub const ALL: &[Metric] = &[$(Metric {
            name: $constant,
            kind: $kind,
            label: $label,
            help: $help,
        },)*];
    };
}

use Kind::{Counter, Gauge, Histogram};
use Label::{Each, Of, Open};

metrics! {
    RECORDS_CONSUMED "records_consumed_total" Counter, Label::None, "Records read from Kafka";
    CONSUMED_BYTES "consumed_bytes_total" Counter, Label::None, "Bytes of the records read from Kafka";
    RECORDS_ENDED "records_ended_total" Counter, Of("fate", &["delivered", "dead_lettered", "skipped"]), "Records that the commit point has passed, by what became of them";
    RECORDS_SKIPPED "records_skipped_total" Counter, Open(&["reason"]), "Records that made no event, by their first reason, as the commit point passes them";
    PARTS_SKIPPED "parts_skipped_total" Counter, Open(&["reason"]), "Parts of records, such as one of several interactions, that made no event, by reason";
    EVENTS_MADE "events_made_total" Counter, LANES, "Events that conversion made";
    EVENTS_REPEATED "events_repeated_total" Counter, LANES, "Events made once more after a restart that had ended before it, and are not sent again";
    EVENTS_LEFT_OUT "events_left_out_total" Counter, Open(&["reason"]), "Events that are not sent, and parts left out of events, by reason";
    EVENTS_MOVED "events_moved_total" Counter, Label::None, "Events stamped more than a second later than their cause, so that time goes forward";
    EVENTS_ACCEPTED "events_accepted_total" Counter, LANES, "Events that Genesys Cloud accepted";
    EVENTS_REFUSED "events_refused_total" Counter, LANES, "Events that Genesys Cloud refused for good, and those that depend on them";
    EVENTS_RESENT "events_resent_total" Counter, LANES, "Events sent once more";
    EVENTS_WAITING "events_waiting" Gauge, LANES, "Events that are neither accepted nor refused yet";
    BATCHES "batches_total" Counter, Open(&["lane", "closed"]), "Batches, by why they were closed";
    BATCH_EVENTS "batch_events" Histogram(EVENTS), LANES, "Events per batch";
    REQUESTS "requests_total" Counter, Open(&["endpoint", "status"]), "Requests to Genesys Cloud, by endpoint and status; none: no answer came";
    REQUEST_DURATION "request_duration_seconds" Histogram(SECONDS), Of("endpoint", &["conversations", "presence", "routingStatus", "outOfOffice", "directory"]), "How long requests took, their answers read";
    REQUESTS_IN_FLIGHT "requests_in_flight" Gauge, LANES, "Requests without an answer yet";
    BUDGET_ALLOWED "budget_allowed_requests" Gauge, Of("scope", &["token", "conversations", "presence", "routingStatus", "outOfOffice"]), "Requests that Genesys Cloud allows in a window, as its answers say";
    BUDGET_USED "budget_used_requests" Gauge, Of("scope", &["token", "conversations", "presence", "routingStatus", "outOfOffice"]), "Requests of the window so far, those of other agents included";
    PACE_WAIT "pace_wait_seconds_total" Counter, LANES, "Time that batches waited for the budget";
    RATE_LIMITED "rate_limited_total" Counter, Of("endpoint", &["conversations", "presence", "routingStatus", "outOfOffice", "directory"]), "Answers 429";
    LANE_STOPPED "lane_stopped" Gauge, LANES, "Whether the lane is stopped until somebody mends it";
    DELIVERY_DELAY "delivery_delay_seconds" Histogram(SECONDS), LANES, "From the record's timestamp to the event's acceptance";
    OLDEST_RECORD_AGE "oldest_record_age_seconds" Gauge, Label::None, "Age of the oldest record that has not ended";
    LAG "lag_records" Gauge, PARTITION, "Records between what was read and the log's end";
    COMMITTED_OFFSET "committed_offset" Gauge, PARTITION, "The offset that was last committed";
    BYTES_IN_FLIGHT "bytes_in_flight" Gauge, Label::None, "Bytes of records that have not ended, and of their events";
    BYTES_BOUND "bytes_bound" Gauge, Label::None, "What they may take, by memory.bound";
    PARTITIONS_ASSIGNED "partitions_assigned" Gauge, Label::None, "Partitions that this agent reads";
    PARTITIONS_PAUSED "partitions_paused" Gauge, Label::None, "Partitions whose reading stands still because the memory bound is reached";
    REBALANCES "rebalances_total" Counter, Of("kind", &["assigned", "revoked", "lost"]), "Partitions given to this agent and taken from it";
    CONSUMER_REBUILDS "consumer_rebuilds_total" Counter, Label::None, "Times that the consumer was made anew because it had stopped reading";
    COMMIT_FAILURES "commit_failures_total" Counter, Label::None, "Commits that failed";
    MISSING_RECORDS "missing_records_total" Counter, Label::None, "Records that retention took before they were read";
    WAITS_CUT_SHORT "waits_cut_short_total" Counter, Label::None, "Waits that ended early because the memory bound was reached";
    DEAD_LETTERS "dead_letters_total" Counter, Of("stage", &["decode", "deliver", "depends_on"]), "Dead letters that Kafka has acknowledged";
    DEAD_LETTER_FAILURES "dead_letter_failures_total" Counter, Label::None, "Attempts to write a dead letter that Kafka did not acknowledge";
    SNAPSHOTS "snapshots_total" Counter, Of("result", &["kept", "failed"]), "Snapshots of a partition's state";
    SNAPSHOT_BYTES "snapshot_bytes" Gauge, PARTITION, "Size of the partition's last snapshot before it is compressed";
    SNAPSHOT_DURATION "snapshot_duration_seconds" Histogram(SECONDS), Label::None, "How long snapshots took, their commit included; conversion goes on meanwhile";
    RESTORES "restores_total" Counter, Of("how", &["state", "fresh", "stopped"]), "Beginnings of a partition: with its kept state, without one, or not at all because the kept one cannot be used";
    TOKEN_EXPIRY "token_expiry_timestamp_seconds" Gauge, Label::None, "When the access token ends";
    TOKEN_REFRESHES "token_refreshes_total" Counter, Of("result", &["renewed", "failed"]), "Access tokens asked for";
    CONNECTION_UP "connection_up" Gauge, Of("to", &["kafka", "genesys_cloud"]), "Whether there is a connection";
    CONNECTION_CHANGES "connection_changes_total" Counter, Each(&[("to", &["kafka", "genesys_cloud"]), ("change", &["lost", "restored"])]), "Connections lost and restored";
    DIRECTORY_NAMES "directory_names" Gauge, Open(&["kind"]), "Names whose id is known";
    DIRECTORY_UNRESOLVED "directory_unresolved_names" Gauge, Open(&["kind"]), "Names that were asked for and have no id";
    DIRECTORY_REFRESHES "directory_refreshes_total" Counter, Of("result", &["done", "failed"]), "Times that the organization's names were read";
    OPEN_CONVERSATIONS "open_conversations" Gauge, Label::None, "Conversations with an open communication";
    HEALTH_ITEM_STATE "health_item_state" Gauge, Open(&["item"]), "An item of the health page: 0 OK, 1 Warning, 2 Error, 3 unknown";
    HEALTH_ITEM_LAST_SUCCESS "health_item_last_success_timestamp_seconds" Gauge, Open(&["item"]), "When an item last was OK";
    BUILD_INFO "build_info" Gauge, Open(&["version"]), "1, with the agent's version";
}

/// Describes every metric to the recorder in use, and makes the series of closed label sets exist.
fn describe() {
    for metric in ALL {
        match metric.kind {
            Counter => describe_counter!(metric.name, metric.help),
            Gauge => describe_gauge!(metric.name, metric.help),
            Histogram(_) => describe_histogram!(metric.name, metric.help),
        }
        for labels in metric.label.combinations() {
            touch(metric, labels);
        }
    }
    gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

impl Label {
    /// Every series that exists from the start; one without labels where there are none.
    fn combinations(self) -> Vec<Vec<metrics::Label>> {
        let single;
        let labels = match self {
            Self::None => &[],
            Self::Of(name, values) => {
                single = [(name, values)];
                &single[..]
            }
            Self::Each(labels) => labels,
            Self::Open(_) => return Vec::new(),
        };
        labels.iter().fold(vec![Vec::new()], |series, &(name, values)| {
            let with = |head: &Vec<metrics::Label>, value| {
                let mut labels = head.clone();
                labels.push(metrics::Label::from_static_parts(name, value));
                labels
            };
            series
                .iter()
                .flat_map(|head| values.iter().map(move |value| with(head, value)))
                .collect()
        })
    }

    /// The labels' names.
    pub fn names(self) -> Vec<&'static str> {
        match self {
            Self::None => Vec::new(),
            Self::Of(name, _) => vec![name],
            Self::Each(labels) => labels.iter().map(|(name, _)| *name).collect(),
            Self::Open(names) => names.to_vec(),
        }
    }
}

fn touch(metric: &Metric, labels: Vec<metrics::Label>) {
    match metric.kind {
        Counter => counter!(metric.name, labels).increment(0),
        Gauge => gauge!(metric.name, labels).increment(0.0),
        Histogram(_) => drop(histogram!(metric.name, labels)),
    }
}

/// The table of all metrics, for the README.
pub fn markdown() -> String {
    let mut table = String::from("| metric | kind | labels | what it says |\n|---|---|---|---|\n");
    for Metric {
        name,
        kind,
        label,
        help,
    } in ALL
    {
        let kind = match kind {
            Counter => "counter",
            Gauge => "gauge",
            Histogram(_) => "histogram",
        };
        let labels = label.names().join(", ");
        table.push_str(&format!("| `{name}` | {kind} | {labels} | {help} |\n"));
    }
    table
}
