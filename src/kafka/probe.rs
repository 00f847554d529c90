//! Asks Kafka what it would take to run, and joins no group: for `check`.
//!
//! [`probe`] takes the same [`Settings`] as the consumer and blocks, so call it by `spawn_blocking`. It never prints
//! and never fails because of Kafka: what it found and what was in the way stand side by side in [`Findings`]. A wrong
//! password or an unknown authority shows to a caller only as a broken connection, so [`Findings::faults`] is filled
//! from librdkafka's error callback: where `reached` is none, its first fault says why.
//!
//! ```no_run
//! # use cic_conduit::kafka::{Settings, probe};
//! # use std::time::Duration;
//! let settings = Settings::new("127.0.0.1:9092", &["cic", "^site-.*"], "cic-conduit");
//! let found = probe(&settings, Duration::from_secs(10))?;
//! for asked in &found.asked { /* asked.topics is empty: there is none; asked.fault: why it cannot be known */ }
//! let _dead_letters_there = found.topic("cic.cic-conduit.dead-letters").is_some();
//! # Ok::<(), cic_conduit::kafka::Error>(())
//! ```

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::metadata::MetadataTopic;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use regex::Regex;
use tokio::time::Instant;

use super::bearer::token;
use super::{Error, Fault, Kind, Place, Settings};

/// How long one question waits before the error callback is heard.
const STEP: Duration = Duration::from_millis(500);

/// What was found. Where nothing was reached, all but the faults is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// The cluster, once a broker has answered.
    pub reached: Option<Reached>,
    /// What librdkafka reported on the way, each once, those that say most first. A cluster can be reached in spite of
    /// some: one broker of three may be down.
    pub faults: Vec<Fault>,
    /// What each entry of `[kafka] topics` means, in their order.
    pub asked: Vec<Asked>,
    /// The offsets committed by the group; partitions without one are left out.
    pub committed: Vec<(Place, i64)>,
    /// Why the group's offsets could not be read.
    pub group_fault: Option<Fault>,
    /// Every topic that may be seen, by name.
    pub(super) topics: Vec<Topic>,
}

/// A cluster that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// How many brokers it names.
    pub brokers: usize,
    /// Its id, where it says one.
    pub cluster: Option<String>,
}

/// An entry of `[kafka] topics`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// As it is written there.
    pub entry: String,
    /// The topics that it means, without those that the agent writes; none: it is missing.
    pub topics: Vec<Topic>,
    /// Why it cannot be read.
    pub fault: Option<Fault>,
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// How many partitions it has.
    pub partitions: usize,
}

impl Findings {
    /// The topic of that name, such as a dead-letter topic; none: it is missing, or may not be seen.
    pub fn topic(&self, name: &str) -> Option<&Topic> {
        self.topics.iter().find(|topic| topic.name == name)
    }

    fn by_expression(&self, entry: &str, settings: &Settings) -> Asked {
        let (topics, fault) = match Regex::new(entry) {
            Ok(expression) => {
                let reads =
                    |topic: &&Topic| expression.is_match(&topic.name) && !settings.writes(&topic.name);
                (self.topics.iter().filter(reads).cloned().collect(), None)
            }
            Err(error) => (Vec::new(), Some(Fault::judge(None, error.to_string()))),
        };
        Asked {
            entry: entry.to_owned(),
            topics,
            fault,
        }
    }
}

/// Asks, for at most about `patience` per question.
///
/// # Errors
/// When librdkafka does not take the settings.
pub fn probe(settings: &Settings, patience: Duration) -> Result<Findings, Error> {
    let asking = Asking::open(settings, patience)?;
    let mut findings = Findings::default();
    if let Some(topics) = asking.topics() {
        findings.reached = Some(asking.reached());
        findings.topics = topics;
        for entry in &settings.topics {
            let asked = match entry.starts_with('^') {
                true => findings.by_expression(entry, settings),
                false => asking.by_name(entry, &findings),
            };
            findings.asked.push(asked);
        }
        for asked in &mut findings.asked {
            let unread = asked
                .topics
                .iter()
                .find_map(|topic| asking.unreadable(&topic.name));
            asked.fault = asked.fault.take().or(unread);
        }
        match asking.committed(&findings.asked) {
            Ok(committed) => {
                findings.committed = committed;
                findings.group_fault = asking.uncommittable(&settings.group);
            }
            Err(fault) => findings.group_fault = Some(fault),
        }
    }
    findings.faults = asking.faults();
    Ok(findings)
}

