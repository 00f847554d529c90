//! The state topic itself: compacted, with a partition for each of the input's.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::Context;
use crate::kafka::{Fault, Settings};

/// How long a question to the brokers may take.
const ASK: Duration = Duration::from_secs(10);

/// Why a state topic does not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub todo: String,
}

/// What a new state topic is made with: what is deleted goes soon, and nothing else does.
const SETTINGS: [(&str, &str); 4] = [
    ("cleanup.policy", "compact"),
    ("segment.ms", "600000"),
    ("min.cleanable.dirty.ratio", "0.1"),
    ("delete.retention.ms", "60000"),
];

pub(super) async fn prepare(settings: Arc<Settings>, input: String, topic: String) -> Result<(), Unfit> {
    let client = settings
        .common()
        .create_with_context::<_, AdminClient<Context>>(Context(settings.clone()));
    let client = Arc::new(client.map_err(|error| unreachable(&error))?);
    let asking = client.clone();
    let (asked, named) = (input.clone(), topic.clone());
    let counts = tokio::task::spawn_blocking(move || {
        let count = |topic: &str| partitions(&asking, topic);
        Ok((count(&asked)?, count(&named)?))
    });
    let counts = counts.await.map_err(|error| Unfit {
        what: error.to_string(),
        todo: "restart the agent".into(),
    })?;
    let (wanted, there) = counts.map_err(|error: KafkaError| unreachable(&error))?;
    match there {
        0 => make(&client, &topic, wanted).await,
        there if there < wanted => Err(Unfit {
            what: format!("the state topic {topic} has {there} partitions, and {input} has {wanted}"),
            todo: format!("give {topic} as many partitions as {input} has"),
        }),
        _ => Ok(()),
    }
}

async fn make(client: &AdminClient<Context>, topic: &str, partitions: usize) -> Result<(), Unfit> {
    let count = i32::try_from(partitions.max(1)).unwrap_or(i32::MAX);
    // As many replicas as the brokers give a topic by default.
    let new = NewTopic::new(topic, count, TopicReplication::Fixed(-1));
    let new = SETTINGS
        .iter()
        .fold(new, |new, (name, value)| new.set(name, value));
    let options = AdminOptions::new()
        .operation_timeout(Some(ASK))
        .request_timeout(Some(ASK));
    let made = client.create_topics([&new], &options).await;
    let code = match made.map(|mut made| made.pop()) {
        Ok(Some(Err((_, code)))) => code,
        Ok(_) => {
            tracing::info!(topic, partitions, "the state topic was made");
            return Ok(());
        }
        Err(error) => return Err(unreachable(&error)),
    };
    if code == RDKafkaErrorCode::TopicAlreadyExists {
        return Ok(());
    }
    Err(Unfit {
        what: format!("the state topic {topic} is not there and cannot be made: {code}"),
        todo: format!(
            "allow the agent to create {topic}, or create it with {partitions} partitions and cleanup.policy=compact"
        ),
    })
}

/// How many partitions a topic has; 0 where it is not there. Asked by its name, a broker might make it as it makes
/// others.
fn partitions(client: &AdminClient<Context>, topic: &str) -> Result<usize, KafkaError> {
    let metadata = client.inner().fetch_metadata(None, ASK)?;
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    Ok(found.map_or(0, |topic| topic.partitions().len()))
}

fn unreachable(error: &KafkaError) -> Unfit {
    let fault = Fault::judge(error.rdkafka_error_code(), error.to_string());
    Unfit {
        what: format!("the state topic cannot be looked at: {}", fault.reason),
        todo: fault.advice().into(),
    }
}
