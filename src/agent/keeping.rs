//! When a partition's state is kept, and how: a snapshot, then the commit that points to it.
//!
//! One at a time. A snapshot comes every `[state] interval`, later where it takes long or is large. A tick that waits
//! is kept at once, by a commit that adds it to the last snapshot's pointer. Every commit proves that the partition is
//! still this agent's; where events wait for that to be proven, the last one is said again.

use std::sync::Arc;

use metrics::{counter, gauge, histogram};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::{Duration, Instant};

use super::kept;
use super::metadata::{Metadata, Pointed};
use super::proof::Proof;
use super::states::States;
use super::store::Store;
use super::worker::{Keep, Worker};
use crate::fail;
use crate::kafka::{Commit, Pieces, Place, Pointer};
use crate::metrics::{COMMIT_FAILURES, COMMITTED_OFFSET, SNAPSHOT_BYTES, SNAPSHOT_DURATION, SNAPSHOTS};

/// Snapshots take up to a part in so many of the time.
const SHARE: u32 = 10;
/// Bytes per second that a partition's snapshots may take, before compression.
const RATE: u64 = 8 << 20;
/// Ticks that a commit adds to a snapshot's pointer.
const TICKS: usize = 40;
/// Before what failed is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// How a state is kept.
#[derive(Clone)]
pub(super) struct Keeper {
    pub(super) place: Place,
    pub(super) store: Arc<dyn Store>,
}

/// What was kept.
pub(super) struct Receipt {
    pub(super) what: What,
    pointed: Pointed,
    began: Instant,
    /// When its commit was begun.
    proven: Instant,
}

pub(super) enum What {
    Snapshot(Box<Keep>),
    /// The ticks below this number.
    Ticks(u64),
    /// Nothing new.
    Proof,
}

/// What was not kept.
pub(super) struct Failure {
    what: String,
    /// It was a commit alone.
    of_commit: bool,
}

/// See the module.
pub(super) struct Keeping {
    keeper: Arc<Keeper>,
    states: States,
    interval: Duration,
    proof: Proof,
    done: UnboundedReceiver<Result<Receipt, Failure>>,
    say: UnboundedSender<Result<Receipt, Failure>>,
    busy: bool,
    /// When the next snapshot is due.
    due: Instant,
    /// Not before then: something failed.
    not_before: Instant,
    /// What failed last was a commit alone.
    of_commit: bool,
    /// What the last commit points to, and one past the last tick that its snapshot has.
    last: Option<(Pointed, u64)>,
    /// The snapshot before it. One that is about to be read may be the last but one.
    previous: Option<Pointer>,
    /// The worker's version that is kept.
    version: u64,
}

impl Keeping {
    /// Nothing is kept yet, or `last`: a pointer, and one past the last tick of its snapshot. `session`: how long Kafka
    /// waits for this agent.
    pub(super) fn new(
        keeper: Keeper,
        states: States,
        interval: Duration,
        session: Duration,
        last: Option<(Pointed, u64)>,
    ) -> Self {
        let (say, done) = mpsc::unbounded_channel();
        let now = Instant::now();
        Self {
            keeper: Arc::new(keeper),
            states,
            interval,
            proof: Proof::new(session),
            done,
            say,
            busy: false,
            due: now + interval,
            not_before: now,
            of_commit: false,
            last,
            previous: None,
            version: 0,
        }
    }

    /// When to [`Keeping::begin`].
    pub(super) fn due(&self, worker: &Worker) -> Option<Instant> {
        let due = match worker.has_plans() {
            true => self.not_before,
            false => self.due.max(self.not_before),
        };
        let proof = self.proof_due(worker);
        (!self.busy).then(|| proof.map_or(due, |proof| proof.min(due)))
    }

    /// When to [`Keeping::prove`]; none while nothing waits for it.
    pub(super) fn proof_due(&self, worker: &Worker) -> Option<Instant> {
        let due = self
            .proof
            .due()
            .map_or(self.not_before, |due| due.max(self.not_before));
        (!self.busy && worker.in_delivery() > 0).then_some(due)
    }