/// One client that asks.
struct Asking {
    client: Arc<BaseConsumer<Listening>>,
    heard: Heard,
    patience: Duration,
}

type Heard = Arc<Mutex<Vec<(Option<RDKafkaErrorCode>, Fault)>>>;

/// Keeps what the error callback says.
struct Listening {
    settings: Settings,
    heard: Heard,
}

impl ClientContext for Listening {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        if is_end(&error) {
            return;
        }
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.push((code, Fault::judge(code, reason)));
    }

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        token(&self.settings)
    }
}

impl ConsumerContext for Listening {}

impl Asking {
    fn open(settings: &Settings, patience: Duration) -> Result<Self, Error> {
        let mut config = settings.consumer();
        config.remove("topic.blacklist");
        config.remove("group.instance.id");
        config
            .set("enable.partition.eof", "true")
            .set("fetch.wait.max.ms", "10");
        let heard = Heard::default();
        let listening = Listening {
            settings: settings.clone(),
            heard: heard.clone(),
        };
        let client = config.create_with_context(listening)?;
        Ok(Self {
            client: Arc::new(client),
            heard,
            patience,
        })
    }

    /// Serves the callbacks: tokens are fetched and faults are heard only in a poll.
    fn listen(&self) {
        // It reads nothing, so nothing but errors can come, and what is left of a look at a topic.
        while let Some(polled) = self.client.poll(Duration::from_millis(20)) {
            let Err(error) = polled else { continue };
            let code = error.rdkafka_error_code();
            if is_end(&error) {
                continue;
            }
            let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
            heard.push((code, Fault::judge(code, error.to_string())));
        }
    }

    /// Every topic that may be seen; none when nobody answers.
    fn topics(&self) -> Option<Vec<Topic>> {
        let until = Instant::now() + self.patience;
        loop {
            self.listen();
            if let Ok(metadata) = self.client.fetch_metadata(None, STEP) {
                return Some(metadata.topics().iter().map(Topic::from).collect());
            }
            self.listen();
            // Asking longer makes no password right.
            if Instant::now() >= until || self.is_hopeless() {
                return None;
            }
        }
    }

