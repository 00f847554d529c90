//! From layers to a [`Config`]: types, secrets' files, and what two keys must say together.

use super::error::Error;
use super::keys::{self, KEYS, Kind};
use super::layers::{Layers, Text};
use super::nearest::nearest;
use super::region::{REGIONS, Region};
use super::types::*;
use super::units::Value;
use crate::time::Time;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where a configuration comes from; later ones go before earlier ones: defaults, file, environment, flags.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file, if there is one.
    pub file: Option<PathBuf>,
    /// The environment; only `CONDUIT_…` is looked at.
    pub environment: BTreeMap<String, String>,
    /// `section.key` and its value.
    pub flags: Vec<(String, String)>,
}

impl Sources {
    /// That file and this process's environment.
    pub fn process(file: Option<PathBuf>) -> Self {
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            let name = name
                .into_string()
                .ok()
                .filter(|name| name.starts_with("CONDUIT_"))?;
            Some((name, value.into_string().ok()?))
        });
        Self {
            file,
            environment: environment.collect(),
            flags: Vec::new(),
        }
    }

    /// The same with one more flag.
    pub fn flag(mut self, path: &str, value: impl Into<String>) -> Self {
        self.flags.push((path.to_owned(), value.into()));
        self
    }
}

impl Config {
    /// Reads all sources; the error holds everything that is wrong.
    pub fn load(sources: &Sources) -> Result<Self, Error> {
        let text = match &sources.file {
            Some(path) => Some((
                path,
                std::fs::read_to_string(path).map_err(|error| Error::unreadable(path, &error))?,
            )),
            None => None,
        };
        let mut layers = Layers::new();
        if let Some((path, text)) = &text {
            layers.file(Text { path, text });
        }
        layers.environment(&sources.environment);
        layers.flags(&sources.flags);
        build(layers)
    }

    /// Reads a text alone, as if it stood in `conduit.toml`: no environment, no flags.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut layers = Layers::new();
        layers.file(Text {
            path: Path::new("conduit.toml"),
            text,
        });
        build(layers)
    }
}

