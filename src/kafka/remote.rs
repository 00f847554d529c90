//! What a consumer does for those who work on its partitions: commits, and leaving a partition alone.

use std::sync::Arc;

use rdkafka::consumer::Consumer as _;
use rdkafka::topic_partition_list::TopicPartitionList;
use tokio::sync::oneshot;

use super::commit::commit as commit_all;
use super::consumer::Slot;
use super::{Commit, Epoch, Place};

/// See the module. Clones are the same.
#[derive(Clone)]
pub struct Remote {
    slot: Arc<Slot>,
    asked: flume::Sender<Asked>,
}

struct Asked {
    commit: Commit,
    answer: oneshot::Sender<Result<(), String>>,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").finish_non_exhaustive()
    }
}

impl Remote {
    /// Commits on a thread that sees whether they arrive: what becomes of them, librdkafka tells its log alone. The
    /// thread ends with the last clone.
    pub(super) fn start(slot: Arc<Slot>) -> std::io::Result<Self> {
        let (asked, asking) = flume::unbounded::<Asked>();
        let of = slot.clone();
        std::thread::Builder::new().name("commit".into()).spawn(move || {
            while let Ok(first) = asking.recv() {
                // What has come meanwhile goes along.
                let all = std::iter::once(first).chain(asking.try_iter()).collect();
                commit(&of, all);
            }
        })?;
        Ok(Self { slot, asked })
    }

    /// Commits and waits until Kafka, asked for it, has it.
    ///
    /// # Errors
    /// When it is not known to have arrived, or the partition is not ours.
    pub async fn commit(&self, commit: Commit) -> Result<(), String> {
        let (answer, answered) = oneshot::channel();
        let gone = || "the consumer has ended".to_owned();
        self.asked.send(Asked { commit, answer }).map_err(|_| gone())?;
        answered.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Stops reading a partition until it is assigned anew.
    pub fn halt(&self, place: &Place, epoch: Epoch) {
        let Some(reader) = self.slot.reader() else {
            return;
        };
        if reader.context().halt(place, epoch) {
            let mut list = TopicPartitionList::new();
            list.add_partition(&place.topic, place.partition);
            // It was given back in this moment: then it is not read either.
            let _ = reader.pause(&list);
        }
    }
}

fn commit(slot: &Slot, all: Vec<Asked>) {
    let Some(reader) = slot.reader() else {
        return all
            .into_iter()
            .for_each(|asked| refuse(asked, "the consumer is being made anew"));
    };
    // What is no longer ours is not ours to commit. A group that has nobody left would take it from anybody.
    let lost = reader.assignment_lost();
    let is_ours = |asked: &Asked| !lost && reader.context().assignment(&asked.commit.place).is_some();
    let (ours, others): (Vec<Asked>, Vec<Asked>) = all.into_iter().partition(is_ours);
    others
        .into_iter()
        .for_each(|asked| refuse(asked, "the partition is not this agent's any more"));
    let commits: Vec<Commit> = ours.iter().map(|asked| asked.commit.clone()).collect();
    let done = commit_all(&reader, &commits).map_err(|error| error.to_string());
    // Whoever closes the client waits for this.
    drop(reader);
    for asked in ours {
        let _ = asked.answer.send(done.clone());
    }
}

fn refuse(asked: Asked, why: &str) {
    let _ = asked.answer.send(Err(why.to_owned()));
}
