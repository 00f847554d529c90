//! Whether a state topic does, as the agent's user finds it: for `check` and the health page.

use std::sync::Arc;

use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::FutureRecord;

use super::topic::{ASK, Looked, Unfit, look, make};
use super::{CHUNK, Inner};
use crate::kafka::bearer::Bearer;
use crate::kafka::{Fault, Kind, Place};

/// Everything that shows without a trace; what was found.
pub(super) async fn inspect(inner: &Arc<Inner>, input: String, topic: String) -> Result<String, Unfit> {
    let looked = look(inner.settings.clone(), input, &topic).await?;
    let Looked { there, wanted, .. } = looked;
    if there == 0 {
        make(&looked.client, &topic, wanted, true).await?;
        return Ok(format!(
            "{topic} is not there yet; the agent makes it with {wanted} partitions"
        ));
    }
    readable(inner, &topic).await?;
    writable(inner, &topic).await?;
    match doubts(&looked.client, &topic).await {
        Some(unfit) => Err(unfit),
        None => Ok(format!("{topic}, {there} partitions")),
    }
}

/// What an existing topic's settings do to snapshots; nothing where they may not be seen.
pub(super) async fn doubts(client: &AdminClient<Bearer>, topic: &str) -> Option<Unfit> {
    let options = AdminOptions::new().request_timeout(Some(ASK));
    let asked = ResourceSpecifier::Topic(topic);
    let found = client
        .describe_configs([&asked], &options)
        .await
        .ok()?
        .pop()?
        .ok()?;
    let value = |name: &str| found.get(name).and_then(|entry| entry.value.clone());
    let policy = value("cleanup.policy")?;
    if policy != "compact" {
        return Some(uncompacted(topic, &format!("its cleanup.policy is {policy}")));
    }
    let largest: usize = value("max.message.bytes")?.parse().ok()?;
    (largest < CHUNK + CHUNK / 8).then(|| Unfit {
        kind: Kind::Topic,
        works: true,
        what: format!("{topic} takes messages of at most {largest} bytes: a large state may not fit"),
        todo: "set max.message.bytes=1048588 on it, which is Kafka's default".into(),
    })
}

/// What is not allowed or not there shows by the answer to a fetch, whatever lies at its offset.
async fn readable(inner: &Arc<Inner>, topic: &str) -> Result<(), Unfit> {
    let (place, asking) = (Place::new(topic, 0), inner.clone());
    let asked = tokio::task::spawn_blocking(move || asking.reader.witness(&place, 0)).await;
    match asked {
        Ok(Err(fault)) => Err(forbidden(&format!("READ on {topic}"), &fault)),
        Ok(Ok(_)) | Err(_) => Ok(()),
    }
}

/// A compacted topic takes no record without a key, and says so to those only that may write.
async fn writable(inner: &Inner, topic: &str) -> Result<(), Unfit> {
    let keyless = FutureRecord::<[u8], [u8]>::to(topic).partition(0).payload(&[]);
    let written = match inner.producer.send(keyless) {
        Ok(sent) => sent.ended().await,
        Err(error) => Err(error),
    };
    match written {
        Err(error) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::InvalidRecord) => Ok(()),
        Err(error) => Err(forbidden(&format!("WRITE on {topic}"), &Fault::from(&error))),
        Ok(_) => Err(uncompacted(topic, "it is not compacted")),
    }
}

fn forbidden(right: &str, fault: &Fault) -> Unfit {
    Unfit {
        kind: fault.kind,
        works: false,
        what: format!("{right}: {}", fault.reason),
        todo: fault.advice().into(),
    }
}

fn uncompacted(topic: &str, why: &str) -> Unfit {
    Unfit {
        kind: Kind::Topic,
        works: true,
        what: format!(
            "{topic}: {why}, so that it grows without end, or loses the state of a partition that is quiet"
        ),
        todo: "set cleanup.policy=compact on it".into(),
    }
}