fn build(mut layers: Layers) -> Result<Config, Error> {
    let secrets = secrets(&mut layers);
    together(&mut layers);
    if !layers.problems.is_empty() {
        return Err(Error(layers.problems));
    }
    let layers = &Reader {
        layers: &layers,
        secrets,
    };
    Ok(Config {
        kafka: Kafka {
            brokers: layers.list("kafka.brokers"),
            topics: layers.list("kafka.topics"),
            group: layers.text("kafka.group"),
            group_instance_id: layers.maybe_text("kafka.group_instance_id"),
            client_id: layers.text("kafka.client_id"),
            start: layers.start("kafka.start"),
            on_gap: if layers.text("kafka.on_gap") == "stop" {
                OnGap::Stop
            } else {
                OnGap::Continue
            },
            security_protocol: layers.security_protocol(),
            sasl_mechanism: layers.maybe_text("kafka.sasl_mechanism"),
            sasl_username: layers.maybe_text("kafka.sasl_username"),
            sasl_password: layers.secret("kafka.sasl_password"),
            oauth_token_url: layers.maybe_text("kafka.oauth_token_url"),
            oauth_client_id: layers.maybe_text("kafka.oauth_client_id"),
            oauth_client_secret: layers.secret("kafka.oauth_client_secret"),
            oauth_scope: layers.maybe_text("kafka.oauth_scope"),
            ca_file: layers.maybe_path("kafka.ca_file"),
            certificate_file: layers.maybe_path("kafka.certificate_file"),
            key_file: layers.maybe_path("kafka.key_file"),
            key_password: layers.secret("kafka.key_password"),
            verify_hostname: layers.flag("kafka.verify_hostname"),
            dead_letter_topic: layers.text("kafka.dead_letter_topic"),
            drain: layers.duration("kafka.drain"),
            shutdown_grace: layers.duration("kafka.shutdown_grace"),
            watchdog: layers.duration("kafka.watchdog"),
            librdkafka: layers.layers.librdkafka.clone(),
        },
        cic: Cic {
            default_source: layers.text("cic.default_source"),
            time_zone: layers.text("cic.time_zone"),
            max_skew: layers.duration("cic.max_skew"),
            duplicate_window: layers.duration("cic.duplicate_window"),
            switchover_silence: layers.duration("cic.switchover_silence"),
        },
        conversation: Conversation {
            number_prefix: layers.text("conversation.number_prefix"),
            country_code: layers.maybe_text("conversation.country_code"),
            link_attributes: layers.list("conversation.link_attributes"),
            tag_attribute: layers.maybe_text("conversation.tag_attribute"),
            additional_info: layers.list("conversation.additional_info"),
            users: layers.list("conversation.users"),
            wrap_up_required: layers.list("conversation.wrap_up_required"),
            wrap_up_grace: layers.duration("conversation.wrap_up_grace"),
            adopt_after: layers.duration("conversation.adopt_after"),
            settle: layers.duration("conversation.settle"),
            link_wait: layers.duration("conversation.link_wait"),
            verdict_wait: layers.duration("conversation.verdict_wait"),
            contents_wait: layers.duration("conversation.contents_wait"),
            orphan_after: layers.duration("conversation.orphan_after"),
            max_silence_call: layers.duration("conversation.max_silence_call"),
            max_silence_email: layers.duration("conversation.max_silence_email"),
            max_silence_callback: layers.duration("conversation.max_silence_callback"),
            consult_transfer_at_start: layers.text("conversation.consult_transfer") == "start",
        },
        presence: Presence {
            routing_status: layers.flag("presence.routing_status"),
            max_age: layers.duration("presence.max_age"),
            not_answering: layers.list("presence.not_answering"),
            on_call_statuses: layers.list("presence.on_call_statuses"),
            definitions_wait: layers.duration("presence.definitions_wait"),
            switchover_grace: layers.duration("presence.switchover_grace"),
            message_from_notes: layers.flag("presence.message_from_notes"),
            unknown_activation_is_active: layers.text("presence.unknown_activation") == "active",
            ringing_is_handling: layers.flag("presence.ringing_is_handling"),
            rules: layers.layers.rules.clone(),
        },
        directory: Directory {
            file: layers.maybe_path("directory.file"),
            resolve_timeout: layers.duration("directory.resolve_timeout"),
            ignore_workgroups: layers.list("directory.ignore_workgroups"),
            users_by: if layers.text("directory.users_by") == "email" {
                UsersBy::Email
            } else {
                UsersBy::ExternalId
            },
            email_domain: layers.maybe_text("directory.email_domain"),
            authority: layers.maybe_text("directory.authority"),
            refresh: layers.duration("directory.refresh"),
        },
        genesys: Genesys {
            region: layers.maybe_text("genesys.region"),
            api_url: layers.maybe_text("genesys.api_url"),
            login_url: layers.maybe_text("genesys.login_url"),
            client_id: layers.maybe_text("genesys.client_id"),
            client_secret: layers.secret("genesys.client_secret"),
            source_id: layers.maybe_text("genesys.source_id"),
            proxy: layers.maybe_text("genesys.proxy"),
            ca_file: layers.maybe_path("genesys.ca_file"),
            connect_timeout: layers.duration("genesys.connect_timeout"),
            timeout: layers.duration("genesys.timeout"),
            max_retry_after: layers.duration("genesys.max_retry_after"),
            event_retry_for: layers.duration("genesys.event_retry_for"),
            linger: layers.duration("genesys.linger"),
            concurrency: layers.count("genesys.concurrency"),
            backoff_min: layers.duration("genesys.backoff_min"),
            backoff_max: layers.duration("genesys.backoff_max"),
        },
        lanes: Lanes {
            conversations: layers.flag("lanes.conversations"),
            presence: layers.flag("lanes.presence"),
            routing_status: layers.flag("lanes.routing_status"),
            out_of_office: layers.flag("lanes.out_of_office"),
        },
        state: State {
            interval: layers.duration("state.interval"),
            on_mismatch: if layers.text("state.on_mismatch") == "fresh" {
                OnMismatch::Fresh
            } else {
                OnMismatch::Stop
            },
            topic: layers.text("state.topic"),
        },
        memory: Memory {
            bound: layers.size("memory.bound"),
        },
        http: Http {
            listen: layers.address("http.listen"),
        },
        log: Log {
            format: if layers.text("log.format") == "json" {
                LogFormat::Json
            } else {
                LogFormat::Human
            },
            level: layers.text("log.level"),
        },
        warnings: layers.layers.warnings.clone(),
    })
}

