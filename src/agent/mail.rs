//! Writes a partition's dead letters, one after another, each until Kafka has acknowledged it.
//!
//! A letter that cannot be written holds its record, and so the commit point; nothing is dropped.

use std::sync::Arc;

use metrics::counter;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::{Duration, sleep};

use super::counts;
use super::store::Store;
use super::worker::{Stage, Stake};
use crate::health::{Board, Item};
use crate::kafka::Letter;
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
    board: Board,
    mut inbox: UnboundedReceiver<Mail>,
    written: UnboundedSender<Stake>,
) {
    let mut mails = Vec::new();
    while inbox.recv_many(&mut mails, MANY).await > 0 {
        while !mails.is_empty() {
            let letters = mails.iter().map(|(_, _, letter)| letter).collect();
            let ended = store.letters(&topic, letters).await;
            let mut fault = None;
            let mut ended = ended.into_iter();
            mails.retain(|(stake, stage, _)| match ended.next() {
                Some(Ok(())) => {
                    counts::dead_letter(*stage);
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
                None => board.ok(Item::DeadLetters, format!("written to {topic}")),
                Some(fault) => {
                    counter!(DEAD_LETTER_FAILURES).increment(1);
                    board.error(
                        Item::DeadLetters,
                        format!("{topic} cannot be written: {fault}"),
                        fault.advice(),
                    );
                    tracing::error!(topic, %fault, "dead letters cannot be written; trying again");
                    tokio::select! {
                        () = sleep(PAUSE) => {}
                        () = written.closed() => return,
                    }
                }
            }
        }
    }
}