    /// When it was last proven that the partition is ours.
    pub(super) fn proven(&self) -> Option<Instant> {
        self.proof.last()
    }

    /// Begins to keep what is worth it.
    pub(super) fn begin(&mut self, worker: &mut Worker) {
        let now = Instant::now();
        if let Some((pointed, end)) = self.ticks(worker, now) {
            self.commit(pointed, What::Ticks(end), now);
        } else if self.proof_due(worker).is_some_and(|due| due <= now) {
            self.prove(worker);
        } else if worker.version() == self.version && !worker.has_plans() {
            self.due = now + self.interval;
        } else {
            self.snapshot(worker, now);
        }
    }

    /// Begins to prove that the partition is ours.
    pub(super) fn prove(&mut self, worker: &mut Worker) {
        let now = Instant::now();
        match &self.last {
            Some((pointed, _)) => self.commit(pointed.clone(), What::Proof, now),
            None => self.snapshot(worker, now),
        }
    }

    fn snapshot(&mut self, worker: &mut Worker, now: Instant) {
        self.busy = true;
        let (keeper, say) = (self.keeper.clone(), self.say.clone());
        let keep = Box::new(worker.keep(now));
        tokio::spawn(async move {
            let kept = keeper.keep(keep, now).await;
            let _ = say.send(kept.map_err(|why| Failure {
                what: format!("the state cannot be kept: {why}"),
                of_commit: false,
            }));
        });
    }

    fn commit(&mut self, pointed: Pointed, what: What, now: Instant) {
        self.busy = true;
        let (keeper, say) = (self.keeper.clone(), self.say.clone());
        tokio::spawn(async move {
            let kept = match keeper.commit(&pointed).await {
                Ok(proven) => Ok(Receipt {
                    what,
                    pointed,
                    began: now,
                    proven,
                }),
                Err(why) => Err(Failure {
                    what: match what {
                        What::Proof => format!("events wait until it is proven to be ours still: {why}"),
                        _ => format!("the state cannot be kept: {why}"),
                    },
                    of_commit: true,
                }),
            };
            let _ = say.send(kept);
        });
    }

    /// A pointer with the ticks that wait, where that is enough.
    fn ticks(&self, worker: &Worker, now: Instant) -> Option<(Pointed, u64)> {
        if !worker.tick_planned() || worker.gives_up() || now >= self.due {
            return None;
        }
        let (pointed, from) = self.last.as_ref()?;
        let (ticks, end) = worker.ticks_from(*from);
        (ticks.len() <= TICKS).then(|| (pointed.with_ticks(&ticks), end))
    }

    /// The next end of what was begun.
    pub(super) async fn done(&mut self) -> Result<Receipt, Failure> {
        match self.done.recv().await {
            Some(done) => done,
            // It holds a sender itself.
            None => std::future::pending().await,
        }
    }