/// Reads each secret: from its file, or from the environment, whichever layer is the higher one.
fn secrets(layers: &mut Layers) -> BTreeMap<String, SecretString> {
    let mut found = BTreeMap::new();
    for key in KEYS.iter().filter(|key| key.kind == Kind::Secret) {
        if let Some((Value::Text(secret), _)) = layers.get(&key.path()) {
            found.insert(key.path(), SecretString::from(secret.clone()));
            continue;
        }
        let file = format!("{}_file", key.path());
        let Some((Value::Text(path), origin)) = layers.get(&file).cloned() else {
            continue;
        };
        match std::fs::read_to_string(&path) {
            Ok(text) if text.trim().is_empty() => {
                layers.problem(
                    origin,
                    format!("{file}: {path} is empty; write the secret into it"),
                );
            }
            Ok(text) => {
                // An editor ends the line; the secret does not.
                let secret = text.trim_end_matches(['\r', '\n']);
                found.insert(key.path(), SecretString::from(secret));
            }
            Err(error) => {
                layers.problem(
                    origin,
                    format!("{file}: cannot read {path}: {error}; let the agent's user read it"),
                );
            }
        }
    }
    found
}

/// What no key can say alone.
fn together(layers: &mut Layers) {
    let text = |layers: &Layers, path: &str| match layers.get(path) {
        Some((Value::Text(text), _)) => text.clone(),
        _ => String::new(),
    };
    let region = text(layers, "genesys.region");
    if !region.is_empty() && Region::find(&region).is_none() {
        let names = REGIONS.iter().map(|region| region.name);
        let hint = match nearest(&region, names.clone()) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None => format!("the regions are {}", names.collect::<Vec<_>>().join(", ")),
        };
        layers.problem(
            layers.origin("genesys.region"),
            format!("genesys.region: {region:?} is no region; {hint}"),
        );
    }
    let protocol = text(layers, "kafka.security_protocol");
    let mechanism = text(layers, "kafka.sasl_mechanism");
    let at = |layers: &Layers, path: &str| layers.origin(path);
    if protocol.starts_with("sasl") && mechanism.is_empty() {
        let told = format!(
            "kafka.security_protocol is {protocol:?} and kafka.sasl_mechanism is not set; name the mechanism"
        );
        layers.problem(at(layers, "kafka.security_protocol"), told);
    }
    if !protocol.starts_with("sasl") && !mechanism.is_empty() {
        let told = format!(
            "kafka.sasl_mechanism is set and kafka.security_protocol is {protocol:?}; \
             write security_protocol = \"sasl_ssl\" or leave the mechanism out"
        );
        layers.problem(at(layers, "kafka.sasl_mechanism"), told);
    }
    needs(
        layers,
        &["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"],
        &["sasl_username", "sasl_password"],
    );
    needs(
        layers,
        &["OAUTHBEARER"],
        &["oauth_token_url", "oauth_client_id", "oauth_client_secret"],
    );
    if text(layers, "directory.users_by") == "external_id" && layers.get("directory.authority").is_none() {
        layers.problem(
            at(layers, "directory.users_by"),
            "directory.users_by is \"external_id\" and directory.authority is not set; name the authority of the users' \
             external ids",
        );
    }
    for (one, other) in [("certificate_file", "key_file"), ("key_file", "certificate_file")] {
        let (one, other) = (format!("kafka.{one}"), format!("kafka.{other}"));
        if layers.get(&one).is_some() && layers.get(&other).is_none() {
            layers.problem(
                at(layers, &one),
                format!("{one} is set and {other} is not; mutual TLS needs both"),
            );
        }
    }
    if let (Some((Value::Duration(low), _)), Some((Value::Duration(high), origin))) = (
        layers.get("genesys.backoff_min").cloned(),
        layers.get("genesys.backoff_max").cloned(),
    ) && high < low
    {
        layers.problem(
            origin,
            "genesys.backoff_max is shorter than genesys.backoff_min; make it the longer one",
        );
    }
    for path in [
        "state.interval",
        "genesys.backoff_min",
        "genesys.timeout",
        "genesys.connect_timeout",
    ] {
        if let Some((Value::Duration(Duration::ZERO), origin)) = layers.get(path).cloned() {
            layers.problem(origin, format!("{path} is zero; write a duration such as \"1s\""));
        }
    }
    if let Some((Value::Size(bytes), origin)) = layers.get("memory.bound").cloned()
        && bytes < LEAST_MEMORY
    {
        layers.problem(
            origin,
            "memory.bound is too small to work with; write at least \"8MiB\"",
        );
    }
    let country = text(layers, "conversation.country_code");
    if !country.bytes().all(|byte| byte.is_ascii_digit()) || country.len() > 3 || country.starts_with('0') {
        let told = format!(
            "conversation.country_code: {country:?} is no country code; write its digits such as \"49\""
        );
        layers.problem(at(layers, "conversation.country_code"), told);
    }
    for path in ["kafka.dead_letter_topic", "state.topic"] {
        let topic = text(layers, path);
        if !topic.contains("{topic}") {
            let told = format!(
                "{path}: {topic:?} does not hold {{topic}}, which keeps apart what belongs to each input topic; write it in"
            );
            layers.problem(at(layers, path), told);
        }
    }
}

