//! What partitions ask of Kafka beside records: that what they must go on from is kept, and their dead letters written.

use std::future::Future;
use std::io;
use std::pin::Pin;

use tokio::sync::oneshot;

use crate::kafka::{
    Commit, DeadLetters, Epoch, Fault, Letter, Pieces, Place, Pointer, Remote, Snapshots, Unfit, Unread,
};

/// What comes of it, in a while.
pub(super) type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Makes a snapshot.
pub(super) type Make = Box<dyn FnOnce(&mut Pieces) -> io::Result<()> + Send>;

/// Kafka, or a stand-in within the process.
pub(super) trait Store: Send + Sync {
    /// Does what takes long beside everything else.
    fn aside(&self, work: Box<dyn FnOnce() + Send>) -> Later<'_, ()>;
    /// Sees that there is a place for the state of an input topic.
    fn prepare<'a>(&'a self, input: &'a str) -> Later<'a, Result<(), Unfit>>;
    /// Writes a snapshot as it is made, which happens beside everything else.
    fn write<'a>(&'a self, place: &'a Place, make: Make) -> Later<'a, Result<Pointer, Fault>>;
    /// Reads a snapshot.
    fn read<'a>(&'a self, pointer: &'a Pointer) -> Later<'a, Result<Vec<u8>, Unread>>;
    /// What the input's record at that offset is known by.
    fn witness<'a>(&'a self, place: &'a Place, offset: i64) -> Later<'a, Result<Option<u64>, Fault>>;
    /// A snapshot is not needed any more.
    fn forget(&self, pointer: &Pointer);
    /// Commits, and waits until it has arrived.
    fn commit(&self, commit: Commit) -> Later<'_, Result<(), String>>;
    /// Stops reading a partition until it is assigned anew.
    fn halt(&self, place: &Place, epoch: Epoch);
    /// Writes dead letters to a topic; how each ended.
    fn letters<'a>(&'a self, topic: &'a str, letters: Vec<&'a Letter>) -> Later<'a, Vec<Result<(), Fault>>>;
}

/// Kafka itself.
pub(super) struct Kafka {
    pub(super) snapshots: Snapshots,
    pub(super) remote: Remote,
    pub(super) letters: DeadLetters,
}

impl Store for Kafka {
    fn aside(&self, work: Box<dyn FnOnce() + Send>) -> Later<'_, ()> {
        let done = tokio::task::spawn_blocking(work);
        // It ends early only when it panics; then its result is missing, which whoever waits for it sees.
        Box::pin(async move { drop(done.await) })
    }

    fn prepare<'a>(&'a self, input: &'a str) -> Later<'a, Result<(), Unfit>> {
        Box::pin(self.snapshots.prepare(input))
    }

    fn write<'a>(&'a self, place: &'a Place, make: Make) -> Later<'a, Result<Pointer, Fault>> {
        Box::pin(self.snapshots.write(place, make))
    }

    fn read<'a>(&'a self, pointer: &'a Pointer) -> Later<'a, Result<Vec<u8>, Unread>> {
        Box::pin(self.snapshots.read(pointer))
    }

    fn witness<'a>(&'a self, place: &'a Place, offset: i64) -> Later<'a, Result<Option<u64>, Fault>> {
        Box::pin(self.snapshots.witness(place, offset))
    }

    fn forget(&self, pointer: &Pointer) {
        self.snapshots.forget(pointer);
    }

    fn commit(&self, commit: Commit) -> Later<'_, Result<(), String>> {
        Box::pin(self.remote.commit(commit))
    }

    fn halt(&self, place: &Place, epoch: Epoch) {
        self.remote.halt(place, epoch);
    }

    fn letters<'a>(&'a self, topic: &'a str, letters: Vec<&'a Letter>) -> Later<'a, Vec<Result<(), Fault>>> {
        let writer = self.letters.to(topic);
        Box::pin(async move { writer.send_all(letters.into_iter()).await })
    }
}

/// What `work` comes to, done aside; none where it did not end.
pub(super) async fn aside<T: Send + 'static>(
    store: &dyn Store,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (done, result) = oneshot::channel();
    let work = move || drop(done.send(work()));
    store.aside(Box::new(work)).await;
    result.await.ok()
}
