//! The state topic itself: compacted, with a partition for each of the input's.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::kafka::bearer::Bearer;
use crate::kafka::{Fault, Kind, Settings};

/// How long a question to the brokers may take.
pub(super) const ASK: Duration = Duration::from_secs(10);

/// Why a state topic does not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// What kind of fault it is.
    pub kind: Kind,
    /// The agent works all the same.
    pub works: bool,
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

/// A look at a state topic.
pub(super) struct Looked {
    pub(super) client: Arc<AdminClient<Bearer>>,
    /// How many partitions it needs.
    pub(super) wanted: usize,
    /// How many it has; 0: it is not there, or may not be seen.
    pub(super) there: usize,
}

pub(super) async fn look(settings: Arc<Settings>, input: String, topic: &str) -> Result<Looked, Unfit> {
    let client = settings
        .common()
        .create_with_context::<_, AdminClient<Bearer>>(Bearer(settings.clone()));
    let client = Arc::new(client.map_err(|error| unseen(&error))?);
    let asking = client.clone();
    let (asked, named) = (input.clone(), topic.to_owned());
    let counts = tokio::task::spawn_blocking(move || {
        let count = |topic: &str| partitions(&asking, topic);
        Ok((count(&asked)?, count(&named)?))
    });
    let counts = counts.await.map_err(|error| Unfit {
        kind: Kind::Other,
        works: false,
        what: error.to_string(),
        todo: "restart the agent".into(),
    })?;
    let (wanted, there) = counts.map_err(|error: KafkaError| unseen(&error))?;
    if (1..wanted).contains(&there) {
        return Err(Unfit {
            kind: Kind::Topic,
            works: false,
            what: format!("the state topic {topic} has {there} partitions, and {input} has {wanted}"),
            todo: format!("give {topic} as many partitions as {input} has"),
        });
    }
    Ok(Looked {
        client,
        wanted,
        there,
    })
}

pub(super) async fn prepare(settings: Arc<Settings>, input: String, topic: String) -> Result<(), Unfit> {
    let looked = look(settings, input, &topic).await?;
    match looked.there {
        0 => make(&looked.client, &topic, looked.wanted, false).await,
        _ => Ok(()),
    }
}

/// Makes the topic, or only asks whether it could be made.
pub(super) async fn make(
    client: &AdminClient<Bearer>,
    topic: &str,
    partitions: usize,
    only_ask: bool,
) -> Result<(), Unfit> {
    let count = i32::try_from(partitions.max(1)).unwrap_or(i32::MAX);
    // As many replicas as the brokers give a topic by default.
    let new = NewTopic::new(topic, count, TopicReplication::Fixed(-1));
    let new = SETTINGS
        .iter()
        .fold(new, |new, (name, value)| new.set(name, value));
    let options = AdminOptions::new()
        .validate_only(only_ask)
        .operation_timeout(Some(ASK))
        .request_timeout(Some(ASK));
    let made = client.create_topics([&new], &options).await;
    let (kind, why) = match made.map(|mut made| made.pop()) {
        Ok(Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists)))) => return Ok(()),
        Ok(Some(Err((_, code)))) => (Fault::judge(Some(code), "").kind, code.to_string()),
        Ok(_) if only_ask => return Ok(()),
        Ok(_) => {
            tracing::info!(topic, partitions, "the state topic was made");
            return Ok(());
        }
        Err(error) => (Fault::from(&error).kind, error.to_string()),
    };
    Err(Unfit {
        kind,
        works: false,
        what: format!("the state topic {topic} is not there and cannot be made: {why}"),
        todo: format!(
            "allow the agent to create {topic}, or create it with {partitions} partitions and cleanup.policy=compact"
        ),
    })
}

/// How many partitions a topic has; 0 where it is not there. Asked by its name, a broker might make it as it makes
/// others.
fn partitions(client: &AdminClient<Bearer>, topic: &str) -> Result<usize, KafkaError> {
    let metadata = client.inner().fetch_metadata(None, ASK)?;
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    Ok(found.map_or(0, |topic| topic.partitions().len()))
}

fn unseen(error: &KafkaError) -> Unfit {
    let fault = Fault::from(error);
    Unfit {
        kind: fault.kind,
        works: false,
        what: format!("the state topic cannot be looked at: {}", fault.reason),
        todo: fault.advice().into(),
    }
}
