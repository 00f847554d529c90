//! The beginning of an assignment: what was kept is fetched and checked, or it is said why it cannot be used.
//!
//! Faults of Kafka are waited for. What does not fit is not guessed at: the partition stops, unless `[state]
//! on_mismatch` says to begin afresh.

use std::fmt::Display;

use tokio::time::{Duration, sleep};

use super::checkpoints::Checkpoint;
use super::kept::{self, Kept, Unusable};
use super::metadata::{Metadata, Pointed, Unreadable};
use super::states::States;
use super::store::{Store, aside};
use crate::fail;
use crate::kafka::{Place, Unread};

/// Before what failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// How a partition was assigned.
#[derive(Clone, Debug)]
pub(super) struct Begin {
    pub(super) place: Place,
    /// The first offset that is read.
    pub(super) from: i64,
    /// What the group had committed.
    pub(super) committed: Option<i64>,
    pub(super) metadata: String,
    /// The log's end.
    pub(super) high: i64,
}

/// What a partition goes on from.
pub(super) struct Restored {
    pub(super) kept: Kept,
    pub(super) pointed: Pointed,
    /// One past the last tick that the snapshot has.
    pub(super) ticks_end: u64,
}

/// Why what was kept cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Mismatch {
    #[error("the committed offset {0} has no pointer to a state: something else committed it")]
    NoPointer(i64),
    #[error("a newer version of the agent wrote the kept state (format {0})")]
    Newer(u32),
    #[error("the offset {committed} was committed with the state as of {kept}: the group was moved by hand")]
    Moved { committed: i64, kept: i64 },
    #[error(
        "the log ends at {high}, before the committed offset {committed}: the topic was made anew, or it lost records"
    )]
    Beyond { committed: i64, high: i64 },
    #[error("record {0} is not the one that was read: the topic was made anew")]
    AnotherLog(i64),
    #[error("its snapshot is gone: {0}")]
    Missing(String),
    #[error("its snapshot is damaged: {0}")]
    Damaged(String),
}

impl Mismatch {
    /// What to do about it.
    pub(super) fn todo(&self) -> &'static str {
        match self {
            Self::Newer(_) => {
                "run the version that wrote it, or a newer one; to go back all the same, start once with [state] \
                 on_mismatch = \"fresh\": calls that are under way are then picked up in the middle"
            }
            Self::Missing(_) | Self::Damaged(_) => {
                "look at the state topic's retention and cleanup.policy (compact); then start once with [state] \
                 on_mismatch = \"fresh\": calls that are under way are picked up in the middle"
            }
            Self::NoPointer(_) | Self::Moved { .. } | Self::Beyond { .. } | Self::AnotherLog(_) => {
                "if that is meant, start once with [state] on_mismatch = \"fresh\": reading goes on from the committed \
                 offset, and calls that are under way there are picked up in the middle"
            }
        }
    }
}

impl Begin {
    /// Fetches what was kept; none where nothing was read yet.
    pub(super) async fn restore(
        &self,
        store: &dyn Store,
        states: &States,
    ) -> Result<Option<Restored>, Mismatch> {
        let Some(committed) = self.committed else {
            self.prepare(store, states).await;
            return Ok(None);
        };
        let metadata = match Metadata::read(&self.metadata) {
            Ok(metadata) => metadata,
            Err(Unreadable::Foreign) => return Err(Mismatch::NoPointer(committed)),
            Err(Unreadable::Newer(version)) => return Err(Mismatch::Newer(version)),
        };
        if committed > self.high {
            let high = self.high;
            return Err(Mismatch::Beyond { committed, high });
        }
        let Some(pointed) = metadata.kept else {
            self.prepare(store, states).await;
            return Ok(None);
        };
        let kept = pointed.point.offset;
        if kept != committed {
            return Err(Mismatch::Moved { committed, kept });
        }
        self.meet(pointed.witness, store, states).await?;
        let bytes = loop {
            match store.read(&pointed.snapshot).await {
                Ok(bytes) => break bytes,
                Err(Unread::Missing(what)) => return Err(Mismatch::Missing(what)),
                Err(Unread::Damaged(what)) => return Err(Mismatch::Damaged(what)),
                Err(Unread::Fault(fault)) => self.wait(states, &fault, fault.advice()).await,
            }
        };
        fail::at("restore half read");
        let (mut beside, state) = match aside(store, move || kept::read(&bytes)).await {
            Some(Ok(read)) => read,
            Some(Err(Unusable::Newer(format))) => return Err(Mismatch::Newer(format)),
            Some(Err(Unusable::Damaged(what))) => return Err(Mismatch::Damaged(what)),
            None => return Err(Mismatch::Damaged("it was not decoded".into())),
        };
        let (point, witness) = (pointed.point, pointed.witness);
        let ticks_end = point.ticks + beside.ticks.len() as u64;
        beside.ticks.extend(pointed.ticks());
        let checkpoint = Checkpoint {
            point,
            state,
            witness,
        };
        Ok(Some(Restored {
            kept: Kept { checkpoint, beside },
            pointed,
            ticks_end,
        }))
    }

    /// The log must be the one that was read.
    async fn meet(
        &self,
        witness: Option<(i64, u64)>,
        store: &dyn Store,
        states: &States,
    ) -> Result<(), Mismatch> {
        let Some((offset, checksum)) = witness else {
            return Ok(());
        };
        loop {
            match store.witness(&self.place, offset).await {
                // Retention took it, as it may.
                Ok(None) => return Ok(()),
                Ok(Some(there)) if there == checksum => return Ok(()),
                Ok(Some(_)) => return Err(Mismatch::AnotherLog(offset)),
                Err(fault) => self.wait(states, &fault, fault.advice()).await,
            }
        }
    }

    /// Sees that there is a topic to keep the state in.
    async fn prepare(&self, store: &dyn Store, states: &States) {
        while let Err(unfit) = store.prepare(&self.place.topic).await {
            self.wait(states, &unfit.what, &unfit.todo).await;
        }
    }

    async fn wait(&self, states: &States, fault: &(impl Display + Sync), todo: &str) {
        let what = format!("its state cannot be fetched: {fault}");
        tracing::warn!(place = %self.place, "{what}");
        states.fault(&self.place, what, todo);
        sleep(PAUSE).await;
    }
}