    fn heard_of(&self, code: RDKafkaErrorCode) -> Option<Fault> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = heard.iter().filter(|(heard, _)| *heard == Some(code));
        found.next().map(|(_, fault)| fault.clone())
    }

    fn is_hopeless(&self) -> bool {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.iter().any(|(code, fault)| {
            matches!(fault.kind, Kind::Login | Kind::Tls) || *code == Some(RDKafkaErrorCode::AllBrokersDown)
        })
    }

    fn reached(&self) -> Reached {
        let metadata = self.client.fetch_metadata(None, self.patience);
        Reached {
            brokers: metadata.map_or(0, |metadata| metadata.brokers().len()),
            cluster: self.client.client().fetch_cluster_id(self.patience),
        }
    }

    fn by_name(&self, name: &str, findings: &Findings) -> Asked {
        let entry = name.to_owned();
        if let Some(topic) = findings.topic(name) {
            return Asked {
                entry,
                topics: vec![topic.clone()],
                fault: None,
            };
        }
        // It may be there and forbidden.
        let fault = match self.client.fetch_metadata(Some(name), self.patience) {
            Ok(metadata) => {
                let error = metadata.topics().first().and_then(MetadataTopic::error);
                let code = error.map_or(RDKafkaErrorCode::UnknownTopicOrPartition, RDKafkaErrorCode::from);
                Fault::judge(Some(code), code.to_string())
            }
            Err(error) => Fault::from(&error),
        };
        Asked {
            entry,
            topics: Vec::new(),
            fault: Some(fault),
        }
    }

    fn committed(&self, asked: &[Asked]) -> Result<Vec<(Place, i64)>, Fault> {
        let mut list = TopicPartitionList::new();
        let topics: HashSet<(&str, usize)> = asked
            .iter()
            .flat_map(|asked| &asked.topics)
            .map(|topic| (topic.name.as_str(), topic.partitions))
            .collect();
        for (name, partitions) in topics {
            let last = i32::try_from(partitions).unwrap_or(i32::MAX) - 1;
            list.add_partition_range(name, 0, last);
        }
        if list.count() == 0 {
            return Ok(Vec::new());
        }
        let until = Instant::now() + self.patience;
        let list = loop {
            let error = match self.offsets(list.clone()) {
                Ok(list) => break list,
                Err(error) => error,
            };
            self.listen();
            // Whoever may not see the group finds no coordinator, and is told why by the callback.
            if let Some(fault) = self.heard_of(RDKafkaErrorCode::GroupAuthorizationFailed) {
                return Err(fault);
            }
            // A coordinator that is just being found or elected knows in a moment.
            if !passes(&error) || Instant::now() >= until {
                return Err(Fault::from(&error));
            }
        };
        let mut committed = Vec::new();
        for element in list.elements() {
            if let Offset::Offset(offset) = element.offset() {
                committed.push((Place::new(element.topic(), element.partition()), offset));
            }
        }
        committed.sort();
        Ok(committed)
    }

    /// Why a topic cannot be read. Whoever may only see it is refused a fetch, whatever lies there.
    fn unreadable(&self, topic: &str) -> Option<Fault> {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, 0, Offset::End).ok()?;
        self.client.assign(&list).ok()?;
        let until = Instant::now() + 4 * STEP;
        let mut found = None;
        while Instant::now() < until {
            match self.client.poll(Duration::from_millis(100)) {
                Some(Ok(_) | Err(KafkaError::PartitionEOF(_))) => break,
                Some(Err(error)) if is_forbidden(&error) => {
                    let reason = format!("READ on the topic {topic}: {error}");
                    found = Some(Fault::judge(error.rdkafka_error_code(), reason));
                    break;
                }
                // What is wrong beside is found by itself.
                None | Some(Err(_)) => {}
            }
        }
        let _ = self.client.unassign();
        found
    }

    /// Why the group may not commit: asked with an offset of a topic that is not there, of which nothing is kept.
    fn uncommittable(&self, group: &str) -> Option<Fault> {
        let mut list = TopicPartitionList::new();
        let nowhere = format!("{group}.check");
        list.add_partition_offset(&nowhere, 0, Offset::Offset(0)).ok()?;
        // librdkafka gives it no time.
        let (client, (say, said)) = (self.client.clone(), flume::bounded(1));
        let asking = move || drop(say.send(client.commit(&list, CommitMode::Sync)));
        std::thread::Builder::new()
            .name("commit".into())
            .spawn(asking)
            .ok()?;
        let error = said.recv_timeout(self.patience).ok()?.err()?;
        let code = error.rdkafka_error_code();
        let reason = format!("READ on the group {group}: {error}");
        (code == Some(RDKafkaErrorCode::GroupAuthorizationFailed)).then(|| Fault::judge(code, reason))
    }

    fn offsets(&self, list: TopicPartitionList) -> KafkaResult<TopicPartitionList> {
        let list = self.client.committed_offsets(list, 4 * STEP)?;
        for element in list.elements() {
            element.error()?;
        }
        Ok(list)
    }

    /// What was heard, each once: a login or a certificate says more than a connection that broke because of it.
    fn faults(&self) -> Vec<Fault> {
        self.listen();
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let mut faults: Vec<Fault> = Vec::new();
        for (_, fault) in heard.iter() {
            if !faults.contains(fault) {
                faults.push(fault.clone());
            }
        }
        faults.sort_by_key(|fault| match fault.kind {
            Kind::Login | Kind::Tls => 0,
            Kind::Unreachable => 1,
            _ => 2,
        });
        faults
    }
}

fn is_forbidden(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(RDKafkaErrorCode::TopicAuthorizationFailed)
}

/// The end of a topic that was looked at, which may come late.
fn is_end(error: &KafkaError) -> bool {
    matches!(error, KafkaError::PartitionEOF(_))
        || error.rdkafka_error_code() == Some(RDKafkaErrorCode::PartitionEOF)
}

fn passes(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    let code = error.rdkafka_error_code();
    matches!(
        code,
        Some(
            Code::CoordinatorLoadInProgress
                | Code::CoordinatorNotAvailable
                | Code::NotCoordinator
                | Code::OperationTimedOut
        )
    )
}

impl From<&MetadataTopic> for Topic {
    fn from(topic: &MetadataTopic) -> Self {
        Self {
            name: topic.name().to_owned(),
            partitions: topic.partitions().len(),
        }
    }
}