/// Less than this holds no fetch and no request.
const LEAST_MEMORY: u64 = 8 << 20;

/// A login by one of `mechanisms` takes all of `keys`.
fn needs(layers: &mut Layers, mechanisms: &[&str], keys: &[&str]) {
    let Some((Value::Text(mechanism), origin)) = layers.get("kafka.sasl_mechanism").cloned() else {
        return;
    };
    if !mechanisms.contains(&mechanism.as_str()) {
        return;
    }
    for key in keys {
        let path = format!("kafka.{key}");
        let file = format!("{path}_file");
        if layers.get(&path).is_none() && layers.get(&file).is_none() {
            let secret = keys::find("kafka", key).is_some_and(|key| key.kind == Kind::Secret);
            let name = if secret { file } else { path };
            layers.problem(
                origin.clone(),
                format!("kafka.sasl_mechanism {mechanism} needs {name}, which is not set"),
            );
        }
    }
}

/// Typed looks at layers in which nothing is wrong.
struct Reader<'a> {
    layers: &'a Layers,
    secrets: BTreeMap<String, SecretString>,
}

impl Reader<'_> {
    fn value(&self, path: &str) -> Option<&Value> {
        self.layers.get(path).map(|(value, _)| value)
    }

    fn maybe_text(&self, path: &str) -> Option<String> {
        match self.value(path) {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }

    fn text(&self, path: &str) -> String {
        self.maybe_text(path).unwrap_or_default()
    }

    fn maybe_path(&self, path: &str) -> Option<PathBuf> {
        self.maybe_text(path).map(PathBuf::from)
    }

    fn list(&self, path: &str) -> Vec<String> {
        match self.value(path) {
            Some(Value::List(items)) => items.clone(),
            _ => Vec::new(),
        }
    }

    fn flag(&self, path: &str) -> bool {
        matches!(self.value(path), Some(Value::Flag(true)))
    }

    fn count(&self, path: &str) -> u64 {
        match self.value(path) {
            Some(Value::Count(number)) => *number,
            _ => 0,
        }
    }

    fn size(&self, path: &str) -> u64 {
        match self.value(path) {
            Some(Value::Size(bytes)) => *bytes,
            _ => 0,
        }
    }

    fn duration(&self, path: &str) -> Duration {
        match self.value(path) {
            Some(Value::Duration(duration)) => *duration,
            _ => Duration::ZERO,
        }
    }

    fn secret(&self, path: &str) -> Option<SecretString> {
        self.secrets.get(path).cloned()
    }

    fn address(&self, path: &str) -> SocketAddr {
        self.text(path)
            .parse()
            .expect("invariant: an address was read as one, and its key has a default")
    }

    fn start(&self, path: &str) -> Start {
        match self.text(path).as_str() {
            "earliest" => Start::Earliest,
            "latest" => Start::Latest,
            text => Start::At(Time::parse(text).expect("invariant: a start was read as one")),
        }
    }

    fn security_protocol(&self) -> SecurityProtocol {
        match self.text("kafka.security_protocol").as_str() {
            "ssl" => SecurityProtocol::Ssl,
            "sasl_plaintext" => SecurityProtocol::SaslPlaintext,
            "sasl_ssl" => SecurityProtocol::SaslSsl,
            _ => SecurityProtocol::Plaintext,
        }
    }
}
