//! Accepted in order, at the pace that Genesys Cloud allows.
//!
//! In come events, per owner (one assignment of one partition) in their order; out go requests, and how each event
//! ended: accepted or refused. Per key events are accepted in the order in which they came; a key has at most one
//! event in flight. Nothing is dropped but what an owner left behind that was fenced.
//!
//! | file | |
//! |---|---|
//! | `queue` | keys, heads, locks |
//! | `lease` | until when an owner may send |
//! | `batch` | a request's body |
//! | `pace`, `governor` | when the next request may go |
//! | `backoff` | how long to wait after a failure |
//! | `verdict`, `bisect`, `halt`, `flood`, `memory` | what an answer means: for each event, for a request, for the lane, for what depends on it |
//! | `desk`, `load` | what a lane does next |
//! | `lane` | the loop that does it |
//! | `report`, `meters` | what it says of itself |
//!
//! It never looks into an event and never makes one.

mod backoff;
mod batch;
mod bisect;
mod desk;
mod flood;
mod governor;
mod halt;
mod lane;
mod lease;
mod load;
mod memory;
mod meters;
mod owner;
mod pace;
mod queue;
mod report;
mod verdict;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::event::Lane;
use crate::genesys::Inject;
use crate::health::board::Board;

pub use backoff::Backoff;
pub use governor::Governor;
pub use memory::Missing;
pub use owner::{End, Item, Outcome, Owner, Refusal};

use owner::Ends;
use queue::Queue;

/// How events are delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long an event waits for its request to fill.
    pub linger: Duration,
    /// Requests in flight per lane.
    pub concurrency: usize,
    /// Pauses after failures.
    pub backoff: Backoff,
    /// How long an event is sent again that alone is refused as retryable.
    pub event_retry_for: Duration,
    /// A longer `Retry-After` is obeyed and is an error on the board.
    pub max_retry_after: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            linger: Duration::from_millis(250),
            concurrency: 4,
            backoff: Backoff {
                min: Duration::from_millis(500),
                max: Duration::from_secs(30),
            },
            event_retry_for: Duration::from_secs(15 * 60),
            max_retry_after: Duration::from_secs(5 * 60),
        }
    }
}

/// All lanes of one organization. Clones share it; the lanes end with the last of them.
#[derive(Clone)]
pub struct Delivery {
    shared: Arc<Shared>,
    _stop: Arc<DropGuard>,
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery").finish_non_exhaustive()
    }
}

/// What lanes and those who hand over events share.
struct Shared {
    lanes: [Way; 4],
}

/// One lane's part of it.
struct Way {
    queue: Arc<Mutex<Queue>>,
    wake: Notify,
    /// Whether it waits for the budget.
    asking: AtomicBool,
    refused: metrics::Counter,
}

impl Delivery {
    /// Starts the lanes, a task each, on the current runtime.
    pub fn start<I: Inject>(settings: Settings, inject: Arc<I>, governor: Governor, board: Board) -> Self {
        let shared = Arc::new(Shared {
            lanes: Lane::ALL.map(|lane| Way {
                queue: Arc::new(Mutex::new(Queue::new(lane))),
                wake: Notify::new(),
                asking: AtomicBool::new(false),
                refused: metrics::counter!(crate::metrics::EVENTS_REFUSED, "lane" => lane.as_str()),
            }),
        });
        let stop = CancellationToken::new();
        for lane in Lane::ALL {
            let queue = shared.lanes[lane as usize].queue.clone();
            let report = report::Report::new(lane, board.clone());
            let runner = lane::Runner {
                lane,
                settings: settings.clone(),
                inject: inject.clone(),
                governor: governor.clone(),
                shared: shared.clone(),
                desk: desk::Desk::new(lane, settings.clone(), queue, report),
                meters: meters::Meters::new(lane),
                requests: JoinSet::new(),
                flying: HashMap::new(),
                asking: None,
            };
            tokio::spawn(runner.run(stop.clone()));
        }
        Self {
            shared,
            _stop: Arc::new(stop.drop_guard()),
        }
    }

    /// Hands over events in their order: an owner's events of one key are accepted in the order of the calls. Never
    /// waits. Of an owner that is fenced nothing is taken.
    pub fn submit(&self, owner: &Owner, items: impl IntoIterator<Item = Item>) {
        let now = Instant::now();
        let mut ends = Ends::default();
        let mut touched = [false; Lane::ALL.len()];
        // One lock at a time: others hand over at the same time, and meet the lanes in another order.
        let mut held: Option<(Lane, MutexGuard<'_, Queue>)> = None;
        for item in items {
            let lane = item.event.lane;
            let mut queue = match held.take() {
                Some((same, queue)) if same == lane => queue,
                other => {
                    drop(other);
                    touched[lane as usize] = true;
                    self.shared.lanes[lane as usize].lock()
                }
            };
            if !owner.fenced() {
                let refused = queue.submit(owner, item, now, &mut ends).refused;
                if refused > 0 {
                    self.shared.lanes[lane as usize].refused.increment(refused);
                }
            }
            held = Some((lane, queue));
        }
        drop(held);
        for (way, touched) in self.shared.lanes.iter().zip(touched) {
            if touched {
                way.wake.notify_one();
            }
        }
        ends.say();
    }

    /// Says what was refused before a restart, so that what depends on it goes with it.
    pub fn recall(&self, missing: &[Missing]) {
        let now = Instant::now();
        for one in missing {
            self.shared.lanes[one.lane as usize].lock().recall(one, now);
        }
    }

    /// Fences an owner: what waits of it is dropped, now. The future ends when no request in flight carries an event
    /// of it any more; until then, and until it is dropped, ends are still said. Keys in flight stay locked until
    /// their request has ended.
    pub fn fence(&self, owner: &Owner) -> impl Future<Output = ()> + Send + use<> {
        owner.set_fenced();
        let now = Instant::now();
        for way in &self.shared.lanes {
            way.lock().fence(owner, now);
            way.wake.notify_one();
        }
        owner.landed()
    }

    /// Renews an owner's lease: that it was the owner at `proven` is now known. What was held for want of that goes at
    /// once.
    pub fn renew(&self, owner: &Owner, proven: Instant) {
        if owner.renew(proven, Instant::now()) {
            for way in &self.shared.lanes {
                way.wake.notify_one();
            }
        }
    }

    /// Whether a lane has something to send and waits for the budget.
    pub fn waits_for_budget(&self) -> bool {
        self.shared
            .lanes
            .iter()
            .any(|way| way.asking.load(Ordering::Relaxed))
    }

    /// From now on partial batches are sent at once.
    pub fn flush(&self) {
        for way in &self.shared.lanes {
            way.lock().flush();
            way.wake.notify_one();
        }
    }
}

impl Shared {
    fn count(&self, lane: Lane) -> usize {
        self.lanes[lane as usize].lock().count()
    }
}

impl Way {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
