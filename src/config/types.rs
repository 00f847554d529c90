//! `conduit.toml` as data: one struct per section, one field per key, every default filled in.
//!
//! Made by [`super::load`]; a key that may be left out and has no default is an `Option`. Durations and sizes are
//! in their own types, sizes in bytes.

use super::rules::Rule;
use crate::time::Time;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The whole configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[kafka]`: where records come from.
    pub kafka: Kafka,
    /// `[cic]`: the CIC sites.
    pub cic: Cic,
    /// `[conversation]`: how interactions become conversations.
    pub conversation: Conversation,
    /// `[presence]`: how statuses become presence and routing status.
    pub presence: Presence,
    /// `[directory]`: CIC names and Genesys Cloud ids.
    pub directory: Directory,
    /// `[genesys]`: where events go.
    pub genesys: Genesys,
    /// `[lanes]`: which kinds of events are sent.
    pub lanes: Lanes,
    /// `[state]`: what is kept so that a restart goes on.
    pub state: State,
    /// `[memory]`: what the agent may take.
    pub memory: Memory,
    /// `[http]`: the endpoints for metrics and health.
    pub http: Http,
    /// `[log]`: what is logged, and how.
    pub log: Log,
    /// What is strange about it and not wrong; worth a log line each.
    pub warnings: Vec<String>,
}

/// Where a partition without a committed offset is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// From its first record.
    Earliest,
    /// From what comes next.
    Latest,
    /// From the first record at or after this time.
    At(Time),
}

/// What to do when retention took records before they were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnGap {
    /// Say so and go on.
    Continue,
    /// Say so and stop the partition.
    Stop,
}

/// How to talk to the brokers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecurityProtocol {
    /// In the clear, without a login.
    Plaintext,
    /// TLS.
    Ssl,
    /// In the clear, with a login.
    SaslPlaintext,
    /// TLS, with a login.
    SaslSsl,
}

impl SecurityProtocol {
    /// As librdkafka spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plaintext => "plaintext",
            Self::Ssl => "ssl",
            Self::SaslPlaintext => "sasl_plaintext",
            Self::SaslSsl => "sasl_ssl",
        }
    }

    /// Whether it logs in.
    pub fn sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }

    /// Whether it encrypts.
    pub fn tls(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }
}

/// What to do when the kept state cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnMismatch {
    /// Stop the partition and say why.
    Stop,
    /// Begin without a state.
    Fresh,
}

/// How CIC users are found in Genesys Cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsersBy {
    /// By their address.
    Email,
    /// By their external id.
    ExternalId,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Human,
    /// For machines, one object per line.
    Json,
}

/// `[kafka]`: where records come from.
#[derive(Debug, Clone)]
pub struct Kafka {
    /// Where Kafka answers, as host:port.
    pub brokers: Vec<String>,
    /// Topics to read; one that begins with ^ is a regular expression.
    pub topics: Vec<String>,
    /// The consumer group; several agents of one group share the partitions.
    pub group: String,
    /// Makes the agent a static member of its group, which keeps its partitions over a restart.
    pub group_instance_id: Option<String>,
    /// The name by which brokers know the agent.
    pub client_id: String,
    /// Where a partition without a committed offset is read from.
    pub start: Start,
    /// What to do when retention took records before they were read.
    pub on_gap: OnGap,
    /// How to talk to the brokers.
    pub security_protocol: SecurityProtocol,
    /// How to log in to the brokers.
    pub sasl_mechanism: Option<String>,
    /// The user that logs in.
    pub sasl_username: Option<String>,
    /// That user's password.
    pub sasl_password: Option<SecretString>,
    /// Where OAUTHBEARER gets its token (client credentials).
    pub oauth_token_url: Option<String>,
    /// The client that asks for the token.
    pub oauth_client_id: Option<String>,
    /// That client's secret.
    pub oauth_client_secret: Option<SecretString>,
    /// The scope to ask for.
    pub oauth_scope: Option<String>,
    /// Authorities to trust (PEM) in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// The agent's own certificate (PEM) for mutual TLS.
    pub certificate_file: Option<PathBuf>,
    /// Its private key (PEM).
    pub key_file: Option<PathBuf>,
    /// The private key's password.
    pub key_password: Option<SecretString>,
    /// Whether a broker's certificate must name its host.
    pub verify_hostname: bool,
    /// Where events go that Genesys Cloud refuses for good.
    pub dead_letter_topic: String,
    /// How long a revoked partition waits for its requests in flight.
    pub drain: Duration,
    /// How long a stop waits for requests in flight.
    pub shutdown_grace: Duration,
    /// After how long without a record, with records to read, the consumer is rebuilt.
    pub watchdog: Duration,
    /// `[kafka.librdkafka]`: options passed through to librdkafka.
    pub librdkafka: BTreeMap<String, String>,
}

/// `[cic]`: the CIC sites.
#[derive(Debug, Clone)]
pub struct Cic {
    /// The site of messages that are no CloudEvents.
    pub default_source: String,
    /// The zone of dates without a time.
    pub time_zone: String,
    /// How far a record's own time may run ahead of the broker's.
    pub max_skew: Duration,
    /// How long a CloudEvents id is remembered, by stream time.
    pub duplicate_window: Duration,
    /// How long a pair's server must be silent before the other one is listened to.
    pub switchover_silence: Duration,
}

/// `[conversation]`: how interactions become conversations.
#[derive(Debug, Clone)]
pub struct Conversation {
    /// What stands before a number in E.164.
    pub number_prefix: String,
    /// Makes national numbers E.164, such as 49.
    pub country_code: Option<String>,
    /// CIC attributes that name an interaction of the same conversation.
    pub link_attributes: Vec<String>,
    /// The CIC attribute that becomes tagId.
    pub tag_attribute: Option<String>,
    /// CIC attributes that become additionalInfo on the external party.
    pub additional_info: Vec<String>,
    /// Only these CIC users are injected; empty: all. An injected interaction makes its user billable.
    pub users: Vec<String>,
    /// Workgroups whose users owe a wrap-up code.
    pub wrap_up_required: Vec<String>,
    /// How long after its end an interaction hears wrap-up codes.
    pub wrap_up_grace: Duration,
    /// A conversation first seen later than this after its begin is adopted.
    pub adopt_after: Duration,
    /// How long a record that leaves open who is there waits for the next one.
    pub settle: Duration,
    /// How long a new outbound call waits for its link.
    pub link_wait: Duration,
    /// How long the end of a consult waits for what the original does.
    pub verdict_wait: Duration,
    /// How long a new email waits for its contents.
    pub contents_wait: Duration,
    /// How long an interaction may be missing from snapshots before it counts as ended.
    pub orphan_after: Duration,
    /// After how long without news a call counts as ended.
    pub max_silence_call: Duration,
    /// The same for an email.
    pub max_silence_email: Duration,
    /// The same for a callback.
    pub max_silence_callback: Duration,
    /// Whether a consult's transfer event is sent at its start, not at its conclusion.
    pub consult_transfer_at_start: bool,
}

/// `[presence]`: how statuses become presence and routing status.
#[derive(Debug, Clone)]
pub struct Presence {
    /// Whether routing status is sent beside presence.
    pub routing_status: bool,
    /// How old a status may be stamped.
    pub max_age: Duration,
    /// Further status ids that mean that the agent did not answer.
    pub not_answering: Vec<String>,
    /// Further status ids that mean that the agent is on a call.
    pub on_call_statuses: Vec<String>,
    /// How long a status waits for its definition.
    pub definitions_wait: Duration,
    /// How long after a switchover a logout of a snapshot waits to count.
    pub switchover_grace: Duration,
    /// Whether the status notes become the presence message; they may hold personal data.
    pub message_from_notes: bool,
    /// Whether a user counts as active whose activation was never heard of.
    pub unknown_activation_is_active: bool,
    /// Whether a ringing ACD interaction counts as handled.
    pub ringing_is_handling: bool,
    /// `[[presence.rule]]`, in order: the operator's own mapping, before the agent's table.
    pub rules: Vec<Rule>,
}

/// `[directory]`: CIC names and Genesys Cloud ids.
#[derive(Debug, Clone)]
pub struct Directory {
    /// CIC names and their Genesys Cloud ids, as JSON; goes before what the organization says.
    pub file: Option<PathBuf>,
    /// How long events wait for a name to be resolved.
    pub resolve_timeout: Duration,
    /// Workgroups that are no queue; never asked for.
    pub ignore_workgroups: Vec<String>,
    /// How CIC users are found in Genesys Cloud.
    pub users_by: UsersBy,
    /// Makes the CIC user jsmith jsmith@DOMAIN; empty: the part before the @ is compared.
    pub email_domain: Option<String>,
    /// The authority name of external ids; there when users are found by them.
    pub authority: Option<String>,
    /// How often names are read again.
    pub refresh: Duration,
}

/// `[genesys]`: where events go.
#[derive(Debug, Clone)]
pub struct Genesys {
    /// The organization's region, such as eu-central-1 or mypurecloud.de.
    pub region: Option<String>,
    /// The API's address in place of the region's.
    pub api_url: Option<String>,
    /// The address that gives tokens in place of the region's.
    pub login_url: Option<String>,
    /// The OAuth client (client credentials).
    pub client_id: Option<String>,
    /// Its secret.
    pub client_secret: Option<SecretString>,
    /// The external source of presence and interactions; empty: made from the site's name.
    pub source_id: Option<String>,
    /// An HTTP proxy in place of the system's.
    pub proxy: Option<String>,
    /// Further authorities to trust (PEM).
    pub ca_file: Option<PathBuf>,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long a request may take.
    pub timeout: Duration,
    /// A longer Retry-After is obeyed and stands as an error on the health page.
    pub max_retry_after: Duration,
    /// How long an event is sent again that alone is refused as retryable.
    pub event_retry_for: Duration,
    /// How long an event waits for its request to fill.
    pub linger: Duration,
    /// Requests in flight per lane.
    pub concurrency: u64,
    /// The first pause after a failure.
    pub backoff_min: Duration,
    /// The longest pause after failures.
    pub backoff_max: Duration,
}

/// `[lanes]`: which kinds of events are sent.
#[derive(Debug, Clone)]
pub struct Lanes {
    /// Whether conversations are sent.
    pub conversations: bool,
    /// Whether presence is sent.
    pub presence: bool,
    /// Whether routing status is sent.
    pub routing_status: bool,
    /// Whether out of office is sent.
    pub out_of_office: bool,
}

/// `[state]`: what is kept so that a restart goes on.
#[derive(Debug, Clone)]
pub struct State {
    /// How often the state and the offsets are kept.
    pub interval: Duration,
    /// What to do when the kept state cannot be used.
    pub on_mismatch: OnMismatch,
    /// Where the state is kept.
    pub topic: String,
}

/// `[memory]`: what the agent may take.
#[derive(Debug, Clone)]
pub struct Memory {
    /// Bytes that records, events and kept states may take.
    pub bound: u64,
}

/// `[http]`: the endpoints for metrics and health.
#[derive(Debug, Clone)]
pub struct Http {
    /// Where metrics and health are served; it has no login, so keep it local.
    pub listen: SocketAddr,
}

/// `[log]`: what is logged, and how.
#[derive(Debug, Clone)]
pub struct Log {
    /// How log lines look.
    pub format: LogFormat,
    /// What is logged, by tracing's filter: info, or warn,cic_conduit::kafka=debug.
    pub level: String,
}
