//! A partition's assignment, from its beginning to its end: what was kept is fetched, then its [`Partition`] works; or it
//! is stopped, because what was kept cannot be used.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize};

use metrics::counter;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;
use tokio::time::{Duration, Instant};

use super::partition::{Partition, Shared};
use super::restore::{Begin, Mismatch, Restored};
use crate::kafka::{Chunk, Commit, Epoch};
use crate::metrics::RESTORES;

/// How far a partition is, for metrics.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The timestamp of the oldest record that has not ended; 0: there is none.
    pub(super) oldest: AtomicI64,
    /// Conversations with an open communication.
    pub(super) conversations: AtomicUsize,
}

/// What a partition is told.
pub(super) enum Say {
    Chunk(Chunk),
    /// Everything below this has been read, and there is no more just now.
    AtEnd(i64),
    /// Reading stands still because the memory bound is reached, or goes on.
    Starved(bool),
    Drain(Drain),
}

/// The end of an assignment.
pub(super) struct Drain {
    pub(super) patience: Duration,
    /// Whether what is queued is delivered too, as far as there is time.
    pub(super) stopping: bool,
    pub(super) reply: oneshot::Sender<Option<Commit>>,
}

/// How a partition is reached.
pub(super) struct Handle {
    pub(super) epoch: Epoch,
    pub(super) progress: Arc<Progress>,
    inbox: UnboundedSender<Say>,
}

impl Handle {
    /// Begins to work on a partition.
    pub(super) fn start(begin: Begin, epoch: Epoch, shared: Arc<Shared>) -> Self {
        let progress = Arc::<Progress>::default();
        let (inbox, said) = mpsc::unbounded_channel();
        tokio::spawn(run(begin, epoch, shared, progress.clone(), said));
        Self {
            epoch,
            progress,
            inbox,
        }
    }

    /// Hands a chunk over; false where the partition has ended.
    pub(super) fn chunk(&self, chunk: Chunk) -> bool {
        self.inbox.send(Say::Chunk(chunk)).is_ok()
    }

    /// Says that everything below `offset` was read.
    pub(super) fn at_end(&self, offset: i64) {
        let _ = self.inbox.send(Say::AtEnd(offset));
    }

    /// Says whether reading stands still for want of memory.
    pub(super) fn starved(&self, starved: bool) {
        let _ = self.inbox.send(Say::Starved(starved));
    }

    /// Ends the work: waits up to `patience` for what is in flight, and when `stopping` for what is queued too. Gives
    /// what is to be committed yet.
    pub(super) fn drain(self, patience: Duration, stopping: bool) -> oneshot::Receiver<Option<Commit>> {
        let (reply, answer) = oneshot::channel();
        let _ = self.inbox.send(Say::Drain(Drain {
            patience,
            stopping,
            reply,
        }));
        answer
    }
}

/// What comes before the work, or instead of it.
#[derive(Default)]
pub(super) struct Waiting {
    pub(super) chunks: VecDeque<Chunk>,
    pub(super) starved: bool,
}

/// From the assignment to its end.
async fn run(
    begin: Begin,
    epoch: Epoch,
    shared: Arc<Shared>,
    progress: Arc<Progress>,
    mut said: UnboundedReceiver<Say>,
) {
    let mut waiting = Waiting::default();
    let place = begin.place.clone();
    let drain = match restore(&begin, &shared, &mut waiting, &mut said).await {
        Ok(restored) => {
            let partition = Partition::new(&begin, epoch, shared.clone(), progress, restored, waiting);
            partition.work(said).await;
            None
        }
        Err(Early::Drain(drain)) => Some(drain),
        Err(Early::Stopped(why)) => stop(&begin, epoch, why, &shared, &mut said).await,
        Err(Early::Lost) => None,
    };
    if let Some(drain) = drain {
        let _ = drain.reply.send(None);
    }
    shared.sites.forget(&place);
    shared.states.forget(&place);
    shared.postbox.forget(&place);
}

/// Why a partition does not come to work.
enum Early {
    Drain(Drain),
    Lost,
    Stopped(Mismatch),
}

/// Fetches what was kept; what is read meanwhile waits.
async fn restore(
    begin: &Begin,
    shared: &Shared,
    waiting: &mut Waiting,
    said: &mut UnboundedReceiver<Say>,
) -> Result<Option<Restored>, Early> {
    let began = Instant::now();
    let place = &begin.place;
    let restore = begin.restore(&*shared.store, &shared.states);
    tokio::pin!(restore);
    let early = loop {
        tokio::select! {
            biased;
            restored = &mut restore => match restored {
                Ok(Some(restored)) => {
                    counter!(RESTORES, "how" => "state").increment(1);
                    let seconds = began.elapsed().as_secs_f64();
                    tracing::info!(%place, offset = restored.pointed.point.offset, seconds, "its state is restored");
                    shared.states.ok(place, format!("{place} was restored"));
                    return Ok(Some(restored));
                }
                Ok(None) => {
                    counter!(RESTORES, "how" => "fresh").increment(1);
                    shared.states.ok(place, format!("{place} begins without a state"));
                    return Ok(None);
                }
                Err(why) if shared.fresh => {
                    counter!(RESTORES, "how" => "fresh").increment(1);
                    tracing::warn!(%place, %why, "it begins without a state, as [state] on_mismatch says");
                    shared.states.ok(place, format!("{place} began without its kept state: {why}"));
                    return Ok(None);
                }
                Err(why) => break Early::Stopped(why),
            },
            told = said.recv() => match told {
                Some(Say::Chunk(chunk)) => waiting.chunks.push_back(chunk),
                Some(Say::AtEnd(_)) => {}
                Some(Say::Starved(starved)) => waiting.starved = starved,
                Some(Say::Drain(drain)) => break Early::Drain(drain),
                None => break Early::Lost,
            },
        }
    };
    for chunk in waiting.chunks.drain(..) {
        shared.credits.give(chunk.size);
    }
    Err(early)
}

/// The partition is not read: its state cannot be used.
async fn stop(
    begin: &Begin,
    epoch: Epoch,
    why: Mismatch,
    shared: &Shared,
    said: &mut UnboundedReceiver<Say>,
) -> Option<Drain> {
    let place = &begin.place;
    counter!(RESTORES, "how" => "stopped").increment(1);
    tracing::error!(%place, %why, todo = why.todo(), "the partition is stopped: its kept state cannot be used");
    shared.states.fault(place, format!("stopped: {why}"), why.todo());
    shared.store.halt(place, epoch);
    loop {
        match said.recv().await? {
            Say::Chunk(chunk) => shared.credits.give(chunk.size),
            Say::AtEnd(_) | Say::Starved(_) => {}
            Say::Drain(drain) => return Some(drain),
        }
    }
}