    /// Takes note of what [`Keeping::done`] gave; what was kept, if it was.
    pub(super) fn note(&mut self, done: Result<Receipt, Failure>) -> Option<What> {
        self.busy = false;
        let now = Instant::now();
        let place = &self.keeper.place;
        let Receipt {
            what,
            pointed,
            began,
            proven,
        } = match done {
            Ok(receipt) => receipt,
            Err(Failure { what, of_commit }) => {
                self.not_before = now + PAUSE;
                self.due = self.due.max(now + self.interval);
                self.of_commit = of_commit;
                tracing::warn!(%place, "{what}; trying again");
                let todo = "check that Kafka runs, and that the agent may write the state topic and commit";
                self.states.fault(place, what, todo);
                return None;
            }
        };
        self.proof.is(proven);
        let of_commit = std::mem::take(&mut self.of_commit);
        let offset = pointed.point.offset;
        let partition = place.partition.to_string();
        gauge!(COMMITTED_OFFSET, "topic" => place.topic.to_string(), "partition" => partition.clone())
            .set(offset as f64);
        if let What::Snapshot(keep) = &what {
            let bytes = pointed.snapshot.length;
            let took = now.duration_since(began);
            histogram!(SNAPSHOT_DURATION).record(took.as_secs_f64());
            gauge!(SNAPSHOT_BYTES, "topic" => place.topic.to_string(), "partition" => partition)
                .set(bytes as f64);
            let rate = Duration::from_secs_f64(bytes as f64 / RATE as f64);
            self.due = began + self.interval.max(took * SHARE).max(rate);
            self.version = keep.version;
            self.states
                .ok(place, format!("kept, {place} as of offset {offset}"));
            if let Some(gone) = self.previous.take() {
                self.keeper.store.forget(&gone);
            }
            let last = self.last.replace((pointed, keep.ticks_end));
            self.previous = last.map(|(pointed, _)| pointed.snapshot);
        } else {
            if of_commit {
                self.states.ok(place, format!("{place} is committed again"));
            }
            if let Some((last, _)) = &mut self.last {
                *last = pointed;
            }
        }
        Some(what)
    }

    /// Whether something is being kept.
    pub(super) fn busy(&self) -> bool {
        self.busy
    }

    /// The last snapshot, for whoever makes the last commit; none where all is kept.
    pub(super) async fn last(&self, worker: &mut Worker) -> Option<Commit> {
        if self.busy || worker.version() == self.version {
            return None;
        }
        let keep = worker.keep(Instant::now());
        match self.keeper.write(&keep).await {
            Ok(pointed) => self.keeper.to_commit(&pointed),
            Err(why) => {
                let place = &self.keeper.place;
                tracing::warn!(%place, why, "the last state cannot be kept; what it misses is sent again");
                None
            }
        }
    }
}

impl Keeper {
    async fn keep(&self, keep: Box<Keep>, began: Instant) -> Result<Receipt, String> {
        let pointed = self.write(&keep).await?;
        fail::at("snapshot written");
        let proven = self.commit(&pointed).await?;
        Ok(Receipt {
            what: What::Snapshot(keep),
            pointed,
            began,
            proven,
        })
    }

    /// Writes a snapshot; its pointer.
    async fn write(&self, keep: &Keep) -> Result<Pointed, String> {
        let written = self.try_write(keep).await;
        let result = if written.is_ok() { "kept" } else { "failed" };
        counter!(SNAPSHOTS, "result" => result).increment(1);
        written
    }

    async fn try_write(&self, keep: &Keep) -> Result<Pointed, String> {
        let (beside, state) = (keep.beside.clone(), keep.checkpoint.state.clone());
        let make = move |to: &mut Pieces| kept::write(&beside, &state, to);
        let written = self.store.write(&self.place, Box::new(make)).await;
        let snapshot = written.map_err(|fault| format!("the snapshot was not written: {fault}"))?;
        let pointed = Pointed {
            point: keep.checkpoint.point,
            snapshot,
            ticks: Vec::new(),
            witness: keep.checkpoint.witness,
        };
        Ok(pointed)
    }

    /// Commits; when that was begun.
    async fn commit(&self, pointed: &Pointed) -> Result<Instant, String> {
        let commit = self
            .to_commit(pointed)
            .ok_or("its pointer is too long for a commit")?;
        let begun = Instant::now();
        let committed = self.store.commit(commit).await;
        committed.map(|()| begun).map_err(|why| {
            counter!(COMMIT_FAILURES).increment(1);
            format!("the commit failed: {why}")
        })
    }

    fn to_commit(&self, pointed: &Pointed) -> Option<Commit> {
        Some(Commit {
            place: self.place.clone(),
            offset: pointed.point.offset,
            metadata: Metadata::write(pointed.clone(), fastrand::u64(..))?,
        })
    }
}
