//! Records in, offsets and dead letters out. Knows bytes only.
//!
//! A [`Consumer`] reads on a thread of its own and says what happens as [`Input`]s, in order, over a bounded channel:
//! partitions assigned and taken away, and [`Chunk`]s of records, for which it takes bytes from the memory bound
//! ([`Credits`]). Its [`Remote`] commits what it is told to, and nothing else. [`Snapshots`] keeps what a partition goes
//! on from, [`DeadLetters`] writes what could not be delivered.
//! A [`Tail`] reads along without a group, an [`Archive`] reads what there is, and [`probe`] asks what there is.

mod archive;
mod bearer;
mod commit;
mod consumer;
mod context;
mod credits;
mod fault;
mod gather;
mod letters;
pub mod oauth;
mod offsets;
mod pointer;
mod probe;
mod reading;
mod remote;
mod sender;
mod settings;
mod snapshots;
mod tail;

use std::sync::Arc;

use bytes::Bytes;

pub use archive::{Archive, Unreadable};
pub use consumer::Consumer;
pub use credits::{Backlog, Credits};
pub use fault::{Fault, Kind};
pub use letters::{DeadLetters, Letter};
pub use offsets::Offsets;
pub use pointer::{Pointer, checksum};
pub use probe::{Asked, Findings, Reached, Topic, probe};
pub use remote::Remote;
pub use settings::{Error, Login, Settings, Start, Token, TokenSource, escape};
pub use snapshots::{Pieces, Snapshots, Unfit, Unread, Whole};
pub use tail::{NoTail, Tail};

/// What an assignment is known by from its beginning to its end; no two are alike.
pub type Epoch = u64;

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition's number.
    pub partition: i32,
}

/// What the consumer says, in the order in which it happens.
#[derive(Debug)]
pub enum Input {
    /// A partition is ours from now on.
    Assigned {
        /// Which.
        place: Place,
        /// This assignment.
        epoch: Epoch,
        /// The first offset that will be read.
        from: i64,
        /// What the group has committed, also where it lies outside the log.
        committed: Option<i64>,
        /// The metadata of the committed offset; empty where there is none.
        metadata: String,
        /// The log's first offset.
        low: i64,
        /// The log's end.
        high: i64,
    },
    /// Records of a partition, in their order.
    Chunk(Chunk),
    /// Everything below `offset` has been read and there was no more just now.
    AtEnd {
        /// Which.
        place: Place,
        /// The log's end.
        offset: i64,
    },
    /// Partitions are to be given back. The reader waits for the answer, up to `drain`, then commits it.
    Revoked {
        /// Which.
        places: Vec<Place>,
        /// Takes how far each has come.
        done: flume::Sender<Vec<Commit>>,
        /// Whether this is a stop, and not another agent that takes over.
        stopping: bool,
    },
    /// Partitions are somebody else's already: nothing of them may be committed.
    Lost {
        /// Which.
        places: Vec<Place>,
    },
    /// What an operator or a dashboard wants to know.
    Event(Event),
}

/// News that change nothing by themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Something is wrong between us and Kafka.
    Fault(Fault),
    /// Records that retention took before they were read.
    Gap {
        /// Where.
        place: Place,
        /// The first one missing.
        from: i64,
        /// The first one there.
        to: i64,
        /// Whether the partition stands still there.
        stopped: bool,
    },
    /// The log ends before the offset to read from: the topic was made anew, or the group was moved by hand.
    Beyond {
        /// Where.
        place: Place,
        /// What was to be read.
        from: i64,
        /// The log's end.
        end: i64,
    },
    /// The last commit of what was given back failed: what it misses is done again.
    CommitFailed(String),
    /// The consumer was made anew because it had stopped reading.
    Rebuilt,
    /// Reading is paused because the memory bound is reached, or goes on again.
    Paused(bool),
    /// How far the log's end is ahead of what was handed over.
    Lag(Vec<(Place, i64)>),
    /// Whether a broker is connected.
    Connected(bool),
}

/// One record. Its parts share the chunk's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its offset.
    pub offset: i64,
    /// Milliseconds since the epoch.
    pub timestamp: Option<i64>,
    /// Its key.
    pub key: Option<Bytes>,
    /// Names and values; names that are no UTF-8 are left out.
    pub headers: Vec<(String, Bytes)>,
    /// Its value; absent: a tombstone.
    pub value: Option<Bytes>,
    /// What it counts for against the memory bound.
    pub size: usize,
}

/// Records of one partition in the order of their offsets.
#[derive(Debug)]
pub struct Chunk {
    /// Where from.
    pub place: Place,
    /// The assignment under which they were read.
    pub epoch: Epoch,
    /// The records.
    pub records: Vec<Record>,
    /// What they count for against the memory bound; already taken.
    pub size: usize,
    /// That nobody has read it yet.
    pub backlog: Backlog,
}

/// How far a partition has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Which.
    pub place: Place,
    /// The next offset to read.
    pub offset: i64,
    /// At most 4,095 characters.
    pub metadata: String,
}

impl Place {
    /// A partition of a topic.
    pub fn new(topic: impl Into<Arc<str>>, partition: i32) -> Self {
        Self {
            topic: topic.into(),
            partition,
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

#[cfg(test)]
mod tests;
