//! Every key of the configuration: its name, what it takes, its default, and what it is for. The README's table,
//! the environment's names and the search for the nearest key are made of this one.

/// What a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A string that is not empty.
    Text,
    /// A string that may be empty.
    Prefix,
    /// A list of strings; in the environment separated by commas.
    List,
    /// `true` or `false`.
    Flag,
    /// A whole number between two bounds, both included.
    Count(u64, u64),
    /// `250ms`, `15min`, `2h 30min`.
    Duration,
    /// `64MiB`.
    Size,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// The URL of a web service.
    Url,
    /// An address to listen on.
    Address,
    /// A UUID.
    Uuid,
    /// Where reading begins.
    Start,
    /// A name of the IANA time zone database.
    Zone,
    /// The path of a file.
    File,
    /// A secret: from the environment, or from the file that the key with `_file` names; never from the
    /// configuration's text or a flag.
    Secret,
}

impl Kind {
    /// What to write, for a message.
    pub(super) fn example(self) -> String {
        match self {
            Self::Text | Self::Prefix => "a string".to_owned(),
            Self::List => "a list of strings such as [\"a\", \"b\"]".to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::Count(low, high) => format!("a whole number from {low} to {high}"),
            Self::Duration => "a duration such as \"250ms\", \"15min\" or \"2h\"".to_owned(),
            Self::Size => "a size such as \"64MiB\"".to_owned(),
            Self::Choice(choices) => {
                let quoted: Vec<String> = choices.iter().map(|choice| format!("\"{choice}\"")).collect();
                quoted.join(" or ")
            }
            Self::Url => "a URL such as \"https://host:443\", without a user or a password".to_owned(),
            Self::Address => "an address and a port such as \"127.0.0.1:9470\"".to_owned(),
            Self::Uuid => "a UUID such as \"3f2504e0-4f89-41d3-9a0c-0305e82c3301\"".to_owned(),
            Self::Start => "\"earliest\", \"latest\" or a time such as \"2026-07-06T08:00:00Z\"".to_owned(),
            Self::Zone => {
                "an IANA name such as \"Europe/Berlin\" that this machine's tzdata knows".to_owned()
            }
            Self::File => "the path of a file".to_owned(),
            Self::Secret => "a secret".to_owned(),
        }
    }

    /// What the README's table calls it.
    pub fn name(self) -> String {
        match self {
            Self::Text | Self::Prefix => "text".to_owned(),
            Self::List => "list".to_owned(),
            Self::Flag => "true/false".to_owned(),
            Self::Count(..) => "number".to_owned(),
            Self::Duration => "duration".to_owned(),
            Self::Size => "size".to_owned(),
            Self::Choice(choices) => choices.join(", "),
            Self::Url => "URL".to_owned(),
            Self::Address => "address".to_owned(),
            Self::Uuid => "UUID".to_owned(),
            Self::Start => "earliest, latest, time".to_owned(),
            Self::Zone => "time zone".to_owned(),
            Self::File => "path".to_owned(),
            Self::Secret => "secret".to_owned(),
        }
    }
}

/// One key.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// `kafka`.
    pub section: &'static str,
    /// `brokers`.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// As one would write it in the environment; empty: not set.
    pub default: &'static str,
    /// What it is for, one sentence without a full stop.
    pub about: &'static str,
}

impl Key {
    /// `CONDUIT_KAFKA_BROKERS`.
    pub fn variable(&self) -> String {
        format!("CONDUIT_{}_{}", self.section, self.name).to_ascii_uppercase()
    }

    /// `kafka.brokers`.
    pub fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }
}

/// The sections, in the order in which data flows.
pub const SECTIONS: &[&str] = &[
    "kafka",
    "cic",
    "conversation",
    "presence",
    "directory",
    "genesys",
    "lanes",
    "state",
    "memory",
    "http",
    "log",
];

/// The key of that section and name.
pub(super) fn find(section: &str, name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.section == section && key.name == name)
}

macro_rules! keys {
    ($([$section:ident] $($name:ident $kind:expr, $default:literal, $about:literal;)*)*) => {
        /// Every key, by section.
        pub const KEYS: &[Key] = &[$($(Key {
            section: stringify!($section),
            name: stringify!($name),
            kind: $kind,
            default: $default,
            about: $about,
        },)*)*];
    };
}

use Kind::{
    Address, Choice, Count, Duration, File, Flag, List, Prefix, Secret, Size, Start, Text, Url, Uuid, Zone,
};

