//! Commits, and sees that they have arrived.
//!
//! Without a coordinator librdkafka would wait for the answer to a commit for ever; a question that follows it on the same
//! connection has a time. It knows a commit by what it says: one that was there before and says the same passes for it.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::Commit;
use super::context::Context;
use crate::fail;

/// How long a commit waits to be seen.
const ANSWER: Duration = Duration::from_secs(5);

/// Commits an explicit list.
pub(super) fn commit(consumer: &BaseConsumer<Context>, commits: &[Commit]) -> KafkaResult<()> {
    if commits.is_empty() {
        return Ok(());
    }
    let mut list = TopicPartitionList::with_capacity(commits.len());
    for commit in commits {
        let mut element = list.add_partition(&commit.place.topic, commit.place.partition);
        element.set_offset(Offset::Offset(commit.offset))?;
        element.set_metadata(commit.metadata.as_str());
    }
    consumer.commit(&list, CommitMode::Async)?;
    fail::at("commit sent");
    let committed = consumer.committed_offsets(list.clone(), ANSWER)?;
    for element in list.elements() {
        let there = committed.find_partition(element.topic(), element.partition());
        let there = there.ok_or(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset))?;
        there.error()?;
        if (there.offset(), there.metadata()) != (element.offset(), element.metadata()) {
            // Why, librdkafka has told the log.
            return Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset));
        }
    }
    fail::at("commit answered");
    Ok(())
}
