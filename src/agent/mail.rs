//! Writes a partition's dead letters, one after another, each until Kafka has acknowledged it.
//!
//! A letter that cannot be written stops its partition: its record holds the commit point, and what is read above that
//! is bounded by memory. Nothing is dropped; it goes on by itself.

use std::sync::Arc;

use metrics::counter;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::{Duration, sleep};

use super::counts;
use super::states::States;
use super::store::Store;
use super::worker::{Stage, Stake};
use crate::kafka::{Letter, Place};
use crate::metrics::DEAD_LETTER_FAILURES;

/// Between two attempts at a letter.
const PAUSE: Duration = Duration::from_secs(2);
/// Letters written at a time.
const MANY: usize = 100;

/// A letter to write, and what ends by it.
pub(super) type Mail = (Stake, Stage, Letter);

/// Writes what comes until nobody sends any more; says which were acknowledged. Ends early when nobody listens.
pub(super) async fn write(
    store: Arc<dyn Store>,
    topic: String,
    place: Place,
    postbox: States,
    mut inbox: UnboundedReceiver<Mail>,
    written: UnboundedSender<Stake>,
) {
    let (mut mails, mut stopped) = (Vec::new(), false);
    while inbox.recv_many(&mut mails, MANY).await > 0 {
        while !mails.is_empty() {
            let letters = mails.iter().map(|(_, _, letter)| letter).collect();
            let ended = store.letters(&topic, letters).await;
            let mut fault = None;
            let mut ended = ended.into_iter();
            mails.retain(|(stake, stage, letter)| match ended.next() {
                Some(Ok(())) => {
                    counts::dead_letter(*stage);
                    say(*stage, letter);
                    let _ = written.send(*stake);
                    false
                }
                Some(Err(error)) => {
                    fault = Some(error);
                    true
                }
                None => true,
            });
            match fault {
                None => {
                    stopped = false;
                    postbox.ok(&place, format!("written to {topic}"));
                }
                Some(fault) => {
                    counter!(DEAD_LETTER_FAILURES).increment(1);
                    let waiting = mails.len();
                    let what =
                        format!("stopped, {waiting} dead letters wait: {topic} cannot be written: {fault}");
                    postbox.fault(&place, what, fault.advice());
                    if !std::mem::replace(&mut stopped, true) {
                        tracing::error!(
                            %place, topic, %fault, "the partition stops: its dead letters cannot be written; trying again"
                        );
                    }
                    tokio::select! {
                        () = sleep(PAUSE) => {}
                        () = written.closed() => return,
                    }
                }
            }
        }
    }
}

/// Logs that a letter was written. What Genesys Cloud answered and what the record holds may name people: that stays in
/// the letter.
fn say(stage: Stage, letter: &Letter) {
    let header = |name: &str| {
        let found = letter.headers.iter().rev().find(|(one, _)| one == name);
        found.map(|(_, value)| String::from_utf8_lossy(value))
    };
    let (topic, partition, offset) = (
        header("__connect.errors.topic"),
        header("__connect.errors.partition"),
        header("__connect.errors.offset"),
    );
    let (topic, partition, offset) = (topic.as_deref(), partition.as_deref(), offset.as_deref());
    match stage {
        Stage::Decode => tracing::warn!(
            topic,
            partition,
            offset,
            "a record, or a part of it, cannot be read: it is a dead letter"
        ),
        Stage::Deliver => tracing::warn!(
            topic,
            partition,
            offset,
            lane = header("cic_conduit.lane").as_deref(),
            kind = header("cic_conduit.type").as_deref(),
            status = header("cic_conduit.status").as_deref(),
            correlation_id = header("cic_conduit.correlation_id").as_deref(),
            "Genesys Cloud refuses an event for good: it is a dead letter"
        ),
        // Each follows one that was refused.
        Stage::DependsOn => {}
    }
}