keys! {
    [kafka]
    brokers List, "", "Where Kafka answers, as host:port";
    topics List, "", "Topics to read; one that begins with ^ is a regular expression";
    group Text, "cic-conduit", "The consumer group; several agents of one group share the partitions";
    group_instance_id Text, "", "Makes the agent a static member of its group, which keeps its partitions over a restart";
    client_id Text, "cic-conduit", "The name by which brokers know the agent";
    start Start, "earliest", "Where a partition without a committed offset is read from";
    on_gap Choice(&["continue", "stop"]), "continue", "What to do when retention took records before they were read";
    security_protocol Choice(&["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]), "plaintext", "How to talk to the brokers";
    sasl_mechanism Choice(&["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]), "", "How to log in to the brokers";
    sasl_username Text, "", "The user that logs in";
    sasl_password Secret, "", "That user's password";
    sasl_password_file File, "", "A file that holds it";
    oauth_token_url Url, "", "Where OAUTHBEARER gets its token (client credentials)";
    oauth_client_id Text, "", "The client that asks for the token";
    oauth_client_secret Secret, "", "That client's secret";
    oauth_client_secret_file File, "", "A file that holds it";
    oauth_scope Text, "", "The scope to ask for";
    ca_file File, "", "Authorities to trust (PEM) in place of the system's";
    certificate_file File, "", "The agent's own certificate (PEM) for mutual TLS";
    key_file File, "", "Its private key (PEM)";
    key_password Secret, "", "The private key's password";
    key_password_file File, "", "A file that holds it";
    verify_hostname Flag, "true", "Whether a broker's certificate must name its host";
    dead_letter_topic Text, "{topic}.{group}.dead-letters", "Where events go that Genesys Cloud refuses for good";
    drain Duration, "10s", "How long a revoked partition waits for its requests in flight";
    shutdown_grace Duration, "25s", "How long a stop waits for requests in flight";
    watchdog Duration, "60s", "After how long without a record, with records to read, the consumer is rebuilt";

    [cic]
    default_source Text, "cic", "The site of messages that are no CloudEvents";
    time_zone Zone, "UTC", "The zone of dates without a time";
    max_skew Duration, "60s", "How far a record's own time may run ahead of the broker's";
    duplicate_window Duration, "5min", "How long a CloudEvents id is remembered at least, by stream time";
    switchover_silence Duration, "5s", "How long a pair's server must be silent before the other one is listened to";

    [conversation]
    number_prefix Prefix, "tel:", "What stands before a number in E.164";
    country_code Text, "", "Makes national numbers E.164, such as 49";
    link_attributes List, "", "CIC attributes that name an interaction of the same conversation";
    tag_attribute Text, "", "The CIC attribute that becomes tagId";
    additional_info List, "", "CIC attributes that become additionalInfo on the external party";
    users List, "", "Only these CIC users are injected; empty: all. An injected interaction makes its user billable";
    wrap_up_required List, "", "Workgroups whose users owe a wrap-up code";
    wrap_up_grace Duration, "2h", "How long after its end an interaction hears wrap-up codes";
    adopt_after Duration, "2min", "A conversation first seen later than this after its begin is adopted";
    settle Duration, "2s", "How long a record that leaves open who is there waits for the next one";
    link_wait Duration, "2s", "How long a new outbound call waits for its link";
    verdict_wait Duration, "5s", "How long the end of a consult waits for what the original does";
    contents_wait Duration, "5s", "How long a new email waits for its contents";
    orphan_after Duration, "60s", "How long an interaction may be missing from snapshots before it counts as ended";
    max_silence_call Duration, "12h", "After how long without news a call counts as ended";
    max_silence_email Duration, "30days", "The same for an email";
    max_silence_callback Duration, "14days", "The same for a callback";
    consult_transfer Choice(&["start", "conclusion"]), "start", "When a consult's transfer event is sent";

    [presence]
    routing_status Flag, "true", "Whether routing status is sent beside presence";
    max_age Duration, "24h", "How old a status may be stamped";
    not_answering List, "", "Further status ids that mean that the agent did not answer";
    on_call_statuses List, "", "Further status ids that mean that the agent is on a call";
    definitions_wait Duration, "30s", "How long a status waits for its definition";
    switchover_grace Duration, "180s", "How long after a switchover a logout of a snapshot waits to count";
    message_from_notes Flag, "false", "Whether the status notes become the presence message; they may hold personal data";
    unknown_activation Choice(&["active", "inactive"]), "active", "What a user counts as whose activation was never heard of";
    ringing_is_handling Flag, "true", "Whether a ringing ACD interaction counts as handled";

    [directory]
    file File, "", "CIC names and their Genesys Cloud ids, as JSON; goes before what the organization says";
    resolve_timeout Duration, "60s", "How long events wait for a name to be resolved";
    ignore_workgroups List, "", "Workgroups that are no queue; never asked for";
    users_by Choice(&["email", "external_id"]), "email", "How CIC users are found in Genesys Cloud";
    email_domain Text, "", "Makes the CIC user jsmith jsmith@DOMAIN; empty: the part before the @ is compared";
    authority Text, "", "The authority name of external ids, which users_by = \"external_id\" needs";
    refresh Duration, "15min", "How often names are read again";

    [genesys]
    region Text, "", "The organization's region, such as eu-central-1 or mypurecloud.de";
    api_url Url, "", "The API's address in place of the region's";
    login_url Url, "", "The address that gives tokens in place of the region's";
    client_id Text, "", "The OAuth client (client credentials)";
    client_secret Secret, "", "Its secret";
    client_secret_file File, "", "A file that holds it";
    source_id Uuid, "", "The external source of presence and interactions; empty: made from the site's name";
    proxy Url, "", "An HTTP proxy in place of the system's";
    ca_file File, "", "Further authorities to trust (PEM)";
    connect_timeout Duration, "10s", "How long a connection may take";
    timeout Duration, "30s", "How long a request may take";
    max_retry_after Duration, "5min", "A longer Retry-After is obeyed and stands as an error on the health page";
    event_retry_for Duration, "15min", "How long an event is sent again that alone is refused as retryable";
    linger Duration, "250ms", "How long an event waits for its request to fill";
    concurrency Count(1, 64), "4", "Requests in flight per lane";
    backoff_min Duration, "500ms", "The first pause after a failure";
    backoff_max Duration, "30s", "The longest pause after failures";

    [lanes]
    conversations Flag, "true", "Whether conversations are sent";
    presence Flag, "true", "Whether presence is sent";
    routing_status Flag, "true", "Whether routing status is sent";
    out_of_office Flag, "true", "Whether out of office is sent";

    [state]
    interval Duration, "1s", "How often the state and the offsets are kept";
    on_mismatch Choice(&["stop", "fresh"]), "stop", "What to do when the kept state cannot be used";
    topic Text, "{topic}.{group}.state", "Where the state is kept";

    [memory]
    bound Size, "64MiB", "Bytes that records, events and kept states may take";

    [http]
    listen Address, "127.0.0.1:9470", "Where metrics and health are served; it has no login, so keep it local";

    [log]
    format Choice(&["human", "json"]), "human", "How log lines look";
    level Text, "info", "What is logged, by tracing's filter: info, or warn,cic_conduit::kafka=debug";
}

/// The tables of all keys, a section each, for the README.
pub fn markdown() -> String {
    let mut tables = String::new();
    for section in SECTIONS {
        tables.push_str(&format!(
            "\n`[{section}]`\n\n| key | takes | default | what it is for |\n|---|---|---|---|\n"
        ));
        for key in KEYS.iter().filter(|key| key.section == *section) {
            let Key {
                name,
                kind,
                default,
                about,
                ..
            } = key;
            let kind = kind.name();
            let default = match *default {
                "" => String::new(),
                text => format!("`{text}`"),
            };
            tables.push_str(&format!("| `{name}` | {kind} | {default} | {about} |\n"));
        }
    }
    tables
}

/// What the agent itself decides in librdkafka, and the key to use in its place; empty: there is none.
pub(super) fn owned(option: &str) -> Option<&'static str> {
    Some(match option {
        "bootstrap.servers" | "metadata.broker.list" => "kafka.brokers",
        "group.id" => "kafka.group",
        "group.instance.id" => "kafka.group_instance_id",
        "client.id" => "kafka.client_id",
        "security.protocol" => "kafka.security_protocol",
        "sasl.mechanism" | "sasl.mechanisms" => "kafka.sasl_mechanism",
        "sasl.username" => "kafka.sasl_username",
        "sasl.password" => "kafka.sasl_password_file",
        "ssl.ca.location" => "kafka.ca_file",
        "ssl.certificate.location" => "kafka.certificate_file",
        "ssl.key.location" => "kafka.key_file",
        "ssl.key.password" | "ssl.keystore.password" => "kafka.key_password_file",
        "ssl.key.pem" => "kafka.key_file",
        "sasl.oauthbearer.client.secret" => "kafka.oauth_client_secret_file",
        "auto.offset.reset" => "kafka.start",
        "queued.max.messages.kbytes" | "queued.min.messages" => "memory.bound",
        "fetch.message.max.bytes" | "max.partition.fetch.bytes" | "fetch.max.bytes" => "memory.bound",
        "enable.auto.commit" | "auto.commit.interval.ms" | "enable.auto.offset.store" => "",
        "fetch.queue.backoff.ms" | "enable.partition.eof" | "partition.assignment.strategy" => "",
        "statistics.interval.ms" => "",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_key_stands_once_in_a_known_section_and_says_what_it_is_for() {
        let mut seen = HashSet::new();
        for key in KEYS {
            assert!(SECTIONS.contains(&key.section), "{}", key.path());
            assert!(seen.insert(key.variable()), "{} twice", key.path());
            assert!(
                !key.about.is_empty() && !key.about.ends_with('.'),
                "{}",
                key.path()
            );
        }
    }

    #[test]
    fn every_key_has_its_row() {
        let tables = markdown();
        for key in KEYS {
            let row = format!("| `{}` | {} | ", key.name, key.kind.name());
            assert!(tables.contains(&row), "{row} is not in\n{tables}");
        }
        // A row is a line of four columns.
        for row in tables.lines().filter(|line| line.starts_with('|')) {
            assert_eq!(row.matches('|').count(), 5, "{row}");
        }
    }

    #[test]
    fn every_secret_has_a_file_beside_it_and_no_default() {
        for key in KEYS.iter().filter(|key| key.kind == Kind::Secret) {
            let file = find(key.section, &format!("{}_file", key.name)).map(|key| key.kind);
            assert_eq!(file, Some(Kind::File), "{}", key.path());
            assert_eq!(key.default, "", "{}", key.path());
        }
    }
}
