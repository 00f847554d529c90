//! How the agent talks to Kafka, as librdkafka wants to hear it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use regex::Regex;
use secrecy::{ExposeSecret, SecretString};

/// How long brokers wait for a member of the group where nobody told them otherwise (`session.timeout.ms`).
const SESSION: Duration = Duration::from_secs(45);
/// The same with the group protocol `consumer`, where brokers keep it to themselves: it has room for three heartbeats,
/// which are 5 s apart unless brokers are told otherwise; by default it is three times as long.
const LEAST_SESSION: Duration = Duration::from_secs(15);

/// Where a partition without a committed offset is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Its first record.
    Earliest,
    /// What comes next.
    Latest,
    /// The first record at or after this time, in ms since the epoch.
    At(i64),
}

/// How to log in.
#[derive(Clone, Default)]
pub struct Login {
    /// PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER.
    pub mechanism: String,
    /// The user.
    pub username: Option<String>,
    /// The password.
    pub password: Option<SecretString>,
    /// Where OAUTHBEARER gets its tokens.
    pub tokens: Option<TokenSource>,
}

/// Fetches a token; blocks for as long as that takes.
pub type TokenSource = Arc<dyn Fn() -> Result<Token, String> + Send + Sync>;

/// A token for OAUTHBEARER.
#[derive(Clone)]
pub struct Token {
    /// The token itself.
    pub token: SecretString,
    /// Whose it is.
    pub principal: String,
    /// When it ends, in ms since the epoch.
    pub expires: i64,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("mechanism", &self.mechanism)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("principal", &self.principal)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// How the agent talks to Kafka.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `host:port`, separated by commas.
    pub brokers: String,
    /// Topics to read; one that begins with `^` is a regular expression.
    pub topics: Vec<String>,
    /// Topics that the agent writes: never read, whatever `topics` says. One that begins with `^` is a regular
    /// expression.
    pub written: Vec<String>,
    /// The consumer group.
    pub group: String,
    /// Makes the agent a static member.
    pub instance: Option<String>,
    /// The name by which brokers know the agent.
    pub client_id: String,
    /// Where a partition without a committed offset is read from.
    pub start: Start,
    /// `plaintext`, `ssl`, `sasl_plaintext` or `sasl_ssl`.
    pub protocol: &'static str,
    /// How to log in, where the protocol says so.
    pub login: Option<Login>,
    /// Authorities to trust (PEM) in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// The agent's certificate (PEM) for mutual TLS.
    pub certificate_file: Option<PathBuf>,
    /// Its key (PEM).
    pub key_file: Option<PathBuf>,
    /// The key's password.
    pub key_password: Option<SecretString>,
    /// Whether a broker's certificate must name its host.
    pub verify_hostname: bool,
    /// The memory bound, of which librdkafka's own queue takes a part.
    pub memory: u64,
    /// How long a revoked partition waits for its requests in flight.
    pub drain: Duration,
    /// How long a stop waits.
    pub grace: Duration,
    /// After how long without a record, with records to read, the consumer is made anew.
    pub watchdog: Duration,
    /// Whether a partition stands still where retention took records before they were read.
    pub stop_at_gap: bool,
    /// The metadata of the commit that says where a group begins, where that is not the log's beginning.
    pub pinned: String,
    /// `[kafka.librdkafka]`.
    pub passed_through: BTreeMap<String, String>,
}

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// librdkafka does not take an option.
    #[error("[kafka] {0}")]
    Refused(#[from] rdkafka::error::KafkaError),
    /// A thread could not be started.
    #[error("cannot start a thread for Kafka: {0}")]
    Thread(#[from] std::io::Error),
}

impl Settings {
    /// A plain connection with the contract's defaults.
    pub fn new(brokers: impl Into<String>, topics: &[&str], group: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
            written: Vec::new(),
            group: group.into(),
            instance: None,
            client_id: "cic-conduit".into(),
            start: Start::Earliest,
            protocol: "plaintext",
            login: None,
            ca_file: None,
            certificate_file: None,
            key_file: None,
            key_password: None,
            verify_hostname: true,
            memory: 64 * 1024 * 1024,
            drain: Duration::from_secs(10),
            grace: Duration::from_secs(25),
            watchdog: Duration::from_secs(60),
            stop_at_gap: false,
            pinned: String::new(),
            passed_through: BTreeMap::new(),
        }
    }

    /// What every client needs: where, how safely, and as whom.
    pub(super) fn common(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set_log_level(RDKafkaLogLevel::Warning);
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", &self.client_id)
            .set("security.protocol", self.protocol)
            .set("ssl.ca.location", "probe")
            // Brokers close what is idle; that is no fault.
            .set("log.connection.close", "false")
            .set("reconnect.backoff.max.ms", "5000");
        for (name, value) in &self.passed_through {
            config.set(name, value);
        }
        let paths = [
            ("ssl.ca.location", &self.ca_file),
            ("ssl.certificate.location", &self.certificate_file),
            ("ssl.key.location", &self.key_file),
        ];
        for (name, path) in paths {
            if let Some(path) = path {
                config.set(name, path.to_string_lossy());
            }
        }
        if let Some(password) = &self.key_password {
            config.set("ssl.key.password", password.expose_secret());
        }
        if !self.verify_hostname {
            config.set("ssl.endpoint.identification.algorithm", "none");
        }
        if let Some(login) = &self.login {
            config.set("sasl.mechanisms", &login.mechanism);
            if let Some(user) = &login.username {
                config.set("sasl.username", user);
            }
            if let Some(password) = &login.password {
                config.set("sasl.password", password.expose_secret());
            }
        }
        config
    }

    /// The group's reader. What it owns cannot be passed through.
    pub(super) fn consumer(&self) -> ClientConfig {
        let mut config = self.common();
        // A sixteenth of the bound for librdkafka's own queue, and a small part for one fetch, by partition and for all
        // of a broker: a compressed one grows many times over when it is unpacked.
        let queue = (self.memory / 16 / 1024).clamp(1024, 64 * 1024);
        let fetch = (self.memory / 256).clamp(64 * 1024, 1024 * 1024);
        let fetched = (self.memory / 32).clamp(1024 * 1024, 50 * 1024 * 1024);
        let classic = config.get("group.protocol") != Some("consumer");
        config
            .set("group.id", &self.group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("queued.max.messages.kbytes", queue.to_string())
            .set("fetch.message.max.bytes", fetch.to_string())
            .set("fetch.max.bytes", fetched.to_string())
            .set("fetch.queue.backoff.ms", "10")
            .set("statistics.interval.ms", "1000");
        unless_given(&mut config, &[("topic.metadata.refresh.interval.ms", "30000")]);
        if classic {
            config.set("partition.assignment.strategy", "cooperative-sticky");
        }
        if let Some(instance) = &self.instance {
            config.set("group.instance.id", instance);
        }
        if !self.written.is_empty() {
            config.set("topic.blacklist", self.hidden().collect::<Vec<_>>().join(","));
        }
        config
    }

    /// A reader of single stretches, which joins no group.
    pub(super) fn reader(&self) -> ClientConfig {
        let mut config = self.consumer();
        config.remove("topic.blacklist");
        config.remove("group.instance.id");
        config
            .set("enable.partition.eof", "true")
            .set("fetch.message.max.bytes", "1048576")
            .set("fetch.wait.max.ms", "10")
            .set("statistics.interval.ms", "0");
        config
    }

    /// How long the group's brokers wait for a member that they do not hear from; at the least, where only they know.
    pub fn session(&self) -> Duration {
        let config = self.consumer();
        if config.get("group.protocol") == Some("consumer") {
            return LEAST_SESSION;
        }
        let given = config
            .get("session.timeout.ms")
            .and_then(|given| given.parse().ok());
        given.map_or(SESSION, Duration::from_millis)
    }

    /// Whether the agent reads that topic.
    pub(super) fn reads(&self, topic: &str) -> bool {
        let fits = |entry: &String| match entry.starts_with('^') {
            true => Regex::new(entry).is_ok_and(|entry| entry.is_match(topic)),
            false => entry == topic,
        };
        self.topics.iter().any(fits) && !self.writes(topic)
    }

    /// Whether the agent writes that topic.
    pub(super) fn writes(&self, topic: &str) -> bool {
        self.hidden()
            .any(|hidden| Regex::new(&hidden).is_ok_and(|hidden| hidden.is_match(topic)))
    }

    /// The written topics as regular expressions.
    fn hidden(&self) -> impl Iterator<Item = String> {
        self.written.iter().map(|topic| match topic.starts_with('^') {
            true => topic.clone(),
            false => format!("^{}$", escape(topic)),
        })
    }

    /// The writer of dead letters: each counts only when every replica has it.
    pub(super) fn producer(&self) -> ClientConfig {
        let mut config = self.common();
        config.set("enable.idempotence", "true").set("acks", "all");
        let given = [
            ("compression.type", "zstd"),
            // States are written every second: less work and memory, a little more to send.
            ("compression.level", "1"),
            ("linger.ms", "20"),
            ("queue.buffering.max.kbytes", "16384"),
            // The topic says how large a record may be, not the client.
            ("message.max.bytes", "100000000"),
            ("message.timeout.ms", "30000"),
            // Sooner than that: a missing topic is named, and not a timeout.
            ("topic.metadata.propagation.max.ms", "10000"),
        ];
        unless_given(&mut config, &given);
        config
    }

    /// The writer of snapshots: the same, without a wait.
    pub(super) fn snapshots(&self) -> ClientConfig {
        let mut config = self.producer();
        config.set("linger.ms", "0").set("message.timeout.ms", "10000");
        config
    }
}

/// Sets what nobody passed through.
fn unless_given(config: &mut ClientConfig, options: &[(&str, &str)]) {
    for (name, value) in options {
        if config.get(name).is_none() {
            config.set(*name, *value);
        }
    }
}

/// A name as a regular expression that fits nothing else. Topic names have letters, digits, `.`, `_` and `-`.
pub fn escape(topic: &str) -> String {
    topic.replace('.', "\\.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_passed_through_counts_unless_the_agent_owns_it() {
        let passed = [
            ("topic.metadata.refresh.interval.ms", "1000"),
            ("linger.ms", "5"),
            ("auto.offset.reset", "latest"),
            ("acks", "1"),
        ];
        let settings = Settings {
            passed_through: passed.map(|(name, value)| (name.into(), value.into())).into(),
            ..Settings::new("127.0.0.1:9092", &["cic"], "agents")
        };
        let (consumer, producer) = (settings.consumer(), settings.producer());
        assert_eq!(consumer.get("topic.metadata.refresh.interval.ms"), Some("1000"));
        assert_eq!(consumer.get("auto.offset.reset"), Some("error"));
        assert_eq!(
            (producer.get("linger.ms"), producer.get("acks")),
            (Some("5"), Some("all"))
        );
        assert_eq!(producer.get("compression.type"), Some("zstd"));
    }

    #[test]
    fn the_session_is_what_brokers_hold_to() {
        let session = |passed: &[(&str, &str)]| {
            let passed = passed
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into()));
            let settings = Settings {
                passed_through: passed.collect(),
                ..Settings::new("127.0.0.1:9092", &["cic"], "agents")
            };
            settings.session().as_secs()
        };
        assert_eq!(session(&[]), 45);
        assert_eq!(session(&[("session.timeout.ms", "6000")]), 6);
        assert_eq!(session(&[("group.protocol", "consumer")]), 15);
    }
}
