//! Takes what the reader says, in order, and passes it to the partition that it concerns.
//!
//! The one task that receives from the reader's channel. It waits for nobody: a drain is awaited by a task of its own,
//! which then answers the reader.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{Counter, counter, gauge};
use tokio::time::{Duration, timeout};

use super::assignment::{Handle, Progress};
use super::news::News;
use super::partition::Shared;
use super::restore::Begin;
use crate::kafka::{Chunk, Commit, Input, Place};
use crate::metrics::{CONSUMED_BYTES, PARTITIONS_ASSIGNED, REBALANCES, RECORDS_CONSUMED};

/// How far each assigned partition is, for whoever measures.
pub(super) type Assigned = Arc<Mutex<BTreeMap<Place, Arc<Progress>>>>;

/// What a drained partition is given beyond its patience, to keep its state. The reader waits a moment longer.
const ANSWER: Duration = Duration::from_millis(1800);

/// How long the drain of a partition may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// `[kafka] drain`.
    pub(super) drain: Duration,
    /// `[kafka] shutdown_grace`.
    pub(super) grace: Duration,
}

/// See the module.
pub(super) struct Dispatch {
    shared: Arc<Shared>,
    patience: Patience,
    handles: BTreeMap<Place, Handle>,
    assigned: Assigned,
    news: News,
    records: Counter,
    bytes: Counter,
}

impl Dispatch {
    pub(super) fn new(shared: Arc<Shared>, patience: Patience, assigned: Assigned, news: News) -> Self {
        Self {
            shared,
            patience,
            handles: BTreeMap::new(),
            assigned,
            news,
            records: counter!(RECORDS_CONSUMED),
            bytes: counter!(CONSUMED_BYTES),
        }
    }

    /// Runs until the reader has ended.
    pub(super) async fn run(mut self, inputs: flume::Receiver<Input>) {
        while let Ok(input) = inputs.recv_async().await {
            self.take(input);
        }
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Chunk(chunk) => self.chunk(chunk),
            Input::AtEnd { place, offset } => {
                self.news.reads();
                if let Some(handle) = self.handles.get(&place) {
                    handle.at_end(offset);
                }
            }
            Input::Assigned {
                place,
                epoch,
                from,
                committed,
                metadata,
                high,
                ..
            } => {
                counter!(REBALANCES, "kind" => "assigned").increment(1);
                tracing::info!(%place, from, "a partition is assigned");
                let begin = Begin {
                    place: place.clone(),
                    from,
                    committed,
                    metadata,
                    high,
                };
                let handle = Handle::start(begin, epoch, self.shared.clone());
                lock(&self.assigned).insert(place.clone(), handle.progress.clone());
                self.handles.insert(place, handle);
                self.count_partitions();
            }
            Input::Revoked {
                places,
                done,
                stopping,
            } => self.revoked(places, done, stopping),
            Input::Lost { places } => {
                for place in places {
                    counter!(REBALANCES, "kind" => "lost").increment(1);
                    tracing::warn!(%place, "a partition was lost: it is somebody else's already");
                    lock(&self.assigned).remove(&place);
                    self.handles.remove(&place);
                }
                self.count_partitions();
            }
            Input::Event(event) => {
                if let crate::kafka::Event::Paused(paused) = event {
                    self.handles.values().for_each(|handle| handle.starved(paused));
                }
                self.news.take(event, self.handles.len());
            }
        }
    }

    fn chunk(&mut self, chunk: Chunk) {
        self.news.reads();
        self.records.increment(chunk.records.len() as u64);
        self.bytes.increment(chunk.size as u64);
        let size = chunk.size;
        let handle = self.handles.get(&chunk.place);
        let taken = handle
            .filter(|handle| handle.epoch == chunk.epoch)
            .is_some_and(|handle| handle.chunk(chunk));
        if !taken {
            self.shared.credits.give(size);
        }
    }

    fn revoked(&mut self, places: Vec<Place>, done: flume::Sender<Vec<Commit>>, stopping: bool) {
        let patience = match stopping {
            true => self.patience.grace,
            false => self.patience.drain,
        };
        if stopping {
            self.shared.delivery.flush();
        }
        let mut draining = Vec::new();
        for place in places {
            counter!(REBALANCES, "kind" => "revoked").increment(1);
            tracing::info!(%place, stopping, "a partition is given back");
            lock(&self.assigned).remove(&place);
            if let Some(handle) = self.handles.remove(&place) {
                draining.push((place, handle.drain(patience, stopping)));
            }
        }
        self.count_partitions();
        tokio::spawn(async move {
            let mut commits = Vec::new();
            for (place, answer) in draining {
                // The partition keeps to the same patience; what does not answer is not committed.
                match timeout(patience + ANSWER, answer).await {
                    Ok(Ok(commit)) => commits.extend(commit),
                    _ => {
                        tracing::warn!(%place, "it did not end in time: what its last commit misses is sent again")
                    }
                }
            }
            let _ = done.send(commits);
        });
    }

    fn count_partitions(&mut self) {
        let count = self.handles.len();
        gauge!(PARTITIONS_ASSIGNED).set(count as f64);
        self.news.partitions(count);
    }
}

pub(super) fn lock(
    assigned: &Mutex<BTreeMap<Place, Arc<Progress>>>,
) -> std::sync::MutexGuard<'_, BTreeMap<Place, Arc<Progress>>> {
    assigned.lock().unwrap_or_else(PoisonError::into_inner)
}
